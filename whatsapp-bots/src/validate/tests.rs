use serde_json::{Value as Json, json};

use crate::{Code, Compiled, Definition, validate};

fn bot(flows: Json) -> Json {
    json!({
        "format": 1, "bot": {"id": "b", "language": "en"}, "flows": flows,
        "commands": [
            {"id": "stop", "does": "stop", "words": ["stop"]},
            {"id": "human", "does": {"human": ""}, "words": ["human"]},
        ],
    })
}

/// One flow of these nodes.
fn flow(nodes: Json) -> Json {
    bot(json!([{"id": "f", "entry": "a", "nodes": nodes}]))
}

fn found(json: &Json) -> Vec<(Code, String)> {
    let definition = Definition::from_json(&json.to_string()).unwrap();
    validate(&definition).into_iter().map(|finding| (finding.code, finding.path)).collect()
}

#[track_caller]
fn finds(json: Json, expected: &[(Code, &str)]) {
    let found = found(&json);
    let found: Vec<_> = found.iter().map(|(code, path)| (*code, path.as_str())).collect();
    assert_eq!(found, expected);
}

fn say(id: &str, text: &str, to: &str) -> Json {
    json!({"id": id, "kind": "say", "config": {"text": text}, "exits": [{"id": "next", "to": to}]})
}

fn end(id: &str) -> Json {
    json!({"id": id, "kind": "end"})
}

fn of(kind: &str, config: Json, exits: &[&str]) -> Json {
    let exits: Vec<_> = exits.iter().map(|exit| json!({"id": exit})).collect();
    flow(json!([{"id": "a", "kind": kind, "config": config, "exits": exits}]))
}

#[test]
fn the_bot_with_everything_is_fit_to_be_published() {
    let definition = Definition::from_json(include_str!("../../testdata/everything.json")).unwrap();
    let findings = validate(&definition);
    let errors: Vec<_> =
        findings.iter().filter(|finding| finding.is_error()).map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new());
    assert!(Compiled::new(&definition, 1).is_ok());
}

#[test]
fn a_flow_that_starts_a_campaign_is_refused_with_what_to_do() {
    let json = of("start_campaign", json!({"campaign": "welcome"}), &["next"]);
    let findings = validate(&Definition::from_json(&json.to_string()).unwrap());
    let refused = findings.iter().find(|finding| finding.code == Code::E006).unwrap();
    assert!(refused.message.contains("flows start no campaigns"), "{refused}");
}

#[test]
fn a_small_bot_has_nothing_wrong_with_it() {
    finds(flow(json!([say("a", "Hi", "b"), end("b")])), &[]);
}

#[test]
fn ids_and_references() {
    finds(flow(json!([say("a", "Hi", "x"), end("b")])), &[(Code::E004, "f/a/next"), (Code::W101, "f/b")]);
    finds(flow(json!([say("a", "Hi", "a/b"), end("a/b")])), &[(Code::E002, "f/a/b")]);
    finds(flow(json!([end("a"), end("a")])), &[(Code::E002, "f/a"), (Code::W101, "f/a")]);
    finds(bot(json!([{"id": "f", "entry": "x", "nodes": []}])), &[(Code::E003, "f/entry")]);
    finds(bot(json!([])), &[(Code::E003, "flows")]);
    finds(of("goto", json!({"flow": "g"}), &[]), &[(Code::E005, "f/a/flow")]);
    finds(of("goto", json!({"node": "g"}), &[]), &[(Code::E004, "f/a/node")]);
    finds(of("hologram", json!({}), &[]), &[(Code::E006, "f/a")]);
    finds(of("say", json!({"text": "x"}), &["next", "other"]), &[(Code::W113, "f/a/other")]);
    finds(of("say", json!({"text": "x"}), &[]), &[(Code::W102, "f/a/next")]);
    finds(of("opt_out", json!({"back": true}), &["next"]), &[(Code::W114, "f/a/scope")]);
    finds(of("opt_out", json!({"back": true, "scope": "news"}), &["next"]), &[]);
    for config in [json!({"back": true, "scope": " "}), json!({"scope": "news"})] {
        finds(of("opt_out", config, &["next"]), &[(Code::E001, "f/a/scope")]);
    }
    let many: Vec<_> =
        (0..1001).map(|place| say(&format!("n{place}"), "x", &format!("n{}", place + 1))).collect();
    let mut many = bot(json!([{"id": "f", "entry": "n0", "nodes": many}]));
    many["flows"][0]["nodes"][1000]["exits"][0].as_object_mut().unwrap().remove("to");
    finds(many, &[(Code::E017, "f")]);
}

#[test]
fn circles() {
    finds(flow(json!([say("a", "x", "b"), say("b", "x", "a")])), &[(Code::E007, "f/a")]);
    finds(flow(json!([say("a", "x", "a")])), &[(Code::E007, "f/a")]);
    let wait = |seconds: u64| json!({"id": "b", "kind": "wait", "config": {"seconds": seconds}, "exits": [{"id": "next", "to": "a"}]});
    finds(flow(json!([say("a", "x", "b"), wait(1)])), &[]);
    finds(flow(json!([say("a", "x", "b"), wait(0)])), &[(Code::E007, "f/a")]);
    finds(of("goto", json!({}), &[]), &[(Code::E007, "f/a")]);
    let call =
        |to: &str| json!({"id": "a", "kind": "call_flow", "config": {"flow": to}, "exits": [{"id": "next"}]});
    let pair = |second: Json| {
        bot(
            json!([{"id": "f", "entry": "a", "nodes": [call("g")]}, {"id": "g", "entry": "a", "nodes": second}]),
        )
    };
    finds(pair(json!([call("f")])), &[(Code::E008, "f/a")]);
    finds(pair(json!([end("a")])), &[]);
    // A loop around a call that never waits is a circle, one around a call that asks is none.
    let around = |second: Json| {
        let again = json!({"id": "a", "kind": "call_flow", "config": {"flow": "g"}, "exits": [{"id": "next", "to": "a"}]});
        bot(json!([{"id": "f", "entry": "a", "nodes": [again]}, {"id": "g", "entry": "a", "nodes": second}]))
    };
    finds(around(json!([{"id": "a", "kind": "return"}])), &[(Code::E007, "f/a")]);
    finds(
        around(json!([{"id": "a", "kind": "wait", "config": {"seconds": 5}, "exits": [{"id": "next"}]}])),
        &[],
    );
}

#[test]
fn patterns_and_templates() {
    let regex = |pattern: &str| {
        of("branch", json!({"cases": [{"id": "x", "when": {"regex": {"pattern": pattern}}}]}), &["x", "else"])
    };
    for pattern in ["(", "(?=x)", r"(a)\1", "((a{100}){100}){100}", &"a".repeat(1001), &"(".repeat(900)] {
        finds(regex(pattern), &[(Code::E009, "f/a/cases/x")]);
    }
    finds(regex("^(a+)+$"), &[]);
    for text in
        ["{{ x", "{{ 9 * 9 }}", "{% set x = 1 %}", "{% for %}", "{{ a | nothing }}", "{% include 'x' %}"]
    {
        finds(of("say", json!({"text": text}), &["next"]), &[(Code::E010, "f/a/text")]);
    }
    finds(of("say", json!({"text": "{{ x }}"}), &["next"]), &[(Code::W103, "f/a/text")]);
    finds(
        of("set", json!({"values": [{"to": "x", "from": {"value": 1}}]}), &["next"]),
        &[(Code::W104, "f/a/values/x")],
    );
    for name in ["", "a.b", "9", "contact", "in", "ä"] {
        let set = json!({"values": [{"to": name, "from": {"value": 1}}]});
        finds(of("set", set, &["next"]), &[(Code::E010, &format!("f/a/values/{name}"))]);
    }
    let mut deep = json!({"tag": "x"});
    for _ in 0..20 {
        deep = json!({"not": deep});
    }
    finds(
        of("branch", json!({"cases": [{"id": "x", "when": deep}]}), &["x", "else"]),
        &[(Code::E017, "f/a/cases/x")],
    );
}

#[test]
fn settings() {
    let option = |id: &str, label: &str| json!({"id": id, "label": label});
    let choose = |style: &str, options: Json| {
        of("choose", json!({"text": "?", "style": style, "options": options}), &["chosen", "invalid"])
    };
    finds(choose("auto", json!([])), &[(Code::E001, "f/a/options"), (Code::W113, "f/a/chosen")]);
    let four: Vec<_> = (0..4).map(|place| option(&format!("o{place}"), &format!("Option {place}"))).collect();
    finds(choose("buttons", json!(four)), &[(Code::E013, "f/a/options")]);
    finds(choose("list", json!(four)), &[]);
    finds(choose("buttons", json!([option("o", &"x".repeat(21))])), &[(Code::E013, "f/a/options/o/label")]);
    finds(choose("auto", json!([option("o", "Été"), option("p", "ete!")])), &[(Code::E012, "f/a/options/p")]);
    finds(choose("auto", json!([option("o", "A"), option("o", "B")])), &[(Code::E002, "f/a/options/1/id")]);
    finds(of("ask", json!({"text": "?"}), &["ok"]), &[(Code::E014, "f/a/invalid")]);
    finds(
        of("ask", json!({"text": "?", "timeoutSeconds": 5}), &["ok", "invalid"]),
        &[(Code::E014, "f/a/timeout")],
    );
    finds(
        of("ask", json!({"text": "?", "answer": {"text": {"min": 5, "max": 2}}}), &["ok", "invalid"]),
        &[(Code::E001, "f/a/answer")],
    );
    finds(
        of("ask", json!({"text": "?", "answer": {"date": {"min": "soon"}}}), &["ok", "invalid"]),
        &[(Code::E001, "f/a/answer/min")],
    );
    finds(of("split", json!({"arms": [{"id": "a", "weight": 0}]}), &["a"]), &[(Code::E016, "f/a/arms")]);
    finds(of("wait", json!({}), &[]), &[(Code::E001, "f/a")]);
    finds(of("wait", json!({"seconds": 90_000}), &["next"]), &[(Code::W110, "f/a/seconds")]);
    finds(of("tag", json!({}), &["next"]), &[(Code::E001, "f/a")]);
    finds(of("say", json!({}), &["next"]), &[(Code::E001, "f/a")]);
    finds(of("say", json!({"text": "x".repeat(4097)}), &["next"]), &[(Code::E013, "f/a/text")]);
    finds(
        of("say", json!({"content": {"type": "unsupported", "kind": "x"}}), &["next"]),
        &[(Code::E018, "f/a/content")],
    );
    for url in
        ["example.org", "https://{{ input.text }}/x", "ftp://example.org", "https://a@b.org", "https://"]
    {
        finds(of("http", json!({"url": url}), &["ok", "error"]), &[(Code::E001, "f/a/url")]);
    }
    finds(
        of("http", json!({"url": "https://a.org/{{ input.text|upper }}"}), &["ok", "error"]),
        &[(Code::E010, "f/a/url")],
    );
    finds(
        of("http", json!({"url": "https://a.org", "headers": {"Host": "x"}}), &["ok", "error"]),
        &[(Code::E001, "f/a/headers/Host")],
    );
}

#[test]
fn what_cannot_be_sent_is_not_said() {
    let said = |content: Json| of("say", json!({ "content": content }), &["next"]);
    let buttons = |ids: &[&str]| {
        let buttons: Vec<_> = ids.iter().map(|id| json!({ "id": id, "title": "{{ x }}" })).collect();
        said(json!({ "type": "buttons", "text": "?", "buttons": buttons }))
    };
    let of_type = |name: &str| {
        said(json!({ "type": name, "emoji": "x", "message_id": "1", "kind": "image", "mime": "a/b",
        "of": "list", "id": "1", "title": "a" }))
    };
    for name in ["reaction", "media", "choice", "unsupported"] {
        finds(of_type(name), &[(Code::E018, "f/a/content")]);
    }
    finds(of_type("hologram"), &[(Code::E001, "f/a/content")]);
    let poll = json!({ "type": "poll", "question": "?", "options": ["a", "a"] });
    finds(said(poll), &[(Code::E018, "f/a/content/options")]);
    let place = json!({ "type": "location", "latitude": 91, "longitude": 0 });
    finds(said(place), &[(Code::E018, "f/a/content/latitude")]);
    let many = buttons(&["1", "2", "3", "4"]);
    assert!(found(&many).contains(&(Code::E013, "f/a/content/buttons".to_owned())));
    assert!(found(&buttons(&["1", "2", "3"])).iter().all(|(code, _)| !code.is_error()));
}

#[test]
fn contracts_and_what_is_outside() {
    let call = |config: Json| {
        bot(json!([
            {"id": "f", "entry": "a", "nodes": [{"id": "a", "kind": "call_flow", "config": config, "exits": [{"id": "next"}]}]},
            {"id": "g", "entry": "a", "nodes": [{"id": "a", "kind": "return", "config": {"values": {"z": {"value": 1}}}}]},
        ]))
    };
    finds(
        call(json!({"flow": "g", "with": {"x": {"value": 1}}, "save": "y"})),
        &[
            (Code::E015, "f/a/save"),
            (Code::E015, "f/a/with/x"),
            (Code::E015, "g/a/values/z"),
            (Code::W104, "f/a/save"),
            (Code::W104, "f/a/with/x"),
        ],
    );
    let mut known = of("tag", json!({"add": ["vip"]}), &["next"]);
    known["bot"]["known"] = json!({"tags": ["new"]});
    finds(known, &[(Code::E011, "f/a/add")]);
    let mut zone = flow(json!([end("a")]));
    zone["bot"]["zone"] = json!("Mars/Base");
    finds(zone, &[(Code::E001, "bot/zone")]);
    let mut translated = of("say", json!({"text": {"en": "Hi"}}), &["next"]);
    translated["bot"]["languages"] = json!(["de"]);
    finds(translated, &[(Code::W105, "f/a/text")]);
}

#[test]
fn triggers_and_commands() {
    let mut json = flow(json!([end("a")]));
    json["triggers"] = json!([
        {"id": "one", "on": {"keyword": {"words": ["Straße"]}}, "flow": "f"},
        {"id": "two", "on": {"keyword": {"words": {"de": ["strasse!"]}}}, "flow": "f"},
        {"id": "other", "on": {"keyword": {"words": ["strasse"], "matching": "contains"}}, "flow": "f"},
        {"id": "any", "on": "anyMessage", "flow": "f", "priority": 1},
    ]);
    finds(
        json.clone(),
        &[
            (Code::W107, "triggers/one"),
            (Code::W107, "triggers/other"),
            (Code::W106, "triggers/two"),
            (Code::W107, "triggers/two"),
        ],
    );
    json["triggers"] = json!([
        {"id": "one", "on": {"keyword": {"words": []}}, "flow": "f"},
        {"id": "two", "on": {"regex": "("}, "flow": "f"},
        {"id": "three", "on": {"payload": ["x"]}, "flow": "g", "params": {"y": 1}},
        {"id": "four", "on": {"payload": ["y"]}, "flow": "f", "params": {"y": 1}},
        {"id": "five", "on": {"schedule": {"cron": "0 9 30 2 *"}}, "flow": "f"},
    ]);
    json["commands"] = json!([
        {"id": "a", "does": "help", "words": ["?!"]},
        {"id": "b", "does": "help", "words": ["Hilfe"]},
        {"id": "c", "does": "help", "words": ["hilfe"]},
    ]);
    let found = found(&json);
    for expected in [
        (Code::E001, "triggers/one/on"),
        (Code::E009, "triggers/two/on"),
        (Code::E005, "triggers/three/flow"),
        (Code::E015, "triggers/four/params"),
        (Code::E001, "triggers/five/on"),
        (Code::E001, "commands/a/words"),
        (Code::E012, "commands/c/words"),
        (Code::W108, "commands"),
        (Code::W109, "commands"),
    ] {
        assert!(found.contains(&(expected.0, expected.1.to_owned())), "{expected:?} in {found:?}");
    }
}

#[test]
fn more_than_a_bot_may_have_is_told_and_not_tried() {
    let many = |count: usize| (0..count).map(|place| format!("w{place}")).collect::<Vec<_>>();
    let mut words = flow(json!([end("a")]));
    words["triggers"] = json!([{"id": "t", "on": {"keyword": {"words": many(100_000)}}, "flow": "f"}]);
    assert!(found(&words).contains(&(Code::E017, "triggers/t/on".to_owned())));

    let cases: Vec<_> = many(20_000).into_iter().map(|id| json!({"id": id, "when": {"tag": id}})).collect();
    let exits = many(20_000);
    let exits: Vec<_> = exits.iter().map(String::as_str).collect();
    assert!(found(&of("branch", json!({"cases": cases}), &exits)).contains(&(Code::E017, "f/a".to_owned())));
    assert!(
        found(&of("branch", json!({"cases": cases}), &["else"]))
            .contains(&(Code::E017, "f/a/cases".to_owned()))
    );

    let mut patterns = flow(json!([end("a")]));
    let triggers: Vec<_> =
        many(501).into_iter().map(|id| json!({"id": id, "on": {"regex": id}, "flow": "f"})).collect();
    patterns["triggers"] = json!(triggers);
    assert!(found(&patterns).contains(&(Code::E017, "triggers/w500/on".to_owned())));

    // Each flow calls the next, in the worst order to look at them.
    let call = |place: usize| json!({"id": "a", "kind": "call_flow", "config": {"flow": format!("f{place}")}, "exits": [{"id": "next"}]});
    let mut flows: Vec<_> = (0..499)
        .map(|place| json!({"id": format!("f{place}"), "entry": "a", "nodes": [call(place + 1)]}))
        .collect();
    flows.push(json!({"id": "f499", "entry": "a", "nodes": [call(0)]}));
    assert_eq!(found(&bot(json!(flows))), [(Code::E008, "f0/a".to_owned())]);
    flows[499]["nodes"] = json!([{"id": "a", "kind": "return"}]);
    assert_eq!(found(&bot(json!(flows))), []);
}

#[test]
fn a_message_names_code_and_path_and_nothing_is_published_with_errors() {
    let definition = Definition::from_json(&of("hologram", json!({}), &[]).to_string()).unwrap();
    let findings = Compiled::new(&definition, 1).unwrap_err();
    assert!(findings.to_string().starts_with("E006 f/a: this version does not know"), "{findings}");
}

#[test]
fn a_schedule_needs_a_time_and_somebody() {
    let scheduled = |on: Json| {
        let mut bot = flow(json!([say("a", "Hi", "b"), end("b")]));
        bot["bot"]["known"] = json!({"tags": ["vip"]});
        bot["triggers"] = json!([{"id": "t", "on": {"schedule": on}, "flow": "f"}]);
        bot
    };
    finds(scheduled(json!({"cron": "0 9 * * MON", "tags": ["vip"], "sessionId": "shop"})), &[]);
    finds(scheduled(json!({"cron": "0 9 * * MON"})), &[(Code::E019, "triggers/t/on/tags")]);
    finds(scheduled(json!({"cron": "0 9 30 2 *", "tags": ["vip"]})), &[(Code::E001, "triggers/t/on")]);
    finds(scheduled(json!({"cron": "0 9 * * *", "tags": ["vpi"]})), &[(Code::E011, "triggers/t/on/tags")]);
    finds(
        scheduled(json!({"cron": "0 9 * * *", "tags": ["vip"], "sessionId": "a b"})),
        &[(Code::E001, "triggers/t/on/sessionId")],
    );
    let many: Vec<_> = (0..101).map(|_| "vip").collect();
    finds(scheduled(json!({"cron": "0 9 * * *", "tags": many})), &[(Code::E017, "triggers/t/on/tags")]);
}

#[test]
fn a_list_with_nothing_in_it_is_no_wait() {
    let from = |empty: &str| {
        flow(json!([{"id": "a", "kind": "choose_from", "config": {"text": "?", "list": "x"},
            "exits": [{"id": "chosen", "to": "a"}, {"id": "invalid", "to": "a"}, {"id": "empty", "to": empty}]}, end("b")]))
    };
    finds(from("b"), &[(Code::W103, "f/a/list")]);
    assert!(found(&from("a")).contains(&(Code::E007, "f/a".to_owned())));
}
