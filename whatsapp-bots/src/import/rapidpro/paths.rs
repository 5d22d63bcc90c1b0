//! What flows can read: their names and ours.
use super::Import;
use crate::import::names;

/// Where paths begin that a text may hold without parentheses.
pub(super) const ROOTS: [&str; 17] = [
    "contact",
    "fields",
    "urns",
    "input",
    "results",
    "locals",
    "child",
    "parent",
    "run",
    "trigger",
    "webhook",
    "legacy_extra",
    "globals",
    "node",
    "resume",
    "ticket",
    "extra",
];

/// The first word of a text.
pub(super) fn first_word(text: &str) -> &str {
    &text[..text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())]
}

/// What became of a path.
pub(super) enum Path {
    /// One of ours.
    Ours(String),
    /// One of ours that is not quite the same.
    About(String, &'static str),
    /// There is nothing like it.
    None,
}

impl Import<'_> {
    /// Our path for one of theirs, such as `results.name.value`.
    pub(super) fn path(&mut self, path: &str) -> Path {
        let lower = path.to_ascii_lowercase();
        let (root, rest) = lower.split_once('.').unwrap_or((&lower, ""));
        let ours = |path: &str| Path::Ours(path.to_owned());
        match (root, rest) {
            ("contact", "" | "name") => ours("contact.name"),
            ("contact", "first_name") => {
                Path::About("contact.name".to_owned(), "the whole name stands where the first one did")
            }
            ("contact", "language") => ours("contact.language"),
            ("contact", "urn") | ("urns", "tel" | "whatsapp") => ours("contact.phone"),
            ("contact", rest) => match rest.split_once('.') {
                Some(("fields", key)) => self.field(key),
                Some(("urns", "tel" | "whatsapp")) => ours("contact.phone"),
                _ => Path::None,
            },
            ("fields", key) => self.field(key),
            ("input", "" | "text") => ours("input.text"),
            ("results", rest) => result("r_", rest),
            ("locals", name) => Path::Ours(format!("l_{}", names::name(name))),
            ("child", "status" | "run.status") => ours("child.status"),
            ("child", rest) => {
                match rest.strip_prefix("results.").or_else(|| rest.strip_prefix("run.results.")) {
                    Some(rest) => result("child.r_", rest),
                    None => Path::None,
                }
            }
            ("parent", rest) => {
                match rest.strip_prefix("contact.").or_else(|| rest.strip_prefix("run.contact.")) {
                    Some("name") => Path::About("contact.name".to_owned(), "the contact is that of the chat"),
                    _ => Path::None,
                }
            }
            ("trigger", rest) => {
                match path.get(path.len() - rest.len()..).and_then(|rest| rest.strip_prefix("params.")) {
                    Some(rest) => self.param(rest),
                    None => Path::None,
                }
            }
            ("webhook", "") => ours("webhook"),
            ("webhook", "status") => ours("webhook_status"),
            ("webhook", "json") => ours("webhook"),
            ("webhook", rest) if rest.starts_with("json.") || rest.starts_with("json[") => {
                // Keys of an answer are told apart by case.
                Path::Ours(format!("webhook{}", &path["webhook.json".len()..]))
            }
            ("legacy_extra" | "extra", "") => {
                Path::About("webhook".to_owned(), "it holds what the last request answered, and no more")
            }
            ("legacy_extra" | "extra", rest) => {
                Path::About(format!("webhook.{rest}"), "it holds what the last request answered, and no more")
            }
            _ => Path::None,
        }
    }

    fn field(&self, key: &str) -> Path {
        if key.is_empty() { Path::None } else { Path::Ours(format!("contact.fields.{key}")) }
    }

    fn param(&mut self, rest: &str) -> Path {
        let root = first_word(rest);
        let name = names::name(root);
        self.params.insert(name.clone());
        Path::Ours(format!("{name}{}", &rest[root.len()..]))
    }
}

fn result(prefix: &str, rest: &str) -> Path {
    let (name, property) = rest.split_once('.').unwrap_or((rest, "value"));
    let name = format!("{prefix}{}", names::name(name));
    match property {
        "value" | "category" => Path::Ours(format!("{name}.{property}")),
        "category_localized" => {
            Path::About(format!("{name}.category"), "the category is in the language of the flow")
        }
        "input" => Path::About(format!("{name}.value"), "the value stands where the input did"),
        _ => Path::None,
    }
}
