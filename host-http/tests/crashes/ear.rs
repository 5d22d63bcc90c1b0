//! The host's ear alone: messages lie in the outbox, and the host dies at every write while it hears them. However often they are
//! read again, each of them has the effect that it had when it was heard first.
use std::{sync::Arc, time::Duration};

use host_http::{app::App, session::Service};
use serde_json::json;
use whatsapp_core::{client::WebSocket, noise::TrustRoot};
use whatsapp_store::{
    Changes, Content, ConversationRecord, ConversationStatus, ConversationStore, EventChange, EventStore,
    MessageKey, MessageRecord, MessageStatus, NewEvent, Source, Store, memory::MemoryStore,
};

use crate::{
    bot,
    life::{Frail, Life, Moment},
    process::{ADA_CHAT, account},
    publish,
};

/// Whether it was written on the phone, and what.
const WRITTEN: [(bool, &str); 4] =
    [(true, "as agreed"), (false, "hello"), (false, "order"), (false, "large")];

fn event(place: usize, from_me: bool, text: &str, now: i64) -> NewEvent {
    let sender = if from_me { "15550001000@s.whatsapp.net" } else { ADA_CHAT };
    let message = MessageRecord {
        key: MessageKey { chat: ADA_CHAT.into(), sender: sender.into(), id: format!("M{place}") },
        from_me,
        timestamp: now,
        content: Content::text(text),
        edited_at: None,
        status: MessageStatus::Delivered,
        source: Source::Live,
        push_name: None,
        quoted: None,
        media: None,
    };
    let data = json!({ "from": sender, "message": message }).to_string();
    NewEvent { key: "message.received".into(), data, at: now }
}

/// Positions of the store in memory are numbers.
fn number(position: String) -> u64 {
    position.parse().unwrap()
}

fn host(store: Arc<MemoryStore>, life: Arc<Life>) -> App {
    let connector = Arc::new(WebSocket::new().unwrap());
    let service = Service { url: "ws://127.0.0.1:1".into(), trust_root: TrustRoot::default(), connector };
    App::new(Arc::new(Frail { inner: store, life, late: 0 }), service, "this", None)
}

/// A runtime for each process: nothing of it is left when it dies.
fn live(store: &Arc<MemoryStore>, life: &Arc<Life>, last: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let _app = host(store.clone(), life.clone());
        let all_heard = async {
            while store.passed("inbox").await.unwrap().map_or(0, number) < last {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let ended = async {
            tokio::select! {
                () = life.death() => {}
                () = all_heard => {}
            }
        };
        tokio::time::timeout(Duration::from_secs(60), ended).await.unwrap_or_else(|_| panic!("{life:?}"));
    });
    runtime.shutdown_background();
}

/// What became of it: the conversation, and what is known of each message.
fn play(death: Option<(u32, Moment)>) -> (ConversationRecord, u32) {
    let store = Arc::new(MemoryStore::new());
    let block = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let last = block.block_on(async {
        publish(&store, bot()).await;
        let now = host_http::time::now_millis();
        let mut changes = Changes::new(account());
        for (place, (from_me, text)) in WRITTEN.into_iter().enumerate() {
            changes.push(EventChange::Put(event(place, from_me, text, now)));
        }
        store.commit(changes).await.unwrap();
        number(store.last_event().await.unwrap().unwrap())
    });
    let first = Life::new(death);
    live(&store, &first, last);
    if first.is_dead() {
        live(&store, &Life::new(None), last);
    }
    let record = block.block_on(store.conversation(&account(), ADA_CHAT)).unwrap();
    (record.expect("there is a conversation"), first.writes())
}

#[test]
fn the_host_dies_at_every_write_while_it_hears() {
    let mut deaths = 0;
    // What was written before the question could be seen is no answer to it. After a crash it may not be known any more when the
    // question was handed over, and then it counts as seen: an answer once at most, however often it is heard.
    let said =
        |record: &ConversationRecord| String::from_utf8_lossy(&record.state).matches("A number from").count();
    assert_eq!(play(None).0.status, ConversationStatus::Waiting);
    for moment in [Moment::Before, Moment::After] {
        let mut write = 1;
        loop {
            let (record, reached) = play(Some((write, moment)));
            // Neither did the one on the phone take it over, nor was the greeting taken for an answer.
            assert_eq!(record.status, ConversationStatus::Waiting, "dead {moment:?} {write}");
            assert!(said(&record) <= 1, "dead {moment:?} {write}");
            if reached < write {
                break;
            }
            (write, deaths) = (write + 1, deaths + 1);
        }
        assert!(write > 4, "four messages and a place are five writes, and not {write}");
    }
    eprintln!("{deaths} deaths");
}
