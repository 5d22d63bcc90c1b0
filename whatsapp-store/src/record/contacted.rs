//! Notes of contacted people: who wrote to whom and when, for limits that have to survive restarts.
//!
//! A person is a number of 64 bits, made from their address with a key that is kept elsewhere; addresses never come here.
use std::fmt;

/// Writes to the notes of contacted people. `Debug` shows how many people are named, not which.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContactedChange {
    /// Notes that people were written to. The same person, sender and time is one note, however often it is written. A batch of about
    /// 1,000 costs least for each.
    Note {
        /// The sender, such as the name of an account.
        sender: String,
        /// Each person, with the time in milliseconds since the Unix epoch.
        people: Vec<(u64, i64)>,
    },
    /// Removes notes of the workspace from before that time, the oldest first.
    /// [`outdated_contacted`](crate::ContactedStore::outdated_contacted) tells whether more are left.
    Trim {
        /// Milliseconds since the Unix epoch.
        before: i64,
        /// The largest number to remove: other writers must not wait long.
        limit: u32,
    },
}

impl fmt::Debug for ContactedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Note { people, .. } => {
                f.debug_struct("Note").field("people", &people.len()).finish_non_exhaustive()
            }
            Self::Trim { before, limit } => {
                f.debug_struct("Trim").field("before", before).field("limit", limit).finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_person() {
        let note = ContactedChange::Note { sender: "15550001234".into(), people: vec![(77_777, 1); 3] };
        assert_eq!(format!("{note:?}"), "Note { people: 3, .. }");
    }
}
