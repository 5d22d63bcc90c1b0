mod audience;
mod claim;
mod flag;
mod lease;
mod record;
mod settle;

pub use self::{audience::*, claim::*, flag::*, lease::*, record::*, settle::*};
use super::samples::bytes;
use crate::{
    AudienceBatch, AudienceRow, CampaignChange, CampaignRecord, CampaignState, Changes, Effect, ErrorKind,
    LaneRecord, Outcome, RangeClaim, RangeLease, RecipientState, Result, Settlement, Store, WorkspaceId,
};

/// The base of all campaigns here, not a whole second.
const BASE: i64 = 1_790_000_000_123;
/// States below a receipt.
const BELOW_READ: u64 = RecipientState::bits(&[
    RecipientState::Pending,
    RecipientState::Submitted,
    RecipientState::InDoubt,
    RecipientState::Acked,
    RecipientState::Delivered,
]);

fn workspace(name: &str) -> WorkspaceId {
    name.parse().unwrap()
}

fn campaign(id: &str) -> CampaignRecord {
    CampaignRecord {
        id: id.into(),
        number: 0,
        name: "A".into(),
        state: CampaignState::Running,
        reason: None,
        definition: "{}".into(),
        base_at: BASE,
        created_at: BASE,
        updated_at: BASE,
    }
}

fn lane(campaign: &str, lane: i32, end: u32) -> LaneRecord {
    LaneRecord { campaign: campaign.into(), lane, next: 0, end, definition: "{}".into() }
}

fn audience(campaign: &str, lane: i32, first_seq: u32, count: u32) -> AudienceBatch {
    let row =
        |seq| AudienceRow { address: format!("{lane}/{seq}"), consent: "form".into(), variables: bytes() };
    let rows = (first_seq..first_seq + count).map(row).collect();
    AudienceBatch { campaign: campaign.into(), lane, first_seq, rows }
}

fn effect(state: RecipientState, from: u64) -> Effect {
    Effect { state: Some(state), from, ..Effect::default() }
}

fn outcome(seq: u32, state: RecipientState) -> Outcome {
    Outcome { seq, effect: effect(state, BELOW_READ), retry_at: None }
}

fn retry(seq: u32, retry_at: i64) -> Outcome {
    let from = BELOW_READ | RecipientState::bits(&[RecipientState::Retry]);
    Outcome { seq, effect: effect(RecipientState::Retry, from), retry_at: Some(retry_at) }
}

/// Of lane 1 of the campaign "c".
fn settle(epoch: Option<i64>, outcomes: impl IntoIterator<Item = Outcome>) -> CampaignChange {
    let outcomes = outcomes.into_iter().collect();
    CampaignChange::Settle(Settlement { campaign: "c".into(), lane: 1, epoch, at: BASE, outcomes })
}

fn release(lease: &RangeLease, unsent: u32) -> CampaignChange {
    let RangeLease { campaign, lane, epoch, .. } = lease.clone();
    CampaignChange::ReleaseLease { campaign, lane, epoch, unsent }
}

fn renew(lease: &RangeLease, until: i64) -> CampaignChange {
    let RangeLease { campaign, lane, epoch, .. } = lease.clone();
    CampaignChange::RenewLease { campaign, lane, epoch, until }
}

/// Of lane 1 of the campaign "c", for 100.
fn claim(owner: &str, now: i64, limit: u32) -> RangeClaim {
    RangeClaim { campaign: "c".into(), lane: 1, owner: owner.into(), now, until: now + 100, limit }
}

async fn write(
    store: &dyn Store,
    workspace: &WorkspaceId,
    list: impl IntoIterator<Item = CampaignChange>,
) -> Result<()> {
    let mut changes = Changes::new(workspace.clone());
    for change in list {
        changes.push(change);
    }
    store.commit(changes).await
}

/// The kind of error that it fails with.
async fn refused(store: &dyn Store, workspace: &WorkspaceId, change: CampaignChange) -> ErrorKind {
    write(store, workspace, [change]).await.unwrap_err().kind()
}

/// The campaign "c", running, with an audience of that size in lane 1.
async fn running(store: &dyn Store, workspace: &WorkspaceId, count: u32) {
    let changes = [
        CampaignChange::Put(campaign("c")),
        CampaignChange::PutLane(lane("c", 1, count)),
        CampaignChange::AddAudience(audience("c", 1, 0, count)),
    ];
    write(store, workspace, changes).await.unwrap();
}

/// The states of lane 1 of the campaign "c".
async fn states(store: &dyn Store, workspace: &WorkspaceId) -> Vec<RecipientState> {
    let recipients = store.recipients(workspace, "c", 1, 0..u32::MAX).await.unwrap();
    recipients.into_iter().map(|recipient| recipient.state).collect()
}
