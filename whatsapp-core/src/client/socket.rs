//! The driver's connection: it opens, sends and closes without making the driver wait.
//!
//! ```text
//!   Closed ──open──► Opening ──► Idle ◄──────► Sending
//!      ▲                │          │              │
//!      └── Closing ◄────┴──close───┴──────close───┘
//! ```
//! Only one message is sent at a time, since the two directions of a [`Link`] cannot be used at once.
use std::{collections::VecDeque, future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::timeout;

use super::{Connector, Link, TransportError};
use crate::event::DisconnectReason;

/// A connection that takes longer to open, or to take one message, is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Sending the rest and closing may take this long together.
const CLOSING: Duration = Duration::from_secs(2);
/// While more bytes are unsent, the driver reads nothing and takes no commands.
const QUEUE_BYTES: usize = 1 << 20;

/// The connection and its unsent messages.
pub(super) struct Socket {
    state: State,
    waiting: VecDeque<Bytes>,
    /// Length of all messages that wait or are being sent.
    bytes: usize,
    /// Between two sent messages, available messages are received.
    receive_first: bool,
}

enum State {
    Closed,
    Closing(BoxFuture<'static, ()>),
    Opening(BoxFuture<'static, Result<Box<dyn Link>, TransportError>>),
    Idle(Box<dyn Link>),
    Sending(usize, BoxFuture<'static, Result<Box<dyn Link>, DisconnectReason>>),
}

/// What happened on the socket.
pub(super) enum Happened {
    Opened,
    Received(Bytes),
    Lost(DisconnectReason),
}

impl Socket {
    pub(super) fn new() -> Self {
        Self { state: State::Closed, waiting: VecDeque::new(), bytes: 0, receive_first: false }
    }

    /// Opens a connection, once the one before is closed.
    pub(super) fn open(&mut self, connector: Arc<dyn Connector>, url: String) {
        let before = std::mem::replace(&mut self.state, State::Closed);
        self.state = State::Opening(Box::pin(async move {
            if let State::Closing(closing) = before {
                closing.await;
            }
            let opened = timeout(PATIENCE, connector.connect(&url)).await;
            opened.unwrap_or_else(|_| {
                Err(TransportError::new("opening the connection", "it took longer than 20 seconds"))
            })
        }));
    }

    /// Queues a message; without a connection it is dropped.
    pub(super) fn send(&mut self, message: Bytes) {
        if matches!(self.state, State::Idle(_) | State::Sending(..)) {
            self.bytes += message.len();
            self.waiting.push_back(message);
        }
    }

    /// Is too much unsent?
    pub(super) fn is_congested(&self) -> bool {
        self.bytes >= QUEUE_BYTES
    }

    /// Sends the queue and closes, in the background.
    pub(super) fn close(&mut self) {
        let waiting = self.clear();
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Idle(link) => closing(async { Ok(link) }.boxed(), waiting),
            State::Sending(_, sending) => closing(sending, waiting),
            State::Closing(closing) => State::Closing(closing),
            State::Opening(_) | State::Closed => State::Closed,
        };
    }

    /// Resolves when nothing is open any more.
    pub(super) async fn closed(&mut self) {
        if let State::Closing(closing) = &mut self.state {
            closing.await;
            self.state = State::Closed;
        }
    }

    /// The next socket event. Always sends, and receives only when `reading`. Dropping the future loses nothing.
    pub(super) async fn next(&mut self, reading: bool) -> Happened {
        loop {
            match &mut self.state {
                State::Closed => pending().await,
                State::Closing(_) => self.closed().await,
                State::Opening(opening) => match opening.await {
                    Ok(link) => {
                        self.state = State::Idle(link);
                        return Happened::Opened;
                    }
                    Err(error) => return self.lost(error.into()),
                },
                State::Sending(length, sending) => {
                    let (length, sent) = (*length, sending.await);
                    self.bytes -= length;
                    match sent {
                        Ok(link) => self.state = State::Idle(link),
                        Err(reason) => return self.lost(reason),
                    }
                }
                State::Idle(link) if !self.waiting.is_empty() => {
                    let received = if reading && std::mem::take(&mut self.receive_first) {
                        link.receive().now_or_never()
                    } else {
                        None
                    };
                    match received {
                        Some(received) => return self.received_now(received),
                        None => self.send_next(),
                    }
                }
                State::Idle(link) if reading => {
                    let received = link.receive().await;
                    return self.received_now(received);
                }
                State::Idle(_) => pending().await,
            }
        }
    }

    /// A message that is here already.
    pub(super) fn received(&mut self) -> Option<Happened> {
        matches!(self.state, State::Idle(_)).then(|| self.next(true).now_or_never()).flatten()
    }

    fn received_now(&mut self, received: Option<Result<Bytes, TransportError>>) -> Happened {
        match received {
            Some(Ok(message)) => Happened::Received(message),
            Some(Err(error)) => self.lost(error.into()),
            None => self.lost(DisconnectReason::ServerClosed),
        }
    }

    fn send_next(&mut self) {
        let Some(message) = self.waiting.pop_front() else { return };
        self.receive_first = true;
        self.state = match std::mem::replace(&mut self.state, State::Closed) {
            State::Idle(link) => State::Sending(message.len(), send(link, message).boxed()),
            other => other,
        };
    }

    fn lost(&mut self, reason: DisconnectReason) -> Happened {
        self.state = State::Closed;
        self.clear();
        Happened::Lost(reason)
    }

    fn clear(&mut self) -> VecDeque<Bytes> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }
}

async fn send(mut link: Box<dyn Link>, message: Bytes) -> Result<Box<dyn Link>, DisconnectReason> {
    match timeout(PATIENCE, link.send(message)).await {
        Ok(Ok(())) => Ok(link),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(DisconnectReason::Network("the connection takes no more data".to_owned())),
    }
}

/// The connection is closed afterwards, even when closing fails.
fn closing(
    link: BoxFuture<'static, Result<Box<dyn Link>, DisconnectReason>>,
    waiting: VecDeque<Bytes>,
) -> State {
    let work = async move {
        let mut link = link.await.ok()?;
        for message in waiting {
            link = send(link, message).await.ok()?;
        }
        link.close().await;
        Some(())
    };
    State::Closing(Box::pin(async move {
        let _ = timeout(CLOSING, work).await;
    }))
}
