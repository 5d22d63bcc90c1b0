//! Senders that send nothing, and the clock that they share with the runner.
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use tokio::time::Instant;
use whatsapp_campaigns::{
    pacing::{Micros, Rate},
    runner::{Clock, Message, Sender, Submission},
    scheduler::Limits,
    window::Millis,
};

/// The time of this machine, to the microsecond, or that of a runtime whose time is paused.
#[derive(Debug)]
pub(super) struct Beat {
    begun: Instant,
    base: i64,
    /// What it told the runner last.
    told: AtomicI64,
}

impl Beat {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), base: system_micros(), told: AtomicI64::new(0) })
    }

    /// Microseconds.
    pub(super) fn since_epoch(&self) -> i64 {
        self.base + i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX)
    }
}

impl Clock for Beat {
    fn now(&self) -> Millis {
        self.since_epoch() / 1_000
    }

    fn micros(&self) -> Micros {
        let now = self.since_epoch();
        self.told.store(now, Ordering::Relaxed);
        now.unsigned_abs()
    }
}

/// Microseconds since the Unix epoch, as any process of this machine tells them.
pub(super) fn system_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A limit of that rate, without one for a person: everybody is written to once.
pub(super) fn limits(rate: Rate) -> Limits {
    let pair = Rate { interval: 0, burst: 1 };
    Limits { rate, pair, people: None, reserve: 0.0 }
}

/// As fast as it goes.
pub(super) fn unlimited() -> Limits {
    limits(Rate { interval: 0, burst: 1 })
}

/// A message that was handed over; times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Note {
    /// When.
    pub(super) at: i64,
    /// The time by which the runner decided so.
    pub(super) decided: i64,
}

/// Notes when each message was handed over.
#[derive(Debug)]
pub(super) struct Noting {
    beat: Arc<Beat>,
    limits: Limits,
    notes: Mutex<Vec<Note>>,
}

impl Noting {
    pub(super) fn new(beat: Arc<Beat>, rate: Rate) -> Arc<Self> {
        Arc::new(Self { beat, limits: limits(rate), notes: Mutex::default() })
    }

    pub(super) fn notes(&self) -> Vec<Note> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Sender for Noting {
    async fn submit(&self, _: Message) -> Submission {
        let note = Note { at: self.beat.since_epoch(), decided: self.beat.told.load(Ordering::Relaxed) };
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
        Submission::Accepted
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

/// Counts messages, as fast as they come.
#[derive(Debug, Default)]
pub(super) struct Counting(AtomicU64);

impl Counting {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Sender for Counting {
    async fn submit(&self, _: Message) -> Submission {
        self.0.fetch_add(1, Ordering::Relaxed);
        Submission::Accepted
    }

    fn limits(&self) -> Limits {
        unlimited()
    }
}
