//! How far a bot's times have come, as stored.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Schedule;

/// A time that is past for longer is left out, milliseconds: nobody wants a good morning in the evening.
pub(super) const LATE: i64 = 3_600_000;
/// How often a run that goes on slowly is written down, milliseconds.
const NOTED: i64 = 60_000;

/// By trigger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Progress(pub(super) BTreeMap<String, Place>);

/// How far the times of one trigger have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    /// What they follow from: with other times it counts anew.
    times: String,
    /// Times up to this one are dealt with, milliseconds since the Unix epoch.
    last: i64,
    /// What is being written now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<Run>,
}

/// One time, for all its contacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    /// The time, milliseconds since the Unix epoch.
    pub(super) due: i64,
    /// Contacts up to this one are dealt with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
    /// When this was written down, milliseconds since the Unix epoch.
    at: i64,
}

impl Progress {
    /// What cannot be read is as if it had never been.
    pub(super) fn from_json(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_default()
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        // Of texts and numbers: this does not fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Takes the time in: what is not there any more is forgotten, what is new counts from now on, what is due begins.
    pub(super) fn settle<'s>(&mut self, bot: &str, schedules: impl Iterator<Item = &'s Schedule>, now: i64) {
        let mut former = std::mem::take(&mut self.0);
        for schedule in schedules {
            let times = schedule.times();
            let known = former.remove(schedule.trigger()).filter(|place| place.times == times);
            let mut place = known.unwrap_or(Place { times, last: now, run: None });
            place.settle(bot, schedule, now);
            self.0.insert(schedule.trigger().to_owned(), place);
        }
    }
}

impl Place {
    fn settle(&mut self, bot: &str, schedule: &Schedule, now: i64) {
        let trigger = schedule.trigger();
        if let Some(run) = &self.run {
            if now.saturating_sub(run.at) <= LATE {
                return;
            }
            tracing::warn!(bot, trigger, "a time stood still for more than an hour: the rest is left out");
            self.run = None;
        }
        // Times of an hour ago are due still.
        let from = self.last.max(now.saturating_sub(LATE + 1));
        if from > self.last && schedule.next(self.last).is_some_and(|time| time <= from) {
            tracing::warn!(bot, trigger, "times that are past for more than an hour are left out");
            self.last = from;
        }
        if let Some((due, before)) = schedule.last_due(from, now) {
            if before > 0 {
                tracing::warn!(
                    bot,
                    trigger,
                    before,
                    "of several times that came meanwhile, only the last counts"
                );
            }
            self.last = due;
            self.run = Some(Run { due, after: None, at: now });
        }
    }
}

impl Run {
    /// All up to a contact are dealt with, and the next one waits. That is written down from time to time.
    pub(super) fn come_to(&mut self, contact: &Option<String>, now: i64) {
        if now.saturating_sub(self.at) >= NOTED {
            (self.after, self.at) = (contact.clone(), now);
        }
    }

    /// A page is dealt with.
    pub(super) fn end_of_page(&mut self, last: String, now: i64) {
        (self.after, self.at) = (Some(last), now);
    }
}
