//! What happens at the guards, with odd inputs, and among triggers.
mod properties;

use serde_json::{Map, Value as Json, json};

use super::*;
use crate::{
    Contact, Definition,
    effect::{Effect, Event, Guard, Trouble},
    input::{Body, Media, Outcome},
    state::Status,
    tester::Tester,
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
    let limits = Limits { sends: 1_000, unanswered: 1_000, ..Limits::default() };
    assert_eq!(guards(&run(&many.with_limits(limits), State::default(), &start())), [Guard::TurnSteps]);
}

#[test]
fn a_loop_that_waits_does_not_talk_to_nobody_for_ever() {
    let mut json = bot(json!([
        {"id": "n0", "kind": "say", "config": {"text": "x"}, "exits": [{"id": "next", "to": "n1"}]},
        {"id": "n1", "kind": "wait", "config": {"seconds": 1}, "exits": [{"id": "next", "to": "n0"}]},
    ]));
    json["flows"][0]["interrupt"] = json!("never");
    json["onError"] = json!({"flow": "f"});
    let bot = compile(&json);
    let mut tester = Tester::new(&bot, Contact::default(), 1, 0);
    tester.say("hi");
    let said = tester.advance(200).iter().map(|turn| turn.said.len()).sum::<usize>();
    assert_eq!((said, tester.state().outcome()), (49, Some("failed")));
    // Somebody who is there is answered.
    let mut tester = Tester::new(&bot, Contact::default(), 1, 0);
    tester.say("hi");
    for _ in 0..10 {
        assert_eq!(tester.advance(20).iter().map(|turn| turn.said.len()).sum::<usize>(), 20);
        tester.say("go on");
    }
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
fn a_state_is_always_one_that_the_store_takes() {
    let sets: Vec<_> = (0..100)
        .map(|place| json!({"to": format!("v{place}"), "from": {"value": "{{ input.text }}"}}))
        .collect();
    let bot = compile(&bot(json!([
        {"id": "n0", "kind": "wait", "config": {"reply": true}, "exits": [{"id": "reply", "to": "n1"}]},
        {"id": "n1", "kind": "set", "config": {"values": sets}, "exits": [{"id": "next", "to": "n2"}]},
        {"id": "n2", "kind": "call_flow", "config": {"flow": "f", "with": {"x": {"expr": "v1"}}}, "exits": [{"id": "next"}]},
    ])));
    let long = |body: Body| Input::Message(Message { body, ..Message::text("x".repeat(16_000)) });
    let mut state = run(&bot, State::default(), &start()).state;
    for _ in 0..12 {
        let step = run(&bot, state, &long(Body::Text));
        assert!(troubles(&step).contains(&Trouble::TooLarge));
        assert!(step.state.to_bytes().len() < whatsapp_store::MAX_CONVERSATION_STATE / 2);
        state = step.state;
    }
    let http = compile(&bot_http());
    let mut state = run(&http, State::default(), &start()).state;
    for _ in 0..12 {
        let step = run(&http, state, &long(Body::Button { payload: "y".repeat(5_000_000) }));
        assert!(step.state.to_bytes().len() < whatsapp_store::MAX_CONVERSATION_STATE / 2);
        state = step.state;
    }
    assert_eq!(state.queue.len(), 8);
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
fn a_question_after_a_long_wait_has_its_whole_time() {
    let mut json = bot(json!([
        {"id": "n0", "kind": "wait", "config": {"seconds": 7_200}, "exits": [{"id": "next", "to": "n1"}]},
        {"id": "n1", "kind": "ask", "config": {"text": "?"}, "exits": [{"id": "ok"}, {"id": "invalid"}]},
    ]));
    json["flows"][0]["expire"] = json!({"afterSeconds": 3_600});
    let bot = compile(&json);
    let mut tester = Tester::new(&bot, Contact::default(), 0, 0);
    tester.hear(&start());
    assert_eq!(tester.advance(7_200 + 3_599).len(), 1);
    assert_eq!(tester.state().status(), Status::Waiting);
    assert_eq!(tester.advance(1)[0].status, "done");
}

#[test]
fn a_word_does_not_make_a_request_twice_and_a_person_stays_after_a_stop() {
    let mut json = bot_http();
    json["commands"] = json!([
        {"id": "visit", "does": {"visit": "f"}, "words": ["visit"]}, {"id": "stop", "does": "stop", "words": ["stop"]},
    ]);
    let bot = compile(&json);
    let mut tester = Tester::new(&bot, Contact::default(), 0, 0);
    tester.hear(&start());
    let turn = tester.say("visit");
    assert!(turn.effects.is_empty() && turn.status == "awaitingResult", "{turn:?}");
    tester.hear(&Input::HumanTookOver);
    assert_eq!(tester.say("stop").status, "handedOff");
    assert_eq!(tester.say("hello").status, "handedOff");
    assert_eq!(tester.hear(&Input::HumanReleased).status, "done");
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

#[test]
fn a_machine_that_says_stop_is_not_answered_for_ever() {
    let mut json =
        bot(json!([{"id": "n0", "kind": "say", "config": {"text": "hi"}, "exits": [{"id": "next"}]}]));
    json["commands"] =
        json!([{"id": "stop", "does": "stop", "words": ["stop"], "say": "You will hear no more."}]);
    let stop = compile(&json);
    let contact = Contact::default();
    let (mut state, mut answers, mut stops, mut now) = (State::default(), 0, 0, 0);
    // It says it whenever it hears something, and so do we.
    loop {
        now += 1_000;
        let input = Input::Message(Message { at: Some(now - 700), ..Message::text("STOP") });
        let turn = step(&stop, state, &input, &Ctx { now, seed: 0, contact: &contact });
        stops += turn.effects.iter().filter(|effect| matches!(effect, Effect::OptOut)).count();
        state = turn.state;
        if !turn.effects.iter().any(|effect| matches!(effect, Effect::Send { .. })) {
            break;
        }
        answers += 1;
        assert!(answers < 10, "without an end");
    }
    assert!(answers >= 1);
    assert_eq!(stops, answers + 1, "it is heard each time");
}
