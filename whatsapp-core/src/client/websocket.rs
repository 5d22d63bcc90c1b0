//! WebSocket over TCP or TLS.
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderName, HeaderValue, Uri};
use rustls::{CertificateError, ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use tokio::net::TcpStream;
use tokio_websockets::{ClientBuilder, Connector as Tls, Limits, MaybeTlsStream, Message, WebSocketStream};

use super::{Connector, Link, TransportError};
use crate::event::TlsCertError;

/// Larger messages than this are no frames of the protocol (3-byte length).
const MAX_MESSAGE: usize = (1 << 24) + 3;
/// The server refuses upgrades without it (protocol notes 2.1).
const ORIGIN: &str = "https://web.whatsapp.com";

/// Opens `ws://` and `wss://` connections. TLS certificates are always checked: against the public roots compiled
/// in, plus those given.
#[derive(Clone, Debug)]
pub struct WebSocket {
    tls: Arc<ClientConfig>,
}

/// A certificate that cannot be trusted as a root.
#[derive(Debug, thiserror::Error)]
#[error("the certificate cannot be used as a root of trust: {0}")]
pub struct WebSocketError(#[from] rustls::Error);

impl WebSocket {
    /// Trusts the public roots.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn new() -> Result<Self, WebSocketError> {
        Self::trusting(std::iter::empty())
    }

    /// Trusts the public roots and these certificates (DER), for a simulator with its own certificate.
    ///
    /// # Errors
    /// When a certificate cannot be a root.
    pub fn trusting(
        roots: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, WebSocketError> {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        for root in roots {
            store.add(root)?;
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self { tls: Arc::new(tls) })
    }
}

#[async_trait]
impl Connector for WebSocket {
    async fn connect(&self, url: &str) -> Result<Box<dyn Link>, TransportError> {
        let uri: Uri =
            url.parse().map_err(|error| TransportError::new("reading the server address", error))?;
        let tls = Tls::Rustls(tokio_rustls::TlsConnector::from(self.tls.clone()));
        let builder = ClientBuilder::from_uri(uri)
            .connector(&tls)
            .limits(Limits::default().max_payload_len(Some(MAX_MESSAGE)))
            .add_header(HeaderName::from_static("origin"), HeaderValue::from_static(ORIGIN))
            .map_err(|error| TransportError::new("preparing the connection", error))?;
        let opened = builder.connect().await;
        let (stream, _) = opened.map_err(not_opened)?;
        Ok(Box::new(Socket(stream)))
    }
}

fn not_opened(error: tokio_websockets::Error) -> TransportError {
    const DOING: &str = "opening the connection";
    match certificate_error(&error) {
        Some(certificate) => TransportError::new(DOING, certificate),
        None => TransportError::new(DOING, error),
    }
}

/// Is the server's certificate the problem? TLS errors come as the cause of an I/O error.
fn certificate_error(error: &tokio_websockets::Error) -> Option<TlsCertError> {
    let tls = match error {
        tokio_websockets::Error::Rustls(error) => error,
        tokio_websockets::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    match tls {
        rustls::Error::InvalidCertificate(error) => Some(explain(error)),
        rustls::Error::NoCertificatesPresented => Some(TlsCertError::Other("there is none".to_owned())),
        _ => None,
    }
}

fn explain(error: &CertificateError) -> TlsCertError {
    use CertificateError as E;
    match error {
        E::UnknownIssuer => TlsCertError::UnknownIssuer,
        E::Expired | E::ExpiredContext { .. } => TlsCertError::Expired,
        E::NotValidYet | E::NotValidYetContext { .. } => TlsCertError::NotYetValid,
        E::NotValidForNameContext { presented, .. } => TlsCertError::NameMismatch(presented.join(", ")),
        E::NotValidForName => TlsCertError::NameMismatch(String::new()),
        E::Revoked => TlsCertError::Revoked,
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => TlsCertError::WrongPurpose,
        E::BadSignature => TlsCertError::BadSignature,
        // The type of this one belongs to a crate that is not ours to depend on; its text is its name.
        E::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => TlsCertError::CaUsedAsEndEntity,
        error => TlsCertError::Other(error.to_string()),
    }
}

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

#[async_trait]
impl Link for Socket {
    async fn send(&mut self, message: Bytes) -> Result<(), TransportError> {
        let sent = self.0.send(Message::binary(message)).await;
        sent.map_err(|error| TransportError::new("sending", error))
    }

    async fn receive(&mut self) -> Option<Result<Bytes, TransportError>> {
        loop {
            match self.0.next().await? {
                Ok(message) if message.is_binary() => return Some(Ok(message.into_payload().into())),
                Ok(message) if message.is_close() => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(TransportError::new("receiving", error))),
            }
        }
    }

    async fn close(&mut self) {
        // The other side may be gone already; nothing is left to do then.
        let _ = self.0.close().await;
    }
}
