//! Chatbot flows, their versions, and conversations.
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
use crate::{Error, ErrorKind, Result, Scope};

use super::AccountId;

/// The longest state of a conversation, in bytes.
pub const MAX_CONVERSATION_STATE: usize = 1 << 20;

/// One flow of a workspace. `Debug` shows no text of a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowRecord {
    /// Its id, chosen by the caller. Never use that of a deleted flow again: versions are kept in memory by it.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// The draft, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// The latest version that was published, which new conversations follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<i64>,
    /// May it start new conversations?
    pub enabled: bool,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When the flow itself was last written, milliseconds since the Unix epoch. It rises with every write, by one at least, and so
    /// names what was read: see [`FlowChange::Expect`].
    pub updated_at: i64,
}

/// A [`FlowRecord`] without its draft, which may be large.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowHead {
    /// Its id.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// See [`FlowRecord::published`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<i64>,
    /// See [`FlowRecord::enabled`].
    pub enabled: bool,
    /// When it was made, milliseconds since the Unix epoch. Of two flows that had the same id one after the other, it tells which.
    pub created_at: i64,
    /// See [`FlowRecord::updated_at`].
    pub updated_at: i64,
}

/// A published version of a flow. Never changes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowVersion {
    /// The flow's id.
    pub flow: String,
    /// 1 for the first, then one more each time.
    pub version: i64,
    /// The flow, as JSON.
    pub definition: String,
    /// Milliseconds since the Unix epoch.
    pub published_at: i64,
    /// The id of the user or key that published it.
    pub published_by: String,
}

/// A [`FlowVersion`] as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowVersionHead {
    /// 1 for the first, then one more each time.
    pub version: i64,
    /// Milliseconds since the Unix epoch.
    pub published_at: i64,
    /// The id of the user or key that published it.
    pub published_by: String,
}

/// How a conversation is. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
#[non_exhaustive]
pub enum ConversationStatus {
    /// Between two steps of the flow.
    Active = 1,
    /// The flow waits for an answer, a time, or a result.
    Waiting = 2,
    /// A person has taken over, and the flow is silent.
    HandedOff = 3,
    /// It has ended. All others are live.
    Ended = 4,
}

impl ConversationStatus {
    /// Can it continue?
    pub fn is_live(self) -> bool {
        self != Self::Ended
    }

    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The status of a stored number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Active,
            2 => Self::Waiting,
            3 => Self::HandedOff,
            4 => Self::Ended,
            _ => return None,
        })
    }
}

/// The place of a chat in a flow. A chat has one record: the live conversation, or the last that ended.
#[derive(Clone, PartialEq, Eq)]
pub struct ConversationRecord {
    /// The account of the chat.
    pub account: AccountId,
    /// The chat's address, without device.
    pub chat: String,
    /// The flow's id.
    pub flow: String,
    /// The version of the flow that it follows to its end.
    pub version: i64,
    /// The engine's own state, at most [`MAX_CONVERSATION_STATE`] bytes.
    pub state: Bytes,
    /// How it is.
    pub status: ConversationStatus,
    /// When it continues without an answer, milliseconds since the Unix epoch. An ended one never does.
    pub wake_at: Option<i64>,
    /// Rises with every write, also from one conversation of the chat to its next.
    pub revision: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// How often the conversations of one version came by a node, all in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeCount {
    /// The node's id.
    pub node: String,
    /// Times that one came in.
    pub entered: u64,
    /// How often a conversation continued from it.
    pub left: u64,
    /// Times that one ended there: no answer in time, or a hand-off.
    pub dropped: u64,
    /// Time that conversations spent there before they continued or ended, milliseconds.
    pub millis: u64,
}

/// Writes of this domain. `Debug` shows no text of a person.
///
/// The commit of a conversation's turn holds the input that caused it ([`FlowChange::SeenInput`]), the new conversation
/// ([`FlowChange::PutConversation`]), and the messages to send. If it fails with
/// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict), another node was faster: when
/// [`input_seen`](crate::ConversationStore::input_seen), the turn is done; else read the conversation and take the turn again.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlowChange {
    /// The flow is still as it was read; otherwise the commit fails with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict). Let it come
    /// before the other changes of that flow.
    Expect {
        /// The flow's id.
        flow: String,
        /// Its `updated_at`, or `None` if there was no such flow.
        updated_at: Option<i64>,
    },
    /// Writes the name and the draft of a flow, and makes the flow, disabled, if it is not there.
    PutDraft {
        /// The flow's id.
        flow: String,
        /// A name for people.
        name: String,
        /// JSON; `None` takes the draft away.
        draft: Option<String>,
        /// Milliseconds since the Unix epoch.
        at: i64,
    },
    /// Adds a version to a flow, numbered one above its last. The draft stays as it is, so that publishing never discards
    /// another person's work. A flow that is not there makes the commit fail with
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid). Written twice, it publishes twice.
    Publish {
        /// The flow's id.
        flow: String,
        /// JSON.
        definition: String,
        /// Milliseconds since the Unix epoch.
        at: i64,
        /// The id of the user or key.
        by: String,
    },
    /// Lets a flow start conversations, or not; an absent flow is accepted. Live conversations continue.
    SetEnabled {
        /// The flow's id.
        flow: String,
        /// See [`FlowRecord::enabled`].
        enabled: bool,
        /// Milliseconds since the Unix epoch.
        at: i64,
    },
    /// Removes a flow with its versions and counts, and ends its conversations as
    /// [`FlowChange::EndConversation`] does; an absent flow is accepted.
    Delete {
        /// The flow's id.
        flow: String,
        /// Milliseconds since the Unix epoch.
        at: i64,
    },
    /// Writes the conversation of a chat, if the stored one is still the one that was read; otherwise the commit fails
    /// with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict). So two nodes never continue from the same revision.
    PutConversation {
        /// With a revision above the expected one.
        record: ConversationRecord,
        /// The revision that [`conversation`](crate::ConversationStore::conversation) gave, live or ended; `None` if it gave no
        /// record.
        expected: Option<i64>,
    },
    /// Ends a live conversation at any revision, and raises the revision by one. The state stays; an absent or ended one is accepted.
    EndConversation {
        /// The account.
        account: AccountId,
        /// The chat.
        chat: String,
        /// Milliseconds since the Unix epoch.
        at: i64,
    },
    /// Removes the conversation of a chat and its inputs; an absent one is accepted.
    ForgetConversation {
        /// The account.
        account: AccountId,
        /// The chat.
        chat: String,
    },
    /// Notes an input of a conversation. One that was noted already makes the commit fail with
    /// [`ErrorKind::Conflict`](crate::ErrorKind::Conflict), so that no input is answered twice.
    SeenInput {
        /// The account.
        account: AccountId,
        /// The chat.
        chat: String,
        /// What names the input within the chat: the message's id, in a group with its sender; or the name of a timer or
        /// of a result.
        message_id: String,
        /// Milliseconds since the Unix epoch.
        at: i64,
    },
    /// Removes inputs noted before that time, the oldest `limit` of the workspace. See
    /// [`oldest_input`](crate::ConversationStore::oldest_input).
    ForgetInputs {
        /// Milliseconds since the Unix epoch.
        before: i64,
        /// The largest number to remove.
        limit: u32,
    },
    /// Removes ended conversations that were last written before that time, the oldest `limit` of the workspace. See
    /// [`oldest_ended`](crate::ConversationStore::oldest_ended). Inputs of a chat must not outlast its conversation, since the
    /// next conversation uses the same names again: forget inputs first.
    ForgetEnded {
        /// Milliseconds since the Unix epoch.
        before: i64,
        /// The largest number to remove.
        limit: u32,
    },
    /// Adds to the counts of a node. On a server, concurrent commits that count the same nodes wait for each other: put these
    /// last, in the order of the nodes.
    CountNode {
        /// The flow's id.
        flow: String,
        /// The version.
        version: i64,
        /// What to add.
        count: NodeCount,
    },
}

impl FlowChange {
    /// The account it names.
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    const fn account(&self) -> Option<&AccountId> {
        match self {
            Self::PutConversation { record: ConversationRecord { account, .. }, .. }
            | Self::EndConversation { account, .. }
            | Self::ForgetConversation { account, .. }
            | Self::SeenInput { account, .. } => Some(account),
            _ => None,
        }
    }

    /// Errors of the change itself, whatever is stored.
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    pub(crate) fn check(&self, scope: &Scope) -> Result<()> {
        /// Small enough that sums never overflow.
        const MOST: u64 = 1 << 48;
        let why = match self {
            change if change.account().is_some_and(|account| account.workspace() != scope.workspace()) => {
                "the conversation is one of another workspace"
            }
            Self::PutConversation { record, .. } if record.state.len() > MAX_CONVERSATION_STATE => {
                "the state of a conversation is too long"
            }
            Self::PutConversation { record, expected } if record.revision <= expected.unwrap_or(0) => {
                "the revision of a conversation has to rise"
            }
            Self::CountNode { count: NodeCount { entered, left, dropped, millis, .. }, .. }
                if [entered, left, dropped, millis].into_iter().any(|count| *count > MOST) =>
            {
                "a count is too large"
            }
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Invalid, "writing a flow").because(why))
    }
}

impl fmt::Debug for FlowRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowRecord")
            .field("id", &self.id)
            .field("published", &self.published)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FlowVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowVersion")
            .field("flow", &self.flow)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ConversationRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConversationRecord")
            .field("flow", &self.flow)
            .field("version", &self.version)
            .field("status", &self.status)
            .field("wake_at", &self.wake_at)
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FlowChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expect { flow, updated_at } => {
                f.debug_tuple("Expect").field(flow).field(updated_at).finish()
            }
            Self::PutDraft { flow, .. } => f.debug_tuple("PutDraft").field(flow).finish(),
            Self::Publish { flow, .. } => f.debug_tuple("Publish").field(flow).finish(),
            Self::SetEnabled { flow, enabled, .. } => {
                f.debug_tuple("SetEnabled").field(flow).field(enabled).finish()
            }
            Self::Delete { flow, .. } => f.debug_tuple("Delete").field(flow).finish(),
            Self::PutConversation { record, expected } => {
                f.debug_tuple("PutConversation").field(record).field(expected).finish()
            }
            Self::EndConversation { .. } => f.write_str("EndConversation"),
            Self::ForgetConversation { .. } => f.write_str("ForgetConversation"),
            Self::SeenInput { .. } => f.write_str("SeenInput"),
            Self::ForgetInputs { .. } => f.write_str("ForgetInputs"),
            Self::ForgetEnded { .. } => f.write_str("ForgetEnded"),
            Self::CountNode { flow, count, .. } => {
                f.debug_tuple("CountNode").field(flow).field(&count.node).finish()
            }
        }
    }
}
