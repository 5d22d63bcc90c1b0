use std::{collections::BTreeMap, sync::Arc};

use tokio::task::JoinSet;

use super::{BASE, BELOW_READ, effect, outcome, retry, running, settle, workspace, write};
use crate::{
    CampaignChange, Effect, Outcome,
    RecipientFlag::{self, Clicked, OptedOut, Played, Replied},
    RecipientState::{Acked, Delivered, Read},
    Store, WorkspaceId,
};

/// Sets flags of a recipient in any state, which stays.
fn flagged(seq: u32, flags: &[RecipientFlag]) -> Outcome {
    let flags = flags.iter().fold(0, |all, flag| all | flag.bit());
    Outcome { seq, effect: Effect { flags, from: u64::MAX, ..Effect::default() }, retry_at: None }
}

async fn flags(store: &dyn Store, workspace: &WorkspaceId) -> Vec<(RecipientFlag, u64)> {
    let counts = store.campaign_flags(workspace, "c").await.unwrap();
    counts.0.into_iter().collect()
}

/// How often each flag is found in the recipients themselves.
pub(super) async fn recounted(store: &dyn Store, workspace: &WorkspaceId) -> BTreeMap<RecipientFlag, u64> {
    let recipients = store.recipients(workspace, "c", 1, 0..u32::MAX).await.unwrap();
    let count = |flag: RecipientFlag| recipients.iter().filter(|found| found.flags & flag.bit() != 0).count();
    let counts = RecipientFlag::ALL.map(|flag| (flag, count(flag) as u64));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// Once for each recipient, however often the flag is set, alone or with others.
pub async fn flags_are_counted_once(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 6).await;
    assert_eq!(flags(&*store, &w).await, []);
    let first = || settle(None, [flagged(0, &[Replied]), flagged(1, &[Replied, Clicked])]);
    write(&*store, &w, [first()]).await.unwrap();
    assert_eq!(flags(&*store, &w).await, [(Replied, 2), (Clicked, 1)]);
    write(&*store, &w, [first(), first()]).await.unwrap();
    assert_eq!(flags(&*store, &w).await, [(Replied, 2), (Clicked, 1)]);
    // The same recipient several times in one settlement, and one that is nowhere.
    let outcomes = [
        flagged(0, &[OptedOut]),
        flagged(0, &[OptedOut, Played]),
        flagged(0, &[OptedOut]),
        flagged(2, &[Clicked]),
        flagged(1, &[Clicked, OptedOut]),
        flagged(6, &[Replied]),
    ];
    write(&*store, &w, [settle(None, outcomes)]).await.unwrap();
    let expected = [(Replied, 2), (Clicked, 2), (OptedOut, 2), (Played, 1)];
    assert_eq!(flags(&*store, &w).await, expected);
    assert_eq!(store.campaign_flags(&w, "c").await.unwrap().of(RecipientFlag::Reported), 0);
    assert_eq!(recounted(&*store, &w).await, BTreeMap::from(expected));
}

/// An outcome that comes too late sets no flag and counts none. The state is counted as usual.
pub async fn flags_are_counted_with_the_state(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 4).await;
    let with = |outcome: Outcome, flag: RecipientFlag| Outcome {
        effect: Effect { flags: flag.bit(), ..outcome.effect },
        ..outcome
    };
    let again =
        || settle(None, [with(outcome(0, Read), Played), with(retry(1, 50), Replied), outcome(2, Delivered)]);
    write(&*store, &w, [again()]).await.unwrap();
    write(&*store, &w, [again(), settle(None, [with(outcome(0, Acked), Replied)])]).await.unwrap();
    // A recipient in the retry list is moved, with its flag set already.
    let acked = Outcome { effect: effect(Acked, u64::MAX), ..outcome(1, Acked) };
    write(&*store, &w, [settle(None, [with(acked, Replied)])]).await.unwrap();
    assert_eq!(flags(&*store, &w).await, [(Replied, 1), (Played, 1)]);
    let progress = store.campaign_progress(&w, "c").await.unwrap();
    assert_eq!([Read, Acked, Delivered].map(|state| progress.of(state)), [1, 1, 1]);
    assert_eq!(progress.total(), 4);
    let due = store.due_retries(&w, &super::claim("o", 1000, 10)).await.unwrap();
    assert_eq!(due, None, "it was settled, and waits no more");
}

/// Unknown bits are kept for a later version, and change nothing.
pub async fn flags_of_a_later_version_are_kept(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 2).await;
    let all = Effect { flags: u8::MAX, ..effect(Read, BELOW_READ) };
    let outcome = Outcome { seq: 0, effect: all, retry_at: None };
    write(&*store, &w, [settle(None, [outcome])]).await.unwrap();
    write(&*store, &w, [settle(None, [flagged(0, &[Replied]), flagged(1, &[Replied])])]).await.unwrap();
    let counts = flags(&*store, &w).await;
    assert_eq!(counts, RecipientFlag::ALL.map(|flag| (flag, if flag == Replied { 2 } else { 1 })));
    let recipients = store.recipients(&w, "c", 1, 0..9).await.unwrap();
    assert_eq!(recipients[0].flags, u8::MAX);
    assert_eq!(store.campaign_progress(&w, "c").await.unwrap().of(Read), 1);
}

/// Several nodes get the same replies and clicks. Each is counted once.
pub async fn concurrent_flags_are_counted_once(store: Arc<dyn Store>) {
    const COUNT: u32 = 40;
    let w = workspace("w");
    running(&*store, &w, COUNT).await;
    let mut nodes = JoinSet::new();
    for node in 0..4 {
        let store = store.clone();
        nodes.spawn(async move {
            let w = workspace("w");
            for place in 0..COUNT {
                let seq = (place + node * 10) % COUNT;
                let flags: &[_] =
                    if (seq + node).is_multiple_of(2) { &[Clicked] } else { &[Clicked, Replied] };
                // Two nodes that write the same counters in another order may stop each other.
                while let Err(error) = write(&*store, &w, [settle(None, [flagged(seq, flags)])]).await {
                    assert!(error.is_retryable(), "{error}");
                }
            }
        });
    }
    nodes.join_all().await;
    assert_eq!(flags(&*store, &w).await, [(Replied, COUNT.into()), (Clicked, COUNT.into())]);
    assert_eq!(recounted(&*store, &w).await, store.campaign_flags(&w, "c").await.unwrap().0);
}

/// Another workspace's campaign of the same name, and one that was made again, begin with no flags.
pub async fn flags_go_with_their_campaign(store: Arc<dyn Store>) {
    let (w, v) = (workspace("w"), workspace("v"));
    for workspace in [&w, &v] {
        running(&*store, workspace, 2).await;
        write(&*store, workspace, [settle(None, [flagged(0, &[Replied])])]).await.unwrap();
    }
    write(&*store, &w, [CampaignChange::Delete { campaign: "c".into() }]).await.unwrap();
    assert_eq!(flags(&*store, &w).await, []);
    running(&*store, &w, 2).await;
    assert_eq!(flags(&*store, &w).await, []);
    assert_eq!(flags(&*store, &v).await, [(Replied, 1)]);
    assert_eq!(store.campaign_minutes(&v, "c", BASE, i64::MAX).await.unwrap(), [], "flags are no moves");
    assert_eq!(flags(&*store, &workspace("none")).await, []);
}
