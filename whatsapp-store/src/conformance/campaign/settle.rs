use std::{collections::BTreeMap, sync::Arc};

use tokio::task::JoinSet;

use super::{BASE, BELOW_READ, effect, outcome, retry, running, settle, states, workspace, write};
use crate::{
    CampaignChange, Effect, Outcome, RecipientFlag, RecipientMinute, RecipientRecord,
    RecipientState::{self, Acked, Cancelled, Delivered, Failed, InDoubt, Pending, Read, Submitted},
    Settlement, Stamp, Store, WorkspaceId,
};

fn at(at: i64, outcomes: impl Into<Vec<Outcome>>) -> CampaignChange {
    let outcomes = outcomes.into();
    CampaignChange::Settle(Settlement { campaign: "c".into(), lane: 1, epoch: None, at, outcomes })
}

/// Every field. A field that an effect does not name stays.
pub async fn settled_recipient_comes_back_as_written(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 2).await;
    let fresh = RecipientRecord {
        seq: 0,
        state: Pending,
        flags: 0,
        tries: 0,
        code: 0,
        sender: 0,
        sent_at: None,
        delivered_at: None,
        read_at: None,
    };
    let untouched = RecipientRecord { seq: 1, ..fresh };
    assert_eq!(store.recipients(&w, "c", 1, 0..9).await.unwrap(), [fresh, untouched]);
    let sent = Effect {
        code: Some(u16::MAX),
        sender: Some(40_000),
        flags: 1,
        tries: 200,
        stamp: Some(Stamp::Sent),
        ..effect(Submitted, BELOW_READ)
    };
    let delivered = Effect { tries: 100, stamp: Some(Stamp::Delivered), ..effect(Delivered, BELOW_READ) };
    let read = Effect {
        code: Some(7),
        flags: RecipientFlag::Played.bit() | RecipientFlag::Replied.bit(),
        stamp: Some(Stamp::Read),
        ..effect(Read, BELOW_READ)
    };
    for (time, effect) in [(BASE + 1999, sent), (BASE - 1, delivered), (BASE + 90_000_000_000, read)] {
        write(&*store, &w, [at(time, [Outcome { seq: 0, effect, retry_at: None }])]).await.unwrap();
    }
    let expected = RecipientRecord {
        state: Read,
        flags: 17,
        tries: 255,
        code: 7,
        sender: 40_000,
        sent_at: Some(BASE + 1000),
        delivered_at: Some(BASE - 1000),
        read_at: Some(BASE + 90_000_000_000),
        ..fresh
    };
    assert_eq!(store.recipients(&w, "c", 1, 0..9).await.unwrap(), [expected, untouched]);
}

/// An effect without a state leaves the state as it is, and counts nothing.
pub async fn flags_are_set_in_any_state(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 3).await;
    write(&*store, &w, [settle(None, [outcome(1, Read)])]).await.unwrap();
    let replied = Effect { flags: RecipientFlag::Replied.bit(), from: u64::MAX, ..Effect::default() };
    let replies = [0, 1].map(|seq| Outcome { seq, effect: replied, retry_at: None });
    write(&*store, &w, [at(BASE + 600_000, replies)]).await.unwrap();
    let recipients = store.recipients(&w, "c", 1, 0..9).await.unwrap();
    let found: Vec<_> = recipients.iter().map(|recipient| (recipient.state, recipient.flags)).collect();
    assert_eq!(found, [(Pending, 1), (Read, 1), (Pending, 0)]);
    assert_eq!(store.campaign_minutes(&w, "c", BASE + 60_000, i64::MAX).await.unwrap(), []);
}

/// Repeating the commit changes nothing, and neither does an outcome that comes too late.
pub async fn settling_twice_has_no_further_effect(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 4).await;
    let change = || settle(None, [outcome(0, Delivered), outcome(1, Read), outcome(3, Read)]);
    let late = settle(None, [Outcome { effect: effect(Delivered, 0b1101), ..outcome(1, Delivered) }]);
    let mut before = None;
    for changes in [vec![change()], vec![change(), change()], vec![late], vec![settle(None, [])]] {
        write(&*store, &w, changes).await.unwrap();
        let now = (
            store.recipients(&w, "c", 1, 0..9).await.unwrap(),
            store.campaign_progress(&w, "c").await.unwrap(),
            store.campaign_minutes(&w, "c", 0, i64::MAX).await.unwrap(),
        );
        assert_eq!(*before.get_or_insert_with(|| now.clone()), now);
    }
    assert_eq!(states(&*store, &w).await, [Delivered, Read, Pending, Read]);
}

/// Also of one place. Each effect is checked against its own states.
pub async fn outcomes_apply_in_the_order_given(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 3).await;
    let only = |seq, state, from: u8| Outcome { seq, effect: effect(state, 1_u64 << from), retry_at: None };
    let outcomes = [
        only(0, Submitted, 0),
        only(1, Acked, 2),
        only(0, Acked, 2),
        only(1, Submitted, 0),
        only(2, Failed, 0),
        only(0, Delivered, 3),
        only(2, Read, 0),
    ];
    write(&*store, &w, [settle(None, outcomes)]).await.unwrap();
    assert_eq!(states(&*store, &w).await, [Delivered, Submitted, Failed]);
    let counts = store.campaign_progress(&w, "c").await.unwrap().0;
    assert_eq!(counts, BTreeMap::from([(Submitted, 1), (Delivered, 1), (Failed, 1)]));
    let minutes = store.campaign_minutes(&w, "c", 0, i64::MAX).await.unwrap();
    let passed: Vec<_> = minutes.iter().map(|minute| (minute.state, minute.count)).collect();
    assert_eq!(passed, [(Submitted, 2), (Acked, 1), (Delivered, 1), (Failed, 1)]);
}

/// A graph shows how many outcomes came in which minute.
pub async fn moves_are_counted_by_minute(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 4).await;
    let minute = BASE - BASE.rem_euclid(60_000);
    for (time, outcomes) in [
        (minute, vec![outcome(0, Acked)]),
        (minute + 59_999, vec![outcome(1, Acked), outcome(2, Cancelled)]),
        (minute + 60_000, vec![outcome(3, Acked), outcome(1, Read), outcome(9, Read)]),
        (-1, vec![outcome(0, Read)]),
    ] {
        write(&*store, &w, [at(time, outcomes)]).await.unwrap();
    }
    let row = |at, state, count| RecipientMinute { at, state, count };
    let all = [
        row(-60_000, Read, 1),
        row(minute, Acked, 2),
        row(minute, Cancelled, 1),
        row(minute + 60_000, Acked, 1),
        row(minute + 60_000, Read, 1),
    ];
    // By the order of states.
    let mut sorted = all;
    sorted.sort_by_key(|minute| (minute.at, minute.state));
    assert_eq!(store.campaign_minutes(&w, "c", i64::MIN, i64::MAX).await.unwrap(), sorted);
    assert_eq!(store.campaign_minutes(&w, "c", minute, minute + 60_000).await.unwrap(), sorted[1..3]);
    assert_eq!(store.campaign_minutes(&w, "c", minute + 1, minute + 60_001).await.unwrap(), sorted[3..]);
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for place in (1..list.len()).rev() {
            list.swap(place, self.below(place + 1));
        }
    }
}

/// States in their rank: each replaces those before it.
const RANKS: [RecipientState; 6] = [Pending, Submitted, InDoubt, Acked, Delivered, Read];

async fn recount(store: &dyn Store, workspace: &WorkspaceId) {
    let mut counted = BTreeMap::new();
    for state in states(store, workspace).await {
        *counted.entry(state).or_insert(0) += 1;
    }
    assert_eq!(store.campaign_progress(workspace, "c").await.unwrap().0, counted);
    let flags = store.campaign_flags(workspace, "c").await.unwrap().0;
    assert_eq!(flags, super::flag::recounted(store, workspace).await);
}

/// Receipts come in any order, several times, and to several nodes at once. Each recipient ends in the highest state that
/// was reported for it, and the counters equal a recount.
pub async fn outcomes_in_any_order_end_the_same(store: Arc<dyn Store>) {
    const COUNT: u32 = 60;
    let mut numbers = Numbers(7);
    for (round, name) in ["w", "v", "u"].into_iter().enumerate() {
        let w = workspace(name);
        running(&*store, &w, COUNT).await;
        let mut highest = vec![0; COUNT as usize];
        let mut outcomes: Vec<Outcome> = Vec::new();
        for _ in 0..400 {
            let (seq, rank) = (numbers.below(COUNT as usize), 1 + numbers.below(RANKS.len() - 1));
            highest[seq] = rank.max(highest[seq]);
            let from = RecipientState::bits(&RANKS[..rank]);
            let effect = Effect { code: Some(rank as u16), ..effect(RANKS[rank], from) };
            let outcome = Outcome { seq: seq as u32, effect, retry_at: None };
            outcomes.extend(std::iter::repeat_n(outcome, 1 + numbers.below(2)));
        }
        numbers.shuffle(&mut outcomes);
        let mut nodes = JoinSet::new();
        for part in outcomes.chunks(outcomes.len().div_ceil(1 + round)) {
            let (store, w, part) = (store.clone(), w.clone(), part.to_vec());
            nodes.spawn(async move {
                for batch in part.chunks(37) {
                    // Two nodes that write the same recipients in another order may stop each other.
                    while let Err(error) = write(&*store, &w, [settle(None, batch.to_vec())]).await {
                        assert!(error.is_retryable(), "{error}");
                    }
                }
            });
        }
        nodes.join_all().await;
        let expected: Vec<_> = highest.into_iter().map(|rank| RANKS[rank]).collect();
        assert_eq!(states(&*store, &w).await, expected);
        recount(&*store, &w).await;
    }
}

/// Outcomes of all kinds, retries among them.
pub async fn counters_equal_a_recount(store: Arc<dyn Store>) {
    const COUNT: usize = 25;
    let w = workspace("w");
    running(&*store, &w, COUNT as u32).await;
    let mut numbers = Numbers(11);
    let all: Vec<_> = (0..64).filter_map(RecipientState::from_code).collect();
    for time in 0..60 {
        let mut outcomes = Vec::new();
        for _ in 0..numbers.below(40) {
            let (seq, state) = (numbers.below(COUNT + 2) as u32, all[numbers.below(all.len())]);
            let from = (0..4).map(|_| 1 << all[numbers.below(all.len())].code()).sum::<u64>();
            let mut outcome = match state {
                RecipientState::Retry => retry(seq, time),
                _ => Outcome { seq, effect: effect(state, from), retry_at: None },
            };
            // Two of three set none, as most do.
            outcome.effect.flags = [0, 0, numbers.below(32) as u8][numbers.below(3)];
            outcomes.push(outcome);
        }
        write(&*store, &w, [at(BASE + time * 1000, outcomes)]).await.unwrap();
        recount(&*store, &w).await;
    }
    assert_eq!(store.campaign_progress(&w, "c").await.unwrap().total(), COUNT as u64);
    // A recipient is on the retry list if and only if it waits to be tried again.
    let waiting = states(&*store, &w).await.into_iter().zip(0..);
    let waiting: Vec<u32> =
        waiting.filter(|(state, _)| *state == RecipientState::Retry).map(|(_, seq)| seq).collect();
    assert!(!waiting.is_empty(), "the numbers leave none to ask for");
    let listed = store.due_retries(&w, &super::claim("o", i64::MAX - 100, 100)).await.unwrap().unwrap();
    assert_eq!(listed.seqs, waiting);
}
