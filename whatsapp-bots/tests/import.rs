//! What is imported runs; documents that are damaged in any place are refused or imported, and never more than that.
#![cfg(all(feature = "import-rapidpro", feature = "import-typebot"))]

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use whatsapp_bots::{
    Compiled, Contact, Definition,
    import::{self, ImportError, Imported, Workspace},
    tester::Tester,
    validate,
};

fn typebot() -> Json {
    json!({
        "version": "6.1", "id": "b", "name": "B",
        "events": [{"id": "e", "type": "start", "outgoingEdgeId": "e1"}],
        "groups": [
            {"id": "g1", "blocks": [
                {"id": "b1", "type": "text", "content": {"richText": [{"type": "p", "children": [{"text": "Hi {{Name}}", "bold": true}]}]}},
                {"id": "b2", "type": "choice input", "items": [{"id": "i1", "content": "A", "outgoingEdgeId": "e2"}], "options": {"variableId": "v"}},
                {"id": "b3", "type": "Set variable", "options": {"variableId": "v", "expressionToEvaluate": "{{Name}} + 1"}},
                {"id": "b4", "type": "Condition", "items": [{"id": "i2", "content": {"comparisons": [{"variableId": "v", "comparisonOperator": "Equal to", "value": "1"}]}}]},
                {"id": "b5", "type": "Webhook", "options": {"webhook": {"url": "https://example.org", "method": "POST", "body": "{\"a\": \"{{Name}}\"}"},
                    "responseVariableMapping": [{"variableId": "v", "bodyPath": "data.a"}]}},
                {"id": "b6", "type": "AB test", "items": [{"id": "i3", "path": "a"}, {"id": "i4", "path": "b"}], "options": {"aPercent": 40}},
                {"id": "b7", "type": "Typebot link", "options": {"typebotId": "current", "groupId": "g2"}},
                {"id": "b8", "type": "Wait", "options": {"secondsToWaitFor": "3"}}]},
            {"id": "g2", "blocks": [{"id": "b9", "type": "Jump", "options": {"groupId": "g1"}}]}],
        "edges": [{"id": "e1", "to": {"groupId": "g1"}}, {"id": "e2", "to": {"groupId": "g2", "blockId": "b9"}}],
        "variables": [{"id": "v", "name": "Name"}],
        "settings": {"whatsApp": {"sessionExpiryTimeout": 1, "startCondition": {"comparisons": [{"comparisonOperator": "Contains", "value": "x"}]}}}
    })
}

fn rapidpro() -> Json {
    json!({
        "groups": [{"uuid": "g", "name": "G"}], "triggers": [{"trigger_type": "K", "keyword": "go", "flow": {"uuid": "f"}}],
        "flows": [{"uuid": "f", "name": "F", "spec_version": "13.1.0", "language": "eng", "expire_after_minutes": 5,
            "localization": {"fra": {"a1": {"text": ["Salut"]}}},
            "nodes": [
                {"uuid": "n1", "actions": [
                    {"uuid": "a1", "type": "send_msg", "text": "Hi @contact.name", "quick_replies": ["A"]}],
                 "router": {"type": "switch", "operand": "@(lower(input.text))", "wait": {"type": "msg", "timeout": {"seconds": 5, "category_uuid": "k"}},
                    "result_name": "R", "categories": [{"uuid": "k", "name": "K", "exit_uuid": "x"}], "default_category_uuid": "k",
                    "cases": [{"uuid": "c", "type": "has_any_word", "arguments": ["a b"], "category_uuid": "k"}]},
                 "exits": [{"uuid": "x", "destination_uuid": "n2"}]},
                {"uuid": "n2", "actions": [
                    {"uuid": "a2", "type": "call_webhook", "url": "https://example.org/@results.r", "method": "GET", "headers": {"a": "@input"}, "result_name": "W"},
                    {"uuid": "a3", "type": "enter_flow", "flow": {"uuid": "f"}},
                    {"uuid": "a4", "type": "add_contact_groups", "groups": [{"uuid": "g"}]}],
                 "router": {"type": "random", "categories": [{"uuid": "k2", "exit_uuid": "x2"}]},
                 "exits": [{"uuid": "x2"}]}]}]
    })
}

fn import_rapidpro(text: &str) -> Result<Imported, ImportError> {
    import::rapidpro(text, &Workspace::default())
}

/// The places in a document, as pointers.
fn places(json: &Json, at: String, found: &mut Vec<String>) {
    match json {
        Json::Object(items) => {
            items.iter().for_each(|(key, item)| places(item, format!("{at}/{key}"), found));
        }
        Json::Array(items) => {
            items.iter().enumerate().for_each(|(place, item)| places(item, format!("{at}/{place}"), found));
        }
        _ => {}
    }
    found.push(at);
}

fn instead() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        Just(json!(true)),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[{}], 1, "a"])),
        // The JSON library may lose the last bit of others.
        any::<i32>().prop_map(|number| json!(f64::from(number) / 8.0)),
        any::<u64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(|text| json!(text)),
        "[@({}%|\"&+*/.a1 \\])-]{0,24}".prop_map(|text| json!(text)),
    ]
}

fn holds(result: Result<Imported, ImportError>) {
    match result {
        Ok(imported) => {
            let again = imported.definition.to_json().map(|text| Definition::from_json(&text));
            assert!(again.is_ok_and(|again| again.as_ref() == Ok(&imported.definition)));
            validate(&imported.definition);
        }
        Err(error) => assert!(error.to_string().starts_with(&error.code()) && error.code().starts_with('I')),
    }
}

/// Undamaged, both can be published but for what they cannot keep.
#[test]
fn undamaged_documents_are_imported() {
    for imported in [import::typebot(&typebot().to_string()), import_rapidpro(&rapidpro().to_string())] {
        let imported = imported.unwrap();
        let errors: Vec<_> = validate(&imported.definition)
            .into_iter()
            .filter(|finding| finding.is_error())
            .map(|finding| finding.code.to_string())
            .collect();
        // Both go in circles on purpose.
        assert!(errors.iter().all(|code| code == "E007" || code == "E008"), "{errors:?}");
    }
}

/// What the bot says to each line, and how it is at last.
fn chat(imported: &Imported, lines: &[&str]) -> (Vec<Vec<String>>, &'static str) {
    let bot = Compiled::new(&imported.definition, 1);
    assert!(bot.is_ok(), "{bot:?}");
    let Ok(bot) = bot else { return (Vec::new(), "") };
    let contact = Contact { name: "Ann".to_owned(), ..Contact::default() };
    let mut tester = Tester::new(&bot, contact, 1, 0);
    let turns: Vec<_> = lines.iter().map(|line| tester.say(line)).collect();
    let status = turns.last().map_or("", |turn| turn.status);
    (turns.into_iter().map(|turn| turn.said).collect(), status)
}

#[test]
fn an_imported_flow_takes_buttons_and_words() {
    let category = |id: &str, name: &str| json!({"uuid": id, "name": name, "exit_uuid": format!("x-{id}")});
    let says = |id: &str, text: &str, replies: Json, to: &str| {
        json!({"uuid": id, "exits": [{"uuid": format!("x-{id}"), "destination_uuid": to}],
            "actions": [{"uuid": format!("a-{id}"), "type": "send_msg", "text": text, "quick_replies": replies}]})
    };
    let json = json!({
        "triggers": [{"trigger_type": "K", "keyword": "tea", "flow": {"uuid": "f"}}],
        "flows": [{"uuid": "f", "name": "Tea", "spec_version": "14.3.0", "language": "eng", "nodes": [
            says("n1", "Tea, @contact.name?", json!(["Yes", "No"]), "n2"),
            {"uuid": "n2", "router": {"type": "switch", "operand": "@input.text", "result_name": "Tea", "wait": {"type": "msg"},
                "categories": [category("k1", "Yes"), category("k2", "Other")], "default_category_uuid": "k2",
                "cases": [{"uuid": "c", "type": "has_any_word", "arguments": ["yes sure"], "category_uuid": "k1"}]},
             "exits": [{"uuid": "x-k1", "destination_uuid": "n3"}, {"uuid": "x-k2", "destination_uuid": "n1"}]},
            says("n3", "@(upper(results.tea)), it is @(1 + 2 * 3)", json!([]), "")]}]
    });
    let imported = import_rapidpro(&json.to_string()).unwrap();
    assert!(imported.report.findings.is_empty());
    let (said, status) = chat(&imported, &["tea", "what?", "Sure, thank you"]);
    assert_eq!(said[1], said[0]);
    assert!(said[0][0].starts_with("Tea, Ann?"), "{said:?}");
    assert_eq!((said[2].as_slice(), status), (["SURE, it is 7".to_owned()].as_slice(), "done"));
    assert_eq!(chat(&imported, &["tea", "1"]).0[1], said[0], "a number is a word as any other");
}

#[test]
fn an_imported_bot_counts_and_branches() {
    let p = |text: &str| json!({"richText": [{"type": "p", "children": [{"text": text}]}]});
    let json = json!({
        "version": "6.1", "id": "b", "name": "B",
        "events": [{"id": "e", "type": "start", "outgoingEdgeId": "e0"}],
        "variables": [{"id": "v", "name": "Points"}, {"id": "l", "name": "All"}],
        "groups": [
            {"id": "g1", "blocks": [
                {"id": "s1", "type": "Set variable", "options": {"variableId": "v", "expressionToEvaluate": "{{Points}} * 2 + 1"}},
                {"id": "s2", "type": "Set variable", "options": {"variableId": "l", "type": "Append value(s)", "item": "p{{Points}}"}},
                {"id": "q", "type": "text", "content": p("More?")},
                {"id": "c", "type": "choice input", "outgoingEdgeId": "e1",
                    "items": [{"id": "y", "content": "Yes", "outgoingEdgeId": "e0"}, {"id": "n", "content": "No"}]}]},
            {"id": "g2", "blocks": [
                {"id": "if", "type": "Condition", "items": [{"id": "i", "outgoingEdgeId": "e2", "content": {"comparisons": [
                    {"variableId": "l", "comparisonOperator": "Greater than", "value": "1"}]}}]},
                {"id": "few", "type": "text", "content": p("Few")}]},
            {"id": "g3", "blocks": [{"id": "many", "type": "text", "content": p("{{Points}} of {{All}}")}]}],
        "edges": [{"id": "e0", "to": {"groupId": "g1"}}, {"id": "e1", "to": {"groupId": "g2"}}, {"id": "e2", "to": {"groupId": "g3"}}],
    });
    let imported = import::typebot(&json.to_string()).unwrap();
    assert!(imported.report.findings.is_empty());
    let (said, status) = chat(&imported, &["hi", "yes", "1", "2"]);
    assert_eq!((said[3].as_slice(), status), (["7 of p1, p3, p7".to_owned()].as_slice(), "done"));
    assert_eq!(chat(&imported, &["hi", "no"]).0[1], ["Few"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn damaged_documents_do_no_harm(
        damage in prop::collection::vec((any::<prop::sample::Index>(), instead()), 1..4),
        is_typebot in any::<bool>(),
    ) {
        let mut json = if is_typebot { typebot() } else { rapidpro() };
        for (index, instead) in damage {
            let mut found = Vec::new();
            places(&json, String::new(), &mut found);
            let place = index.get(&found).clone();
            if let Some(target) = json.pointer_mut(&place) {
                *target = instead;
            }
        }
        let text = json.to_string();
        holds(if is_typebot { import::typebot(&text) } else { import_rapidpro(&text) });
    }

    #[test]
    fn cut_documents_do_no_harm(end in 0_usize..4000, is_typebot in any::<bool>()) {
        let text = if is_typebot { typebot() } else { rapidpro() }.to_string();
        let cut: String = text.chars().take(end).collect();
        holds(if is_typebot { import::typebot(&cut) } else { import_rapidpro(&cut) });
    }
}
