//! One leased range, from its rows to their outcomes.
use std::{collections::BTreeMap, sync::Arc};

use whatsapp_store::{
    AudienceRow, CampaignChange, Change, ContactChange, Error as StoreError, Outcome, RangeLease,
    RecipientState, Settlement, Store, Suppression,
};

use super::active::ActiveCampaign;
use crate::{
    clock::Clock,
    lattice::{RowEvent, effect},
    person,
    window::Millis,
};

/// A row that has no outcome yet.
#[derive(Clone, Debug)]
pub(super) struct Unsent {
    pub(super) row: AudienceRow,
    /// How often it was tried before.
    pub(super) tries: u8,
    /// When it was last asked whether the person may be written to.
    screened_at: Millis,
}

/// What is known of a range while it is sent.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) live: Arc<ActiveCampaign>,
    pub(super) lease: RangeLease,
    /// Rows that were not handed over yet.
    pub(super) unsent: BTreeMap<u32, Unsent>,
    /// Rows that were handed over and have no answer yet.
    pub(super) in_flight: BTreeMap<u32, Unsent>,
    /// The last row that has an outcome or is under way.
    pub(super) last: Option<u32>,
    /// What happened and is not written down.
    pub(super) outcomes: Vec<Outcome>,
    /// What is written together with it.
    pub(super) also: Vec<Change>,
    /// When the lease was last prolonged.
    pub(super) renewed_at: Millis,
    /// It is to be given back once nothing is under way. This is not taken back: its rows have left the scheduler.
    pub(super) closing: bool,
}

impl Range {
    /// Reads a range, without what has an outcome already.
    pub(super) async fn load(
        store: &dyn Store,
        live: Arc<ActiveCampaign>,
        lease: RangeLease,
        only: Option<&[u32]>,
        now: Millis,
    ) -> Result<Self, StoreError> {
        let places = lease.lo..lease.hi;
        let (workspace, campaign, lane) = (&live.workspace, &live.record.id, lease.lane);
        let recipients = store.recipients(workspace, campaign, lane, places.clone()).await?;
        // Rows that wait to be tried again have leases of their own, and a time.
        let waits = |state| match state {
            RecipientState::Pending | RecipientState::InDoubt => true,
            RecipientState::Retry => lease.retry,
            _ => false,
        };
        let is_asked = |seq: &u32| only.is_none_or(|only| only.binary_search(seq).is_ok());
        let tries: BTreeMap<u32, u8> = recipients
            .into_iter()
            .filter(|recipient| waits(recipient.state) && is_asked(&recipient.seq))
            .map(|recipient| (recipient.seq, recipient.tries))
            .collect();
        let mut unsent = BTreeMap::new();
        if !tries.is_empty() {
            for (seq, row) in store.audience(workspace, campaign, lane, places).await? {
                if let Some(tries) = tries.get(&seq) {
                    unsent.insert(seq, Unsent { row, tries: *tries, screened_at: Millis::MIN });
                }
            }
        }
        Ok(Self {
            live,
            lease,
            unsent,
            in_flight: BTreeMap::new(),
            last: None,
            outcomes: Vec::new(),
            also: Vec::new(),
            renewed_at: now,
            closing: false,
        })
    }

    /// Was it asked since then whether this row's person may be written to?
    pub(super) fn is_screened(&self, seq: u32, since: Millis) -> bool {
        self.unsent.get(&seq).is_none_or(|unsent| unsent.screened_at >= since)
    }

    /// Takes those of the next rows out, from `seq` on, who must not be written to by now. They are the ones whose turn comes next:
    /// a range is offered in its order.
    pub(super) async fn screen(
        &mut self,
        store: &dyn Store,
        seq: u32,
        rows: usize,
        clock: &dyn Clock,
    ) -> Result<(), StoreError> {
        let next = self.unsent.range(seq..).take(rows.max(1));
        let next: Vec<(u32, String)> = next.map(|(seq, unsent)| (*seq, unsent.row.address.clone())).collect();
        if next.is_empty() {
            return Ok(());
        }
        let addresses: Vec<String> = next.iter().map(|(_, address)| address.clone()).collect();
        let found = person::suppressed(store, &self.live.workspace, &addresses).await?;
        // From the answer on: while a slow store answers, rows would be out of date before they could go.
        let now = clock.now();
        for (seq, address) in next {
            if found.contains(&address) {
                self.unsent.remove(&seq);
                self.note(seq, RowEvent::Excluded(RecipientState::Suppressed), None);
            } else if let Some(unsent) = self.unsent.get_mut(&seq) {
                unsent.screened_at = now;
            }
        }
        Ok(())
    }

    /// A row has an outcome.
    pub(super) fn note(&mut self, seq: u32, event: RowEvent, retry_at: Option<Millis>) {
        self.last = self.last.max(Some(seq));
        self.outcomes.push(Outcome { seq, effect: effect(event), retry_at });
    }

    /// Takes a row to be handed over.
    pub(super) fn begin(&mut self, seq: u32) -> Option<Unsent> {
        let unsent = self.unsent.remove(&seq)?;
        self.last = self.last.max(Some(seq));
        self.in_flight.insert(seq, unsent.clone());
        Some(unsent)
    }

    /// Nothing is left to do but to give it back.
    pub(super) fn is_over(&self) -> bool {
        self.in_flight.is_empty() && (self.closing || self.unsent.is_empty())
    }

    /// Is there something to be written down?
    pub(super) fn is_dirty(&self) -> bool {
        !self.outcomes.is_empty() || !self.also.is_empty() || self.is_over()
    }

    /// What is to be written now. The same is asked again if it could not be written: [`Range::written`] forgets it.
    pub(super) fn changes(&mut self, now: Millis, until: Option<Millis>) -> Vec<Change> {
        let is_over = self.is_over();
        if is_over {
            self.give_rows_back(now);
        }
        let (campaign, lane, epoch) = (self.live.record.id.clone(), self.lease.lane, self.lease.epoch);
        let mut changes = Vec::with_capacity(self.also.len() + 2);
        if !self.outcomes.is_empty() {
            changes.push(Change::from(CampaignChange::Settle(Settlement {
                campaign: campaign.clone(),
                lane,
                epoch: Some(epoch),
                at: now,
                outcomes: self.outcomes.clone(),
            })));
        }
        changes.extend(self.also.iter().cloned());
        if is_over {
            let unsent = self.tail();
            changes.push(CampaignChange::ReleaseLease { campaign, lane, epoch, unsent }.into());
        } else if let Some(until) = until {
            changes.push(CampaignChange::RenewLease { campaign, lane, epoch, until }.into());
        }
        changes
    }

    /// It was written.
    pub(super) fn written(&mut self, now: Millis, renewed: bool) {
        self.outcomes.clear();
        self.also.clear();
        if renewed {
            self.renewed_at = now;
        }
    }

    /// Behind the last row that was handed over: from there on the range goes back as it is.
    fn tail(&self) -> u32 {
        if self.lease.retry || (self.unsent.is_empty() && !self.closing) {
            return self.lease.hi;
        }
        self.last.map_or(self.lease.lo, |last| last + 1).clamp(self.lease.lo, self.lease.hi)
    }

    /// Rows before the tail that were not handed over are tried again one by one.
    fn give_rows_back(&mut self, now: Millis) {
        let tail = self.tail();
        if self.lease.retry {
            return self.unsent.clear();
        }
        for (seq, _) in std::mem::take(&mut self.unsent) {
            if seq < tail {
                self.note(seq, RowEvent::RetryLater { code: 0 }, Some(now));
            }
        }
    }

    /// Somebody who must not be written to any more, under any address of theirs.
    pub(super) fn suppress(&mut self, suppression: &Suppression) {
        let forms = person::forms(&suppression.address).into_iter();
        let of = |address| ContactChange::Suppress(Suppression { address, ..suppression.clone() }).into();
        self.also.extend(forms.map(of));
    }
}
