//! Quiet hours by the recipient's clock.
use std::fmt;

use jiff::{
    Timestamp, ToSpan,
    civil::{DateTime, Time},
    tz::TimeZone,
};
use serde::{Deserialize, Serialize};

use super::{Millis, ZoneGroup};

/// No opening is looked for beyond: if there is none in three days, there is none.
const HORIZON: Millis = 3 * 24 * 3_600_000;

/// A time of day, in JSON `"21:00"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct LocalTime {
    /// Since midnight, below 1,440.
    minutes: u16,
}

/// What is wrong with a time of day or with quiet hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// No time of day.
    #[error("a time of day is hours and minutes, such as 08:00, from 00:00 to 23:59")]
    Time,
    /// They begin when they end.
    #[error("quiet hours begin and end at different times; null instead of them means none")]
    Same,
}

impl LocalTime {
    /// Of hours and minutes.
    pub const fn new(hour: u8, minute: u8) -> Result<Self, TimeError> {
        if hour > 23 || minute > 59 {
            return Err(TimeError::Time);
        }
        Ok(Self { minutes: hour as u16 * 60 + minute as u16 })
    }

    fn of_day(self) -> Option<Time> {
        let (hour, minute) = (self.minutes / 60, self.minutes % 60);
        Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
    }
}

impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl fmt::Debug for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<LocalTime> for String {
    fn from(time: LocalTime) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for LocalTime {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        let digits = |text: &str| {
            let is_two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            if is_two { text.parse().map_err(|_| TimeError::Time) } else { Err(TimeError::Time) }
        };
        let (hour, minute) = text.split_once(':').ok_or(TimeError::Time)?;
        Self::new(digits(hour)?, digits(minute)?)
    }
}

/// From when to when nothing is sent, by the recipient's clock; over midnight if `from` is the later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Hours", into = "Hours")]
pub struct QuietHours {
    from: LocalTime,
    to: LocalTime,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    from: LocalTime,
    to: LocalTime,
}

impl TryFrom<Hours> for QuietHours {
    type Error = TimeError;

    fn try_from(hours: Hours) -> Result<Self, TimeError> {
        Self::new(hours.from, hours.to)
    }
}

impl From<QuietHours> for Hours {
    fn from(quiet: QuietHours) -> Self {
        Self { from: quiet.from, to: quiet.to }
    }
}

impl Default for QuietHours {
    /// From 21:00 to 08:00.
    fn default() -> Self {
        Self { from: LocalTime { minutes: 21 * 60 }, to: LocalTime { minutes: 8 * 60 } }
    }
}

/// A time in which a group may be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The first moment.
    pub opens: Millis,
    /// The first moment after it that is quiet again.
    pub closes: Millis,
}

impl QuietHours {
    /// From one time of day to another.
    pub fn new(from: LocalTime, to: LocalTime) -> Result<Self, TimeError> {
        if from == to { Err(TimeError::Same) } else { Ok(Self { from, to }) }
    }

    /// The next moment, not before `now`, at which it is quiet in none of the group's zones. `None` when there is none, because
    /// the zones lie too far apart for these hours.
    pub fn opens(&self, group: ZoneGroup, now: Millis) -> Option<Millis> {
        let mut at = now;
        while at < now.saturating_add(HORIZON) {
            // Each zone in which it is quiet says when that ends; no moment before the last of these will do.
            let ends = group.clocks().filter_map(|clock| Some((clock, self.is_quiet(clock, at)?)));
            let Some(latest) =
                ends.filter(|(_, quiet)| *quiet).map(|(clock, _)| self.change(clock, at)).max()
            else {
                return Timestamp::from_millisecond(at).is_ok().then_some(at);
            };
            at = latest?;
        }
        None
    }

    /// The first moment after `now` at which it is quiet in one of the group's zones.
    pub fn closes(&self, group: ZoneGroup, now: Millis) -> Option<Millis> {
        group
            .clocks()
            .filter_map(|clock| match self.is_quiet(clock, now)? {
                false => self.change(clock, now),
                true => self.change(clock, now).and_then(|end| self.change(clock, end)),
            })
            .min()
    }

    /// The next opening, or the one that `now` is in.
    pub fn opening(&self, group: ZoneGroup, now: Millis) -> Option<Opening> {
        let opens = self.opens(group, now)?;
        Some(Opening { opens, closes: self.closes(group, opens)? })
    }

    /// Is it quiet by this clock? `None` at times that the calendar does not reach.
    fn is_quiet(&self, clock: &TimeZone, at: Millis) -> Option<bool> {
        let time = clock.to_datetime(Timestamp::from_millisecond(at).ok()?).time();
        let minutes = u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
        Some(match self.from < self.to {
            true => (self.from.minutes..self.to.minutes).contains(&minutes),
            false => minutes >= self.from.minutes || minutes < self.to.minutes,
        })
    }

    /// The next moment at which it begins or stops being quiet by this clock.
    ///
    /// That can be one of the two times of day, each of which may come twice in a day on which clocks are set back, or the moment
    /// at which they are set.
    fn change(&self, clock: &TimeZone, at: Millis) -> Option<Millis> {
        let now = Timestamp::from_millisecond(at).ok()?;
        let quiet = self.is_quiet(clock, at)?;
        let today = clock.to_datetime(now).date();
        let mut moments: Vec<Millis> =
            clock.following(now).take(2).map(|set| set.timestamp().as_millisecond()).collect();
        for days in -1..=2 {
            for time in [self.from, self.to] {
                let Ok(day) = today.checked_add(days.days()) else { continue };
                let local = clock.to_ambiguous_timestamp(DateTime::from_parts(day, time.of_day()?));
                moments.extend(local.earlier().map(Timestamp::as_millisecond));
                moments.extend(local.later().map(Timestamp::as_millisecond));
            }
        }
        moments.retain(|moment| *moment > at);
        moments.sort_unstable();
        moments.into_iter().find(|moment| self.is_quiet(clock, *moment) == Some(!quiet))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Millis = 60_000;

    fn at(text: &str) -> Millis {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn zone(name: &str) -> ZoneGroup {
        ZoneGroup::of_zone(name).unwrap()
    }

    fn quiet(from: (u8, u8), to: (u8, u8)) -> QuietHours {
        QuietHours::new(LocalTime::new(from.0, from.1).unwrap(), LocalTime::new(to.0, to.1).unwrap()).unwrap()
    }

    fn opening(quiet: QuietHours, group: ZoneGroup, now: &str) -> (String, String) {
        let opening = quiet.opening(group, at(now)).unwrap();
        let shown = |at| Timestamp::from_millisecond(at).unwrap().to_string();
        (shown(opening.opens), shown(opening.closes))
    }

    fn is(opens: &str, closes: &str) -> (String, String) {
        (opens.into(), closes.into())
    }

    #[test]
    fn by_default_from_eight_to_nine_in_the_evening() {
        let (quiet, berlin) = (QuietHours::default(), zone("Europe/Vienna"));
        let day = is("2027-01-11T07:00:00Z", "2027-01-11T20:00:00Z");
        assert_eq!(opening(quiet, berlin, "2027-01-10T20:00:00Z"), day);
        assert_eq!(opening(quiet, berlin, "2027-01-11T06:59:59.999Z"), day);
        let open = opening(quiet, berlin, "2027-01-11T12:34:56Z");
        assert_eq!(open, is("2027-01-11T12:34:56Z", "2027-01-11T20:00:00Z"));
        assert_eq!(quiet.closes(berlin, at("2027-01-10T21:00:00Z")), Some(at("2027-01-11T20:00:00Z")));
    }

    #[test]
    fn a_country_opens_when_all_of_it_is_awake() {
        // From Kamchatka to Kaliningrad: 08:00 in Kaliningrad is 18:00 in Kamchatka.
        let russia = ZoneGroup::of_phone("79161234567").unwrap();
        let day = opening(QuietHours::default(), russia, "2027-01-11T00:00:00Z");
        assert_eq!(day, is("2027-01-11T06:00:00Z", "2027-01-11T09:00:00Z"));
        // From noon to two, there is no such moment.
        assert_eq!(quiet((14, 0), (12, 0)).opens(russia, at("2027-01-11T00:00:00Z")), None);
    }

    #[test]
    fn clocks_set_forward_over_the_end_of_quiet_hours() {
        // Berlin, 28 March 2027: 02:00 is 03:00. Quiet hours that would end at 02:30 end there.
        let day = opening(quiet((22, 0), (2, 30)), zone("Europe/Berlin"), "2027-03-28T00:00:00Z");
        assert_eq!(day, is("2027-03-28T01:00:00Z", "2027-03-28T20:00:00Z"));
        // Those that would begin at 02:30 begin there.
        let day = opening(quiet((2, 30), (8, 0)), zone("Europe/Berlin"), "2027-03-28T00:00:00Z");
        assert_eq!(day, is("2027-03-28T00:00:00Z", "2027-03-28T01:00:00Z"));
    }

    #[test]
    fn clocks_set_back_over_the_end_of_quiet_hours() {
        // Chicago, 7 November 2027: 02:00 is 01:00 again, so that 01:30 comes twice, and with it the end of quiet hours.
        let (quiet, zone) = (quiet((23, 0), (1, 30)), zone("America/Chicago"));
        let first = is("2027-11-07T06:30:00Z", "2027-11-07T07:00:00Z");
        assert_eq!(opening(quiet, zone, "2027-11-07T05:00:00Z"), first);
        let second = is("2027-11-07T07:30:00Z", "2027-11-08T05:00:00Z");
        assert_eq!(opening(quiet, zone, "2027-11-07T07:00:00Z"), second);
    }

    #[test]
    fn times_of_day_in_json() {
        let json = r#"{"from":"21:00","to":"08:00"}"#;
        assert_eq!(serde_json::from_str::<QuietHours>(json).unwrap(), QuietHours::default());
        assert_eq!(serde_json::to_string(&QuietHours::default()).unwrap(), json);
        for wrong in ["24:00", "8:00", "08:60", "+8:00", "0800", "", "08:00:00"] {
            assert!(LocalTime::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
        let same = serde_json::from_str::<QuietHours>(r#"{"from":"08:00","to":"08:00"}"#).unwrap_err();
        assert!(same.to_string().contains("different times"), "{same}");
    }

    proptest! {
        /// Around each change of clocks of a year, minute by minute.
        #[test]
        fn it_is_what_a_walk_through_the_minutes_finds(
            name in prop::sample::select(vec!["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kolkata", "Asia/Beirut"]),
            from in 0..96_u16,
            to in 0..96_u16,
            after in 0..3_usize,
            start in -2_000..1_000_i64,
        ) {
            prop_assume!(from != to);
            let quiet = QuietHours { from: LocalTime { minutes: from * 15 }, to: LocalTime { minutes: to * 15 } };
            let group = zone(name);
            let base = Timestamp::from_millisecond(at("2027-01-01T00:00:00Z")).unwrap();
            let set = group.clocks().next().unwrap().following(base).nth(after).map_or(base, |set| set.timestamp());
            let now = set.as_millisecond() + start * MINUTE;
            let is_open = |at| group.clocks().all(|clock| quiet.is_quiet(clock, at) == Some(false));
            let walked = (0..3 * 1_440).map(|minute| now + minute * MINUTE).find(|at| is_open(*at));
            prop_assert_eq!(quiet.opens(group, now), walked);
            if let Some(opens) = walked {
                let closes = (1..3 * 1_440).map(|minute| opens + minute * MINUTE).find(|at| !is_open(*at));
                prop_assert_eq!(quiet.closes(group, opens), closes);
            }
        }

        #[test]
        fn no_time_panics(now in any::<i64>()) {
            let _ = QuietHours::default().opening(zone("Europe/Berlin"), now);
        }
    }
}
