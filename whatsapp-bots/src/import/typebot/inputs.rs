//! Questions.
use serde_json::Value as Json;

use super::{Block, Import};
use crate::{
    definition::{Exit, Text},
    import::{ImportError, draft::exit, text},
    nodes::{Answer, Ask, DateOrder, Kind, Retries, Wait},
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
            "time input" => Answer::Time { min: None, max: None },
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
    pub(super) fn placeholder(&mut self, block: &Block<'j>) -> String {
        self.differs(block, "it had no text before it, and a question needs one; write it");
        let label = block.option("labels").get("placeholder").unwrap_or(&Json::Null);
        self.optional_text(label, block).unwrap_or_else(|| "?".to_owned())
    }

    pub(super) fn retries(&mut self, block: &Block<'j>) -> Retries {
        let say = self.optional_text(block.option("retryMessageContent"), block).map(Text::One);
        Retries { say, ..Retries::default() }
    }

    /// The exits of a question: it is put again for as long as there is no answer.
    pub(super) fn answered(&self, block: &Block<'j>, ok: &str) -> Vec<Exit> {
        vec![exit(ok, block.next.clone()), exit("invalid", Some(block.id.to_owned()))]
    }
}
