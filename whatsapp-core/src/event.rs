//! The events that a client sends to its user. Each event says when it comes and what follows.
mod disconnect;

pub use disconnect::{
    CertError, DisconnectReason, Failure, FrameError, NoiseError, StreamError, TlsCertError, TransportError,
};
use whatsapp_store::{MessageEdit, MessageKey, MessageRecord, MessageStatus};

use crate::{jid::Jid, time::Timestamp};

/// One event. An event is sent only when the change that it reports is durable.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A QR text to be shown until `expires_at`; the next one or the end of the attempt follows by then.
    Qr {
        /// The content of the QR code. Holds the pairing secret: show it, do not log it.
        text: QrText,
        /// When it stops working.
        expires_at: Timestamp,
    },
    /// A phone accepted the link. The connection restarts by itself, and [`Event::Connected`] follows.
    Paired {
        /// Own address by number, with device.
        jid: Jid,
        /// Own linked id, with device.
        lid: Option<Jid>,
    },
    /// A pairing attempt failed; new codes follow where that makes sense.
    PairingFailed {
        /// For people.
        reason: String,
    },
    /// Logged in; queued messages are on their way.
    Connected {
        /// Own address by number.
        jid: Jid,
        /// Own linked id.
        lid: Option<Jid>,
    },
    /// All messages from the time offline have been received.
    OfflineDone {
        /// How many the server announced.
        count: u32,
    },
    /// The connection is gone. The next attempt is at `retry_at`; without it there is none.
    Disconnected {
        /// Why; in words by its `Display`.
        reason: DisconnectReason,
        /// Next attempt.
        retry_at: Option<Timestamp>,
    },
    /// The account is no longer linked: by the phone, by the server, or by ourselves. When the server said so, its keys are kept for
    /// [`LOGGED_OUT_KEPT`](crate::engine::LOGGED_OUT_KEPT), and [`restored`](crate::engine::restored) brings them back unless
    /// another device was linked.
    LoggedOut {
        /// For people.
        reason: String,
    },
    /// A new message, ours from another own device included.
    Message(Box<MessageRecord>),
    /// The sender of a message edited it, or deleted it for everyone ([`MessageEdit::is_deletion`]). It may be told before the message
    /// is, and of a message from before this device was linked. [`MessageEdit::at`] orders the edits of a message.
    Edited {
        /// What was made of it.
        edit: Box<MessageEdit>,
        /// Is the message ours? Then another device of our own did it.
        from_me: bool,
    },
    /// The status of a message rose.
    Status {
        /// The message.
        key: MessageKey,
        /// The new status.
        status: MessageStatus,
    },
    /// The server refused a message for good.
    Refused {
        /// The message.
        key: MessageKey,
        /// Why.
        reason: Refusal,
    },
    /// A message could not be decrypted, or is only on the phone. The sender has been asked to send it again unless
    /// `gave_up`.
    Undecryptable {
        /// The message.
        key: MessageKey,
        /// Asked too often already, or there is no use in asking.
        gave_up: bool,
    },
    /// A person's identity key changed (a new phone, or an attempt to eavesdrop).
    IdentityChanged {
        /// The person.
        jid: Jid,
    },
    /// The account's own name became known, or changed. It is used unless [`crate::Config::push_name`] has one.
    PushName {
        /// As the phone writes it.
        name: PushName,
    },
    /// A number and a linked id turned out to be one person. The chat by LID has been merged into the one by number.
    AddressesJoined {
        /// By number.
        pn: Jid,
        /// By linked id.
        lid: Jid,
        /// The number that the person had before, after a change of number.
        former: Option<Jid>,
    },
    /// The server contradicted a proven fact about a person. It was not believed, or only in part.
    Distrusted {
        /// The person.
        jid: Jid,
        /// The contradiction.
        why: Distrust,
    },
}

/// A statement of the server that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// A device list that the account signed before the one that is known. The known one stays.
    #[error("an outdated device list was sent; the newer one is kept")]
    OldDeviceList,
    /// A device list without a valid signature, after one that the account signed. The known one stays.
    #[error("a device list came without the account's signature; the signed one is kept")]
    UnsignedDeviceList,
    /// A companion whose identity the account did not sign. It gets no messages, and its messages are not read.
    #[error("companion device {device} is not signed by its account and is left out")]
    CompanionNotSigned {
        /// Its number.
        device: u16,
    },
    /// A companion with an identity that its account signed once and has removed since. It gets no messages, and its messages are
    /// not read.
    #[error("companion device {device} was removed by its account and is left out")]
    CompanionRemoved {
        /// Its number.
        device: u16,
    },
    /// A companion that shows no signed identity. It gets messages only where the account's signed device list names it and no
    /// other key of it is known.
    #[error(
        "companion device {device} shows no signed identity (accepted by the signed device list: {accepted})"
    )]
    NoDeviceIdentity {
        /// Its number.
        device: u16,
        /// Does it get messages anyway?
        accepted: bool,
    },
    /// A copy of our message came under another chat than the one that our device wrote it to. It is filed under that one.
    #[error(
        "a message of ours came under another chat than it was written to, and is filed under the latter"
    )]
    OtherChat,
    /// A stanza contradicted the known addresses of a person. The directory is queried.
    #[error("a stanza named another address for a known person; the server is asked")]
    Addresses,
}

/// A name that a person gave themselves; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PushName(pub String);

impl std::fmt::Debug for PushName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PushName(..)")
    }
}

/// A QR text; `Debug` does not show it, since it holds the pairing secret.
#[derive(Clone, PartialEq, Eq)]
pub struct QrText(pub String);

impl std::fmt::Debug for QrText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("QrText(..)")
    }
}

/// Why the server or we ourselves refused to send a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The recipient has no device that we could reach.
    #[error("the recipient is not on WhatsApp or has no reachable device")]
    NoDevices,
    /// Error 463: the account may not start chats now. More attempts make it worse.
    #[error("the account is restricted from starting chats (463)")]
    Restricted,
    /// Error 475: the cap on new chats is reached.
    #[error("the account reached its cap on new chats (475)")]
    Capped,
    /// It was sent many times and never acknowledged.
    #[error("the server never acknowledged the message")]
    Unacknowledged,
    /// The stored message is damaged.
    #[error("the stored message is damaged")]
    Malformed,
    /// Another error code.
    #[error("the server refused the message with error {0}")]
    Code(u16),
}

impl Refusal {
    /// From the `error` attribute of an acknowledgement (protocol notes 2.7).
    pub const fn from_code(code: u16) -> Self {
        match code {
            463 => Self::Restricted,
            475 => Self::Capped,
            code => Self::Code(code),
        }
    }
}
