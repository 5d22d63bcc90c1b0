use serde_json::{Value as Json, json};

use super::*;

/// An export of one flow with those nodes, which begins with the first.
fn export(nodes: Json) -> Json {
    json!({"flows": [{
        "uuid": "f1", "name": "One", "spec_version": "13.2.0", "language": "eng", "type": "messaging",
        "expire_after_minutes": 30, "nodes": nodes,
        "localization": {"por": {"a1": {"text": ["Oi @contact.name"]}, "c1": {"arguments": ["sim"]}}},
    }]})
}

/// A node with those actions that leads on to `n2`, if anywhere.
fn acts(actions: Json) -> Json {
    json!([{"uuid": "n1", "actions": actions, "exits": [{"uuid": "x1", "destination_uuid": null}]}])
}

fn import(json: &Json) -> Imported {
    let imported = rapidpro(&json.to_string(), &Workspace::default()).unwrap();
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

/// The template that a text becomes, and what is said about it.
fn template(source: &str) -> (String, Vec<Code>) {
    let imported = import(&export(acts(json!([{"uuid": "a", "type": "send_msg", "text": source}]))));
    (node(&imported, "n1")["config"]["text"].as_str().unwrap().to_owned(), codes(&imported))
}

fn asks(cases: Json, operand: &str) -> Json {
    json!([
        {"uuid": "n1", "actions": [], "router": {
            "type": "switch", "operand": operand, "result_name": "Likes it", "cases": cases, "default_category_uuid": "k2",
            "wait": {"type": "msg", "timeout": {"seconds": 60, "category_uuid": "k3"}},
            "categories": [{"uuid": "k1", "name": "Yes", "exit_uuid": "x1"}, {"uuid": "k2", "name": "Other", "exit_uuid": "x2"},
                {"uuid": "k3", "name": "Silent", "exit_uuid": "x3"}]},
         "exits": [{"uuid": "x1", "destination_uuid": "n2"}, {"uuid": "x2", "destination_uuid": "n1"}, {"uuid": "x3"}]},
        {"uuid": "n2", "actions": [{"uuid": "a1", "type": "send_msg", "text": "Hello @contact.name, @results.likes_it"}],
         "exits": [{"uuid": "x4"}]},
    ])
}

#[test]
fn texts_become_templates() {
    let is = |source: &str, expected: &str| {
        assert_eq!(template(source), (expected.to_owned(), vec![]), "{source}");
    };
    is("plain, a@b.org, 5@@home", "plain, a@b.org, 5@home");
    is("@contact.name.", "{{ contact.name }}.");
    is("@fields.city @contact.fields.city", "{{ contact.fields.city }} {{ contact.fields.city }}");
    is("@results.age @results.age.category", "{{ r_age.value }} {{ r_age.category }}");
    is("@locals.n @child.status @webhook.status", "{{ l_n }} {{ child.status }} {{ webhook_status }}");
    is("@webhook.json.Items", "{{ webhook.Items }}");
    is("@(upper(contact.name) & \"!\")", "{{ (contact.name | upper ~ '!') }}");
    is(
        "@(IF(results.age > 17, \"yes\", \"it's no\"))",
        "{{ ('yes' if ((r_age.value | number) > 17) else 'it\\'s no') }}",
    );
    is("@(results.a * 2 + 1)", "{{ ((((r_a.value | number) | times(2)) | number) + 1) }}");
    is("@(default(input.text, \"(none)\"))", "{{ (input.text | default('(none)')) }}");
    is("{{ mine }} {%", "{{ '{{' }} mine }} {{ '{%' }}");
    is("@unknown.thing @(open", "@unknown.thing @(open");
}

#[test]
fn what_is_not_understood_is_reported() {
    for source in ["@(word_slice(input.text, 0))", "@(1 +)", "@globals.key", "@(contact.uuid)", "@run.uuid"] {
        let (text, codes) = template(&format!("a {source} b"));
        assert_eq!((text.as_str(), codes), ("a  b", vec![Code::I103]), "{source}");
    }
    assert_eq!(template("@(format_urn(urns.tel))"), ("{{ contact.phone }}".to_owned(), vec![Code::I201]));
    let deep = format!("@({}1{})", "(".repeat(200), ")".repeat(200));
    assert_eq!(template(&format!("x{deep}")).1, [Code::I103]);
    // What is long takes no longer than it is long.
    assert_eq!(template(&format!("x@({}1)", "1+".repeat(1_000_000))).1, [Code::I103]);
    let open = "@(".repeat(1_000_000);
    assert_eq!(template(&open), (open, vec![]));
}

#[test]
fn a_router_waits_and_notes_its_result() {
    let cases =
        json!([{"uuid": "c1", "type": "has_any_word", "arguments": ["yes yeah"], "category_uuid": "k1"}]);
    let imported = import(&export(asks(cases, "@input.text")));
    // The message that starts it is the answer to what it waits for first.
    assert_eq!(imported.definition.flows[0].entry, "start");
    assert_eq!(
        node(&imported, "n1"),
        json!({"id": "n1", "kind": "wait", "config": {"seconds": 60, "reply": true},
            "exits": [{"id": "reply", "to": "n1.1"}, {"id": "next", "label": "Silent", "to": "n1.v0"}]})
    );
    let branch = node(&imported, "n1.1");
    let words: Vec<_> =
        branch["config"]["cases"].as_array().unwrap().iter().map(|case| &case["when"]).collect();
    let word = |word: &str| json!({"keywords": {"words": [word], "matching": "contains"}});
    assert_eq!(words, [&word("yes"), &word("yeah"), &word("sim")]);
    assert_eq!(branch["exits"][0], json!({"id": "c1", "label": "Yes", "to": "n1.v1"}));
    assert_eq!(node(&imported, "n1.v1")["config"]["values"][0]["to"], "r_likes_it");
    assert_eq!(node(&imported, "n1.e1")["config"]["data"]["category"]["value"], "Yes");
    assert_eq!(node(&imported, "n1.e1")["exits"][0]["to"], "n2");
    assert_eq!(node(&imported, "n1.e0")["exits"][0]["to"], "done");
    assert_eq!(
        node(&imported, "n2")["config"]["text"],
        json!({"en": "Hello {{ contact.name }}, {{ r_likes_it.value }}", "pt": "Oi {{ contact.name }}"})
    );
    assert_eq!(imported.definition.flows[0].expire.as_ref().unwrap().after_seconds, 1800);
    assert_eq!((imported.report.steps, codes(&imported)), (3, vec![]));
    let workspace = Workspace { languages: vec!["eng".to_owned()] };
    let cases = json!([{"uuid": "c1", "type": "has_text", "category_uuid": "k1"}]);
    let one = rapidpro(&export(asks(cases, "@input.text")).to_string(), &workspace).unwrap();
    assert!(one.definition.bot.languages.is_empty());
}

#[test]
fn tests_have_counterparts() {
    let when = |kind: &str, arguments: Json| {
        let case = json!([{"uuid": "c9", "type": kind, "arguments": arguments, "category_uuid": "k1"}]);
        let imported = import(&export(asks(case, "@results.age")));
        node(&imported, "n1.1")["config"]["cases"][0]["when"].clone()
    };
    let test = |is: &str, value: &str| json!({"test": {"path": "r_age.value", "is": is, "value": value}});
    let number = |is: &str, value: Json| json!({"test": {"path": "r_age.value", "is": is, "value": value, "asNumber": true}});
    assert_eq!(when("has_number_gt", json!(["17"])), number("greater", json!(17)));
    assert_eq!(
        when("has_number_between", json!(["1", "@fields.most"])),
        json!({"all": [number("greaterOrEqual", json!(1)), number("lessOrEqual", json!("{{ contact.fields.most }}"))]})
    );
    assert_eq!(when("has_pattern", json!(["^a+$"]))["regex"]["pattern"], "(?i)^a+$");
    let many: Vec<_> = (0..50).map(|place| format!("w{place}")).collect();
    assert_eq!(when("has_any_word", json!([many.join(" ")]))["keywords"]["words"], json!(many));
    assert_eq!(when("has_group", json!(["g1", "Friends"])), json!({"tag": "Friends"}));
    assert_eq!(when("has_beginning", json!(["go on"]))["keywords"]["matching"], "startsWith");
    assert_eq!(when("has_only_text", json!(["Yes"])), json!({"any": [test("equal", "Yes")]}));
}

#[test]
fn what_has_no_counterpart_stays_and_is_reported() {
    let imported = import(&export(acts(json!([
        {"uuid": "a", "type": "send_email", "subject": "S"},
        {"uuid": "b", "type": "hologram"},
        {"uuid": "c", "type": "add_contact_groups", "groups": [{"name_match": "@contact.name"}]},
        {"uuid": "d", "type": "enter_flow", "flow": {"uuid": "elsewhere", "name": "E"}},
        {"uuid": "e", "type": "send_msg", "text": "Look", "attachments": ["image/png:https://example.org/a.png"]},
    ]))));
    use Code::{I101, I201, I203};
    assert_eq!(codes(&imported), [I101, I101, I101, I203, I201]);
    assert_eq!(node(&imported, "n1")["kind"], "rapidpro:send_email");
    assert_eq!(node(&imported, "n1")["config"]["subject"], "S");
    assert_eq!(imported.report.findings[1].path, "flows[0].nodes[0].actions[1]");
    assert_eq!(imported.report.findings[1].node, "n1.1");
    assert_eq!(node(&imported, "n1.4")["config"]["text"], "https://example.org/a.png");
    assert_eq!(node(&imported, "n1.5")["exits"][0]["to"], "done");

    let unknown = json!([{"uuid": "c1", "type": "has_aura", "category_uuid": "k1"}]);
    let imported = import(&export(asks(unknown, "@input.text")));
    assert_eq!(node(&imported, "n1.1")["kind"], "rapidpro:switch");
    assert_eq!(codes(&imported), [I101]);
    let imported = import(&export(asks(json!([]), "@globals.key")));
    assert_eq!(codes(&imported), [Code::I103, Code::I103]);
}

#[test]
fn actions_have_counterparts() {
    let imported = import(&export(acts(json!([
        {"uuid": "a", "type": "set_contact_field", "field": {"key": "city"}, "value": "@input.text"},
        {"uuid": "b", "type": "set_contact_language", "language": "por"},
        {"uuid": "c", "type": "set_run_local", "local": "count", "operation": "increment", "value": "2"},
        {"uuid": "d", "type": "set_contact_status", "status": "stopped"},
        {"uuid": "e", "type": "remove_contact_groups", "groups": [{"uuid": "g", "name": "Friends"}]},
        {"uuid": "f", "type": "call_webhook", "method": "POST", "url": "https://example.org/@(url_encode(contact.name))",
         "body": "{\"a\": @(json(results.a)), \"b\": @(json(contact.uuid))}"},
        {"uuid": "g", "type": "open_ticket", "topic": {"name": "Help"}, "note": "@input.text"},
    ]))));
    let config = |id: &str| node(&imported, id)["config"].clone();
    assert_eq!(config("n1"), json!({"set": [{"to": "city", "from": {"value": "{{ input.text }}"}}]}));
    assert_eq!(config("n1.1")["set"][0]["from"]["value"], "pt");
    assert_eq!(config("n1.2")["values"][0]["from"]["expr"], "(l_count | default(0)) + 2");
    assert_eq!(node(&imported, "n1.3")["kind"], "opt_out");
    assert_eq!(config("n1.4"), json!({"remove": ["Friends"]}));
    assert_eq!(config("n1.5")["url"], "https://example.org/{{ contact.name }}");
    assert_eq!(config("n1.5")["body"], json!({"json": {"a": "{{ r_a.value }}", "b": null}}));
    assert_eq!(config("n1.6"), json!({"queue": "Help", "note": "{{ input.text }}"}));
}

#[test]
fn buttons_belong_to_the_wait_behind_them() {
    let mut json = export(asks(json!([]), "@input.text"));
    json["flows"][0]["nodes"][0]["actions"] = json!([{"uuid": "a", "type": "send_msg", "text": "Well?", "quick_replies": ["Yes", {"text": "No", "type": "text"}]}]);
    let imported = import(&json);
    let choose = node(&imported, "n1");
    assert_eq!(choose["kind"], "choose");
    assert_eq!(choose["config"]["options"][1]["label"], "No");
    assert_eq!(choose["config"]["timeoutSeconds"], 60);
    let exits: Vec<_> = choose["exits"].as_array().unwrap().iter().map(|exit| &exit["id"]).collect();
    assert_eq!(exits, ["chosen", "invalid", "timeout"]);
    assert_eq!(choose["exits"][1]["to"], "n1.1");

    // As editors write it, the wait is a node of its own.
    let mut json = export(asks(json!([]), "@input.text"));
    json["flows"][0]["nodes"].as_array_mut().unwrap().insert(
        0,
        json!({"uuid": "n0", "exits": [{"uuid": "x0", "destination_uuid": "n1"}], "actions": [
            {"uuid": "a0", "type": "send_msg", "text": "Well?", "quick_replies": ["Yes", "No"]}]}),
    );
    json["flows"][0]["localization"]["por"]["a0"] = json!({"quick_replies": ["Sim", "Não"]});
    let choose = node(&import(&json), "n0");
    assert_eq!(choose["config"]["options"][1]["label"], json!({"en": "No", "pt": "Não"}));
    let leads: Vec<_> = choose["exits"].as_array().unwrap().iter().map(|exit| &exit["to"]).collect();
    assert_eq!(leads, ["n1.1", "n1.1", "n1.v0"]);
}

#[test]
fn triggers_are_carried_over() {
    let mut json = export(acts(json!([])));
    json["triggers"] = json!([
        {"trigger_type": "K", "keywords": ["join"], "match_type": "O", "flow": {"uuid": "f1"}},
        {"trigger_type": "S", "flow": {"uuid": "f1"}},
        {"trigger_type": "C", "flow": {"uuid": "gone"}},
    ]);
    json["campaigns"] = json!([{"name": "C"}]);
    let imported = import(&json);
    assert_eq!(
        serde_json::to_value(&imported.definition.triggers).unwrap(),
        json!([{"id": "trigger-1", "on": {"keyword": {"words": ["join"], "matching": "exact"}}, "flow": "f1"}])
    );
    assert_eq!(codes(&imported), [Code::I204; 3]);
}

#[test]
fn what_is_no_export_is_refused() {
    let error = |json: Json| rapidpro(&json.to_string(), &Workspace::default()).map(|_| ()).unwrap_err();
    assert_eq!(error(json!({})).code(), "I003");
    assert_eq!(error(json!({"flows": {}})).code(), "I004");
    let mut old = export(json!([]));
    old["flows"][0]["spec_version"] = json!("11.12");
    assert_eq!(error(old).to_string().split(':').nth(1), Some(" flows[0].spec_version"));
    let mut wrong = export(acts(json!([{"uuid": "a"}])));
    assert_eq!(
        error(wrong.clone()),
        ImportError::Shape { path: "flows[0].nodes[0].actions[0].type".to_owned(), expected: "a text" }
    );
    wrong["flows"][0]["nodes"] = json!([{"uuid": "n1"}, {"uuid": "n1"}]);
    assert_eq!(error(wrong), ImportError::Duplicate { path: "flows[0].nodes[1]".to_owned() });
}
