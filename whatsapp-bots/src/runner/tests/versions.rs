//! Which versions of bots are read, kept and followed.
use std::sync::atomic::{AtomicUsize, Ordering};

use whatsapp_store::{
    FlowChange, FlowHead, FlowHeadPage, FlowPage, FlowRecord, FlowStore, FlowVersion, FlowVersionPage,
    NodeCount, WorkspaceId, memory::MemoryStore,
};

use super::super::{
    bench::{Bench, account, chat, morning},
    catalog::{Catalog, Published},
    *,
};
use crate::Message;

/// Counts what is read of flows.
#[derive(Debug)]
struct Counting {
    inner: Arc<MemoryStore>,
    drafts: AtomicUsize,
    versions: AtomicUsize,
}

whatsapp_store::delegate_store!(Counting => inner, except FlowStore);

#[async_trait::async_trait]
impl FlowStore for Counting {
    async fn flow(&self, workspace: &WorkspaceId, flow: &str) -> whatsapp_store::Result<Option<FlowRecord>> {
        self.drafts.fetch_add(1, Ordering::Relaxed);
        self.inner.flow(workspace, flow).await
    }

    async fn flows(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> whatsapp_store::Result<FlowPage> {
        self.drafts.fetch_add(1, Ordering::Relaxed);
        self.inner.flows(workspace, after, limit).await
    }

    async fn flow_head(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
    ) -> whatsapp_store::Result<Option<FlowHead>> {
        self.inner.flow_head(workspace, flow).await
    }

    async fn flow_heads(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> whatsapp_store::Result<FlowHeadPage> {
        self.inner.flow_heads(workspace, after, limit).await
    }

    async fn flow_version(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
        version: i64,
    ) -> whatsapp_store::Result<Option<FlowVersion>> {
        self.versions.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        self.inner.flow_version(workspace, flow, version).await
    }

    async fn flow_versions(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
        before: Option<&str>,
        limit: u32,
    ) -> whatsapp_store::Result<FlowVersionPage> {
        self.inner.flow_versions(workspace, flow, before, limit).await
    }

    async fn node_counts(
        &self,
        workspace: &WorkspaceId,
        flow: &str,
        version: i64,
    ) -> whatsapp_store::Result<Vec<NodeCount>> {
        self.inner.node_counts(workspace, flow, version).await
    }
}

#[async_trait::async_trait]
impl Store for Counting {
    async fn commit(&self, changes: whatsapp_store::Changes) -> whatsapp_store::Result<()> {
        self.inner.commit(changes).await
    }
}

/// Says so to whoever writes the word.
fn answers(word: &str, text: &str) -> serde_json::Value {
    let mut bot = morning("0 9 * * *", &[text]);
    bot["triggers"][0]["on"] = serde_json::json!({"keyword": {"words": [word]}});
    bot
}

/// Asks, and says so to the answer.
fn asks(text: &str) -> serde_json::Value {
    let mut bot = morning("0 9 * * *", &[text]);
    bot["triggers"][0]["on"] = serde_json::json!("anyMessage");
    bot["flows"][0]["entry"] = serde_json::json!("q");
    let question = serde_json::json!({"id": "q", "kind": "ask", "config": {"text": "?", "save": "a"},
        "exits": [{"id": "ok", "to": "n0"}, {"id": "invalid"}]});
    bot["flows"][0]["nodes"].as_array_mut().unwrap().push(question);
    bot
}

async fn write(bots: &Bots, person: u64, id: &str, text: &str) -> Heard {
    let input = Input::Message(Message::text(text));
    bots.hear(&account("shop"), &chat(person), id, &input, "").await.unwrap()
}

fn counting(bench: &Bench) -> (Arc<Counting>, Bots) {
    let (drafts, versions) = Default::default();
    let store = Arc::new(Counting { inner: bench.store.clone(), drafts, versions });
    let bots = Bots::with_clock(store.clone(), bench.phones.clone(), Arc::new(bench.clock.clone()));
    (store, bots)
}

#[tokio::test(start_paused = true)]
async fn a_message_reads_no_drafts_and_each_version_once() {
    let bench = Bench::new(&["shop"]).await;
    for number in 0..20 {
        bench.publish(&format!("b{number}"), &answers(&format!("word{number}"), "Hello.")).await;
    }
    let (store, bots) = counting(&bench);
    for person in 0..50 {
        let heard = write(&bots, person, "1", &format!("word{}", person % 25)).await;
        assert_eq!(heard, if person % 25 < 20 { Heard::Answered } else { Heard::Nobody });
    }
    bots.pass_over(&account("shop"), &chat(99), "1").await.unwrap();
    assert_eq!((store.drafts.load(Ordering::Relaxed), store.versions.load(Ordering::Relaxed)), (0, 20));
}

#[tokio::test(start_paused = true)]
async fn many_who_need_a_version_at_once_load_it_once() {
    let bench = Bench::new(&["shop"]).await;
    bench.publish("b", &answers("hi", "Hello.")).await;
    let (store, bots) = counting(&bench);
    let mut all = JoinSet::new();
    for person in 0..40 {
        let bots = bots.clone();
        all.spawn(async move { write(&bots, person, "1", "hi").await });
    }
    assert!(all.join_all().await.into_iter().all(|heard| heard == Heard::Answered));
    assert_eq!(store.versions.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn what_is_kept_has_a_bound_of_bytes() {
    let bench = Bench::new(&["shop"]).await;
    let workspace = WorkspaceId::default();
    for number in 0..100 {
        bench.publish(&format!("b{number}"), &answers("hi", &"x".repeat(1_000 + number * 10))).await;
    }
    bench.publish("large", &answers("hi", &"y".repeat(4_000))).await;
    let capacity = 400_000;
    let catalog = Catalog::new(capacity);
    let starting = catalog.starting(&*bench.store, &workspace).await.unwrap();
    assert_eq!(starting.len(), 101);
    for _ in 0..3 {
        for published in &starting {
            let compiled = catalog.compiled(&*bench.store, &workspace, published).await.unwrap();
            assert!(compiled.is_some(), "{published:?}");
            assert!(catalog.bytes() <= capacity);
        }
    }
    assert!(catalog.bytes() > capacity / 2, "it is used");
    // One that is larger than all the room works, and is not kept.
    let tiny = Catalog::new(1_000);
    assert!(tiny.compiled(&*bench.store, &workspace, &starting[0]).await.unwrap().is_some());
    assert_eq!(tiny.bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_another_node_publishes_or_disables_holds_at_once() {
    let bench = Bench::new(&["shop"]).await;
    bench.publish("b", &answers("hi", "One.")).await;
    let node = bench.bots();
    assert_eq!(write(&node, 1, "1", "hi").await, Heard::Answered);
    bench.enable(false).await;
    assert_eq!(write(&node, 2, "1", "hi").await, Heard::Nobody);
    bench.enable(true).await;
    assert_eq!(write(&node, 3, "1", "hi").await, Heard::Answered);
    bench.publish("b", &answers("hello", "Two.")).await;
    assert_eq!(write(&node, 4, "1", "hi").await, Heard::Nobody, "the former version starts nothing more");
    assert_eq!(write(&node, 5, "1", "hello").await, Heard::Answered);
}

async fn make_anew(bench: &Bench, definition: &serde_json::Value) {
    let delete = FlowChange::Delete { flow: "b".into(), at: bench.clock.now() };
    bench.commit(&account("shop"), vec![delete.into()]).await;
    bench.clock.0.fetch_add(1, Ordering::Relaxed);
    bench.publish("b", definition).await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_is_made_anew_under_an_id_is_another_bot() {
    let bench = Bench::new(&["shop"]).await;
    bench.publish("b", &asks("One.")).await;
    let (one, other) = (bench.bots(), bench.bots());
    for node in [&one, &other] {
        write(node, 1, &format!("{:p}", node), "hi").await;
    }
    make_anew(&bench, &asks("Two.")).await;
    // It begins on one node and goes on at the other, which knows the former version 1.
    assert_eq!(write(&one, 2, "1", "hi").await, Heard::Answered);
    bench.rest().await;
    bench.clock.0.fetch_add(10_000, Ordering::Relaxed);
    assert_eq!(write(&other, 2, "2", "Ada").await, Heard::Answered);
    bench.rest().await;
    assert_eq!(bench.said(2), ["?", "Two."]);
}

#[tokio::test(start_paused = true)]
async fn a_version_of_a_deleted_bot_is_not_there() {
    let bench = Bench::new(&["shop"]).await;
    bench.publish("b", &answers("hi", "One.")).await;
    let (workspace, catalog) = (WorkspaceId::default(), Catalog::new(1 << 20));
    let former = catalog.starting(&*bench.store, &workspace).await.unwrap().remove(0);
    make_anew(&bench, &answers("hi", "Two.")).await;
    assert!(catalog.compiled(&*bench.store, &workspace, &former).await.unwrap().is_none());
    let new = Published { made_at: former.made_at + 1, ..former };
    assert!(catalog.compiled(&*bench.store, &workspace, &new).await.unwrap().is_some());
}
