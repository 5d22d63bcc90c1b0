use std::sync::Arc;

use super::{
    BASE, campaign, claim, lane, outcome, refused, release, renew, running, settle, states, workspace, write,
};
use crate::{
    CampaignChange, CampaignMove, CampaignState, ErrorKind, RangeClaim, RangeLease, RecipientState, Store,
    WorkspaceId,
};

async fn lease(store: &dyn Store, workspace: &WorkspaceId, claim: &RangeClaim) -> Option<RangeLease> {
    store.lease_range(workspace, claim).await.unwrap()
}

async fn set_state(store: &dyn Store, workspace: &WorkspaceId, state: CampaignState) {
    let (campaign, from) = ("c".into(), u64::MAX);
    let step = CampaignMove { campaign, state, reason: None, from, at: BASE };
    write(store, workspace, [CampaignChange::SetState(step)]).await.unwrap();
}

/// One after the other, up to the end of the lane, each under a higher epoch.
pub async fn ranges_are_leased_in_order(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 10).await;
    write(&*store, &w, [CampaignChange::PutLane(lane("c", 2, 3))]).await.unwrap();
    let first = lease(&*store, &w, &claim("a", 0, 4)).await.unwrap();
    let expected = RangeLease {
        campaign: "c".into(),
        lane: 1,
        lo: 0,
        hi: 4,
        owner: "a".into(),
        epoch: first.epoch,
        until: 100,
        reclaimed: false,
        retry: false,
    };
    assert_eq!(first, expected);
    let second = lease(&*store, &w, &claim("b", 0, 5)).await.unwrap();
    let third = lease(&*store, &w, &claim("a", 0, 5)).await.unwrap();
    assert_eq!((second.lo, second.hi, third.lo, third.hi), (4, 9, 9, 10));
    assert!(first.epoch < second.epoch && second.epoch < third.epoch);
    for nothing in [claim("a", 0, 5), RangeClaim { lane: 3, ..claim("a", 0, 5) }] {
        assert_eq!(lease(&*store, &w, &nothing).await, None);
    }
    assert_eq!(lease(&*store, &w, &RangeClaim { lane: 2, ..claim("a", 0, 0) }).await, None);
    let other = lease(&*store, &w, &RangeClaim { lane: 2, ..claim("a", 0, u32::MAX) }).await.unwrap();
    assert_eq!((other.lane, other.lo, other.hi), (2, 0, 3));
    assert_eq!(store.campaign_leases(&w, "c").await.unwrap(), [first, second, third, other]);
    let cursors = store.lanes(&w, "c").await.unwrap();
    assert_eq!(cursors.iter().map(|lane| (lane.next, lane.end)).collect::<Vec<_>>(), [(10, 10), (3, 3)]);
}

/// A lane that is put again gets another end, and continues from its cursor.
pub async fn lane_put_again_keeps_its_cursor(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 10).await;
    lease(&*store, &w, &claim("a", 0, 10)).await.unwrap();
    write(&*store, &w, [CampaignChange::PutLane(lane("c", 1, 12))]).await.unwrap();
    let more = lease(&*store, &w, &claim("a", 0, 10)).await.unwrap();
    assert_eq!((more.lo, more.hi), (10, 12));
}

/// A pause takes effect with the next lease. A draining campaign only finishes ranges that were leased before.
pub async fn ranges_are_leased_while_the_campaign_runs(store: Arc<dyn Store>) {
    use CampaignState::{Cancelled, Draining, Finished, Paused, Running, Scheduled};
    let w = workspace("w");
    running(&*store, &w, 10).await;
    let first = lease(&*store, &w, &claim("a", 0, 4)).await.unwrap();
    for state in [Paused, Scheduled, Finished, Cancelled] {
        set_state(&*store, &w, state).await;
        assert_eq!(lease(&*store, &w, &claim("b", 1000, 4)).await, None, "{state:?}");
        assert_eq!(store.due_retries(&w, &claim("b", 1000, 4)).await.unwrap(), None);
    }
    set_state(&*store, &w, Draining).await;
    let again = lease(&*store, &w, &claim("b", 1000, 4)).await.unwrap();
    assert_eq!((again.lo, again.hi), (first.lo, first.hi));
    assert_eq!(lease(&*store, &w, &claim("b", 1000, 4)).await, None, "nothing new");
    set_state(&*store, &w, Running).await;
    assert!(lease(&*store, &w, &claim("b", 1000, 4)).await.is_some());
}

/// Not before its time, and then before all others. A lease that is prolonged stays.
pub async fn expired_lease_is_taken_over(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 10).await;
    let first = lease(&*store, &w, &claim("a", 0, 4)).await.unwrap();
    let second = lease(&*store, &w, &claim("b", 99, 2)).await.unwrap();
    assert_eq!((second.lo, second.reclaimed), (4, false));
    let taken = lease(&*store, &w, &claim("b", 100, 2)).await.unwrap();
    let expected =
        RangeLease { owner: "b".into(), epoch: taken.epoch, until: 200, reclaimed: true, ..first.clone() };
    assert_eq!(taken, expected);
    assert!(taken.epoch > second.epoch);
    write(&*store, &w, [renew(&second, 500), renew(&taken, 500)]).await.unwrap();
    let third = lease(&*store, &w, &claim("a", 499, 2)).await.unwrap();
    assert_eq!((third.lo, third.reclaimed), (6, false));
    let (second, taken) = (RangeLease { until: 500, ..second }, RangeLease { until: 500, ..taken });
    assert_eq!(store.campaign_leases(&w, "c").await.unwrap(), [second, taken, third]);
}

/// A holder that lost its lease writes nothing more under it, and nothing of the commit is written.
pub async fn stale_epoch_is_fenced(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 10).await;
    let old = lease(&*store, &w, &claim("a", 0, 4)).await.unwrap();
    write(&*store, &w, [settle(Some(old.epoch), [outcome(0, RecipientState::Acked)])]).await.unwrap();
    let new = lease(&*store, &w, &claim("b", 100, 4)).await.unwrap();
    let write_old = || settle(Some(old.epoch), [outcome(1, RecipientState::Acked)]);
    for change in [write_old(), settle(Some(old.epoch), []), renew(&old, 900), release(&old, 0)] {
        let put = CampaignChange::Put(campaign("late"));
        let receipt = settle(None, [outcome(3, RecipientState::Read)]);
        let error = write(&*store, &w, [put, receipt, change]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Fenced);
    }
    for never in [0, -1, i64::MAX] {
        assert_eq!(refused(&*store, &w, settle(Some(never), [])).await, ErrorKind::Fenced);
    }
    assert_eq!(store.campaign(&w, "late").await.unwrap(), None);
    assert_eq!(states(&*store, &w).await[1..4], [RecipientState::Pending; 3]);
    let outside = settle(Some(new.epoch), [outcome(4, RecipientState::Acked)]);
    assert_eq!(refused(&*store, &w, outside).await, ErrorKind::Invalid);
    let inside = settle(Some(new.epoch), [outcome(3, RecipientState::Acked)]);
    write(&*store, &w, [inside, settle(None, [outcome(9, RecipientState::Read)])]).await.unwrap();
    assert_eq!(store.campaign_leases(&w, "c").await.unwrap(), [new]);
    let acked = store.campaign_progress(&w, "c").await.unwrap().of(RecipientState::Acked);
    assert_eq!(acked, 2);
}

/// A node that shuts down gives back the places that it has not sent. They are leased next.
pub async fn unsent_places_are_leased_next(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 10).await;
    let first = lease(&*store, &w, &claim("a", 0, 6)).await.unwrap();
    write(&*store, &w, [release(&first, 2)]).await.unwrap();
    assert_eq!(store.campaign_leases(&w, "c").await.unwrap(), []);
    assert_eq!(refused(&*store, &w, release(&first, 2)).await, ErrorKind::Fenced);
    let rest = lease(&*store, &w, &claim("b", 0, 100)).await.unwrap();
    assert_eq!((rest.lo, rest.hi, rest.reclaimed), (2, 6, false));
    assert!(rest.epoch > first.epoch);
    let done = lease(&*store, &w, &claim("a", 0, 2)).await.unwrap();
    write(&*store, &w, [release(&done, done.hi)]).await.unwrap();
    let next = lease(&*store, &w, &claim("a", 0, 100)).await.unwrap();
    assert_eq!((next.lo, next.hi), (8, 10), "nothing of a range that was sent comes again");
    assert_eq!(store.campaign_leases(&w, "c").await.unwrap(), [rest, next]);
}

/// A holder may have sent these places and never reported it. They stay in doubt through any number of later leases.
pub async fn doubt_remains_after_a_release(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 4).await;
    lease(&*store, &w, &claim("a", 0, 4)).await.unwrap();
    let taken = lease(&*store, &w, &claim("b", 100, 4)).await.unwrap();
    write(&*store, &w, [release(&taken, 0)]).await.unwrap();
    let again = lease(&*store, &w, &claim("c", 100, 4)).await.unwrap();
    assert_eq!((again.lo, again.hi, again.reclaimed), (0, 4, true));
}
