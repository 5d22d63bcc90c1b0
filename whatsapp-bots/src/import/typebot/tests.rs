use serde_json::{Value as Json, json};

use super::*;
use crate::definition::Source;

/// A bot of one group `g`, whose blocks follow one another, with the variables Name (`v1`) and Points so far (`v2`).
fn bot(blocks: Json) -> Json {
    json!({
        "version": "6.1", "id": "b1", "name": "Shop",
        "events": [{"id": "e", "type": "start", "outgoingEdgeId": "start"}],
        "groups": [
            {"id": "g", "title": "One", "blocks": blocks},
            {"id": "end", "title": "Two", "blocks": [{"id": "bye", "type": "text", "content": {"richText": [p("Bye")]}}]},
        ],
        "edges": [
            {"id": "start", "from": {"eventId": "e"}, "to": {"groupId": "g"}},
            {"id": "to_end", "from": {"blockId": "x"}, "to": {"groupId": "end"}},
            {"id": "lost", "from": {"blockId": "x"}, "to": {"groupId": "nowhere"}},
        ],
        "variables": [{"id": "v1", "name": "Name"}, {"id": "v2", "name": "Points so far"}],
        "settings": {},
    })
}

fn p(text: &str) -> Json {
    json!({"type": "p", "children": [{"text": text}]})
}

fn says(text: &str) -> Json {
    json!({"id": "say", "type": "text", "content": {"richText": [p(text)]}})
}

fn import(json: &Json) -> Imported {
    let imported = typebot(&json.to_string()).unwrap();
    // What is made is a definition, and stays the same when it is stored.
    let again = Definition::from_json(&imported.definition.to_json().unwrap()).unwrap();
    assert_eq!(again, imported.definition);
    imported
}

fn node(imported: &Imported, id: &str) -> Json {
    let node = imported.definition.flows[0].nodes.iter().find(|node| node.id == id);
    serde_json::to_value(node.unwrap_or_else(|| panic!("no node {id}"))).unwrap()
}

fn codes(imported: &Imported) -> Vec<Code> {
    imported.report.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn texts_keep_their_marks_and_variables() {
    let rich = json!({"id": "say", "type": "text", "content": {"richText": [
        {"type": "p", "children": [{"text": "Dear "}, {"bold": true, "text": "{{Name}} "}, {"text": "you have {{ Points so far }}"}]},
        {"type": "p", "children": [{"type": "a", "url": "https://example.org", "children": [{"text": "shop"}]}]},
        {"type": "ul", "children": [
            {"type": "li", "children": [{"type": "lic", "children": [{"text": "one"}]},
                {"type": "ol", "children": [{"type": "li", "children": [{"text": "deep"}]}]}]},
            {"type": "li", "children": [{"text": "two"}]}]},
        {"type": "p", "children": [{"text": "{{Other}}{%"}]},
    ]}});
    let imported = import(&bot(json!([rich])));
    assert_eq!(
        node(&imported, "say")["config"]["text"],
        "Dear *{{ name }}* you have {{ points_so_far }}\nshop (https://example.org)\n- one\n  1. deep\n- two\n{{ '{%' }}"
    );
    assert_eq!(codes(&imported), [Code::I201]);
    assert_eq!(imported.report.findings[0].path, "groups[0].blocks[0]");
}

#[test]
fn variables_of_like_names_stay_apart() {
    let mut json = bot(json!([says("{{A b}} {{a-B}} {{a_b}}")]));
    json["variables"] =
        json!([{"id": "1", "name": "A b"}, {"id": "2", "name": "a-B"}, {"id": "3", "name": "a_b"}]);
    assert_eq!(node(&import(&json), "say")["config"]["text"], "{{ a_b }} {{ a_b_2 }} {{ a_b_3 }}");
}

#[test]
fn a_group_that_is_called_and_comes_back_is_a_flow() {
    let mut json = bot(json!([
        {"id": "call", "type": "Typebot link", "options": {"typebotId": "current", "groupId": "end"}},
        {"id": "jump", "type": "Typebot link", "options": {"typebotId": "current", "groupId": "end"}},
    ]));
    json["groups"][1]["blocks"][0]["outgoingEdgeId"] = Json::Null;
    let imported = import(&json);
    assert_eq!(node(&imported, "call")["config"], json!({"flow": "main.end", "shared": true}));
    assert_eq!(node(&imported, "jump")["config"], json!({"node": "bye"}));
    let called = imported.definition.flow("main.end").unwrap();
    assert_eq!((called.entry.as_str(), called.nodes.len()), ("bye", 1));
    assert!(imported.report.findings.is_empty());
}

#[test]
fn a_text_becomes_the_question_of_the_input_behind_it() {
    let imported = import(&bot(json!([
        says("Your e-mail?"),
        {"id": "mail", "type": "email input", "options": {"variableId": "v1", "retryMessageContent": "Again"}, "outgoingEdgeId": "to_end"},
    ])));
    assert_eq!(imported.definition.flows[0].entry, "mail");
    assert_eq!(
        node(&imported, "mail"),
        json!({"id": "mail", "kind": "ask", "config": {
            "text": "Your e-mail?", "answer": "email", "save": "name", "retries": {"max": 2, "say": "Again"}},
            "exits": [{"id": "ok", "to": "bye"}, {"id": "invalid", "to": "mail"}]})
    );
    assert!(imported.report.findings.is_empty(), "{:?}", imported.report);
    assert_eq!(imported.report.steps, 3);

    // Without a text before it, one that takes anything only waits, and another says what is missing.
    let imported = import(&bot(json!([
        {"id": "any", "type": "text input", "options": {"variableId": "v1"}},
        {"id": "n", "type": "number input", "options": {"min": 1, "max": 5}},
    ])));
    assert_eq!(node(&imported, "any")["kind"], "wait");
    assert_eq!(node(&imported, "any")["exits"], json!([{"id": "reply", "to": "n"}]));
    assert_eq!(node(&imported, "n")["config"]["answer"]["number"]["max"], 5.0);
    assert_eq!(codes(&imported), [Code::I201]);
}

#[test]
fn a_choice_saves_what_people_saw() {
    let imported = import(&bot(json!([
        says("Which?"),
        {"id": "c", "type": "choice input", "options": {"variableId": "v1"}, "outgoingEdgeId": "to_end", "items": [
            {"id": "i1", "content": "Red"}, {"id": "i2", "content": "Blue", "value": "B", "outgoingEdgeId": "start"}]},
    ])));
    let choose = node(&imported, "c");
    assert_eq!(choose["config"]["text"], "Which?");
    assert_eq!(choose["exits"][0], json!({"id": "i1", "to": "c.i1"}));
    assert_eq!(
        node(&imported, "c.i1")["config"]["values"],
        json!([{"to": "name", "from": {"value": "Red"}}])
    );
    assert_eq!(node(&imported, "c.i1")["exits"][0]["to"], "bye");
    assert_eq!(node(&imported, "c.i2")["config"]["values"][0]["from"]["value"], "B");
    assert_eq!(node(&imported, "c.i2")["exits"][0]["to"], "c");

    let imported = import(&bot(json!([
        says("Which?"),
        {"id": "c", "type": "choice input", "options": {"isMultipleChoice": true}, "items": [
            {"id": "i1", "content": "Red"}, {"id": "i2", "content": "Blue"}]},
    ])));
    let options = &node(&imported, "c")["config"]["answer"]["choices"]["options"];
    assert_eq!(options, &json!([{"id": "Red", "label": "Red"}, {"id": "Blue", "label": "Blue"}]));
    assert_eq!(codes(&imported), []);
}

#[test]
fn conditions_and_sums() {
    let compare = |operator: &str| json!({"variableId": "v2", "comparisonOperator": operator, "value": "5"});
    let imported = import(&bot(json!([
        {"id": "set", "type": "Set variable", "options": {"variableId": "v2", "expressionToEvaluate": "{{Points so far}} * 2 + 5"}},
        {"id": "if", "type": "Condition", "outgoingEdgeId": "start", "items": [
            {"id": "yes", "outgoingEdgeId": "to_end", "content": {"logicalOperator": "OR", "comparisons": [
                compare("Greater than"), compare("Does not contain"), {"variableId": "v2", "comparisonOperator": "Is set"}]}}]},
    ])));
    assert_eq!(
        node(&imported, "set")["config"]["values"][0]["from"]["expr"],
        "((points_so_far | default(0) | number) | times(2)) + 5"
    );
    assert_eq!(
        node(&imported, "if")["config"]["cases"],
        json!([{"id": "yes", "when": {"any": [
            {"test": {"path": "points_so_far", "is": "greater", "value": "5"}},
            {"not": {"test": {"path": "points_so_far", "is": "contains", "value": "5"}}},
            {"not": {"test": {"path": "points_so_far", "is": "empty"}}}]}}])
    );
    assert_eq!(
        node(&imported, "if")["exits"],
        json!([{"id": "yes", "to": "bye"}, {"id": "else", "to": "set"}])
    );
    assert!(imported.report.findings.is_empty());

    // What is appended to is a list, of which the length is compared.
    let imported = import(&bot(json!([
        {"id": "add", "type": "Set variable", "options": {"variableId": "v2", "type": "Append value(s)", "item": "{{Name}}"}},
        {"id": "if", "type": "Condition", "items": [{"id": "yes", "content": {"comparisons": [compare("Greater than")]}}]},
    ])));
    let when = &node(&imported, "if")["config"]["cases"][0]["when"];
    assert_eq!(when["expr"], "(points_so_far | default([]) | length) > 5");
}

#[test]
fn values_are_told_from_code() {
    let set = |options: Json| {
        let mut options = options;
        options["variableId"] = json!("v1");
        let imported = import(&bot(json!([{"id": "s", "type": "Set variable", "options": options}])));
        let source = match &imported.definition.flows[0].nodes[0].kind {
            Kind::Set(set) => Ok(set.values[0].from.clone()),
            kind => Err(kind.name().to_owned()),
        };
        (source, codes(&imported))
    };
    let custom = |source: &str| set(json!({"expressionToEvaluate": source}));
    let value = |value: Json| (Ok(Source::Value(value)), vec![]);
    let code = (Err("typebot:Set variable".to_owned()), vec![Code::I102]);
    assert_eq!(custom("0"), value(json!(0)));
    assert_eq!(custom("1.5"), value(json!(1.5)));
    assert_eq!(custom("a plain word"), value(json!("a plain word")));
    assert_eq!(custom("'quoted'"), value(json!("quoted")));
    assert_eq!(custom("2024-01-02"), value(json!("2024-01-02")));
    assert_eq!(custom("{{Name}} of {{Points so far}}"), value(json!("{{ name }} of {{ points_so_far }}")));
    assert_eq!(custom(""), value(Json::Null));
    assert_eq!(custom("{{Name}}.map(x => x + 1)"), code);
    assert_eq!(custom("const a = 1;\nreturn a"), code);
    assert_eq!(custom("Math.max({{Name}}, 2)"), code);
    assert_eq!(set(json!({"isCode": true, "expressionToEvaluate": "anything"})), code);
    assert_eq!(custom("Is it new? Yes, a new one"), value(json!("Is it new? Yes, a new one")));
    assert_eq!(set(json!({"type": "Empty"})), value(Json::Null));
    assert_eq!(set(json!({"type": "Today"})), value(json!("{{ today }}")));
    let append = set(json!({"type": "Append value(s)", "item": "I am {{Name}}"}));
    assert_eq!(append.0, Ok(Source::Expr("(name | default([])) + ['I am ' ~ name]".to_owned())));
    assert_eq!(set(json!({"type": "Transcript"})).1, [Code::I101]);
}

#[test]
fn requests_keep_their_parts() {
    let imported = import(&bot(json!([
        {"id": "r", "type": "HTTP request", "options": {
            "webhook": {"method": "POST", "url": "https://example.org/{{Name}}", "queryParams": [{"key": "q", "value": "{{Points so far}}"}],
                "headers": [{"key": "x-a", "value": "1"}], "body": "{\"who\": \"{{Name}}\"}"},
            "responseVariableMapping": [{"variableId": "v1", "bodyPath": "data.items[0].name"},
                {"variableId": "v2", "bodyPath": "data.items.flatMap(item => item.id)"},
                {"variableId": "v2", "bodyPath": "data.items.filter(item => item.id > 3)"}]}},
    ])));
    let http = &node(&imported, "r")["config"];
    assert_eq!(http["url"], "https://example.org/{{ name }}?q={{ points_so_far }}");
    assert_eq!(http["body"], json!({"json": {"who": "{{ name }}"}}));
    let each = json!({"path": "items[*].id", "to": "points_so_far"});
    assert_eq!(http["save"], json!([{"path": "items[0].name", "to": "name"}, each]));
    assert_eq!(codes(&imported), [Code::I102]);
    assert_eq!(imported.report.findings[0].path, "groups[0].blocks[0].options.responseVariableMapping[2]");
}

#[test]
fn what_has_no_counterpart_stays_and_is_reported() {
    let imported = import(&bot(json!([
        {"id": "llm", "type": "openai", "options": {"action": "Create chat completion"}},
        {"id": "hologram", "type": "hologram"},
        {"id": "jump", "type": "Jump", "options": {"groupId": "nowhere"}},
        {"id": "jump2", "type": "Jump", "options": {"groupId": "g", "blockId": "gone"}},
        {"id": "picture", "type": "image", "content": {"url": "https://example.org/a.png"}},
        {"id": "other", "type": "Typebot link", "options": {"typebotId": "b2"}, "outgoingEdgeId": "lost"},
    ])));
    let llm = node(&imported, "llm");
    assert_eq!(llm["kind"], "typebot:openai");
    assert_eq!(llm["config"]["options"]["action"], "Create chat completion");
    assert_eq!(llm["exits"], json!([{"id": "next", "to": "hologram"}]));
    assert_eq!(node(&imported, "jump")["kind"], "end");
    assert_eq!(node(&imported, "jump2")["kind"], "end");
    assert_eq!(node(&imported, "picture")["config"]["text"], "https://example.org/a.png");
    use Code::{I101, I201, I202, I203};
    assert_eq!(codes(&imported), [I101, I101, I202, I201, I202, I203, I202]);
    for finding in &imported.report.findings {
        assert!(!finding.node.is_empty() && !finding.message.is_empty(), "{finding:?}");
    }
}

#[test]
fn a_bot_that_runs_in_circles_is_imported() {
    let mut json = bot(json!([{"id": "a", "type": "Jump", "options": {"groupId": "end"}}]));
    json["groups"][1]["blocks"] = json!([{"id": "b", "type": "Jump", "options": {"groupId": "g"}}]);
    let imported = import(&json);
    assert_eq!(node(&imported, "a")["config"]["node"], "b");
    assert_eq!(node(&imported, "b")["config"]["node"], "a");
}

#[test]
fn the_rule_that_starts_it_becomes_a_trigger() {
    let mut json = bot(json!([says("Hello")]));
    json["settings"] = json!({"whatsApp": {"sessionExpiryTimeout": 2, "startCondition": {"logicalOperator": "OR", "comparisons": [
        {"comparisonOperator": "Contains", "value": "shop"}, {"comparisonOperator": "Matches regex", "value": "/^buy/i"}]}}});
    let imported = import(&json);
    assert_eq!(imported.definition.flows[0].expire.as_ref().unwrap().after_seconds, 7200);
    assert_eq!(
        serde_json::to_value(&imported.definition.triggers[0]).unwrap(),
        json!({"id": "start", "on": "anyMessage", "flow": "main", "when": {"any": [
            {"test": {"path": "input.text", "is": "contains", "value": "shop"}},
            {"regex": {"pattern": "(?i)^buy", "path": "input.text"}}]}})
    );
}

#[test]
fn what_is_no_export_is_refused() {
    let code = |json: Json| typebot(&json.to_string()).map(|_| ()).unwrap_err();
    assert_eq!(code(json!({})).code(), "I003");
    assert_eq!(code(json!([])).code(), "I003");
    assert!(code(json!({"version": "4", "groups": []})).to_string().contains("old version"));
    let mut none = bot(json!([]));
    none["events"] = json!([]);
    assert_eq!(code(none).code(), "I003");
    let mut wrong = bot(json!([says("a")]));
    wrong["groups"][0]["blocks"] = json!(7);
    assert_eq!(code(wrong), ImportError::Shape { path: "groups[0].blocks".to_owned(), expected: "a list" });
    let twice = bot(json!([says("a"), says("b")]));
    assert_eq!(code(twice), ImportError::Duplicate { path: "groups[0].blocks[1]".to_owned() });
    let mut called = bot(json!([]));
    called["groups"] = (0..300)
        .map(|place| {
            let options = json!({"typebotId": "current", "groupId": format!("g{place}")});
            json!({"id": if place == 0 { "g".to_owned() } else { format!("g{place}") }, "blocks": [
                {"id": format!("a{place}"), "type": "Typebot link", "options": options},
                {"id": format!("b{place}"), "type": "Jump", "options": {"groupId": format!("g{}", place + 1)}}]})
        })
        .collect();
    assert!(code(called).to_string().starts_with("I002: groups: "));
    let many: Vec<_> = (0..=crate::import::MAX_STEPS)
        .map(|place| json!({"id": place.to_string(), "type": "Jump"}))
        .collect();
    assert_eq!(code(bot(json!(many))).code(), "I002");
}
