//! Definitions, values and renderings together.
use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use whatsapp_store::{Content, MenuKind};

use super::*;
use crate::id::RowId;

fn definition(variables: &str, content: &str) -> Definition {
    let json = format!(
        r#"{{"category":"utility","variables":{variables},"variants":[{{"name":"a","content":{content}}}]}}"#
    );
    Definition::from_json(&json).unwrap()
}

fn template(variables: &str, content: &str) -> Template {
    Template::new(&definition(variables, content)).unwrap()
}

fn text(variables: &str, text: &str) -> Template {
    template(variables, &serde_json::json!({"type": "text", "text": text}).to_string())
}

fn problems(variables: &str, content: &str) -> Vec<String> {
    let found = Template::new(&definition(variables, content)).unwrap_err();
    found.0.iter().map(ToString::to_string).collect()
}

fn problem(variables: &str, source: &str) -> String {
    let content = serde_json::json!({"type": "text", "text": source}).to_string();
    let mut problems = problems(variables, &content);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

fn rendered(template: &Template, row: &[(&str, &str)]) -> Result<Content, Refused> {
    Ok(template.render(&template.bind(row)?, 0)?)
}

fn rendered_text(template: &Template, row: &[(&str, &str)]) -> String {
    rendered(template, row).unwrap().as_text().unwrap().to_owned()
}

const NAME: &str = r#"{"name":{"type":"text"}}"#;
const SHOP: &str = r#"{
    "name": {"type": "text", "missing": {"policy": "default", "value": "friend"}},
    "count": {"type": "number"},
    "day": {"type": "date", "format": "%d.%m.%Y"},
    "sum": {"type": "money", "currency": "EUR", "decimalMark": ","},
    "link": {"type": "url", "hosts": ["shop.example"]}
}"#;

#[test]
fn every_type_is_shown_as_declared() {
    let template = text(
        SHOP,
        "Hello {{ name|title }}!\n{% if count > 1 %}{{ count }} things{% else %}One thing{% endif %}, {{ sum }}, by {{ day }}: {{ link }}\n",
    );
    let mut row = vec![
        ("count", "2"),
        ("day", "2026-12-24"),
        ("sum", "1234.5"),
        ("link", "https://shop.example/a?b=1&c"),
    ];
    assert_eq!(
        rendered_text(&template, &row),
        "Hello Friend!\n2 things, 1234,50\u{a0}EUR, by 24.12.2026: https://shop.example/a?b=1&c\n"
    );
    row[0].1 = "1";
    row.push(("name", "  anna  "));
    assert!(rendered_text(&template, &row).starts_with("Hello Anna!\nOne thing,"));
}

#[test]
fn every_kind_of_content_is_rendered_in_all_its_texts() {
    for (content, expected) in [
        (r#"{"type":"text","text":"{{ name }}"}"#, Content::text("Ann")),
        (
            r#"{"type":"location","latitude":1.5,"longitude":2.5,"name":"{{ name }}","address":"at {{ name }}"}"#,
            Content::Location {
                latitude: 1.5,
                longitude: 2.5,
                name: Some("Ann".into()),
                address: Some("at Ann".into()),
            },
        ),
        (
            r#"{"type":"contact","name":"{{ name }}","vcard":"BEGIN:VCARD\nFN:{{ name }}\nEND:VCARD"}"#,
            Content::Contact { name: "Ann".into(), vcard: "BEGIN:VCARD\nFN:Ann\nEND:VCARD".into() },
        ),
        (
            r#"{"type":"poll","question":"{{ name }}?","options":["yes","no, {{ name }}"],"selectable":1}"#,
            Content::Poll {
                question: "Ann?".into(),
                options: vec!["yes".into(), "no, Ann".into()],
                selectable: 1,
            },
        ),
    ] {
        assert_eq!(rendered(&template(NAME, content), &[("name", "Ann")]).unwrap(), expected);
    }
}

#[test]
fn a_value_is_never_a_template_and_never_more_than_its_part_of_a_card() {
    assert_eq!(rendered_text(&text(NAME, "{{ name }}"), &[("name", "{{ 7 }}{% if %}")]), "{{ 7 }}{% if %}");
    let card = r#"{"type":"contact","name":"x","vcard":"FN:{{ name }}\nURL:{{ link }}\n"}"#;
    let card = template(r#"{"name":{"type":"text"},"link":{"type":"url"}}"#, card);
    let row = [("name", "A;B,C\\\nTEL:1"), ("link", "https://a.example/x,y;z")];
    let Content::Contact { vcard, .. } = rendered(&card, &row).unwrap() else { panic!("a contact") };
    assert_eq!(vcard, "FN:A\\;B\\,C\\\\\\nTEL:1\nURL:https://a.example/x,y;z\n");
}

#[test]
fn the_bytes_of_a_known_case_do_not_change() {
    let template = text(
        SHOP,
        "{{ name|upper }} {{ count }} {{ day }} {{ sum }} {{ link }} {{ count / 3 }} {{ count|round(1) }}",
    );
    let row = [("count", "2.25"), ("day", "2026-12-24"), ("sum", "-0.5"), ("link", "http://shop.example")];
    let values = template.bind(&row[..]).unwrap();
    assert_eq!(
        serde_json::to_string(&template.render(&values, 0).unwrap()).unwrap(),
        "{\"type\":\"text\",\"text\":\"FRIEND 2.25 24.12.2026 -0,50\u{a0}EUR http://shop.example 0.75 2.2\"}"
    );
    assert_eq!(template.version().to_string(), "b5a9d11366f2bb78");
    let stored = values.to_bytes();
    assert_eq!(Values::from_bytes(&stored).unwrap(), values);
    let stored = String::from_utf8(stored).unwrap();
    assert_eq!(stored, r#"["b5a9d11366f2bb78","2.25","2026-12-24","http://shop.example",null,"-0.5"]"#);
}

#[test]
fn values_of_another_version_or_damaged_ones_are_not_rendered() {
    let (one, other) = (text(NAME, "{{ name }}"), text(NAME, "{{ name }}!"));
    let values = one.bind(&[("name", "Ann")][..]).unwrap();
    assert_eq!(other.render(&values, 0), Err(RenderError::OtherVersion));
    assert_eq!(one.render(&values, 1), Err(RenderError::NoVariant(1)));
    for damaged in ["", "[]", "{}", r#"["x"]"#, r#"[null,"a"]"#, r#"["0123456789abcdeg"]"#] {
        assert_eq!(Values::from_bytes(damaged.as_bytes()), Err(RenderError::Stored), "{damaged}");
    }
    let number = text(r#"{"n":{"type":"number"}}"#, "{{ n }}");
    let damaged = Values::from_bytes(format!(r#"["{}","many"]"#, number.version()).as_bytes()).unwrap();
    assert_eq!(number.render(&damaged, 0), Err(RenderError::Value("n".into())));
}

#[test]
fn weights_and_shares_do_not_make_another_version() {
    let mut changed = definition(NAME, r#"{"type":"text","text":"{{ name }}"}"#);
    let version = Template::new(&changed).unwrap().version();
    changed.variants[0].weight = 7;
    changed.split.hold_out = 10;
    assert_eq!(Template::new(&changed).unwrap().version(), version);
    changed.variants[0].content = Content::text("{{ name }}.");
    assert_ne!(Template::new(&changed).unwrap().version(), version);
}

#[test]
fn each_policy_for_a_missing_value() {
    let with =
        |policy: &str| text(&format!(r#"{{"name":{{"type":"text","missing":{policy}}}}}"#), "Hi {{ name }}");
    for row in [vec![], vec![("name", "")], vec![("name", " \t ")]] {
        assert_eq!(rendered_text(&with(r#"{"policy":"default","value":"you"}"#), &row), "Hi you");
        assert_eq!(rendered_text(&with(r#"{"policy":"default","value":""}"#), &row), "Hi ");
        for (policy, stops) in [(r#"{"policy":"skip"}"#, false), (r#"{"policy":"fail"}"#, true)] {
            let error = with(policy).bind(&row[..]).unwrap_err();
            assert_eq!((error.variable(), error.stops_campaign()), ("name", stops));
            assert!(matches!(error, BindError::Missing { .. }));
        }
    }
}

#[test]
fn a_wrong_value_is_never_replaced_and_never_told() {
    let default = r#"{"n":{"type":"number","missing":{"policy":"default","value":"1"}}}"#;
    let error = text(default, "{{ n }}").bind(&[("n", "secret")][..]).unwrap_err();
    assert!(matches!(error, BindError::Invalid { stops_campaign: false, .. }));
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("variable n ") && !shown.contains("secret"), "{shown}");
}

#[test]
fn what_is_wrong_with_a_template_is_told_with_its_place() {
    let says = |variables, source, says: &str| {
        let problem = problem(variables, source);
        assert!(problem.starts_with("variants[0].content.text: ") && problem.contains(says), "{problem}");
    };
    says("{}", "{{ nane }}", "variable nane is not declared");
    says(NAME, "{{ name }} {{ name.first }}", "variable name.first is not declared");
    says(NAME, "{{ name }}\n{{ name|reverse }}", "line 2: there are the filters");
    says(NAME, "{{ name }}{{ range(9) }}", "variable range is not declared");
    says(NAME, "{{ name is defined }}", "line 1: there are no tests");
    says(NAME, "{{ name }} {% if name %}", "line 1: this is not the template language");
    says(NAME, "{{ name - 1 }}", "does not render with values of the declared types: line 1");
    says(NAME, "{{ name }}{% for c in name %}{% endfor %}", "only if, elif, else and endif");
    says(NAME, &format!("{{{{ name }}}}{}", "x".repeat(16 * 1024)), "longer than 16384 bytes");
}

#[test]
fn every_filter_that_is_allowed_is_there() {
    for filter in source::FILTERS {
        let variable = if matches!(filter, "abs" | "round") { "number" } else { "text" };
        text(&format!(r#"{{"v":{{"type":"{variable}"}}}}"#), &format!("{{{{ v|{filter} }}}}"));
    }
}

#[test]
fn what_is_wrong_with_a_definition_is_told_all_at_once() {
    let problems = problems(
        r#"{
            "a b": {"type": "text"}, "loop": {"type": "text"}, "unused": {"type": "text"},
            "n": {"type": "number", "missing": {"policy": "default", "value": "secret"}},
            "m": {"type": "money", "currency": "euro"},
            "d": {"type": "date", "format": "%Q"},
            "t": {"type": "text", "hosts": ["x"]}
        }"#,
        r#"{"type":"poll","question":"{{ n }}{{ m }}{{ d }}{{ t }}","options":["{{ x }}","{{ y }}"]}"#,
    );
    let expected = [
        "variables: a variable's name",
        "variables.d.format: a date's format",
        "variables: a variable's name",
        "variables.m.currency: money needs a currency",
        "variables.n.missing.value: the default is not right for the type: a number",
        "variables.t.hosts: a variable of this type has no hosts",
        "variants[0].content.options[0]: the variable x is not declared",
        "variants[0].content.options[1]: the variable y is not declared",
        "variables.unused: this variable is declared and used nowhere",
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.starts_with(expected) && !problem.contains("secret"), "{problem}");
    }
}

#[test]
fn what_is_wrong_with_variants() {
    let with = |change: &dyn Fn(&mut Definition)| {
        let mut definition = definition("{}", r#"{"type":"text","text":"x"}"#);
        change(&mut definition);
        Template::new(&definition).unwrap_err().to_string()
    };
    assert!(with(&|it| it.variants.clear()).contains("at least one variant is needed"));
    assert!(with(&|it| it.variants[0].weight = 0).contains("weight above 0"));
    assert!(with(&|it| it.variants.push(it.variants[0].clone())).contains("variants[1].name"));
    assert!(with(&|it| it.split.hold_out = 1_000).contains("split.holdOut"));
    assert!(with(&|it| it.split.test = 0).contains("split.test"));
    assert!(with(&|it| it.split.test = 1_001).contains("split.test"));
    assert!(with(&|it| it.split.test = 500).contains("say how it is found"));
    let rule = WinnerRule { metric: Metric::Read, min_sample: 200, confidence: 95, after_minutes: 240 };
    assert!(with(&|it| it.winner = Some(rule)).contains("two variants or more"));
    for content in [
        Content::Unsupported { kind: "x".into() },
        Content::Buttons { text: "Hi".into(), footer: None, buttons: Vec::new() },
        Content::Choice { of: MenuKind::List, id: "a".into(), title: "A".into() },
    ] {
        assert!(with(&|it| it.variants[0].content = content.clone()).contains("cannot be sent"));
    }
    let nowhere = Content::Location { latitude: f64::NAN, longitude: 1.0, name: None, address: None };
    assert!(with(&|it| it.variants[0].content = nowhere.clone()).contains("not finite"));
}

#[test]
fn marketing_says_how_to_stop_it_or_why_not() {
    let marketing = |text: &str| {
        let mut definition = definition(NAME, &serde_json::json!({"type": "text", "text": text}).to_string());
        definition.category = Category::Marketing;
        definition
    };
    let with_hint = "Hi {{ name }}! Reply STOP to unsubscribe.";
    assert!(Template::new(&marketing(with_hint)).is_ok());
    for without in [
        "Hi {{ name }}!",
        "Hi {{ name }}{% if name %} Reply STOP{% endif %}",
        "{{ name }}{# reply STOP #}",
        "{{ name ~ 'Reply STOP' }}",
    ] {
        let mut definition = marketing(without);
        let problems = Template::new(&definition).unwrap_err();
        assert_eq!(problems.0, [Problem { path: "variants[0].content".into(), what: What::NoOptOutHint }]);
        definition.opt_out_override = Some(OptOutOverride { reason: " ".into(), by: "ana".into(), at: 1 });
        assert!(Template::new(&definition).unwrap_err().to_string().contains("an override names its reason"));
        definition.opt_out_override =
            Some(OptOutOverride { reason: "has a button".into(), by: "ana".into(), at: 1 });
        assert!(Template::new(&definition).is_ok());
        definition.opt_out_override = None;
        definition.category = Category::Utility;
        assert!(Template::new(&definition).is_ok());
    }
    // In every variant of its own.
    let mut two = marketing(with_hint);
    two.variants.push(Variant { name: "b".into(), weight: 1, content: Content::text("Hi") });
    let problems = Template::new(&two).unwrap_err();
    assert_eq!(problems.0[0].path, "variants[1].content");
}

#[test]
fn what_cannot_be_a_message_is_not_one() {
    let poll = r#"{"type":"poll","question":"?","options":["{{ a }}","{{ b }}"]}"#;
    let poll = template(r#"{"a":{"type":"text"},"b":{"type":"text"}}"#, poll);
    let same = rendered(&poll, &[("a", "x"), ("b", "x")]);
    assert_eq!(
        same,
        Err(Refused::Render(RenderError::Field { path: "content".into(), fault: Fault::SameTwice }))
    );
    let empty = text(r#"{"n":{"type":"number"}}"#, "{% if n > 1 %}many{% endif %}");
    let field = |fault| Err(Refused::Render(RenderError::Field { path: "content.text".into(), fault }));
    assert_eq!(rendered(&empty, &[("n", "1")]), field(Fault::Empty));
    let long = text(NAME, &"{{ name }}".repeat(100));
    assert_eq!(rendered(&long, &[("name", &"x".repeat(1_000))]), field(Fault::TooLong));
}

#[test]
fn a_preview_finds_what_nobody_has() {
    let mut definition =
        definition(SHOP, r#"{"type":"text","text":"{{ name }}{{ count }}{{ day }}{{ sum }}{{ link }}"}"#);
    definition
        .variables
        .insert("city".into(), Variable::new(Kind::Text, Missing::Default { value: "here".into() }));
    definition.variants[0].content =
        Content::text("{{ name }}{{ count }}{{ day }}{{ sum }}{{ link }}{{ city }}");
    let template = Template::new(&definition).unwrap();
    let row = |count: &str, name: &str| -> BTreeMap<String, String> {
        let all = [
            ("count", count),
            ("name", name),
            ("day", "2026-01-01"),
            ("sum", "1"),
            ("link", "https://shop.example"),
        ];
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let rows = [row("1", "Ann"), row("", ""), row("many", "")];
    let ids = (0..).map(|seq| RowId { campaign: 1, lane: 0, seq });
    let found = preview(&template, &Arms::new(&[1; 32]), ids.zip(&rows));
    assert_eq!((found.sendable, found.stops_campaign), (1, false));
    assert_eq!(found.missing, BTreeMap::from([("count".to_owned(), 1)]));
    assert_eq!(found.invalid, BTreeMap::from([("count".to_owned(), 1)]));
    assert_eq!(found.nobody_has, ["city"], "it has a default, and a column may still have another name");
    assert_eq!(
        found.samples[0].rendered[0].1.as_text().unwrap(),
        "Ann12026-01-01".replace("2026-01-01", "01.01.2026") + "1,00\u{a0}EURhttps://shop.examplehere"
    );
    assert!(!format!("{found:?}").contains("Ann"));
    let none: [(RowId, &HashMap<String, String>); 0] = [];
    assert!(
        preview(&template, &Arms::new(&[1; 32]), none).nobody_has.is_empty(),
        "of no rows nothing is known"
    );
}

#[test]
fn a_preview_shows_what_the_arm_gets() {
    let mut definition = definition(NAME, r#"{"type":"text","text":"{{ name }} a"}"#);
    definition.variants.push(Variant { name: "b".into(), weight: 1, content: Content::text("{{ name }} b") });
    definition.split = Split { hold_out: 300, test: 500 };
    definition.winner =
        Some(WinnerRule { metric: Metric::Read, min_sample: 30, confidence: 90, after_minutes: 240 });
    let template = Template::new(&definition).unwrap();
    let row = BTreeMap::from([("name".to_owned(), "Ann".to_owned())]);
    let rows = (0..50).map(|seq| (RowId { campaign: 1, lane: 0, seq }, &row));
    let found = preview(&template, &Arms::new(&[1; 32]), rows);
    let mut seen = [0; 3];
    for sample in &found.samples {
        let (place, count) = match sample.arm {
            Arm::Variant(_) => (0, 1),
            Arm::Waits => (1, 2),
            Arm::HoldOut => (2, 0),
        };
        seen[place] += 1;
        assert_eq!(sample.rendered.len(), count);
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    assert_eq!(found.sendable, seen[0] + seen[1]);
}

proptest! {
    #[test]
    fn the_same_comes_out_of_what_was_stored(name in "\\PC{0,40}", count in -1_000_000..1_000_000_i64, cents in 0..100_u8) {
        let definition = definition(SHOP, r#"{"type":"text","text":"{{ name }}|{{ count }}|{% if count > 5 %}{{ day }}{% endif %}|{{ sum }}|{{ link }}"}"#);
        let template = Template::new(&definition).unwrap();
        let sum = format!("{}.{cents:02}", count.abs());
        let count = count.to_string();
        let row = [("name", &*name), ("count", &count), ("day", "2026-02-28"), ("sum", &sum), ("link", "https://shop.example/")];
        let values = template.bind(&row[..]).unwrap();
        let first = serde_json::to_vec(&template.render(&values, 0).unwrap()).unwrap();
        // As after a restart: the definition read again, the values read again.
        let json = serde_json::to_string(&definition).unwrap();
        let again = Template::new(&Definition::from_json(&json).unwrap()).unwrap();
        let stored = Values::from_bytes(&values.to_bytes()).unwrap();
        prop_assert_eq!(serde_json::to_vec(&again.render(&stored, 0).unwrap()).unwrap(), first);
    }

    #[test]
    fn no_source_panics_and_no_error_tells_the_text(source in r#"([{}%#*|"'\\a~.+ 0-9]|\{\{|\}\}|name|if|endif|\{% | %\}|==){0,30}"#) {
        let mut definition = definition(NAME, r#"{"type":"text","text":"x"}"#);
        definition.variants[0].content = Content::text(source);
        if let Ok(template) = Template::new(&definition) {
            let _ = rendered(&template, &[("name", "Ann")]);
        }
    }
}
