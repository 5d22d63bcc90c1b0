//! Pairing by a code of eight characters that is typed on the phone.
//!
//! ```text
//!   PairCode ──hello──► AwaitingPrimary ──primary_hello──► Finish ──► pair-success, as with a QR code
//!                             └───────── mistyped: again ──┘
//! ```
//! The code encrypts the two ephemeral keys, so only a device that knows it can take part. The identities and the new ADV
//! secret are exchanged under the agreement of those keys.
use std::fmt;

use data_encoding::Encoding;
use rand::{CryptoRng, RngExt};
use zeroize::Zeroizing;

use super::stanza::PairError;
use crate::crypto::{self, KeyPair, PublicKey, SharedSecret};

/// Without letters and digits that are easily confused.
const ALPHABET: &str = "123456789ABCDEFGHJKLMNPQRSTVWXYZ";
const ROUNDS: u32 = 131_072;
/// Salt, IV, encrypted key.
pub(crate) const WRAPPED_LENGTH: usize = 32 + 16 + 32;
/// How often a code may be typed. Each answer is one guess for an attacker in the middle.
const ATTEMPTS: u8 = 3;
/// Own identity, primary's identity, random.
const BUNDLE_LENGTH: usize = 96;
const BUNDLE_INFO: &[u8] = b"link_code_pairing_key_bundle_encryption_key";
const SECRET_INFO: &[u8] = b"adv_secret";

fn base32() -> Encoding {
    let mut spec = data_encoding::Specification::new();
    spec.symbols.push_str(ALPHABET);
    spec.encoding().expect("32 distinct ASCII symbols make an encoding")
}

/// A code that nothing has been done with yet.
#[derive(Clone)]
pub struct PairCode(Zeroizing<String>);

/// Not a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pair code is eight characters of {ALPHABET}")]
pub struct PairCodeError;

impl PairCode {
    /// A random one.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; 5]);
        rng.fill(&mut bytes[..]);
        Self(Zeroizing::new(base32().encode(&bytes[..])))
    }

    /// A typed code; a dash and lower case are accepted.
    ///
    /// # Errors
    /// When it is not a code.
    pub fn parse(text: &str) -> Result<Self, PairCodeError> {
        let code: String = text.chars().filter(|c| *c != '-').map(|c| c.to_ascii_uppercase()).collect();
        let valid = code.len() == 8 && code.chars().all(|c| ALPHABET.contains(c));
        if valid { Ok(Self(Zeroizing::new(code))) } else { Err(PairCodeError) }
    }

    /// For people: `ABCD-EFGH`.
    pub fn display(&self) -> String {
        format!("{}-{}", &self.0[..4], &self.0[4..])
    }

    /// Starts. Returns the stanza data for the server, and the state that waits for the phone.
    pub fn hello(self, rng: &mut impl CryptoRng) -> (AwaitingPrimary, WrappedKey) {
        let ephemeral = KeyPair::generate(rng);
        let wrapped = WrappedKey::wrap(&self, &ephemeral.public(), rng);
        (AwaitingPrimary { code: self, ephemeral, reference: None, attempts: ATTEMPTS }, wrapped)
    }
}

impl fmt::Debug for PairCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairCode(..)")
    }
}

/// An ephemeral public key under a code: salt, IV, AES-256-CTR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrappedKey(pub [u8; WRAPPED_LENGTH]);

impl WrappedKey {
    pub(crate) fn wrap(code: &PairCode, key: &PublicKey, rng: &mut impl CryptoRng) -> Self {
        let mut wrapped = [0; WRAPPED_LENGTH];
        rng.fill(&mut wrapped[..48]);
        wrapped[48..].copy_from_slice(key.as_bytes());
        apply(code, &mut wrapped);
        Self(wrapped)
    }

    /// The key inside; garbage when the code is another.
    pub(crate) fn unwrap(&self, code: &PairCode) -> PublicKey {
        let mut bytes = self.0;
        apply(code, &mut bytes);
        let mut key = [0; 32];
        key.copy_from_slice(&bytes[48..]);
        PublicKey::from_array(key)
    }
}

fn apply(code: &PairCode, wrapped: &mut [u8; WRAPPED_LENGTH]) {
    let (head, key) = wrapped.split_at_mut(48);
    let secret = crypto::pbkdf2_sha256(code.0.as_bytes(), &head[..32], ROUNDS);
    let iv: &[u8; 16] = head[32..].try_into().expect("48 - 32 bytes");
    crypto::aes_ctr(&secret, iv, key);
}

/// Waits for the code to be typed. A mistyped code is not noticed here: the phone cannot read the [`Finish`] then, and
/// its user types again.
#[derive(Debug)]
pub struct AwaitingPrimary {
    code: PairCode,
    ephemeral: KeyPair,
    reference: Option<Vec<u8>>,
    attempts: u8,
}

/// The phone's answer, by way of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimaryHello {
    /// The server's reference to this pairing.
    pub reference: Vec<u8>,
    /// The phone's ephemeral key under the code.
    pub wrapped_ephemeral: WrappedKey,
    /// The phone's identity key.
    pub identity: PublicKey,
}

/// The last message of the exchange.
pub struct Finish {
    /// The server's reference.
    pub reference: Vec<u8>,
    /// Salt, nonce, and the encrypted identities: for the phone.
    pub bundle: Vec<u8>,
    /// Replaces the device's ADV secret.
    pub adv_secret: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Finish(..)")
    }
}

impl AwaitingPrimary {
    /// For people: `ABCD-EFGH`.
    pub fn display(&self) -> String {
        self.code.display()
    }

    /// Notes the server's reference, which the phone's answer must repeat. Before there is one, no answer is read.
    pub fn set_reference(&mut self, reference: Vec<u8>) {
        self.reference = Some(reference);
    }

    /// Reads the phone's answer: three times at most.
    ///
    /// # Errors
    /// When it belongs to another pairing (which costs no attempt), its keys cannot be used, or the attempts are used
    /// up.
    pub fn primary_hello(
        &mut self,
        hello: &PrimaryHello,
        own: &KeyPair,
        rng: &mut impl CryptoRng,
    ) -> Result<Finish, PairError> {
        if self.reference.as_ref() != Some(&hello.reference) {
            return Err(PairError::OtherPairing);
        }
        self.attempts = self.attempts.checked_sub(1).ok_or(PairError::TooManyAttempts)?;
        let primary_ephemeral = hello.wrapped_ephemeral.unwrap(&self.code);
        let shared = self.ephemeral.agree(&primary_ephemeral).map_err(|_| PairError::Key)?;
        let shared_identity = own.agree(&hello.identity).map_err(|_| PairError::Key)?;
        let mut random = Zeroizing::new([0; 32]);
        rng.fill(&mut random[..]);
        let bundle = seal_bundle(&shared, &own.public(), &hello.identity, &random, rng);
        let adv_secret = adv_secret(&shared, &shared_identity, &random);
        Ok(Finish { reference: hello.reference.clone(), bundle, adv_secret })
    }
}

fn seal_bundle(
    shared: &SharedSecret,
    own: &PublicKey,
    primary: &PublicKey,
    random: &[u8; 32],
    rng: &mut impl CryptoRng,
) -> Vec<u8> {
    let (mut salt, mut nonce) = ([0; 32], [0; 12]);
    rng.fill(&mut salt);
    rng.fill(&mut nonce);
    let mut sealed = Vec::with_capacity(BUNDLE_LENGTH + 16);
    for part in [own.as_bytes(), primary.as_bytes(), random] {
        sealed.extend_from_slice(part);
    }
    let key = crypto::hkdf::<32>(&shared[..], &salt, BUNDLE_INFO);
    crypto::aes_gcm_seal(&key, &nonce, &[], &mut sealed);
    [&salt[..], &nonce, &sealed].concat()
}

/// The phone's side of [`AwaitingPrimary::primary_hello`]: identities and random part.
#[cfg(feature = "sim")]
pub(crate) fn open_bundle(
    shared: &SharedSecret,
    bundle: &[u8],
) -> Option<(PublicKey, PublicKey, Zeroizing<[u8; 32]>)> {
    let (salt, rest) = bundle.split_first_chunk::<32>()?;
    let (nonce, sealed) = rest.split_first_chunk::<12>()?;
    let key = crypto::hkdf::<32>(&shared[..], salt, BUNDLE_INFO);
    let mut plain = sealed.to_vec();
    crypto::aes_gcm_open(&key, nonce, &[], &mut plain).ok()?;
    let plain: [u8; BUNDLE_LENGTH] = plain.try_into().ok()?;
    let part = |at: usize| -> [u8; 32] { plain[at..at + 32].try_into().expect("within 96 bytes") };
    Some((PublicKey::from_array(part(0)), PublicKey::from_array(part(32)), Zeroizing::new(part(64))))
}

/// The new ADV secret, known to both sides only.
pub(crate) fn adv_secret(
    shared: &SharedSecret,
    shared_identity: &SharedSecret,
    random: &[u8; 32],
) -> Zeroizing<[u8; 32]> {
    let mut secret = Zeroizing::new([0; 96]);
    for (at, part) in [&shared[..], &shared_identity[..], random].into_iter().enumerate() {
        secret[at * 32..at * 32 + 32].copy_from_slice(part);
    }
    crypto::hkdf::<32>(&secret[..], &[], SECRET_INFO)
}
