//! Who was written to lately, for limits that must outlast a restart.

/// Writes of this domain. People are numbers that the caller makes, such as a keyed hash of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReachChange {
    /// People who were written to. The same person, sender and time again is once.
    Note {
        /// By whom.
        sender: String,
        /// Whom, and when, milliseconds since the Unix epoch.
        people: Vec<(u64, i64)>,
    },
    /// Forgets what is older, at most so many.
    Trim {
        /// Milliseconds since the Unix epoch.
        before: i64,
        /// In one commit.
        limit: u32,
    },
}
