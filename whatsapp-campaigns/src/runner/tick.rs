//! What a worker does again and again: writes outcomes down, keeps its leases, looks at its campaigns, and leases more.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::json;
use whatsapp_store::{
    CampaignChange, Change, Changes, ContactedChange, Error as StoreError, ErrorKind, RangeClaim, RangeLease,
    RecipientState, Suppression,
};

use super::{
    active::{ActiveCampaign, SENDING},
    lanes::Lanes,
    port::Submission,
    range::Range,
    worker::{AccountWorker, DOUBT, LeaseLost, queue},
};
pub(super) use crate::changes::event;
use crate::{
    id::RowId,
    lattice::RowEvent,
    outcome::{Code, Refusal, RowReaction},
    window::{Millis, When},
};

impl AccountWorker {
    /// One round. An error of the store is no end: it is tried again in the next one.
    pub(super) async fn tick(&mut self, now: Millis) -> Result<(), LeaseLost> {
        self.next_tick = now + self.shared.options.dispatch.tick;
        self.is_blind = false;
        match self.round(now).await {
            Ok(()) => self.is_behind = false,
            Err(error) if error.kind() == ErrorKind::Fenced => return Err(LeaseLost),
            Err(error) => {
                self.is_behind = true;
                tracing::warn!(account = %self.account, %error, "a campaign's outcomes wait: it is tried again");
            }
        }
        Ok(())
    }

    async fn round(&mut self, now: Millis) -> Result<(), StoreError> {
        self.renew(now).await?;
        self.look_at_limits(now).await?;
        self.look_at_campaigns(now);
        self.carry_out_stops(now).await?;
        self.write(now).await?;
        self.fill(now).await
    }

    /// Renews the lease of the sender; a worker that cannot has lost it.
    async fn renew(&mut self, now: Millis) -> Result<(), StoreError> {
        let term = self.shared.options.dispatch.lease_term;
        if now - self.lease_renewed_at < term / 3 {
            return Ok(());
        }
        let kept = self.shared.acquire(&self.account, now).await?;
        match kept.filter(|lease| lease.token == self.lease.token) {
            Some(lease) => self.lease = lease,
            None => return Err(StoreError::new(ErrorKind::Fenced, "keeping a sender")),
        }
        self.lease_renewed_at = now;
        Ok(())
    }

    /// Ranges of campaigns that do not send any more, or whose window is over, are closed.
    fn look_at_campaigns(&mut self, now: Millis) {
        if self.active.has_changed().unwrap_or(true) {
            self.lanes = Lanes::default();
        }
        let active = self.active.borrow_and_update().clone();
        let mut closed = Vec::new();
        for range in self.ranges.values_mut() {
            let current = active.0.iter().find(|live| live.is(&range.live.workspace, &range.live.record.id));
            match current {
                Some(live) if live.record.number == range.live.record.number => {
                    range.live = live.clone();
                    range.closing |= !is_open(live, range.lease.lane, now);
                }
                _ => range.closing = true,
            }
            if range.closing {
                closed.push(queue(&range.live));
            }
        }
        closed.sort_unstable();
        closed.dedup();
        for queue in closed {
            self.withdraw(queue);
        }
    }

    /// Writes all outcomes down, in one commit. If a range was taken by somebody else, each on its own.
    pub(super) async fn write(&mut self, now: Millis) -> Result<(), StoreError> {
        let (renewing, until) =
            (self.shared.options.dispatch.lease_term / 3, now + self.shared.options.dispatch.lease_term);
        let mut parts = BTreeMap::new();
        for (number, range) in &mut self.ranges {
            let renew = (now - range.renewed_at >= renewing).then_some(until);
            if range.is_dirty() || renew.is_some() {
                parts.insert(*number, (range.changes(now, renew), renew.is_some()));
            }
        }
        let reached = self.reached_changes();
        if parts.is_empty() && reached.is_none() {
            return Ok(());
        }
        let all: Vec<Change> = parts.values().flat_map(|(changes, _)| changes.iter().cloned()).collect();
        match self.commit(all.into_iter().chain(reached.clone()).collect()).await {
            Ok(()) => parts.iter().for_each(|(number, (_, renewed))| self.written(*number, now, *renewed)),
            Err(error) if error.kind() == ErrorKind::Fenced && !parts.is_empty() => {
                self.write_apart(parts, reached, now).await?;
            }
            Err(error) => return Err(error),
        }
        self.reached.clear();
        Ok(())
    }

    /// One range's lease is gone: the others are written, and it is dropped with what is not.
    async fn write_apart(
        &mut self,
        parts: BTreeMap<u32, (Vec<Change>, bool)>,
        reached: Option<Change>,
        now: Millis,
    ) -> Result<(), StoreError> {
        // Is it the sender itself that somebody else has? Then this fails, and all ends.
        self.commit(reached.into_iter().collect()).await?;
        for (number, (changes, renewed)) in parts {
            match self.commit(changes).await {
                Ok(()) => self.written(number, now, renewed),
                Err(error) if error.kind() == ErrorKind::Fenced => {
                    tracing::warn!(account = %self.account, "somebody else took over a range of a campaign");
                    let Some(mut range) = self.ranges.remove(&number) else { continue };
                    range.closing = true;
                    self.withdraw(queue(&range.live));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn commit(&self, list: Vec<Change>) -> Result<(), StoreError> {
        let mut changes = Changes::new(self.account.workspace().clone());
        changes.fence = Some(self.lease.fence());
        changes.list = list;
        self.shared.store.commit(changes).await
    }

    fn written(&mut self, number: u32, now: Millis, renewed: bool) {
        let Some(range) = self.ranges.get_mut(&number) else { return };
        let lane = (queue(&range.live), range.lease.lane);
        for at in range.outcomes.iter().filter_map(|outcome| outcome.retry_at) {
            self.lanes.retry_at(lane, at);
        }
        range.written(now, renewed);
        if range.is_over() {
            self.lanes.has_range(lane);
            self.ranges.remove(&number);
        }
    }

    /// Whom the sender wrote to, if it has a limit that needs to be known over restarts.
    fn reached_changes(&mut self) -> Option<Change> {
        if self.sender.limits().people.is_none() {
            self.reached.clear();
        }
        (!self.reached.is_empty()).then(|| {
            let sender = self.account.name().to_owned();
            ContactedChange::Note { sender, people: self.reached.clone() }.into()
        })
    }

    /// Leases more for campaigns that have little left.
    async fn fill(&mut self, now: Millis) -> Result<(), StoreError> {
        let active = self.active.borrow().clone();
        let workspace = self.account.workspace().clone();
        for live in active.0.iter().filter(|live| live.workspace == workspace) {
            self.reclaim(live).await?;
            let lanes: Vec<i32> = live
                .lanes_of(self.account.name())
                .filter(|(lane, _)| is_open(live, *lane, now))
                .map(|(lane, _)| lane)
                .collect();
            let (window, low) = self.window();
            for lane in lanes {
                while self.scheduler.waiting(queue(live)) < low {
                    if !self.lease(live, lane, window, now).await? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives back what an earlier run had leased for this sender: nobody else can hold it, and a former holder can write no more.
    async fn reclaim(&mut self, live: &ActiveCampaign) -> Result<(), StoreError> {
        if self.seen.contains(&queue(live)) {
            return Ok(());
        }
        let ours: BTreeSet<i32> = live.lanes_of(self.account.name()).map(|(lane, _)| lane).collect();
        let leases = self.shared.store.campaign_leases(&live.workspace, &live.record.id).await?;
        let release = |lease: RangeLease| {
            let RangeLease { campaign, lane, epoch, lo, .. } = lease;
            CampaignChange::ReleaseLease { campaign, lane, epoch, unsent: lo }.into()
        };
        let list: Vec<Change> =
            leases.into_iter().filter(|lease| ours.contains(&lease.lane)).map(release).collect();
        if !list.is_empty() {
            self.commit(list).await?;
        }
        self.seen.insert(queue(live));
        Ok(())
    }

    /// How much is leased at once, and when: what is sent within a lease's time.
    fn window(&self) -> (u32, usize) {
        self.shared.options.dispatch.leases(self.sender.limits().rate)
    }

    /// Leases a range of a lane or rows to be tried again; `false` when there is nothing.
    async fn lease(
        &mut self,
        live: &Arc<ActiveCampaign>,
        lane: i32,
        limit: u32,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let id = (queue(live), lane);
        let store = self.shared.store.clone();
        let claim = RangeClaim {
            campaign: live.record.id.clone(),
            lane,
            owner: self.shared.options.owner.clone(),
            now,
            until: now + self.shared.options.dispatch.lease_term,
            limit,
        };
        // First what waited long enough: it is few, and may wait for hours behind a long lane.
        if self.lanes.may_have_retries(id, now) {
            match store.due_retries(&live.workspace, &claim).await? {
                Some(due) => {
                    let range = Range::load(&*store, live.clone(), due.lease, Some(&due.seqs), now).await?;
                    self.offer(range);
                    return Ok(true);
                }
                None => self.lanes.has_no_retries(id, now),
            }
        }
        if self.lanes.may_have_range(id, now) {
            match store.lease_range(&live.workspace, &claim).await? {
                Some(lease) => {
                    let range = Range::load(&*store, live.clone(), lease, None, now).await?;
                    self.offer(range);
                    return Ok(true);
                }
                None => self.lanes.has_no_range(id, now),
            }
        }
        Ok(false)
    }

    /// Takes in what became of a row.
    pub(super) fn settle(&mut self, number: u32, seq: u32, submission: Submission) {
        let now = self.shared.clock.now();
        let Some(range) = self.ranges.get_mut(&number) else { return };
        let Some(unsent) = range.in_flight.remove(&seq) else { return };
        let Some(id) = RowId::new(range.live.record.number, range.lease.lane, seq) else { return };
        match submission {
            Submission::Accepted | Submission::Acked => {
                range.note(seq, RowEvent::Submitted, None);
                if submission == Submission::Acked {
                    range.note(seq, RowEvent::Acked, None);
                }
                if self.shared.options.events {
                    range.also.push(sent(&range.live, self.account.name(), id, &unsent.row.address, now));
                }
            }
            Submission::NoConversation => {
                range.note(seq, RowEvent::Excluded(RecipientState::NoConsent), None);
            }
            Submission::Unknown => {
                let code = Code::Unsent.stored();
                range.note(seq, RowEvent::RetryLater { code }, Some(now + DOUBT));
            }
            Submission::Refused { code, until } => {
                let tries = unsent.tries.saturating_add(1);
                let reaction = Refusal { code, row: id, tries, at: now, until }.reaction();
                match reaction.row {
                    RowReaction::Retry { at } => {
                        range.note(seq, RowEvent::RetryLater { code: code.stored() }, Some(at));
                    }
                    RowReaction::Fail => range.note(seq, RowEvent::Failed { code: code.stored() }, None),
                }
                if reaction.suppress {
                    let (address, reason) = (unsent.row.address, "the server says so".to_owned());
                    range.suppress(&Suppression { address, reason, at: now });
                }
                let campaign = range.live.record.id.clone();
                self.react(campaign, code, reaction.stop, now);
            }
        }
    }
}

/// May this lane be sent now?
fn is_open(live: &ActiveCampaign, lane: i32, now: Millis) -> bool {
    let Some(spec) = live.lanes.get(&lane) else { return false };
    SENDING.contains(&live.record.state)
        && matches!(live.plan.next(spec.zones, now), When::Open(opening) if opening.opens <= now)
}

/// The event of a message that was handed over.
fn sent(live: &ActiveCampaign, sender: &str, id: RowId, to: &str, now: Millis) -> Change {
    let data = json!({
        "campaignId": live.record.id,
        "sessionId": sender,
        "messageId": live.keys.ids.id(id),
        "to": to,
    });
    event("campaign.message.sent", &data, now)
}
