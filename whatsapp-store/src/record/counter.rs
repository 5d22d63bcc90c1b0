//! Counters for analytics: how often something happened, by hour and by day.
use serde::{Deserialize, Serialize};

/// The length of a bucket. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum Step {
    /// An hour.
    Hour = 1,
    /// A day, in UTC.
    Day = 2,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 2] = [Self::Hour, Self::Day];

    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The step of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Hour,
            2 => Self::Day,
            _ => return None,
        })
    }

    /// Its length in milliseconds.
    pub const fn millis(self) -> i64 {
        match self {
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// Where the bucket begins that this time is in; both in milliseconds since the Unix epoch.
    pub const fn start_of(self, at: i64) -> i64 {
        at.saturating_sub(at.rem_euclid(self.millis()))
    }
}

/// Writes to counters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CounterChange {
    /// Adds to the hour and to the day of that time. All additions of one commit to one bucket become one write, which comes
    /// last: the busiest rows of a database are then locked for the shortest time. Batch counts that can wait.
    ///
    /// Writing it twice counts twice.
    Add {
        /// What is counted, such as `messages.sent`.
        name: String,
        /// The account, if any.
        account: Option<String>,
        /// When it happened, milliseconds since the Unix epoch.
        at: i64,
        /// How much to add; may be negative.
        by: i64,
    },
    /// Removes all buckets of that length that began before that time.
    Trim {
        /// The length.
        step: Step,
        /// Milliseconds since the Unix epoch.
        before: i64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_begins_at_its_full_hour_or_at_midnight() {
        let at = 1_700_000_000_123;
        assert_eq!(Step::Hour.start_of(at), 1_699_999_200_000);
        assert_eq!(Step::Day.start_of(at), 1_699_920_000_000);
        assert_eq!(Step::Hour.start_of(-1), -3_600_000);
        assert_eq!(Step::Day.start_of(0), 0);
        assert_eq!(Step::Day.start_of(i64::MIN), i64::MIN);
    }

    #[test]
    fn codes_come_back() {
        assert_eq!(Step::ALL.map(|step| Step::from_code(step.code())), Step::ALL.map(Some));
        assert_eq!(Step::from_code(0), None);
    }
}
