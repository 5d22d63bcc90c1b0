//! Chats as a list shows them. Summaries follow their messages by themselves, in the same commit.
use serde::{Deserialize, Serialize};

use super::MessageRecord;

/// One chat of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChatRecord {
    /// Its address, without device.
    pub chat: String,
    /// A name for it, if one was set.
    pub name: Option<String>,
    /// Messages of others that were not read: kept current by every change of messages.
    pub unread: u64,
    /// Archived by the user.
    pub archived: bool,
    /// Pinned by the user.
    pub pinned: bool,
    /// Muted until then (milliseconds since the Unix epoch); `i64::MAX` for ever.
    pub muted_until: Option<i64>,
    /// The time of the last message, milliseconds since the Unix epoch, or of the one there was last; orders the list.
    pub last_at: i64,
    /// The last message as it is now; `None` once it was removed.
    pub last: Option<MessageRecord>,
}

/// Writes to chats. Those that name a chat without a message make it, with the time 0.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum ChatChange {
    /// Names the chat, or takes the name away.
    SetName {
        /// The chat.
        chat: String,
        /// `None` takes it away.
        name: Option<String>,
    },
    /// Sets the user's settings.
    SetFlags {
        /// The chat.
        chat: String,
        /// See [`ChatRecord::archived`].
        archived: bool,
        /// See [`ChatRecord::pinned`].
        pinned: bool,
        /// See [`ChatRecord::muted_until`].
        muted_until: Option<i64>,
    },
    /// Raises the messages of others in the chat, up to and including that time, to
    /// [`MessageStatus::Read`](crate::MessageStatus::Read).
    MarkRead {
        /// The chat.
        chat: String,
        /// Milliseconds since the Unix epoch.
        until: i64,
    },
    /// Removes a chat with all its messages; an absent one is accepted.
    Delete {
        /// The chat.
        chat: String,
    },
    /// Merges two chats whose addresses turned out to belong to one person. A `from` of which nothing is stored
    /// changes nothing.
    ///
    /// - Messages of `from` become messages of `into`. In both chats a sender `from` becomes `into`; groups keep the sender
    ///   that a message came with. Of two messages with the same key then, the one of `into` stays and takes the other's
    ///   status if [`MessageStatus::rises_to`](crate::MessageStatus::rises_to) lets it.
    /// - The chat keeps the name and the muting of `into`, or takes those of `from` where it has none. It is pinned if one of
    ///   both was, and archived if both were (or the only one there is). Unread count and last message follow the messages.
    /// - Queued outgoing messages of `from` go to `into`; sent ones stay as they went out.
    /// - Of two conversations with bots the live one stays, of two alike the one written later, else the one of `into`. Its
    ///   revision rises if it was the one of `from`. Inputs that were noted for either count for `into`.
    /// - If one address is a number (`4915@s.whatsapp.net`) and the other a LID (`77@lid`): the contact that has one of them
    ///   gets the other, unless it has another number or LID there. Two contacts become the one with the number, which takes
    ///   over what it lacks, all tags, and of consent and opt-out what is newer. Where one address is suppressed, the
    ///   other is too.
    ///
    /// Not changed are: events and webhook deliveries, which report the past; the audience of a campaign, which is a
    /// fixed list (its sender checks contacts and suppressions before each message); and notes of contacted people,
    /// which hold keyed numbers instead of addresses.
    Merge {
        /// The chat that ends.
        from: String,
        /// The chat that stays.
        into: String,
    },
    /// Removes messages of the account, in all chats, that were sent before that time; the oldest `limit` of them. The
    /// chats stay. Repeat it until [`oldest_message`](crate::MessageStore::oldest_message) is young enough: short
    /// transactions let others write in between.
    Expire {
        /// Milliseconds since the Unix epoch.
        before: i64,
        /// The largest number to remove.
        limit: u32,
    },
}

impl std::fmt::Debug for ChatChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SetName { .. } => "SetName",
            Self::SetFlags { .. } => "SetFlags",
            Self::MarkRead { .. } => "MarkRead",
            Self::Delete { .. } => "Delete",
            Self::Merge { .. } => "Merge",
            Self::Expire { .. } => "Expire",
        })
    }
}
