//! `choose`: puts options before somebody.
use serde::{Deserialize, Serialize};

use super::{
    menu::{MenuOption, MenuPlan, Question, Retries},
};
use crate::{
    compile::{Compiler, ExitId},
    effect::Style,
    parts::Text,
    finding::MAX_EXITS,
    input::Message,
    turn::{Behaviour, Next, Resume, Takes, Turn},
};

/// Puts options before somebody and waits. An answer is an option's id (of a button or a row), its number, its label, or one
/// of its words.
///
/// Exits: the option's id if the node has such an exit, else `chosen`; `invalid` after the last retry; `timeout`.
///
/// ```json
/// {"id": "size", "kind": "choose", "config": {"text": "Which size?", "save": "size", "options": [
///   {"id": "s", "label": "Small"}, {"id": "l", "label": "Large", "words": ["big"]}]},
///  "exits": [{"id": "chosen", "to": "order"}, {"id": "invalid", "to": "human"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Choose {
    /// The question.
    pub text: Text,
    /// The options.
    pub options: Vec<MenuOption>,
    /// How they are shown.
    #[serde(default)]
    pub style: Style,
    /// The variable that the option's id goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
    /// What happens after an answer that is none.
    #[serde(default)]
    pub retries: Retries,
    /// Seconds to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}

impl Choose {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let own: Vec<_> = self.options.iter().take(MAX_EXITS).map(|option| compiler.optional_exit(&option.id)).collect();
        let chosen = match own.contains(&ExitId::NONE) {
            true => compiler.needed_exit("chosen", "an option without an exit of its own goes on by it"),
            false => ExitId::NONE,
        };
        let exits = self.options.iter().map(|option| option.id.clone()).zip(own);
        Box::new(Choosing {
            question: Question::compile(compiler, &self.text, &self.retries, self.timeout_seconds),
            menu: MenuPlan::compile(compiler, &self.options, self.style),
            save: self.save.as_ref().and_then(|save| compiler.write("save", save)),
            exits: exits.filter(|(_, exit)| *exit != ExitId::NONE).collect(),
            chosen,
            invalid: compiler.needed_exit("invalid", "somebody may never choose"),
            timeout: match self.timeout_seconds {
                Some(_) => compiler.needed_exit("timeout", "nobody may answer"),
                None => ExitId::NONE,
            },
        })
    }
}

#[derive(Debug)]
struct Choosing {
    question: Question,
    menu: MenuPlan,
    save: Option<u16>,
    /// Of the options that have one.
    exits: Vec<(String, ExitId)>,
    chosen: ExitId,
    invalid: ExitId,
    timeout: ExitId,
}

impl Behaviour for Choosing {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        self.question.put(turn, Some(&self.menu), 0);
        self.question.wait(turn, 0)
    }

    fn takes(&self, turn: &Turn<'_>, message: &Message) -> Takes {
        if self.menu.chosen(turn, message).is_some() { Takes::Choice } else { Takes::Nothing }
    }

    fn resume(&self, turn: &mut Turn<'_>, with: Resume<'_>) -> Next {
        match with {
            Resume::Message(message) => match self.menu.chosen(turn, message) {
                Some(id) => {
                    if let Some(slot) = self.save {
                        turn.set(slot, id.into());
                    }
                    let own = self.exits.iter().find(|(option, _)| option == id);
                    Next::Exit(own.map_or(self.chosen, |(_, exit)| *exit))
                }
                None => self.question.reject(turn, Some(&self.menu), self.invalid),
            },
            Resume::Timeout => self.question.time_out(turn, self.timeout),
            _ => Next::Stay,
        }
    }
}
