//! Messages as a chat shows them.
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Content;

/// Names one message of an account: the same id from another sender is another message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageKey {
    /// The chat's address, without device.
    pub chat: String,
    /// The sender's address, without device.
    pub sender: String,
    /// The id on the wire.
    pub id: String,
}

/// The status of a message; it only rises. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum MessageStatus {
    /// Ours: accepted, not yet at the server.
    Queued = 1,
    /// Ours: the server has it.
    Sent = 2,
    /// Ours: it reached a device of the recipient. Theirs: it reached us.
    Delivered = 3,
    /// It was read.
    Read = 4,
    /// Ours: the server refused it for good.
    Failed = 9,
}

impl MessageStatus {
    /// Does a message of another sender with this status count as unread?
    pub fn is_unread(self) -> bool {
        self < Self::Read
    }

    /// May `next` replace this status? It only rises. [`Self::Failed`] replaces [`Self::Queued`] alone, and any status replaces
    /// it: a refused message may be queued again, and a message that arrived did not fail.
    pub fn rises_to(self, next: Self) -> bool {
        match (self, next) {
            (now, Self::Failed) => now == Self::Queued,
            (Self::Failed, _) => true,
            (now, next) => now < next,
        }
    }

    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The status of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Queued,
            2 => Self::Sent,
            3 => Self::Delivered,
            4 => Self::Read,
            9 => Self::Failed,
            _ => return None,
        })
    }
}

/// How a message came. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum Source {
    /// As it was sent.
    Live = 1,
    /// From the server's queue after a time offline.
    Offline = 2,
    /// From the history that the phone sends to a new device.
    History = 3,
}

impl Source {
    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The source of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Live,
            2 => Self::Offline,
            3 => Self::History,
            _ => return None,
        })
    }
}

/// The location of a message's file, and the keys to read it. `Debug` does not show the secret.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaRef {
    /// Its media type, such as `image/jpeg`.
    pub mime: String,
    /// Its length in bytes, decrypted.
    pub size: u64,
    /// The name that the sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The location: a path on the server or in the host's own storage.
    pub place: String,
    /// The protocol client's own: keys and hashes. Sealed at rest, and never part of JSON.
    #[serde(skip)]
    pub secret: Bytes,
}

impl fmt::Debug for MediaRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaRef").field("mime", &self.mime).field("size", &self.size).finish_non_exhaustive()
    }
}

/// One message.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageRecord {
    /// Its name.
    #[serde(flatten)]
    pub key: MessageKey,
    /// Ours (from this device or another of our own)?
    pub from_me: bool,
    /// When it was sent, milliseconds since the Unix epoch.
    pub timestamp: i64,
    /// Its content, as its sender last edited it.
    pub content: Content,
    /// When its sender last edited it, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<i64>,
    /// Its status.
    pub status: MessageStatus,
    /// How it came.
    pub source: Source,
    /// The sender's own name for themselves, if they sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_name: Option<String>,
    /// The id of the message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quoted: Option<String>,
    /// Its file, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaRef>,
}

impl MessageRecord {
    /// Changes the message as its sender edited or deleted it. Says whether anything changed: a deleted message stays deleted, and an
    /// edit does not replace a later one. A deleted message is not unread.
    pub fn edit(&mut self, edit: &MessageEdit) -> bool {
        if matches!(self.content, Content::Deleted { .. }) {
            return false;
        }
        if edit.is_deletion() {
            (self.media, self.quoted, self.edited_at) = (None, None, None);
            if !self.from_me && self.status.is_unread() {
                self.status = MessageStatus::Read;
            }
            self.content = edit.content.clone();
            return true;
        }
        if self.edited_at.is_some_and(|last| edit.at < last) {
            return false;
        }
        (self.content, self.edited_at) = (self.content.edited(&edit.content), Some(edit.at));
        true
    }
}

/// What a sender made of an earlier message of theirs.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageEdit {
    /// The message. The sender in it is who edited it: nobody else can.
    #[serde(flatten)]
    pub key: MessageKey,
    /// Its new content; [`Content::Deleted`] when it was deleted for everyone.
    pub content: Content,
    /// When, milliseconds since the Unix epoch.
    pub at: i64,
}

impl MessageEdit {
    /// Is the message deleted?
    pub const fn is_deletion(&self) -> bool {
        matches!(self.content, Content::Deleted { .. })
    }

    /// Does it count, beside an earlier one of the same message?
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    pub(crate) fn replaces(&self, earlier: &Self) -> bool {
        !earlier.is_deletion() && (self.is_deletion() || self.at >= earlier.at)
    }

    /// For how long an edit waits for its message, in milliseconds: as long as the server keeps messages for a device.
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    pub(crate) const KEPT: i64 = 30 * 24 * 3_600_000;
}

impl fmt::Debug for MessageEdit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageEdit")
            .field("id", &self.key.id)
            .field("content", &self.content)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MessageRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageRecord")
            .field("id", &self.key.id)
            .field("from_me", &self.from_me)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}
