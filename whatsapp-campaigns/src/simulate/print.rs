//! A report for people.
use std::fmt;

use jiff::Timestamp;

use super::{
    report::{Cost, Course, Report, SenderReport},
    warnings::Warning,
};
use crate::window::Millis;

/// Days that are shown; the others are in the JSON.
const DAYS: usize = 31;

/// A time in words: the two largest units.
pub(super) struct Span(pub(super) Millis);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0) / 1_000;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds} s"),
            (0, 0, _) => write!(f, "{minutes} min {} s", seconds % 60),
            (0, ..) => write!(f, "{hours} h {minutes} min"),
            _ => write!(f, "{days} d {hours} h"),
        }
    }
}

/// A moment, to the second, in UTC.
struct Moment(Option<Millis>);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.map(|at| Timestamp::from_second(at.div_euclid(1_000))) {
            Some(Ok(at)) => at.fmt(f),
            _ => f.write_str("never"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "From {} on", Moment(Some(self.start)))?;
        match self.eta() {
            Some(eta) => writeln!(f, "All is done after {}, at {}", Span(eta), Moment(self.all.finished_at))?,
            None => writeln!(f, "It does not come to its end")?,
        }
        counts(f, "", &self.all)?;
        if !self.excluded.is_empty() {
            let all: u64 = self.excluded.values().sum();
            writeln!(f, "{all} rows are not written to")?;
            self.excluded.iter().try_for_each(|(reason, rows)| writeln!(f, "  {reason}: {rows}"))?;
        }
        for campaign in &self.campaigns {
            let course = &campaign.course;
            let (first, last) = (Moment(course.first_sent_at), Moment(course.last_sent_at));
            writeln!(
                f,
                "Campaign {}: from {first} to {last}, done {}",
                campaign.name,
                Moment(course.finished_at)
            )?;
            counts(f, "  ", course)?;
        }
        self.senders.iter().try_for_each(|of| sender(f, of))?;
        self.day_table(f)?;
        self.cost.iter().try_for_each(|of| cost(f, of))?;
        self.warnings.iter().try_for_each(|warning| self.warn(f, warning))
    }
}

impl Report {
    fn day_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:12}{:>12}{:>12}{:>12}", "Day", "sent", "delivered", "read")?;
        for day in self.days.iter().take(DAYS) {
            let done = day.done;
            writeln!(f, "{:12}{:>12}{:>12}{:>12}", day.date, done.sent, done.delivered, done.read)?;
        }
        match self.days.len().saturating_sub(DAYS) {
            0 => Ok(()),
            more => writeln!(f, "and {more} more days"),
        }
    }

    fn warn(&self, f: &mut fmt::Formatter<'_>, warning: &Warning) -> fmt::Result {
        use Warning::{
            CanaryStuck, CapBinds, Empty, EndsBefore, Incomplete, ManyFail, NeverOpen, Placeholder,
            SlowAnswers, SlowedDown, Stopped, TooLong, Unpriced,
        };
        let whom = match warning {
            Empty { campaign }
            | NeverOpen { campaign, .. }
            | EndsBefore { campaign, .. }
            | CanaryStuck { campaign, .. }
            | TooLong { campaign, .. }
            | Placeholder { campaign, .. }
            | ManyFail { campaign, .. } => self.campaigns.get(*campaign).map(|of| &of.name),
            Stopped { sender }
            | CapBinds { sender, .. }
            | SlowedDown { sender, .. }
            | SlowAnswers { sender, .. } => self.senders.get(*sender).map(|of| &of.name),
            Unpriced { .. } | Incomplete { .. } => None,
        };
        match whom {
            Some(name) => writeln!(f, "! {name}: {warning}"),
            None => writeln!(f, "! {warning}"),
        }
    }
}

fn counts(f: &mut fmt::Formatter<'_>, indent: &str, course: &Course) -> fmt::Result {
    let counts = &course.counts;
    write!(f, "{indent}{} rows: {} sent", counts.rows, counts.sent)?;
    write!(f, " ({} delivered, {} read), {} failed", counts.delivered, counts.read, counts.failed)?;
    let rare = [
        (counts.retried, "put off"),
        (counts.expired, "expired"),
        (counts.never, "never possible"),
        (counts.left, "left"),
    ];
    for (count, what) in rare.into_iter().filter(|(count, _)| *count > 0) {
        write!(f, ", {count} {what}")?;
    }
    writeln!(f)
}

fn sender(f: &mut fmt::Formatter<'_>, of: &SenderReport) -> fmt::Result {
    writeln!(f, "Sender {}: {} messages", of.name, of.tries)?;
    for (wait, time) in of.waits.longest().into_iter().take(4) {
        writeln!(f, "  {}: {}", Span(time), wait.words())?;
    }
    let fullest = of.days.iter().filter_map(|day| Some((day.people?, day.cap?, &day.date))).max();
    match fullest {
        Some((people, cap, date)) => writeln!(f, "  at most {people} people in 24 hours, of {cap} ({date})"),
        None => Ok(()),
    }
}

fn cost(f: &mut fmt::Formatter<'_>, cost: &Cost) -> fmt::Result {
    writeln!(f, "Cost: {} {}, at most {}", cost.total, cost.currency, cost.at_most)?;
    for line in &cost.lines {
        let prefix = line.prefix.as_deref().map_or(String::new(), |prefix| format!(" to +{prefix}"));
        let (category, each) = (line.category, line.each);
        writeln!(f, "  {} {category:?}{prefix} at {each}: {}", line.messages, line.total)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_in_words() {
        let shown = [999, 61_000, 3_725_000, 90_000_000, -5].map(|time| Span(time).to_string());
        assert_eq!(shown, ["0 s", "1 min 1 s", "1 h 2 min", "1 d 1 h", "0 s"]);
    }
}
