//! Two parties, in all orders.
use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::*;
use crate::crypto::KeyPair;

struct Party {
    own: LocalIdentity,
    signed: SignedPreKey,
    one_time: Vec<PreKey>,
    session: Option<Session>,
    rng: StdRng,
}

impl Party {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let key = KeyPair::generate(&mut rng);
        let signed = SignedPreKey::generate(7, &key, &mut rng);
        let one_time = (1..=3).map(|id| PreKey::generate(id, &mut rng)).collect();
        Self { own: LocalIdentity { key, registration_id: 99 }, signed, one_time, session: None, rng }
    }

    fn bundle(&self) -> PreKeyBundle {
        PreKeyBundle {
            registration_id: self.own.registration_id,
            identity: self.own.key.public(),
            signed_pre_key_id: self.signed.id,
            signed_pre_key: self.signed.key.public(),
            signed_pre_key_signature: self.signed.signature,
            pre_key: self.one_time.first().map(|key| (key.id, key.key.public())),
        }
    }

    fn initiate(&mut self, peer: &Party) {
        let existing = self.session.take();
        self.session = Some(Session::initiate(existing, &self.own, &peer.bundle(), &mut self.rng).unwrap());
    }

    fn encrypt(&mut self, text: &[u8]) -> Ciphertext {
        self.session.as_mut().unwrap().encrypt(&self.own, text).unwrap()
    }

    fn decrypt(&mut self, message: &Ciphertext) -> Result<Vec<u8>, SignalError> {
        if message.kind == CiphertextKind::Message {
            let session = self.session.as_mut().ok_or(SignalError::NoSession)?;
            return session
                .decrypt(&self.own, &message.bytes, &mut self.rng)
                .map(|plaintext| plaintext.to_vec());
        }
        let parsed = PreKeyMessage::parse(&message.bytes)?;
        let one_time = self.one_time.iter().find(|key| Some(key.id) == parsed.pre_key_id());
        let existing = self.session.clone();
        let received = receive_pre_key(existing, &self.own, &self.signed, one_time, &parsed, &mut self.rng)?;
        self.session = Some(received.session);
        self.one_time.retain(|key| Some(key.id) != received.used_pre_key);
        Ok(received.plaintext.to_vec())
    }

    fn reload(&mut self) {
        let bytes = self.session.as_ref().map(Session::to_bytes);
        self.session = bytes.map(|bytes| Session::from_bytes(&bytes).unwrap());
    }
}

#[test]
fn first_messages_introduce_then_plain_ones_follow() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    let first = alice.encrypt(b"one");
    let second = alice.encrypt(b"two");
    assert_eq!((first.kind, second.kind), (CiphertextKind::PreKey, CiphertextKind::PreKey));
    assert_eq!(bob.decrypt(&first).unwrap(), b"one");
    assert_eq!(bob.one_time.len(), 2, "the one-time prekey is used up");
    assert_eq!(bob.decrypt(&second).unwrap(), b"two", "a repeated introduction needs no prekey again");
    assert_eq!(bob.decrypt(&first), Err(SignalError::Duplicate));
    let answer = bob.encrypt(b"three");
    assert_eq!(answer.kind, CiphertextKind::Message);
    assert_eq!(alice.decrypt(&answer).unwrap(), b"three");
    assert_eq!(alice.encrypt(b"four").kind, CiphertextKind::Message);
    assert_eq!(alice.session.unwrap().remote_identity(), Some(bob.own.key.public()));
}

#[test]
fn a_bundle_that_its_identity_did_not_sign_is_refused() {
    let (mut alice, bob) = (Party::new(1), Party::new(2));
    let mut bundle = bob.bundle();
    bundle.identity = Party::new(3).own.key.public();
    let refused = Session::initiate(None, &alice.own, &bundle, &mut alice.rng);
    assert_eq!(refused.unwrap_err(), SignalError::BadSignature);
}

#[test]
fn prekeys_that_are_not_there_are_named() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    let first = alice.encrypt(b"one");
    bob.one_time.clear();
    assert_eq!(bob.decrypt(&first), Err(SignalError::UnknownPreKey(1)));
    bob.signed.id = 8;
    assert_eq!(bob.decrypt(&first), Err(SignalError::UnknownSignedPreKey(7)));
    assert!(bob.session.is_none());
}

#[test]
fn both_start_at_once_and_converge() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    bob.initiate(&alice);
    let (from_alice, from_bob) = (alice.encrypt(b"a"), bob.encrypt(b"b"));
    assert_eq!(bob.decrypt(&from_alice).unwrap(), b"a");
    assert_eq!(alice.decrypt(&from_bob).unwrap(), b"b");
    for round in 0..6u8 {
        let (from_alice, from_bob) = (alice.encrypt(&[round]), bob.encrypt(&[round, 1]));
        assert_eq!(bob.decrypt(&from_alice).unwrap(), [round]);
        assert_eq!(alice.decrypt(&from_bob).unwrap(), [round, 1]);
    }
}

#[test]
fn limits() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    let first = alice.encrypt(b"0");
    bob.decrypt(&first).unwrap();
    let hello = bob.encrypt(b"hello");
    alice.decrypt(&hello).unwrap();
    let messages: Vec<_> = (0..2002).map(|_| alice.encrypt(b"x")).collect();
    let mut other = Party { session: bob.session.clone(), ..Party::new(2) };
    assert_eq!(other.decrypt(&messages[2001]), Err(SignalError::TooFarAhead));
    assert_eq!(bob.decrypt(&messages[2000]).unwrap(), b"x");
    assert_eq!(bob.decrypt(&messages[0]).unwrap(), b"x", "2,000 keys are kept");
    assert_eq!(bob.decrypt(&messages[0]), Err(SignalError::Duplicate));
}

#[test]
fn tampering_with_any_byte_changes_nothing() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    let first = alice.encrypt(b"one");
    for at in 0..first.bytes.len() {
        let mut bytes = first.bytes.to_vec();
        bytes[at] ^= 0x40;
        let tampered = Ciphertext { bytes: bytes.into(), ..first.clone() };
        // The registration id is not authenticated by the protocol; every other byte is.
        if let Ok(plaintext) = bob.decrypt(&tampered) {
            assert_eq!(plaintext, b"one");
            assert_ne!(PreKeyMessage::parse(&tampered.bytes).unwrap().registration_id(), 99);
            bob = Party::new(2);
        }
        assert!(bob.session.is_none() && bob.one_time.len() == 3, "byte {at}");
    }
    bob.decrypt(&first).unwrap();
    let answer = bob.encrypt(b"two");
    let before = alice.session.as_ref().unwrap().to_bytes();
    for at in 0..answer.bytes.len() {
        let mut bytes = answer.bytes.to_vec();
        bytes[at] ^= 1;
        assert!(alice.decrypt(&Ciphertext { bytes: bytes.into(), ..answer.clone() }).is_err(), "byte {at}");
        assert_eq!(alice.session.as_ref().unwrap().to_bytes(), before, "byte {at}");
    }
    assert_eq!(alice.decrypt(&answer).unwrap(), b"two");
}

#[test]
fn groups() {
    let mut rng = StdRng::seed_from_u64(4);
    let mut ours = SenderKey::create(&mut rng);
    let early = ours.encrypt(b"before you came", &mut rng).unwrap();
    let mut theirs = SenderKey::process(None, &ours.distribution().unwrap()).unwrap();
    let messages: Vec<_> = (0..5u8).map(|n| ours.encrypt(&[n], &mut rng).unwrap()).collect();
    assert_eq!(theirs.decrypt(&early.bytes), Err(SignalError::Duplicate), "the chain does not run backwards");
    for n in [3, 1, 0, 4, 2u8] {
        theirs = SenderKey::from_bytes(&theirs.to_bytes()).unwrap();
        assert_eq!(theirs.decrypt(&messages[usize::from(n)].bytes).unwrap().to_vec(), [n]);
    }
    assert_eq!(theirs.decrypt(&messages[1].bytes), Err(SignalError::Duplicate));
    let mut forged = ours.encrypt(b"x", &mut rng).unwrap().bytes.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(theirs.decrypt(&forged), Err(SignalError::BadSignature));
    assert_eq!(theirs.encrypt(b"x", &mut rng), Err(SignalError::NotOurs));
    // A distribution that is repeated does not set the chain back.
    let old = ours.distribution().unwrap();
    let late = ours.encrypt(b"late", &mut rng).unwrap();
    theirs.decrypt(&late.bytes).unwrap();
    theirs = SenderKey::process(Some(theirs), &old).unwrap();
    assert_eq!(theirs.decrypt(&late.bytes), Err(SignalError::Duplicate));
}

#[test]
fn debug_shows_no_secrets() {
    let (mut alice, bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    let text = format!("{:?} {:?} {:?} {:?}", alice.own, alice.signed, alice.one_time, alice.session);
    for secret in [alice.own.key.private(), alice.signed.key.private(), alice.one_time[0].key.private()] {
        let hex = data_encoding::HEXLOWER.encode(&secret.expose()[..4]);
        let list = format!("{:?}", &secret.expose()[..4]);
        assert!(!text.contains(&hex) && !text.contains(list.trim_matches(['[', ']'])), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the order, the losses, the repeats and the reloads: what arrives decrypts to what was sent, once.
    #[test]
    fn any_schedule(seed in any::<u64>(), steps in prop::collection::vec((0u8..6, any::<prop::sample::Index>()), 1..120)) {
        let mut parties = [Party::new(seed), Party::new(seed ^ 0x5555)];
        let (alice, bob) = parties.split_at_mut(1);
        alice[0].initiate(&bob[0]);
        let mut wires: [Vec<(Vec<u8>, Ciphertext)>; 2] = [Vec::new(), Vec::new()];
        let mut seen = std::collections::HashSet::new();
        let mut number = 0u32;
        for (action, index) in steps {
            let side = usize::from(action % 2);
            match action {
                0 | 1 if parties[side].session.is_some() => {
                    number += 1;
                    let text = number.to_be_bytes().to_vec();
                    let message = parties[side].encrypt(&text);
                    wires[side].push((text, message));
                }
                2 | 3 if !wires[side].is_empty() => {
                    let at = index.index(wires[side].len());
                    let (text, message) = wires[side][at].clone();
                    let got = parties[1 - side].decrypt(&message);
                    if seen.insert(text.clone()) {
                        prop_assert_eq!(got, Ok(text));
                    } else {
                        prop_assert_eq!(got, Err(SignalError::Duplicate));
                    }
                    if index.index(3) > 0 {
                        wires[side].remove(at);
                    }
                }
                4 | 5 => parties[side].reload(),
                _ => {}
            }
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), version in any::<bool>()) {
        if version && !bytes.is_empty() {
            bytes[0] = 0x33;
        }
        let mut party = Party::new(1);
        let _ = PreKeyMessage::parse(&bytes);
        let _ = Session::from_bytes(&bytes);
        let _ = SenderKey::from_bytes(&bytes);
        let _ = SenderKey::process(None, &bytes);
        let _ = PreKey::from_bytes(&bytes);
        party.initiate(&Party::new(2));
        for kind in [CiphertextKind::Message, CiphertextKind::PreKey] {
            let decrypted = party.decrypt(&Ciphertext { kind, bytes: bytes.clone().into() });
            prop_assert!(decrypted.is_err());
        }
    }
}
