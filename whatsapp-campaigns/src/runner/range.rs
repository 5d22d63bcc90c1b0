//! One leased range.
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use whatsapp_store::{
    AudienceRow, CampaignChange, CampaignRecord, CampaignState, Changes, ContactChange, Outcome, RangeLease,
    RecipientState, Settlement, Suppression,
};

use super::{Ended, LaneRun, Message, RunError, Submission, TERM, TICK, sends};
use crate::{
    content::{Arm, Values},
    id::RowId,
    lattice::{RowEvent, effect},
    outcome::{Code, Reaction, Refusal, RowReaction, Stop},
    pacing::Verdict,
    scheduler::{Next, Row, Scheduler},
};

/// The one queue of the scheduler.
const QUEUE: u64 = 0;
/// Outcomes written at once, at most.
const BATCH: usize = 1_000;
/// A row whose fate nobody knows is handed over again after this time.
const DOUBT: i64 = 30_000;
/// A row that waits for the winning variant is looked at again after this time.
const UNDECIDED: i64 = 15 * 60_000;

/// What is known of a range while it is sent.
struct Range {
    lease: RangeLease,
    rows: BTreeMap<u32, (AudienceRow, u8)>,
    /// What happened and is not written down.
    outcomes: Vec<Outcome>,
    also: Vec<ContactChange>,
    /// Rows that have an outcome.
    handled: BTreeSet<u32>,
    written_at: i64,
    stopped: Option<Stop>,
}

impl Range {
    fn note(&mut self, seq: u32, event: RowEvent, retry_at: Option<i64>) {
        self.handled.insert(seq);
        self.outcomes.push(Outcome { seq, effect: effect(event), retry_at });
    }
}

impl LaneRun<'_> {
    /// Sends a range as far as it goes; `None` when all of it was dealt with.
    pub(super) async fn send_range(
        &self,
        scheduler: &mut Scheduler,
        campaign: &CampaignRecord,
        lease: RangeLease,
        only: Option<Vec<u32>>,
    ) -> Result<Option<Ended>, RunError> {
        let mut range = self.load(lease, only).await?;
        scheduler.open(QUEUE, 1, None);
        scheduler.offer(
            QUEUE,
            range.rows.iter().map(|(seq, (row, _))| Row { seq: *seq, person: hash(&row.address) }),
        );
        let ended = loop {
            if let Some(ended) = self.tick(&mut range).await? {
                break Some(ended);
            }
            let now = self.clock.now();
            match scheduler.next(micros(now)) {
                Next::Send { row, .. } => self.send(scheduler, campaign, &mut range, row.seq).await?,
                Next::Wait(at) => self.clock.sleep_until(millis(at).min(now + TICK)).await,
                Next::Idle => break None,
                Next::Stopped => break Some(Ended::SenderStopped),
            }
        };
        let left = scheduler.close(QUEUE).into_iter().map(|row| row.seq).collect();
        self.give_back(range, left).await?;
        Ok(ended)
    }

    /// Reads a range, and leaves out what has an outcome already and who must not be written to by now.
    async fn load(&self, lease: RangeLease, only: Option<Vec<u32>>) -> Result<Range, RunError> {
        let places = lease.lo..lease.hi;
        let audience =
            self.store.audience(&self.workspace, &self.campaign, self.lane, places.clone()).await?;
        let recipients = self.store.recipients(&self.workspace, &self.campaign, self.lane, places).await?;
        let addresses: Vec<String> = audience.iter().map(|(_, row)| row.address.clone()).collect();
        let suppressed = self.store.suppressed(&self.workspace, &addresses).await?;
        let suppressed: BTreeSet<String> = suppressed.into_iter().collect();
        // Rows that wait to be tried again have leases of their own, and a time.
        let retry = lease.retry;
        let waiting: BTreeMap<u32, u8> = recipients
            .into_iter()
            .filter(|recipient| match recipient.state {
                RecipientState::Pending | RecipientState::InDoubt => true,
                RecipientState::Retry => retry,
                _ => false,
            })
            .map(|recipient| (recipient.seq, recipient.tries))
            .collect();
        let only = only.map(BTreeSet::from_iter);
        let (rows, outcomes) = (BTreeMap::new(), Vec::new());
        let written_at = self.clock.now();
        let (also, handled) = (Vec::new(), BTreeSet::new());
        let mut range = Range { lease, rows, outcomes, also, handled, written_at, stopped: None };
        for (seq, row) in audience {
            let Some(tries) = waiting.get(&seq) else { continue };
            if only.as_ref().is_some_and(|only| !only.contains(&seq)) {
                continue;
            }
            if suppressed.contains(&row.address) {
                range.note(seq, RowEvent::Excluded(RecipientState::Suppressed), None);
            } else {
                range.rows.insert(seq, (row, *tries));
            }
        }
        Ok(range)
    }

    /// Writes down what happened, if it is time, and looks whether the campaign still sends.
    async fn tick(&self, range: &mut Range) -> Result<Option<Ended>, RunError> {
        let now = self.clock.now();
        if now - range.written_at < TICK && range.outcomes.len() < BATCH && range.stopped.is_none() {
            return Ok(None);
        }
        let mut changes = self.settle(range);
        changes.push(CampaignChange::RenewLease {
            campaign: self.campaign.clone(),
            lane: self.lane,
            epoch: range.lease.epoch,
            until: now + TERM,
        });
        self.store.commit(changes).await?;
        range.written_at = now;
        let running = CampaignState::bits(&[CampaignState::Running, CampaignState::Draining]);
        match range.stopped.take() {
            Some(Stop::Campaign | Stop::Workspace) => {
                let reason = Some("the service refused the template, or the account cannot pay".to_owned());
                self.move_to(CampaignState::Paused, reason, running).await?;
            }
            Some(Stop::Sender { .. }) => return Ok(Some(Ended::SenderStopped)),
            _ => {}
        }
        let state = self.record().await?.state;
        Ok((!sends(state)).then_some(Ended::NotSending(state)))
    }

    fn settle(&self, range: &mut Range) -> Changes {
        let mut changes = Changes::new(self.workspace.clone());
        let outcomes = std::mem::take(&mut range.outcomes);
        if !outcomes.is_empty() {
            changes.push(CampaignChange::Settle(Settlement {
                campaign: self.campaign.clone(),
                lane: self.lane,
                epoch: Some(range.lease.epoch),
                at: self.clock.now(),
                outcomes,
            }));
        }
        for change in range.also.drain(..) {
            changes.push(change);
        }
        changes
    }

    async fn send(
        &self,
        scheduler: &mut Scheduler,
        campaign: &CampaignRecord,
        range: &mut Range,
        seq: u32,
    ) -> Result<(), RunError> {
        let Some((row, tries)) = range.rows.get(&seq).cloned() else { return Ok(()) };
        let id = RowId::new(campaign.number, self.lane, seq).ok_or(RunError::TooLarge)?;
        let content = match self.template.arm(self.arms, id) {
            Arm::Variant(variant) => {
                Values::from_bytes(&row.variables).and_then(|values| self.template.render(&values, variant))
            }
            Arm::Waits => {
                let at = self.clock.now() + UNDECIDED;
                range.note(seq, RowEvent::RetryLater { code: 0 }, Some(at));
                return Ok(());
            }
            Arm::HoldOut => {
                range.note(seq, RowEvent::Excluded(RecipientState::Cancelled), None);
                return Ok(());
            }
        };
        let Ok(content) = content else {
            range.note(seq, RowEvent::Excluded(RecipientState::MissingVariable), None);
            return Ok(());
        };
        let message = Message { id: self.ids.id(id), to: row.address.clone(), content };
        let submission = self.sender.submit(message).await;
        let now = self.clock.now();
        match submission {
            Submission::Accepted => range.note(seq, RowEvent::Submitted, None),
            Submission::Unknown => {
                let code = Code::Unsent.stored();
                range.note(seq, RowEvent::RetryLater { code }, Some(now + DOUBT));
            }
            Submission::Refused { code, until } => {
                let tries = tries.saturating_add(1);
                let reaction = Refusal { code, row: id, tries, at: now, until }.reaction();
                react(scheduler, range, seq, &row.address, code, reaction, now);
            }
        }
        Ok(())
    }

    /// Writes down the rest, and gives the lease back with what was not sent.
    async fn give_back(&self, mut range: Range, left: BTreeSet<u32>) -> Result<(), RunError> {
        let lease = range.lease.clone();
        // The tail goes back as a range; what is left before it is tried again as single rows.
        let tail = range.handled.last().map_or(lease.lo, |last| last + 1);
        let now = self.clock.now();
        for seq in left.into_iter().filter(|seq| *seq < tail && !lease.retry) {
            range.note(seq, RowEvent::RetryLater { code: 0 }, Some(now));
        }
        let mut changes = self.settle(&mut range);
        changes.push(CampaignChange::ReleaseLease {
            campaign: self.campaign.clone(),
            lane: self.lane,
            epoch: lease.epoch,
            unsent: if lease.retry { lease.hi } else { tail.max(lease.lo).min(lease.hi) },
        });
        Ok(self.store.commit(changes).await?)
    }
}

fn react(
    scheduler: &mut Scheduler,
    range: &mut Range,
    seq: u32,
    address: &str,
    code: Code,
    reaction: Reaction,
    now: i64,
) {
    let stored = code.stored();
    match reaction.row {
        RowReaction::Retry { at } => range.note(seq, RowEvent::RetryLater { code: stored }, Some(at)),
        RowReaction::Fail => range.note(seq, RowEvent::Failed { code: stored }, None),
    }
    if reaction.suppress {
        let (address, reason) = (address.to_owned(), "the service says so".to_owned());
        range.also.push(ContactChange::Suppress(Suppression { address, reason, at: now }));
    }
    match reaction.stop {
        Stop::Nothing => {}
        Stop::Halve => scheduler.hear(Verdict::SlowDown, micros(now)),
        stop => {
            if let Stop::Sender { until } = stop {
                scheduler.hear(Verdict::Stop { until: until.map(micros) }, micros(now));
            }
            range.stopped = Some(stop);
        }
    }
}

fn micros(at: i64) -> u64 {
    u64::try_from(at).unwrap_or_default().saturating_mul(1000)
}

/// Rounded up: not before its time.
fn millis(at: u64) -> i64 {
    i64::try_from(at.div_ceil(1000)).unwrap_or(i64::MAX)
}

/// Names a person within one run.
fn hash(address: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.hash(&mut hasher);
    hasher.finish()
}
