//! One account: leases what is due, asks the scheduler, hands over, writes outcomes down.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until},
};
use whatsapp_store::{AccountId, AudienceRow, Error as StoreError, Lease};

use super::{
    Shared,
    active::{ActiveCampaign, ActiveCampaigns},
    addresses,
    lanes::Lanes,
    port::{Message, Sender, Submission},
    range::Range,
    stop::StopReason,
};
use crate::{
    content::Values,
    id::RowId,
    lattice::RowEvent,
    outcome::Code,
    pacing::UniqueCap,
    scheduler::{Next, QueueId, QueuedRow, Scheduler},
    window::Millis,
};

/// A row whose fate nobody knows is handed over again after this time.
pub(super) const DOUBT: Millis = 30_000;
/// A row that waits for the winning variant is looked at again after this time.
pub(super) const UNDECIDED: Millis = 15 * 60_000;
/// Outcomes are written at once when there are so many.
const BATCH: usize = 1_000;
/// Nothing is handed over while so many outcomes could not be written.
const BACKLOG: usize = 4 * BATCH;

/// What others ask of a worker.
#[derive(Debug, Default)]
pub(super) struct WorkerRequests {
    /// Messages of people and bots that went through the account since it was last asked.
    pub(super) interactive: AtomicU32,
    /// Look whether a person released the sender.
    pub(super) look: AtomicBool,
}

/// Somebody else has the sender now.
#[derive(Debug)]
pub(super) struct LeaseLost;

/// Sends from one account.
pub(super) struct AccountWorker {
    pub(super) shared: Arc<Shared>,
    pub(super) account: AccountId,
    pub(super) sender: Arc<dyn Sender>,
    pub(super) requests: Arc<WorkerRequests>,
    pub(super) active: watch::Receiver<ActiveCampaigns>,
    pub(super) lease: Lease,
    pub(super) lease_renewed_at: Millis,
    pub(super) scheduler: Scheduler,
    pub(super) lanes: Lanes,
    /// Campaigns whose leases of earlier runs were given back.
    pub(super) seen: BTreeSet<QueueId>,
    /// By a number of their own.
    pub(super) ranges: BTreeMap<u32, Range>,
    pub(super) next_range: u32,
    /// Rows that the scheduler has, by the number it knows them by: range and place.
    pub(super) tickets: HashMap<u32, (u32, u32)>,
    pub(super) next_ticket: u32,
    pub(super) in_flight: JoinSet<(u32, u32, Submission)>,
    pub(super) next_tick: Millis,
    /// When it was last looked whether the sender was stopped.
    pub(super) looked_at: Millis,
    /// Of those written to since it was last noted.
    pub(super) reached: Vec<(u64, Millis)>,
    /// The store did not take the last outcomes.
    pub(super) is_behind: bool,
    /// The store did not say who must not be written to: nothing is handed over before the next tick.
    pub(super) is_blind: bool,
    /// What the server said and is not carried out yet.
    pub(super) stops: Vec<StopReason>,
    pub(super) stopping: watch::Receiver<bool>,
}

/// Why a worker ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// No campaign sends from the account. The sender was given back, under this token.
    Idle { scheduler: Box<Scheduler>, token: i64 },
    /// It was told to.
    Stopped,
    /// Somebody else has the sender now.
    Lost,
}

impl AccountWorker {
    /// Sends until it is told to stop, nothing is left to send, or somebody else has the sender.
    pub(super) async fn run(mut self) -> Ended {
        if self.work().await.is_err() {
            self.in_flight.abort_all();
            return Ended::Lost;
        }
        self.wind_up().await;
        match *self.stopping.borrow() {
            true => Ended::Stopped,
            false => Ended::Idle { scheduler: Box::new(self.scheduler), token: self.lease.token },
        }
    }

    async fn work(&mut self) -> Result<(), LeaseLost> {
        loop {
            if *self.stopping.borrow() {
                return Ok(());
            }
            let now = self.shared.clock.now();
            if now >= self.next_tick || (self.backlog() >= BATCH && !self.is_behind) {
                self.tick(now).await?;
                if self.is_idle() {
                    return Ok(());
                }
                continue;
            }
            let wake = match self.next() {
                Some(Next::Send { queue, row }) => {
                    match self.screen(row, now).await {
                        Ok(()) => self.hand_over(row, now),
                        Err(error) => self.put_back(queue, row, &error),
                    }
                    // Everything else gets its turn, however fast this sender may be.
                    tokio::task::yield_now().await;
                    self.collect_what_is_there();
                    continue;
                }
                Some(Next::Wait(at)) => at.min(micros(self.next_tick)),
                _ => micros(self.next_tick),
            };
            let until =
                Instant::now() + Duration::from_micros(wake.saturating_sub(self.shared.clock.micros()));
            tokio::select! {
                biased;
                Some(done) = self.in_flight.join_next(), if !self.in_flight.is_empty() => self.collect(done),
                changed = self.active.changed() => match changed {
                    Ok(()) => {
                        // What is known of lanes is of the former campaigns: the hold behind a first part may be over.
                        self.lanes = Lanes::default();
                        self.next_tick = 0;
                    }
                    Err(_) => return Ok(()),
                },
                _ = self.stopping.changed() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// No campaign sends from the account, and all that was sent is written down.
    fn is_idle(&self) -> bool {
        self.ranges.is_empty()
            && self.in_flight.is_empty()
            && self.reached.is_empty()
            && self.stops.is_empty()
            && !self.is_behind
            && !self.active.borrow().send_from(&self.account)
    }

    /// What the scheduler says, if anything may be handed over now.
    fn next(&mut self) -> Option<Next> {
        let is_full = self.in_flight.len() >= self.shared.options.dispatch.in_flight();
        if is_full
            || self.is_blind
            || (self.is_behind && self.backlog() >= BACKLOG)
            || !self.sender.is_ready()
        {
            return None;
        }
        let now = self.shared.clock.micros();
        for _ in 0..self.requests.interactive.swap(0, Ordering::Relaxed) {
            self.scheduler.interactive(now);
        }
        Some(self.scheduler.next(now))
    }

    /// Outcomes that are not written.
    fn backlog(&self) -> usize {
        self.ranges.values().map(|range| range.outcomes.len()).sum()
    }

    /// Asks who must not be written to, of the row that is next and those that follow within a tick: people who said stop get nothing more
    /// after that time.
    async fn screen(&mut self, row: QueuedRow, now: Millis) -> Result<(), StoreError> {
        let dispatch = self.shared.options.dispatch;
        let Some(&(number, seq)) = self.tickets.get(&row.seq) else { return Ok(()) };
        let Some(range) = self.ranges.get_mut(&number) else { return Ok(()) };
        if range.is_screened(seq, now - dispatch.tick) {
            return Ok(());
        }
        let rows = dispatch.in_a_tick(self.sender.limits().rate);
        range.screen(&*self.shared.store, seq, rows, &*self.shared.clock).await
    }

    /// Whether a row may be handed over is not known: it is asked again after the next tick.
    fn put_back(&mut self, queue: QueueId, row: QueuedRow, error: &StoreError) {
        self.scheduler.offer(queue, [row]);
        self.is_blind = true;
        tracing::warn!(account = %self.account, %error, "a campaign waits, as nobody says who opted out: it is tried again");
    }

    /// Renders a row and hands it over.
    fn hand_over(&mut self, row: QueuedRow, now: Millis) {
        let Some((number, seq)) = self.tickets.remove(&row.seq) else { return };
        let Some(range) = self.ranges.get_mut(&number) else { return };
        let Some(unsent) = range.begin(seq) else { return };
        let live = range.live.clone();
        let lane = range.lease.lane;
        let message = match message(&live, lane, seq, &unsent.row) {
            Ok(message) => message,
            Err(unsendable) => {
                range.in_flight.remove(&seq);
                return range.note(seq, unsendable.event(), unsendable.retry_at(now));
            }
        };
        self.reached.push((row.person, now));
        let sender = self.sender.clone();
        let id = RowId::new(live.record.number, lane, seq);
        let to = id.map(|id| addresses::of(&live.keys.ids, id, &message)).unwrap_or_default();
        self.in_flight.spawn(async move { (number, seq, addresses::submit(&*sender, message, to).await) });
    }

    fn collect_what_is_there(&mut self) {
        while let Some(done) = self.in_flight.try_join_next() {
            self.collect(done);
        }
    }

    fn collect(&mut self, done: Result<(u32, u32, Submission), tokio::task::JoinError>) {
        match done {
            Ok((number, seq, submission)) => self.settle(number, seq, submission),
            // A mistake in the sender. Which row it was is found when all that is under way is over.
            Err(error) => tracing::error!(account = %self.account, %error, "a sender failed while sending"),
        }
        if self.in_flight.is_empty() {
            self.settle_the_lost();
        }
    }

    /// Rows that no answer can come for any more.
    fn settle_the_lost(&mut self) {
        let at = self.shared.clock.now() + DOUBT;
        for range in self.ranges.values_mut() {
            for (seq, _) in std::mem::take(&mut range.in_flight) {
                range.note(seq, RowEvent::RetryLater { code: Code::Unsent.stored() }, Some(at));
            }
        }
    }

    /// Offers the rows of a range to the scheduler, under numbers of their own.
    pub(super) fn offer(&mut self, range: Range) {
        let number = self.next_range;
        self.next_range = self.next_range.wrapping_add(1);
        let queue = queue(&range.live);
        let mut rows = Vec::with_capacity(range.unsent.len());
        for (seq, unsent) in &range.unsent {
            let ticket = self.next_ticket;
            self.next_ticket = self.next_ticket.wrapping_add(1);
            self.tickets.insert(ticket, (number, *seq));
            rows.push(QueuedRow { seq: ticket, person: range.live.keys.person(&unsent.row.address) });
        }
        let senders = self.active.borrow().senders(self.account.workspace());
        let share = self.shared.options.dispatch.share(range.live.rate, range.live.senders.len(), senders);
        self.scheduler.open(queue, range.live.document.settings.weight, share);
        self.scheduler.offer(queue, rows);
        self.ranges.insert(number, range);
    }

    /// Takes the rows of ranges that are closing away from the scheduler.
    pub(super) fn withdraw(&mut self, queue: QueueId) {
        let rows = self.scheduler.take_out(queue);
        let mut stay = Vec::new();
        for row in rows {
            let range = self.tickets.get(&row.seq).and_then(|(number, _)| self.ranges.get(number));
            if range.is_some_and(|range| !range.closing) {
                stay.push(row);
            } else {
                self.tickets.remove(&row.seq);
            }
        }
        self.scheduler.offer(queue, stay);
    }

    /// Begins nothing new, waits for what is under way, and gives everything back.
    async fn wind_up(&mut self) {
        let deadline = Instant::now() + self.shared.options.shutdown_timeout;
        while !self.in_flight.is_empty() {
            match tokio::time::timeout_at(deadline, self.in_flight.join_next()).await {
                Ok(Some(done)) => self.collect(done),
                _ => break,
            }
        }
        self.in_flight.abort_all();
        self.settle_the_lost();
        for range in self.ranges.values_mut() {
            range.closing = true;
        }
        let now = self.shared.clock.now();
        if let Err(error) = self.write(now).await {
            tracing::warn!(account = %self.account, %error, "outcomes were not written: those rows are in doubt");
        }
        self.shared.release(&self.account, &self.lease).await;
    }
}

/// The campaign's queue of a worker: numbers are given once in a workspace, and a worker is of one.
pub(super) fn queue(live: &ActiveCampaign) -> QueueId {
    live.record.number.unsigned_abs()
}

/// Why a row is not handed over.
pub(super) enum Unsendable {
    Waits,
    HoldOut,
    Missing,
}

impl Unsendable {
    fn event(&self) -> RowEvent {
        use whatsapp_store::RecipientState::{Cancelled, MissingVariable};
        match self {
            Self::Waits => RowEvent::RetryLater { code: 0 },
            Self::HoldOut => RowEvent::Excluded(Cancelled),
            Self::Missing => RowEvent::Excluded(MissingVariable),
        }
    }

    fn retry_at(&self, now: Millis) -> Option<Millis> {
        matches!(self, Self::Waits).then_some(now + UNDECIDED)
    }
}

/// What a row is sent: a function of the template, the row, and the winner once it is chosen.
fn message(live: &ActiveCampaign, lane: i32, seq: u32, row: &AudienceRow) -> Result<Message, Unsendable> {
    use crate::content::Arm;
    let id = RowId::new(live.record.number, lane, seq).ok_or(Unsendable::Missing)?;
    let arm = live.template.arm(&live.arms, id);
    let winner = live.document.kept.winner.as_ref().map(|chosen| chosen.variant);
    let variant = arm.variant(winner).ok_or(if arm == Arm::HoldOut {
        Unsendable::HoldOut
    } else {
        Unsendable::Waits
    })?;
    let values = Values::from_bytes(&row.variables).map_err(|_| Unsendable::Missing)?;
    let content = live.template.render(&values, variant).map_err(|_| Unsendable::Missing)?;
    let may_begin = live.document.settings.new_conversations;
    Ok(Message { id: live.keys.ids.id(id), to: row.address.clone(), content, may_begin })
}

/// The people that a sender has reached in the last day, as they were stored.
pub(super) fn cap(reached: Vec<(u64, Millis)>) -> UniqueCap {
    UniqueCap::from_entries(reached.into_iter().map(|(person, at)| (person, micros(at))))
}

pub(super) fn micros(at: Millis) -> u64 {
    u64::try_from(at).unwrap_or_default().saturating_mul(1000)
}
