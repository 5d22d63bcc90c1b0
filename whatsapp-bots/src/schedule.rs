//! Times at which a bot writes by itself, and to whom.
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Timestamp, tz::TimeZone};

/// A trigger of times, compiled: when it is due, by the clock of the bot's zone, and whom it is for.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub(crate) trigger: String,
    pub(crate) scope: String,
    pub(crate) tags: Vec<String>,
    pub(crate) session: Option<String>,
    pub(crate) cron: Box<Cron>,
    pub(crate) pattern: String,
    pub(crate) zone: TimeZone,
}

impl Schedule {
    /// The trigger's id.
    pub fn trigger(&self) -> &str {
        &self.trigger
    }

    /// What its messages are for: a contact's consent has to cover it.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// It is for contacts with at least one of these tags; never empty.
    pub fn tags(&self) -> &[String] {
        &self.tags
    }

    /// The one session that writes, if it is not the one with which a contact last chatted.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// What its times follow from, as text: another text means other times.
    pub fn times(&self) -> String {
        format!("{} {}", self.pattern, self.zone.iana_name().unwrap_or("UTC"))
    }

    /// The first time after `after`, both in milliseconds since the Unix epoch. A time that the clocks skip is due when they
    /// are set; one that they show twice is due once.
    pub fn next(&self, after: i64) -> Option<i64> {
        let after = Timestamp::from_millisecond(after).ok()?.to_zoned(self.zone.clone());
        Some(self.cron.find_next_occurrence(&after, false).ok()?.timestamp().as_millisecond())
    }

    /// The last time after `after` that has come by `now`, and how many came before it.
    pub fn last_due(&self, after: i64, now: i64) -> Option<(i64, usize)> {
        let times = std::iter::successors(self.next(after), |time| self.next(*time));
        let (before, last) = times.take_while(|time| *time <= now).enumerate().last()?;
        Some((last, before))
    }
}

/// The setting that holds how far a bot's schedules have come: to be removed with the bot.
#[cfg(any(feature = "runner", feature = "service"))]
pub fn setting(bot: &str) -> String {
    format!("bots/schedules/{bot}")
}

/// Reads a pattern of cron; `None` of one that is none, or that no day fits.
pub(crate) fn cron(pattern: &str) -> Option<Cron> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    // The 30th of February passes the parser.
    let start = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    let cron = parser.parse(pattern).ok()?;
    cron.find_next_occurrence(&start, true).is_ok().then_some(cron)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZoneDatabase;
    use proptest::prelude::*;

    use super::*;

    fn schedule(pattern: &str, zone: &str) -> Schedule {
        Schedule {
            scope: "marketing".into(),
            trigger: "t".into(),
            tags: vec!["a".into()],
            session: None,
            cron: Box::new(cron(pattern).unwrap()),
            pattern: pattern.into(),
            zone: TimeZoneDatabase::bundled().get(zone).unwrap(),
        }
    }

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn patterns_that_are_none_are_none() {
        assert!(cron("0 9 * * MON").is_some());
        for wrong in ["", "0 9 * *", "0 0 9 * * *", "0 9 30 2 *", "61 * * * *"] {
            assert!(cron(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn it_keeps_to_the_clock_of_the_bots_zone() {
        let morning = schedule("0 9 * * *", "Europe/Berlin");
        assert_eq!(morning.next(at("2027-03-27T07:00:00Z")), Some(at("2027-03-27T08:00:00Z")));
        assert_eq!(morning.next(at("2027-03-27T08:00:00Z")), Some(at("2027-03-28T07:00:00Z")));
        // The clocks skip 02:30, and show it twice half a year later: each day once.
        let night = schedule("30 2 * * *", "Europe/Berlin");
        assert_eq!(night.next(at("2027-03-27T12:00:00Z")), Some(at("2027-03-28T01:00:00Z")));
        assert_eq!(night.next(at("2027-03-28T01:00:00Z")), Some(at("2027-03-29T00:30:00Z")));
        assert_eq!(night.next(at("2027-10-30T12:00:00Z")), Some(at("2027-10-31T00:30:00Z")));
        assert_eq!(night.next(at("2027-10-31T00:30:00Z")), Some(at("2027-11-01T01:30:00Z")));
        assert_ne!(morning.times(), night.times());
        assert_ne!(morning.times(), schedule("0 9 * * *", "Europe/Paris").times());
    }

    #[test]
    fn of_several_that_are_due_the_last() {
        let often = schedule("*/10 * * * *", "UTC");
        let from = at("2026-11-24T10:00:00Z");
        assert_eq!(often.last_due(from, from + 9 * 60_000), None);
        assert_eq!(often.last_due(from, from + 35 * 60_000), Some((from + 30 * 60_000, 2)));
    }

    proptest! {
        #[test]
        fn times_rise_and_none_is_left_out(after in 0_i64..4_102_444_800_000, steps in 1_usize..50) {
            let daily = schedule("15 7 * * *", "America/Sao_Paulo");
            let mut last = after;
            for _ in 0..steps {
                let next = daily.next(last).unwrap();
                // A day has 23 to 25 hours.
                prop_assert!(next > last && next - last <= 25 * 3_600_000);
                prop_assert_eq!(daily.last_due(last, next), Some((next, 0)));
                last = next;
            }
        }
    }
}
