//! One ratchet: the state that two devices share in one session.
use std::collections::VecDeque;

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::{
    LocalIdentity, SignalError,
    chain::{ChainKey, MAX_SKIPPED, MessageKeys, Seed, Skipped, split},
    wire::{MAC_LENGTH, SignalMessage},
    x3dh::Agreed,
};
use crate::crypto::{self, Hmac, KeyPair, Peer, PublicKey, SharedSecret};

/// Chains of the peer that are kept, so that late messages of former ones can be read.
const MAX_RECEIVER_CHAINS: usize = 5;

#[derive(Clone)]
pub(super) struct State {
    pub(super) remote_identity: PublicKey,
    pub(super) remote_registration_id: u32,
    pub(super) root_key: Zeroizing<[u8; 32]>,
    pub(super) sender_ratchet: KeyPair,
    pub(super) sender_chain: ChainKey,
    pub(super) previous_counter: u32,
    /// Newest last.
    pub(super) receivers: VecDeque<ReceiverChain>,
    pub(super) pending: Option<Pending>,
    pub(super) base_key: PublicKey,
}

#[derive(Clone)]
pub(super) struct ReceiverChain {
    pub(super) ratchet_key: PublicKey,
    pub(super) chain: ChainKey,
    /// Oldest first.
    pub(super) skipped: VecDeque<Skipped>,
}

/// The header that each `pkmsg` repeats until the peer has answered.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    pub(super) pre_key_id: Option<u32>,
    pub(super) signed_pre_key_id: u32,
    pub(super) registration_id: u32,
}

/// The changes that a message causes once it is authenticated.
enum Advance {
    /// A key that was kept.
    Kept { chain: usize, at: usize },
    /// Further along a chain that is known.
    Along { chain: usize, key: ChainKey, skipped: Vec<Skipped> },
    /// A new chain of the peer.
    NewChain(Box<RatchetStep>),
}

struct RatchetStep {
    root_key: Zeroizing<[u8; 32]>,
    peer: Peer,
    receiver: ReceiverChain,
}

/// One Diffie-Hellman ratchet step: a new root key, and a chain key beside it.
pub(super) fn ratchet(root_key: &[u8; 32], shared: &SharedSecret) -> Agreed {
    split(&crypto::hkdf::<64>(&shared[..], root_key, b"WhisperRatchet"))
}

impl State {
    /// The next message of our chain.
    pub(super) fn encrypt(&mut self, own: &PublicKey, plaintext: &[u8]) -> Result<Vec<u8>, SignalError> {
        let counter = self.sender_chain.counter;
        let seed = self.sender_chain.step().ok_or(SignalError::TooFarAhead)?;
        let keys = MessageKeys::derive(&seed);
        let length = (plaintext.len() / 16 + 1) * 16;
        let mut out =
            SignalMessage::start(&self.sender_ratchet.public(), counter, self.previous_counter, length);
        crypto::aes_cbc_encrypt_onto(keys.cipher(), keys.iv(), plaintext, &mut out);
        let mac = mac(&keys, own, &self.remote_identity, &out);
        out.extend_from_slice(&mac[..MAC_LENGTH]);
        Ok(out)
    }

    /// Decrypts; on error nothing has changed.
    pub(super) fn decrypt(
        &mut self,
        own: &LocalIdentity,
        message: &SignalMessage<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Zeroizing<Vec<u8>>, SignalError> {
        let (seed, advance) = self.find(message)?;
        let keys = MessageKeys::derive(&seed);
        let expected = mac(&keys, &self.remote_identity, &own.key.public(), message.authenticated);
        if !crypto::macs_equal(&expected[..MAC_LENGTH], message.mac) {
            return Err(SignalError::BadMac);
        }
        let plaintext = crypto::aes_cbc_decrypt(keys.cipher(), keys.iv(), message.ciphertext)
            .map_err(|_| SignalError::Malformed("a message's padding"))?;
        let plaintext = Zeroizing::new(plaintext);
        self.apply(advance, rng)?;
        self.pending = None;
        Ok(plaintext)
    }

    /// The keys for a message, and the changes that their use causes.
    fn find(&self, message: &SignalMessage<'_>) -> Result<(Seed, Advance), SignalError> {
        let known = self.receivers.iter().position(|chain| chain.ratchet_key == message.ratchet_key);
        let Some(at) = known else {
            let peer = Peer::from(&message.ratchet_key);
            let (root_key, key) = ratchet(&self.root_key, &peer.agree(self.sender_ratchet.private())?);
            let (seed, chain, skipped) = ChainKey::new(&key).forward(message.counter)?;
            let receiver = ReceiverChain { ratchet_key: message.ratchet_key, chain, skipped: skipped.into() };
            return Ok((seed, Advance::NewChain(Box::new(RatchetStep { root_key, peer, receiver }))));
        };
        let chain = &self.receivers[at];
        if message.counter >= chain.chain.counter {
            let (seed, key, skipped) = chain.chain.clone().forward(message.counter)?;
            return Ok((seed, Advance::Along { chain: at, key, skipped }));
        }
        let kept = chain.skipped.iter().position(|skipped| skipped.counter == message.counter);
        let kept = kept.ok_or(SignalError::Duplicate)?;
        Ok((Zeroizing::new(chain.skipped[kept].seed), Advance::Kept { chain: at, at: kept }))
    }

    fn apply(&mut self, advance: Advance, rng: &mut impl CryptoRng) -> Result<(), SignalError> {
        match advance {
            Advance::Kept { chain, at } => drop(self.receivers[chain].skipped.remove(at)),
            Advance::Along { chain, key, skipped } => {
                let chain = &mut self.receivers[chain];
                chain.chain = key;
                chain.skipped.extend(skipped);
            }
            Advance::NewChain(step) => {
                let (sender_ratchet, shared) = KeyPair::generate_agreed(&step.peer, rng)?;
                let (root_key, sender_key) = ratchet(&step.root_key, &shared);
                self.previous_counter = self.sender_chain.counter.saturating_sub(1);
                self.root_key = root_key;
                self.sender_ratchet = sender_ratchet;
                self.sender_chain = ChainKey::new(&sender_key);
                self.receivers.push_back(step.receiver);
                if self.receivers.len() > MAX_RECEIVER_CHAINS {
                    self.receivers.pop_front();
                }
            }
        }
        self.forget_oldest();
        Ok(())
    }

    fn forget_oldest(&mut self) {
        let mut excess =
            self.receivers.iter().map(|chain| chain.skipped.len()).sum::<usize>().saturating_sub(MAX_SKIPPED);
        for chain in &mut self.receivers {
            let drop = excess.min(chain.skipped.len());
            chain.skipped.drain(..drop);
            excess -= drop;
        }
    }
}

fn mac(keys: &MessageKeys, sender: &PublicKey, receiver: &PublicKey, message: &[u8]) -> [u8; 32] {
    Hmac::new(keys.mac()).compute(&[&sender.to_typed(), &receiver.to_typed(), message])
}
