//! A server that knows the handshake; a test decides the rest.
use std::{
    collections::VecDeque,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use rand::{SeedableRng, rngs::StdRng};
use tokio::sync::Notify;
use whatsapp_core::{
    Config,
    binary::{Node, encode, unpack},
    client::{Connector, Link, TransportError},
    jid::Jid,
    sim::responder::{Established, Handshake, Responder, ServerIdentity},
    time::Timestamp,
};

/// More messages than any test needs: a client that sends this many is in a loop.
const MOST: usize = 300_000;

/// What the server sends after the handshake, as fast as the client reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Says {
    Nothing,
    /// Requests that must be answered.
    Pings,
    /// New pairing codes: each makes an event.
    Codes,
}

#[derive(Clone, Debug)]
pub(crate) struct FakeServer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    identity: ServerIdentity,
    says: Says,
    opened: AtomicUsize,
    given: AtomicUsize,
    pings: AtomicUsize,
    takes_no_data: AtomicBool,
    does_not_open: AtomicBool,
    does_not_close: AtomicBool,
    hung_up: AtomicBool,
    changed: Notify,
}

impl FakeServer {
    pub(crate) fn new(says: Says) -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let now = Timestamp::from_secs(since.as_secs());
        Self(Arc::new(Shared {
            identity: ServerIdentity::generate(now, &mut StdRng::seed_from_u64(1)),
            says,
            opened: AtomicUsize::new(0),
            given: AtomicUsize::new(0),
            pings: AtomicUsize::new(0),
            takes_no_data: AtomicBool::new(false),
            does_not_open: AtomicBool::new(false),
            does_not_close: AtomicBool::new(false),
            hung_up: AtomicBool::new(false),
            changed: Notify::new(),
        }))
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        config.trust_root = self.0.identity.trust_root();
        config
    }

    /// Messages that the client has read after the handshake.
    pub(crate) fn given(&self) -> usize {
        self.0.given.load(Relaxed)
    }

    /// Pings that the client has sent.
    pub(crate) fn pings(&self) -> usize {
        self.0.pings.load(Relaxed)
    }

    pub(crate) fn take_no_data(&self) {
        self.0.takes_no_data.store(true, Relaxed);
    }

    pub(crate) fn do_not_open(&self) {
        self.0.does_not_open.store(true, Relaxed);
    }

    pub(crate) fn do_not_close(&self) {
        self.0.does_not_close.store(true, Relaxed);
    }

    /// Closes the connections and accepts no more.
    pub(crate) fn hang_up(&self) {
        self.0.hung_up.store(true, Relaxed);
    }

    pub(crate) async fn until_given(&self, count: usize) {
        self.until(|| self.given() >= count).await;
    }

    pub(crate) async fn until_opened(&self, count: usize) {
        self.until(|| self.0.opened.load(Relaxed) >= count).await;
    }

    async fn until(&self, done: impl Fn() -> bool) {
        while !done() {
            self.0.changed.notified().await;
        }
    }
}

#[async_trait]
impl Connector for FakeServer {
    async fn connect(&self, _: &str) -> Result<Box<dyn Link>, TransportError> {
        if self.0.does_not_open.load(Relaxed) {
            pending::<()>().await;
        }
        if self.0.hung_up.load(Relaxed) {
            return Err(TransportError::new("opening the connection", "nobody is there"));
        }
        self.0.opened.fetch_add(1, Relaxed);
        self.0.changed.notify_one();
        Ok(Box::new(FakeLink {
            responder: Responder::new(self.0.identity.clone()),
            established: None,
            answers: VecDeque::new(),
            rng: StdRng::seed_from_u64(2),
            shared: self.0.clone(),
        }))
    }
}

struct FakeLink {
    responder: Responder,
    established: Option<Box<Established>>,
    answers: VecDeque<Bytes>,
    rng: StdRng,
    shared: Arc<Shared>,
}

impl FakeLink {
    fn take_stanzas(&mut self, bytes: Bytes) {
        let Some(established) = &mut self.established else { return };
        established.frames.push(bytes).unwrap();
        while let Some(frame) = established.frames.next().unwrap() {
            let stanza = unpack(established.transport.open(frame).unwrap()).unwrap();
            if stanza.root().attr_text("xmlns") == Some("w:p") {
                self.shared.pings.fetch_add(1, Relaxed);
            }
        }
    }

    fn next_stanza(&self, number: usize) -> Option<Node> {
        let iq =
            |kind| Node::new("iq").attr("from", Jid::SERVICE).attr("type", kind).attr("id", number as u64);
        match self.shared.says {
            Says::Nothing => None,
            Says::Pings => Some(iq("get").attr("xmlns", "urn:xmpp:ping")),
            Says::Codes => {
                let refs = (0..6).fold(Node::new("pair-device"), |node, code| {
                    node.child(Node::new("ref").bytes(format!("{number}/{code}").into_bytes()))
                });
                Some(iq("set").attr("xmlns", "md").child(refs))
            }
        }
    }
}

#[async_trait]
impl Link for FakeLink {
    async fn send(&mut self, message: Bytes) -> Result<(), TransportError> {
        if self.shared.takes_no_data.load(Relaxed) {
            pending::<()>().await;
        }
        if self.established.is_some() {
            self.take_stanzas(message);
            return Ok(());
        }
        match self.responder.receive(message, &mut self.rng).unwrap() {
            Handshake::Wait => {}
            Handshake::Answer(answer) => self.answers.push_back(answer),
            Handshake::Done(established) => self.established = Some(established),
        }
        Ok(())
    }

    async fn receive(&mut self) -> Option<Result<Bytes, TransportError>> {
        if let Some(answer) = self.answers.pop_front() {
            return Some(Ok(answer));
        }
        if self.shared.hung_up.load(Relaxed) {
            return None;
        }
        let number = self.shared.given.load(Relaxed);
        let node = self.established.is_some().then(|| self.next_stanza(number)).flatten();
        let (Some(node), Some(established)) = (node, &mut self.established) else { return pending().await };
        assert!(number < MOST, "the client does nothing but read");
        let (mut plain, mut frame) = (BytesMut::new(), BytesMut::new());
        encode(&node, &mut plain).unwrap();
        established.transport.seal(&plain, &mut frame).unwrap();
        self.shared.given.fetch_add(1, Relaxed);
        self.shared.changed.notify_one();
        Some(Ok(frame.freeze()))
    }

    async fn close(&mut self) {
        if self.shared.does_not_close.load(Relaxed) {
            pending::<()>().await;
        }
    }
}
