//! What happens when: counted in quarters of an hour, shown by hours and days of a clock.
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use super::{
    forecast::{micros, millis},
    report::{Day, Done, Hour},
};
use crate::{pacing::Micros, window::Millis};

/// All clocks of our time differ by whole quarters of an hour.
const QUARTER: Millis = 15 * 60_000;

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Sent,
    Delivered,
    Read,
}

/// Counts by quarters of an hour.
#[derive(Debug)]
pub(super) struct Tally {
    first: Millis,
    quarters: Vec<[u32; 3]>,
}

impl Tally {
    pub(super) fn new(start: Millis) -> Self {
        Self { first: start.div_euclid(QUARTER) * QUARTER, quarters: Vec::new() }
    }

    pub(super) fn count(&mut self, what: What, at: Micros) {
        let since = at.saturating_sub(micros(self.first));
        let place = usize::try_from(since / micros(QUARTER)).unwrap_or(usize::MAX);
        if place >= self.quarters.len() {
            self.quarters.resize(place + 1, [0; 3]);
        }
        self.quarters[place][what as usize] += 1;
    }

    /// By hours and days of a clock.
    pub(super) fn tables(&self, clock: &TimeZone) -> (Vec<Day>, Vec<Hour>) {
        let (mut days, mut hours): (Vec<Day>, Vec<Hour>) = (Vec::new(), Vec::new());
        let mut calendar = Calendar::new(clock.clone());
        for (at, counts) in (self.first..).step_by(QUARTER.unsigned_abs() as usize).zip(&self.quarters) {
            if *counts == [0; 3] {
                continue;
            }
            let hour = hour(clock, at);
            let day = calendar.day(micros(at));
            let date = calendar.date(day);
            if hours.last().is_none_or(|last| last.at != hour) {
                hours.push(Hour { at: hour, done: Done::default() });
            }
            if days.last().is_none_or(|last| last.date != date) {
                days.push(Day { date, done: Done::default() });
            }
            let done = hours.last_mut().map(|hour| &mut hour.done).into_iter();
            for done in done.chain(days.last_mut().map(|day| &mut day.done)) {
                done.sent += u64::from(counts[0]);
                done.delivered += u64::from(counts[1]);
                done.read += u64::from(counts[2]);
            }
        }
        (days, hours)
    }
}

/// When the clock's hour began.
fn hour(clock: &TimeZone, at: Millis) -> Millis {
    let minute = Timestamp::from_millisecond(at).map_or(0, |at| clock.to_datetime(at).minute());
    at - Millis::from(minute) * 60_000
}

/// The days of a clock, for moments that only go forward.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    clock: TimeZone,
    /// Where the last day that was asked for ends.
    ends: Micros,
    days: Vec<Date>,
}

impl Calendar {
    pub(super) fn new(clock: TimeZone) -> Self {
        Self { clock, ends: 0, days: Vec::new() }
    }

    /// The number of a moment's day; the same or a higher one than before.
    pub(super) fn day(&mut self, at: Micros) -> usize {
        if at >= self.ends {
            self.turn(at);
        }
        self.days.len().saturating_sub(1)
    }

    fn turn(&mut self, at: Micros) {
        let moment = Timestamp::from_millisecond(millis(at - at % 1_000)).unwrap_or(Timestamp::MAX);
        let date = self.clock.to_datetime(moment).date();
        let next = date.checked_add(1.day()).ok().and_then(|next| {
            let begins = self.clock.to_timestamp(next.to_datetime(jiff::civil::Time::midnight()));
            begins.ok().map(Timestamp::as_millisecond)
        });
        self.ends = next.map_or(Micros::MAX, micros);
        if self.days.last() != Some(&date) {
            self.days.push(date);
        }
    }

    /// Such as `2026-12-01`.
    pub(super) fn date(&self, day: usize) -> String {
        self.days.get(day).map(Date::to_string).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZoneDatabase;

    use super::*;

    fn at(text: &str) -> Millis {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn days_and_hours_of_a_clock() {
        let mut tally = Tally::new(at("2026-12-01T18:07:00Z"));
        for (what, time) in [
            (What::Sent, "2026-12-01T18:10:00Z"),
            (What::Sent, "2026-12-01T18:29:59Z"),
            (What::Sent, "2026-12-01T18:30:00Z"),
            (What::Delivered, "2026-12-01T18:30:01Z"),
            (What::Read, "2026-12-03T12:00:00Z"),
        ] {
            tally.count(what, micros(at(time)));
        }
        // India: midnight is at 18:30 of UTC, and hours begin in the middle of ours.
        let (days, hours) = tally.tables(&TimeZoneDatabase::bundled().get("Asia/Kolkata").unwrap());
        let days: Vec<_> = days.into_iter().map(|day| (day.date, day.done.sent, day.done.read)).collect();
        assert_eq!(
            days,
            [("2026-12-01".into(), 2, 0), ("2026-12-02".into(), 1, 0), ("2026-12-03".into(), 0, 1)]
        );
        let begin: Vec<_> = hours.iter().map(|hour| hour.at).collect();
        assert_eq!(begin, ["2026-12-01T17:30:00Z", "2026-12-01T18:30:00Z", "2026-12-03T11:30:00Z"].map(at));
        assert_eq!(tally.tables(&TimeZone::UTC).1.len(), 2);
    }
}
