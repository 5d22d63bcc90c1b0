use std::{collections::BTreeSet, sync::Arc};

use tokio::task::JoinSet;

use super::{claim, outcome, refused, release, renew, retry, running, settle, states, workspace, write};
use crate::{
    ErrorKind, RangeLease, RecipientState, RetryLease, Store, WorkspaceId, conformance::campaign::BELOW_READ,
};

async fn due(store: &dyn Store, workspace: &WorkspaceId, owner: &str, now: i64) -> Option<RetryLease> {
    store.due_retries(workspace, &claim(owner, now, 2)).await.unwrap()
}

/// The same outcome may be written again: its state is among those that it may replace.
fn settled(seq: u32, state: RecipientState) -> crate::Outcome {
    let mut outcome = outcome(seq, state);
    outcome.effect.from = BELOW_READ | RecipientState::bits(&[RecipientState::Retry]);
    outcome
}

/// Many senders lease at once, and no place goes to two of them.
pub async fn concurrent_leasing_hands_out_each_place_once(store: Arc<dyn Store>) {
    const COUNT: u32 = 200;
    let w = workspace("w");
    running(&*store, &w, COUNT).await;
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let (store, w) = (store.clone(), w.clone());
        tasks.spawn(async move {
            let mut taken = Vec::new();
            let claim = claim(&format!("{task}"), 0, 3 + task);
            while let Some(lease) = store.lease_range(&w, &claim).await.unwrap() {
                if taken.len() % 3 == 1 {
                    // Some of it is given back, and another sender gets it.
                    write(&*store, &w, [release(&lease, lease.lo + 1)]).await.unwrap();
                    taken.push(RangeLease { hi: lease.lo + 1, ..lease });
                } else {
                    taken.push(lease);
                }
            }
            taken
        });
    }
    let leases: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let epochs: BTreeSet<_> = leases.iter().map(|lease| lease.epoch).collect();
    assert_eq!(epochs.len(), leases.len(), "an epoch names one lease");
    let mut places: Vec<_> = leases.iter().flat_map(|lease| lease.lo..lease.hi).collect();
    places.sort_unstable();
    assert_eq!(places, (0..COUNT).collect::<Vec<_>>());
}

/// Due ones, the longest due first. Each leaves the list when it has an outcome.
pub async fn retries_are_leased_when_they_are_due(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 6).await;
    let waiting = [retry(4, 50), retry(0, 60), retry(2, 70), retry(5, 60), retry(3, 5)];
    write(&*store, &w, [settle(None, waiting), settle(None, [settled(3, RecipientState::Failed)])])
        .await
        .unwrap();
    assert_eq!(due(&*store, &w, "a", 49).await, None);
    let first = due(&*store, &w, "a", 69).await.unwrap();
    let expected = RangeLease {
        campaign: "c".into(),
        lane: 1,
        lo: 0,
        hi: 5,
        owner: "a".into(),
        epoch: first.lease.epoch,
        until: 169,
        reclaimed: false,
        retry: true,
    };
    assert_eq!(first, RetryLease { lease: expected.clone(), seqs: vec![0, 4] });
    assert_eq!(due(&*store, &w, "b", 69).await.unwrap().seqs, [5]);
    assert_eq!(due(&*store, &w, "b", 69).await, None);
    let epoch = Some(first.lease.epoch);
    let outcomes = [settled(0, RecipientState::Acked), retry(4, 75)];
    for _ in 0..2 {
        write(&*store, &w, [settle(epoch, outcomes)]).await.unwrap();
    }
    write(&*store, &w, [release(&first.lease, 0)]).await.unwrap();
    assert_eq!(refused(&*store, &w, settle(epoch, outcomes)).await, ErrorKind::Fenced);
    assert_eq!(due(&*store, &w, "c", 80).await.unwrap().seqs, [2, 4], "tried again, and once more");
    assert_eq!(states(&*store, &w).await[0], RecipientState::Acked);
    let owners = store.campaign_leases(&w, "c").await.unwrap();
    assert_eq!(owners.iter().map(|lease| &*lease.owner).collect::<Vec<_>>(), ["b", "c"]);
}

/// They may have been tried: the next holder is told so.
pub async fn retries_of_a_lost_lease_are_taken_over(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 3).await;
    write(&*store, &w, [settle(None, [retry(0, 5), retry(1, 6), retry(2, 7)])]).await.unwrap();
    let lost = due(&*store, &w, "a", 10).await.unwrap();
    write(&*store, &w, [renew(&lost.lease, 200)]).await.unwrap();
    let other = due(&*store, &w, "b", 120).await.unwrap();
    assert_eq!((other.seqs, other.lease.reclaimed), (vec![2], false));
    // A receipt came in the meantime.
    write(&*store, &w, [settle(None, [settled(0, RecipientState::Delivered)])]).await.unwrap();
    let taken = due(&*store, &w, "b", 200).await.unwrap();
    assert_eq!((&taken.seqs[..], taken.lease.reclaimed, &*taken.lease.owner), (&[1][..], true, "b"));
    let stale = settle(Some(lost.lease.epoch), [settled(1, RecipientState::Acked)]);
    assert_eq!(refused(&*store, &w, stale).await, ErrorKind::Fenced);
    write(&*store, &w, [release(&taken.lease, 0)]).await.unwrap();
    let again = due(&*store, &w, "c", 201).await.unwrap();
    assert_eq!((&again.seqs[..], again.lease.reclaimed), (&[1][..], true), "still in doubt");
    write(&*store, &w, [settle(Some(again.lease.epoch), [settled(1, RecipientState::Acked)])]).await.unwrap();
    let last = due(&*store, &w, "d", 1000).await.unwrap();
    assert_eq!(
        (&last.seqs[..], last.lease.reclaimed),
        (&[2][..], true),
        "the lease without retries left is gone"
    );
    assert_eq!(store.campaign_leases(&w, "c").await.unwrap(), [last.lease]);
}

/// A retry that was not tried is due again.
pub async fn released_retries_are_due_again(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 3).await;
    write(&*store, &w, [settle(None, [retry(0, 5), retry(1, 6)])]).await.unwrap();
    let first = due(&*store, &w, "a", 10).await.unwrap();
    assert_eq!(first.seqs, [0, 1]);
    let epoch = Some(first.lease.epoch);
    let changes = [settle(epoch, [settled(1, RecipientState::Acked)]), release(&first.lease, 9)];
    write(&*store, &w, changes).await.unwrap();
    let second = due(&*store, &w, "b", 10).await.unwrap();
    assert_eq!((second.seqs, second.lease.reclaimed), (vec![0], false));
    assert!(second.lease.epoch > first.lease.epoch);
}

/// Many senders lease at once, and each retry goes to one of them.
pub async fn concurrent_retries_are_leased_once(store: Arc<dyn Store>) {
    const COUNT: u32 = 60;
    let w = workspace("w");
    running(&*store, &w, COUNT).await;
    write(&*store, &w, [settle(None, (0..COUNT).map(|seq| retry(seq, i64::from(seq % 7))))]).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let (store, w) = (store.clone(), w.clone());
        tasks.spawn(async move {
            let mut taken = Vec::new();
            while taken.len() < COUNT as usize {
                let Some(lease) = due(&*store, &w, &format!("{task}"), 50).await else { break };
                taken.extend(lease.seqs);
            }
            taken
        });
    }
    let mut taken: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    // Rows that another lease was reading are skipped, so some may be left.
    while let Some(lease) = due(&*store, &w, "last", 50).await {
        taken.extend(lease.seqs);
    }
    taken.sort_unstable();
    assert_eq!(taken, (0..COUNT).collect::<Vec<_>>());
}
