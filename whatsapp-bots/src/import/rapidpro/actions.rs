//! Actions.
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::{Import, chain::Chain, languages::language};
use crate::{
    definition::{Node, Source, Text},
    import::{
        Code, ImportError,
        draft::{exit, literal},
        list, names, required, text,
    },
    nodes::{
        Assignment, CallFlow, Choose, Contact, Emit, Goto, Handoff, Http, HttpBody, Kind, MenuOption, Method,
        OptOut, Retries, Saved, Say, Set, Style, Tag,
    },
};

impl<'j> Import<'j> {
    pub(super) fn action(
        &mut self,
        json: &'j Json,
        path: &str,
        chain: &mut Chain<'j>,
    ) -> Result<(), ImportError> {
        match text(json, "type") {
            "send_msg" => self.message(json, path, chain)?,
            "set_contact_name" => self.contact("name", text(json, "name"), path, chain),
            "set_contact_language" => {
                let code = Some(text(json, "language")).filter(|code| !code.is_empty()).map(language);
                self.contact("language", &code.unwrap_or_default(), path, chain);
            }
            "set_contact_field" => {
                let field = json.get("field").unwrap_or(&Json::Null);
                let key = required(field, "key", &format!("{path}.field"))?;
                self.contact(key, text(json, "value"), path, chain);
            }
            "set_contact_status" => match text(json, "status") {
                "stopped" => chain.add(Kind::OptOut(OptOut::default()), &["next"]),
                "active" => chain.add(Kind::OptOut(OptOut { back: true, scope: None }), &["next"]),
                _ => self.unknown(json, path, Code::I101, "there is no such state of a contact", chain),
            },
            "add_contact_groups" | "remove_contact_groups" => self.groups(json, path, chain)?,
            "set_run_result" => {
                let value = self.template(text(json, "value"), path, &chain.upcoming());
                self.result(text(json, "name"), &value, text(json, "category"), chain);
            }
            "set_run_local" => self.local(json, path, chain),
            "enter_flow" => self.enter(json, path, chain)?,
            "call_webhook" => self.webhook(json, path, chain),
            "open_ticket" => self.ticket(json, path, chain),
            _ => self.unknown(json, path, Code::I101, "it has no counterpart", chain),
        }
        Ok(())
    }

    fn message(&mut self, json: &'j Json, path: &str, chain: &mut Chain<'j>) -> Result<(), ImportError> {
        let node = chain.upcoming();
        if !json.get("templating").unwrap_or(&Json::Null).is_null()
            || !json.get("template").unwrap_or(&Json::Null).is_null()
        {
            self.unknown(json, path, Code::I101, "templates of WhatsApp are not sent by flows", chain);
            return Ok(());
        }
        if json.get("all_urns").and_then(Json::as_bool) == Some(true) {
            self.draft.note(Code::I201, path, &node, "it is sent to the chat alone, not to all addresses");
        }
        for attachment in list(json, "attachments", path)?.iter().filter_map(Json::as_str) {
            self.draft.note(
                Code::I201,
                path,
                &node,
                "attachments are sent as links; choose files for them instead",
            );
            let url = attachment.split_once(':').map_or(attachment, |(_, url)| url);
            let text = self.template(url, path, &node);
            chain.add(say(Text::One(text)), &["next"]);
        }
        let words = self.localised(text(json, "text"), text(json, "uuid"), "text", path, &chain.upcoming());
        let replies = list(json, "quick_replies", path)?;
        if replies.is_empty() {
            if !is_empty(&words) {
                chain.add(say(words), &["next"]);
            }
            return Ok(());
        }
        self.quick_replies(words, json, replies, path, chain);
        Ok(())
    }

    /// Buttons. Where a wait follows, here or in the node behind, any other answer goes on as well.
    fn quick_replies(
        &mut self,
        text: Text,
        json: &'j Json,
        replies: &'j [Json],
        path: &str,
        chain: &mut Chain<'j>,
    ) {
        let node = chain.upcoming();
        let options =
            (0..replies.len()).map(|place| self.option(json, replies, place, path, &node)).collect();
        let is_last = chain.json.get("actions").and_then(Json::as_array).and_then(|actions| actions.last())
            == Some(json);
        let behind = if is_last { self.wait_behind(chain.json) } else { None };
        let here = is_last && super::router::waits(chain.json);
        if !here && behind.is_none() {
            let why = "its buttons are left out, because no answer is waited for here; ask with `choose`";
            self.draft.note(Code::I201, path, &node, why);
            return chain.add(say(text), &["next"]);
        }
        let retries = Retries { max: 0, say: None };
        let timeout_seconds =
            behind.as_ref().and_then(|behind| behind.timeout.as_ref()).map(|(seconds, _)| *seconds);
        let choose = Choose { text, options, style: Style::Auto, save: None, retries, timeout_seconds };
        let Some(behind) = behind else { return chain.add(Kind::Choose(choose), &["chosen", "invalid"]) };
        let mut exits = vec![exit("chosen", Some(behind.then.clone())), exit("invalid", Some(behind.then))];
        exits.extend(behind.timeout.map(|(_, to)| exit("timeout", Some(to))));
        chain.add_whole(Node { id: node, label: None, kind: Kind::Choose(choose), exits });
    }

    fn option(
        &mut self,
        json: &'j Json,
        replies: &'j [Json],
        place: usize,
        path: &str,
        node: &str,
    ) -> MenuOption {
        let words = |reply: &'j Json| reply.as_str().unwrap_or_else(|| text(reply, "text"));
        let mut each = BTreeMap::new();
        for (language, texts) in self.translations(text(json, "uuid"), "quick_replies") {
            if let Some(source) = texts.get(place) {
                each.insert(language, self.template(source, path, node));
            }
        }
        let base = self.template(replies.get(place).map_or("", words), path, node);
        let label = if each.is_empty() {
            Text::One(base)
        } else {
            each.insert(language(text(self.flow, "language")), base);
            Text::Each(each)
        };
        MenuOption { id: (place + 1).to_string(), label, description: None, words: None }
    }

    fn contact(&mut self, field: &str, value: &str, path: &str, chain: &mut Chain<'j>) {
        let from = match value {
            "" => Source::Value(Json::Null),
            value => Source::Value(Json::String(self.template(value, path, &chain.upcoming()))),
        };
        let set = vec![Assignment { to: field.to_owned(), from }];
        chain.add(Kind::Contact(Contact { set }), &["next"]);
    }

    fn groups(&mut self, json: &'j Json, path: &str, chain: &mut Chain<'j>) -> Result<(), ImportError> {
        let mut tags = Vec::new();
        for group in list(json, "groups", path)? {
            let name = self.groups.get(text(group, "uuid")).copied().unwrap_or_else(|| text(group, "name"));
            tags.extend(Some(name.to_owned()).filter(|name| !name.is_empty()));
        }
        if tags.len() != list(json, "groups", path)?.len() || tags.is_empty() {
            self.unknown(json, path, Code::I101, "tags are changed by their own names alone", chain);
            return Ok(());
        }
        let tag = match text(json, "type") {
            "add_contact_groups" => Tag { add: tags, remove: Vec::new() },
            _ => Tag { add: Vec::new(), remove: tags },
        };
        chain.add(Kind::Tag(tag), &["next"]);
        Ok(())
    }

    /// A result: a variable, and an event for the reports.
    pub(super) fn result(&mut self, name: &str, value: &str, category: &str, chain: &mut Chain<'j>) {
        let [set, emit] = result_nodes(name, value, category);
        chain.add(set, &["next"]);
        chain.add(emit, &["next"]);
    }

    fn local(&mut self, json: &'j Json, path: &str, chain: &mut Chain<'j>) {
        let name = format!("l_{}", names::name(text(json, "local")));
        let value = text(json, "value");
        let from = match text(json, "operation") {
            "increment" => match value.parse::<i64>() {
                Ok(number) => Source::Expr(format!("({name} | default(0)) + {number}")),
                Err(_) => return self.unknown(json, path, Code::I103, "only whole numbers are added", chain),
            },
            "clear" => Source::Value(Json::Null),
            _ => Source::Value(Json::String(self.template(value, path, &chain.upcoming()))),
        };
        let values = vec![Assignment { to: name, from }];
        chain.add(Kind::Set(Set { values }), &["next"]);
    }

    fn enter(&mut self, json: &'j Json, path: &str, chain: &mut Chain<'j>) -> Result<(), ImportError> {
        let flow = json.get("flow").unwrap_or(&Json::Null);
        let flow = required(flow, "uuid", &format!("{path}.flow"))?.to_owned();
        if !self.ids.contains(flow.as_str()) {
            let why = "another flow is needed that is not in the document; import it as well";
            self.draft.note(Code::I203, path, &chain.upcoming(), why);
        }
        if json.get("terminal").and_then(Json::as_bool) == Some(true) {
            chain.add(Kind::Goto(Goto { flow: Some(flow), node: None }), &[]);
        } else {
            let call =
                CallFlow { flow, with: BTreeMap::new(), shared: false, save: Some("child".to_owned()) };
            chain.add(Kind::CallFlow(call), &["next"]);
        }
        Ok(())
    }

    fn webhook(&mut self, json: &'j Json, path: &str, chain: &mut Chain<'j>) {
        let node = chain.upcoming();
        let method = match text(json, "method") {
            "GET" | "" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => return self.unknown(json, path, Code::I101, "its method has no counterpart", chain),
        };
        let url = self.address(text(json, "url"), path, &node);
        let headers = json.get("headers").and_then(Json::as_object).into_iter().flatten();
        let headers: Vec<_> =
            headers.filter_map(|(key, value)| Some((key.clone(), value.as_str()?))).collect();
        let headers =
            headers.into_iter().map(|(key, value)| (key, self.template(value, path, &node))).collect();
        let body = self.body(text(json, "body"), path, &node);
        let save = vec![Saved { path: String::new(), to: "webhook".to_owned() }];
        let status_to = Some("webhook_status".to_owned());
        let http = Http { method, url, headers, body, timeout_seconds: None, save, status_to };
        chain.add(Kind::Http(http), &["ok", "error"]);
        let result = text(json, "result_name");
        if !result.is_empty() {
            let category = "{{ 'Success' if webhook_status >= 200 and webhook_status < 300 else 'Failure' }}";
            let [set, emit] = nodes_of_result(result, "{{ webhook_status }}", category);
            chain.add(set, &["next"]);
            chain.add(emit, &["next"]);
        }
    }

    /// Ours are encoded by themselves.
    fn address(&mut self, url: &str, path: &str, node: &str) -> String {
        self.template(url, path, node).replace(" | urlencode }}", " }}")
    }

    /// JSON with values in it, or a text.
    fn body(&mut self, source: &str, path: &str, node: &str) -> Option<HttpBody> {
        if source.trim().is_empty() {
            return None;
        }
        // What was not understood may stand within quotes, or where a value has to be.
        for none in ["", "null"] {
            let template = self.json_template(source, none, path, node);
            if let Ok(json @ (Json::Object(_) | Json::Array(_))) = serde_json::from_str::<Json>(&template) {
                return Some(HttpBody::Json(json));
            }
        }
        Some(HttpBody::Text(self.template(source, path, node)))
    }

    fn ticket(&mut self, json: &'j Json, path: &str, chain: &mut Chain<'j>) {
        let node = chain.upcoming();
        let queue =
            json.get("topic").map(|topic| text(topic, "name").to_owned()).filter(|name| !name.is_empty());
        let source = [text(json, "note"), text(json, "body")].into_iter().find(|source| !source.is_empty());
        let note = source.map(|source| self.template(source, path, &node));
        let why = "the flow goes on when the person gives the chat back, and not at once";
        self.draft.note(Code::I201, path, &node, why);
        chain.add(Kind::Handoff(Handoff { queue, note, say: None, timeout_seconds: None }), &["next"]);
        let opened = |to: &str| Assignment { to: to.to_owned(), from: Source::Value(json!("opened")) };
        chain.add(Kind::Set(Set { values: vec![opened("l_new_ticket")] }), &["next"]);
        let result = text(json, "result_name");
        if !result.is_empty() {
            self.result(result, "opened", "Success", chain);
        }
    }
}

fn say(text: Text) -> Kind {
    Kind::Say(Say { text: Some(text), content: None })
}

fn is_empty(text: &Text) -> bool {
    text.each().all(|(_, text)| text.trim().is_empty())
}

/// The variable and the event of a result with that category, as it is written.
pub(super) fn result_nodes(name: &str, value: &str, category: &str) -> [Kind; 2] {
    let mut as_is = String::new();
    literal(category, &mut as_is);
    nodes_of_result(name, value, &as_is)
}

fn nodes_of_result(name: &str, value: &str, category: &str) -> [Kind; 2] {
    let to = format!("r_{}", names::name(name));
    let mut label = String::new();
    literal(name, &mut label);
    let from = Source::Value(json!({"value": value, "category": category}));
    let set = Set { values: vec![Assignment { to, from }] };
    let data: Map<String, Json> = Map::from_iter(
        [("name", &*label), ("value", value), ("category", category)].map(|(k, v)| (k.to_owned(), json!(v))),
    );
    let data = data.into_iter().map(|(key, value)| (key, Source::Value(value))).collect();
    [Kind::Set(set), Kind::Emit(Emit { name: "result".to_owned(), data })]
}
