//! Variables and ways through the flow.
use serde_json::{Value as Json, json};

use super::{Block, Import, arithmetic, parts};
use crate::{
    definition::Source,
    import::{Code, ImportError, draft::exit, list, text},
    nodes::{Arm, CallFlow, End, Goto, Kind, Split, Wait},
};

impl<'j> Import<'j, '_> {
    pub(super) fn jump(&mut self, block: &Block<'j>) {
        let node = match (block.option("blockId").as_str(), block.option("groupId").as_str()) {
            (Some(id), _) => Some(self.node(id)),
            (None, Some(group)) => self.firsts.get(group).cloned().flatten(),
            (None, None) => None,
        };
        self.go(block, node);
    }

    fn go(&mut self, block: &Block<'j>, node: Option<String>) {
        if node.is_none() {
            let why = "what it leads to is not there; the flow is over after it";
            self.draft.note(Code::I202, &block.path, block.id, why);
            return self.draft.push(block.id, Kind::End(End::default()), Vec::new());
        }
        self.draft.push(block.id, Kind::Goto(Goto { flow: None, node }), Vec::new());
    }

    /// Another bot, or a group of this one.
    pub(super) fn linked(&mut self, block: &Block<'j>) {
        let group = block.option("groupId").as_str();
        match block.option("typebotId").as_str() {
            None => self.unknown(block, Code::I101, "it names no bot"),
            Some("current") => {
                let node = group.and_then(|group| self.firsts.get(group).cloned().flatten());
                match (node, group, &block.next) {
                    (Some(node), Some(group), Some(next)) => {
                        // It comes back: the group and what it leads to is a flow as well.
                        let flow = parts::flow_of(group);
                        self.called.insert(flow.clone(), node);
                        let call = CallFlow { flow, with: Default::default(), shared: true, save: None };
                        self.draft.push(
                            block.id,
                            Kind::CallFlow(call),
                            vec![exit("next", Some(next.clone()))],
                        );
                    }
                    (node, ..) => self.go(block, node),
                }
            }
            Some(other) => {
                let why = "another bot is needed; import it and give its flow this id";
                self.draft.note(Code::I203, &block.path, block.id, why);
                let shared = block.option("mergeResults").as_bool() == Some(true);
                let call = CallFlow { flow: other.to_owned(), with: Default::default(), shared, save: None };
                self.draft.push(block.id, Kind::CallFlow(call), vec![exit("next", block.next.clone())]);
            }
        }
    }

    pub(super) fn wait(&mut self, block: &Block<'j>) {
        let seconds = match block.option("secondsToWaitFor") {
            Json::String(seconds) => seconds.trim().parse::<f64>().ok(),
            seconds => seconds.as_f64(),
        };
        let Some(seconds) = seconds.filter(|seconds| (0.0..=31_536_000.0).contains(seconds)) else {
            return self.unknown(block, Code::I101, "its time is no number of seconds");
        };
        // As whole seconds, and not none: a second at least.
        let seconds = Some(seconds.ceil().max(1.0) as u64);
        let wait = Wait { seconds, reply: false, event: None, save: None };
        self.draft.push(block.id, Kind::Wait(wait), vec![exit("next", block.next.clone())]);
    }

    pub(super) fn ab_test(&mut self, block: &Block<'j>) -> Result<(), ImportError> {
        let first = block.option("aPercent").as_u64().filter(|percent| *percent <= 100).unwrap_or(50);
        let weights = [first, 100 - first];
        let (mut arms, mut exits) = (Vec::new(), Vec::new());
        for (place, item) in list(block.json, "items", &block.path)?.iter().take(2).enumerate() {
            let path = format!("{}.items[{place}]", block.path);
            let id = text(item, "path");
            let id = if id.is_empty() { ["a", "b"][place] } else { id }.to_owned();
            let target = self.edge(item, &path, block.id).unwrap_or_else(|| block.next.clone());
            exits.push(exit(id.clone(), target));
            arms.push(Arm { id, weight: u32::try_from(weights[place]).unwrap_or_default() });
        }
        self.draft.push(block.id, Kind::Split(Split { arms, sticky: false }), exits);
        Ok(())
    }

    pub(super) fn set_variable(&mut self, block: &Block<'j>) {
        let Some(name) = self.saved(block) else {
            return self.unknown(block, Code::I101, "its variable is not there");
        };
        match self.assigned(&name, block) {
            Ok(source) => self.draft.set(block.id, &name, source, block.next.clone()),
            Err((code, why)) => self.unknown(block, code, why),
        }
    }

    fn assigned(&mut self, name: &str, block: &Block<'j>) -> Result<Source, (Code, &'static str)> {
        let value = |text: &str| Ok(Source::Value(json!(text)));
        let kind = block.option("type").as_str().unwrap_or("Custom");
        match kind {
            "Custom" => self.custom(block),
            "Empty" => Ok(Source::Value(Json::Null)),
            "Append value(s)" => {
                let item = block.option("item").as_str().unwrap_or_default();
                let item = arithmetic::joined(item, &self.variables);
                Ok(Source::Expr(format!("({name} | default([])) + [{item}]")))
            }
            "Map item with same index" => self.counterpart(block),
            "Environment name" => value("whatsapp"),
            "Now" => value("{{ now }}"),
            "Today" => value("{{ today }}"),
            "Phone number" => value("{{ contact.phone }}"),
            "Contact name" => value("{{ contact.name }}"),
            _ => Err((Code::I101, "this kind of value has no counterpart")),
        }
    }

    /// What stands in one list where a value stands in another.
    fn counterpart(&self, block: &Block<'j>) -> Result<Source, (Code, &'static str)> {
        let of = |key: &str| block.option("mapListItemParams").get(key).and_then(|id| self.variables.of(id));
        match (of("baseItemVariableId"), of("baseListVariableId"), of("targetListVariableId")) {
            (Some(item), Some(list), Some(other)) => {
                Ok(Source::Expr(format!("{item} | counterpart({list}, {other})")))
            }
            _ => Err((Code::I101, "one of its variables is not there")),
        }
    }

    fn custom(&mut self, block: &Block<'j>) -> Result<Source, (Code, &'static str)> {
        let source = block.option("expressionToEvaluate").as_str().unwrap_or_default().trim();
        if source.is_empty() {
            return Ok(Source::Value(Json::Null));
        }
        if let Ok(number) = source.parse::<serde_json::Number>() {
            return Ok(Source::Value(Json::Number(number)));
        }
        if let Some(expression) = arithmetic::arithmetic(source, &self.variables) {
            return Ok(Source::Expr(expression));
        }
        if block.option("isCode").as_bool() == Some(true) || arithmetic::is_code(source) {
            return Err((Code::I102, "JavaScript is not carried over"));
        }
        let text = arithmetic::unquoted(source);
        Ok(Source::Value(Json::String(self.template(text, block))))
    }
}
