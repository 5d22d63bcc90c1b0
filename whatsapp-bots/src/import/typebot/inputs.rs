//! Questions.
use serde_json::Value as Json;

use super::{Block, Import};
use crate::{
    definition::{Exit, Source, Text},
    import::{Code, ImportError, draft::exit, list, required, text},
    nodes::{Answer, Ask, Choose, DateOrder, Kind, MenuOption, Retries, Style, Wait},
};

/// Does a text before this block belong to it?
pub(super) fn takes_a_question(block: &Json) -> bool {
    matches!(
        text(block, "type"),
        "text input"
            | "number input"
            | "email input"
            | "url input"
            | "date input"
            | "time input"
            | "phone number input"
            | "choice input"
            | "picture choice input"
            | "rating input"
            | "file input"
    )
}

impl<'j> Import<'j, '_> {
    pub(super) fn input(&mut self, block: &Block<'j>) -> Result<(), ImportError> {
        match block.kind {
            "choice input" | "picture choice input" => self.choice(block),
            _ => {
                let answer = self.answer(block);
                self.ask(block, answer);
                Ok(())
            }
        }
    }

    fn answer(&mut self, block: &Block<'j>) -> Answer {
        let number = |key: &str| block.option(key).as_f64();
        match block.kind {
            "number input" => Answer::Number { min: number("min"), max: number("max"), whole: false },
            "rating input" => {
                let zero = block.option("buttonType").as_str() == Some("Numbers");
                let first = if zero { 0.0 } else { 1.0 };
                self.differs(block, "a rating is asked for as a number");
                Answer::Number {
                    min: number("startsAt").or(Some(first)),
                    max: number("length").or(Some(10.0)),
                    whole: true,
                }
            }
            "email input" => Answer::Email,
            "url input" => Answer::Url,
            "phone number input" => {
                self.differs(block, "numbers need their calling code; set the bot's own for this question");
                Answer::Phone { country_code: None }
            }
            "date input" => {
                let is = |key: &str| block.option(key).as_bool() == Some(true);
                if is("isRange") || is("hasTime") {
                    self.differs(block, "one date is asked for, without a time");
                }
                Answer::Date { min: None, max: None, order: DateOrder::default() }
            }
            "file input" => {
                if block.option("isMultipleAllowed").as_bool() == Some(true) {
                    self.differs(block, "one file is asked for");
                }
                Answer::File { kinds: Vec::new(), mimes: Vec::new(), max_bytes: None }
            }
            "time input" => {
                self.differs(block, "a time is taken as it is written");
                Answer::default()
            }
            _ => Answer::default(),
        }
    }

    fn ask(&mut self, block: &Block<'j>, answer: Answer) {
        let save = self.saved(block);
        let is_any = answer == Answer::default();
        let question = block.question.map(|bubble| self.rich(bubble, block));
        let text = match question.filter(|text| !text.trim().is_empty()) {
            Some(text) => text,
            // Any answer will do, and nothing has to be said.
            None if is_any => {
                let wait = Wait { seconds: None, reply: true, event: None, save };
                let exits = vec![exit("reply", block.next.clone())];
                return self.draft.push(block.id, Kind::Wait(wait), exits);
            }
            None => self.placeholder(block),
        };
        let retries = self.retries(block);
        let exits = self.answered(block, "ok");
        let ask = Ask { text: Text::One(text), answer, save, retries, timeout_seconds: None };
        self.draft.push(block.id, Kind::Ask(ask), exits);
    }

    /// A question where the bot had none.
    fn placeholder(&mut self, block: &Block<'j>) -> String {
        self.differs(block, "it had no text before it, and a question needs one; write it");
        let label = block.option("labels").get("placeholder").unwrap_or(&Json::Null);
        self.optional_text(label, block).unwrap_or_else(|| "?".to_owned())
    }

    fn retries(&mut self, block: &Block<'j>) -> Retries {
        let say = self.optional_text(block.option("retryMessageContent"), block).map(Text::One);
        Retries { say, ..Retries::default() }
    }

    /// The exits of a question: it is put again for as long as there is no answer.
    fn answered(&self, block: &Block<'j>, ok: &str) -> Vec<Exit> {
        vec![exit(ok, block.next.clone()), exit("invalid", Some(block.id.to_owned()))]
    }

    fn choice(&mut self, block: &Block<'j>) -> Result<(), ImportError> {
        let items = list(block.json, "items", &block.path)?;
        let is = |key: &str| block.option(key).as_bool() == Some(true);
        let is_dynamic = !block.option("dynamicVariableId").is_null() || is_dynamic_picture(block);
        if is_dynamic || items.is_empty() {
            self.unknown(block, Code::I101, "options that are made while the bot runs are not carried over");
            return Ok(());
        }
        if block.kind == "picture choice input" {
            self.differs(block, "the options are shown without their pictures");
        }
        if items.iter().any(|item| !item.get("displayCondition").unwrap_or(&Json::Null).is_null()) {
            self.differs(block, "all options are shown, whatever their conditions say");
        }
        if is("isMultipleChoice") { self.several(block, items) } else { self.one(block, items) }
    }

    fn label(&mut self, item: &'j Json, place: usize, block: &Block<'j>) -> String {
        let source = [text(item, "title"), text(item, "content"), text(item, "value")];
        let source = source.into_iter().find(|source| !source.trim().is_empty());
        match source {
            Some(source) => self.template(source, block),
            None => (place + 1).to_string(),
        }
    }

    /// What an option saves: its value, or what people see.
    fn value(&mut self, item: &'j Json, label: &str, block: &Block<'j>) -> String {
        let value = item.get("value").unwrap_or(&Json::Null);
        self.optional_text(value, block).unwrap_or_else(|| label.to_owned())
    }

    fn one(&mut self, block: &Block<'j>, items: &'j [Json]) -> Result<(), ImportError> {
        let save = self.saved(block);
        let question = block.question.map(|bubble| self.rich(bubble, block));
        let text = question.filter(|text| !text.trim().is_empty());
        let text = text.unwrap_or_else(|| self.placeholder(block));
        let (mut options, mut exits, mut sets) = (Vec::new(), Vec::new(), Vec::new());
        for (place, item) in items.iter().enumerate() {
            let path = format!("{}.items[{place}]", block.path);
            let id = required(item, "id", &path)?;
            let label = self.label(item, place, block);
            let target = self.edge(item, &path, block.id).unwrap_or_else(|| block.next.clone());
            let target = match &save {
                // Our menus save ids; the bot goes on with what people saw.
                Some(name) => {
                    let set = format!("{}.{id}", block.id);
                    let value = self.value(item, &label, block);
                    sets.push((set.clone(), name.clone(), value, target));
                    Some(set)
                }
                None => target,
            };
            let description = self.optional_text(item.get("description").unwrap_or(&Json::Null), block);
            let (label, description) = (Text::One(label), description.map(Text::One));
            options.push(MenuOption { id: id.to_owned(), label, description, words: None });
            exits.push(exit(id, target));
        }
        exits.push(exit("invalid", Some(block.id.to_owned())));
        let retries = self.retries(block);
        let text = Text::One(text);
        let choose = Choose { text, options, style: Style::Auto, save: None, retries, timeout_seconds: None };
        self.draft.push(block.id, Kind::Choose(choose), exits);
        for (id, name, value, next) in sets {
            self.draft.set(&id, &name, Source::Value(Json::String(value)), next);
        }
        Ok(())
    }

    /// Several of the options: our menus take one, so that they are written out and the answer is taken as text.
    fn several(&mut self, block: &Block<'j>, items: &'j [Json]) -> Result<(), ImportError> {
        self.differs(block, "several options are asked for as a text, which is not checked");
        let question = block.question.map(|bubble| self.rich(bubble, block)).unwrap_or_default();
        let mut lines = vec![question];
        for (place, item) in items.iter().enumerate() {
            lines.push(format!("- {}", self.label(item, place, block)));
        }
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.trim().is_empty()).collect();
        let save = self.saved(block);
        let retries = self.retries(block);
        let exits = self.answered(block, "ok");
        let text = Text::One(lines.join("\n"));
        let ask = Ask { text, answer: Answer::default(), save, retries, timeout_seconds: None };
        self.draft.push(block.id, Kind::Ask(ask), exits);
        Ok(())
    }
}

fn is_dynamic_picture(block: &Block<'_>) -> bool {
    block.option("dynamicItems").get("isEnabled").and_then(Json::as_bool) == Some(true)
}
