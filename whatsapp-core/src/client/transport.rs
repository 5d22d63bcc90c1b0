//! The driver's interface to a connection; a test or a proxy may bring its own.
use async_trait::async_trait;
use bytes::Bytes;

use crate::event::{DisconnectReason, TlsCertError};

/// Opens connections.
#[async_trait]
pub trait Connector: std::fmt::Debug + Send + Sync {
    /// Opens one to `url`.
    ///
    /// # Errors
    /// When it cannot be opened; the driver tries again later.
    async fn connect(&self, url: &str) -> Result<Box<dyn Link>, TransportError>;
}

/// One open connection of binary messages.
#[async_trait]
pub trait Link: Send + Sync {
    /// Sends one message.
    ///
    /// # Errors
    /// When the connection is gone.
    async fn send(&mut self, message: Bytes) -> Result<(), TransportError>;

    /// The next message; `None` when the other side closed. Dropping the future loses nothing.
    ///
    /// # Errors
    /// When the connection is gone.
    async fn receive(&mut self) -> Option<Result<Bytes, TransportError>>;

    /// Closes as far as that is possible.
    async fn close(&mut self);
}

/// A connection that could not be opened, or broke.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {source}")]
pub struct TransportError {
    /// The action that failed, such as "opening the connection".
    pub doing: &'static str,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl TransportError {
    /// An error while `doing`.
    pub fn new(doing: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { doing, source: source.into() }
    }
    /// The TLS certificate problem that this is, if it is one.
    pub fn certificate(&self) -> Option<&TlsCertError> {
        self.source.downcast_ref()
    }
}

/// A source that is a [`TlsCertError`] becomes its own reason: the driver then waits for minutes before it connects again.
impl From<TransportError> for DisconnectReason {
    fn from(error: TransportError) -> Self {
        match error.certificate() {
            Some(certificate) => Self::TlsCertificateRejected(certificate.clone()),
            None => Self::Network(error.to_string()),
        }
    }
}
