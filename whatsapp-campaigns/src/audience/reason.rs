//! Why a row is not written to. The codes are for programs and stay as they are.
use std::collections::BTreeMap;

use crate::person::PhoneError;

/// Why a row is not part of the audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The row cannot be read.
    Unreadable(Unreadable),
    /// The file or the row does not have the column of the address.
    MissingColumn,
    /// The address is no number that can be written to.
    InvalidNumber(PhoneError),
    /// The column that says so does not say that they agreed.
    NoConsent,
    /// A variable has no value, and the mapping leaves such rows out.
    MissingVariable,
    /// A variable has a value that the template cannot take.
    InvalidVariable,
    /// An earlier row has the same address.
    Duplicate,
    /// On the list of those not to be written to.
    Suppressed,
    /// The sheet hides the row, or its filter does.
    HiddenRow,
    /// They have taken their consent back, or never gave it for this.
    Withdrawn,
    /// The campaign leaves them out.
    Excluded,
}

impl Reason {
    /// What programs know it by.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreadable(Unreadable::Encoding) => "unreadable.encoding",
            Self::Unreadable(Unreadable::Quotes) => "unreadable.quotes",
            Self::Unreadable(Unreadable::TooLong) => "unreadable.too_long",
            Self::MissingColumn => "missing_column",
            Self::InvalidNumber(why) => why.code(),
            Self::NoConsent => "no_consent",
            Self::MissingVariable => "missing_variable",
            Self::InvalidVariable => "invalid_variable",
            Self::Duplicate => "duplicate",
            Self::Suppressed => "suppressed",
            Self::HiddenRow => "hidden_row",
            Self::Withdrawn => "withdrawn",
            Self::Excluded => "excluded",
        }
    }
}

/// Why a row cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unreadable {
    /// It has bytes that are no text in the file's encoding.
    Encoding,
    /// A quotation mark is opened and not closed, or something follows a closed one.
    Quotes,
    /// It is longer than any row should be.
    TooLong,
}

/// How many rows were refused, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals(BTreeMap<Reason, u64>);

impl Refusals {
    pub(super) fn add(&mut self, reason: Reason) {
        *self.0.entry(reason).or_default() += 1;
    }

    /// For one reason.
    pub fn of(&self, reason: Reason) -> u64 {
        self.0.get(&reason).copied().unwrap_or_default()
    }

    /// For all that are so.
    pub fn count(&self, is_so: impl Fn(Reason) -> bool) -> u64 {
        self.0.iter().filter(|(reason, _)| is_so(**reason)).map(|(_, count)| count).sum()
    }

    /// All.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Reasons that occurred, each with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> {
        self.0.iter().map(|(reason, count)| (*reason, *count))
    }
}
