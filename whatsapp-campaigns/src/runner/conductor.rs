//! Begins, pauses and ends campaigns: one node of all does, as long as it has the lease.
use std::{collections::HashMap, sync::Arc};

use serde_json::json;
use tokio::task::JoinHandle;
use whatsapp_store::{
    CampaignChange, CampaignMove, CampaignRecord, CampaignState, Change, Changes, Error as StoreError, Lease,
    RecipientCounts, RecipientState, Store, WorkspaceId,
};

use super::{
    Shared,
    active::{ActiveCampaign, ActiveCampaigns, Broken},
    guard::Guard,
    stop::{pause, unless_moved},
};
use crate::{
    audience::FIRST_SEQ,
    changes::{event, expect},
    model::{Document, LaneSpec, StoredCampaign},
    service::{CampaignService, begin_run},
    window::{Millis, Plan, When, ZoneGroup},
};

const LEASE: &str = "campaigns/conductor";

/// What the one who conducts knows.
pub(super) struct Conductor {
    pub(super) shared: Arc<Shared>,
    lease: Option<Lease>,
    asked_at: Millis,
    guards: HashMap<(WorkspaceId, String), Guard>,
    /// The next time at which a campaign begins.
    next: Option<Millis>,
    /// A run of a recurring campaign that is being made.
    run: Option<JoinHandle<()>>,
}

impl Conductor {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, lease: None, asked_at: Millis::MIN, guards: HashMap::new(), next: None, run: None }
    }

    /// How long until the next round.
    pub(super) fn wait(&self) -> Millis {
        let now = self.shared.clock.now();
        let next = self.next.map_or(Millis::MAX, |next| next.saturating_sub(now).max(0));
        self.shared.options.dispatch.tick.min(next)
    }

    /// One round, if this node is the one who conducts.
    pub(super) async fn round(
        &mut self,
        active: &ActiveCampaigns,
        broken: Vec<Broken>,
    ) -> Result<(), StoreError> {
        let now = self.shared.clock.now();
        if !self.hold(now).await? {
            return Ok(());
        }
        for broken in broken {
            self.commit(&broken.workspace, pause(&broken.id, &broken.why, now)).await?;
        }
        self.begin(now).await?;
        self.guards.retain(|(workspace, id), _| active.0.iter().any(|live| live.is(workspace, id)));
        for live in &active.0 {
            self.look_after(live, now).await?;
        }
        Ok(())
    }

    async fn hold(&mut self, now: Millis) -> Result<bool, StoreError> {
        let term = self.shared.options.dispatch.lease_term;
        if now.saturating_sub(self.asked_at) < term / 3 {
            return Ok(self.lease.is_some());
        }
        let (workspace, owner) = (WorkspaceId::default(), &self.shared.options.owner);
        self.lease = self.shared.store.acquire_lease(&workspace, LEASE, owner, now, now + term).await?;
        self.asked_at = now;
        Ok(self.lease.is_some())
    }

    /// Lets another node conduct at once.
    pub(super) async fn give_back(&mut self) {
        if let Some(lease) = self.lease.take()
            && let Err(error) = self.shared.store.release_lease(&WorkspaceId::default(), &lease).await
        {
            tracing::info!(%error, "conducting was not given back: that ends by itself");
        }
    }

    /// Writes, unless somebody moved the campaign in the meantime, and looks again at once.
    pub(super) async fn commit(&self, workspace: &WorkspaceId, list: Vec<Change>) -> Result<(), StoreError> {
        let mut changes = Changes::new(workspace.clone());
        changes.list = list;
        unless_moved(self.shared.store.commit(changes).await)?;
        self.shared.nudge.notify_one();
        Ok(())
    }

    /// Campaigns whose time has come.
    async fn begin(&mut self, now: Millis) -> Result<(), StoreError> {
        self.next = None;
        let store = self.shared.store.clone();
        for (workspace, id) in store.campaigns_in_state(&[CampaignState::Scheduled]).await? {
            let Some(record) = store.campaign(&workspace, &id).await? else { continue };
            match starts(&*store, &workspace, &record).await? {
                Ok(Begins::At(at)) if at <= now => self.start(&workspace, record, now).await?,
                Ok(Begins::At(at)) => self.next = Some(self.next.map_or(at, |next| next.min(at))),
                Ok(Begins::Runs(plan, last)) => self.runs(&workspace, record, &plan, last, now).await?,
                Ok(Begins::Never) => {}
                Err(why) => self.commit(&workspace, pause(&id, &why, now)).await?,
            }
        }
        Ok(())
    }

    /// The last run that is due, in a task of its own: it may have many contacts to read. After the last one of all, the
    /// campaign is over.
    async fn runs(
        &mut self,
        workspace: &WorkspaceId,
        record: CampaignRecord,
        plan: &Plan,
        last: Millis,
        now: Millis,
    ) -> Result<(), StoreError> {
        let all = std::iter::successors(plan.next_run(last), |run| plan.next_run(*run));
        let Some(at) = all.take_while(|run| *run <= now).last() else {
            return match plan.next_run(last) {
                Some(at) => {
                    self.next = Some(self.next.map_or(at, |next| next.min(at)));
                    Ok(())
                }
                None => {
                    let list = finished(&record.id, CampaignState::Scheduled, json!({}), now);
                    self.commit(workspace, list).await
                }
            };
        };
        if self.run.as_ref().is_none_or(JoinHandle::is_finished) {
            let shared = self.shared.clone();
            let service =
                CampaignService::with_clock(shared.store.clone(), workspace.clone(), shared.clock.clone());
            self.run = Some(tokio::spawn(async move {
                match begin_run(&service, &record, at).await {
                    Ok(()) => shared.nudge.notify_one(),
                    Err(error) => {
                        tracing::warn!(%error, "a run of a campaign did not begin: it is tried again");
                    }
                }
            }));
        }
        Ok(())
    }

    async fn start(
        &self,
        workspace: &WorkspaceId,
        record: CampaignRecord,
        now: Millis,
    ) -> Result<(), StoreError> {
        let told = json!({ "campaignId": record.id, "name": record.name });
        // Not from Paused: somebody may have paused it a moment ago.
        let step = CampaignMove {
            campaign: record.id.clone(),
            state: CampaignState::Running,
            reason: None,
            from: CampaignState::bits(&[CampaignState::Scheduled]),
            at: now,
        };
        let mut list = keep(&record, now, |kept| kept.started_at = kept.started_at.or(Some(now)));
        list.push(CampaignChange::SetState(step).into());
        list.push(event("campaign.started", &told, now));
        self.commit(workspace, list).await
    }

    async fn look_after(&mut self, live: &ActiveCampaign, now: Millis) -> Result<(), StoreError> {
        let (workspace, id) = (&live.workspace, &live.record.id);
        let counts = self.shared.store.campaign_progress(workspace, id).await?;
        if !live.lanes.is_empty() && live.lanes.values().all(|lane| has_ended(&live.plan, lane.zones, now)) {
            self.expire(live, now).await?;
        }
        let key = (workspace.clone(), id.clone());
        let guard = self.guards.entry(key).or_default();
        if let Some(reason) = guard.judge(&*self.shared.store, live, &counts, now).await? {
            let seen = guard.counted;
            let mut list = keep(&live.record, now, |kept| kept.forgiven = Some(seen));
            list.extend(pause(id, &reason, now));
            return self.commit(workspace, list).await;
        }
        self.look_after_canary(live, &counts, now).await?;
        self.look_after_test(live, &counts, now).await?;
        self.finish(live, &counts, now).await
    }

    /// Once the first part was sent, the hold begins; once it is over, the lanes are opened to their ends.
    async fn look_after_canary(
        &self,
        live: &ActiveCampaign,
        counts: &RecipientCounts,
        now: Millis,
    ) -> Result<(), StoreError> {
        let Some(canary) = live.document.settings.canary else { return Ok(()) };
        let lanes = self.shared.store.lanes(&live.workspace, &live.record.id).await?;
        let whole = |lane: i32| live.lanes.get(&lane).map_or(0, |spec| FIRST_SEQ + spec.rows);
        if lanes.iter().all(|lane| lane.end >= whole(lane.lane)) {
            return Ok(());
        }
        let list = match live.document.kept.canary_until {
            None => {
                let first: u64 = lanes.iter().map(|lane| u64::from(lane.end - FIRST_SEQ)).sum();
                if counts.total() - counts.of(RecipientState::Pending) < first {
                    return Ok(());
                }
                let until = now + Millis::from(canary.hold_minutes) * 60_000;
                keep(&live.record, now, |kept| kept.canary_until = Some(until))
            }
            Some(until) if until > now => return Ok(()),
            Some(_) => {
                let mut list = keep(&live.record, now, |_| {});
                for lane in lanes {
                    let end = whole(lane.lane).max(lane.end);
                    list.push(CampaignChange::PutLane(whatsapp_store::LaneRecord { end, ..lane }).into());
                }
                list
            }
        };
        self.commit(&live.workspace, list).await
    }

    /// By count, and never because nothing was found.
    async fn finish(
        &self,
        live: &ActiveCampaign,
        counts: &RecipientCounts,
        now: Millis,
    ) -> Result<(), StoreError> {
        let (workspace, id) = (&live.workspace, &live.record.id);
        if unsent(counts) > 0 || !self.shared.store.campaign_leases(workspace, id).await?.is_empty() {
            return Ok(());
        }
        let by_state: serde_json::Map<String, serde_json::Value> = counts
            .0
            .iter()
            .filter_map(|(state, count)| {
                Some((serde_json::to_value(state).ok()?.as_str()?.to_owned(), (*count).into()))
            })
            .collect();
        let told = json!({ "recipients": counts.total(), "counts": by_state });
        let list = finished(id, live.record.state, told, now);
        self.commit(workspace, list).await
    }
}

/// Those of whom it is not decided what becomes of them.
fn unsent(counts: &RecipientCounts) -> u64 {
    let open = [RecipientState::Pending, RecipientState::Retry, RecipientState::InDoubt];
    open.iter().map(|state| counts.of(*state)).sum()
}

fn has_ended(plan: &Plan, zones: ZoneGroup, now: Millis) -> bool {
    plan.next(zones, now) == When::Ended
}

/// How a campaign that waits for its time begins.
enum Begins {
    /// Then, by the clocks of those who are first.
    At(Millis),
    /// Again and again; the last time was that one.
    Runs(Plan, Millis),
    /// There is nobody.
    Never,
}

async fn starts(
    store: &dyn Store,
    workspace: &WorkspaceId,
    record: &CampaignRecord,
) -> Result<Result<Begins, String>, StoreError> {
    let read =
        Document::from_json(&record.definition).map_err(|error| error.to_string()).and_then(|document| {
            let plan = document.settings.timing.plan().map_err(|error| error.to_string())?;
            Ok((plan, document.kept))
        });
    let (plan, kept) = match read {
        Ok(read) => read,
        Err(why) => return Ok(Err(format!("what is stored of it cannot be used: {why}"))),
    };
    if plan.is_recurring() {
        // From when it was let go: runs before that were not wanted.
        return Ok(Ok(Begins::Runs(plan, kept.last_run.unwrap_or(record.updated_at))));
    }
    let lanes = store.lanes(workspace, &record.id).await?;
    let zones = lanes.iter().filter_map(|lane| Some(LaneSpec::from_json(&lane.definition).ok()?.zones));
    Ok(Ok(zones.filter_map(|zones| plan.starts(zones)).min().map_or(Begins::Never, Begins::At)))
}

/// The end of a campaign that is in that state.
fn finished(id: &str, state: CampaignState, mut told: serde_json::Value, at: Millis) -> Vec<Change> {
    let step = CampaignMove {
        campaign: id.to_owned(),
        state: CampaignState::Finished,
        reason: None,
        from: CampaignState::bits(&[state]),
        at,
    };
    told["campaignId"] = id.into();
    vec![CampaignChange::SetState(step).into(), event("campaign.completed", &told, at)]
}

/// Writes what the library keeps of a campaign, unless somebody changed the campaign since it was read: then the commit is refused. It
/// comes before all other changes of the commit.
pub(super) fn keep(
    record: &CampaignRecord,
    at: Millis,
    change: impl FnOnce(&mut StoredCampaign),
) -> Vec<Change> {
    let Ok(mut document) = Document::from_json(&record.definition) else { return Vec::new() };
    change(&mut document.kept);
    let expected = expect(record);
    let record = CampaignRecord { definition: document.to_json(), updated_at: at, ..record.clone() };
    vec![expected, CampaignChange::Put(record).into()]
}
