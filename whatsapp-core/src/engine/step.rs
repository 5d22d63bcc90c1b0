//! What goes in and out of the engine.
use bytes::Bytes;
use whatsapp_store::{
    Changes, Content, MessageKey, MessageRecord, MessageStatus, NotSendable, OutgoingMessage, PersonAddress,
    PersonRecord, SignalKey,
};

use crate::{event::Event, jid::Jid};

/// What one step of the engine wants done, **in this order**: commit `changes`, then send `transmit`, then do what
/// `link` says, then tell `replies` and `events`. That ratchet state is durable before bytes that depend on it leave,
/// and a message before it is acknowledged, follows from keeping the order; nothing else ensures it.
#[derive(Debug)]
#[must_use = "a step that is not carried out loses messages"]
pub struct Step {
    /// To be written in one transaction.
    pub changes: Changes,
    /// WebSocket messages, in order, for the connection that is open.
    pub transmit: Vec<Bytes>,
    /// What to do with the connection.
    pub link: Option<LinkAction>,
    /// Answers to commands, by request_id.
    pub replies: Vec<(RequestId, Reply)>,
    /// News.
    pub events: Vec<Event>,
}

impl Step {
    pub(super) const fn new(changes: Changes) -> Self {
        Self { changes, transmit: Vec::new(), link: None, replies: Vec::new(), events: Vec::new() }
    }

    /// Nothing to do?
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.transmit.is_empty()
            && self.link.is_none()
            && self.replies.is_empty()
            && self.events.is_empty()
    }
}

/// What to do with the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAction {
    /// Open a WebSocket, then call [`super::Engine::on_connected`].
    Open,
    /// Close it; [`super::Engine::on_disconnected`] need not be called.
    Close,
}

/// Ties a [`Reply`] to its [`Command`]; chosen by the caller.
pub type RequestId = u64;

/// What the user of the engine wants.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// Send content to a person. Answered by [`Reply::Accepted`] in the step that makes it durable, connected or not.
    Send {
        /// Where the answer goes.
        request_id: RequestId,
        /// Under which id, which makes the command idempotent: a message of ours that the chat has under it already is
        /// not sent or stored again, and answered as it is stored. Without one, under a new id.
        id: Option<String>,
        /// Recipient: a person by number or LID.
        to: Jid,
        /// What.
        content: Content,
    },
    /// Ask for a pair code for this phone number (digits). Answered by [`Reply::PairCode`].
    PairCode {
        /// Where the answer goes.
        request_id: RequestId,
        /// Digits of the number in international form.
        phone: String,
    },
    /// Tell a sender that messages were read.
    MarkRead {
        /// Where the answer goes.
        request_id: RequestId,
        /// The messages, all of one chat and sender.
        keys: Vec<MessageKey>,
    },
    /// Unlink this device. Answered by [`Reply::Done`].
    LogOut {
        /// Where the answer goes.
        request_id: RequestId,
    },
    /// Close the connection and stay offline.
    Stop,
}

/// The answer to a [`Command`].
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Durable; it will be sent, now or after the next connection. Or it was accepted before: its status tells how far it
    /// is.
    Accepted(Box<MessageRecord>),
    /// Eight characters to be typed on the phone, written `ABCD-EFGH`.
    PairCode(String),
    /// Done.
    Done,
    /// Not done.
    Failed(CommandError),
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Pair a phone first.
    #[error("this account is not linked yet: link it first")]
    NotLinked,
    /// A linked account cannot be paired again.
    #[error("this account is linked already: log out first")]
    AlreadyLinked,
    /// Connect first.
    #[error("there is no connection to the server now: try again when connected")]
    NotConnected,
    /// Only people can be written to.
    #[error("messages can be sent to people only (number@s.whatsapp.net or id@lid)")]
    NotAPerson,
    /// Not a content that can be sent.
    #[error("this cannot be sent: {0}")]
    ContentUnsupported(#[from] NotSendable),
    /// Ids have a shape by which the server knows a web client.
    #[error("not a message id: 3EB0 and 18 more hexadecimal digits in upper case are needed")]
    BadId,
    /// An id names one message.
    #[error("a message with this id went to another chat: take another id")]
    IdTaken,
    /// Not a number.
    #[error("not a phone number: digits in international form are needed")]
    BadNumber,
    /// The server said no.
    #[error("the server refused the request with error {0}")]
    Refused(u32),
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    TimedOut,
}

/// What the engine wants to read before it can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Signal records.
    Signal(Vec<SignalKey>),
    /// People, each by one address.
    People(Vec<PersonAddress>),
    /// How far a message is, if it is known.
    Message(MessageKey),
    /// A message as it is stored.
    Record(MessageKey),
    /// An outgoing message.
    Outgoing(String),
    /// The oldest queued outgoing messages, at most so many.
    Queued(u32),
}

/// The answer to a [`Query`].
#[derive(Clone, PartialEq)]
pub enum Loaded {
    /// Each key with its record.
    Signal(Vec<(SignalKey, Option<Bytes>)>),
    /// Each address with the record of its person.
    People(Vec<(PersonAddress, Option<PersonRecord>)>),
    /// The message's status.
    Message(MessageKey, Option<MessageStatus>),
    /// The message.
    Record(MessageKey, Option<Box<MessageRecord>>),
    /// The outgoing message.
    Outgoing(String, Option<OutgoingMessage>),
    /// The queue's head.
    Queued(Vec<OutgoingMessage>),
}

/// Shows no record: they hold keys.
impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Signal(_) => "Signal",
            Self::People(_) => "People",
            Self::Message(..) => "Message",
            Self::Record(..) => "Record",
            Self::Outgoing(..) => "Outgoing",
            Self::Queued(_) => "Queued",
        })
    }
}
