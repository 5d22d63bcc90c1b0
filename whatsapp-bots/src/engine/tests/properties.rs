//! Properties of any bot and any input.
use proptest::prelude::*;

use super::*;

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
                         {"id": "e", "on": {"event": "e"}, "flow": "f"}, {"id": "s", "on": {"schedule": {"cron": "* * * * *", "tags": ["a"]}}, "flow": "f"}],
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
        let messages = 1 + crate::state::QUEUE;
        prop_assert!(entered <= 2 * messages * bot.common.limits.turn_steps as usize, "{entered} steps");
        // A valid bot has no circle without a wait, and these are small.
        prop_assert!(!valid || guards(&one).is_empty(), "{:?}", guards(&one));
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
