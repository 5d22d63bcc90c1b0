//! The text fields of any content. Content is taken apart as JSON, so that a type added later needs no line here.
use serde_json::Value;

/// A string of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// As people read it, such as `content.options[1]`.
    pub(super) path: String,
    /// As a JSON pointer, such as `/options/1`.
    pub(super) pointer: String,
    /// What stands there.
    pub(super) text: String,
}

/// All strings of a content but its type.
pub(super) fn of(content: &Value) -> Vec<Field> {
    let mut found = Vec::new();
    walk(content, "content".to_owned(), String::new(), &mut found);
    found.retain(|field| field.pointer != "/type");
    found
}

fn walk(value: &Value, path: String, pointer: String, found: &mut Vec<Field>) {
    match value {
        Value::String(text) => found.push(Field { path, pointer, text: text.clone() }),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                walk(item, format!("{path}[{place}]"), format!("{pointer}/{place}"), found);
            }
        }
        Value::Object(items) => {
            for (key, item) in items {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                walk(item, format!("{path}.{key}"), format!("{pointer}/{escaped}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_store::Content;

    use super::*;

    #[test]
    fn every_text_of_every_type_is_found() {
        let options = vec!["x".into(), "y".into()];
        let contents = [
            (Content::text("a"), vec!["content.text"]),
            (
                Content::Location { latitude: 1.0, longitude: 2.0, name: Some("a".into()), address: None },
                vec!["content.name"],
            ),
            (Content::Contact { name: "a".into(), vcard: "b".into() }, vec!["content.name", "content.vcard"]),
            (
                Content::Reaction { emoji: "a".into(), message_id: "b".into() },
                vec!["content.emoji", "content.message_id"],
            ),
            (
                Content::Poll { question: "q".into(), options, selectable: 1 },
                vec!["content.options[0]", "content.options[1]", "content.question"],
            ),
        ];
        for (content, expected) in contents {
            let json = serde_json::to_value(&content).unwrap();
            let fields = of(&json);
            let mut paths: Vec<_> = fields.iter().map(|field| field.path.as_str()).collect();
            paths.sort_unstable();
            assert_eq!(paths, expected);
            assert!(fields.iter().all(|field| json.pointer(&field.pointer).unwrap() == &*field.text));
        }
    }
}
