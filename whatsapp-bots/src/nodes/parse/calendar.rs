//! Dates and times of day.
use jiff::civil::{Date, Time};

use crate::{nodes::DateOrder, numbers::readable};

/// Bytes of the longest date or time, once its digits are those of ASCII.
const LONGEST: usize = 24;

pub(super) fn date(text: &str, order: DateOrder) -> Option<Date> {
    let text = readable(text);
    if text.len() > LONGEST {
        return None;
    }
    let mut parts =
        text.split(['-', '/', '.', ' ', '年', '月', '日', '년', '월', '일']).filter(|part| !part.is_empty());
    let (one, two, three) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = match order {
        _ if one.len() == 4 => (one, two, three),
        DateOrder::DayFirst => (three, two, one),
        DateOrder::MonthFirst => (three, one, two),
    };
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if ![year, month, day].into_iter().all(is_number) {
        return None;
    }
    let year: i16 = match year.len() {
        2 => 2000 + year.parse::<i16>().ok()?,
        4 => year.parse().ok()?,
        _ => return None,
    };
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

/// `9:30`, `09.30`, `21h`, `9h30`, `9 am`, `9:30 p.m.`. A number alone is an hour.
pub(super) fn time(text: &str) -> Option<Time> {
    let text = readable(text);
    if text.len() > LONGEST {
        return None;
    }
    let text =
        text.trim().to_ascii_lowercase().replace(['.', ' '], ":").replace("a:m:", "am").replace("p:m:", "pm");
    let (clock, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(clock), _) => (clock, Some(0)),
        (_, Some(clock)) => (clock, Some(12)),
        _ => (&*text, None),
    };
    let clock = clock.trim_end_matches(':').trim_end_matches('h');
    let (hour, minute) = clock.split_once([':', 'h']).unwrap_or((clock, "00"));
    let is_number = |part: &str, digits| {
        (digits..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(hour, 1) || !is_number(minute, 2) {
        return None;
    }
    let hour: i8 = hour.parse().ok()?;
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    Time::new(hour, minute.parse().ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, order, expected) in [
            ("2026-11-24", DateOrder::DayFirst, "2026-11-24"),
            ("1/2/2026", DateOrder::DayFirst, "2026-02-01"),
            ("1/2/26", DateOrder::MonthFirst, "2026-01-02"),
            ("24. 11. 2026", DateOrder::DayFirst, "2026-11-24"),
            ("٢٤/١١/٢٠٢٦", DateOrder::DayFirst, "2026-11-24"),
            ("२४-११-२०२६", DateOrder::DayFirst, "2026-11-24"),
            ("２０２６年１１月２４日", DateOrder::DayFirst, "2026-11-24"),
        ] {
            assert_eq!(date(text, order).map(|date| date.to_string()), Some(expected.to_owned()), "{text}");
        }
        for text in ["", "31/2/2026", "2026", "24/13/2026", "a/b/c", "1/2/3", "1/2/2026/4", "+1/2/2026"] {
            assert_eq!(date(text, DateOrder::DayFirst), None, "{text}");
        }
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("9:30", "09:30"),
            ("09.30", "09:30"),
            ("21h", "21:00"),
            ("9h05", "09:05"),
            ("9 am", "09:00"),
            ("12am", "00:00"),
            ("12 pm", "12:00"),
            ("9:30 P.M.", "21:30"),
            ("7", "07:00"),
            ("23:59", "23:59"),
        ] {
            let found = time(text).map(|time| time.strftime("%H:%M").to_string());
            assert_eq!(found, Some(expected.to_owned()), "{text}");
        }
        for text in ["", "24:00", "9:60", "9:5", "13 pm", "0 am", "noon", "9:30:15", "-1", ":", "h", "123"] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
