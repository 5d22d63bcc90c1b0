//! When a campaign is sent: once, again and again, or at a time of the recipient's own clock.
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{TimeZone, TimeZoneDatabase},
};
use serde::{Deserialize, Serialize};

use super::{Millis, Opening, QuietHours, ZoneGroup};
use crate::content::{JsonError, read_json};

/// When a campaign is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum Schedule {
    /// At one moment for all.
    Once {
        /// Milliseconds since the Unix epoch.
        at: Millis,
    },
    /// Again and again; each run is a campaign of its own with its own audience.
    Recurring {
        /// Five fields as of cron: minute, hour, day, month, weekday.
        cron: String,
        /// By the clock of this zone, such as `Europe/Berlin`.
        zone: String,
    },
    /// When each recipient's clock shows this.
    Local {
        /// Such as `2026-12-01T10:00`.
        at: String,
    },
}

/// Schedule, quiet hours and end of a campaign. In JSON:
/// `{"schedule": {"type": "local", "at": "2026-12-01T10:00"}, "quietHours": {"from": "21:00", "to": "08:00"}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timing {
    /// When it begins.
    pub schedule: Schedule,
    /// When nothing is sent, by each recipient's clock; from 21:00 to 08:00 unless said otherwise, `null` for never.
    #[serde(default = "usual")]
    pub quiet_hours: Option<QuietHours>,
    /// Nothing is sent from then on, and no run begins; milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Millis>,
}

#[allow(clippy::unnecessary_wraps, reason = "the type of the field")]
fn usual() -> Option<QuietHours> {
    Some(QuietHours::default())
}

/// What is wrong with a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// No pattern of cron.
    #[error(
        "schedule.cron: five fields are needed, minute, hour, day, month and weekday, such as `0 9 * * MON`"
    )]
    Cron,
    /// No day fits the pattern.
    #[error("schedule.cron: no day fits this")]
    NoDay,
    /// No such zone.
    #[error("schedule.zone: no such time zone; they are called like `Europe/Berlin`")]
    Zone,
    /// No such time.
    #[error("schedule.at: a local time is written like `2026-12-01T10:00`")]
    LocalTime,
    /// A time that the calendar does not reach.
    #[error("schedule.at: a time in milliseconds since 1970 is needed")]
    Time,
    /// It ends before it begins.
    #[error("endsAt: it ends before it begins")]
    Ends,
}

impl Timing {
    /// Reads one. The errors say where in the JSON, and never what stands there.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        read_json(text)
    }

    /// Checks it.
    pub fn plan(&self) -> Result<Plan, ScheduleError> {
        let start = match &self.schedule {
            Schedule::Once { at } => {
                Timestamp::from_millisecond(*at).map_err(|_| ScheduleError::Time)?;
                if self.ends_at.is_some_and(|end| end <= *at) {
                    return Err(ScheduleError::Ends);
                }
                Start::At(*at)
            }
            Schedule::Recurring { cron, zone } => Start::Runs(Box::new(runs(cron, zone)?)),
            Schedule::Local { at } => Start::Local(local(at)?),
        };
        Ok(Plan { start, quiet_hours: self.quiet_hours, ends_at: self.ends_at })
    }
}

fn runs(cron: &str, zone: &str) -> Result<(Cron, TimeZone), ScheduleError> {
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(cron).map_err(|_| ScheduleError::Cron)?;
    let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| ScheduleError::Zone)?;
    // The 30th of February passes the parser.
    let start = Timestamp::UNIX_EPOCH.to_zoned(zone.clone());
    cron.find_next_occurrence(&start, true).map_err(|_| ScheduleError::NoDay)?;
    Ok((cron, zone))
}

fn local(at: &str) -> Result<DateTime, ScheduleError> {
    // `2026-12-01T10:00`: a day alone would mean midnight, which nobody means.
    let is_long_enough = at.len() >= 16 && at.as_bytes()[10] == b'T';
    if is_long_enough {
        at.parse().map_err(|_| ScheduleError::LocalTime)
    } else {
        Err(ScheduleError::LocalTime)
    }
}

/// A schedule that was checked.
#[derive(Clone, Debug)]
pub struct Plan {
    start: Start,
    quiet_hours: Option<QuietHours>,
    ends_at: Option<Millis>,
}

#[derive(Clone, Debug)]
enum Start {
    At(Millis),
    Runs(Box<(Cron, TimeZone)>),
    Local(DateTime),
}

/// Whether and when a lane may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// From the first moment up to but without the second; the second is `i64::MAX` when nothing ends it.
    Open(Opening),
    /// The campaign's end comes first.
    Ended,
    /// There is no moment at which it is quiet nowhere in the group: choose shorter quiet hours, or give contacts their zone.
    Never,
}

impl Plan {
    /// The first run after `after`. `None` of a schedule without runs, and when none comes before the end.
    pub fn next_run(&self, after: Millis) -> Option<Millis> {
        let Start::Runs(runs) = &self.start else { return None };
        let (cron, zone) = &**runs;
        let after = Timestamp::from_millisecond(after).ok()?.to_zoned(zone.clone());
        let next = cron.find_next_occurrence(&after, false).ok()?.timestamp().as_millisecond();
        (self.ends_at.is_none_or(|end| next < end)).then_some(next)
    }

    /// Has it runs, each a plan of its own?
    pub const fn is_recurring(&self) -> bool {
        matches!(self.start, Start::Runs(_))
    }

    /// One run of it, as a plan of its own.
    pub fn run(&self, at: Millis) -> Self {
        Self { start: Start::At(at), quiet_hours: self.quiet_hours, ends_at: self.ends_at }
    }

    /// When it begins for a group; `None` of one that has runs: ask [`Plan::run`].
    ///
    /// A local time that a zone skips is later by as much as it skips; one that it has twice is the first of the two. In a group
    /// of several zones it begins when the last of them has come to that time.
    pub fn starts(&self, group: ZoneGroup) -> Option<Millis> {
        match &self.start {
            Start::At(at) => Some(*at),
            Start::Runs(_) => None,
            Start::Local(at) => {
                let moments = group.clocks().filter_map(|clock| clock.to_timestamp(*at).ok());
                moments.map(Timestamp::as_millisecond).max()
            }
        }
    }

    /// When the group may be written to next, not before `now`.
    pub fn next(&self, group: ZoneGroup, now: Millis) -> When {
        let Some(starts) = self.starts(group) else { return When::Never };
        let from = starts.max(now);
        let opening = match self.quiet_hours {
            Some(quiet) => quiet.opening(group, from),
            None => Some(Opening { opens: from, closes: Millis::MAX }),
        };
        let end = self.ends_at.unwrap_or(Millis::MAX);
        match opening {
            _ if from >= end => When::Ended,
            None => When::Never,
            Some(opening) if opening.opens >= end => When::Ended,
            Some(opening) => When::Open(Opening { closes: opening.closes.min(end), ..opening }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Millis {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn plan(json: &str) -> Plan {
        Timing::from_json(json).unwrap().plan().unwrap()
    }

    fn error(json: &str) -> ScheduleError {
        Timing::from_json(json).unwrap().plan().unwrap_err()
    }

    fn runs(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let plan = plan(&format!(r#"{{"schedule":{{"type":"recurring","cron":"{cron}","zone":"{zone}"}}}}"#));
        let runs = std::iter::successors(plan.next_run(at(after)), |run| plan.next_run(*run));
        runs.take(count).map(|run| Timestamp::from_millisecond(run).unwrap().to_string()).collect()
    }

    #[test]
    fn json_has_defaults_and_comes_back() {
        let json = r#"{"schedule":{"type":"local","at":"2026-12-01T10:00"},"quietHours":{"from":"22:00","to":"07:30"},"endsAt":5}"#;
        assert_eq!(serde_json::to_string(&Timing::from_json(json).unwrap()).unwrap(), json);
        let plain = Timing::from_json(r#"{"schedule":{"type":"once","at":1}}"#).unwrap();
        assert_eq!(plain.quiet_hours, Some(QuietHours::default()));
        let none = Timing::from_json(r#"{"schedule":{"type":"once","at":1},"quietHours":null}"#).unwrap();
        assert_eq!(none.quiet_hours, None);
        let wrong = Timing::from_json(
            r#"{"schedule":{"type":"once","at":1},"quietHours":{"from":"secret","to":"08:00"}}"#,
        );
        let wrong = wrong.unwrap_err();
        assert_eq!(wrong.path, "quietHours.from");
        assert!(wrong.why.contains("such as 08:00") && !wrong.to_string().contains("secret"), "{wrong}");
        let same = r#"{"schedule":{"type":"once","at":1},"quietHours":{"from":"08:00","to":"08:00"}}"#;
        assert!(Timing::from_json(same).unwrap_err().why.contains("different times"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (schedule, is) in [
            (r#"{"type":"recurring","cron":"0 9 * *","zone":"Europe/Berlin"}"#, ScheduleError::Cron),
            (r#"{"type":"recurring","cron":"0 0 9 * * *","zone":"Europe/Berlin"}"#, ScheduleError::Cron),
            (r#"{"type":"recurring","cron":"0 9 30 2 *","zone":"Europe/Berlin"}"#, ScheduleError::NoDay),
            (r#"{"type":"recurring","cron":"0 9 * * *","zone":"Berlin"}"#, ScheduleError::Zone),
            (r#"{"type":"local","at":"2026-12-01"}"#, ScheduleError::LocalTime),
            (r#"{"type":"local","at":"2026-12-01T25:00"}"#, ScheduleError::LocalTime),
            (r#"{"type":"once","at":9223372036854775807}"#, ScheduleError::Time),
            (r#"{"type":"once","at":5}, "endsAt": 5"#, ScheduleError::Ends),
        ] {
            assert_eq!(error(&format!(r#"{{"schedule":{schedule}}}"#)), is, "{schedule}");
        }
    }

    #[test]
    fn runs_keep_to_the_clock_of_their_zone() {
        assert_eq!(
            runs("0 9 * * MON", "America/Sao_Paulo", "2026-12-01T00:00:00Z", 2),
            ["2026-12-07T12:00:00Z", "2026-12-14T12:00:00Z"]
        );
        // Berlin: 09:00 is an hour earlier from 28 March 2027 on.
        assert_eq!(
            runs("0 9 * * *", "Europe/Berlin", "2027-03-27T07:00:00Z", 2),
            ["2027-03-27T08:00:00Z", "2027-03-28T07:00:00Z"]
        );
        // 02:30 is skipped: it runs once that day, when the clocks are set; 02:30 twice runs once.
        let skipped = runs("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", 2);
        assert_eq!(skipped, ["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]);
        let twice = runs("30 2 * * *", "Europe/Berlin", "2027-10-30T12:00:00Z", 2);
        assert_eq!(twice, ["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]);
    }

    #[test]
    fn runs_end() {
        let json =
            r#"{"schedule":{"type":"recurring","cron":"0 0 * * *","zone":"Etc/UTC"},"endsAt":86400000}"#;
        let plan = plan(json);
        assert_eq!(plan.next_run(-1), Some(0));
        assert_eq!(plan.next_run(0), None);
        let berlin = ZoneGroup::of_zone("Europe/Berlin").unwrap();
        assert_eq!(plan.next(berlin, 0), When::Never, "a run is asked, not all of them");
        assert_eq!(
            plan.run(0).next(berlin, 0),
            When::Open(Opening { opens: 7 * 3_600_000, closes: 20 * 3_600_000 })
        );
        assert_eq!(plan.run(0).next(berlin, 86_400_000), When::Ended);
    }

    #[test]
    fn a_local_time_is_each_groups_own() {
        let plan = plan(
            r#"{"schedule":{"type":"local","at":"2027-03-28T02:30"},"quietHours":null,"endsAt":1806300000000}"#,
        );
        let starts = |zone| plan.starts(ZoneGroup::of_zone(zone).unwrap());
        assert_eq!(starts("Asia/Tokyo"), Some(at("2027-03-27T17:30:00Z")));
        // Skipped in Berlin: 03:30 there.
        assert_eq!(starts("Europe/Berlin"), Some(at("2027-03-28T01:30:00Z")));
        // All of Indonesia: when the last of it is there.
        assert_eq!(plan.starts(ZoneGroup::of_phone("62").unwrap()), Some(at("2027-03-27T19:30:00Z")));
        let now = at("2027-03-28T12:00:00Z");
        let tokyo = ZoneGroup::of_zone("Asia/Tokyo").unwrap();
        assert_eq!(plan.next(tokyo, now), When::Open(Opening { opens: now, closes: 1_806_300_000_000 }));
    }

    #[test]
    fn the_end_cuts_the_window() {
        let json = r#"{"schedule":{"type":"once","at":0},"endsAt":36000000}"#;
        let berlin = ZoneGroup::of_zone("Europe/Berlin").unwrap();
        let hours = |hours: i64| hours * 3_600_000;
        assert_eq!(plan(json).next(berlin, 0), When::Open(Opening { opens: hours(7), closes: hours(10) }));
        assert_eq!(plan(json).next(berlin, hours(10)), When::Ended);
        let short = plan(r#"{"schedule":{"type":"once","at":0},"endsAt":3600000}"#);
        assert_eq!(short.next(berlin, 0), When::Ended, "it ends before anybody is awake");
        let russia = ZoneGroup::of_phone("7916").unwrap();
        let never = plan(r#"{"schedule":{"type":"once","at":0},"quietHours":{"from":"10:00","to":"09:00"}}"#);
        assert_eq!(never.next(russia, 0), When::Never);
    }
}
