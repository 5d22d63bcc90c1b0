//! A person's phone: a true Signal endpoint inside the network.
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::OnceLock,
};

use bytes::Bytes;
use compact_str::CompactString;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde::Serialize;
use whatsapp_store::Content;

use super::{payload, reading, report::Inbox, routing::Envelope};
use crate::{
    crypto::{KeyPair, PublicKey},
    jid::Jid,
    signal::{
        self, Address, Ciphertext, LocalIdentity, PreKey, PreKeyBundle, PreKeyMessage, SenderKey, Session,
        SignalError, SignedPreKey,
    },
};

/// A message as the phone shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Shown {
    /// Its id.
    pub id: String,
    /// The chat: the other person by number, or a group.
    pub chat: String,
    /// The writer, by number.
    pub sender: String,
    /// Written by this person, on this or another device?
    pub from_me: bool,
    /// Its text or description.
    pub content: Content,
}

/// Keys, sessions and messages of a phone.
pub(super) struct Phone {
    keys: LazyKeys,
    one_time: BTreeMap<u32, PreKey>,
    next_pre_key: u32,
    /// Sessions by LID address: the network knows every mapping.
    sessions: HashMap<Address, Session>,
    /// Sender keys by group and member's device; the phone's own has no device.
    sender_keys: HashMap<(Jid, Option<Address>), SenderKey>,
    /// The shown messages: an id of one sender, and the group if it was in one.
    seen: HashSet<(Option<CompactString>, usize, CompactString)>,
    /// How many ciphertexts came from a person under an id.
    ciphertexts: HashMap<(usize, CompactString), u32>,
    /// The sent messages, to answer retries.
    pub(super) sent: HashMap<String, Sent>,
    pub(super) inbox: Inbox,
    pub(super) replies: usize,
    pub(super) corrupt_next: bool,
    pub(super) app_state_key: Option<[u8; 32]>,
}

/// The long-term keys of a phone, made on first use: most people of a large network never get a
/// message.
struct LazyKeys {
    seed: [u8; 32],
    made: OnceLock<Box<Keys>>,
}

struct Keys {
    own: LocalIdentity,
    signed: SignedPreKey,
}

impl LazyKeys {
    fn new(rng: &mut StdRng) -> Self {
        let mut seed = [0; 32];
        rng.fill(&mut seed);
        Self { seed, made: OnceLock::new() }
    }

    fn made(&self) -> &Keys {
        self.made.get_or_init(|| Box::new(Keys::generate(&mut StdRng::from_seed(self.seed))))
    }
}

impl Keys {
    fn generate(rng: &mut StdRng) -> Self {
        let key = KeyPair::generate(rng);
        let signed = SignedPreKey::generate(1, &key, rng);
        Self { own: LocalIdentity { key, registration_id: rng.random_range(1..0x3fff) }, signed }
    }
}

/// A message that a phone sent.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) envelope: Envelope,
    pub(super) payload: Bytes,
}

/// The result of a ciphertext on a phone.
pub(super) enum Opened {
    /// New to it.
    Message(payload::Opened),
    /// Only a group key, which the phone keeps.
    Key,
    /// Shown before, or a copy that came twice.
    Again,
    /// The phone requests it again.
    Failed(SignalError),
}

impl Phone {
    pub(super) fn new(rng: &mut StdRng) -> Self {
        Self {
            keys: LazyKeys::new(rng),
            one_time: BTreeMap::new(),
            next_pre_key: 1,
            sessions: HashMap::new(),
            sender_keys: HashMap::new(),
            seen: HashSet::new(),
            ciphertexts: HashMap::new(),
            sent: HashMap::new(),
            inbox: Inbox::default(),
            replies: 0,
            corrupt_next: false,
            app_state_key: None,
        }
    }

    #[cfg(test)]
    pub(super) fn has_keys(&self) -> bool {
        self.keys.made.get().is_some()
    }

    pub(super) fn identity(&self) -> PublicKey {
        self.keys.made().own.key.public()
    }

    pub(super) fn account_key(&self) -> &KeyPair {
        &self.keys.made().own.key
    }

    /// A bundle with a fresh one-time prekey.
    pub(super) fn bundle(&mut self, rng: &mut StdRng) -> PreKeyBundle {
        let key = PreKey::generate(self.next_pre_key, rng);
        self.next_pre_key = self.next_pre_key % 0x00ff_ffff + 1;
        let pre_key = Some((key.id, key.key.public()));
        self.one_time.insert(key.id, key);
        let Keys { own, signed } = self.keys.made();
        PreKeyBundle {
            registration_id: own.registration_id,
            identity: own.key.public(),
            signed_pre_key_id: signed.id,
            signed_pre_key: signed.key.public(),
            signed_pre_key_signature: signed.signature,
            pre_key,
        }
    }

    pub(super) fn has_session(&self, device: &Address) -> bool {
        self.sessions.contains_key(device)
    }

    pub(super) fn start_session(
        &mut self,
        device: Address,
        bundle: &PreKeyBundle,
        rng: &mut StdRng,
    ) -> Result<(), SignalError> {
        let existing = self.sessions.get(&device).cloned();
        let session = Session::initiate(existing, &self.keys.made().own, bundle, rng)?;
        self.sessions.insert(device, session);
        Ok(())
    }

    pub(super) fn seal(
        &mut self,
        device: &Address,
        plaintext: &[u8],
        rng: &mut StdRng,
    ) -> Option<Ciphertext> {
        let padded = payload::pad(plaintext, rng);
        self.sessions.get_mut(device)?.encrypt(&self.keys.made().own, &padded).ok()
    }

    /// Encrypts for a group. Returns the message that distributes the key, and the ciphertext.
    pub(super) fn seal_for_group(
        &mut self,
        group: &Jid,
        plaintext: &[u8],
        rng: &mut StdRng,
    ) -> Option<(Bytes, Bytes)> {
        let own = self.sender_keys.entry((group.clone(), None)).or_insert_with(|| SenderKey::create(rng));
        let key = payload::hand_out_sender_key(&group.to_string(), &own.distribution().ok()?);
        let padded = payload::pad(plaintext, rng);
        let sealed = own.encrypt(&padded, rng).ok()?;
        Some((key, sealed.bytes))
    }

    /// How many ciphertexts came from a person under an id.
    pub(super) fn ciphertexts_of(&self, sender: usize, id: &str) -> u32 {
        self.ciphertexts.get(&(sender, id.into())).copied().unwrap_or(0)
    }

    /// Decrypts an `enc` from `sender`.
    pub(super) fn open(
        &mut self,
        sender: &Address,
        envelope: &Envelope,
        kind: &str,
        bytes: &[u8],
        rng: &mut StdRng,
    ) -> Opened {
        let (chat, id) = (&envelope.to, CompactString::from(&envelope.id));
        *self.ciphertexts.entry((envelope.sender.person, id.clone())).or_default() += 1;
        let plaintext = match self.decrypt(sender, chat, kind, bytes, rng) {
            Ok(plaintext) => plaintext,
            Err(SignalError::Duplicate) => {
                self.inbox.duplicates += 1;
                return Opened::Again;
            }
            Err(error) => {
                self.inbox.failures += 1;
                return Opened::Failed(error);
            }
        };
        let Some(opened) = payload::unpad(&plaintext).and_then(payload::open) else {
            self.inbox.failures += 1;
            return Opened::Failed(SignalError::Malformed("a plaintext"));
        };
        if let Some((group, distribution)) = payload::sender_key(&opened.message) {
            if group == chat.to_string() {
                self.keep_sender_key(chat, sender, &distribution);
            }
            if reading::shown(&opened.message).is_none() {
                return Opened::Key;
            }
        }
        let group = chat.is_group().then(|| chat.user.clone());
        if !self.seen.insert((group, envelope.sender.person, id)) {
            self.inbox.duplicates += 1;
            return Opened::Again;
        }
        Opened::Message(opened)
    }

    fn keep_sender_key(&mut self, chat: &Jid, sender: &Address, distribution: &[u8]) {
        let key = (chat.clone(), Some(sender.clone()));
        let existing = self.sender_keys.get(&key).cloned();
        match SenderKey::process(existing, distribution) {
            Ok(sender_key) => drop(self.sender_keys.insert(key, sender_key)),
            Err(_) => self.inbox.failures += 1,
        }
    }

    fn decrypt(
        &mut self,
        sender: &Address,
        chat: &Jid,
        kind: &str,
        bytes: &[u8],
        rng: &mut StdRng,
    ) -> Result<Vec<u8>, SignalError> {
        if kind == "skmsg" {
            let key = self.sender_keys.get_mut(&(chat.clone(), Some(sender.clone())));
            return key.ok_or(SignalError::NoSession)?.decrypt(bytes).map(|plain| plain.to_vec());
        }
        if kind == "msg" {
            let session = self.sessions.get_mut(sender).ok_or(SignalError::NoSession)?;
            return session.decrypt(&self.keys.made().own, bytes, rng).map(|plain| plain.to_vec());
        }
        let message = PreKeyMessage::parse(bytes)?;
        let one_time = message.pre_key_id().and_then(|id| self.one_time.get(&id));
        let existing = self.sessions.get(sender).cloned();
        let Keys { own, signed } = self.keys.made();
        let received = signal::receive_pre_key(existing, own, Some(signed), one_time, &message, rng)?;
        if let Some(id) = received.used_pre_key {
            self.one_time.remove(&id);
        }
        self.sessions.insert(sender.clone(), received.session);
        Ok(received.plaintext.to_vec())
    }

    /// One of the account's messages was delivered, read, …
    pub(super) fn note_receipt(&mut self, id: &str, kind: &str) {
        const RISING: [&str; 4] = ["inactive", "delivery", "read", "played"];
        let rank = |kind: &str| RISING.iter().position(|known| *known == kind);
        let status = self.inbox.receipts.entry(id.to_owned()).or_default();
        if rank(kind) > rank(status) {
            kind.clone_into(status);
        }
    }
}
