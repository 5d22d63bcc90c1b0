//! A client that a test controls, one stanza at a time: it knows the handshake and nothing else.
use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};
use prost::Message;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use whatsapp_core::{
    binary::{self, Node, Stanza},
    crypto::KeyPair,
    jid::Jid,
    noise::{ClientHandshake, FrameReader, Transport},
    pairing::{
        adv,
        qr::{ClientType, QrCode},
    },
    proto::payload::{ClientPayload, DevicePairingData},
    signal::{PreKey, SignedPreKey},
    sim::{Behaviour, ConnectionId, Network, Output, SimConfig},
    time::Timestamp,
};
use zeroize::Zeroizing;

pub(crate) const ANN: &str = "15550000001";
pub(crate) const BEN: &str = "15550000002";

/// The network with what it has sent to each connection.
pub(crate) struct Net {
    pub(crate) network: Network,
    pub(crate) now: Timestamp,
    pub(crate) sent: BTreeMap<ConnectionId, VecDeque<Bytes>>,
    pub(crate) closed: Vec<ConnectionId>,
    /// Every stanza that was ever sent, for comparing runs.
    pub(crate) log: Vec<Bytes>,
}

impl Net {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(configure: impl FnOnce(&mut SimConfig)) -> Self {
        let now = Timestamp::from_secs(1_790_000_000);
        let mut config = SimConfig::new(5, now);
        config.bootstrap = false;
        configure(&mut config);
        let mut network = Network::new(config);
        network.add_person(ANN, "Ann", Behaviour::Silent).unwrap();
        network.add_person(BEN, "Ben", Behaviour::Silent).unwrap();
        Self { network, now, sent: BTreeMap::new(), closed: Vec::new(), log: Vec::new() }
    }

    pub(crate) fn collect(&mut self) {
        while let Some(output) = self.network.poll_output() {
            match output {
                Output::Send(id, bytes) => {
                    self.log.push(bytes.clone());
                    self.sent.entry(id).or_default().push_back(bytes);
                }
                Output::Close(id) => self.closed.push(id),
                _ => {}
            }
        }
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        let end = self.now + std::time::Duration::from_secs(seconds);
        while let Some(at) = self.network.next_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.network.handle_timeout(self.now);
        }
        self.now = end;
        self.collect();
    }

    pub(crate) fn is_closed(&self, client: &Client) -> bool {
        self.closed.contains(&client.connection)
    }
}

/// Keys of a device, as in its store.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) noise: KeyPair,
    pub(crate) identity: KeyPair,
    pub(crate) signed: SignedPreKey,
    pub(crate) adv_secret: [u8; 32],
}

impl Keys {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let identity = KeyPair::generate(&mut rng);
        let signed = SignedPreKey::generate(1, &identity, &mut rng);
        Self { noise: KeyPair::generate(&mut rng), signed, identity, adv_secret: rng.random() }
    }
}

/// One connection of a device.
pub(crate) struct Client {
    pub(crate) keys: Keys,
    pub(crate) connection: ConnectionId,
    transport: Transport,
    frames: FrameReader,
    stanzas: VecDeque<Stanza>,
    rng: StdRng,
}

impl Client {
    /// Shakes hands with this payload.
    pub(crate) fn connect(net: &mut Net, keys: &Keys, payload: &ClientPayload) -> Self {
        let mut rng = StdRng::seed_from_u64(99);
        let connection = net.network.connect();
        let (handshake, hello) = ClientHandshake::start(keys.noise.clone(), None, &mut rng);
        net.network.receive(net.now, connection, hello);
        net.collect();
        let mut frames = FrameReader::default();
        frames.push(net.sent.get_mut(&connection).unwrap().pop_front().unwrap()).unwrap();
        let answer = frames.next().unwrap().unwrap();
        let root = net.network.trust_root();
        let (transport, finish) =
            handshake.server_hello(&answer, &root, net.now, &payload.encode_to_vec()).unwrap();
        net.network.receive(net.now, connection, finish);
        Self { keys: keys.clone(), connection, transport, frames, stanzas: VecDeque::new(), rng }
    }

    pub(crate) fn register(net: &mut Net, keys: &Keys) -> Self {
        let pairing = DevicePairingData {
            registration_id: Some(Bytes::from_static(&[0, 0, 0, 7])),
            identity: Some(Bytes::copy_from_slice(keys.identity.public().as_bytes())),
            ..DevicePairingData::default()
        };
        let payload = ClientPayload { device_pairing_data: Some(pairing), ..ClientPayload::default() };
        Self::connect(net, keys, &payload)
    }

    pub(crate) fn login(net: &mut Net, keys: &Keys, jid: &Jid) -> Self {
        let payload = ClientPayload {
            username: jid.user.parse().ok(),
            device: Some(u32::from(jid.device)),
            passive: Some(true),
            ..ClientPayload::default()
        };
        Self::connect(net, keys, &payload)
    }

    /// Links a device with these keys by QR code. Returns its address.
    pub(crate) fn link(net: &mut Net, keys: &Keys, phone: &str) -> Jid {
        let mut client = Self::register(net, keys);
        let offer = client.expect(net, "iq");
        let reference = offer.root().child("pair-device").unwrap().children().next().unwrap();
        let reference = reference.content_text().unwrap().to_owned();
        client.send(
            net,
            Node::new("iq").attr("id", offer.root().attr("id").unwrap().to_string()).attr("type", "result"),
        );
        let jid = net.network.scan_qr(net.now, &client.code(reference), Some(phone)).unwrap();
        let success = client.expect(net, "iq");
        client.sign(net, &success);
        jid
    }

    pub(crate) fn code(&self, reference: String) -> String {
        let code = QrCode {
            reference,
            noise: self.keys.noise.public(),
            identity: self.keys.identity.public(),
            adv_secret: Zeroizing::new(self.keys.adv_secret),
            client_type: ClientType::Chrome,
        };
        code.to_text()
    }

    /// Answers a pair-success.
    pub(crate) fn sign(&mut self, net: &mut Net, success: &Stanza) {
        let node = success.root();
        let sealed = node.child("pair-success").unwrap().child_bytes("device-identity").unwrap();
        let linked = adv::link(sealed, &self.keys.adv_secret, &self.keys.identity, &mut self.rng).unwrap();
        let identity = Node::new("device-identity").attr("key-index", linked.key_index).bytes(linked.reply);
        let answer = Node::new("iq")
            .attr("id", node.attr("id").unwrap().to_string())
            .attr("type", "result")
            .child(Node::new("pair-device-sign").child(identity));
        self.send(net, answer);
    }

    /// Links, logs in, uploads `pre_keys` prekeys, and asks for the offline queue.
    pub(crate) fn online(net: &mut Net, keys: &Keys, phone: &str, pre_keys: u32) -> (Self, Jid) {
        let jid = Self::link(net, keys, phone);
        let mut client = Self::login(net, keys, &jid);
        client.expect(net, "success");
        client.upload(net, pre_keys);
        client.activate(net);
        client.drain(net);
        (client, jid)
    }

    pub(crate) fn upload(&mut self, net: &mut Net, count: u32) -> Vec<PreKey> {
        let keys: Vec<_> = (1..=count).map(|id| PreKey::generate(id, &mut self.rng)).collect();
        let list = keys.iter().map(|key| key_node("key", key.id, key.key.public().as_bytes()));
        let signed = &self.keys.signed;
        let skey = key_node("skey", signed.id, signed.key.public().as_bytes())
            .child(Node::new("signature").bytes(signed.signature.to_vec()));
        let answer = self.ask(
            net,
            "encrypt",
            "set",
            [
                Node::new("registration").bytes(vec![0, 0, 0, 7]),
                Node::new("type").bytes(vec![5]),
                Node::new("identity").bytes(self.keys.identity.public().as_bytes().to_vec()),
                Node::new("list").children(list),
                skey,
            ],
        );
        assert_eq!(answer.root().attr_text("type"), Some("result"));
        keys
    }

    /// Says that it is ready for stanzas, and asks for all that waited.
    pub(crate) fn activate(&mut self, net: &mut Net) {
        self.announce(net);
        self.ask_for_batch(net, 10_000);
    }

    /// Says that it is ready for stanzas.
    pub(crate) fn announce(&mut self, net: &mut Net) {
        self.ask(net, "passive", "set", [Node::new("active")]);
    }

    pub(crate) fn ask_for_batch(&mut self, net: &mut Net, count: u32) {
        self.send(net, Node::new("ib").child(Node::new("offline_batch").attr("count", count)));
    }

    pub(crate) fn send(&mut self, net: &mut Net, node: Node) {
        let (mut plain, mut out) = (BytesMut::new(), BytesMut::new());
        binary::encode(&node, &mut plain).unwrap();
        self.transport.seal(&plain, &mut out).unwrap();
        net.network.receive(net.now, self.connection, out.freeze());
        net.collect();
    }

    /// Sends a request and returns its answer; stanzas that came before it are kept.
    pub(crate) fn ask(
        &mut self,
        net: &mut Net,
        xmlns: &'static str,
        kind: &'static str,
        children: impl IntoIterator<Item = Node>,
    ) -> Stanza {
        self.request(net, xmlns, kind, Jid::SERVICE, children)
    }

    /// The same to another address than the server's.
    pub(crate) fn request(
        &mut self,
        net: &mut Net,
        xmlns: &'static str,
        kind: &'static str,
        to: Jid,
        children: impl IntoIterator<Item = Node>,
    ) -> Stanza {
        let id = format!("ask-{}", self.rng.random::<u32>());
        let iq = Node::new("iq").attr("id", id.as_str()).attr("xmlns", xmlns).attr("type", kind);
        self.send(net, iq.attr("to", to).children(children));
        self.fetch(net);
        let at = self.stanzas.iter().position(|stanza| stanza.root().attr_text("id") == Some(id.as_str()));
        self.stanzas.remove(at.expect("every request is answered")).unwrap()
    }

    fn fetch(&mut self, net: &mut Net) {
        net.collect();
        for bytes in net.sent.entry(self.connection).or_default().drain(..) {
            self.frames.push(bytes).unwrap();
        }
        while let Some(frame) = self.frames.next().unwrap() {
            let plain = self.transport.open(frame).unwrap();
            self.stanzas.push_back(binary::unpack(plain).unwrap());
        }
    }

    /// All that came.
    pub(crate) fn drain(&mut self, net: &mut Net) -> Vec<Stanza> {
        self.fetch(net);
        self.stanzas.drain(..).collect()
    }

    /// The next stanza with that tag; earlier ones are dropped.
    pub(crate) fn expect(&mut self, net: &mut Net, tag: &str) -> Stanza {
        self.fetch(net);
        while let Some(stanza) = self.stanzas.pop_front() {
            if stanza.root().tag() == tag {
                return stanza;
            }
        }
        panic!("no <{tag}> came");
    }

    /// The ids of all messages that came; the rest is dropped.
    pub(crate) fn messages(&mut self, net: &mut Net) -> Vec<String> {
        let all = self.drain(net);
        let messages = all.iter().map(Stanza::root).filter(|node| node.tag() == "message");
        messages.filter_map(|node| Some(node.attr("id")?.to_string())).collect()
    }

    pub(crate) fn acknowledge(&mut self, net: &mut Net, stanza: &Stanza) {
        let node = stanza.root();
        let ack = Node::new("ack")
            .attr("class", node.tag())
            .attr("id", node.attr("id").unwrap().clone())
            .attr("to", node.attr("from").unwrap().clone());
        self.send(net, ack);
    }
}

pub(crate) fn key_node(tag: &'static str, id: u32, value: &[u8; 32]) -> Node {
    Node::new(tag)
        .child(Node::new("id").bytes(id.to_be_bytes()[1..].to_vec()))
        .child(Node::new("value").bytes(value.to_vec()))
}

/// A message with one ciphertext per device.
pub(crate) fn message(id: &str, to: &Jid, copies: &[(&Jid, &'static [u8])]) -> Node {
    let participants = copies.iter().map(|(jid, bytes)| {
        let enc = Node::new("enc").attr("v", "2").attr("type", "pkmsg").bytes(*bytes);
        Node::new("to").attr("jid", *jid).child(enc)
    });
    Node::new("message")
        .attr("id", id)
        .attr("to", to)
        .attr("type", "text")
        .child(Node::new("participants").children(participants))
        .child(Node::new("device-identity").bytes(&b"vouched"[..]))
}
