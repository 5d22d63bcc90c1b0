//! Two parties.
mod groups;
mod schedules;

use prost::Message as _;
use rand::{SeedableRng, rngs::StdRng};

use super::*;
use crate::{
    crypto::{KeyError, KeyPair, PublicKey},
    proto::session as record,
    time::Timestamp,
};

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
        let received =
            receive_pre_key(existing, &self.own, Some(&self.signed), one_time, &parsed, &mut self.rng)?;
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
fn first_messages_are_pkmsg_until_the_peer_answers() {
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
fn missing_prekeys_give_typed_errors() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    let first = alice.encrypt(b"one");
    bob.one_time.clear();
    assert_eq!(bob.decrypt(&first), Err(SignalError::UnknownPreKey(1)));
    bob.signed.id = 8;
    assert_eq!(bob.decrypt(&first), Err(SignalError::UnknownSignedPreKey(7)));
    assert!(bob.session.is_none());
}

/// A sender fetched the bundle before a rotation, and writes after it.
#[test]
fn a_former_signed_prekey_works_until_it_is_deleted() {
    let start = Timestamp::from_secs(1_790_000_000);
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    let mut keys = SignedPreKeys::generate(&bob.own.key, start, &mut bob.rng);
    bob.signed = keys.current().clone();
    bob.one_time.clear();
    alice.initiate(&bob);
    let first = alice.encrypt(b"one");
    let message = PreKeyMessage::parse(&first.bytes).unwrap();
    assert_eq!(message.signed_pre_key_id(), 1);
    for rotation in 1..=2 {
        let now = keys.next_rotation();
        keys.rotate(&bob.own.key, now, &mut bob.rng);
        let named = keys.find(message.signed_pre_key_id());
        let received = receive_pre_key(None, &bob.own, named, None, &message, &mut bob.rng).unwrap();
        assert_eq!(received.plaintext.as_slice(), b"one", "after rotation {rotation}");
        let another = receive_pre_key(None, &bob.own, Some(keys.current()), None, &message, &mut bob.rng);
        assert_eq!(another.unwrap_err(), SignalError::UnknownSignedPreKey(1), "the id decides");
    }
    let now = keys.next_rotation();
    keys.rotate(&bob.own.key, now, &mut bob.rng);
    assert!(keys.find(1).is_none());
    let named = keys.find(message.signed_pre_key_id());
    let error = receive_pre_key(None, &bob.own, named, None, &message, &mut bob.rng).unwrap_err();
    assert_eq!((error.clone(), error.retry_reason()), (SignalError::UnknownSignedPreKey(1), 3));
}

#[test]
fn simultaneous_sessions_converge() {
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
fn a_pkmsg_repeated_under_another_identity_is_refused() {
    let (mut alice, mut bob, eve) = (Party::new(1), Party::new(2), Party::new(3));
    alice.initiate(&bob);
    let (first, second) = (alice.encrypt(b"one"), alice.encrypt(b"two"));
    bob.decrypt(&first).unwrap();
    let replace = |bytes: &[u8], from: &PublicKey, to: &PublicKey| {
        let at = bytes.windows(32).position(|window| window == from.as_bytes()).unwrap();
        [&bytes[..at], to.as_bytes(), &bytes[at + 32..]].concat()
    };
    let forged = replace(&second.bytes, &alice.own.key.public(), &eve.own.key.public());
    let forged = Ciphertext { bytes: forged.into(), ..second.clone() };
    assert_eq!(bob.decrypt(&forged), Err(SignalError::BadMac));
    assert_eq!(bob.decrypt(&second).unwrap(), b"two");
}

#[test]
fn both_use_one_ratchet_after_a_lone_message() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    bob.initiate(&alice);
    let (from_alice, from_bob) = (alice.encrypt(b"a"), bob.encrypt(b"b"));
    bob.decrypt(&from_alice).unwrap();
    alice.decrypt(&from_bob).unwrap();
    let base_key = |party: &Party| party.session.as_ref().unwrap().base_key();
    assert_ne!(base_key(&alice), base_key(&bob), "each answers in the session of the other");
    let alone = alice.encrypt(b"alone");
    bob.decrypt(&alone).unwrap();
    assert_eq!(base_key(&alice), base_key(&bob));
    assert!(!bob.session.as_ref().unwrap().has_pending_pre_key());
}

#[test]
fn forty_former_sessions_are_kept() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    bob.one_time.clear();
    let mut late = Vec::new();
    for _ in 0..42 {
        alice.initiate(&bob);
        let first = alice.encrypt(b"first");
        bob.decrypt(&first).unwrap();
        late.push(alice.encrypt(b"late"));
    }
    let mut oldest = PreKeyMessage::parse(&late[0].bytes).unwrap().message().to_vec();
    let message = |bytes: &[u8]| Ciphertext { kind: CiphertextKind::Message, bytes: bytes.to_vec().into() };
    assert_eq!(bob.decrypt(&message(&oldest)), Err(SignalError::BadMac));
    oldest = PreKeyMessage::parse(&late[1].bytes).unwrap().message().to_vec();
    assert_eq!(bob.decrypt(&message(&oldest)).unwrap(), b"late");
    assert_eq!(bob.decrypt(&late[41]).unwrap(), b"late");
    assert_eq!(alice.session.unwrap().archived_len(), 40);
}

#[test]
fn five_chains_of_the_peer_are_kept() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    let mut late = Vec::new();
    for _ in 0..6 {
        let message = alice.encrypt(b"x");
        late.push(alice.encrypt(b"late"));
        bob.decrypt(&message).unwrap();
        let answer = bob.encrypt(b"y");
        alice.decrypt(&answer).unwrap();
    }
    let inner = PreKeyMessage::parse(&late[0].bytes).unwrap();
    let dropped = Ciphertext { kind: CiphertextKind::Message, bytes: inner.message().to_vec().into() };
    assert_eq!(bob.decrypt(&dropped), Err(SignalError::BadMac));
    for message in &late[1..] {
        assert_eq!(bob.decrypt(message).unwrap(), b"late");
    }
}

#[test]
fn the_oldest_skipped_keys_go_first() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    let messages: Vec<_> = (0..2003).map(|_| alice.encrypt(b"x")).collect();
    bob.decrypt(&messages[1500]).unwrap();
    bob.decrypt(&messages[2002]).unwrap();
    assert_eq!(bob.decrypt(&messages[0]), Err(SignalError::Duplicate), "2,001 were passed over");
    assert_eq!(bob.decrypt(&messages[1]).unwrap(), b"x");
}

#[test]
fn other_versions_are_refused() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    let first = alice.encrypt(b"one");
    for version in [0x00, 0x23, 0x32, 0x34, 0x43, 0xff] {
        let mut bytes = first.bytes.to_vec();
        bytes[0] = version;
        let other = Ciphertext { bytes: bytes.into(), ..first.clone() };
        assert_eq!(bob.decrypt(&other), Err(SignalError::Version(version)));
    }
}

#[test]
fn keys_of_small_order_are_refused() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    let zero = PublicKey::from_array([0; 32]);
    let good = bob.bundle();
    let mut initiate = |bundle: &PreKeyBundle| {
        Session::initiate(None, &alice.own, bundle, &mut alice.rng).map(drop).unwrap_err()
    };
    assert_eq!(initiate(&PreKeyBundle { identity: zero, ..good.clone() }), SignalError::BadSignature);
    let small = PreKeyBundle { pre_key: Some((1, zero)), ..good.clone() };
    assert_eq!(initiate(&small), SignalError::Key(KeyError::SmallOrder));
    let signature = bob.own.key.private().sign(&[&zero.to_typed()], &mut bob.rng);
    let small = PreKeyBundle { signed_pre_key: zero, signed_pre_key_signature: signature, ..good.clone() };
    assert_eq!(initiate(&small), SignalError::Key(KeyError::SmallOrder));
    let mut distribution = SenderKey::create(&mut bob.rng).distribution().unwrap().to_vec();
    let at = distribution.len() - 32;
    distribution[at..].fill(0);
    assert!(matches!(SenderKey::process(None, &distribution), Err(SignalError::Malformed(_))));
}

#[test]
fn encoded_secrets_are_wiped() {
    let (mut alice, bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    alice.initiate(&bob);
    let group = SenderKey::create(&mut alice.rng);
    let session = alice.session.unwrap().to_bytes();
    let secrets = [session, alice.one_time[0].to_bytes(), group.to_bytes(), group.distribution().unwrap()];
    secrets.into_iter().for_each(crate::crypto::assert_wiped_when_dropped);
}

#[test]
fn debug_shows_no_secrets() {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    alice.initiate(&bob);
    let first = alice.encrypt(b"the plaintext");
    let message = PreKeyMessage::parse(&first.bytes).unwrap();
    let one_time = bob.one_time.first();
    let received =
        receive_pre_key(None, &bob.own, Some(&bob.signed), one_time, &message, &mut bob.rng).unwrap();
    let group = SenderKey::create(&mut alice.rng);
    let text = format!(
        "{:?} {:?} {:?} {:?} {group:?} {received:?} {:?} {message:?}",
        alice.own, alice.signed, alice.one_time, alice.session, bob.own,
    );
    let session = record::Session::decode(received.session.to_bytes()).unwrap().current.clone().unwrap();
    let group = record::SenderKey::decode(group.to_bytes()).unwrap().states.remove(0);
    let secrets = [
        alice.own.key.private().expose().to_vec(),
        alice.signed.key.private().expose().to_vec(),
        alice.one_time[0].key.private().expose().to_vec(),
        session.root_key.clone(),
        session.sender_private.clone(),
        session.sender_chain_key.clone(),
        session.receivers[0].chain_key.clone(),
        group.chain_key.clone(),
        group.signing_private.clone().unwrap(),
        b"the plaintext".to_vec(),
    ];
    assert!(!text.contains("plaintext"));
    for secret in &secrets {
        assert!(secret.len() >= 13);
        for part in secret.windows(3) {
            let list = format!("{part:?}");
            assert!(!text.contains(list.trim_matches(['[', ']'])), "{text}");
        }
        for part in secret.windows(4) {
            assert!(!text.to_lowercase().contains(&data_encoding::HEXLOWER.encode(part)), "{text}");
        }
    }
}

#[test]
fn prekeys_made_in_a_batch_survive_storage() {
    let mut rng = StdRng::seed_from_u64(9);
    let keys = PreKey::generate_many(5..12, &mut rng);
    assert_eq!(keys.iter().map(|key| key.id).collect::<Vec<_>>(), [5, 6, 7, 8, 9, 10, 11]);
    for key in &keys {
        let read = PreKey::from_bytes(&key.to_bytes()).unwrap();
        assert_eq!((read.id, read.key.public()), (key.id, key.key.public()));
        assert_eq!(read.key.private().public(), key.key.public());
    }
}
