//! Errors, and their codes for retry receipts.
use crate::crypto::KeyError;

/// A failed operation; its record is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignalError {
    /// There is no session, or no sender key, for this message.
    #[error("there is no session for this message")]
    NoSession,
    /// The counter was used already: the message was decrypted before.
    #[error("the message was received before")]
    Duplicate,
    /// The message is not from this session, or was changed on the way.
    #[error("the message's MAC does not match")]
    BadMac,
    /// A prekey bundle or group message that its signer did not sign.
    #[error("the signature does not verify")]
    BadSignature,
    /// Bytes that are no such message or record.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// A protocol version that is not spoken here.
    #[error("protocol version {0:#04x} is not supported")]
    Version(u8),
    /// The one-time prekey was used before, or never existed.
    #[error("one-time prekey {0} is not known")]
    UnknownPreKey(u32),
    /// The signed prekey was rotated away, or never existed.
    #[error("signed prekey {0} is not known")]
    UnknownSignedPreKey(u32),
    /// More than 2,000 messages ahead.
    #[error("the message is too far ahead")]
    TooFarAhead,
    /// Another device's sender key cannot encrypt.
    #[error("this sender key is another's")]
    NotOurs,
    /// A key in the message cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl SignalError {
    /// The `error` of a retry receipt (protocol notes 2.7): 1 no session, 2 invalid key, 3 bad prekey id,
    /// 4 invalid message, 7 bad MAC.
    pub const fn retry_reason(&self) -> u8 {
        match self {
            Self::NoSession | Self::NotOurs => 1,
            Self::Key(_) | Self::BadSignature => 2,
            Self::UnknownPreKey(_) | Self::UnknownSignedPreKey(_) => 3,
            Self::BadMac => 7,
            Self::Duplicate | Self::Malformed(_) | Self::Version(_) | Self::TooFarAhead => 4,
        }
    }
}
