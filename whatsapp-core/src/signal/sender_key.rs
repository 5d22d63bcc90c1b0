//! Sender keys: one chain for all members of a group.
use std::{collections::VecDeque, fmt};

use bytes::Bytes;
use prost::Message;
use rand::{CryptoRng, RngExt};
use zeroize::Zeroizing;

use super::{
    Ciphertext, CiphertextKind, SignalError,
    chain::{ChainKey, GroupKeys, MAX_SKIPPED, Skipped},
    session::array,
    wire::{self, Distribution, SenderKeyMessage},
};
use crate::{
    crypto::{self, PrivateKey, PublicKey, SignatureError, SigningKey, VerifyingKey},
    proto::session as record,
};

const MAX_STATES: usize = 5;

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
    signing: Signing,
    skipped: VecDeque<Skipped>,
}

/// The signing key, in the form that is fast to use.
#[derive(Clone)]
enum Signing {
    Ours(SigningKey),
    Theirs(VerifyingKey),
    /// Another sender's key as stored, not decoded yet.
    Stored([u8; 32]),
}

impl SenderKey {
    /// A new chain of our own.
    pub fn create(rng: &mut impl CryptoRng) -> Self {
        let (signing, signing_public) = SigningKey::generate(rng);
        let mut key = Zeroizing::new([0; 32]);
        rng.fill(&mut key[..]);
        let state = State {
            id: rng.random_range(0..=0x7fff_ffff),
            chain: ChainKey::new(&key),
            signing_public,
            signing: Signing::Ours(signing),
            skipped: VecDeque::new(),
        };
        Self { states: [state].into() }
    }

    /// The secret that members need to read messages from here on; encrypt it for each of them.
    ///
    /// # Errors
    /// When there is no chain.
    pub fn distribution(&self) -> Result<Bytes, SignalError> {
        let state = self.states.front().ok_or(SignalError::NoSession)?;
        let signing_key = state.signing_public;
        Ok(wire::distribution(state.id, state.chain.counter, &state.chain.key, &signing_key))
    }

    /// Takes a member's chain in. One that is known already stays where it is, so that nothing is read twice and
    /// messages on their way can still be read.
    ///
    /// # Errors
    /// When the bytes are no distribution, or its signing key cannot be one.
    pub fn process(existing: Option<Self>, distribution: &[u8]) -> Result<Self, SignalError> {
        const WHAT: SignalError = SignalError::Malformed("a sender-key distribution");
        let Distribution { id, iteration, chain_key, signing_key: signing_public } =
            Distribution::parse(distribution)?;
        let chain = ChainKey { key: *chain_key, counter: iteration };
        let mut record = existing.unwrap_or_default();
        let mut known = record.states.iter().filter(|state| state.id == id);
        if known.any(|state| state.signing_public == signing_public && state.chain.leads_to(&chain)) {
            return Ok(record);
        }
        let signing = VerifyingKey::new(&signing_public).map_err(|_| WHAT)?;
        record.states.retain(|state| state.id != id);
        record.states.push_front(State {
            id,
            chain,
            signing_public,
            signing: Signing::Theirs(signing),
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
        let Signing::Ours(signing) = &state.signing else { return Err(SignalError::NotOurs) };
        let iteration = state.chain.counter;
        let seed = state.chain.step().ok_or(SignalError::TooFarAhead)?;
        let keys = GroupKeys::derive(&seed);
        let mut out = SenderKeyMessage::start(state.id, iteration, (plaintext.len() / 16 + 1) * 16);
        crypto::aes_cbc_encrypt_onto(keys.cipher(), keys.iv(), plaintext, &mut out);
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
        state.signing.verify(message.signed, message.signature).map_err(|_| SignalError::BadSignature)?;
        state.decrypt(&message)
    }

    /// The bytes to store: secret, and wiped with the last clone.
    pub fn to_bytes(&self) -> Bytes {
        crypto::encode_secret(&record::SenderKey { states: self.states.iter().map(State::encode).collect() })
    }

    /// From the bytes of [`SenderKey::to_bytes`].
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignalError> {
        let record =
            record::SenderKey::decode(bytes).map_err(|_| SignalError::Malformed("a sender-key record"))?;
        let states: Result<_, _> = record.states.iter().take(MAX_STATES).map(State::decode).collect();
        Ok(Self { states: states? })
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
        let (seed, chain, passed) = self.chain.clone().forward(message.iteration)?;
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
            signing_private: match &self.signing {
                Signing::Ours(key) => Some(key.private().expose().to_vec()),
                _ => None,
            },
            signing_edwards: self.signing.edwards().to_vec(),
            skipped: skipped.map(|s| record::Skipped { counter: s.counter, seed: s.seed.to_vec() }).collect(),
        }
    }

    fn decode(record: &record::SenderKeyState) -> Result<Self, SignalError> {
        let skipped = record.skipped.iter();
        let edwards = array(&record.signing_edwards)?;
        let private = record.signing_private.as_deref().map(PrivateKey::from_raw).transpose()?;
        Ok(Self {
            id: record.id,
            chain: ChainKey { key: array(&record.chain_key)?, counter: record.iteration },
            signing_public: PublicKey::from_raw(&record.signing_public)?,
            signing: match private {
                Some(private) => Signing::Ours(SigningKey::from_parts(private, edwards)),
                None => Signing::Stored(edwards),
            },
            skipped: skipped
                .map(|s| Ok(Skipped { counter: s.counter, seed: array(&s.seed)? }))
                .collect::<Result<_, SignalError>>()?,
        })
    }
}

impl Signing {
    fn verify(&mut self, signed: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        if let Self::Stored(edwards) = self {
            *self = Self::Theirs(VerifyingKey::from_edwards(*edwards)?);
        }
        match self {
            Self::Theirs(key) => key.verify(&[signed], signature),
            Self::Ours(key) => key.private().public().verify(&[signed], signature),
            Self::Stored(_) => Err(SignatureError),
        }
    }

    const fn edwards(&self) -> &[u8; 32] {
        match self {
            Self::Ours(key) => key.edwards(),
            Self::Theirs(key) => key.edwards(),
            Self::Stored(edwards) => edwards,
        }
    }
}

fn open(seed: &[u8; 32], message: &SenderKeyMessage<'_>) -> Result<Zeroizing<Vec<u8>>, SignalError> {
    let keys = GroupKeys::derive(seed);
    crypto::aes_cbc_decrypt(keys.cipher(), keys.iv(), message.ciphertext)
        .map(Zeroizing::new)
        .map_err(|_| SignalError::Malformed("a message's padding"))
}

impl fmt::Debug for SenderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chains: Vec<_> = self.states.iter().map(|state| (state.id, state.chain.counter)).collect();
        f.debug_struct("SenderKey").field("chains", &chains).finish_non_exhaustive()
    }
}
