//! `wacore-libsignal`, over stores in memory as plain as can be.
use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::FutureExt;
use rand::{SeedableRng, rngs::StdRng};
use wacore_libsignal::{
    protocol::{
        CiphertextMessage, Direction, GenericSignedPreKey, IdentityChange, IdentityKey, IdentityKeyPair,
        IdentityKeyStore, KeyPair, PreKeyBundle, PreKeyId, PreKeyRecord, PreKeySignalMessage, PreKeyStore,
        ProtocolAddress, SenderKeyRecord, SenderKeyStore, SessionRecord, SessionStore, SignalMessage,
        SignalProtocolError, SignedPreKeyId, SignedPreKeyRecord, SignedPreKeyStore, Timestamp, UsePQRatchet,
        create_sender_key_distribution_message, error::Result, group_decrypt, group_encrypt, message_decrypt,
        message_encrypt, process_prekey_bundle, process_sender_key_distribution_message,
    },
    store::sender_key_name::SenderKeyName,
};

use crate::{
    Run, each, repeat,
    signal::{FAN_OUT, PLAINTEXT},
};

#[derive(Clone)]
struct Identities(IdentityKeyPair);

#[async_trait]
impl IdentityKeyStore for Identities {
    async fn get_identity_key_pair(&self) -> Result<IdentityKeyPair> {
        Ok(self.0.clone())
    }
    async fn get_local_registration_id(&self) -> Result<u32> {
        Ok(7)
    }
    async fn save_identity(&mut self, _: &ProtocolAddress, _: &IdentityKey) -> Result<IdentityChange> {
        Ok(IdentityChange::from_changed(false))
    }
    async fn is_trusted_identity(&self, _: &ProtocolAddress, _: &IdentityKey, _: Direction) -> Result<bool> {
        Ok(true)
    }
    async fn get_identity(&self, _: &ProtocolAddress) -> Result<Option<IdentityKey>> {
        Ok(None)
    }
}

/// One one-time prekey that is never used up, so that a first message can be received again and again.
#[derive(Clone)]
struct PreKeys(PreKeyRecord);

#[async_trait]
impl PreKeyStore for PreKeys {
    async fn get_pre_key(&self, _: PreKeyId) -> Result<PreKeyRecord> {
        Ok(self.0.clone())
    }
    async fn save_pre_key(&mut self, _: PreKeyId, _: &PreKeyRecord) -> Result<()> {
        Ok(())
    }
    async fn remove_pre_key(&mut self, _: PreKeyId) -> Result<()> {
        Ok(())
    }
}

#[derive(Clone)]
struct SignedPreKeys(SignedPreKeyRecord);

#[async_trait]
impl SignedPreKeyStore for SignedPreKeys {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> Result<SignedPreKeyRecord> {
        if id == SignedPreKeyId::from(1) {
            Ok(self.0.clone())
        } else {
            Err(SignalProtocolError::InvalidSignedPreKeyId)
        }
    }
    async fn save_signed_pre_key(&mut self, _: SignedPreKeyId, _: &SignedPreKeyRecord) -> Result<()> {
        Ok(())
    }
}

#[derive(Clone, Default)]
struct Sessions(HashMap<ProtocolAddress, SessionRecord>);

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, address: &ProtocolAddress) -> Result<Option<SessionRecord>> {
        Ok(self.0.get(address).cloned())
    }
    async fn has_session(&self, address: &ProtocolAddress) -> Result<bool> {
        Ok(self.0.contains_key(address))
    }
    async fn store_session(&mut self, address: &ProtocolAddress, record: SessionRecord) -> Result<()> {
        self.0.insert(address.clone(), record);
        Ok(())
    }
}

#[derive(Clone, Default)]
struct SenderKeys(HashMap<SenderKeyName, SenderKeyRecord>);

#[async_trait]
impl SenderKeyStore for SenderKeys {
    async fn store_sender_key(&mut self, name: &SenderKeyName, record: SenderKeyRecord) -> Result<()> {
        self.0.insert(name.clone(), record);
        Ok(())
    }
    async fn load_sender_key(&self, name: &SenderKeyName) -> Result<Option<SenderKeyRecord>> {
        Ok(self.0.get(name).cloned())
    }
}

#[derive(Clone)]
struct Party {
    address: ProtocolAddress,
    identities: Identities,
    pre_keys: PreKeys,
    signed: SignedPreKeys,
    sessions: Sessions,
    bundle: PreKeyBundle,
    rng: Chances,
}

/// Copies start anew: the crate's own generator cannot be copied.
struct Chances(StdRng);

impl Clone for Chances {
    fn clone(&self) -> Self {
        Self(StdRng::seed_from_u64(9))
    }
}

/// The stores are ready at once; what does not wait needs no runtime.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("stores in memory do not wait")
}

impl Party {
    fn new(name: &str, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let identity = IdentityKeyPair::generate(&mut rng);
        let (one_time, signed) = (KeyPair::generate(&mut rng), KeyPair::generate(&mut rng));
        let signature = identity.private_key().calculate_signature(&signed.public_key.serialize(), &mut rng);
        let signature = signature.expect("it signs");
        let bundle = PreKeyBundle::new(
            7,
            1.into(),
            Some((1.into(), one_time.public_key)),
            1.into(),
            signed.public_key,
            signature.to_vec(),
            *identity.identity_key(),
        );
        Self {
            address: ProtocolAddress::new(name, 1.into()),
            identities: Identities(identity),
            pre_keys: PreKeys(PreKeyRecord::new(1.into(), &one_time)),
            signed: SignedPreKeys(SignedPreKeyRecord::new(
                1.into(),
                Timestamp::from_epoch_millis(0),
                &signed,
                &signature,
            )),
            sessions: Sessions::default(),
            bundle: bundle.expect("a bundle"),
            rng: Chances(rng),
        }
    }

    fn initiate(&mut self, address: &ProtocolAddress, bundle: &PreKeyBundle) {
        let Self { sessions, identities, rng, .. } = self;
        now(process_prekey_bundle(address, sessions, identities, bundle, &mut rng.0, UsePQRatchet::No))
            .expect("a good bundle");
    }

    fn encrypt(&mut self, to: &ProtocolAddress) -> CiphertextMessage {
        now(message_encrypt(&PLAINTEXT, to, &mut self.sessions, &mut self.identities)).expect("a session")
    }

    fn decrypt(&mut self, from: &ProtocolAddress, bytes: &[u8], first: bool) {
        let message = if first {
            CiphertextMessage::PreKeySignalMessage(
                PreKeySignalMessage::try_from(bytes).expect("a first message"),
            )
        } else {
            CiphertextMessage::SignalMessage(SignalMessage::try_from(bytes).expect("a message"))
        };
        let Self { sessions, identities, pre_keys, signed, rng, .. } = self;
        let decrypted = message_decrypt(
            &message,
            from,
            sessions,
            identities,
            pre_keys,
            signed,
            &mut rng.0,
            UsePQRatchet::No,
        );
        std::hint::black_box(now(decrypted).expect("it decrypts"));
    }
}

fn established() -> (Party, Party) {
    let (mut alice, mut bob) = (Party::new("alice", 1), Party::new("bob", 2));
    let bundle = bob.bundle.clone();
    alice.initiate(&bob.address.clone(), &bundle);
    let first = alice.encrypt(&bob.address).serialize().to_vec();
    bob.decrypt(&alice.address, &first, true);
    let answer = bob.encrypt(&alice.address).serialize().to_vec();
    alice.decrypt(&bob.address, &answer, false);
    (alice, bob)
}

fn initiate() -> Run {
    let (alice, bob) = (Party::new("alice", 1), Party::new("bob", 2));
    Box::new(move |times| {
        let parties = vec![alice.clone(); times as usize];
        each(parties, |mut alice| {
            alice.initiate(&bob.address, &bob.bundle);
            alice
        })
    })
}

fn respond() -> Run {
    let (mut alice, bob) = (Party::new("alice", 1), Party::new("bob", 2));
    alice.initiate(&bob.address, &bob.bundle);
    let first = alice.encrypt(&bob.address).serialize().to_vec();
    Box::new(move |times| {
        let parties = vec![bob.clone(); times as usize];
        each(parties, |mut bob| {
            bob.decrypt(&alice.address, &first, true);
            bob
        })
    })
}

fn encrypt(stored: bool) -> Run {
    let (mut alice, bob) = established();
    Box::new(move |times| {
        repeat(times, || {
            let message = alice.encrypt(&bob.address);
            let record = stored.then(|| alice.sessions.0[&bob.address].serialize().expect("a record"));
            (message, record)
        })
    })
}

fn decrypt(stored: bool) -> Run {
    let (mut alice, mut bob) = established();
    Box::new(move |times| {
        let messages = (0..times).map(|_| alice.encrypt(&bob.address).serialize().to_vec()).collect();
        each(messages, |message: Vec<u8>| {
            bob.decrypt(&alice.address, &message, false);
            stored.then(|| bob.sessions.0[&alice.address].serialize().expect("a record"))
        })
    })
}

fn ping_pong() -> Run {
    let (mut alice, mut bob) = established();
    let mut turn = false;
    Box::new(move |times| {
        repeat(times, || {
            turn = !turn;
            let (from, to) = if turn { (&mut alice, &mut bob) } else { (&mut bob, &mut alice) };
            let message = from.encrypt(&to.address).serialize().to_vec();
            to.decrypt(&from.address, &message, false);
        })
    })
}

fn group_name() -> SenderKeyName {
    SenderKeyName::new("group".to_owned(), "alice".to_owned())
}

fn sender_key_create() -> Run {
    let mut rng = StdRng::seed_from_u64(5);
    let name = group_name();
    Box::new(move |times| {
        let stores = vec![SenderKeys::default(); times as usize];
        each(stores, |mut store| {
            now(create_sender_key_distribution_message(&name, &mut store, &mut rng)).expect("a distribution")
        })
    })
}

fn group_encrypt_run() -> Run {
    let mut rng = StdRng::seed_from_u64(5);
    let (name, mut store) = (group_name(), SenderKeys::default());
    now(create_sender_key_distribution_message(&name, &mut store, &mut rng)).expect("a distribution");
    Box::new(move |times| {
        repeat(times, || now(group_encrypt(&mut store, &name, &PLAINTEXT, &mut rng)).expect("our key"))
    })
}

fn group_decrypt_run() -> Run {
    let mut rng = StdRng::seed_from_u64(5);
    let (name, mut ours, mut theirs) = (group_name(), SenderKeys::default(), SenderKeys::default());
    let distribution = now(create_sender_key_distribution_message(&name, &mut ours, &mut rng));
    let distribution = distribution.expect("a distribution");
    now(process_sender_key_distribution_message(&name, &distribution, &mut theirs)).expect("it is taken in");
    Box::new(move |times| {
        let seal = |_| now(group_encrypt(&mut ours, &name, &PLAINTEXT, &mut rng)).expect("our key");
        let messages: Vec<Vec<u8>> =
            (0..times).map(seal).map(|message| message.serialized().to_vec()).collect();
        each(messages, |message| now(group_decrypt(&message, &mut theirs, &name)).expect("it decrypts"))
    })
}

fn fan_out() -> Run {
    let (mut alice, bob) = established();
    let session = alice.sessions.0[&bob.address].clone();
    let devices: Vec<_> = (0..FAN_OUT as u32).map(|n| ProtocolAddress::new("many", n.into())).collect();
    alice.sessions.0.extend(devices.iter().map(|device| (device.clone(), session.clone())));
    Box::new(move |times| {
        repeat(times, || devices.iter().map(|device| alice.encrypt(device)).collect::<Vec<_>>())
    })
}

/// In the order of our own.
pub(crate) fn runs() -> [Option<Run>; 11] {
    [
        Some(initiate()),
        Some(respond()),
        Some(encrypt(false)),
        Some(encrypt(true)),
        Some(decrypt(false)),
        Some(decrypt(true)),
        Some(ping_pong()),
        Some(sender_key_create()),
        Some(group_encrypt_run()),
        Some(group_decrypt_run()),
        Some(fan_out()),
    ]
}
