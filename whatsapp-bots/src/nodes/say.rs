//! `say`: sends something.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use whatsapp_store::{Content, NotSendable};

use crate::{
    compile::{Compiler, ExitId},
    parts::{Localised, Text},
    effect::Trouble,
    expr::{Template, Texts},
    finding::Code,
    turn::{Behaviour, Next, Turn},
};

/// Sends a text or any other content, and goes on by `next`.
///
/// ```json
/// {"id": "hello", "kind": "say", "config": {"text": {"en": "Hello {{ contact.name }}", "de": "Hallo {{ contact.name }}"}},
///  "exits": [{"id": "next", "to": "ask_size"}]}
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Say {
    /// A text. Either this or `content`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// Any [content](whatsapp_store::Content) that can be sent, as in the API. Each of its texts is a template, and may be an
    /// object of languages. Buttons and lists are said as numbered text unless the account shows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Json>,
}

impl Say {
    pub(super) fn compile(&self, compiler: &mut Compiler<'_>) -> Box<dyn Behaviour> {
        let says = match (&self.text, &self.content) {
            (Some(text), None) => Says::Text(compiler.texts("text", text)),
            (None, Some(content)) => {
                let languages = compiler.languages.clone();
                let each = languages.iter().map(|language| Plan::compile(compiler, content, language));
                Says::Content(each.collect())
            }
            _ => {
                compiler.find(Code::E001, "", "give either a text or a content");
                Says::Content(Vec::new())
            }
        };
        Box::new(Saying { says, next: compiler.exit("next") })
    }
}

#[derive(Debug)]
struct Saying {
    says: Says,
    next: ExitId,
}

#[derive(Debug)]
enum Says {
    Text(Texts),
    /// In each language.
    Content(Vec<Plan>),
}

/// A content, and the texts in it that have placeholders.
#[derive(Debug)]
struct Plan {
    json: Json,
    /// What comes of it when there are none.
    ready: Option<Content>,
    fields: Vec<(String, Template)>,
}

impl Behaviour for Saying {
    fn enter(&self, turn: &mut Turn<'_>) -> Next {
        match &self.says {
            Says::Text(texts) => {
                let text = turn.text(texts);
                turn.say(text);
            }
            Says::Content(plans) => {
                let language = turn.view().language.min(plans.len().saturating_sub(1));
                match plans.get(language).and_then(|plan| plan.render(turn)) {
                    Some(content) => turn.send(content, None),
                    None => turn.note(Some(Trouble::Content)),
                }
            }
        }
        Next::Exit(self.next)
    }
}

impl Plan {
    fn compile(compiler: &mut Compiler<'_>, content: &Json, language: &str) -> Self {
        let default = compiler.default_language().to_owned();
        let json = in_language(content, &compiler.languages, language, &default);
        let mut texts = Vec::new();
        find_texts(&json, String::new(), &mut texts);
        let (mut fields, mut sample) = (Vec::new(), json.clone());
        for (pointer, text) in texts.into_iter().filter(|(pointer, _)| pointer != "/type") {
            let template = compiler.template(&format!("content{pointer}"), &text);
            if template.as_literal().is_none() {
                if let Some(place) = sample.pointer_mut(&pointer) {
                    *place = Json::String(format!("x{}", fields.len()));
                }
                fields.push((pointer, template));
            }
        }
        let made = serde_json::from_value::<Content>(sample).ok();
        match made.as_ref().map(Content::sendable) {
            None => compiler.find(Code::E001, "content", "this is no content; see the API for what is"),
            Some(Err(why)) => {
                let code = if matches!(why, NotSendable::TooMany { .. }) { Code::E013 } else { Code::E018 };
                let field = why.field().map_or("content".to_owned(), |field| format!("content/{field}"));
                compiler.find(code, &field, why.to_string());
            }
            Some(Ok(())) => {}
        }
        let ready = made.filter(|_| fields.is_empty());
        Self { json, ready, fields }
    }

    fn render(&self, turn: &mut Turn<'_>) -> Option<Content> {
        if let Some(ready) = &self.ready {
            return Some(ready.clone());
        }
        let mut json = self.json.clone();
        for (pointer, template) in &self.fields {
            *json.pointer_mut(pointer)? = Json::String(turn.template(template));
        }
        // A placeholder without a value may have left nothing.
        serde_json::from_value(json).ok().filter(|content: &Content| content.sendable().is_ok())
    }
}

/// A content with each object of languages replaced by what it has for one.
fn in_language(json: &Json, languages: &[String], language: &str, default: &str) -> Json {
    match json {
        Json::Object(items) if is_localised(items, languages) => {
            let each = items.iter().map(|(language, text)| (language.clone(), text.clone()));
            let each = Localised::Each(each.collect());
            each.of(language, default).cloned().unwrap_or_default()
        }
        Json::Object(items) => {
            let items = items.iter().map(|(key, item)| {
                (key.clone(), in_language(item, languages, language, default))
            });
            Json::Object(items.collect())
        }
        Json::Array(items) => {
            items.iter().map(|item| in_language(item, languages, language, default)).collect()
        }
        _ => json.clone(),
    }
}

fn is_localised(items: &Map<String, Json>, languages: &[String]) -> bool {
    !items.is_empty()
        && items.iter().all(|(key, item)| {
            item.is_string() && languages.iter().any(|language| language.eq_ignore_ascii_case(key))
        })
}

fn find_texts(json: &Json, pointer: String, found: &mut Vec<(String, String)>) {
    match json {
        Json::String(text) => found.push((pointer, text.clone())),
        Json::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                find_texts(item, format!("{pointer}/{place}"), found);
            }
        }
        Json::Object(items) => {
            for (key, item) in items {
                find_texts(item, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}
