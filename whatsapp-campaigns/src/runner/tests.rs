use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use whatsapp_store::{
    AudienceBatch, AudienceRow, CampaignStore, ContactChange, LaneRecord, RecipientCounts, Suppression,
    memory::MemoryStore,
};

use super::*;
use crate::{
    content::Definition,
    outcome::Code,
    pacing::{Rate, SECOND},
};

/// Sleeping is waking up at that time.
struct Virtual(AtomicI64);

#[async_trait]
impl Clock for Virtual {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    async fn sleep_until(&self, at: i64) {
        self.0.fetch_max(at, Ordering::Relaxed);
    }
}

/// What people saw, by id: whoever sees an id again does not see it.
#[derive(Default)]
struct Ledger {
    shown: Mutex<BTreeMap<String, (String, String)>>,
    /// Submissions so far, and the one at which it goes wrong.
    count: AtomicI64,
    /// How often each address was tried.
    tried: Mutex<BTreeMap<String, u32>>,
    answer: Option<fn(i64, &Message) -> Submission>,
    crash_at: i64,
}

#[async_trait]
impl Sender for Ledger {
    async fn submit(&self, message: Message) -> Submission {
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        *self.tried.lock().unwrap().entry(message.to.clone()).or_default() += 1;
        let answer = self.answer.map_or(Submission::Accepted, |answer| answer(count, &message));
        if answer != (Submission::Accepted) && !matches!(answer, Submission::Unknown) {
            return answer;
        }
        let text = message.content.as_text().unwrap_or_default().to_owned();
        let seen = (message.to, text);
        let former = self.shown.lock().unwrap().insert(message.id, seen.clone());
        assert!(former.is_none_or(|former| former == seen), "an id came again with another text or person");
        if count == self.crash_at {
            // The process dies: nothing after this happens.
            std::future::pending::<()>().await;
        }
        answer
    }
}

struct Bench {
    store: MemoryStore,
    clock: Virtual,
    ids: MessageIds,
    arms: Arms,
    template: Template,
}

const START: i64 = 1_790_000_000_000;

impl Bench {
    async fn new(rows: u32) -> Self {
        let definition = r#"{
            "category": "utility",
            "variables": {"name": {"type": "text", "missing": {"policy": "skip"}}},
            "variants": [{"name": "a", "content": {"type": "text", "text": "Hello {{ name }}"}}]
        }"#;
        let template = Template::new(&Definition::from_json(definition).unwrap()).unwrap();
        let store = MemoryStore::new();
        let mut changes = Changes::new(WorkspaceId::default());
        changes.push(CampaignChange::Put(CampaignRecord {
            id: "spring".into(),
            number: 0,
            name: "Spring".into(),
            state: CampaignState::Running,
            reason: None,
            definition: String::new(),
            base_at: START,
            created_at: START,
            updated_at: START,
        }));
        let (campaign, definition) = ("spring".to_owned(), String::new());
        changes.push(CampaignChange::PutLane(LaneRecord {
            campaign,
            lane: 0,
            next: 1,
            end: rows + 1,
            definition,
        }));
        let row = |seq: u32| {
            let named: BTreeMap<String, String> = BTreeMap::from([("name".into(), format!("number {seq}"))]);
            let values = template.bind(&named).unwrap();
            AudienceRow {
                address: format!("49151{seq:08}"),
                consent: "form".into(),
                variables: values.to_bytes().into(),
            }
        };
        let (campaign, rows) = ("spring".to_owned(), (1..=rows).map(row).collect());
        changes.push(CampaignChange::AddAudience(AudienceBatch { campaign, lane: 0, first_seq: 1, rows }));
        store.commit(changes).await.unwrap();
        let (ids, arms) = (MessageIds::new(&[1; 32]), Arms::new(&[2; 32]));
        Self { store, clock: Virtual(AtomicI64::new(START)), ids, arms, template }
    }

    fn run<'a>(&'a self, sender: &'a Ledger, owner: &str) -> LaneRun<'a> {
        let rate = Rate::per(80, SECOND, 1);
        LaneRun {
            store: &self.store,
            sender,
            clock: &self.clock,
            ids: &self.ids,
            template: &self.template,
            arms: &self.arms,
            workspace: WorkspaceId::default(),
            campaign: "spring".into(),
            lane: 0,
            owner: owner.into(),
            limits: Limits { rate, reserve: 0.0, ..Limits::default() },
        }
    }

    async fn counts(&self) -> RecipientCounts {
        self.store.campaign_progress(&WorkspaceId::default(), "spring").await.unwrap()
    }

    async fn state(&self) -> CampaignState {
        self.store.campaign(&WorkspaceId::default(), "spring").await.unwrap().unwrap().state
    }
}

#[tokio::test]
async fn everybody_gets_one_message_and_receipts_find_their_row() {
    let bench = Bench::new(2_500).await;
    let ledger = Ledger::default();
    assert_eq!(bench.run(&ledger, "a").run().await.unwrap(), Ended::Done);
    let shown = ledger.shown.lock().unwrap().clone();
    assert_eq!(shown.len(), 2_500);
    assert!(shown.values().any(|(to, text)| to == "4915100000007" && text == "Hello number 7"));
    assert_eq!(bench.counts().await.of(RecipientState::Submitted), 2_500);
    assert_eq!(bench.state().await, CampaignState::Finished);
    let took = bench.clock.now() - START;
    assert!((31_200..32_500).contains(&took), "2,500 at 80 a second took {took} ms");

    let receipts: Vec<Receipt> = shown
        .iter()
        .flat_map(|(id, (to, _))| {
            [ReceiptKind::Read, ReceiptKind::Sent, ReceiptKind::Delivered, ReceiptKind::Read]
                .map(|kind| Receipt { id: id.clone(), to: to.clone(), kind })
        })
        .collect();
    let heard = Receipts::new(&bench.ids, WorkspaceId::default(), [(1, "spring".to_owned())]);
    assert_eq!(heard.take(&bench.store, &receipts, START).await.unwrap(), 10_000);
    let foreign = Receipt { to: "1".into(), ..receipts[0].clone() };
    assert_eq!(heard.take(&bench.store, &[foreign], START).await.unwrap(), 0);
    assert_eq!(bench.counts().await.of(RecipientState::Read), 2_500);
}

#[tokio::test]
async fn after_a_crash_anywhere_nobody_is_skipped_and_nobody_sees_it_twice() {
    for crash_at in (1..=60).step_by(7) {
        let bench = Bench::new(60).await;
        let ledger = Ledger { crash_at, ..Ledger::default() };
        let dead = bench.run(&ledger, "a");
        // Driven until it hangs, and dropped: as good as killed.
        let mut running = Box::pin(dead.run());
        let killed = std::future::poll_fn(|context| std::task::Poll::Ready(running.as_mut().poll(context)));
        assert!(killed.await.is_pending());
        drop(running);
        let again = bench.run(&ledger, "b");
        assert_eq!(again.run().await.unwrap(), Ended::NothingDue, "its lease has not run out");
        bench.clock.sleep_until(bench.clock.now() + TERM + 1).await;
        assert_eq!(again.run().await.unwrap(), Ended::Done);
        assert_eq!(ledger.shown.lock().unwrap().len(), 60, "killed at {crash_at}");
        assert_eq!(bench.counts().await.of(RecipientState::Submitted), 60);
    }
}

#[tokio::test]
async fn refusals_are_tried_again_or_given_up_and_the_unknown_goes_out_under_its_id() {
    let bench = Bench::new(30).await;
    let answer = |count, message: &Message| match (message.to.as_str(), count) {
        ("4915100000003", _) => Submission::Refused { code: Code::NoAccount, until: None },
        ("4915100000005", 1..=30) => Submission::Unknown,
        ("4915100000006", 1..=30) => Submission::Refused { code: Code::Cloud(131_000), until: None },
        _ => Submission::Accepted,
    };
    let ledger = Ledger { answer: Some(answer), ..Ledger::default() };
    let run = bench.run(&ledger, "a");
    assert_eq!(run.run().await.unwrap(), Ended::NothingDue);
    let counts = bench.counts().await;
    assert_eq!((counts.of(RecipientState::Failed), counts.of(RecipientState::Retry)), (1, 2));
    bench.clock.sleep_until(bench.clock.now() + 24 * 3_600_000).await;
    assert_eq!(run.run().await.unwrap(), Ended::Done);
    assert_eq!(bench.counts().await.of(RecipientState::Submitted), 29);
    assert_eq!(ledger.shown.lock().unwrap().len(), 29);
}

#[tokio::test]
async fn a_row_that_waits_is_not_hurried_by_who_takes_the_range_over() {
    let bench = Bench::new(60).await;
    let answer = |count, message: &Message| match (message.to.as_str(), count) {
        ("4915100000006", 1..=60) => Submission::Refused { code: Code::Cloud(130_429), until: None },
        _ => Submission::Accepted,
    };
    let ledger = Ledger { crash_at: 50, answer: Some(answer), ..Ledger::default() };
    let mut running = Box::pin(async { bench.run(&ledger, "a").run().await });
    let killed = std::future::poll_fn(|context| std::task::Poll::Ready(running.as_mut().poll(context)));
    assert!(killed.await.is_pending());
    drop(running);
    let tries = || ledger.tried.lock().unwrap()["4915100000006"];
    assert_eq!((tries(), bench.counts().await.of(RecipientState::Retry)), (1, 1));
    // Somebody else has it on their list by now, whenever it is due.
    let claim = RangeClaim {
        campaign: "spring".into(),
        lane: 0,
        owner: "another".into(),
        now: START + 1_000_000_000,
        until: i64::MAX,
        limit: 1,
    };
    let taken = bench.store.due_retries(&WorkspaceId::default(), &claim).await.unwrap();
    assert_eq!(taken.map(|retries| retries.seqs), Some(vec![6]));
    bench.clock.sleep_until(bench.clock.now() + TERM + 1).await;
    assert_eq!(bench.run(&ledger, "b").run().await.unwrap(), Ended::NothingDue);
    assert_eq!(tries(), 1);
    assert_eq!(bench.counts().await.of(RecipientState::Submitted), 59);
}

#[tokio::test]
async fn whoever_is_suppressed_by_now_gets_nothing() {
    let bench = Bench::new(10).await;
    let mut changes = Changes::new(WorkspaceId::default());
    let (address, reason) = ("4915100000004".to_owned(), "stop".to_owned());
    changes.push(ContactChange::Suppress(Suppression { address, reason, at: START }));
    bench.store.commit(changes).await.unwrap();
    let ledger = Ledger::default();
    assert_eq!(bench.run(&ledger, "a").run().await.unwrap(), Ended::Done);
    assert_eq!(bench.counts().await.of(RecipientState::Suppressed), 1);
    assert!(ledger.shown.lock().unwrap().values().all(|(to, _)| to != "4915100000004"));
}

/// Pauses the campaign at the tenth message.
struct Pauses<'a>(&'a Bench, Ledger);

#[async_trait]
impl Sender for Pauses<'_> {
    async fn submit(&self, message: Message) -> Submission {
        let answer = self.1.submit(message).await;
        if self.1.count.load(Ordering::Relaxed) == 10 {
            let from = CampaignState::bits(&[CampaignState::Running]);
            let pause = self.0.run(&self.1, "person");
            pause.move_to(CampaignState::Paused, Some("a person said so".into()), from).await.unwrap();
        }
        answer
    }
}

#[tokio::test]
async fn a_pause_takes_effect_within_a_tick_and_the_rest_is_sent_later() {
    let bench = Bench::new(200).await;
    let sender = Pauses(&bench, Ledger::default());
    let run = LaneRun { sender: &sender, ..bench.run(&sender.1, "a") };
    assert_eq!(run.run().await.unwrap(), Ended::NotSending(CampaignState::Paused));
    let sent = sender.1.shown.lock().unwrap().len();
    assert!((10..=10 + 21).contains(&sent), "{sent} sent: 80 a second for one tick");
    let from = CampaignState::bits(&[CampaignState::Paused]);
    run.move_to(CampaignState::Running, None, from).await.unwrap();
    assert_eq!(run.run().await.unwrap(), Ended::Done);
    assert_eq!(sender.1.shown.lock().unwrap().len(), 200);
}
