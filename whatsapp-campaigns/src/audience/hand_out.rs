//! The second pass: duplicates and those who must not be written to go, the others get their places and are handed on.
//!
//! ```text
//! runs (by number) ──screen──► verdicts ──scatter──► buckets (by place) ──emit──► sink
//! ```
//! A run is small enough to keep its numbers in memory, a bucket to keep its rows: nothing else grows with the file.
use std::{
    collections::{BTreeMap, HashSet},
    future,
    io::Write,
    ops::Range,
    task::Poll,
};

use super::{
    BATCH, FIRST_SEQ, MAX_LANES,
    consent::ConsentStamp,
    error::AudienceError,
    file::FileReport,
    gather::Gathered,
    order::{Order, Stamp},
    port::{Recipient, Screen, Sink},
    reason::{Reason, Refusals},
    rejects::Rejects,
    runs::{Entry, Files, Written},
};

/// At most so many buckets, which are as many open files.
const MAX_BUCKETS: u64 = 128;
/// A bucket of fewer bytes is not worth a file.
const MIN_BUCKET: u64 = 1024 * 1024;
/// So many rows are screened without a word to the executor, if nobody new is among them.
const WINDOW: usize = 50_000;
/// In the verdicts: not part of the audience.
pub(super) const NO_LANE: u16 = 0;

/// A lane of an audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneSize {
    /// Its number, as the caller named it.
    pub lane: i32,
    /// How many rows are in it.
    pub rows: u32,
}

impl LaneSize {
    /// Its places: the `next` and the `end` of the lane's record.
    pub const fn places(&self) -> Range<u32> {
        FIRST_SEQ..FIRST_SEQ + self.rows
    }
}

/// What became of all rows of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudienceReport {
    /// Rows of the source: those accepted and those refused.
    pub rows: u64,
    /// Rows that were handed on.
    pub accepted: u64,
    /// Rows that are not part of the audience, by reason.
    pub refused: Refusals,
    /// Lanes with at least one row, by number.
    pub lanes: Vec<LaneSize>,
    /// Columns that the mapping names and the source does not have.
    pub absent_columns: Vec<String>,
    /// The consent of the file; keep it with the campaign.
    pub consent: ConsentStamp,
    /// How the file was read.
    pub file: FileReport,
}

impl Gathered {
    /// Screens the rows, gives them places in an order that the key decides, and hands them on. `lane` says in which lane
    /// somebody is; it must always say the same of the same.
    ///
    /// # Errors
    /// When the ports fail, or a temporary file; and when there are too many rows or lanes.
    pub async fn hand_out(
        self,
        lane: &(dyn Fn(&Recipient<'_>) -> i32 + Sync),
        screen: &dyn Screen,
        sink: &mut dyn Sink,
    ) -> Result<AudienceReport, AudienceError> {
        let Self { absent, consent, key, folder, template, mut runs, rejects, rows, file } = self;
        let verdicts = Files::new(&folder, 1);
        let mut screening =
            Screening { lane, screen, consent: &consent, rejects, verdicts, lanes: Lanes::default() };
        for part in 0..runs.len() {
            screening.part(&mut runs, part).await?;
        }
        let Screening { rejects, verdicts, lanes, .. } = screening;
        let mut verdicts = verdicts.finish().map_err(AudienceError::Temporary)?;
        let order = Order::new(&key, &lanes);
        let buckets = Files::new(&folder, lanes.buckets());
        let mut buckets =
            order.scatter(runs, &mut verdicts, buckets).await.map_err(AudienceError::Temporary)?;
        let stamp = Stamp { consent: consent.reference(), template };
        for bucket in 0..buckets.len() {
            order.emit(&mut buckets, bucket, &stamp, sink).await?;
        }
        let refused = rejects.finish()?;
        let lanes = lanes.sizes();
        Ok(AudienceReport {
            rows,
            accepted: order.rows,
            refused,
            lanes,
            absent_columns: absent,
            consent,
            file,
        })
    }
}

/// How many rows are in each lane.
#[derive(Default)]
pub(super) struct Lanes {
    /// By the lane's number: its place in `rows`.
    pub(super) places: BTreeMap<i32, u16>,
    pub(super) rows: Vec<u32>,
    bytes: u64,
}

impl Lanes {
    /// Counts a row; its verdict.
    fn add(&mut self, lane: i32, bytes: usize) -> Result<u16, AudienceError> {
        let next = self.rows.len();
        let place = match self.places.get(&lane) {
            Some(place) => *place,
            None if next >= MAX_LANES => return Err(AudienceError::TooManyLanes),
            None => {
                let place = u16::try_from(next).map_err(|_| AudienceError::TooManyLanes)?;
                self.places.insert(lane, place);
                self.rows.push(0);
                place
            }
        };
        let rows = &mut self.rows[usize::from(place)];
        *rows += 1;
        // The end of a lane is at most `i32::MAX`.
        if *rows >= i32::MAX.cast_unsigned() - FIRST_SEQ {
            return Err(AudienceError::TooManyRows);
        }
        self.bytes += bytes as u64;
        Ok(place + 1)
    }

    pub(super) fn sizes(&self) -> Vec<LaneSize> {
        let size =
            |(lane, place): (&i32, &u16)| LaneSize { lane: *lane, rows: self.rows[usize::from(*place)] };
        self.places.iter().map(size).collect()
    }

    pub(super) fn buckets(&self) -> usize {
        usize::try_from((self.bytes / MIN_BUCKET).clamp(1, MAX_BUCKETS)).unwrap_or(1)
    }
}

/// Finds out who stays.
struct Screening<'a> {
    lane: &'a (dyn Fn(&Recipient<'_>) -> i32 + Sync),
    screen: &'a dyn Screen,
    consent: &'a ConsentStamp,
    rejects: Rejects,
    verdicts: Files,
    lanes: Lanes,
}

impl Screening<'_> {
    /// One part: all rows of the numbers that are in it.
    async fn part(&mut self, runs: &mut Written, part: usize) -> Result<(), AudienceError> {
        let Some(mut reader) = runs.reader(part).map_err(AudienceError::Temporary)? else { return Ok(()) };
        let (mut seen, mut entry) = (HashSet::new(), Entry::default());
        // Verdicts in the order of the run, and which of them are not spoken yet.
        let (mut verdicts, mut open) = (Vec::new(), Vec::<(usize, Entry)>::new());
        while entry.read(&mut reader).map_err(AudienceError::Temporary)? {
            if seen.insert(entry.number) {
                open.push((verdicts.len(), entry.clone()));
            } else {
                self.rejects.refuse(entry.line, &entry.raw, Reason::Duplicate, "")?;
            }
            verdicts.push(NO_LANE);
            if open.len() == BATCH || verdicts.len() == WINDOW {
                self.settle(&mut open, &mut verdicts).await?;
            }
        }
        self.settle(&mut open, &mut verdicts).await
    }

    async fn settle(
        &mut self,
        open: &mut Vec<(usize, Entry)>,
        verdicts: &mut Vec<u16>,
    ) -> Result<(), AudienceError> {
        let addresses: Vec<_> = open.iter().map(|(_, entry)| entry.address()).collect();
        let refusals = if addresses.is_empty() {
            Vec::new()
        } else {
            ask(self.screen, self.consent, &addresses).await?
        };
        for ((place, entry), address) in open.drain(..).zip(&addresses) {
            let refusal = refusals.iter().find(|(_, found)| found.contains(address));
            verdicts[place] = match refusal {
                Some((reason, _)) => {
                    self.rejects.refuse(entry.line, &entry.raw, *reason, "")?;
                    NO_LANE
                }
                None => {
                    let lane = (self.lane)(&Recipient { address, variables: &entry.variables });
                    self.lanes.add(lane, entry.variables.len() + 24)?
                }
            };
        }
        let bytes: Vec<u8> = verdicts.drain(..).flat_map(u16::to_le_bytes).collect();
        let written = self.verdicts.writer(0).and_then(|file| file.write_all(&bytes));
        written.map_err(AudienceError::Temporary)?;
        breathe().await;
        Ok(())
    }
}

/// Who of these must not be written to, and why.
async fn ask(
    screen: &dyn Screen,
    consent: &ConsentStamp,
    addresses: &[String],
) -> Result<Vec<(Reason, HashSet<String>)>, AudienceError> {
    let answers = [
        (Reason::Suppressed, screen.suppressed(addresses).await),
        (Reason::Withdrawn, screen.withdrawn(addresses, consent).await),
        (Reason::Excluded, screen.excluded(addresses).await),
    ];
    let answer = |(reason, answer): (_, Result<_, _>)| Ok((reason, answer.map_err(AudienceError::Screen)?));
    answers.into_iter().map(answer).collect()
}

/// Lets others have the thread.
pub(super) async fn breathe() {
    let mut is_over = false;
    future::poll_fn(|context| {
        if is_over {
            return Poll::Ready(());
        }
        is_over = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
