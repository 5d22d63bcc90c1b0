//! The bots that are measured, and the conversations with them.
//!
//! The first four do what goflow's own flows `ping_pong`, `node_loop`, `number_quiz` and `subflow` do. Where those go in a circle
//! without a wait, ours stand in a row: our validation refuses such a circle.
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use whatsapp_bots::{Compiled, Contact, Ctx, Definition, Effect, Input, Limits, Message, State, Step, step};

use crate::storage::Result;

/// When everything here happens.
pub(super) const NOW: i64 = 1_790_000_000_000;
/// Switches and sends of one turn.
const MANY: usize = 100;
/// Questions of the survey.
pub(super) const QUESTIONS: usize = 10;

/// A turn of the quiz: what is heard, and what has to be said to it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) heard: String,
    pub(super) said: Vec<String>,
}

/// The quiz as the peers know it, too.
pub(super) fn quiz_turns() -> Result<Vec<Said>> {
    Ok(serde_json::from_str(include_str!("../../peers-flows/quiz.json"))?)
}

/// A bot and what is said to it, again and again from the same state on.
#[derive(Debug)]
pub(super) struct Twin {
    pub(super) name: &'static str,
    pub(super) bot: Compiled,
    pub(super) from: State,
    pub(super) inputs: Vec<Input>,
    /// Is the state read from its bytes before each turn, and written to them after?
    pub(super) stored: bool,
}

/// What one conversation has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) turns: usize,
    /// Nodes that were entered.
    pub(super) steps: usize,
    pub(super) sends: usize,
}

impl Twin {
    /// All four, each checked to do what it has to.
    pub(super) fn all() -> Result<Vec<Self>> {
        let each = [
            (Self::waiting("W1 100 sub-flow switches", &switches(), false)?, (1, 2 * MANY + 1, 1)),
            (Self::waiting("W2 100 plain sends", &sends(), false)?, (1, MANY + 1, MANY + 1)),
            (Self::quiz()?, (4, 14, 7)),
            (Self::waiting("W4 call and return", &call(), true)?, (1, 3, 1)),
        ];
        let checked = each.into_iter().map(|(twin, (turns, steps, sends))| {
            let (found, expected) = (twin.tally(), Tally { turns, steps, sends });
            if found == expected {
                Ok(twin)
            } else {
                Err(format!("{}: {found:?} instead of {expected:?}", twin.name).into())
            }
        });
        checked.collect()
    }

    /// Started, and answered once in each turn.
    fn waiting(name: &'static str, definition: &Json, stored: bool) -> Result<Self> {
        let bot = compiled(definition)?;
        let start = Input::Start { flow: None, params: serde_json::Map::new() };
        let from = step(&bot, State::default(), &start, &ctx(&ada())).state;
        Ok(Self { name, bot, from, inputs: vec![Input::Message(Message::text("go on"))], stored })
    }

    /// From the word that starts it to its end, said as the peers say it.
    pub(super) fn quiz() -> Result<Self> {
        let turns = quiz_turns()?;
        let inputs = turns.iter().map(|turn| Input::Message(Message::text(&turn.heard))).collect();
        let (bot, from) = (compiled(&quiz())?, State::default());
        let quiz = Self { name: "W3 quiz", bot, from, inputs, stored: true };
        let said: Vec<String> = quiz.steps().iter().flat_map(|step| texts(&step.effects)).collect();
        let expected: Vec<String> = turns.into_iter().flat_map(|turn| turn.said).collect();
        if said != expected {
            return Err(format!("the quiz said {said:?}").into());
        }
        Ok(quiz)
    }

    /// All turns of one conversation.
    pub(super) fn steps(&self) -> Vec<Step> {
        let (contact, mut state) = (ada(), self.from.clone());
        let steps = self.inputs.iter().map(|input| {
            let taken = step(&self.bot, state.clone(), input, &ctx(&contact));
            state = taken.state.clone();
            taken
        });
        steps.collect()
    }

    pub(super) fn tally(&self) -> Tally {
        self.steps().iter().fold(Tally::default(), |tally, step| Tally {
            turns: tally.turns + 1,
            steps: tally.steps + step.trace.iter().filter(|visit| visit.entered).count(),
            sends: tally.sends + sends_of(&step.effects),
        })
    }
}

pub(super) fn sends_of(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Send { .. })).count()
}

fn texts(effects: &[Effect]) -> Vec<String> {
    let texts = effects.iter().filter_map(|effect| match effect {
        Effect::Send { content, .. } => content.as_text().map(str::to_owned),
        _ => None,
    });
    texts.collect()
}

/// A bot that may do more in a turn than bots of people.
pub(super) fn compiled(definition: &Json) -> Result<Compiled> {
    let definition = Definition::from_json(&definition.to_string())?;
    let limits = Limits {
        turn_steps: 1_000,
        session_steps: u64::MAX,
        sends: 1_000,
        visits: 1_000,
        unanswered: 1_000,
        ..Limits::default()
    };
    Ok(Compiled::new(&definition, 1)?.with_limits(limits))
}

pub(super) fn ada() -> Contact {
    let (name, phone) = ("Ada".to_owned(), "+5511900000001".to_owned());
    Contact { name, phone, language: "en".to_owned(), ..Contact::default() }
}

pub(super) const fn ctx(contact: &Contact) -> Ctx<'_> {
    Ctx { now: NOW, seed: 7, contact }
}

/// A bot of these flows, the first of which a word starts.
pub(super) fn bot(id: &str, flows: &Json) -> Json {
    json!({
        "format": 1, "bot": {"id": id, "language": "en"}, "flows": flows,
        "triggers": [{"id": "word", "on": {"keyword": {"words": [id]}}, "flow": flows[0]["id"]}],
    })
}

pub(super) fn ask(id: &str, text: &str, to: &str) -> Json {
    json!({"id": id, "kind": "ask", "config": {"text": text, "save": id}, "exits": [
        {"id": "ok", "to": to}, {"id": "invalid", "to": to}]})
}

/// Nodes in a row, after a question and back to it.
fn row(node: impl Fn(String, String) -> Json) -> Json {
    let mut nodes = vec![ask("again", "Again?", "n0")];
    nodes.extend((0..MANY).map(|place| {
        let to = if place + 1 == MANY { "again".to_owned() } else { format!("n{}", place + 1) };
        node(format!("n{place}"), to)
    }));
    json!({"id": "main", "entry": "again", "nodes": nodes})
}

fn switches() -> Json {
    let ping = row(
        |id, to| json!({"id": id, "kind": "call_flow", "config": {"flow": "pong"}, "exits": [{"id": "next", "to": to}]}),
    );
    bot("ping", &json!([ping, {"id": "pong", "entry": "back", "nodes": [{"id": "back", "kind": "return"}]}]))
}

fn sends() -> Json {
    let say = row(
        |id, to| json!({"id": id, "kind": "say", "config": {"text": "Hey there, what's up?"}, "exits": [{"id": "next", "to": to}]}),
    );
    bot("loop", &json!([say]))
}

fn call() -> Json {
    bot(
        "call",
        &json!([
            {"id": "main", "entry": "again", "nodes": [
                ask("again", "Again?", "child"),
                {"id": "child", "kind": "call_flow", "config": {"flow": "child", "with": {"said": {"value": "{{ again }}"}}, "save": "back"},
                 "exits": [{"id": "next", "to": "again"}]},
            ]},
            {"id": "child", "entry": "back", "params": ["said"], "returns": ["text"], "nodes": [
                {"id": "back", "kind": "return", "config": {"values": {"text": {"value": "You said {{ said }}."}}}},
            ]},
        ]),
    )
}

/// A number is guessed: a checked answer, an expression, a branch, and a text with three variables in each turn.
pub(super) fn quiz() -> Json {
    let set = |id: &str, values: Json, to: &str| json!({"id": id, "kind": "set", "config": {"values": values}, "exits": [{"id": "next", "to": to}]});
    let say = |id: &str, text: &str, to: Option<&str>| json!({"id": id, "kind": "say", "config": {"text": text}, "exits": [{"id": "next", "to": to}]});
    let case =
        |id: &str, is: &str| json!({"id": id, "when": {"test": {"path": "guess", "is": is, "value": 42}}});
    bot(
        "quiz",
        &json!([{"id": "quiz", "entry": "begin", "nodes": [
            set("begin", json!([{"to": "tries", "from": {"value": 0}}]), "hello"),
            say("hello", "I have a number from 1 to 100.", Some("guess")),
            {"id": "guess", "kind": "ask", "config": {"text": "Your guess?", "answer": {"number": {"min": 1, "max": 100, "whole": true}}, "save": "guess"},
             "exits": [{"id": "ok", "to": "count"}, {"id": "invalid"}]},
            set("count", json!([{"to": "tries", "from": {"expr": "tries + 1"}}]), "compare"),
            {"id": "compare", "kind": "branch", "config": {"cases": [case("right", "equal"), case("low", "less")]},
             "exits": [{"id": "right", "to": "right"}, {"id": "low", "to": "low"}, {"id": "else", "to": "high"}]},
            say("low", "{{ guess }} is too low, {{ contact.name }}: try {{ tries }}.", Some("guess")),
            say("high", "{{ guess }} is too high, {{ contact.name }}: try {{ tries }}.", Some("guess")),
            say("right", "Yes, {{ contact.name }}: it is {{ guess }}, after {{ tries }} tries.", None),
        ]}]),
    )
}

/// Ten questions as a shop asks them, with what people answer.
pub(super) fn survey(expires: bool) -> (Json, [&'static str; QUESTIONS]) {
    let texts = [
        ("Your full name?", json!({"text": {}}), "Maria Aparecida da Silva"),
        ("Your e-mail address?", json!("email"), "maria.aparecida.silva@example.com"),
        ("Your telephone number?", json!({"phone": {"countryCode": "55"}}), "(11) 91234-5678"),
        ("When were you born?", json!({"date": {}}), "24/11/1984"),
        ("Street and number?", json!({"text": {}}), "Rua das Laranjeiras, 1234, apartamento 56"),
        ("Which city?", json!({"text": {}}), "São José dos Campos"),
        ("How many do you want?", json!({"number": {"min": 1, "max": 99, "whole": true}}), "12"),
        (
            "Which size?",
            json!({"choice": {"options": [{"id": "small", "label": "Small"}, {"id": "large", "label": "Large"}]}}),
            "large",
        ),
        ("When should it come?", json!({"date": {}}), "1/12/2026"),
        (
            "Anything that we should know?",
            json!({"text": {}}),
            "Please ring twice, the bell is hard to hear in the garden.",
        ),
    ];
    let nodes = texts.iter().enumerate().map(|(place, (text, answer, _))| {
        let to = if place + 1 == QUESTIONS { "thanks".to_owned() } else { format!("q{}", place + 1) };
        json!({"id": format!("q{place}"), "kind": "ask", "config": {"text": text, "answer": answer, "save": format!("answer_{place}")},
               "exits": [{"id": "ok", "to": to}, {"id": "invalid", "to": "thanks"}]})
    });
    let mut nodes: Vec<Json> = nodes.collect();
    let thanks = "Thank you, {{ answer_0 }}: {{ answer_6 }} in {{ answer_7 }} for {{ answer_5 }}.";
    nodes.push(json!({"id": "thanks", "kind": "say", "config": {"text": thanks}, "exits": [{"id": "next"}]}));
    let mut flow = json!({"id": "survey", "entry": "q0", "nodes": nodes});
    if expires {
        flow["expire"] = json!({"afterSeconds": 86_400});
    }
    (bot("survey", &json!([flow])), texts.map(|(.., said)| said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_do_what_they_have_to() {
        assert_eq!(Twin::all().unwrap().len(), 4);
    }

    #[test]
    fn a_survey_takes_its_answers() {
        let (definition, said) = survey(true);
        let bot = compiled(&definition).unwrap();
        let (contact, mut state) = (ada(), State::default());
        for text in std::iter::once("survey").chain(said) {
            let taken = step(&bot, state, &Input::Message(Message::text(text)), &ctx(&contact));
            assert_eq!(sends_of(&taken.effects), 1, "{text}");
            state = taken.state;
        }
        assert_eq!(state.outcome(), Some("completed"));
    }
}
