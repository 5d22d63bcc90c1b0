//! `choose_from`: puts the items of a list before somebody.
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{
    menu::{MOST, Offers, Question, Retries, show},
    selection::{self, Called},
};
use crate::{
    compile::{Compiler, ExitId},
    parts::Text,
    effect::{Choice, Style},
    expr::{Key, Path, Written, descend},
    fold,
    input::Message,
    finding::Code,
    turn::{Behaviour, Next, Resume, Takes, Turn},
};

/// Puts the items of a list before somebody and waits: what a request came back with, for example. An answer is an item's id,
/// its number, or its label. Of more than 99 items the first 99 are shown.
///
/// An item is a text, a number, or an object of which `id`, `label` and `description` name the parts; without an `id`, the
/// label is one.
///
/// Exits: `chosen`; `invalid` after the last retry; `empty` when there is nothing to choose from; `timeout`.
///
/// ```json
/// {"id": "slot", "kind": "choose_from", "config": {"text": "When?", "list": "slots", "id": "code", "label": "starts_at", "save": "slot"},
///  "exits": [{"id": "chosen", "to": "book"}, {"id": "invalid", "to": "human"}, {"id": "empty", "to": "sorry"}]}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChooseFrom {
    /// The question.
    pub text: Text,
    /// The path of the list, such as `answer.slots`.
    pub list: String,
    /// The part of an item that is its id, such as `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The part of an item that people see; without one, the whole item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The part of an item that stands in the second line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How they are shown.
    #[serde(default)]
    pub style: Style,
    /// The variable that the id goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save: Option<String>,
    /// The variable that the whole item goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub save_item: Option<String>,
    /// What happens after an answer that is none.
    #[serde(default)]
    pub retries: Retries,
    /// Seconds to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}

impl ChooseFrom {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let list = ListPlan {
            list: compiler.path("list", &self.list),
            id: part(compiler, "id", self.id.as_deref()),
            label: part(compiler, "label", self.label.as_deref()).unwrap_or_default(),
            description: part(compiler, "description", self.description.as_deref()),
            style: self.style,
        };
        Box::new(ChoosingFrom {
            question: Question::compile(compiler, &self.text, &self.retries, self.timeout_seconds),
            list,
            save: self.save.as_ref().and_then(|save| compiler.write("save", save)),
            save_item: self.save_item.as_ref().and_then(|save| compiler.write("saveItem", save)),
            chosen: compiler.exit("chosen"),
            empty: compiler.needed_exit("empty", "there may be nothing to choose from"),
            invalid: compiler.needed_exit("invalid", "somebody may never choose"),
            timeout: match self.timeout_seconds {
                Some(_) => compiler.needed_exit("timeout", "nobody may answer"),
                None => ExitId::NONE,
            },
        })
    }
}

/// Where in an item something stands.
fn part(compiler: &mut Compiler<'_>, field: &str, text: Option<&str>) -> Option<Vec<Key>> {
    let keys = Written::parse(&format!("item.{}", text?)).map(|written| written.keys);
    if keys.is_none() {
        compiler.find(Code::E010, field, "this is no part of an item; one is like `code` or `price.text`");
    }
    keys
}

#[derive(Debug)]
struct ChoosingFrom {
    question: Question,
    list: ListPlan,
    save: Option<u16>,
    save_item: Option<u16>,
    chosen: ExitId,
    invalid: ExitId,
    empty: ExitId,
    timeout: ExitId,
}

#[derive(Debug)]
struct ListPlan {
    list: Option<Path>,
    id: Option<Vec<Key>>,
    label: Vec<Key>,
    description: Option<Vec<Key>>,
    style: Style,
}

impl ListPlan {
    /// What can be chosen now, with the items that it is made of. What has no label, or an id that was there, is left out.
    fn choices(&self, turn: &Turn<'_>) -> Vec<(Choice, Json)> {
        let view = turn.view();
        let list = self.list.as_ref().map(|path| view.find(path));
        let Some(Json::Array(items)) = list.as_ref().and_then(|list| list.json()) else { return Vec::new() };
        let mut choices: Vec<(Choice, Json)> = Vec::new();
        for item in items {
            let Some(title) = shown(item, &self.label) else { continue };
            let id = match &self.id {
                Some(keys) => shown(item, keys),
                None => Some(title.clone()),
            };
            let Some(id) = id.filter(|id| !choices.iter().any(|(choice, _)| choice.id == *id)) else { continue };
            let description = self.description.as_ref().and_then(|keys| shown(item, keys)).unwrap_or_default();
            choices.push((Choice { id, title, description }, item.clone()));
            if choices.len() == MOST {
                break;
            }
        }
        choices
    }

    fn chosen(&self, turn: &Turn<'_>, message: &Message) -> Option<(Choice, Json)> {
        let mut choices = self.choices(turn);
        let said = message.payload().unwrap_or(message.seen()).trim();
        let by_id = choices.iter().position(|(choice, _)| choice.id == said);
        let called = |(choice, _): &(Choice, Json)| {
            let line = format!("{} {}", choice.title, choice.description);
            let (names, plain) = (vec![fold::words(&choice.title)], fold::plain(&choice.title));
            Called { names, line: fold::words(&line), plain }
        };
        let place = match message.payload() {
            Some(_) => by_id,
            None => by_id.or_else(|| selection::one(said, &choices.iter().map(called).collect::<Vec<_>>())),
        };
        Some(choices.swap_remove(place?))
    }
}

/// A text or a number behind some keys, as people see it; `None` of anything else, and of what is empty.
fn shown(item: &Json, keys: &[Key]) -> Option<String> {
    let text = match descend(item, keys)? {
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

impl Offers for ListPlan {
    fn send(&self, turn: &mut Turn<'_>, text: String) {
        let choices = self.choices(turn).into_iter().map(|(choice, _)| choice).collect();
        show(turn, text, choices, self.style);
    }
}

impl Behaviour for ChoosingFrom {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        if self.list.choices(turn).is_empty() {
            return Next::Exit(self.empty);
        }
        self.question.put(turn, Some(&self.list), 0);
        self.question.wait(turn, 0)
    }

    fn takes(&self, turn: &Turn<'_>, message: &Message) -> Takes {
        if self.list.chosen(turn, message).is_some() { Takes::Choice } else { Takes::Nothing }
    }

    fn resume(&self, turn: &mut Turn<'_>, with: Resume<'_>) -> Next {
        match with {
            Resume::Message(message) => match self.list.chosen(turn, message) {
                Some((choice, item)) => {
                    if let Some(slot) = self.save {
                        turn.set(slot, choice.id.into());
                    }
                    if let Some(slot) = self.save_item {
                        turn.set(slot, item);
                    }
                    Next::Exit(self.chosen)
                }
                None => self.question.reject(turn, Some(&self.list), self.invalid),
            },
            Resume::Timeout => self.question.time_out(turn, self.timeout),
            _ => Next::Stay,
        }
    }
}
