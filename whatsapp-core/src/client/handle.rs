//! The handle that is cloned around.
use std::{
    sync::{Arc, atomic::AtomicU64, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use whatsapp_store::{Content, MessageKey, MessageRecord, Store};

use super::{
    CommitHook, Connector, Driver, Events, WebSocket,
    driver::Request,
    events,
    stop::{Stop, StopSender},
};
use crate::{
    config::Config,
    engine::{Command, CommandError, Reply, RequestId},
    error::Error,
    jid::Jid,
    time::Timestamp,
};

/// Commands that may wait for the driver before callers have to.
const COMMANDS: usize = 256;

/// Sends commands to one account's driver. Cheap to clone; when the last clone is dropped the driver stops.
#[derive(Clone, Debug)]
pub struct Client {
    requests: mpsc::Sender<Request>,
    stop: StopSender,
    status: watch::Receiver<Status>,
    next_id: Arc<AtomicU64>,
}

/// The result of [`Client::new`].
#[derive(Debug)]
pub struct Parts {
    client: Client,
    events: Events,
    driver: Driver,
}

/// The status of an account.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Status {
    /// Opening a connection or logging in.
    Connecting,
    /// Connected, waiting for a phone to scan the code or for a pair code to be typed.
    AwaitingPairing,
    /// Logged in.
    Connected {
        /// Own address by number.
        jid: Jid,
        /// Own linked id.
        lid: Option<Jid>,
    },
    /// Offline until the next attempt.
    Waiting {
        /// When that is; `None` when there will be none by itself.
        until: Option<Timestamp>,
        /// For people.
        reason: String,
    },
    /// No longer linked.
    LoggedOut {
        /// For people.
        reason: String,
    },
    /// The driver ended.
    Stopped,
}

impl Parts {
    /// The handle, the events, and the driver to be spawned.
    pub fn into_parts(self) -> (Client, Events, Driver) {
        (self.client, self.events, self.driver)
    }

    /// Sets how many events may be unread before the driver stops reading from the server; the default is 1,024.
    #[must_use]
    pub fn with_event_capacity(mut self, capacity: usize) -> Self {
        self.driver.set_event_capacity(capacity);
        self
    }

    /// Uses another way to connect, such as one that trusts a simulator's certificate.
    #[must_use]
    pub fn with_connector(mut self, connector: Arc<dyn Connector>) -> Self {
        self.driver.set_connector(connector);
        self
    }

    /// Adds a hook to the commits.
    #[must_use]
    pub fn with_commit_hook(mut self, hook: Arc<dyn CommitHook>) -> Self {
        self.driver.set_hook(hook);
        self
    }
}

impl Client {
    /// A client for the account that `config` names; nothing happens before the driver runs.
    #[expect(clippy::new_ret_no_self, reason = "a client is of no use without its driver")]
    pub fn new(store: Arc<dyn Store>, config: Config) -> Parts {
        let (requests, request_queue) = mpsc::channel(COMMANDS);
        let (event_sender, events) = events::queue();
        let (status_sender, status) = watch::channel(Status::Connecting);
        let (stop, stopped) = Stop::new();
        let told = (event_sender, status_sender, stopped);
        let connector = WebSocket::new().expect("the TLS library is linked in with its defaults");
        Parts {
            client: Client { requests, stop, status, next_id: Arc::default() },
            events,
            driver: Driver::new(store, config, Arc::new(connector), request_queue, told),
        }
    }

    /// Sends content to a person. Returns when the message is durable: it is then sent now or after the next
    /// connection, and survives a crash. Events report its progress.
    ///
    /// # Errors
    /// When it was not accepted; nothing is sent then.
    pub async fn send(&self, to: &Jid, content: Content) -> Result<MessageRecord, Error> {
        self.enqueue(None, to, content).await
    }

    /// Sends content once under an id that the caller chose, however often it is called. If that chat has no message of this
    /// account under the id, it works as [`Client::send`]. A message that the server refused is sent again. Otherwise nothing is
    /// sent or stored again, and the stored message is returned with its status. If you do not know whether a message was
    /// accepted, for example after a crash or [`Error::Stopped`], call this again with the same id.
    ///
    /// An id is `3EB0` and 18 more hexadecimal digits in upper case, like the ids that [`Client::send`] makes.
    ///
    /// # Errors
    /// As [`Client::send`]; when the id has another shape, or belongs to a message in another chat.
    pub async fn send_as(&self, id: &str, to: &Jid, content: Content) -> Result<MessageRecord, Error> {
        self.enqueue(Some(id.to_owned()), to, content).await
    }

    async fn enqueue(&self, id: Option<String>, to: &Jid, content: Content) -> Result<MessageRecord, Error> {
        match self.request(|request_id| Command::Send { request_id, id, to: to.clone(), content }).await? {
            Reply::Accepted(record) => Ok(*record),
            reply => Err(unexpected(reply)),
        }
    }

    /// Answers a message in its chat.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn reply(
        &self,
        message: &MessageRecord,
        text: impl Into<String>,
    ) -> Result<MessageRecord, Error> {
        let chat = message.key.chat.parse().map_err(|_| CommandError::NotAPerson)?;
        self.send(&chat, Content::text(text)).await
    }

    /// Asks for a pair code, to be typed on the phone with this number.
    ///
    /// # Errors
    /// When the account is linked already, not connected, or the server refuses the number.
    pub async fn request_pair_code(&self, phone: &str) -> Result<String, Error> {
        let phone = phone.chars().filter(char::is_ascii_digit).collect();
        match self.request(|request_id| Command::PairCode { request_id, phone }).await? {
            Reply::PairCode(code) => Ok(code),
            reply => Err(unexpected(reply)),
        }
    }

    /// Tells the sender that these messages (of one chat and sender) were read.
    ///
    /// # Errors
    /// When not connected.
    pub async fn mark_read(&self, keys: Vec<MessageKey>) -> Result<(), Error> {
        self.request(|request_id| Command::MarkRead { request_id, keys }).await.map(drop)
    }

    /// Unlinks this device and forgets its keys.
    ///
    /// # Errors
    /// When not connected.
    pub async fn log_out(&self) -> Result<(), Error> {
        self.request(|request_id| Command::LogOut { request_id }).await.map(drop)
    }

    /// Closes the connection and ends the driver, ahead of commands that wait; those fail with [`Error::Stopped`]. Returns
    /// when the driver has ended, which takes a second at most. A driver that does not run yet ends once it does.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let mut status = self.status.clone();
        // An error means that the driver is gone.
        let ended = status.wait_for(|status| *status == Status::Stopped);
        let _ = timeout(Duration::from_secs(2), ended).await;
    }

    /// The status of the account.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Follows where the account stands.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    async fn request(&self, command: impl FnOnce(RequestId) -> Command) -> Result<Reply, Error> {
        let id = self.next_id.fetch_add(1, Relaxed);
        let (answer, answered) = oneshot::channel();
        let request = Request { id, command: command(id), answer };
        self.requests.send(request).await.map_err(|_| Error::Stopped)?;
        match answered.await.map_err(|_| Error::Stopped)?? {
            Reply::Failed(error) => Err(error.into()),
            reply => Ok(reply),
        }
    }
}

fn unexpected(reply: Reply) -> Error {
    debug_assert!(false, "the engine answered a command with {reply:?}");
    Error::Stopped
}
