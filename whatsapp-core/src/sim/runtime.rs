//! The network in real time: one task that owns a [`Network`], and a handle to clone.
//!
//! ```no_run
//! use whatsapp_core::sim::{Behaviour, SimConfig, runtime::Simulator};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let simulator = Simulator::start(1);
//! simulator.add_person("15550000001", "Ann", Behaviour::Echo).await?;
//! # Ok(())
//! # }
//! ```
use std::{collections::HashMap, future::Future};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::{
    sync::{broadcast, mpsc, oneshot},
    time::sleep_until,
};
use whatsapp_store::Content;

use super::{
    Behaviour, ConnectionId, Faults, Inbox, LedgerEntry, Network, Output, Side, SimConfig, SimError,
    SimEvent, Unanswered,
};
use crate::{
    client::{Connector, Link, TransportError, clock::Clock},
    jid::Jid,
    noise::TrustRoot,
    time::Timestamp,
};

/// Messages of clients and calls that wait for the task.
const BACKLOG: usize = 1024;
/// Messages that wait for a client; one that reads more slowly is disconnected. All that waited while the client was away
/// may come at once: two receipts for each of 20,000 messages must not be too many.
const SLOW_READER: usize = 1 << 18;
/// Events that a watcher may be behind.
const EVENTS: usize = 1024;

/// A running simulated network. Clones speak to the same one; it ends with the last of them and of their connections.
#[derive(Clone, Debug)]
pub struct Simulator {
    commands: mpsc::Sender<Command>,
    gone: mpsc::UnboundedSender<ConnectionId>,
    events: broadcast::Sender<SimEvent>,
    trust_root: TrustRoot,
}

type Call = Box<dyn FnOnce(&mut Network, Timestamp) + Send>;

enum Command {
    Connect(oneshot::Sender<(ConnectionId, mpsc::Receiver<Bytes>)>),
    Receive(ConnectionId, Bytes),
    Call(Call),
}

/// The network's task has ended (it only does when its runtime shuts down).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated network has ended")]
pub struct Ended;

/// Why a call was not granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The network says no.
    #[error(transparent)]
    Refused(#[from] SimError),
    /// The network is gone.
    #[error(transparent)]
    Ended(#[from] Ended),
}

impl Simulator {
    /// Starts a network now; all its keys come from `seed`. Must be called inside a tokio runtime.
    pub fn start(seed: u64) -> Self {
        let clock = Clock::start();
        Self::run(Network::new(SimConfig::new(seed, clock.now())), clock)
    }

    /// Starts with a network that was prepared; its config's `now` should be about the present, since certificates
    /// are dated by it. Must be called inside a tokio runtime.
    pub fn with_network(network: Network) -> Self {
        Self::run(network, Clock::start())
    }

    fn run(network: Network, clock: Clock) -> Self {
        let (commands, receiver) = mpsc::channel(BACKLOG);
        let (gone, gone_receiver) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(EVENTS);
        let trust_root = network.trust_root();
        let task = Task {
            network,
            clock,
            commands: receiver,
            gone: gone_receiver,
            events: events.clone(),
            clients: HashMap::new(),
        };
        tokio::spawn(task.run());
        Self { commands, gone, events, trust_root }
    }

    /// The root that clients must be configured with.
    pub const fn trust_root(&self) -> TrustRoot {
        self.trust_root
    }

    /// All events from now on.
    pub fn events(&self) -> broadcast::Receiver<SimEvent> {
        self.events.subscribe()
    }

    /// Opens one connection, as a WebSocket would.
    ///
    /// # Errors
    /// When the network is gone.
    pub async fn connect(&self) -> Result<SimConnection, Ended> {
        let (answer, opened) = oneshot::channel();
        self.commands.send(Command::Connect(answer)).await.map_err(|_| Ended)?;
        let (id, incoming) = opened.await.map_err(|_| Ended)?;
        Ok(SimConnection { id, commands: self.commands.clone(), gone: self.gone.clone(), incoming })
    }

    /// Does something with the network, between two of its stanzas.
    ///
    /// # Errors
    /// When the network is gone.
    pub async fn with<R: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Network, Timestamp) -> R + Send + 'static,
    ) -> Result<R, Ended> {
        let (answer, answered) = oneshot::channel();
        let call = Command::Call(Box::new(move |network, now| drop(answer.send(call(network, now)))));
        self.commands.send(call).await.map_err(|_| Ended)?;
        answered.await.map_err(|_| Ended)
    }

    async fn ask<R: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Network, Timestamp) -> Result<R, SimError> + Send + 'static,
    ) -> Result<R, SimulatorError> {
        Ok(self.with(call).await??)
    }

    /// See [`Network::add_person`].
    ///
    /// # Errors
    /// When the number is taken or malformed, or the network is gone.
    pub async fn add_person(
        &self,
        phone: &str,
        name: &str,
        behaviour: Behaviour,
    ) -> Result<Jid, SimulatorError> {
        let (phone, name) = (phone.to_owned(), name.to_owned());
        self.ask(move |network, _| network.add_person(&phone, &name, behaviour)).await
    }

    /// See [`Network::add_people`].
    ///
    /// # Errors
    /// When one of the numbers is taken or malformed, or there are too many, or the network is gone.
    pub async fn add_people(
        &self,
        first_phone: &str,
        count: u32,
        name: &str,
        behaviour: Behaviour,
    ) -> Result<(), SimulatorError> {
        let (phone, name) = (first_phone.to_owned(), name.to_owned());
        self.ask(move |network, _| network.add_people(&phone, count, &name, &behaviour)).await
    }

    /// See [`Network::ledger`].
    ///
    /// # Errors
    /// When the network is gone.
    pub async fn ledger(&self) -> Result<Vec<LedgerEntry>, Ended> {
        self.with(|network, _| network.ledger().collect()).await
    }

    /// See [`Network::scan_qr`].
    ///
    /// # Errors
    /// When no connected device shows that code, or the network is gone.
    pub async fn scan_qr(&self, text: &str, phone: Option<&str>) -> Result<Jid, SimulatorError> {
        let (text, phone) = (text.to_owned(), phone.map(str::to_owned));
        self.ask(move |network, now| network.scan_qr(now, &text, phone.as_deref())).await
    }

    /// See [`Network::enter_pair_code`].
    ///
    /// # Errors
    /// When no connected device asked for a code for this number, or the network is gone.
    pub async fn enter_pair_code(&self, phone: &str, code: &str) -> Result<(), SimulatorError> {
        let (phone, code) = (phone.to_owned(), code.to_owned());
        self.ask(move |network, _| network.enter_pair_code(&phone, &code)).await
    }

    /// See [`Network::send_as`]. Returns the message's id.
    ///
    /// # Errors
    /// When one of the two has no account, or the network is gone.
    pub async fn send_as(&self, phone: &str, to: &Jid, text: &str) -> Result<String, SimulatorError> {
        let (phone, to, text) = (phone.to_owned(), to.clone(), text.to_owned());
        self.ask(move |network, now| network.send_as(now, &phone, &to, &text)).await
    }

    /// See [`Network::send_content_as`]. Returns the message's id.
    ///
    /// # Errors
    /// When one of the two has no account, or people do not write this content, or the network is gone.
    pub async fn send_content_as(
        &self,
        phone: &str,
        to: &Jid,
        content: Content,
    ) -> Result<String, SimulatorError> {
        let (phone, to) = (phone.to_owned(), to.clone());
        self.ask(move |network, now| network.send_content_as(now, &phone, &to, &content)).await
    }

    /// See [`Network::edit_as`]. Returns the edit's id.
    ///
    /// # Errors
    /// As [`Simulator::send_content_as`].
    pub async fn edit_as(
        &self,
        phone: &str,
        to: &Jid,
        id: &str,
        content: Content,
    ) -> Result<String, SimulatorError> {
        let (phone, to, id) = (phone.to_owned(), to.clone(), id.to_owned());
        self.ask(move |network, now| network.edit_as(now, &phone, &to, &id, &content)).await
    }

    /// See [`Network::delete_as`]. Returns the deletion's id.
    ///
    /// # Errors
    /// As [`Simulator::send_as`].
    pub async fn delete_as(&self, phone: &str, to: &Jid, id: &str) -> Result<String, SimulatorError> {
        let (phone, to, id) = (phone.to_owned(), to.clone(), id.to_owned());
        self.ask(move |network, now| network.delete_as(now, &phone, &to, &id)).await
    }

    /// See [`Network::tap`]. Returns the answer's id.
    ///
    /// # Errors
    /// When the phone shows no such menu, or the menu has no such choice, or the network is gone.
    pub async fn tap(&self, phone: &str, menu: &str, choice: &str) -> Result<String, SimulatorError> {
        let (phone, menu, choice) = (phone.to_owned(), menu.to_owned(), choice.to_owned());
        self.ask(move |network, now| network.tap(now, &phone, &menu, &choice)).await
    }

    /// See [`Network::inbox`].
    ///
    /// # Errors
    /// When the number has no account, or the network is gone.
    pub async fn inbox(&self, phone: &str) -> Result<Inbox, SimulatorError> {
        let phone = phone.to_owned();
        self.ask(move |network, _| network.inbox(&phone).ok_or(SimError::UnknownPerson(phone))).await
    }

    /// See [`Network::set_faults`].
    ///
    /// # Errors
    /// When the network is gone.
    pub async fn set_faults(&self, side: Side, faults: Faults) -> Result<(), Ended> {
        self.with(move |network, _| network.set_faults(side, faults)).await
    }

    /// See [`Network::unanswered`].
    ///
    /// # Errors
    /// When the network is gone.
    pub async fn unanswered(&self) -> Result<Vec<Unanswered>, Ended> {
        self.with(|network, _| network.unanswered()).await
    }

    /// See [`Network::unknown_requests`].
    ///
    /// # Errors
    /// When the network is gone.
    pub async fn unknown_requests(&self) -> Result<Vec<(String, u64)>, Ended> {
        self.with(|network, _| network.unknown_requests()).await
    }
}

/// One connection to the network. Dropping it closes it.
#[derive(Debug)]
pub struct SimConnection {
    id: ConnectionId,
    commands: mpsc::Sender<Command>,
    gone: mpsc::UnboundedSender<ConnectionId>,
    incoming: mpsc::Receiver<Bytes>,
}

impl SimConnection {
    /// Hands in a binary message of the client; waits while the network is busy.
    ///
    /// # Errors
    /// When the network is gone.
    pub async fn send(&self, message: Bytes) -> Result<(), Ended> {
        self.commands.send(Command::Receive(self.id, message)).await.map_err(|_| Ended)
    }

    /// The next binary message for the client; `None` once the network closed the connection. Dropping the future
    /// loses nothing.
    pub fn receive(&mut self) -> impl Future<Output = Option<Bytes>> + Send {
        self.incoming.recv()
    }
}

impl Drop for SimConnection {
    fn drop(&mut self) {
        // When the task has ended, nothing is left to report.
        let _ = self.gone.send(self.id);
    }
}

/// A client in the same process needs no socket. The URL does not matter.
#[async_trait]
impl Connector for Simulator {
    async fn connect(&self, _url: &str) -> Result<Box<dyn Link>, TransportError> {
        let opened = Self::connect(self).await;
        let connection = opened.map_err(|error| TransportError::new("opening the connection", error))?;
        Ok(Box::new(Local(Some(connection))))
    }
}

struct Local(Option<SimConnection>);

#[async_trait]
impl Link for Local {
    async fn send(&mut self, message: Bytes) -> Result<(), TransportError> {
        let Some(connection) = &self.0 else { return Err(TransportError::new("sending", Ended)) };
        connection.send(message).await.map_err(|error| TransportError::new("sending", error))
    }

    async fn receive(&mut self) -> Option<Result<Bytes, TransportError>> {
        self.0.as_mut()?.receive().await.map(Ok)
    }

    async fn close(&mut self) {
        self.0 = None;
    }
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Command::Connect(_) => "Connect",
            Command::Receive(..) => "Receive",
            Command::Call(_) => "Call",
        })
    }
}

/// Owns the network.
struct Task {
    network: Network,
    clock: Clock,
    commands: mpsc::Receiver<Command>,
    gone: mpsc::UnboundedReceiver<ConnectionId>,
    events: broadcast::Sender<SimEvent>,
    clients: HashMap<ConnectionId, mpsc::Sender<Bytes>>,
}

impl Task {
    async fn run(mut self) {
        loop {
            let wake = self.network.next_timeout().map(|at| self.clock.instant(at));
            let time = async {
                match wake {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => return,
                },
                Some(id) = self.gone.recv() => {
                    self.clients.remove(&id);
                    self.network.disconnect(id);
                }
                () = time => self.network.handle_timeout(self.clock.now()),
            }
            self.flush();
        }
    }

    fn on_command(&mut self, command: Command) {
        let now = self.clock.now();
        match command {
            Command::Connect(answer) => {
                let id = self.network.connect();
                let (outgoing, incoming) = mpsc::channel(SLOW_READER);
                self.clients.insert(id, outgoing);
                if answer.send((id, incoming)).is_err() {
                    self.clients.remove(&id);
                    self.network.disconnect(id);
                }
            }
            Command::Receive(id, message) => self.network.receive(now, id, message),
            Command::Call(call) => call(&mut self.network, now),
        }
    }

    fn flush(&mut self) {
        while let Some(output) = self.network.poll_output() {
            match output {
                Output::Send(id, bytes) => {
                    let Some(client) = self.clients.get(&id) else { continue };
                    if client.try_send(bytes).is_err() {
                        self.clients.remove(&id);
                        self.network.disconnect(id);
                    }
                }
                // The client still reads earlier messages: the channel drains, then ends.
                Output::Close(id) => drop(self.clients.remove(&id)),
                // Observers are optional.
                Output::Event(event) => drop(self.events.send(event)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_open_and_end_with_the_network_or_the_client() {
        let simulator = Simulator::start(1);
        let mut connection = simulator.connect().await.unwrap();
        connection.send(Bytes::from_static(b"this is no handshake")).await.unwrap();
        assert_eq!(connection.receive().await, None, "the network closes on nonsense");
        let second = simulator.connect().await.unwrap();
        drop(second);
        simulator.add_person("15550000001", "Ann", Behaviour::Silent).await.unwrap();
        let taken = simulator.add_person("15550000001", "Bob", Behaviour::Silent).await;
        assert_eq!(taken, Err(SimError::NumberTaken("15550000001".into()).into()));
    }
}
