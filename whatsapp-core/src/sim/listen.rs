//! The network behind a plain WebSocket, for clients in other processes. TLS is its caller's: see [`serve`].
use std::{io, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, ToSocketAddrs},
    task::JoinSet,
};
use tokio_websockets::{CloseCode, Limits, Message, ServerBuilder};

use super::runtime::Simulator;

/// The path of the server.
pub const PATH: &str = "/ws/chat";
/// Larger messages than this are no frames of the protocol (3-byte length).
const MAX_MESSAGE: usize = (1 << 24) + 3;

/// A bound `ws://` port in front of a [`Simulator`].
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    simulator: Simulator,
}

impl Listener {
    /// Binds a port; port 0 takes a free one.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub async fn bind(address: impl ToSocketAddrs, simulator: Simulator) -> io::Result<Self> {
        Ok(Self { tcp: TcpListener::bind(address).await?, simulator })
    }

    /// Its address.
    ///
    /// # Errors
    /// When the operating system does not tell it.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// The URL for clients.
    ///
    /// # Errors
    /// When the operating system does not tell the port.
    pub fn url(&self) -> io::Result<String> {
        Ok(format!("ws://{}{PATH}", self.local_addr()?))
    }

    /// Accepts and serves connections until it is dropped; they end with it.
    ///
    /// # Errors
    /// When the port can no longer be listened on.
    pub async fn run(self) -> io::Result<()> {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.tcp.accept() => {
                    let (stream, _) = accepted?;
                    // Small messages go back and forth: waiting to fill packets would only slow them down.
                    stream.set_nodelay(true)?;
                    let simulator = self.simulator.clone();
                    connections.spawn(async move {
                        if let Err(error) = serve(stream, &simulator).await {
                            tracing::debug!(%error, "a simulated connection broke");
                        }
                    });
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

/// Serves one byte stream, which may be the inside of a TLS session: upgrades it to a WebSocket and bridges it to the
/// network until either side closes.
///
/// # Errors
/// When the stream breaks or does not speak WebSocket.
pub async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    simulator: &Simulator,
) -> Result<(), tokio_websockets::Error> {
    let limits = Limits::default().max_payload_len(Some(MAX_MESSAGE));
    let (request, mut socket) = ServerBuilder::new().limits(limits).accept(stream).await?;
    if request.uri().path() != PATH {
        return socket.send(Message::close(Some(CloseCode::POLICY_VIOLATION), "unknown path")).await;
    }
    let Ok(mut connection) = simulator.connect().await else { return socket.close().await };
    loop {
        tokio::select! {
            message = connection.receive() => match message {
                Some(bytes) => socket.send(Message::binary(bytes)).await?,
                None => return socket.close().await,
            },
            message = socket.next() => match message {
                Some(Ok(message)) if message.is_binary() => {
                    if connection.send(message.into_payload().into()).await.is_err() {
                        return socket.close().await;
                    }
                }
                Some(Ok(message)) if message.is_close() => return Ok(()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
        }
    }
}
