//! `handoff`: a person takes over.
use serde::{Deserialize, Serialize};

use crate::{
    compile::{Compiler, ExitId},
    parts::Text,
    effect::Event,
    expr::{Template, Texts},
    state::Waits,
    turn::{Behaviour, Next, Resume, Turn},
};

/// Hands the chat to a person; the bot is silent until it is given back.
///
/// Exits: `next` when it is given back; `timeout`.
///
/// ```json
/// {"id": "human", "kind": "handoff", "config": {"queue": "sales", "note": "Wants size {{ size }}"},
///  "exits": [{"id": "next", "to": "goodbye"}]}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Handoff {
    /// The queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// What the person reads; a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What the contact is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub say: Option<Text>,
    /// Seconds after which the bot goes on by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}

impl Handoff {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        if let Some(queue) = &self.queue {
            compiler.known("queue", |known| &known.queues, queue);
        }
        Box::new(HandingOff {
            queue: self.queue.clone(),
            note: self.note.as_ref().map(|note| compiler.template("note", note)),
            say: self.say.as_ref().map(|say| compiler.texts("say", say)),
            seconds: self.timeout_seconds,
            next: compiler.exit("next"),
            timeout: match self.timeout_seconds {
                Some(_) => compiler.needed_exit("timeout", "nobody may give it back"),
                None => ExitId::NONE,
            },
        })
    }
}

#[derive(Debug)]
struct HandingOff {
    queue: Option<String>,
    note: Option<Template>,
    say: Option<Texts>,
    seconds: Option<u64>,
    next: ExitId,
    timeout: ExitId,
}

impl Behaviour for HandingOff {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        if let Some(say) = &self.say {
            let text = turn.text(say);
            turn.say(text);
        }
        let note = self.note.as_ref().map(|note| turn.template(note)).unwrap_or_default();
        turn.hand_off(self.queue.clone(), note);
        let seconds = self.seconds.or(turn.resume_after());
        turn.wait(Waits::Human, seconds.map(|seconds| turn.after(seconds)), 0)
    }

    fn resume(&self, turn: &mut Turn<'_>, with: Resume<'_>) -> Next {
        match with {
            Resume::Released => Next::Exit(self.next),
            Resume::Timeout if self.seconds.is_none() => Next::Exit(self.next),
            Resume::Timeout => {
                if let Some(at) = turn.at() {
                    turn.emit(Event::TimedOut { at });
                }
                Next::Exit(self.timeout)
            }
            _ => Next::Stay,
        }
    }
}
