//! Nodes: one behaviour each, and exits with ids of their own.
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::json;
use crate::{nodes::Kind, parts::Exit};

/// One step of a flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct Node {
    /// A stable id, unique within its flow.
    pub id: String,
    /// A name for people.
    pub label: Option<String>,
    /// What it does.
    pub kind: Kind,
    /// Where it goes on.
    pub exits: Vec<Exit>,
}

impl Node {
    /// The exit of that id.
    pub fn exit(&self, id: &str) -> Option<&Exit> {
        self.exits.iter().find(|exit| exit.id == id)
    }
}

/// As it stands in JSON.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Raw {
    id: String,
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    #[serde(default = "nothing", skip_serializing_if = "is_nothing")]
    config: Json,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exits: Vec<Exit>,
}

fn nothing() -> Json {
    Json::Object(serde_json::Map::new())
}

fn is_nothing(config: &Json) -> bool {
    config.as_object().is_some_and(serde_json::Map::is_empty)
}

impl TryFrom<Raw> for Node {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let Raw { id, kind, label, config, exits } = raw;
        let kind = Kind::read(&kind, config).map_err(|error| json::within("config", &error))?;
        Ok(Self { id, label, kind, exits })
    }
}

impl From<Node> for Raw {
    fn from(node: Node) -> Self {
        let (kind, config) = node.kind.written();
        Self { id: node.id, kind, label: node.label, config, exits: node.exits }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Node {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Node".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let exits = generator.subschema_for::<Vec<Exit>>();
        let each = Kind::schemas(generator).into_iter().map(|(kind, config, needs_config)| {
            let mut required = vec!["id", "kind"];
            if needs_config {
                required.push("config");
            }
            serde_json::json!({
                "type": "object",
                "properties": {
                    "id": { "type": "string" },
                    "kind": { "const": kind },
                    "label": { "type": ["string", "null"] },
                    "config": config,
                    "exits": exits,
                },
                "required": required,
                "additionalProperties": false,
            })
        });
        let each: Vec<_> = each.collect();
        schemars::json_schema!({ "description": "One step of a flow.", "oneOf": each })
    }
}
