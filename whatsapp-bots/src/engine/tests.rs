//! Properties of any bot and any input, and what happens at the guards.
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::{
    Definition,
    effect::{Event, Guard, Trouble},
    input::{Body, Media},
    state::Status,
};

fn compile(json: &Json) -> Compiled {
    let definition = Definition::from_json(&json.to_string()).unwrap();
    Compiled::new(&definition, 1).unwrap_or_else(|findings| panic!("{findings}"))
}

/// Also a bot that would never be published.
fn compile_anyhow(json: &Json) -> (Compiled, bool) {
    let definition = Definition::from_json(&json.to_string()).unwrap();
    let (bot, findings) = Compiled::examine(&definition, 1);
    (bot, findings.iter().all(|finding| !finding.is_error()))
}

fn bot(nodes: Json) -> Json {
    json!({
        "format": 1, "bot": {"id": "b", "language": "en"},
        "flows": [{"id": "f", "entry": "n0", "params": ["x"], "nodes": nodes}],
        "triggers": [{"id": "any", "on": "anyMessage", "flow": "f"}],
    })
}

fn run(bot: &Compiled, state: State, input: &Input) -> Step {
    let contact = Contact::default();
    step(bot, state, input, &Ctx { now: 1_000_000, seed: 7, contact: &contact })
}

fn start() -> Input {
    Input::Start { flow: None, params: Map::new() }
}

fn guards(step: &Step) -> Vec<Guard> {
    let guard = |effect: &Effect| match effect {
        Effect::Emit(Event::Guard { guard, .. }) => Some(*guard),
        _ => None,
    };
    step.effects.iter().filter_map(guard).collect()
}

fn troubles(step: &Step) -> Vec<Trouble> {
    let trouble = |effect: &Effect| match effect {
        Effect::Log { code, .. } => Some(*code),
        _ => None,
    };
    step.effects.iter().filter_map(trouble).collect()
}

#[test]
fn guards_end_what_validation_would_not_let_through() {
    let say = |id: &str, to: &str| json!({"id": id, "kind": "say", "config": {"text": "x"}, "exits": [{"id": "next", "to": to}]});
    let (circle, valid) = compile_anyhow(&bot(json!([say("n0", "n0")])));
    assert!(!valid);
    let step = run(&circle, State::default(), &start());
    assert_eq!(guards(&step), [Guard::Visits]);
    assert_eq!(step.state.outcome(), Some("failed"));

    let call = json!([{"id": "n0", "kind": "call_flow", "config": {"flow": "f"}, "exits": [{"id": "next"}]}]);
    let (recursion, _) = compile_anyhow(&bot(call));
    let limits = Limits { visits: 1_000, ..Limits::default() };
    assert_eq!(guards(&run(&recursion.with_limits(limits), State::default(), &start())), [Guard::Depth]);

    let many: Vec<_> =
        (0..120).map(|place| say(&format!("n{place}"), &format!("n{}", (place + 1) % 120))).collect();
    let (many, _) = compile_anyhow(&bot(json!(many)));
    assert_eq!(guards(&run(&many, State::default(), &start())), [Guard::Sends]);
    let limits = Limits { sends: 1_000, ..Limits::default() };
    assert_eq!(guards(&run(&many.with_limits(limits), State::default(), &start())), [Guard::TurnSteps]);
}

#[test]
fn on_error_takes_over_once() {
    let circle =
        json!([{"id": "n0", "kind": "say", "config": {"text": "x"}, "exits": [{"id": "next", "to": "n0"}]}]);
    let mut json = bot(circle);
    json["onError"] = json!({"flow": "f"});
    let (again, _) = compile_anyhow(&json);
    let step = run(&again, State::default(), &start());
    assert_eq!((guards(&step).len(), step.state.outcome()), (2, Some("failed")));

    json["onError"] = json!({"handoff": "sales"});
    let (person, _) = compile_anyhow(&json);
    let step = run(&person, State::default(), &start());
    assert_eq!((guards(&step).len(), step.state.status()), (1, Status::HandedOff));
    let step = run(&person, step.state, &Input::HumanReleased);
    assert_eq!(step.state.status(), Status::Done);
}

#[test]
fn a_state_of_another_version_is_left_alone() {
    let ask = json!([{"id": "n0", "kind": "wait", "config": {"seconds": 5}, "exits": [{"id": "next"}]}]);
    let old = compile(&bot(ask));
    let state = run(&old, State::default(), &start()).state;
    let definition = Definition::from_json(&bot(json!([{"id": "n0", "kind": "end"}])).to_string()).unwrap();
    let new = Compiled::new(&definition, 2).unwrap();
    let step = run(&new, state.clone(), &Input::Message(Message::text("hi")));
    assert!(step.state == state && troubles(&step) == [Trouble::OtherVersion]);
    let done = run(&old, state, &Input::Cancel).state;
    assert_eq!(run(&new, done, &start()).state.version(), 2);
}

#[test]
fn huge_and_odd_inputs_lose_nothing() {
    let ask = |answer: Json| {
        compile(&bot(json!([
            {"id": "n0", "kind": "ask", "config": {"text": "?", "answer": answer, "save": "x", "retries": {"max": 200}},
             "exits": [{"id": "ok", "to": "n1"}, {"id": "invalid"}]},
            {"id": "n1", "kind": "say", "config": {"text": "{{ x }}"}, "exits": [{"id": "next"}]},
        ])))
    };
    let huge = Input::Message(Message::text("é".repeat(3_000_000)));
    for answer in [
        json!("email"),
        json!("url"),
        json!({"number": {}}),
        json!({"text": {"pattern": "(a+)+b"}}),
        json!({"phone": {}}),
    ] {
        let bot = ask(answer);
        let asked = run(&bot, State::default(), &start()).state;
        let step = run(&bot, asked, &huge);
        assert_eq!(step.state.status(), Status::Waiting);
        assert!(step.state.to_bytes().len() < 100);
    }
    let bot = ask(json!({"text": {}}));
    let asked = run(&bot, State::default(), &start()).state;
    let bomb = Input::Message(Message::text(format!("{{{{ x }}}}{}", "{% for i in x %}".repeat(100))));
    let step = run(&bot, asked, &bomb);
    assert!(
        matches!(&step.effects[0], Effect::Send { content, .. } if content.as_text().unwrap().starts_with("{{ x }}{% for"))
    );

    let http = compile(&bot_http());
    let asked = run(&http, State::default(), &start()).state;
    let deep = "[".repeat(100_000);
    for body in
        [deep.as_str(), "{", "", "null", &"x".repeat(300_000), &format!("\"{}\"", "x".repeat(100_000))]
    {
        let outcome = Outcome::Answered { status: 200, body: body.to_owned() };
        let step = run(&http, asked.clone(), &Input::Result { id: asked.awaits().unwrap(), outcome });
        assert_eq!(step.state.status(), Status::Done, "{}", body.len());
        assert!(step.state.to_bytes().len() < 100);
    }
}

fn bot_http() -> Json {
    bot(json!([
        {"id": "n0", "kind": "http", "config": {"url": "https://example.org/", "save": [{"path": "", "to": "x"}, {"path": "a[0].b", "to": "x"}]},
         "exits": [{"id": "ok"}, {"id": "error"}]},
    ]))
}

#[test]
fn values_that_grow_come_to_an_end() {
    let grow = |from: Json| {
        compile(&bot(json!([
            {"id": "n0", "kind": "wait", "config": {"reply": true}, "exits": [{"id": "reply", "to": "n1"}]},
            {"id": "n1", "kind": "set", "config": {"values": [{"to": "x", "from": from}]}, "exits": [{"id": "next", "to": "n0"}]},
        ])))
    };
    for from in [
        json!({"value": ["{{ x }}"]}),
        json!({"expr": "[x, x]"}),
        json!({"expr": "(x ~ x) | default('xx')"}),
        json!({"value": "{{ x }}{{ x }}y"}),
    ] {
        let bot = grow(from);
        let mut state = run(&bot, State::default(), &start()).state;
        let mut stopped = false;
        for _ in 0..100 {
            let step = run(&bot, state, &Input::Message(Message::text("go")));
            stopped |=
                troubles(&step).iter().any(|code| matches!(code, Trouble::TooLarge | Trouble::TooLong));
            let bytes = step.state.to_bytes();
            assert!(bytes.len() < 40_000, "{}", bytes.len());
            state = State::from_bytes(&bytes).unwrap();
        }
        assert!(stopped);
    }
}

#[test]
fn an_address_has_only_what_its_maker_put_there() {
    let bot = compile(&bot(json!([
        {"id": "n0", "kind": "http", "config": {"url": "https://example.org/a/{{ x }}?q={{ x }}", "headers": {"X-Q": "a{{ x }}"}, "body": {"form": {"q": "{{ x }}"}}},
         "exits": [{"id": "ok"}, {"id": "error"}]},
    ])));
    let params = json!({"x": "../b?c#d\r\nHost: e &f"}).as_object().unwrap().clone();
    let step = run(&bot, State::default(), &Input::Start { flow: None, params });
    let request = step.effects.iter().find_map(|effect| match effect {
        Effect::Http { request, .. } => Some(request),
        _ => None,
    });
    let request = request.unwrap();
    let encoded = "..%2Fb%3Fc%23d%0D%0AHost%3A%20e%20%26f";
    assert_eq!(request.url, format!("https://example.org/a/{encoded}?q={encoded}"));
    assert_eq!(request.body.as_deref(), Some(&*format!("q={encoded}")));
    assert_eq!(request.headers["x-q"], "a../b?c#d  Host: e &f");
}

#[test]
fn arms_get_their_part_and_sticky_ones_stay() {
    let split = |sticky: bool| {
        compile(&bot(json!([
            {"id": "n0", "kind": "split", "config": {"arms": [{"id": "a", "weight": 1}, {"id": "b", "weight": 3}], "sticky": sticky},
             "exits": [{"id": "a", "to": "a"}, {"id": "b", "to": "b"}]},
            {"id": "a", "kind": "end", "config": {"outcome": "a"}}, {"id": "b", "kind": "end", "config": {"outcome": "b"}},
        ])))
    };
    let contact = Contact::default();
    let arm = |bot: &Compiled, seed: u64| {
        let step = step(bot, State::default(), &start(), &Ctx { now: 0, seed, contact: &contact });
        step.state.outcome().map(str::to_owned)
    };
    let (free, sticky) = (split(false), split(true));
    let share = (0..4_000).filter(|seed| arm(&free, *seed).as_deref() == Some("a")).count();
    assert!((900..1_100).contains(&share), "{share}");
    for seed in 0..50 {
        let mut state = State::default();
        for _ in 0..5 {
            state = step(&sticky, state, &start(), &Ctx { now: 0, seed, contact: &contact }).state;
            assert_eq!(state.outcome().map(str::to_owned), arm(&sticky, seed));
        }
    }
}

#[test]
fn triggers_in_the_order_that_is_written() {
    let mut json = bot(json!([{"id": "n0", "kind": "end"}]));
    let keyword = |id: &str, words: &str, matching: &str, priority: i32| json!({"id": id, "on": {"keyword": {"words": [words], "matching": matching}}, "flow": "f", "priority": priority});
    json["triggers"] = json!([
        {"id": "any", "on": "anyMessage", "flow": "f"},
        {"id": "first", "on": "firstContact", "flow": "f"},
        {"id": "media", "on": {"media": ["image"]}, "flow": "f"},
        {"id": "regex", "on": {"regex": "(?i)^buy \\d+"}, "flow": "f"},
        keyword("contains", "shoes", "contains", 0),
        keyword("starts", "buy", "startsWith", 0),
        keyword("starts_longer", "buy red", "startsWith", 0),
        keyword("exact", "buy red shoes", "exact", 0),
        keyword("urgent", "now", "contains", 5),
        {"id": "campaign", "on": {"campaignReply": {}}, "flow": "f"},
        {"id": "one_campaign", "on": {"campaignReply": {"campaign": "c"}}, "flow": "f"},
        {"id": "payload", "on": {"payload": ["p"]}, "flow": "f"},
        {"id": "vip_exact", "on": {"keyword": {"words": ["hello"]}}, "flow": "f", "when": {"tag": "vip"}},
        keyword("hello", "hello", "exact", 0),
    ]);
    let bot = compile(&json);
    let text = Message::text;
    let media = Message {
        body: Body::Media(Media { kind: "image".into(), ..Media::default() }),
        ..Message::default()
    };
    let button = Message { body: Body::Button { payload: "p".into() }, ..text("buy red shoes") };
    for (message, expected) in [
        (text("something else"), "any"),
        (Message { first_contact: true, ..text("x") }, "first"),
        (media, "media"),
        (text("BUY 3"), "starts"),
        (text("new SHOES here"), "contains"),
        (text("buy red socks"), "starts_longer"),
        (text("Buy, red shoes!"), "exact"),
        (text("buy red shoes now"), "urgent"),
        (Message { campaign: Some("d".into()), ..text("buy red shoes") }, "campaign"),
        (Message { campaign: Some("c".into()), ..text("buy red shoes") }, "one_campaign"),
        (button, "payload"),
        (text("hello"), "hello"),
    ] {
        let step = run(&bot, State::default(), &Input::Message(message));
        let started = step.effects.iter().find_map(|effect| match effect {
            Effect::Emit(Event::Started { trigger, .. }) => trigger.clone(),
            _ => None,
        });
        assert_eq!(started.as_deref(), Some(expected));
    }
}

#[test]
fn of_two_bots_the_one_that_fits_better_gets_the_message() {
    let with = |trigger: Json| {
        let mut json = bot(json!([{"id": "n0", "kind": "end"}]));
        json["triggers"] = json!([trigger]);
        compile(&json)
    };
    let any = with(json!({"id": "a", "on": "anyMessage", "flow": "f"}));
    let word =
        with(json!({"id": "b", "on": {"keyword": {"words": ["buy"]}}, "flow": "f", "cooldownSeconds": 60}));
    let contact = Contact::default();
    let ctx = Ctx { now: 0, seed: 0, contact: &contact };
    let fit = |bot: &Compiled, state: &State, text: &str| bot.fit(state, &Message::text(text), &ctx);
    let fresh = State::default();
    assert!(fit(&word, &fresh, "buy") > fit(&any, &fresh, "buy"));
    assert_eq!(fit(&word, &fresh, "sell"), None);
    assert_eq!(fit(&any, &fresh, "sell").unwrap().trigger(), "a");
    let done = step(&word, fresh, &Input::Message(Message::text("buy")), &ctx).state;
    assert_eq!(fit(&word, &done, "buy"), None);
}

#[test]
fn two_machines_do_not_talk_for_ever() {
    let echo = compile(&bot(
        json!([{"id": "n0", "kind": "say", "config": {"text": "I am away"}, "exits": [{"id": "next"}]}]),
    ));
    let contact = Contact::default();
    let talk = |latency: Option<i64>| {
        let mut state = State::default();
        for now in (0..20_000).step_by(1_000) {
            let at = latency.map(|latency| now - 1_000 + latency);
            let input = Input::Message(Message { at, ..Message::text("So am I") });
            state = step(&echo, state, &input, &Ctx { now, seed: 0, contact: &contact }).state;
        }
        state.status()
    };
    assert_eq!(talk(Some(300)), Status::HandedOff);
    // People, messages of a time when we were down, and hosts that do not say when.
    assert_eq!(talk(Some(1_000)), Status::Done);
    assert_eq!(talk(Some(-60_000)), Status::Done);
    assert_eq!(talk(None), Status::Done);
}

/// A node of any kind, at a place. `to` are places to go on to; `back` says whether one that waits may go back.
fn node(place: usize, kind: usize, to: [usize; 3], all: usize, orderly: bool) -> Json {
    let on = |to: usize| {
        let to = if orderly { place + 1 + to % all } else { to % all };
        if to >= all { json!(null) } else { json!(format!("n{to}")) }
    };
    let any = |to: usize| json!(format!("n{}", to % all));
    let [a, b, c] = to;
    let answers = [json!("email"), json!({"number": {}}), json!({"text": {}}), json!("location")];
    let (kind, config, exits) = match kind {
        0 => ("say", json!({"text": "{{ x }} and {{ y.z }} {{ input.text }}"}), vec![("next", on(a))]),
        1 => (
            "choose",
            json!({"text": "{{ x }}?", "options": [{"id": "a", "label": "Ä 1"}, {"id": "b", "label": "{{ x }}"}], "save": "x", "timeoutSeconds": 60}),
            vec![("a", any(a)), ("chosen", any(b)), ("invalid", any(c)), ("timeout", any(a))],
        ),
        2 => (
            "ask",
            json!({"text": "?", "answer": (answers[a % 4]), "save": "y"}),
            vec![("ok", any(a)), ("invalid", any(b))],
        ),
        3 => (
            "branch",
            json!({"cases": [{"id": "p", "when": {"any": [{"expr": "x > 3 or y ~ 'a' == 'ba'"}, {"test": {"path": "input.text", "is": "contains", "value": "a"}}]}}]}),
            vec![("p", on(a)), ("else", on(b))],
        ),
        4 => (
            "set",
            json!({"values": [{"to": "x", "from": {"expr": "x + 1"}}, {"to": "y", "from": {"value": {"z": ["{{ x }}", "{{ y }}"]}}}]}),
            vec![("next", on(a))],
        ),
        5 => (
            "http",
            json!({"url": "https://example.org/{{ y }}", "save": [{"path": "a", "to": "y"}]}),
            vec![("ok", any(a)), ("error", any(b))],
        ),
        6 => (
            "wait",
            json!({"seconds": 30, "reply": a % 2 == 0, "event": "e"}),
            if a % 2 == 0 {
                vec![("next", any(a)), ("reply", any(b)), ("event", any(c))]
            } else {
                vec![("next", any(a)), ("event", any(c))]
            },
        ),
        7 => (
            "split",
            json!({"arms": [{"id": "l", "weight": 1}, {"id": "r", "weight": 2}]}),
            vec![("l", on(a)), ("r", on(b))],
        ),
        8 => (
            "call_flow",
            json!({"flow": if orderly { "sub" } else { ["f", "sub"][a % 2] }, "save": "x", "shared": b % 2 == 0}),
            vec![("next", on(c))],
        ),
        9 => ("tag", json!({"add": ["t"]}), vec![("next", on(a))]),
        10 => (
            "contact",
            json!({"set": [{"to": "language", "from": {"value": "{{ y }}"}}, {"to": "f", "from": {"expr": "y"}}]}),
            vec![("next", on(a))],
        ),
        11 => (
            "handoff",
            json!({"note": "{{ x }}", "timeoutSeconds": 90}),
            vec![("next", any(a)), ("timeout", any(b))],
        ),
        12 => ("opt_out", json!({}), vec![("next", on(a))]),
        13 => ("emit", json!({"name": "e", "data": {"x": {"expr": "x"}}}), vec![("next", on(a))]),
        14 => ("return", json!({}), vec![]),
        _ => ("end", json!({}), vec![]),
    };
    let exits: Vec<_> = exits.into_iter().map(|(id, to)| json!({"id": id, "to": to})).collect();
    json!({"id": format!("n{place}"), "kind": kind, "config": config, "exits": exits})
}

fn any_bot(orderly: bool) -> impl Strategy<Value = Json> {
    let nodes = prop::collection::vec((0_usize..16, [0_usize..20, 0..20, 0..20]), 1..12);
    (nodes, 0_usize..3).prop_map(move |(nodes, interrupt)| {
        let all = nodes.len();
        let interrupts = ["never", "commands", "all"];
        let errors = [json!("end"), json!({"flow": "sub"}), json!({"handoff": ""})];
        let nodes = nodes.into_iter().enumerate().map(|(place, (kind, to))| node(place, kind, to, all, orderly));
        json!({
            "format": 1, "bot": {"id": "b", "language": "en", "languages": ["de"]},
            "flows": [
                {"id": "f", "entry": "n0", "params": ["x"], "nodes": nodes.collect::<Vec<_>>(),
                 "interrupt": (interrupts[interrupt]), "expire": {"afterSeconds": 45, "say": "bye"}},
                {"id": "sub", "entry": "a", "returns": ["v"], "nodes": [
                    {"id": "a", "kind": "ask", "config": {"text": "sub {{ x }}", "save": "y"}, "exits": [{"id": "ok", "to": "b"}, {"id": "invalid", "to": "b"}]},
                    {"id": "b", "kind": "return", "config": {"values": {"v": {"expr": "y"}}}}]},
            ],
            "triggers": [{"id": "any", "on": "anyMessage", "flow": "f"}, {"id": "go", "on": {"keyword": {"words": ["go"]}}, "flow": "sub"},
                         {"id": "e", "on": {"event": "e"}, "flow": "f"}, {"id": "s", "on": {"schedule": {"cron": "* * * * *"}}, "flow": "f"}],
            "commands": [{"id": "stop", "does": "stop", "words": ["stop"], "say": "bye"}, {"id": "v", "does": {"visit": "sub"}, "words": ["visit"]},
                         {"id": "h", "does": {"human": ""}, "words": ["human"]}, {"id": "r", "does": "restart", "words": ["restart"]}],
            "onError": (errors[interrupt]),
        })
    })
}

/// An input with numbers that stand for those that fit the state at its time.
fn any_input() -> impl Strategy<Value = (Input, bool)> {
    let text = prop_oneof![
        Just("a".to_owned()),
        Just("1".to_owned()),
        Just("go".to_owned()),
        Just("stop".to_owned()),
        Just("visit".to_owned()),
        Just("human".to_owned()),
        Just("restart".to_owned()),
        Just("a@b.org".to_owned()),
        "\\PC{0,20}",
        "[{}%|x \u{0}]{0,12}",
    ];
    let message = prop_oneof![
        6 => text.prop_map(Message::text),
        1 => Just(Message { body: Body::Button { payload: "b".into() }, ..Message::default() }),
        1 => any::<(f64, f64)>().prop_map(|(latitude, longitude)| Message {
            body: Body::Location { latitude, longitude, name: "x".into() }, ..Message::default()
        }),
        1 => Just(Message { body: Body::Media(Media::default()), campaign: Some("c".into()), ..Message::default() }),
    ];
    let outcome = prop_oneof![
        Just(Outcome::Failed("x".into())),
        (100_u16..600)
            .prop_map(|status| Outcome::Answered { status, body: "{\"a\": {\"z\": [1, \"q\"]}}".into() }),
    ];
    let input = prop_oneof![
        8 => message.prop_map(Input::Message),
        2 => any::<u64>().prop_map(|id| Input::Timer { id }),
        2 => (any::<u64>(), outcome).prop_map(|(id, outcome)| Input::Result { id, outcome }),
        1 => Just(start()),
        1 => Just(Input::Schedule { trigger: "s".into() }),
        1 => Just(Input::Event { name: "e".into(), data: json!({"x": [1, {"y": "z"}]}) }),
        1 => Just(Input::HumanTookOver),
        2 => Just(Input::HumanReleased),
        1 => Just(Input::Cancel),
    ];
    (input, prop::bool::weighted(0.9))
}

/// What the host would give: with the number that is waited for, and at the time that the timer is due.
fn fitting(input: Input, fits: bool, state: &State, now: i64) -> (Input, i64) {
    match input {
        Input::Timer { id } => {
            let at = state.wake_at().filter(|_| fits).unwrap_or(now);
            (Input::Timer { id: state.timer().filter(|_| fits).unwrap_or(id) }, at.max(now))
        }
        Input::Result { id, outcome } => {
            (Input::Result { id: state.awaits().filter(|_| fits).unwrap_or(id), outcome }, now)
        }
        input => (input, now),
    }
}

fn holds(bot: &Compiled, inputs: Vec<(Input, bool)>, valid: bool) -> Result<(), TestCaseError> {
    let contact = Contact { name: "Ana".into(), ..Contact::default() };
    let (mut state, mut now, mut ids) = (State::default(), 1_000_000, 0);
    for (input, fits) in inputs {
        let (input, at) = fitting(input, fits, &state, now + 5_000);
        now = at;
        let ctx = Ctx { now, seed: 3, contact: &contact };
        let bytes = state.to_bytes();
        let one = step(bot, state, &input, &ctx);
        // From what was stored, the same comes out again, to the byte.
        let two = step(bot, State::from_bytes(&bytes).unwrap(), &input, &ctx);
        let stored = one.state.to_bytes();
        prop_assert_eq!(&stored, &two.state.to_bytes());
        prop_assert_eq!(
            serde_json::to_string(&one.effects).unwrap(),
            serde_json::to_string(&two.effects).unwrap()
        );
        prop_assert_eq!(&one.trace, &two.trace);
        prop_assert_eq!(State::from_bytes(&stored).unwrap().to_bytes(), stored);
        let entered = one.trace.iter().filter(|visit| visit.entered).count();
        prop_assert!(entered <= 2 * bot.limits.turn_steps as usize, "{entered} steps");
        // A valid bot has no circle without a wait; only messages that had to wait can lead round one.
        prop_assert!(!valid || !matches!(guards(&one)[..], [Guard::TurnSteps | Guard::Depth, ..]));
        for effect in &one.effects {
            if let Effect::Send { id, .. } | Effect::Http { id, .. } | Effect::ScheduleTimer { id, .. } =
                effect
            {
                prop_assert!(*id > ids, "{id} after {ids}");
                ids = *id;
            }
        }
        let live = one.state.is_live();
        prop_assert_eq!(live, one.state.wait.is_some());
        prop_assert!(live || matches!(one.state.status(), Status::Fresh | Status::Done | Status::HandedOff));
        state = one.state;
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_valid_bot_keeps_the_rules(json in any_bot(true), inputs in prop::collection::vec(any_input(), 1..30)) {
        let (bot, valid) = compile_anyhow(&json);
        prop_assume!(valid);
        holds(&bot, inputs, true)?;
    }

    #[test]
    fn a_bot_that_is_not_valid_keeps_them_too(json in any_bot(false), inputs in prop::collection::vec(any_input(), 1..30)) {
        let (bot, _) = compile_anyhow(&json);
        holds(&bot, inputs, false)?;
    }

    #[test]
    fn any_json_is_read_or_refused(text in "[\\[\\]{}\":,a-z0-9 ]{0,60}") {
        let _ = Definition::from_json(&text);
    }

    #[test]
    fn any_state_that_can_be_read_is_stepped_or_left(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let (bot, _) = compile_anyhow(&bot_http());
        if let Ok(state) = State::from_bytes(&[&[1, 2], &bytes[..]].concat()) {
            let step = run(&bot, state, &Input::Message(Message::text("x")));
            prop_assert!(State::from_bytes(&step.state.to_bytes()).is_ok());
        }
    }
}
