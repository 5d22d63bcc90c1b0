//! `wait`: lets time pass.
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::{
    compile::{Compiler, ExitId},
    expr,
    state::Waits,
    finding::Code,
    input::Message,
    turn::{Behaviour, Next, Resume, Takes, Turn},
};

/// Waits for a time, a reply, or an event, whichever comes first.
///
/// Exits: `next` when the time is over, `reply`, `event`. What somebody writes during a wait that is not for a reply is
/// kept for the next question.
///
/// ```json
/// {"id": "later", "kind": "wait", "config": {"seconds": 3600, "reply": true},
///  "exits": [{"id": "next", "to": "remind"}, {"id": "reply", "to": "thanks"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wait {
    /// How long; without a number, until something comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Does a reply end it?
    #[serde(default)]
    pub reply: bool,
    /// The event that ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The variable that the text of the reply or the data of the event go to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
}

/// Seconds of a wait: a year.
const LONGEST: u64 = 366 * 86_400;

impl Wait {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        match self.seconds {
            None if !self.reply && self.event.is_none() => {
                compiler.find(Code::E001, "", "it would wait for ever: give seconds, a reply, or an event");
            }
            Some(seconds) if seconds > LONGEST => {
                compiler.find(Code::E001, "seconds", "at most a year");
            }
            Some(seconds) if seconds > 86_400 => {
                compiler.find(Code::W110, "seconds", "after more than a day some accounts may only send templates");
            }
            _ => {}
        }
        Box::new(Waiting {
            seconds: self.seconds,
            event: self.event.clone(),
            save: self.save.as_ref().and_then(|save| compiler.write("save", save)),
            next: self.seconds.map_or(ExitId::NONE, |_| compiler.exit("next")),
            reply: self.reply.then(|| compiler.exit("reply")),
            event_exit: self.event.as_ref().map_or(ExitId::NONE, |_| compiler.exit("event")),
        })
    }
}

#[derive(Debug)]
struct Waiting {
    seconds: Option<u64>,
    event: Option<String>,
    save: Option<u16>,
    next: ExitId,
    reply: Option<ExitId>,
    event_exit: ExitId,
}

impl Behaviour for Waiting {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        if self.seconds == Some(0) {
            return Next::Exit(self.next);
        }
        let on = if self.reply.is_some() { Waits::Reply } else { Waits::Time };
        turn.wait(on, self.seconds.map(|seconds| turn.after(seconds)), 0)
    }

    fn takes(&self, _turn: &Turn<'_>, _message: &Message) -> Takes {
        if self.reply.is_some() { Takes::Answer } else { Takes::Nothing }
    }

    fn resume(&self, turn: &mut Turn<'_>, with: Resume<'_>) -> Next {
        match (with, self.reply) {
            (Resume::Message(message), Some(exit)) => {
                let text = message.seen();
                self.save(turn, Json::String(text[..text.floor_char_boundary(expr::KEPT)].to_owned()));
                Next::Exit(exit)
            }
            (Resume::Event { name, data }, _) if self.awaits(name) => {
                self.save(turn, data.clone());
                Next::Exit(self.event_exit)
            }
            (Resume::Timeout, _) => Next::Exit(self.next),
            _ => Next::Stay,
        }
    }

    fn awaits(&self, event: &str) -> bool {
        self.event.as_deref() == Some(event)
    }
}

impl Waiting {
    fn save(&self, turn: &mut Turn<'_>, value: Json) {
        if let Some(slot) = self.save {
            turn.set(slot, value);
        }
    }
}
