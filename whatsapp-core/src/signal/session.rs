//! All ratchets shared with one device: the one in use, and former ones that late messages may still need.
use std::{collections::VecDeque, fmt};

use bytes::Bytes;
use prost::Message;
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{
    Ciphertext, CiphertextKind, LocalIdentity, PreKey, PreKeyBundle, PreKeyMessage, SignalError,
    SignedPreKey,
    chain::{ChainKey, Skipped},
    state::{Pending, ReceiverChain, State},
    wire::{PreKeyHeader, SignalMessage},
    x3dh,
};
use crate::{
    crypto::{self, KeyPair, PrivateKey, PublicKey},
    proto::session as record,
};

/// The number of former ratchets that are kept.
const MAX_ARCHIVED: usize = 40;

/// The session record of one device.
///
/// Former states stay serialized until a message needs one, so a record costs little however long its history.
#[derive(Clone, Default)]
pub struct Session {
    current: Option<State>,
    /// Serialized, newest first.
    archived: VecDeque<Zeroizing<Vec<u8>>>,
}

/// The result of a `pkmsg`.
pub struct Received {
    /// The record after it.
    pub session: Session,
    /// The plaintext, with padding.
    pub plaintext: Zeroizing<Vec<u8>>,
    /// The one-time prekey that was used up: delete it in the commit that stores the session.
    pub used_pre_key: Option<u32>,
}

impl Session {
    /// Starts a session from a bundle, whose signature is verified. Former ratchets are kept for late messages.
    ///
    /// # Errors
    /// When the bundle is not signed by its identity, or a key in it cannot be used.
    pub fn initiate(
        existing: Option<Self>,
        own: &LocalIdentity,
        bundle: &PreKeyBundle,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, SignalError> {
        let initiated = x3dh::initiate(own, bundle, rng)?;
        let mut session = existing.unwrap_or_default();
        session.make_current(State {
            remote_identity: bundle.identity,
            remote_registration_id: bundle.registration_id,
            root_key: initiated.root_key,
            sender_ratchet: initiated.sender_ratchet,
            sender_chain: ChainKey::new(&initiated.sender_key),
            previous_counter: 0,
            receivers: VecDeque::new(),
            pending: Some(Pending {
                pre_key_id: bundle.pre_key.map(|(id, _)| id),
                signed_pre_key_id: bundle.signed_pre_key_id,
                registration_id: own.registration_id,
            }),
            base_key: initiated.base_key,
        });
        Ok(session)
    }

    /// Encrypts the next message: a `pkmsg` until the peer has answered, then a `msg`.
    ///
    /// # Errors
    /// When there is no session.
    pub fn encrypt(&mut self, own: &LocalIdentity, plaintext: &[u8]) -> Result<Ciphertext, SignalError> {
        let state = self.current.as_mut().ok_or(SignalError::NoSession)?;
        let identity = own.key.public();
        let message = state.encrypt(&identity, plaintext)?;
        let Some(pending) = state.pending else {
            return Ok(Ciphertext { kind: CiphertextKind::Message, bytes: message.into() });
        };
        let header = PreKeyHeader {
            pre_key_id: pending.pre_key_id,
            signed_pre_key_id: pending.signed_pre_key_id,
            registration_id: pending.registration_id,
            base_key: &state.base_key,
            identity: &identity,
        };
        Ok(Ciphertext { kind: CiphertextKind::PreKey, bytes: header.encode(&message) })
    }

    /// Decrypts a `msg`, by the current ratchet or a former one, which then becomes the current one.
    ///
    /// # Errors
    /// When it does not decrypt; nothing has changed then.
    pub fn decrypt(
        &mut self,
        own: &LocalIdentity,
        message: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Zeroizing<Vec<u8>>, SignalError> {
        let message = SignalMessage::parse(message)?;
        let first = match &mut self.current {
            Some(state) => match state.decrypt(own, &message, rng) {
                Err(error) => error,
                decrypted => return decrypted,
            },
            None => SignalError::NoSession,
        };
        if first == SignalError::Duplicate {
            return Err(first);
        }
        for at in 0..self.archived.len() {
            let Ok(mut state) = decode_state(&self.archived[at]) else { continue };
            match state.decrypt(own, &message, rng) {
                Ok(plaintext) => {
                    self.archived.remove(at);
                    self.make_current(state);
                    return Ok(plaintext);
                }
                Err(SignalError::Duplicate) => return Err(SignalError::Duplicate),
                Err(_) => {}
            }
        }
        Err(first)
    }

    /// The peer's identity in the current ratchet.
    pub fn remote_identity(&self) -> Option<PublicKey> {
        self.current.as_ref().map(|state| state.remote_identity)
    }

    /// The peer's registration id in the current ratchet.
    pub fn remote_registration_id(&self) -> Option<u32> {
        self.current.as_ref().map(|state| state.remote_registration_id)
    }

    /// Will the next message be a `pkmsg`?
    pub fn has_pending_pre_key(&self) -> bool {
        self.current.as_ref().is_some_and(|state| state.pending.is_some())
    }

    /// The name of the current ratchet.
    pub fn base_key(&self) -> Option<PublicKey> {
        self.current.as_ref().map(|state| state.base_key)
    }

    /// The bytes to store: secret, and wiped with the last clone.
    pub fn to_bytes(&self) -> Bytes {
        let archived = self.archived.iter().map(|state| state.to_vec()).collect();
        let current = self.current.as_ref().map(encode_state);
        crypto::encode_secret(&record::Session { current, archived })
    }

    /// From the bytes of [`Session::to_bytes`].
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignalError> {
        const WHAT: SignalError = SignalError::Malformed("a session record");
        let mut record = record::Session::decode(bytes).map_err(|_| WHAT)?;
        let current = record.current.as_ref().map(state_of).transpose();
        let archived =
            std::mem::take(&mut record.archived).into_iter().take(MAX_ARCHIVED).map(Zeroizing::new).collect();
        Ok(Self { current: current?, archived })
    }

    #[cfg(test)]
    pub(super) fn archived_len(&self) -> usize {
        self.archived.len()
    }

    fn make_current(&mut self, state: State) {
        if let Some(former) = self.current.replace(state) {
            self.archived.push_front(Zeroizing::new(encode_state(&former).encode_to_vec()));
            self.archived.truncate(MAX_ARCHIVED);
        }
    }

    /// Makes the ratchet of that name the current one, if there is one.
    fn promote(&mut self, base_key: &PublicKey) -> bool {
        if self.base_key().as_ref() == Some(base_key) {
            return true;
        }
        for at in 0..self.archived.len() {
            let Ok(state) = decode_state(&self.archived[at]) else { continue };
            if state.base_key == *base_key {
                self.archived.remove(at);
                self.make_current(state);
                return true;
            }
        }
        false
    }
}

/// Decrypts a `pkmsg`. A repeated one uses the ratchet that it set up, and needs no prekey again.
///
/// `signed` and `one_time` are our prekeys with the ids that the message names, `None` for an unknown id:
/// [`SignedPreKeys::find`](super::SignedPreKeys::find) also finds the former ones.
///
/// # Errors
/// [`SignalError::UnknownSignedPreKey`] or [`SignalError::UnknownPreKey`] when the key that the message names is missing,
/// others when the message does not decrypt.
pub fn receive_pre_key(
    existing: Option<Session>,
    own: &LocalIdentity,
    signed: Option<&SignedPreKey>,
    one_time: Option<&PreKey>,
    message: &PreKeyMessage,
    rng: &mut impl CryptoRng,
) -> Result<Received, SignalError> {
    let mut session = existing.unwrap_or_default();
    if session.promote(&message.base_key()) {
        // The identity beside the message is not under its MAC, but the caller will take it for the sender's.
        if session.remote_identity() != Some(message.identity()) {
            return Err(SignalError::BadMac);
        }
        let plaintext = session.decrypt(own, message.message(), rng)?;
        return Ok(Received { session, plaintext, used_pre_key: None });
    }
    let signed = signed
        .filter(|key| key.id == message.signed_pre_key_id())
        .ok_or(SignalError::UnknownSignedPreKey(message.signed_pre_key_id()))?;
    let one_time = match (message.pre_key_id(), one_time) {
        (Some(id), Some(key)) if key.id == id => Some(key),
        (Some(id), _) => return Err(SignalError::UnknownPreKey(id)),
        (None, _) => None,
    };
    let (root_key, chain_key) =
        x3dh::respond(own, signed, one_time, &message.identity(), &message.base_key())?;
    let mut state = State {
        remote_identity: message.identity(),
        remote_registration_id: message.registration_id(),
        root_key,
        sender_ratchet: signed.key.clone(),
        sender_chain: ChainKey::new(&chain_key),
        previous_counter: 0,
        receivers: VecDeque::new(),
        pending: None,
        base_key: message.base_key(),
    };
    let plaintext = state.decrypt(own, &SignalMessage::parse(message.message())?, rng)?;
    session.make_current(state);
    Ok(Received { session, plaintext, used_pre_key: message.pre_key_id() })
}

fn encode_state(state: &State) -> record::State {
    record::State {
        remote_identity: state.remote_identity.as_bytes().to_vec(),
        root_key: state.root_key.to_vec(),
        sender_private: state.sender_ratchet.private().expose().to_vec(),
        sender_public: state.sender_ratchet.public().as_bytes().to_vec(),
        sender_chain_key: state.sender_chain.key.to_vec(),
        sender_counter: state.sender_chain.counter,
        previous_counter: state.previous_counter,
        receivers: state.receivers.iter().map(encode_receiver).collect(),
        pending: state.pending.map(|pending| record::Pending {
            pre_key_id: pending.pre_key_id,
            signed_pre_key_id: pending.signed_pre_key_id,
            registration_id: pending.registration_id,
        }),
        base_key: state.base_key.as_bytes().to_vec(),
        remote_registration_id: state.remote_registration_id,
    }
}

fn encode_receiver(chain: &ReceiverChain) -> record::ReceiverChain {
    let skipped = chain.skipped.iter();
    record::ReceiverChain {
        ratchet_key: chain.ratchet_key.as_bytes().to_vec(),
        chain_key: chain.chain.key.to_vec(),
        counter: chain.chain.counter,
        skipped: skipped.map(|s| record::Skipped { counter: s.counter, seed: s.seed.to_vec() }).collect(),
    }
}

fn decode_state(bytes: &[u8]) -> Result<State, SignalError> {
    let record = record::State::decode(bytes).map_err(|_| SignalError::Malformed("a session record"))?;
    state_of(&record)
}

fn state_of(record: &record::State) -> Result<State, SignalError> {
    let private = PrivateKey::from_raw(&record.sender_private)?;
    Ok(State {
        remote_identity: PublicKey::from_raw(&record.remote_identity)?,
        remote_registration_id: record.remote_registration_id,
        root_key: Zeroizing::new(array(&record.root_key)?),
        sender_ratchet: KeyPair::from_parts(private, PublicKey::from_raw(&record.sender_public)?),
        sender_chain: ChainKey { key: array(&record.sender_chain_key)?, counter: record.sender_counter },
        previous_counter: record.previous_counter,
        receivers: record.receivers.iter().map(receiver_of).collect::<Result<_, _>>()?,
        pending: record.pending.as_ref().map(|pending| Pending {
            pre_key_id: pending.pre_key_id,
            signed_pre_key_id: pending.signed_pre_key_id,
            registration_id: pending.registration_id,
        }),
        base_key: PublicKey::from_raw(&record.base_key)?,
    })
}

fn receiver_of(record: &record::ReceiverChain) -> Result<ReceiverChain, SignalError> {
    let skipped = record.skipped.iter();
    Ok(ReceiverChain {
        ratchet_key: PublicKey::from_raw(&record.ratchet_key)?,
        chain: ChainKey { key: array(&record.chain_key)?, counter: record.counter },
        skipped: skipped
            .map(|s| Ok(Skipped { counter: s.counter, seed: array(&s.seed)? }))
            .collect::<Result<_, SignalError>>()?,
    })
}

pub(super) fn array(bytes: &[u8]) -> Result<[u8; 32], SignalError> {
    bytes.try_into().map_err(|_| SignalError::Malformed("a key in a record"))
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("session", &self.session)
            .field("used_pre_key", &self.used_pre_key)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("base_key", &self.base_key())
            .field("archived", &self.archived.len())
            .finish_non_exhaustive()
    }
}
