//! Times over a store in memory, under a clock that the tests move.
use std::{sync::atomic::Ordering, time::Duration};

use serde_json::json;
use whatsapp_store::{
    ContactChange, ContactRecord, ConversationStore, FlowStore, LeaseStore, NodeCount, SettingStore,
    Suppression,
};

use super::{
    super::{
        Clock,
        bench::{Bench, EIGHT, HOUR, MINUTE, account, chat, morning},
    },
    *,
};
use crate::Message;

impl Bench {
    fn runner(&self, owner: &str) -> Schedules {
        Schedules::new(self.bots(), owner)
    }

    /// Goes on to that time, as a task would.
    async fn until(&self, runners: &mut [&mut Schedules], time: i64) {
        while self.clock.now() < time {
            let mut wait = LOOK;
            for runner in &mut *runners {
                wait = wait.min(i64::try_from(runner.round().await.as_millis()).unwrap());
            }
            self.rest().await;
            let next = (self.clock.now() + wait.max(1)).min(time);
            self.clock.0.store(next, Ordering::Relaxed);
        }
        for runner in runners {
            runner.round().await;
        }
        self.rest().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_is_for_those_who_agreed_once_each() {
    let bench = Bench::new(&["shop"]).await;
    bench.people(2).await;
    bench.publish("b", &morning("0 9 * * *", &["Good morning."])).await;
    let mut runner = bench.runner("one");
    bench.until(&mut [&mut runner], EIGHT + HOUR - 1).await;
    assert_eq!(bench.sent(), []);
    bench.until(&mut [&mut runner], EIGHT + 24 * HOUR).await;
    assert_eq!(bench.reached(), ["4900000000", "4900000001"]);
    bench.until(&mut [&mut runner], EIGHT + 26 * HOUR).await;
    assert_eq!(bench.reached().len(), 4, "the next day has its own");
}

#[tokio::test(start_paused = true)]
async fn nobody_else_is_written_to() {
    let bench = Bench::new(&["shop"]).await;
    bench.people(1).await;
    let vip = |number| bench.vip(number);
    bench.put(ContactRecord { consent: None, ..vip(10) }).await;
    bench.put(ContactRecord { opted_out_at: Some(2), ..vip(11) }).await;
    bench.put(ContactRecord { tags: ["other".to_owned()].into(), ..vip(12) }).await;
    for number in 13..16 {
        bench.put(vip(number)).await;
    }
    let suppression = Suppression { address: "13".into(), reason: "stop".into(), at: 2 };
    bench.commit(&account("shop"), vec![ContactChange::Suppress(suppression).into()]).await;
    for number in [10, 11, 12, 13, 14] {
        bench.chatted("shop", number, 5).await;
    }
    // A person has the chat of 14; 15 never chatted.
    bench.publish("a", &json!({
        "format": 1, "bot": {"id": "a", "language": "en"},
        "flows": [{"id": "f", "entry": "h", "nodes": [{"id": "h", "kind": "handoff", "config": {}, "exits": [{"id": "next"}]}]}],
        "triggers": [{"id": "t", "on": "anyMessage", "flow": "f"}],
    })).await;
    let input = Input::Message(Message::text("help"));
    bench.bots().hear(&account("shop"), &chat(14), "1", &input, "").await.unwrap();
    bench.publish("b", &morning("0 9 * * *", &["Good morning."])).await;
    bench.until(&mut [&mut bench.runner("one")], EIGHT + 2 * HOUR).await;
    assert_eq!(bench.reached(), ["4900000000"]);
}

#[tokio::test(start_paused = true)]
async fn a_time_is_for_those_whose_consent_covers_it() {
    for (scope, reached) in
        [(None, vec!["1", "2"]), (Some("orders"), vec!["1", "2", "3"]), (Some("club"), vec!["4"])]
    {
        let bench = Bench::new(&["shop"]).await;
        for (number, given) in [(1, "marketing"), (2, "news"), (3, "orders"), (4, "club")] {
            let mut vip = bench.vip(number);
            vip.consent.as_mut().unwrap().scope = given.into();
            bench.put(vip).await;
            bench.chatted("shop", number, 5).await;
        }
        let mut bot = morning("0 9 * * *", &["Good morning."]);
        if let Some(scope) = scope {
            bot["triggers"][0]["scope"] = json!(scope);
        }
        bench.publish("b", &bot).await;
        bench.until(&mut [&mut bench.runner("one")], EIGHT + 2 * HOUR).await;
        assert_eq!(bench.reached(), reached, "{scope:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_opts_out_while_others_are_written_to_is_left_out() {
    let bench = Bench::new(&["shop"]).await;
    bench.people(3).await;
    bench.publish("b", &morning("0 9 * * *", &["Good morning."])).await;
    let mut runner = bench.runner("one");
    // The first is written to six seconds after nine.
    bench.until(&mut [&mut runner], EIGHT + HOUR + 7_000).await;
    assert_eq!(bench.reached(), ["4900000000"]);
    let stop = ContactChange::OptOut { id: "c4900000001".into(), at: EIGHT };
    bench.commit(&account("shop"), vec![stop.into()]).await;
    bench.until(&mut [&mut runner], EIGHT + 2 * HOUR).await;
    assert_eq!(bench.reached(), ["4900000000", "4900000002"]);
}

#[tokio::test(start_paused = true)]
async fn an_account_keeps_its_pace_and_others_theirs() {
    let bench = Bench::new(&["shop", "club"]).await;
    bench.people(3).await;
    for number in 100..103 {
        bench.put(bench.vip(number)).await;
        // Chatted with both, and with the club last.
        bench.chatted("shop", number, 5).await;
        bench.chatted("club", number, 6).await;
    }
    bench.publish("b", &morning("0 9 * * *", &["Good morning.", "How are you?"])).await;
    bench.until(&mut [&mut bench.runner("one")], EIGHT + 2 * HOUR).await;
    for name in ["shop", "club"] {
        let times: Vec<_> = bench
            .sent()
            .into_iter()
            .filter(|(_, account, _)| account == name)
            .map(|(at, ..)| at - EIGHT - HOUR)
            .collect();
        // Two messages at once, and then as long as two messages take.
        assert_eq!(times, [6_000, 6_000, 18_000, 18_000, 30_000, 30_000], "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_session_may_be_named_and_one_that_may_not_write_is_left_out() {
    let bench = Bench::new(&["shop", "club"]).await;
    bench.people(1).await;
    bench.put(bench.vip(100)).await;
    bench.chatted("shop", 100, 5).await;
    bench.chatted("club", 100, 6).await;
    let mut bot = morning("0 * * * *", &["Good morning."]);
    bot["triggers"][0]["on"]["schedule"]["sessionId"] = json!("club");
    bench.publish("b", &bot).await;
    let mut runner = bench.runner("one");
    bench.until(&mut [&mut runner], EIGHT + HOUR + 30 * MINUTE).await;
    assert_eq!(bench.sent().len(), 1);
    assert_eq!(bench.sent()[0].1, "club");
    bench.phones.interval.store(0, Ordering::Relaxed);
    bench.until(&mut [&mut runner], EIGHT + 2 * HOUR + 30 * MINUTE).await;
    assert_eq!(bench.sent().len(), 1, "it was stopped");
}

#[tokio::test(start_paused = true)]
async fn two_nodes_write_once() {
    let bench = Bench::new(&["shop"]).await;
    bench.people(120).await;
    bench.publish("b", &morning("0 9 * * *", &["Good morning."])).await;
    let (mut one, mut other) = (bench.runner("one"), bench.runner("other"));
    bench.until(&mut [&mut one, &mut other], EIGHT + 3 * HOUR).await;
    let mut reached = bench.reached();
    assert_eq!(reached.len(), 120);
    reached.dedup();
    assert_eq!(reached.len(), 120, "nobody twice");
    assert!(one.held.len() + other.held.len() == 1, "one of them keeps the times");
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_goes_on_where_a_dead_node_was() {
    for dies_after in [1, 30, 49, 50, 51, 99, 119] {
        let bench = Bench::new(&["shop"]).await;
        bench.people(120).await;
        bench.publish("b", &morning("0 9 * * *", &["Good morning."])).await;
        let mut one = bench.runner("one");
        let dies = EIGHT + HOUR + 6_000 * dies_after + 1_000;
        bench.until(&mut [&mut one], dies).await;
        assert_eq!(bench.reached().len() as i64, dies_after);
        drop(one);
        let mut other = bench.runner("other");
        bench.until(&mut [&mut other], EIGHT + 3 * HOUR).await;
        let mut reached = bench.reached();
        assert_eq!(reached.len(), 120, "{dies_after}");
        reached.dedup();
        assert_eq!(reached.len(), 120, "{dies_after}: nobody twice");
        let gap = bench.sent().iter().map(|(at, ..)| *at).find(|at| *at > dies).unwrap() - dies;
        assert!(gap <= TERM + LOOK + 6_000, "{dies_after}: {gap}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_lost_the_times_writes_nobody_twice() {
    let bench = Bench::new(&["shop"]).await;
    bench.people(60).await;
    bench.publish("b", &morning("0 9 * * *", &["Good morning."])).await;
    let (mut slow, mut other) = (bench.runner("slow"), bench.runner("other"));
    bench.until(&mut [&mut slow], EIGHT + HOUR + 60_000).await;
    // It sleeps for longer than its lease lasts; then both go on.
    bench.until(&mut [&mut other], EIGHT + HOUR + 5 * MINUTE).await;
    bench.until(&mut [&mut slow, &mut other], EIGHT + 3 * HOUR).await;
    let mut reached = bench.reached();
    assert_eq!(reached.len(), 60);
    reached.dedup();
    assert_eq!(reached.len(), 60);
}

#[tokio::test(start_paused = true)]
async fn what_is_past_for_an_hour_is_left_out() {
    let bench = Bench::new(&["shop"]).await;
    bench.people(1).await;
    bench.publish("b", &morning("*/20 9 * * *", &["Good morning."])).await;
    bench.until(&mut [&mut bench.runner("one")], EIGHT + 30 * MINUTE).await;
    // 09:00, 09:20 and 09:40 came while nobody ran; 09:40 is what counts at 10:30.
    bench.clock.0.store(EIGHT + 2 * HOUR + 30 * MINUTE, Ordering::Relaxed);
    bench.until(&mut [&mut bench.runner("two")], EIGHT + 3 * HOUR).await;
    assert_eq!(bench.sent().len(), 1);
    // The next day nobody runs until 10:41.
    bench.clock.0.store(EIGHT + 26 * HOUR + 41 * MINUTE, Ordering::Relaxed);
    let mut three = bench.runner("three");
    bench.until(&mut [&mut three], EIGHT + 27 * HOUR).await;
    assert_eq!(bench.sent().len(), 1);
    bench.until(&mut [&mut three], EIGHT + 50 * HOUR).await;
    assert_eq!(bench.sent().len(), 4, "the day after that it is all right");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_stood_still_for_an_hour_is_left() {
    let bench = Bench::new(&["shop"]).await;
    bench.people(3).await;
    bench.publish("b", &morning("0 9 * * *", &["Good morning."])).await;
    bench.until(&mut [&mut bench.runner("one")], EIGHT + HOUR + 7_000).await;
    bench.clock.0.fetch_add(HOUR + MINUTE, Ordering::Relaxed);
    bench.until(&mut [&mut bench.runner("two")], EIGHT + 4 * HOUR).await;
    assert_eq!(bench.reached(), ["4900000000"]);
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_is_disabled_is_silent_and_counts_anew() {
    let bench = Bench::new(&["shop"]).await;
    bench.people(1).await;
    bench.publish("b", &morning("*/30 * * * *", &["Good morning."])).await;
    let mut runner = bench.runner("one");
    bench.until(&mut [&mut runner], EIGHT + 10 * MINUTE).await;
    bench.enable(false).await;
    bench.until(&mut [&mut runner], EIGHT + 50 * MINUTE).await;
    assert_eq!(bench.store.setting(&WorkspaceId::default(), &setting("b")).await.unwrap(), None);
    bench.enable(true).await;
    bench.until(&mut [&mut runner], EIGHT + 59 * MINUTE).await;
    assert_eq!(bench.sent(), [], "half past eight is gone");
    // Other times count from when they are published.
    bench.publish("b", &morning("55 * * * *", &["Good morning."])).await;
    bench.until(&mut [&mut runner], EIGHT + HOUR + 30 * MINUTE).await;
    assert_eq!(bench.sent(), []);
    bench.until(&mut [&mut runner], EIGHT + 2 * HOUR).await;
    assert_eq!(bench.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_bots_conversation_is_left_alone_and_another_bots_trigger_is_its_own() {
    let bench = Bench::new(&["shop"]).await;
    bench.people(2).await;
    let asks = json!({
        "format": 1, "bot": {"id": "a", "language": "en"},
        "flows": [{"id": "f", "entry": "q", "nodes": [{"id": "q", "kind": "ask", "config": {"text": "Your name?", "save": "name"},
            "exits": [{"id": "ok"}, {"id": "invalid"}]}]}],
        "triggers": [{"id": "t", "on": "anyMessage", "flow": "f"},
            {"id": "daily", "on": {"schedule": {"cron": "0 0 1 1 *", "tags": ["vip"]}}, "flow": "f"}],
    });
    bench.publish("a", &asks).await;
    bench.publish("b", &morning("0 9 * * *", &["Good morning."])).await;
    let input = Input::Message(Message::text("hi"));
    let first = chat(4_900_000_000);
    bench.bots().hear(&account("shop"), &first, "1", &input, "").await.unwrap();
    bench.rest().await;
    bench.until(&mut [&mut bench.runner("one")], EIGHT + 2 * HOUR).await;
    assert_eq!(
        bench.reached(),
        ["4900000000", "4900000001"],
        "a question to the one, a greeting to the other"
    );
    let stored = bench.store.conversation(&account("shop"), &first).await.unwrap().unwrap();
    assert_eq!(stored.flow, "a");
    let stored = bench.store.conversation(&account("shop"), &chat(4_900_000_001)).await.unwrap().unwrap();
    assert_eq!(stored.flow, "b");
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_and_gives_the_times_back() {
    let bench = Bench::new(&["shop"]).await;
    bench.people(1).await;
    bench.publish("b", &morning("0 9 * * *", &["Good morning."])).await;
    bench.clock.0.store(EIGHT + HOUR - 1, Ordering::Relaxed);
    let bots = bench.bots();
    let task = tokio::spawn({
        let bots = bots.clone();
        async move { bots.run_schedules("one").await }
    });
    for _ in 0..1_000 {
        if !bench.sent().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        bench.clock.0.fetch_add(100, Ordering::Relaxed);
    }
    assert_eq!(bench.reached(), ["4900000000"]);
    bots.finish(Duration::from_secs(1)).await;
    task.await.unwrap();
    let now = bench.clock.now();
    let workspace = WorkspaceId::default();
    let taken = bench.store.acquire_lease(&workspace, LEASE, "two", now, now + 1).await.unwrap();
    assert!(taken.is_some());
}

#[tokio::test(start_paused = true)]
async fn how_conversations_began_and_ended_is_counted() {
    let bench = Bench::new(&["shop"]).await;
    bench.people(2).await;
    bench.publish("b", &morning("0 9 * * *", &["Good morning."])).await;
    bench.until(&mut [&mut bench.runner("one")], EIGHT + 2 * HOUR).await;
    let counts = bench.store.node_counts(&WorkspaceId::default(), "b", 1).await.unwrap();
    let entered: Vec<_> =
        counts.iter().map(|NodeCount { node, entered, left, .. }| (node.as_str(), *entered, *left)).collect();
    assert_eq!(entered, [("/ended/greeted", 2, 0), ("/started/daily", 2, 0), ("f/n0", 2, 2), ("f/n1", 2, 2)]);
}
