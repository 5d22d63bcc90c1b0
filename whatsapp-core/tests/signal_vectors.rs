//! The Signal code against independent implementations: conversations with Baileys 7.0.0-rc14, byte for byte in both
//! directions, and signatures from the specification in plain integers. `testdata/signal` holds the vectors and their
//! generators.
#![allow(clippy::unwrap_used, reason = "tests")]
use std::{collections::VecDeque, convert::Infallible, fs, path::Path};

use data_encoding::HEXLOWER;
use prost::Message as _;
use rand::{TryCryptoRng, TryRng};
use serde_json::Value;
use whatsapp_core::{
    crypto::{KeyPair, PrivateKey, PublicKey, SigningKey},
    proto::{session as record, signal as wire},
    signal::{
        CiphertextKind, LocalIdentity, PreKey, PreKeyBundle, PreKeyMessage, SenderKey, Session, SignalError,
        SignedPreKey, receive_pre_key,
    },
};

/// Random bytes that were drawn before, then a counter.
struct Drawn(VecDeque<u8>, u8);

impl TryRng for Drawn {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for byte in out {
            *byte = self.0.pop_front().unwrap_or_else(|| {
                self.1 = self.1.wrapping_add(1);
                self.1
            });
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn {}

fn load(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/signal").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn pair(value: &Value) -> KeyPair {
    PrivateKey::from_array(array(value)).into()
}

struct Us {
    own: LocalIdentity,
    signed: SignedPreKey,
    pre_keys: Vec<PreKey>,
    session: Option<Session>,
    rng: Drawn,
}

impl Us {
    fn new(conversation: &Value) -> Self {
        let us = &conversation["us"];
        let signed = &us["signed_pre_key"];
        let pre_keys = us["pre_keys"].as_array().unwrap().iter();
        let drawn = conversation["drawn"].as_array().unwrap().iter();
        Self {
            own: LocalIdentity {
                key: pair(&us["identity"]),
                registration_id: number(&us["registration_id"]),
            },
            signed: SignedPreKey {
                id: number(&signed["id"]),
                key: pair(&signed["private"]),
                signature: array(&signed["signature"]),
            },
            pre_keys: pre_keys
                .map(|key| PreKey { id: number(&key["id"]), key: pair(&key["private"]) })
                .collect(),
            session: None,
            rng: Drawn(drawn.flat_map(bytes).collect(), 0),
        }
    }

    fn start(&mut self, peer: &Value, pre_key: &Value) {
        let signed = &peer["signed_pre_key"];
        let key_of = |id: u32| {
            let keys = peer["pre_keys"].as_array().unwrap();
            let key = keys.iter().find(|key| number(&key["id"]) == id).unwrap();
            (id, PublicKey::from_array(array(&key["public"])))
        };
        let bundle = PreKeyBundle {
            registration_id: number(&peer["registration_id"]),
            identity: PublicKey::from_array(array(&peer["identity"])),
            signed_pre_key_id: number(&signed["id"]),
            signed_pre_key: PublicKey::from_array(array(&signed["public"])),
            signed_pre_key_signature: array(&signed["signature"]),
            pre_key: (!pre_key.is_null()).then(|| key_of(number(pre_key))),
        };
        let mut forged = bundle.clone();
        forged.signed_pre_key_signature[5] ^= 1;
        let refused = Session::initiate(None, &self.own, &forged, &mut Drawn(VecDeque::new(), 0));
        assert_eq!(refused.unwrap_err(), SignalError::BadSignature);
        let existing = self.session.take();
        self.session = Some(Session::initiate(existing, &self.own, &bundle, &mut self.rng).unwrap());
    }

    fn receive(&mut self, message: &Value) -> Vec<u8> {
        let ciphertext = bytes(&message["ciphertext"]);
        if message["type"] == "msg" {
            let session = self.session.as_mut().unwrap();
            return session.decrypt(&self.own, &ciphertext, &mut self.rng).unwrap().to_vec();
        }
        let parsed = PreKeyMessage::parse(&ciphertext).unwrap();
        let one_time = self.pre_keys.iter().find(|key| Some(key.id) == parsed.pre_key_id());
        let existing = self.session.take();
        let received =
            receive_pre_key(existing, &self.own, Some(&self.signed), one_time, &parsed, &mut self.rng)
                .unwrap();
        self.session = Some(received.session);
        self.pre_keys.retain(|key| Some(key.id) != received.used_pre_key);
        received.plaintext.to_vec()
    }
}

#[test]
fn conversations_with_baileys() {
    let conversations = load("sessions.json");
    let conversations = conversations.as_array().unwrap();
    assert_eq!(conversations.len(), 5);
    for conversation in conversations {
        let name = conversation["name"].as_str().unwrap();
        let mut us = Us::new(conversation);
        assert!(
            us.own.key.public().verify(&[&us.signed.key.public().to_typed()], &us.signed.signature).is_ok()
        );
        for event in conversation["events"].as_array().unwrap() {
            if let Some(pre_key) = event.get("start") {
                us.start(&conversation["peer"], pre_key);
            } else if let Some(message) = event.get("receive") {
                let text = message["text"].as_str().unwrap();
                assert_eq!(us.receive(message), text.as_bytes(), "{name}, {text}");
            } else {
                let message = &event["send"];
                let text = message["text"].as_str().unwrap();
                let sent = us.session.as_mut().unwrap().encrypt(&us.own, text.as_bytes()).unwrap();
                let kind =
                    if message["type"] == "pkmsg" { CiphertextKind::PreKey } else { CiphertextKind::Message };
                assert_eq!(sent.kind, kind, "{name}, {text}");
                assert_eq!(HEXLOWER.encode(&sent.bytes), message["ciphertext"], "{name}, {text}");
            }
            // The record is all there is to a session.
            us.session = us.session.map(|session| Session::from_bytes(&session.to_bytes()).unwrap());
        }
        assert!(us.rng.0.is_empty(), "{name}: as many keys drawn as there");
    }
}

#[test]
fn groups_with_baileys() {
    let group = load("groups.json");
    let messages = group["messages"].as_array().unwrap();
    let text = |at: usize| messages[at]["text"].as_str().unwrap().as_bytes();
    let ciphertext = |at: usize| bytes(&messages[at]["ciphertext"]);

    // It skips an iteration with each message after the first, and announces itself again in between.
    let mut key = SenderKey::process(None, &bytes(&group["distribution"])).unwrap();
    for at in [0, 3, 1, 2, 5] {
        key = SenderKey::from_bytes(&key.to_bytes()).unwrap();
        assert_eq!(key.decrypt(&ciphertext(at)).unwrap().as_slice(), text(at));
        assert_eq!(key.decrypt(&ciphertext(at)), Err(SignalError::Duplicate));
    }
    let again = bytes(&group["distribution_again"]);
    let mut key = SenderKey::process(Some(key), &again).unwrap();
    assert_eq!(key.decrypt(&ciphertext(6)).unwrap().as_slice(), text(6));
    assert_eq!(key.decrypt(&ciphertext(4)).unwrap().as_slice(), text(4), "sent before the announcement");
    let mut late = SenderKey::process(None, &again).unwrap();
    assert_eq!(late.decrypt(&ciphertext(4)), Err(SignalError::Duplicate), "no chain runs backwards");
    assert_eq!(late.decrypt(&ciphertext(6)).unwrap().as_slice(), text(6));

    // The sender's own chain gives the same bytes here, up to the signature, which is random.
    let stored = &group["after_first"];
    let signing = SigningKey::from(PrivateKey::from_array(array(&stored["signing_private"])));
    let state = record::SenderKeyState {
        id: number(&stored["id"]),
        iteration: number(&stored["iteration"]),
        chain_key: bytes(&stored["chain_key"]),
        signing_public: bytes(&stored["signing_public"]),
        signing_private: Some(bytes(&stored["signing_private"])),
        signing_edwards: signing.edwards().to_vec(),
        skipped: Vec::new(),
    };
    let mut sender =
        SenderKey::from_bytes(&record::SenderKey { states: vec![state] }.encode_to_vec()).unwrap();
    let mut rng = Drawn(VecDeque::new(), 0);
    let mut reader = SenderKey::process(None, &sender.distribution().unwrap()).unwrap();
    for at in 1..7 {
        sender.encrypt(b"the one that it skips", &mut rng).unwrap();
        let sent = sender.encrypt(text(at), &mut rng).unwrap();
        let expected = ciphertext(at);
        let signed = expected.len() - 64;
        assert_eq!(sent.bytes[..signed], expected[..signed], "message {at}");
        assert_eq!(reader.decrypt(&sent.bytes).unwrap().as_slice(), text(at));
        if at == 5 {
            assert_eq!(sender.distribution().unwrap(), again);
        }
    }
}

#[test]
fn signatures_match_the_specification() {
    let cases = load("xeddsa.json");
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 10);
    for case in cases {
        let key = pair(&case["private"]);
        assert_eq!(HEXLOWER.encode(key.public().as_bytes()), case["public"]);
        let message = bytes(&case["message"]);
        let mut random = Drawn(bytes(&case["random"]).into(), 0);
        let signature = key.private().sign(&[&message], &mut random);
        assert_eq!(HEXLOWER.encode(&signature), case["signature"]);
        assert!(key.public().verify(&[&message], &signature).is_ok());
    }
}

/// The messages, which are written and read by hand, as the protobuf library sees them.
#[test]
fn messages_are_valid_protobufs() {
    let mut rng = Drawn(VecDeque::new(), 0);
    let own = LocalIdentity { key: KeyPair::generate(&mut rng), registration_id: 300 };
    let peer = KeyPair::generate(&mut rng);
    let signed = SignedPreKey::generate(70_000, &peer, &mut rng);
    for pre_key in [None, Some((0xff_ffff, peer.public()))] {
        let bundle = PreKeyBundle {
            registration_id: 4,
            identity: peer.public(),
            signed_pre_key_id: signed.id,
            signed_pre_key: signed.key.public(),
            signed_pre_key_signature: signed.signature,
            pre_key,
        };
        let mut session = Session::initiate(None, &own, &bundle, &mut rng).unwrap();
        session.encrypt(&own, b"").unwrap();
        let sent = session.encrypt(&own, &[7; 300]).unwrap();
        assert_eq!(sent.bytes[0], 0x33);
        let outer = wire::PreKeySignalMessage::decode(&sent.bytes[1..]).unwrap();
        assert_eq!(outer.pre_key_id, pre_key.map(|(id, _)| id));
        assert_eq!(
            outer.base_key.as_deref(),
            session.base_key().map(PublicKey::to_typed).as_ref().map(|k| &k[..])
        );
        assert_eq!(outer.identity_key.as_deref(), Some(&own.key.public().to_typed()[..]));
        assert_eq!((outer.registration_id, outer.signed_pre_key_id), (Some(300), Some(70_000)));
        let inner = outer.message.unwrap();
        assert_eq!(inner[0], 0x33);
        let inner = wire::SignalMessage::decode(&inner[1..inner.len() - 8]).unwrap();
        assert_eq!((inner.counter, inner.previous_counter), (Some(1), Some(0)));
        assert_eq!(inner.ratchet_key.unwrap().len(), 33);
        assert_eq!(inner.ciphertext.unwrap().len(), 304);
    }
    let mut key = SenderKey::create(&mut rng);
    let distribution = key.distribution().unwrap();
    assert_eq!(distribution[0], 0x33);
    let distribution = wire::SenderKeyDistributionMessage::decode(&distribution[1..]).unwrap();
    assert_eq!((distribution.iteration, distribution.chain_key.unwrap().len()), (Some(0), 32));
    key.encrypt(b"", &mut rng).unwrap();
    let sent = key.encrypt(&[7; 16], &mut rng).unwrap();
    let message = wire::SenderKeyMessage::decode(&sent.bytes[1..sent.bytes.len() - 64]).unwrap();
    assert_eq!((message.id, message.iteration), (distribution.id, Some(1)));
    assert_eq!(message.ciphertext.unwrap().len(), 32);
    let signing = PublicKey::from_typed(&distribution.signing_key.unwrap()).unwrap();
    let (signed, signature) = sent.bytes.split_at(sent.bytes.len() - 64);
    assert!(signing.verify(&[signed], signature).is_ok());
}
