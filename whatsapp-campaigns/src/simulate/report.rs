//! What comes out: plain values, in JSON in camelCase. Times are milliseconds since the Unix epoch.
use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{prices::Money, warnings::Warning};
use crate::{
    content::Category,
    pacing::Micros,
    window::{Millis, ZoneGroup},
};

/// What will happen, as far as one can say.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// When the simulation begins.
    pub start: Millis,
    /// When what happens, and how many.
    #[serde(flatten)]
    pub all: Course,
    /// In the order of the forecast.
    pub campaigns: Vec<CampaignReport>,
    /// In the order of the forecast.
    pub senders: Vec<SenderReport>,
    /// By the days of the forecast's clock; days without anything are not there.
    pub days: Vec<Day>,
    /// Hours in which something happens.
    pub hours: Vec<Hour>,
    /// Rows that are not part of any audience, by reason.
    pub excluded: BTreeMap<String, u64>,
    /// What it costs, if there is a price list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// How far it was simulated, when it was stopped before the end: see [`Budget`](super::Budget).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated_until: Option<Millis>,
    /// What somebody should know before the start.
    pub warnings: Vec<Warning>,
}

impl Report {
    /// How long it takes until all rows have an outcome, milliseconds. `None` when that does not come.
    pub fn eta(&self) -> Option<Millis> {
        self.all.finished_at.map(|at| (at - self.start).max(0))
    }
}

/// How it goes for some rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    /// The first message goes out.
    pub first_sent_at: Option<Millis>,
    /// The last message goes out.
    pub last_sent_at: Option<Millis>,
    /// All rows have an outcome; `None` when that does not come.
    pub finished_at: Option<Millis>,
    /// What becomes of how many.
    pub counts: Counts,
}

/// What becomes of rows. `rows = sent + failed + expired + never + left`, and `sent = delivered + undelivered`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// All.
    pub rows: u64,
    /// The server took the message.
    pub sent: u64,
    /// Of those sent.
    pub delivered: u64,
    /// Of those sent: the server took it, and nothing more came.
    pub undelivered: u64,
    /// Of those delivered.
    pub read: u64,
    /// Given up after a refusal.
    pub failed: u64,
    /// How often a row was put off to be tried again.
    pub retried: u64,
    /// The campaign ended before.
    pub expired: u64,
    /// There is no moment at which it is quiet nowhere in the group.
    pub never: u64,
    /// Nothing is decided: the sender was stopped, the first part did not come to its end, or it takes too long.
    pub left: u64,
}

impl Counts {
    /// One more of each.
    pub(super) fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.undelivered += other.undelivered;
        self.read += other.read;
        self.failed += other.failed;
        self.retried += other.retried;
        self.expired += other.expired;
        self.never += other.never;
        self.left += other.left;
    }
}

/// One campaign.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignReport {
    /// As in the forecast.
    pub name: String,
    /// How it goes.
    #[serde(flatten)]
    pub course: Course,
    /// When the rows behind the first part may go; `None` without one, and when that does not come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_until: Option<Millis>,
    /// In the order of the forecast.
    pub lanes: Vec<LaneReport>,
}

/// One lane.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneReport {
    /// Its sender's place.
    pub sender: usize,
    /// The recipients' clocks.
    pub zones: ZoneGroup,
    /// How it goes.
    #[serde(flatten)]
    pub course: Course,
}

/// One sender.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SenderReport {
    /// As in the forecast.
    pub name: String,
    /// Messages that it hands over, with those that are refused.
    pub tries: u64,
    /// The server stops it for good.
    pub stopped: bool,
    /// What it waits for, and how long.
    pub waits: Waits,
    /// Days on which it sends.
    pub days: Vec<SenderDay>,
}

/// One sender's day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SenderDay {
    /// Such as `2026-12-01`.
    pub date: String,
    /// Messages that it hands over.
    pub tries: u64,
    /// The most different people in any 24 hours that end on this day; `None` without a cap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<usize>,
    /// The highest cap of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<usize>,
}

/// What a sender waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Wait {
    /// Its own rate: it is sending as fast as it may.
    Rate,
    /// Its rate, after the server told it to slow down.
    Slowed,
    /// The server stopped it for a time.
    Stopped,
    /// The campaign's rate.
    Campaign,
    /// All whom it could write to were written to a moment ago.
    Pair,
    /// The cap of different people in 24 hours.
    People,
    /// Answers of the server: too many messages are under way.
    Answers,
    /// The start, or the end of quiet hours.
    Windows,
    /// The first part of a campaign, and the pause behind it.
    CanaryStage,
    /// Rows that are to be tried again later; nothing else is left.
    Retries,
}

impl Wait {
    const ALL: [Self; 10] = [
        Self::Rate,
        Self::Slowed,
        Self::Stopped,
        Self::Campaign,
        Self::Pair,
        Self::People,
        Self::Answers,
        Self::Windows,
        Self::CanaryStage,
        Self::Retries,
    ];

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Rate => "sending at its rate",
            Self::Slowed => "slowed down by the server",
            Self::Stopped => "stopped by the server",
            Self::Campaign => "the campaign's own rate",
            Self::Pair => "people who were written to a moment ago",
            Self::People => "the cap of different people a day",
            Self::Answers => "answers of the server",
            Self::Windows => "the start, or quiet hours",
            Self::CanaryStage => "the first part and the pause behind it",
            Self::Retries => "rows to be tried again later",
        }
    }
}

/// How long a sender waits for what. In JSON a map from [`Wait`] to milliseconds, without those that are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits([Micros; 10]);

impl Waits {
    /// For this, milliseconds.
    pub fn of(&self, wait: Wait) -> Millis {
        Millis::try_from(self.0[wait as usize] / 1_000).unwrap_or(Millis::MAX)
    }

    /// All that are not 0, longest first.
    pub fn longest(&self) -> Vec<(Wait, Millis)> {
        let mut all: Vec<_> =
            Wait::ALL.into_iter().map(|wait| (wait, self.of(wait))).filter(|(_, time)| *time > 0).collect();
        all.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        all
    }

    pub(super) fn add(&mut self, wait: Wait, time: Micros) {
        self.0[wait as usize] += time;
    }
}

impl Serialize for Waits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (wait, time) in self.longest() {
            map.serialize_entry(&wait, &time)?;
        }
        map.end()
    }
}

/// What happens on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    /// Such as `2026-12-01`.
    pub date: String,
    /// What happens.
    #[serde(flatten)]
    pub done: Done,
}

/// What happens in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hour {
    /// When it begins.
    pub at: Millis,
    /// What happens.
    #[serde(flatten)]
    pub done: Done,
}

/// Messages in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// Sent.
    pub sent: u64,
    /// Delivered.
    pub delivered: u64,
    /// Read.
    pub read: u64,
}

/// What it costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// As in the price list.
    pub currency: String,
    /// For messages that are expected to be delivered.
    pub total: Money,
    /// If all rows were delivered.
    pub at_most: Money,
    /// By kind of message.
    pub categories: Vec<CategoryCost>,
    /// By price.
    pub lines: Vec<CostLine>,
    /// Rows for which the list has no price; they are in no sum.
    pub unpriced: u64,
}

/// One kind of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CategoryCost {
    /// Which.
    pub category: Category,
    /// Messages that are expected to be delivered.
    pub messages: u64,
    /// What they cost.
    pub total: Money,
    /// If all rows were delivered.
    pub at_most: Money,
}

/// One price, for one kind of message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CostLine {
    /// Which kind.
    pub category: Category,
    /// Of the price; `None` of the one for everywhere.
    pub prefix: Option<String>,
    /// Messages that are expected to be delivered.
    pub messages: u64,
    /// What one costs.
    pub each: Money,
    /// What they cost.
    pub total: Money,
    /// If all rows were delivered.
    pub at_most: Money,
}
