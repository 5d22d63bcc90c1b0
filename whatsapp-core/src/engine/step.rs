//! The inputs and outputs of the engine.
use bytes::Bytes;
use whatsapp_store::{
    Changes, Content, MessageKey, MessageRecord, MessageStatus, NotSendable, OutgoingMessage, PersonAddress,
    PersonRecord, SignalKey,
};

use crate::{event::Event, jid::Jid};

/// The output of one step of the engine, to carry out **in this order**: commit `changes`, then send `transmit`, then act
/// on `link`, then deliver `replies` and `events`. This order makes ratchet state durable before bytes that depend on it leave,
/// and a message before it is acknowledged; nothing else ensures it.
#[derive(Debug)]
#[must_use = "a step that is not carried out loses messages"]
pub struct Step {
    /// To write in one transaction.
    pub changes: Changes,
    /// WebSocket messages, in order, for the connection that is open.
    pub transmit: Vec<Bytes>,
    /// The action on the connection.
    pub link: Option<LinkAction>,
    /// Answers to commands, by request_id.
    pub replies: Vec<(RequestId, Reply)>,
    /// Events.
    pub events: Vec<Event>,
}

impl Step {
    pub(super) const fn new(changes: Changes) -> Self {
        Self { changes, transmit: Vec::new(), link: None, replies: Vec::new(), events: Vec::new() }
    }

    /// Is there nothing to do?
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.transmit.is_empty()
            && self.link.is_none()
            && self.replies.is_empty()
            && self.events.is_empty()
    }
}

/// An action on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkAction {
    /// Open a WebSocket, then call [`super::Engine::on_connected`].
    Open,
    /// Close it; [`super::Engine::on_disconnected`] need not be called.
    Close,
}

/// Ties a [`Reply`] to its [`Command`]; chosen by the caller.
pub type RequestId = u64;

/// A command of the engine's user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// Send content to a person. Answered by [`Reply::Accepted`] in the step that makes it durable, connected or not.
    Send {
        /// The id of the reply.
        request_id: RequestId,
        /// The message's id, which makes the command idempotent: if the chat has our message under it already, the message is
        /// not sent or stored again, and the reply holds the stored message. Without an id, a new one is generated.
        id: Option<String>,
        /// Recipient: a person by number or LID.
        to: Jid,
        /// The content.
        content: Content,
    },
    /// Ask for a pair code for this phone number (digits). Answered by [`Reply::PairCode`].
    PairCode {
        /// The id of the reply.
        request_id: RequestId,
        /// Digits of the number in international form.
        phone: String,
    },
    /// Tell a sender that messages were read.
    MarkRead {
        /// The id of the reply.
        request_id: RequestId,
        /// The messages, all of one chat and sender.
        keys: Vec<MessageKey>,
    },
    /// Unlink this device. Answered by [`Reply::Done`].
    LogOut {
        /// The id of the reply.
        request_id: RequestId,
    },
    /// Close the connection and stay offline.
    Stop,
}

/// The answer to a [`Command`].
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Durable; it will be sent, now or after the next connection. Or it was accepted before: its status tells its
    /// progress.
    Accepted(Box<MessageRecord>),
    /// Eight characters to be typed on the phone, written `ABCD-EFGH`.
    PairCode(String),
    /// Done.
    Done,
    /// Refused or failed.
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
    /// Only messages to people can be sent.
    #[error("messages can be sent to people only (number@s.whatsapp.net or id@lid)")]
    NotAPerson,
    /// This content cannot be sent.
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

/// A question to the store; the engine needs its answer to continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Signal records.
    Signal(Vec<SignalKey>),
    /// People, each by one address.
    People(Vec<PersonAddress>),
    /// The status of a message, if it is known.
    Message(MessageKey),
    /// A message as it is stored.
    Record(MessageKey),
    /// An outgoing message.
    Outgoing(String),
    /// The oldest queued outgoing messages, with the largest number of them.
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
