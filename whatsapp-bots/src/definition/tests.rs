use serde_json::{Value as Json, json};

use super::*;
use crate::nodes::Kind;

/// A bot with every kind of node and every setting.
fn everything() -> Json {
    serde_json::from_str(include_str!("../../testdata/everything.json")).unwrap()
}

fn error(json: &Json) -> JsonError {
    Definition::from_json(&json.to_string()).unwrap_err()
}

#[test]
fn everything_is_read_and_written_as_it_was() {
    let json = everything();
    let definition = Definition::from_json(&json.to_string()).unwrap();
    assert_eq!(serde_json::from_str::<Json>(&definition.to_json().unwrap()).unwrap(), json);
    let kinds: Vec<_> =
        definition.flows.iter().flat_map(|flow| &flow.nodes).map(|node| node.kind.name()).collect();
    for kind in Kind::NAMES {
        assert!(kinds.contains(kind), "no {kind} in everything.json");
    }
}

#[test]
fn what_this_version_does_not_know_is_kept() {
    let mut json = everything();
    json["flows"][0]["nodes"][0] =
        json!({"id": "x", "kind": "hologram", "config": {"depth": [1, {"a": null}]}, "exits": []});
    let definition = Definition::from_json(&json.to_string()).unwrap();
    assert!(
        matches!(&definition.flows[0].nodes[0].kind, Kind::Unknown(unknown) if unknown.kind == "hologram")
    );
    let again: Json = serde_json::from_str(&definition.to_json().unwrap()).unwrap();
    assert_eq!(again["flows"][0]["nodes"][0]["config"], json!({"depth": [1, {"a": null}]}));
}

#[test]
fn errors_say_where() {
    let mut json = everything();
    json["flows"][0]["nodes"][0]["config"] = json!({"text": "secret", "colour": "red"});
    let found = error(&json);
    assert_eq!(found.path, "flows[0].nodes[0].config.colour");
    assert!(!found.to_string().contains("secret"), "{found}");

    let mut json = everything();
    json["flows"][0]["nodes"][0]["config"] = json!({"text": 7});
    let found = error(&json);
    assert_eq!(found.path, "flows[0].nodes[0].config.text");

    let mut json = everything();
    json["bot"].as_object_mut().unwrap().remove("id");
    let found = error(&json);
    assert_eq!((found.path.as_str(), found.why.as_str()), ("bot", "missing field `id`"));

    let mut json = everything();
    json["format"] = json!(9);
    assert_eq!(error(&json).path, "format");
    for text in ["", "7", "[]", "{", "{\"format\": 1} x", "nul"] {
        assert!(Definition::from_json(text).is_err(), "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(Definition::from_json(&deep).is_err());
    assert!(Definition::from_json(&" ".repeat(MAX_JSON + 1)).unwrap_err().why.contains("longer"));
}

#[test]
fn a_language_falls_back() {
    let text: Text =
        serde_json::from_value(json!({"en": "e", "pt-BR": "b", "pt": "p", "es-MX": "m"})).unwrap();
    for (language, expected) in [
        ("en", "e"),
        ("EN-gb", "e"),
        ("pt-BR", "b"),
        ("pt-PT", "p"),
        ("es", "m"),
        ("es-AR", "m"),
        ("de", "e"),
        ("", "e"),
    ] {
        assert_eq!(text.of(language, "en").map(String::as_str), Some(expected), "{language}");
    }
    let text: Text = serde_json::from_value(json!({"fr": "f"})).unwrap();
    assert_eq!(text.of("de", "en").map(String::as_str), Some("f"));
    assert_eq!(Text::Each(Default::default()).of("de", "en"), None);
}
