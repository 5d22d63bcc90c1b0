//! Notices that came over the wire and that this version has no use for yet, kept as they came.
use std::fmt;

use bytes::Bytes;

/// How many notices of one kind an account keeps: the newest.
pub const MAX_NOTICES: u32 = 10_000;

/// One notice, kept for a later version.
#[derive(Clone, PartialEq, Eq)]
pub struct NoticeRecord {
    /// What it is, such as `history_sync_notification`.
    pub kind: String,
    /// Its id within the kind.
    pub id: String,
    /// When it came, milliseconds since the Unix epoch; orders the notices of a kind.
    pub received_at: i64,
    /// The payload as it came. May hold keys; sealed at rest.
    pub payload: Bytes,
}

impl fmt::Debug for NoticeRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoticeRecord")
            .field("kind", &self.kind)
            .field("received_at", &self.received_at)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// A write to the notices of an account.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoticeChange {
    /// Keeps a notice for a later version; one of the same kind and id is replaced. Of each kind an account keeps the newest
    /// [`MAX_NOTICES`].
    Put(NoticeRecord),
    /// Removes a notice; an absent one is accepted.
    Delete {
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
    },
}

impl fmt::Debug for NoticeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(notice) => f.debug_tuple("PutNotice").field(notice).finish(),
            Self::Delete { kind, .. } => f.debug_tuple("DeleteNotice").field(kind).finish(),
        }
    }
}
