//! Two people work on one campaign at the same time, in every order of their commits: what comes of it is what would have come of one
//! after the other, or of one alone, and then the other is told.
use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use tokio::sync::watch;
use whatsapp_store::{
    CampaignState, Changes, Result, Store, WorkspaceId, delegate_store, memory::MemoryStore,
};

use super::bench::{At, Bench, Shared, people, settings, upload};
use crate::{audience::CsvSource, model::Settings, service::CampaignService};

/// Whose commit is next. When nobody's is, all may go on.
struct Turns {
    order: Mutex<VecDeque<usize>>,
    changed: watch::Sender<u32>,
}

impl Turns {
    async fn wait(&self, who: usize) {
        let mut changed = self.changed.subscribe();
        loop {
            {
                let mut order = self.order.lock().unwrap();
                match order.front() {
                    Some(next) if *next != who => {}
                    _ => {
                        order.pop_front();
                        return;
                    }
                }
            }
            changed.changed().await.unwrap();
        }
    }

    fn moved(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// That one commits no more.
    fn leave(&self, who: usize) {
        self.order.lock().unwrap().retain(|next| *next != who);
        self.moved();
    }
}

/// The store of one of the two.
struct InTurn {
    inner: Arc<MemoryStore>,
    turns: Arc<Turns>,
    who: usize,
}

impl std::fmt::Debug for InTurn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InTurn")
    }
}

delegate_store!(InTurn => inner);

#[async_trait]
impl Store for InTurn {
    async fn commit(&self, changes: Changes) -> Result<()> {
        self.turns.wait(self.who).await;
        let outcome = self.inner.commit(changes).await;
        self.turns.moved();
        outcome
    }
}

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Create,
    Change,
    Upload,
    Approve,
    DryRun,
    Start,
    Delete,
}

const ACTS: [Act; 7] =
    [Act::Create, Act::Change, Act::Upload, Act::Approve, Act::DryRun, Act::Start, Act::Delete];

fn other_text() -> Settings {
    let mut settings = settings();
    let text = serde_json::to_string(&settings).unwrap().replace("Hello", "Something else,");
    settings = Settings::from_json(&text).unwrap();
    settings
}

async fn act(service: &CampaignService, act: Act) -> bool {
    match act {
        Act::Create => service.create("c", "New", settings(), "ben").await.is_ok(),
        Act::Change => service.change("c", None, other_text(), "ben").await.is_ok(),
        Act::Upload => {
            let source = CsvSource::new(std::io::Cursor::new(people(3).into_bytes()));
            service.upload("c", source, upload(), Shared::default(), "ben").await.is_ok()
        }
        Act::Approve => service.approve("c", "cleo").await.is_ok(),
        Act::DryRun => service.note_dry_run("c").await.is_ok(),
        Act::Start => service.start("c", "ben").await.is_ok(),
        Act::Delete => service.delete("c", "ben").await.is_ok(),
    }
}

/// Which of the two succeeded, and what is there: the state, whether the text is the first one, and how many recipients.
type Outcome = ([bool; 2], Option<(CampaignState, bool, u64)>);

async fn outcome(bench: &Bench, succeeded: [bool; 2]) -> Outcome {
    let Ok(shown) = bench.service.show("c").await else { return (succeeded, None) };
    let is_first = shown.document.to_json().contains("Hello");
    let recipients = shown.document.kept.frozen.as_ref().map_or(0, |frozen| frozen.recipients);
    (succeeded, Some((shown.record.state, is_first, recipients)))
}

/// A draft with recipients that somebody looked at.
async fn draft() -> Bench {
    let bench = Bench::new();
    bench.draft("c").await;
    bench.upload("c", people(5)).await.unwrap();
    bench.service.note_dry_run("c").await.unwrap();
    bench
}

/// One after the other, either first; and each alone, with the other refused.
async fn serial(acts: [Act; 2]) -> BTreeSet<Outcome> {
    let mut outcomes = BTreeSet::new();
    for (first, second) in [(0, 1), (1, 0)] {
        let bench = draft().await;
        let mut succeeded = [false; 2];
        succeeded[first] = act(&bench.service, acts[first]).await;
        outcomes.insert(outcome(&bench, succeeded).await);
        succeeded[second] = act(&bench.service, acts[second]).await;
        outcomes.insert(outcome(&bench, succeeded).await);
    }
    outcomes
}

async fn together(acts: [Act; 2], order: VecDeque<usize>) -> Outcome {
    let bench = draft().await;
    let turns = Arc::new(Turns { order: Mutex::new(order), changed: watch::channel(0).0 });
    let clock: At = bench.clock.clone();
    let one = |who: usize| {
        let (inner, turns, clock) = (bench.store.clone(), turns.clone(), clock.clone());
        async move {
            let store = Arc::new(InTurn { inner, turns: turns.clone(), who });
            let service = CampaignService::with_clock(store, WorkspaceId::default(), Arc::new(clock));
            let succeeded = act(&service, acts[who]).await;
            turns.leave(who);
            succeeded
        }
    };
    let (first, second) = tokio::join!(one(0), one(1));
    outcome(&bench, [first, second]).await
}

#[tokio::test]
async fn nothing_is_lost_in_any_order_of_two_commits() {
    const LENGTH: usize = 4;
    for (place, first) in ACTS.into_iter().enumerate() {
        for second in ACTS.into_iter().skip(place) {
            let allowed = serial([first, second]).await;
            for bits in 0..1_u32 << LENGTH {
                let order = (0..LENGTH).map(|turn| usize::from(bits >> turn & 1 == 1)).collect();
                let got = Box::pin(together([first, second], order)).await;
                assert!(
                    allowed.contains(&got),
                    "{first:?} and {second:?}, {bits:04b}: {got:?}, not of {allowed:?}"
                );
            }
        }
    }
}
