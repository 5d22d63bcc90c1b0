//! A store in memory, people who keep what they were shown, and time that passes when everybody waits.
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use tokio::{sync::Notify, task::JoinHandle, time::Instant};
use whatsapp_store::{
    AccountId, AudienceBatch, AudienceRow, CampaignChange, CampaignMove, CampaignRecord, CampaignState,
    CampaignStore, Changes, EventStore, LaneRecord, RecipientCounts, RecipientState, Store, WorkspaceId,
    memory::MemoryStore,
};

use crate::{
    audience::FIRST_SEQ,
    model::{Document, LaneSpec, Settings, StoredCampaign},
    pacing::{Rate, SECOND},
    runner::{Clock, Message, Options, Runner, Sender, Submission},
    scheduler::Limits,
    window::{Millis, ZoneGroup},
};

pub(super) const START: Millis = 1_790_000_000_000;

/// Reads tokio's clock, which tests pause.
#[derive(Clone)]
pub(super) struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Millis {
        START + Millis::try_from(self.0.elapsed().as_millis()).unwrap()
    }

    fn micros(&self) -> u64 {
        START.unsigned_abs() * 1_000 + u64::try_from(self.0.elapsed().as_micros()).unwrap()
    }
}

pub(super) type Answer = Box<dyn Fn(i64, &Message) -> Submission + Send + Sync>;

/// What people saw, by id: whoever sees an id again does not see it.
pub(super) struct Ledger {
    pub(super) shown: Mutex<BTreeMap<String, (String, String)>>,
    /// When each message was handed over, in order, and to whom.
    pub(super) sent: Mutex<Vec<(Instant, String)>>,
    pub(super) count: AtomicI64,
    pub(super) answer: Option<Answer>,
    /// The submission at which the process dies: it was shown, and nothing after it happens.
    pub(super) dies_at: i64,
    pub(super) died: Notify,
    pub(super) ready: AtomicBool,
    pub(super) limits: Limits,
}

impl Default for Ledger {
    fn default() -> Self {
        let limits = Limits { rate: Rate::per(80, SECOND, 1), reserve: 0.0, ..Limits::default() };
        Self {
            shown: Mutex::default(),
            sent: Mutex::default(),
            count: AtomicI64::new(0),
            answer: None,
            dies_at: 0,
            died: Notify::new(),
            ready: AtomicBool::new(true),
            limits,
        }
    }
}

impl Ledger {
    pub(super) fn answering(
        answer: impl Fn(i64, &Message) -> Submission + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answer: Some(Box::new(answer)), ..Self::default() })
    }

    pub(super) fn shown(&self) -> usize {
        self.shown.lock().unwrap().len()
    }

    pub(super) fn tries_of(&self, address: &str) -> usize {
        self.sent.lock().unwrap().iter().filter(|(_, to)| to == address).count()
    }
}

#[async_trait]
impl Sender for Ledger {
    async fn submit(&self, message: Message) -> Submission {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        self.sent.lock().unwrap().push((Instant::now(), message.to.clone()));
        let answer = self.answer.as_ref().map_or(Submission::Accepted, |answer| answer(count, &message));
        if matches!(answer, Submission::Refused { .. }) {
            return answer;
        }
        let text = message.content.as_text().unwrap_or_default().to_owned();
        let seen = (message.to, text);
        let former = self.shown.lock().unwrap().insert(message.id, seen.clone());
        assert!(former.is_none_or(|former| former == seen), "an id came again with another text or person");
        if count == self.dies_at {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
        answer
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}

pub(super) struct Bench {
    pub(super) store: Arc<MemoryStore>,
    pub(super) clock: Paused,
}

/// Settings as JSON, with more of them in the middle.
pub(super) fn settings(more: &str) -> Settings {
    let json = format!(
        r#"{{"senders":["shop"],
            "content":{{"category":"utility",
                "variables":{{"name":{{"type":"text","missing":{{"policy":"skip"}}}}}},
                "variants":[{{"name":"a","content":{{"type":"text","text":"Hello {{{{ name }}}}"}}}}]}},
            {more}
            "timing":{{"schedule":{{"type":"once","at":{START}}},"quietHours":null}}}}"#
    );
    Settings::from_json(&json).unwrap()
}

impl Bench {
    pub(super) fn new() -> Self {
        Self { store: Arc::new(MemoryStore::new()), clock: Paused(Instant::now()) }
    }

    /// Puts a campaign that is ready to begin, with so many recipients in the lane of each sender.
    pub(super) async fn campaign(&self, id: &str, settings: Settings, rows: u32) {
        self.campaign_of(id, settings, rows, rows).await;
    }

    /// With lanes that end earlier for now.
    pub(super) async fn campaign_of(&self, id: &str, settings: Settings, rows: u32, first: u32) {
        let template = settings.check().unwrap().template;
        let senders = settings.senders.clone();
        let kept = StoredCampaign { key: Some("07".repeat(32)), ..StoredCampaign::default() };
        let mut changes = Changes::new(WorkspaceId::default());
        changes.push(CampaignChange::Put(CampaignRecord {
            id: id.into(),
            number: 0,
            name: id.into(),
            state: CampaignState::Scheduled,
            reason: None,
            definition: Document { settings, kept }.to_json(),
            base_at: START,
            created_at: START,
            updated_at: START,
        }));
        for (lane, sender) in (0..).zip(senders) {
            let zones = ZoneGroup::of_zone("Europe/Berlin").unwrap();
            let definition = LaneSpec { sender, zones, rows }.to_json();
            let (campaign, end) = (id.to_owned(), FIRST_SEQ + first);
            changes.push(CampaignChange::PutLane(LaneRecord {
                campaign,
                lane,
                next: FIRST_SEQ,
                end,
                definition,
            }));
            let row = |seq: u32| {
                let named = BTreeMap::from([("name".to_owned(), format!("number {seq}"))]);
                AudienceRow {
                    address: address(lane, seq),
                    consent: "form".into(),
                    variables: template.bind(&named).unwrap().to_bytes().into(),
                }
            };
            let (campaign, rows) = (id.to_owned(), (FIRST_SEQ..FIRST_SEQ + rows).map(row).collect());
            changes.push(CampaignChange::AddAudience(AudienceBatch {
                campaign,
                lane,
                first_seq: FIRST_SEQ,
                rows,
            }));
        }
        self.store.commit(changes).await.unwrap();
    }

    pub(super) fn runner(&self, owner: &str) -> Runner {
        Runner::with_clock(self.store.clone(), Options::new(owner), Arc::new(self.clock.clone()))
    }

    /// A runner at work, with one sender.
    pub(super) fn start(&self, owner: &str, sender: Arc<Ledger>) -> Running {
        let runner = self.runner(owner);
        runner.serve(shop(), sender);
        Running::of(runner)
    }

    pub(super) async fn counts(&self, id: &str) -> RecipientCounts {
        self.store.campaign_progress(&WorkspaceId::default(), id).await.unwrap()
    }

    pub(super) async fn count(&self, id: &str, state: RecipientState) -> u64 {
        self.counts(id).await.of(state)
    }

    pub(super) async fn record(&self, id: &str) -> CampaignRecord {
        self.store.campaign(&WorkspaceId::default(), id).await.unwrap().unwrap()
    }

    pub(super) async fn kept(&self, id: &str) -> StoredCampaign {
        Document::from_json(&self.record(id).await.definition).unwrap().kept
    }

    pub(super) async fn move_to(&self, id: &str, state: CampaignState) {
        let from = crate::lattice::predecessors(state);
        let mut changes = Changes::new(WorkspaceId::default());
        let step = CampaignMove { campaign: id.into(), state, reason: None, from, at: self.clock.now() };
        changes.push(CampaignChange::SetState(step));
        self.store.commit(changes).await.unwrap();
    }

    /// Waits until the campaign is in that state; at most so long of its own time.
    pub(super) async fn until(&self, id: &str, state: CampaignState, patience: Millis) {
        let deadline = self.clock.now() + patience;
        while self.record(id).await.state != state {
            assert!(
                self.clock.now() < deadline,
                "{:?} and not {state:?}, {:?}",
                self.record(id).await.state,
                self.counts(id).await
            );
            self.pass(50).await;
        }
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, millis: u64) {
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    }

    pub(super) async fn events(&self, key: &str) -> Vec<serde_json::Value> {
        let events = self.store.events(&WorkspaceId::default(), None, 100_000).await.unwrap();
        let ours = events.iter().filter(|event| event.key == key);
        ours.map(|event| serde_json::from_str(&event.data).unwrap()).collect()
    }
}

pub(super) fn shop() -> AccountId {
    "shop".parse().unwrap()
}

pub(super) fn address(lane: i32, seq: u32) -> String {
    format!("4915{lane}{seq:08}")
}

/// A runner whose loop runs in a task.
pub(super) struct Running {
    pub(super) runner: Runner,
    task: JoinHandle<()>,
}

impl Running {
    pub(super) fn of(runner: Runner) -> Self {
        let task = tokio::spawn({
            let runner = runner.clone();
            async move { runner.run().await }
        });
        Self { runner, task }
    }

    /// As if the process was killed: nothing is given back, nothing more is written.
    pub(super) fn kill(self) {
        self.task.abort();
        self.runner.abandon();
    }

    pub(super) async fn shutdown(self) {
        self.runner.shutdown().await;
        self.task.await.unwrap();
    }
}
