//! Questions with options.
use serde_json::Value as Json;

use super::{Block, Import};
use crate::{
    definition::{Source, Text},
    fold,
    import::{Code, ImportError, draft::exit, list, required, text},
    nodes::{Answer, Ask, Choose, ChooseFrom, Kind, MenuOption, Style},
};

impl<'j> Import<'j, '_> {
    pub(super) fn choice(&mut self, block: &Block<'j>) -> Result<(), ImportError> {
        let items = list(block.json, "items", &block.path)?;
        let is = |key: &str| block.option(key).as_bool() == Some(true);
        let list = self.variables.of(block.option("dynamicVariableId"));
        if let Some(list) = list.filter(|_| !is("isMultipleChoice")) {
            self.listed(block, list);
            return Ok(());
        }
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
        if is("isMultipleChoice") {
            self.several(block, items);
            return Ok(());
        }
        self.one(block, items)
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
        let text = self.question(block);
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

    /// Options that a variable holds.
    fn listed(&mut self, block: &Block<'j>, list: String) {
        let text = Text::One(self.question(block));
        let (save, retries) = (self.saved(block), self.retries(block));
        let mut exits = self.answered(block, "chosen");
        exits.push(exit("empty", block.next.clone()));
        let (id, label, description, save_item, timeout_seconds) = Default::default();
        let style = Style::Auto;
        let from = ChooseFrom {
            text,
            list,
            id,
            label,
            description,
            style,
            save,
            save_item,
            retries,
            timeout_seconds,
        };
        self.draft.push(block.id, Kind::ChooseFrom(from), exits);
    }

    /// Several of the options: what is saved is what people see, with commas between.
    fn several(&mut self, block: &Block<'j>, items: &'j [Json]) {
        let mut options: Vec<MenuOption> = Vec::new();
        for (place, item) in items.iter().enumerate() {
            let label = self.label(item, place, block);
            let id = self.value(item, &label, block);
            options.push(MenuOption { id, label: Text::One(label), description: None, words: None });
        }
        let text = self.question(block);
        if !are_plain(&options) {
            return self.several_as_text(block, text, &options);
        }
        let (answer, retries) = (Answer::Choices { options, min: None, max: None }, self.retries(block));
        let save = self.saved(block);
        let mut exits = self.answered(block, "ok");
        if let (Some(name), Some(ok)) = (&save, exits.first_mut()) {
            let set = format!("{}.joined", block.id);
            let next = ok.to.replace(set.clone());
            self.draft.set(&set, name, Source::Expr(format!("{name} | join(', ')")), next);
        }
        let ask = Ask { text: Text::One(text), answer, save, retries, timeout_seconds: None };
        self.draft.push(block.id, Kind::Ask(ask), exits);
    }

    /// Options with placeholders in them are written out, and the answer is taken as text.
    fn several_as_text(&mut self, block: &Block<'j>, text: String, options: &[MenuOption]) {
        self.differs(block, "several options are asked for as a text, which is not checked");
        let lines = options.iter().filter_map(|option| match &option.label {
            Text::One(label) => Some(format!("- {label}")),
            Text::Each(_) => None,
        });
        let text = std::iter::once(text).chain(lines).collect::<Vec<_>>().join("\n");
        let (save, retries) = (self.saved(block), self.retries(block));
        let exits = self.answered(block, "ok");
        let ask =
            Ask { text: Text::One(text), answer: Answer::default(), save, retries, timeout_seconds: None };
        self.draft.push(block.id, Kind::Ask(ask), exits);
    }

    /// The text before it, or something in its place.
    fn question(&mut self, block: &Block<'j>) -> String {
        let question = block.question.map(|bubble| self.rich(bubble, block));
        let text = question.filter(|text| !text.trim().is_empty());
        text.unwrap_or_else(|| self.placeholder(block))
    }
}

/// Are options told apart by what they say, without placeholders?
fn are_plain(options: &[MenuOption]) -> bool {
    let mut said = std::collections::BTreeSet::new();
    let plain = |text: &str| !text.contains(['{', '}']) && !text.trim().is_empty();
    options.len() <= 99
        && options.iter().all(|option| {
            let Text::One(label) = &option.label else { return false };
            let folded = fold::words(label);
            // Commas stand between options.
            plain(label)
                && plain(&option.id)
                && !label.contains([',', ';'])
                && !folded.is_empty()
                && said.insert(folded)
        })
}

fn is_dynamic_picture(block: &Block<'_>) -> bool {
    block.option("dynamicItems").get("isEnabled").and_then(Json::as_bool) == Some(true)
}
