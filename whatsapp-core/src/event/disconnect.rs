//! Why a connection ended, in a form that a program can match on.
pub use crate::{
    noise::{CertError, FrameError, NoiseError, TransportError},
    stanza::connection::{Failure, StreamError},
};

/// Why a connection ended, or could not be opened. Its [`std::fmt::Display`] is in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The connection could not be opened, or broke. In words, with the cause.
    #[error("{0}")]
    Network(String),
    /// The server closed the connection without saying why.
    #[error("the server closed the connection")]
    ServerClosed,
    /// The server did not answer in time; the text names the missing answer.
    #[error("the server did not answer {0}")]
    ServerSilent(&'static str),
    /// The server's TLS certificate is not trusted. Connecting again waits for minutes, then for up to an hour.
    #[error(transparent)]
    TlsCertificateRejected(#[from] TlsCertError),
    /// The certificate chain of the Noise handshake does not lead to the configured trust root: this is not the server
    /// that it should be. Connecting again waits for minutes, then for up to an hour.
    #[error(transparent)]
    CertificateRejected(CertError),
    /// The Noise handshake failed in another way.
    #[error(transparent)]
    HandshakeFailed(NoiseError),
    /// Received bytes cannot come from the server.
    #[error("the encrypted connection broke: {0}")]
    Corrupted(TransportError),
    /// The server asked for a new connection, as it does after linking (515).
    #[error("the server asks for a new connection (515)")]
    RestartRequested,
    /// No one scanned a QR code while the server's codes lasted; the next connection brings new ones.
    #[error("the pairing codes are used up")]
    PairingExpired,
    /// The phone or the server unlinked this device.
    #[error("this device was unlinked")]
    LoggedOut,
    /// The server does not know this device, which was linked at a server with another trust root. Its keys are kept, and nothing
    /// is tried again by itself.
    #[error(
        "this server does not know the device, which was linked at a server with another trust root: connect to that one, or delete \
         the session to link it here; its keys are kept"
    )]
    OtherServer,
    /// [`Client::log_out`](crate::client::Client::log_out) was called.
    #[error("logged out by the user")]
    LoggedOutByUser,
    /// 406.
    #[error("the account is banned (406)")]
    Banned,
    /// 402.
    #[error("the account is banned for {seconds} seconds (402, code {code})")]
    TemporarilyBanned {
        /// 101 too many people, 102 blocked by users, 103 too many groups, 104 same message, 106 broadcast list.
        code: u32,
        /// How long it lasts from now.
        seconds: u64,
    },
    /// 403.
    #[error("the account is locked (403): see the phone")]
    Locked,
    /// 405.
    #[error("this client version is outdated (405): update it")]
    ClientOutdated,
    /// 409.
    #[error("the server refuses what this client says of itself (409)")]
    ClientRefused,
    /// Another connection uses the same keys.
    #[error("another connection of this device took over: is the account running twice?")]
    Replaced,
    /// 429.
    #[error("too many requests (429): wait")]
    TooManyRequests,
    /// The server has a problem, by its code (500, 501, 503).
    #[error("the server has a problem ({0})")]
    ServerError(u32),
    /// The server refused the login with another code.
    #[error("the server refused the login ({0})")]
    LoginRefused(u32),
    /// The server ended the stream, with a code or 0.
    #[error("the server ended the stream (code {0})")]
    StreamEnded(u32),
    /// A message to send does not fit a stanza or a frame.
    #[error("a stanza cannot be sent: {0}")]
    NotSendable(String),
}

/// Why a server's TLS certificate is not trusted, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsCertError {
    /// No trusted authority issued it.
    #[error(
        "the server's TLS certificate is issued by nobody who is trusted: trust the certificate of its issuer, or check the server address"
    )]
    UnknownIssuer,
    /// It has expired.
    #[error("the server's TLS certificate has expired: renew it, or set this machine's clock right")]
    Expired,
    /// It is not valid yet.
    #[error("the server's TLS certificate is not valid yet: set this machine's clock right")]
    NotYetValid,
    /// It is for other names than the one in the server address.
    #[error(
        "the server's TLS certificate is for another name: use a name in the server address that it has ({0})"
    )]
    NameMismatch(String),
    /// A certificate authority's own certificate, used by a server.
    #[error(
        "the server's TLS certificate is itself a certificate authority: make a certificate for the server that this authority signs, and trust the authority"
    )]
    CaUsedAsEndEntity,
    /// Its issuer took it back.
    #[error("the server's TLS certificate is revoked: replace it")]
    Revoked,
    /// It is for another purpose than TLS servers.
    #[error("the server's TLS certificate is not made for servers: make one with the usage serverAuth")]
    WrongPurpose,
    /// A trusted certificate has the name of its issuer, but another key signed it.
    #[error(
        "the server's TLS certificate is not signed by the key of the trusted certificate with its issuer's name: is that an old one?"
    )]
    BadSignature,
    /// Another cause, in the TLS library's words.
    #[error("the server's TLS certificate cannot be trusted: {0}")]
    Other(String),
}

impl DisconnectReason {
    /// Did the server fail to prove who it is, by its TLS certificate or by the chain of the Noise handshake?
    pub const fn is_certificate(&self) -> bool {
        matches!(self, Self::CertificateRejected(_) | Self::TlsCertificateRejected(_))
    }
}

impl From<NoiseError> for DisconnectReason {
    fn from(error: NoiseError) -> Self {
        match error {
            NoiseError::Certificate(error) => Self::CertificateRejected(error),
            error => Self::HandshakeFailed(error),
        }
    }
}

impl From<TransportError> for DisconnectReason {
    fn from(error: TransportError) -> Self {
        Self::Corrupted(error)
    }
}

impl From<FrameError> for DisconnectReason {
    fn from(error: FrameError) -> Self {
        Self::Corrupted(error.into())
    }
}

impl From<&Failure> for DisconnectReason {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::LoggedOut => Self::LoggedOut,
            Failure::TemporaryBan { code, expire } => {
                Self::TemporarilyBanned { code: *code, seconds: *expire }
            }
            Failure::Locked => Self::Locked,
            Failure::Outdated => Self::ClientOutdated,
            Failure::Banned => Self::Banned,
            Failure::BadUserAgent => Self::ClientRefused,
            Failure::TooManyRequests => Self::TooManyRequests,
            Failure::Service(code) => Self::ServerError(*code),
            Failure::Other(code) => Self::LoginRefused(*code),
        }
    }
}

impl From<&StreamError> for DisconnectReason {
    fn from(error: &StreamError) -> Self {
        match error {
            StreamError::Restart => Self::RestartRequested,
            StreamError::Unlinked => Self::LoggedOut,
            StreamError::Replaced => Self::Replaced,
            StreamError::TooManyRequests => Self::TooManyRequests,
            StreamError::Other(code) => Self::StreamEnded(*code),
        }
    }
}
