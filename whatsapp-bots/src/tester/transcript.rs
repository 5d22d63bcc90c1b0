//! A chat as JSON that can be replayed: what the person does, and what is expected of the bot.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{Tester, Turn, effect_name};
use crate::{Body, Compiled, Contact, Input, Message, Outcome};

/// A chat: `{"lines": [{"user": "hi"}, {"expect": "Hello"}, {"advance": 60}]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transcript {
    /// What it shows.
    #[serde(default)]
    pub name: String,
    /// Who writes.
    #[serde(default)]
    pub contact: Contact,
    /// Where chance comes from.
    #[serde(default)]
    pub seed: u64,
    /// When it begins, milliseconds since the Unix epoch.
    #[serde(default = "monday")]
    pub now: i64,
    /// What happens.
    pub lines: Vec<Line>,
}

/// 2026-11-23T09:00:00Z, a Monday.
fn monday() -> i64 {
    1_795_424_400_000
}

/// One line of a chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Line {
    /// The person writes a text.
    User(String),
    /// The person presses a button or a row with that id.
    Choose(String),
    /// Any other input.
    Input(Input),
    /// The flow of that name starts, with params.
    Start {
        /// The flow; the first without one.
        #[serde(default)]
        flow: Option<String>,
        /// Values for its params.
        #[serde(default)]
        params: Map<String, Json>,
    },
    /// The request that is waited for is answered.
    Answer {
        /// The HTTP status; without one, there was no answer.
        #[serde(default)]
        status: Option<u16>,
        /// The body: JSON, or a text.
        #[serde(default)]
        body: Json,
    },
    /// So many seconds pass.
    Advance(u64),
    /// The bot said this next.
    Expect(String),
    /// The bot said nothing more.
    ExpectNothing(bool),
    /// Something else holds.
    Check(Expected),
}

/// What holds after the last line that did something. What is not given, is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Expected {
    /// How the conversation is: `fresh`, `waiting`, `awaitingResult`, `handedOff`, `done`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The way it took, as in [`Turn::path`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Vec<String>>,
    /// These are among the variables.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub variables: Map<String, Json>,
    /// These are among the effects, in this order: `handoff sales`, `tag vip`, `ended sold`, `log R001`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<String>,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// All turns.
    pub turns: Vec<Turn>,
    /// Where it went otherwise; none when all is as expected.
    pub differences: Vec<Difference>,
    /// Nodes that were entered, as `flow/node`, each once, in order.
    pub covered: Vec<String>,
}

/// A line that went otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The line, from 1.
    pub line: usize,
    /// What was expected.
    pub expected: String,
    /// What was there.
    pub found: String,
}

impl Transcript {
    /// Replays it.
    pub fn run(&self, bot: &Compiled) -> Report {
        let mut replay = Replay {
            tester: Tester::new(bot, self.contact.clone(), self.seed, self.now),
            turns: Vec::new(),
            last: 0,
            unheard: Vec::new(),
            differences: Vec::new(),
        };
        for (place, line) in self.lines.iter().enumerate() {
            replay.line(place + 1, line);
        }
        if let Some(unheard) = replay.unheard.first().cloned() {
            replay.differ(self.lines.len() + 1, "nothing more", unheard);
        }
        let mut covered = Vec::new();
        for step in replay.turns.iter().flat_map(|turn| &turn.path) {
            let node = step.split('>').next().unwrap_or_default();
            if !covered.iter().any(|known| known == node) {
                covered.push(node.to_owned());
            }
        }
        Report { turns: replay.turns, differences: replay.differences, covered }
    }
}

struct Replay<'b> {
    tester: Tester<'b>,
    turns: Vec<Turn>,
    /// Where the turns of the last line that did something begin.
    last: usize,
    unheard: Vec<String>,
    differences: Vec<Difference>,
}

impl Replay<'_> {
    fn line(&mut self, line: usize, what: &Line) {
        match what {
            Line::Expect(text) => match self.unheard.is_empty() {
                true => self.differ(line, text, "nothing".to_owned()),
                false => {
                    let said = self.unheard.remove(0);
                    if said != *text {
                        self.differ(line, text, said);
                    }
                }
            },
            Line::ExpectNothing(_) => {
                if let Some(said) = self.unheard.first().cloned() {
                    self.differ(line, "nothing", said);
                }
            }
            Line::Check(expected) => self.check(line, expected),
            Line::Advance(seconds) => {
                let turns = self.tester.advance(*seconds);
                self.took(turns);
            }
            Line::User(text) => {
                let turn = self.tester.say(text);
                self.took(vec![turn]);
            }
            Line::Answer { status, body } => {
                let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
                let outcome = match status {
                    Some(status) => Outcome::Answered { status: *status, body },
                    None => Outcome::Failed("refused".to_owned()),
                };
                let turn = self.tester.answer(outcome);
                self.took(vec![turn]);
            }
            Line::Choose(_) | Line::Input(_) | Line::Start { .. } => {
                let turn = self.tester.hear(&input(what));
                self.took(vec![turn]);
            }
        }
    }

    fn took(&mut self, turns: Vec<Turn>) {
        self.last = self.turns.len();
        self.unheard.extend(turns.iter().flat_map(|turn| turn.said.iter().cloned()));
        self.turns.extend(turns);
    }

    fn check(&mut self, line: usize, expected: &Expected) {
        let turns = &self.turns[self.last..];
        let status = turns.last().map_or("fresh", |turn| turn.status);
        let path: Vec<_> = turns.iter().flat_map(|turn| turn.path.clone()).collect();
        let variables = turns.last().map(|turn| turn.variables.clone()).unwrap_or_default();
        let effects: Vec<_> = turns.iter().flat_map(|turn| &turn.effects).map(effect_name).collect();
        if let Some(wanted) = expected.status.as_ref().filter(|wanted| **wanted != status) {
            self.differ(line, wanted, status.to_owned());
        }
        if let Some(wanted) = expected.path.as_ref().filter(|wanted| **wanted != path) {
            self.differ(line, &wanted.join(", "), path.join(", "));
        }
        for (name, wanted) in &expected.variables {
            let found = variables.get(name).unwrap_or(&Json::Null);
            if found != wanted {
                self.differ(line, &format!("{name} = {wanted}"), format!("{name} = {found}"));
            }
        }
        let mut left = effects.iter();
        for wanted in &expected.effects {
            if !left.any(|effect| effect == wanted) {
                self.differ(line, wanted, effects.join(", "));
            }
        }
    }

    fn differ(&mut self, line: usize, expected: &str, found: String) {
        self.differences.push(Difference { line, expected: expected.to_owned(), found });
    }
}

fn input(line: &Line) -> Input {
    match line {
        Line::Choose(id) => {
            let body = Body::Button { payload: id.clone() };
            Input::Message(Message { body, ..Message::default() })
        }
        Line::Start { flow, params } => Input::Start { flow: flow.clone(), params: params.clone() },
        Line::Input(input) => input.clone(),
        _ => Input::HumanReleased,
    }
}
