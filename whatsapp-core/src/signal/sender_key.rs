//! Sender keys: one chain for all members of a group.
use std::{collections::VecDeque, fmt};

use bytes::Bytes;
use prost::Message;
use rand::{CryptoRng, RngExt};
use zeroize::{Zeroize, Zeroizing};

use super::{
    Ciphertext, CiphertextKind, SignalError,
    chain::{ChainKey, GroupKeys, Seed, Skipped},
    session::array,
    wire::{self, SenderKeyMessage},
};
use crate::{
    crypto::{self, KeyPair, PrivateKey, PublicKey},
    proto::{session as record, signal},
};

const MAX_STATES: usize = 5;
const MAX_FORWARD: u32 = 2000;
const MAX_SKIPPED: usize = 2000;

/// The sender-key record of one sender in one group: up to five chains, the newest first.
#[derive(Clone, Default)]
pub struct SenderKey {
    states: VecDeque<State>,
}

#[derive(Clone)]
struct State {
    id: u32,
    chain: ChainKey,
    signing_public: PublicKey,
    signing_private: Option<PrivateKey>,
    skipped: VecDeque<Skipped>,
}

impl SenderKey {
    /// A new chain of our own.
    pub fn create(rng: &mut impl CryptoRng) -> Self {
        let signing = KeyPair::generate(rng);
        let mut key = [0; 32];
        rng.fill(&mut key);
        let state = State {
            id: rng.random_range(0..=0x7fff_ffff),
            chain: ChainKey::new(key),
            signing_public: signing.public(),
            signing_private: Some(signing.private().clone()),
            skipped: VecDeque::new(),
        };
        Self { states: [state].into() }
    }

    /// What members need to read messages from here on; encrypt it for each of them. Secret.
    ///
    /// # Errors
    /// When there is no chain.
    pub fn distribution(&self) -> Result<Bytes, SignalError> {
        let state = self.states.front().ok_or(SignalError::NoSession)?;
        Ok(wire::versioned(&signal::SenderKeyDistributionMessage {
            id: Some(state.id),
            iteration: Some(state.chain.counter),
            chain_key: Some(Bytes::copy_from_slice(&state.chain.key)),
            signing_key: Some(Bytes::copy_from_slice(&state.signing_public.to_typed())),
        }))
    }

    /// Takes a member's chain in. One that is known with the same keys stays as far as it got.
    ///
    /// # Errors
    /// When the bytes are no distribution.
    pub fn process(existing: Option<Self>, distribution: &[u8]) -> Result<Self, SignalError> {
        const WHAT: SignalError = SignalError::Malformed("a sender-key distribution");
        let message = wire::parse_distribution(distribution)?;
        let (Some(id), Some(iteration), Some(key), Some(signing)) =
            (message.id, message.iteration, message.chain_key, message.signing_key)
        else {
            return Err(WHAT);
        };
        let chain = ChainKey { key: key[..].try_into().map_err(|_| WHAT)?, counter: iteration };
        let signing_public = PublicKey::from_typed(&signing)?;
        let mut record = existing.unwrap_or_default();
        let known = |state: &&State| state.id == id && state.signing_public == signing_public;
        if record.states.iter().any(|state| known(&state) && state.chain.counter >= iteration) {
            return Ok(record);
        }
        record.states.retain(|state| state.id != id);
        record.states.push_front(State {
            id,
            chain,
            signing_public,
            signing_private: None,
            skipped: VecDeque::new(),
        });
        record.states.truncate(MAX_STATES);
        Ok(record)
    }

    /// Encrypts the next message of our chain.
    ///
    /// # Errors
    /// When the record is not ours.
    pub fn encrypt(&mut self, plaintext: &[u8], rng: &mut impl CryptoRng) -> Result<Ciphertext, SignalError> {
        let state = self.states.front_mut().ok_or(SignalError::NoSession)?;
        let signing = state.signing_private.as_ref().ok_or(SignalError::NotOurs)?;
        let iteration = state.chain.counter;
        let seed = state.chain.step().ok_or(SignalError::TooFarAhead)?;
        let keys = GroupKeys::derive(&seed);
        let mut out = SenderKeyMessage::start(state.id, iteration, (plaintext.len() / 16 + 1) * 16);
        crypto::aes_cbc_encrypt_onto(&keys.cipher, &keys.iv, plaintext, &mut out);
        let signature = signing.sign(&[&out], rng);
        out.extend_from_slice(&signature);
        Ok(Ciphertext { kind: CiphertextKind::SenderKey, bytes: out.into() })
    }

    /// Decrypts a `skmsg`.
    ///
    /// # Errors
    /// When it does not decrypt; nothing has changed then.
    pub fn decrypt(&mut self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, SignalError> {
        let message = SenderKeyMessage::parse(message)?;
        let state =
            self.states.iter_mut().find(|state| state.id == message.id).ok_or(SignalError::NoSession)?;
        state
            .signing_public
            .verify(&[message.signed], message.signature)
            .map_err(|_| SignalError::BadSignature)?;
        state.decrypt(&message)
    }

    /// To be stored: secret.
    pub fn to_bytes(&self) -> Bytes {
        let mut record = record::SenderKey { states: self.states.iter().map(State::encode).collect() };
        let bytes = record.encode_to_vec();
        for state in &mut record.states {
            state.chain_key.zeroize();
            state.signing_private.zeroize();
            state.skipped.iter_mut().for_each(|skipped| skipped.seed.zeroize());
        }
        bytes.into()
    }

    /// From what [`SenderKey::to_bytes`] gave.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignalError> {
        let record =
            record::SenderKey::decode(bytes).map_err(|_| SignalError::Malformed("a sender-key record"))?;
        let states = record.states.iter().take(MAX_STATES).map(State::decode).collect::<Result<_, _>>()?;
        Ok(Self { states })
    }
}

impl State {
    fn decrypt(&mut self, message: &SenderKeyMessage<'_>) -> Result<Zeroizing<Vec<u8>>, SignalError> {
        if message.iteration < self.chain.counter {
            let kept = self.skipped.iter().position(|skipped| skipped.counter == message.iteration);
            let kept = kept.ok_or(SignalError::Duplicate)?;
            let plaintext = open(&self.skipped[kept].seed, message)?;
            self.skipped.remove(kept);
            return Ok(plaintext);
        }
        if message.iteration - self.chain.counter > MAX_FORWARD {
            return Err(SignalError::TooFarAhead);
        }
        let mut chain = self.chain.clone();
        let mut passed = Vec::new();
        let seed: Seed = loop {
            let counter = chain.counter;
            let seed = chain.step().ok_or(SignalError::TooFarAhead)?;
            if counter == message.iteration {
                break seed;
            }
            passed.push(Skipped { counter, seed: *seed });
        };
        let plaintext = open(&seed, message)?;
        self.chain = chain;
        self.skipped.extend(passed);
        let excess = self.skipped.len().saturating_sub(MAX_SKIPPED);
        self.skipped.drain(..excess);
        Ok(plaintext)
    }

    fn encode(&self) -> record::SenderKeyState {
        let skipped = self.skipped.iter();
        record::SenderKeyState {
            id: self.id,
            iteration: self.chain.counter,
            chain_key: self.chain.key.to_vec(),
            signing_public: self.signing_public.as_bytes().to_vec(),
            signing_private: self.signing_private.as_ref().map(|key| key.expose().to_vec()),
            skipped: skipped.map(|s| record::Skipped { counter: s.counter, seed: s.seed.to_vec() }).collect(),
        }
    }

    fn decode(record: &record::SenderKeyState) -> Result<Self, SignalError> {
        let skipped = record.skipped.iter();
        Ok(Self {
            id: record.id,
            chain: ChainKey { key: array(&record.chain_key)?, counter: record.iteration },
            signing_public: PublicKey::from_raw(&record.signing_public)?,
            signing_private: record.signing_private.as_deref().map(PrivateKey::from_raw).transpose()?,
            skipped: skipped
                .map(|s| Ok(Skipped { counter: s.counter, seed: array(&s.seed)? }))
                .collect::<Result<_, SignalError>>()?,
        })
    }
}

fn open(seed: &[u8; 32], message: &SenderKeyMessage<'_>) -> Result<Zeroizing<Vec<u8>>, SignalError> {
    let keys = GroupKeys::derive(seed);
    crypto::aes_cbc_decrypt(&keys.cipher, &keys.iv, message.ciphertext)
        .map(Zeroizing::new)
        .map_err(|_| SignalError::Malformed("a message's padding"))
}

impl fmt::Debug for SenderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chains: Vec<_> = self.states.iter().map(|state| (state.id, state.chain.counter)).collect();
        f.debug_struct("SenderKey").field("chains", &chains).finish_non_exhaustive()
    }
}
