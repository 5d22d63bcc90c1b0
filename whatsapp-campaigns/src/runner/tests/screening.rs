//! Who must not be written to is asked of those whose turn comes, and nobody is written to while that cannot be asked.
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use whatsapp_store::{
    CampaignState, Changes, ContactPage, ContactQuery, ContactRecord, ContactStore, Error, ErrorKind, Result,
    Store, Suppression, TagCount, WorkspaceId, delegate_store, memory::MemoryStore,
};

use super::bench::{Bench, Ledger, Running, settings, shop};
use crate::{
    pacing::{Rate, SECOND},
    runner::{Options, Runner},
    scheduler::Limits,
};

const HOUR: i64 = 3_600_000;

/// Counts the addresses that are asked for, and fails when it is told to.
#[derive(Debug)]
struct Watched {
    inner: Arc<MemoryStore>,
    asked: AtomicUsize,
    fails: AtomicBool,
    /// Answers this many milliseconds late.
    late: AtomicU64,
}

delegate_store!(Watched => inner, except ContactStore);

#[async_trait]
impl Store for Watched {
    async fn commit(&self, changes: Changes) -> Result<()> {
        self.inner.commit(changes).await
    }
}

#[async_trait]
impl ContactStore for Watched {
    async fn contact(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<ContactRecord>> {
        self.inner.contact(workspace, id).await
    }

    async fn contact_by_phone(&self, workspace: &WorkspaceId, phone: &str) -> Result<Option<ContactRecord>> {
        self.inner.contact_by_phone(workspace, phone).await
    }

    async fn contact_by_lid(&self, workspace: &WorkspaceId, lid: &str) -> Result<Option<ContactRecord>> {
        self.inner.contact_by_lid(workspace, lid).await
    }

    async fn contacts_by_phone(
        &self,
        workspace: &WorkspaceId,
        phones: &[String],
    ) -> Result<Vec<Option<ContactRecord>>> {
        self.inner.contacts_by_phone(workspace, phones).await
    }

    async fn contacts(&self, workspace: &WorkspaceId, query: &ContactQuery) -> Result<ContactPage> {
        self.inner.contacts(workspace, query).await
    }

    async fn contact_tags(&self, workspace: &WorkspaceId) -> Result<Vec<TagCount>> {
        self.inner.contact_tags(workspace).await
    }

    async fn suppressed(&self, workspace: &WorkspaceId, addresses: &[String]) -> Result<Vec<String>> {
        self.asked.fetch_add(addresses.len(), Ordering::Relaxed);
        let late = self.late.load(Ordering::Relaxed);
        if late > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(late)).await;
        }
        if self.fails.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Busy, "asking who opted out"));
        }
        self.inner.suppressed(workspace, addresses).await
    }

    async fn suppressions(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Suppression>> {
        self.inner.suppressions(workspace, after, limit).await
    }
}

fn start(bench: &Bench, ledger: Arc<Ledger>) -> (Arc<Watched>, Running) {
    let (asked, fails, late) = Default::default();
    let store = Arc::new(Watched { inner: bench.store.clone(), asked, fails, late });
    let runner = Runner::with_clock(store.clone(), Options::new("a"), Arc::new(bench.clock.clone()));
    runner.serve(shop(), ledger);
    (store, Running::of(runner))
}

#[tokio::test(start_paused = true)]
async fn only_rows_about_to_be_sent_are_screened() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 900).await;
    let rate = Rate::per(10, 60 * SECOND, 3);
    let limits = Limits { rate, ..Ledger::default().limits };
    let ledger = Arc::new(Ledger { limits, ..Ledger::default() });
    let (store, running) = start(&bench, ledger.clone());
    bench.pass(30 * 60_000).await;
    let (asked, shown) = (store.asked.load(Ordering::Relaxed), ledger.shown());
    assert!((290..=310).contains(&shown), "{shown}");
    assert!(asked <= 3 * shown + 10, "{asked} addresses for {shown} messages");
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_fast_account_screens_each_row_about_once() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 900).await;
    let ledger = Arc::new(Ledger::default());
    let (store, running) = start(&bench, ledger.clone());
    bench.until("spring", CampaignState::Finished, HOUR).await;
    let asked = store.asked.load(Ordering::Relaxed);
    assert!((900..=1_350).contains(&asked), "{asked} addresses for 900 messages");
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_opt_outs_cannot_be_read() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 200).await;
    let ledger = Arc::new(Ledger::default());
    let (store, running) = start(&bench, ledger.clone());
    bench.pass(1_000).await;
    store.fails.store(true, Ordering::Relaxed);
    // Those that were asked for a moment before still go.
    bench.pass(200).await;
    let before = ledger.shown();
    bench.pass(60_000).await;
    assert_eq!(ledger.shown(), before);
    store.fails.store(false, Ordering::Relaxed);
    bench.until("spring", CampaignState::Finished, HOUR).await;
    assert_eq!(ledger.shown(), 200);
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_answers_slower_than_a_tick_is_not_asked_again_for_each_row() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 900).await;
    let ledger = Arc::new(Ledger::default());
    let (store, running) = start(&bench, ledger.clone());
    store.late.store(400, Ordering::Relaxed);
    bench.until("spring", CampaignState::Finished, HOUR).await;
    let asked = store.asked.load(Ordering::Relaxed);
    assert!((900..=1_800).contains(&asked), "{asked} addresses for 900 messages");
    running.shutdown().await;
}
