//! What was said is handed over, and what becomes of it when somebody comes between.
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use whatsapp_store::{Changes, Content, ConversationStatus, ConversationStore, FlowChange, Store};

use super::super::{
    bench::{Bench, EIGHT, account, chat, morning},
    port::Outlet,
    *,
};
use crate::{Message, Outcome};

/// Two nodes that look every 502 ms, a while apart; the one that comes first tries, and one of them never can.
#[test]
fn nodes_that_keep_step_take_turns() {
    for apart in (50..500).step_by(50) {
        let (mut now, mut tries) = (0, 0);
        let is_sent = loop {
            let due = now + super::again(now, whatsapp_store::hash::fnv1a(format!("chat\0{tries}").bytes()));
            let next = |first: i64| first + (due - first).max(0).div_euclid(502) * 502 + 502;
            let (mine, other) = (next(0), next(apart));
            if other < mine {
                break true;
            }
            (now, tries) = (mine, tries + 1);
            if now > 60_000 {
                break false;
            }
        };
        assert!(is_sent, "{apart} ms apart: tried until {now}");
    }
}

/// Says so to whoever writes.
async fn greeter(texts: &[&str]) -> Bench {
    let bench = Bench::new(&["shop"]).await;
    let mut bot = morning("0 9 * * *", texts);
    bot["triggers"][0]["on"] = serde_json::json!("anyMessage");
    bench.publish("b", &bot).await;
    bench
}

/// Somebody ends the conversation while its first message is on the way.
struct Ends {
    store: Arc<dyn Store>,
    sent: AtomicU32,
}

#[async_trait]
impl Outlet for Ends {
    async fn send(&self, account: &AccountId, chat: &str, _: &str, _: Content) -> Result<(), NotSent> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let mut changes = Changes::new(account.clone());
        changes.push(FlowChange::EndConversation { account: account.clone(), chat: chat.into(), at: 1 });
        self.store.commit(changes).await.unwrap();
        Ok(())
    }

    async fn request(&self, _: Call) -> Outcome {
        Outcome::Failed("nobody".into())
    }
}

#[tokio::test(start_paused = true)]
async fn who_ends_a_conversation_stops_the_messages_that_were_not_handed_over() {
    let bench = greeter(&["One.", "Two.", "Three."]).await;
    let outlet = Arc::new(Ends { store: bench.store.clone(), sent: AtomicU32::new(0) });
    let bots = Bots::with_clock(bench.store.clone(), outlet.clone(), Arc::new(bench.clock.clone()));
    bots.hear(&account("shop"), &chat(7), "1", &Input::Message(Message::text("hi")), "").await.unwrap();
    bench.rest().await;
    assert_eq!(outlet.sent.load(Ordering::Relaxed), 1);
}

/// A commit for what was heard, and one for all that was said.
#[tokio::test(start_paused = true)]
async fn messages_are_taken_off_together() {
    let bench = greeter(&["One.", "Two.", "Three."]).await;
    let bots = bench.bots();
    bots.hear(&account("shop"), &chat(7), "1", &Input::Message(Message::text("hi")), "").await.unwrap();
    bench.rest().await;
    let stored = bench.store.conversation(&account("shop"), &chat(7)).await.unwrap().unwrap();
    assert_eq!((bench.sent().len(), stored.revision), (3, 2));
    assert_eq!(stored.status, ConversationStatus::Ended);
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_what_is_under_way_and_the_next_start_does_the_rest() {
    for hangs in [false, true] {
        let bench = greeter(&["One.", "Two."]).await;
        bench.phones.hangs.store(hangs, Ordering::Relaxed);
        let (bots, input) = (bench.bots(), Input::Message(Message::text("hi")));
        bots.hear(&account("shop"), &chat(7), "1", &input, "").await.unwrap();
        if hangs {
            bench.rest().await;
        }
        let before = tokio::time::Instant::now();
        bots.finish(Duration::from_secs(5)).await;
        let took = before.elapsed().as_secs();
        assert_eq!((took, bench.sent().len()), if hangs { (5, 1) } else { (0, 0) });
        // What is heard now is done by the next.
        bots.hear(&account("shop"), &chat(8), "1", &input, "").await.unwrap();
        bench.rest().await;
        bench.phones.hangs.store(false, Ordering::Relaxed);
        bench.clock.0.store(EIGHT + 60_000, Ordering::Relaxed);
        let next = bench.bots();
        next.look().await.unwrap();
        bench.rest().await;
        // The one that hung is handed over again, under its id.
        assert_eq!(bench.sent().len(), if hangs { 5 } else { 4 });
        next.finish(Duration::from_secs(5)).await;
    }
}
