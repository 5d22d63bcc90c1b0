//! The queue of stanzas that came while this device was offline.
//!
//! ```text
//!   offline_preview ──► batch asked ──► stanzas … ──► the batch is through, or nothing came for a while ──► next batch
//!                                                                                  offline ──► done
//! ```
//! The server hands the queue out in batches, and not always as large as asked: a pause counts as the end of a batch, too.
use std::time::Duration;

use super::context::Context;
use crate::{event::Event, stanza::connection, time::Timestamp};

/// A batch is taken to be over when nothing came for this long.
const PAUSE: Duration = Duration::from_secs(2);
/// The queue is taken to be empty after this many batches in a row without a stanza.
const MOST_EMPTY: u32 = 10;

/// The progress of the queue.
#[derive(Debug, Default)]
pub(super) struct OfflineQueue {
    announced: u32,
    /// Stanzas since a batch was requested.
    since_request: u32,
    /// Batches in a row from which nothing came.
    empty: u32,
    /// When the batch counts as over; `None` while nothing is expected.
    quiet_at: Option<Timestamp>,
}

impl OfflineQueue {
    /// The server says how much waits for us.
    pub(super) fn on_preview(&mut self, cx: &mut Context, count: u32) {
        *self = Self { announced: count, ..Self::default() };
        self.ask(cx);
    }

    fn ask(&mut self, cx: &mut Context) {
        self.empty = if self.since_request == 0 { self.empty + 1 } else { 0 };
        self.since_request = 0;
        // Longer and longer, while nothing comes.
        self.quiet_at = (self.empty <= MOST_EMPTY).then(|| cx.now + PAUSE * (1 << self.empty.min(5)) / 2);
        let batch = connection::offline_batch(cx.own.config.profile.offline_batch());
        cx.transmit(&batch);
    }

    /// A stanza of the queue came.
    pub(super) fn on_stanza(&mut self, cx: &mut Context) {
        if self.quiet_at.is_none() {
            return;
        }
        self.since_request += 1;
        self.quiet_at = Some(cx.now + PAUSE);
        if self.since_request >= cx.own.config.profile.offline_batch() {
            self.ask(cx);
        }
    }

    /// The queue is empty.
    pub(super) fn on_done(&mut self, cx: &mut Context, count: u32) {
        self.quiet_at = None;
        cx.tell(Event::OfflineDone { count: count.max(self.announced) });
    }

    pub(super) fn on_time(&mut self, cx: &mut Context) {
        if self.quiet_at.is_some_and(|at| at <= cx.now) {
            self.ask(cx);
        }
    }

    pub(super) const fn next_timeout(&self) -> Option<Timestamp> {
        self.quiet_at
    }

    pub(super) fn disconnected(&mut self) {
        *self = Self::default();
    }
}
