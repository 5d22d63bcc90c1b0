//! `ask`: puts a question and takes a checked answer.
use serde::{Deserialize, Serialize};

use super::{
    answer::Answer,
    menu::{Question, Retries},
    parse::Parser,
};
use crate::{
    compile::{Compiler, ExitId},
    parts::Text,
    input::Message,
    turn::{Behaviour, Next, Resume, Takes, Turn},
};

/// Puts a question, waits, and checks the answer.
///
/// Exits: `ok`; `invalid` after the last retry; `timeout`.
///
/// ```json
/// {"id": "age", "kind": "ask", "config": {"text": "How old are you?", "answer": {"number": {"min": 1, "max": 120}}, "save": "age"},
///  "exits": [{"id": "ok", "to": "thanks"}, {"id": "invalid", "to": "human"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ask {
    /// The question.
    pub text: Text,
    /// What an answer looks like.
    #[serde(default)]
    pub answer: Answer,
    /// The variable that the answer goes to, as a value of its type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
    /// What happens after an answer that is none.
    #[serde(default)]
    pub retries: Retries,
    /// Seconds to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}

impl Ask {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        Box::new(Asking {
            question: Question::compile(compiler, &self.text, &self.retries, self.timeout_seconds),
            parser: Parser::compile(compiler, &self.answer),
            save: self.save.as_ref().and_then(|save| compiler.write("save", save)),
            ok: compiler.exit("ok"),
            invalid: compiler.needed_exit("invalid", "somebody may never give a right answer"),
            timeout: match self.timeout_seconds {
                Some(_) => compiler.needed_exit("timeout", "nobody may answer"),
                None => ExitId::NONE,
            },
        })
    }
}

#[derive(Debug)]
struct Asking {
    question: Question,
    parser: Parser,
    save: Option<u16>,
    ok: ExitId,
    invalid: ExitId,
    timeout: ExitId,
}

impl Behaviour for Asking {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        self.question.put(turn, self.parser.menu(), 0);
        self.question.wait(turn, 0)
    }

    fn takes(&self, turn: &Turn<'_>, message: &Message) -> Takes {
        match self.parser.parse(turn, message) {
            Some(_) if self.parser.menu().is_some() => Takes::Choice,
            Some(_) => Takes::Answer,
            None => Takes::Nothing,
        }
    }

    fn resume(&self, turn: &mut Turn<'_>, with: Resume<'_>) -> Next {
        match with {
            Resume::Message(message) => match self.parser.parse(turn, message) {
                Some(value) => {
                    if let Some(slot) = self.save {
                        turn.set(slot, value);
                    }
                    Next::Exit(self.ok)
                }
                None => self.question.reject(turn, self.parser.menu(), self.invalid),
            },
            Resume::Timeout => self.question.time_out(turn, self.timeout),
            _ => Next::Stay,
        }
    }
}
