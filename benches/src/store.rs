//! Storage: how many recipients of a campaign move to another state in a second.
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rand::{SeedableRng, rngs::StdRng, seq::SliceRandom};
use tokio::task::JoinSet;
use whatsapp_store::{
    AudienceBatch, AudienceRow, CampaignChange, CampaignRecord, CampaignState, Changes, Effect, LaneRecord,
    Outcome, RangeClaim, RecipientState, Result, Settlement, Stamp, Store, WorkspaceId,
};

/// Recipients in one commit.
pub const BATCH: u32 = 1000;
/// Each is one task, as each sender is.
pub const LANES: u32 = 4;
const BASE: i64 = 1_790_000_000_000;
const CAMPAIGN: &str = "campaign";

/// Writes a campaign with an audience of `recipients`, in a workspace of its own that starts with `name`, and starts it.
///
/// # Errors
/// When it cannot be written.
pub async fn campaign(store: &dyn Store, name: &str, recipients: u32) -> Result<WorkspaceId> {
    let workspace: WorkspaceId = name.parse().expect("a plain name");
    let mut changes = Changes::new(workspace.clone());
    changes.push(CampaignChange::Put(CampaignRecord {
        id: CAMPAIGN.into(),
        number: 0,
        name: "Measured".into(),
        state: CampaignState::Running,
        reason: None,
        definition: "{}".into(),
        base_at: BASE,
        created_at: BASE,
        updated_at: BASE,
    }));
    for lane in 0..LANES {
        let end = recipients.div_ceil(LANES);
        let (campaign, definition) = (CAMPAIGN.to_owned(), "{}".to_owned());
        changes.push(CampaignChange::PutLane(LaneRecord {
            campaign,
            lane: lane.cast_signed(),
            next: 0,
            end,
            definition,
        }));
        for first_seq in (0..end).step_by(BATCH as usize) {
            let row = |seq| AudienceRow {
                address: format!("1555{lane}{seq:07}"),
                consent: "form".into(),
                variables: Bytes::from_static(&[7; 64]),
            };
            let rows = (first_seq..end.min(first_seq + BATCH)).map(row).collect();
            let (campaign, lane) = (CAMPAIGN.into(), lane.cast_signed());
            changes.push(CampaignChange::AddAudience(AudienceBatch { campaign, lane, first_seq, rows }));
            store.commit(changes.take()).await?;
        }
    }
    Ok(workspace)
}

/// What a sender writes of each message: handed over, then accepted.
fn sent(state: RecipientState) -> Effect {
    use RecipientState::{InDoubt, Pending, Retry, Submitted};
    let submitted = Effect {
        state: Some(state),
        from: RecipientState::bits(&[Pending, Retry]),
        sender: Some(1),
        tries: 1,
        stamp: Some(Stamp::Sent),
        ..Effect::default()
    };
    match state {
        Submitted => submitted,
        _ => Effect { from: RecipientState::bits(&[Submitted, InDoubt]), tries: 0, stamp: None, ..submitted },
    }
}

/// What the recipients' devices tell. A receipt that was overtaken by a later one has no effect.
fn received(state: RecipientState) -> Effect {
    use RecipientState::{Acked, Delivered, InDoubt, Submitted};
    let below = [Submitted, Acked, InDoubt, Delivered];
    let (below, stamp) = match state {
        Delivered => (&below[..3], Stamp::Delivered),
        _ => (&below[..], Stamp::Read),
    };
    let (state, from) = (Some(state), RecipientState::bits(below));
    Effect { state, from, stamp: Some(stamp), ..Effect::default() }
}

fn settlement(lane: u32, epoch: Option<i64>, outcomes: Vec<Outcome>) -> CampaignChange {
    CampaignChange::Settle(Settlement {
        campaign: CAMPAIGN.into(),
        lane: lane.cast_signed(),
        epoch,
        at: BASE + 60_000,
        outcomes,
    })
}

/// Leases a lane range by range; writes that each was submitted, then that it was accepted and that the lease ends.
async fn send(store: Arc<dyn Store>, workspace: WorkspaceId, lane: u32) -> Result<u64> {
    let claim = RangeClaim {
        campaign: CAMPAIGN.into(),
        lane: lane.cast_signed(),
        owner: "bench".into(),
        now: BASE,
        until: BASE + 60_000,
        limit: BATCH,
    };
    let mut transitions = 0;
    while let Some(lease) = store.lease_range(&workspace, &claim).await? {
        for state in [RecipientState::Submitted, RecipientState::Acked] {
            let outcome = |seq| Outcome { seq, effect: sent(state), retry_at: None };
            let outcomes: Vec<_> = (lease.lo..lease.hi).map(outcome).collect();
            transitions += outcomes.len() as u64;
            let mut changes = Changes::new(workspace.clone());
            changes.push(settlement(lane, Some(lease.epoch), outcomes));
            if state == RecipientState::Acked {
                let (campaign, epoch, unsent) = (CAMPAIGN.into(), lease.epoch, lease.hi);
                let lane = lane.cast_signed();
                changes.push(CampaignChange::ReleaseLease { campaign, lane, epoch, unsent });
            }
            store.commit(changes).await?;
        }
    }
    Ok(transitions)
}

/// Receipts of a lane: each recipient's two, all in random order. Says how many of them are a transition.
fn receipts(lane: u32, recipients: u32) -> (Vec<Outcome>, u64) {
    let both = [RecipientState::Delivered, RecipientState::Read];
    let outcome = |seq| both.map(|state| Outcome { seq, effect: received(state), retry_at: None });
    let mut outcomes: Vec<_> = (0..recipients).flat_map(outcome).collect();
    outcomes.shuffle(&mut StdRng::seed_from_u64(lane.into()));
    let mut read = vec![false; recipients as usize];
    let counts = outcomes.iter().filter(|outcome| {
        let was_read = read[outcome.seq as usize];
        read[outcome.seq as usize] |= outcome.effect.state == Some(RecipientState::Read);
        !was_read
    });
    let transitions = counts.count() as u64;
    (outcomes, transitions)
}

async fn receive(
    store: Arc<dyn Store>,
    workspace: WorkspaceId,
    lane: u32,
    outcomes: Vec<Outcome>,
) -> Result<()> {
    for batch in outcomes.chunks(BATCH as usize) {
        let mut changes = Changes::new(workspace.clone());
        changes.push(settlement(lane, None, batch.to_vec()));
        store.commit(changes).await?;
    }
    Ok(())
}

/// From claim to accepted: two transitions for each of about that many recipients, who have 64 bytes of variables. Says how
/// long it took and how many transitions that were. Writing the audience down is not part of it.
pub async fn campaign_transitions(store: Arc<dyn Store>, recipients: u32) -> (Duration, u64) {
    let workspace = campaign(&*store, "sending", recipients).await.expect("a store that works");
    all_sent(&store, &workspace).await
}

async fn all_sent(store: &Arc<dyn Store>, workspace: &WorkspaceId) -> (Duration, u64) {
    let start = Instant::now();
    let lanes = (0..LANES).map(|lane| send(store.clone(), workspace.clone(), lane));
    let lanes = lanes.collect::<JoinSet<_>>().join_all().await;
    let took = start.elapsed();
    (took, lanes.into_iter().map(|lane| lane.expect("a store that works")).sum())
}

/// Receipts of about that many recipients, delivered and read, in random order over all of them. Says how long it took and
/// how many transitions were stored: fewer than two for each, since some are overtaken.
///
/// # Panics
/// When the store has counted something else.
pub async fn campaign_receipts(store: Arc<dyn Store>, recipients: u32) -> (Duration, u64) {
    let workspace = campaign(&*store, "receiving", recipients).await.expect("a store that works");
    all_sent(&store, &workspace).await;
    let each = recipients.div_ceil(LANES);
    let receipts: Vec<_> = (0..LANES).map(|lane| receipts(lane, each)).collect();
    let transitions = receipts.iter().map(|(_, transitions)| transitions).sum();
    let start = Instant::now();
    let lanes = (0..LANES)
        .zip(receipts)
        .map(|(lane, (outcomes, _))| receive(store.clone(), workspace.clone(), lane, outcomes));
    for lane in lanes.collect::<JoinSet<_>>().join_all().await {
        lane.expect("a store that works");
    }
    let took = start.elapsed();
    let progress = store.campaign_progress(&workspace, CAMPAIGN).await.expect("a store that works");
    assert_eq!(progress.of(RecipientState::Read), u64::from(each * LANES));
    (took, transitions)
}
