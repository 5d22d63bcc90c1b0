//! Sessions and sender keys. Messages have 200 bytes.
use rand::{SeedableRng, rngs::StdRng};
use whatsapp_core::{
    crypto::KeyPair,
    signal::{
        Ciphertext, CiphertextKind, LocalIdentity, PreKey, PreKeyBundle, PreKeyMessage, SenderKey, Session,
        SignedPreKey, receive_pre_key,
    },
};

use crate::{Run, Work, each, repeat};

/// What is encrypted.
pub const PLAINTEXT: [u8; 200] = [0x5a; 200];
/// Devices of the fan-out.
pub const FAN_OUT: usize = 256;

struct Party {
    own: LocalIdentity,
    signed: SignedPreKey,
    one_time: PreKey,
    rng: StdRng,
}

impl Party {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let key = KeyPair::generate(&mut rng);
        let signed = SignedPreKey::generate(1, &key, &mut rng);
        let one_time = PreKey::generate(1, &mut rng);
        Self { own: LocalIdentity { key, registration_id: 7 }, signed, one_time, rng }
    }

    fn bundle(&self) -> PreKeyBundle {
        PreKeyBundle {
            registration_id: 7,
            identity: self.own.key.public(),
            signed_pre_key_id: 1,
            signed_pre_key: self.signed.key.public(),
            signed_pre_key_signature: self.signed.signature,
            pre_key: Some((1, self.one_time.key.public())),
        }
    }

    fn initiate(&mut self, bundle: &PreKeyBundle) -> Session {
        Session::initiate(None, &self.own, bundle, &mut self.rng).expect("the bundle is good")
    }

    fn receive(&mut self, message: &Ciphertext) -> Session {
        let message = PreKeyMessage::parse(&message.bytes).expect("a first message");
        let one_time = Some(&self.one_time);
        receive_pre_key(None, &self.own, Some(&self.signed), one_time, &message, &mut self.rng)
            .expect("it decrypts")
            .session
    }
}

/// Two parties with a session that both have used.
fn established() -> (Party, Session, Party, Session) {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    let mut to_bob = alice.initiate(&bob.bundle());
    let first = to_bob.encrypt(&alice.own, &PLAINTEXT).expect("a session");
    let mut to_alice = bob.receive(&first);
    let answer = to_alice.encrypt(&bob.own, &PLAINTEXT).expect("a session");
    to_bob.decrypt(&alice.own, &answer.bytes, &mut alice.rng).expect("it decrypts");
    assert_eq!(answer.kind, CiphertextKind::Message);
    (alice, to_bob, bob, to_alice)
}

fn initiate() -> Run {
    let (mut alice, bob) = (Party::new(1), Party::new(2));
    let bundle = bob.bundle();
    Box::new(move |times| repeat(times, || alice.initiate(&bundle)))
}

fn respond() -> Run {
    let (mut alice, mut bob) = (Party::new(1), Party::new(2));
    let mut session = alice.initiate(&bob.bundle());
    let first = session.encrypt(&alice.own, &PLAINTEXT).expect("a session");
    Box::new(move |times| repeat(times, || bob.receive(&first)))
}

fn encrypt(stored: bool) -> Run {
    let (alice, mut session, ..) = established();
    Box::new(move |times| {
        repeat(times, || {
            let message = session.encrypt(&alice.own, &PLAINTEXT).expect("a session");
            let record = stored.then(|| session.to_bytes());
            (message, record)
        })
    })
}

fn decrypt(stored: bool) -> Run {
    let (alice, mut to_bob, mut bob, mut to_alice) = established();
    Box::new(move |times| {
        let messages =
            (0..times).map(|_| to_bob.encrypt(&alice.own, &PLAINTEXT).expect("a session")).collect();
        each(messages, |message: Ciphertext| {
            let plaintext = to_alice.decrypt(&bob.own, &message.bytes, &mut bob.rng).expect("it decrypts");
            let record = stored.then(|| to_alice.to_bytes());
            (plaintext, record)
        })
    })
}

fn ping_pong() -> Run {
    let (mut alice, mut to_bob, mut bob, mut to_alice) = established();
    let mut turn = false;
    Box::new(move |times| {
        repeat(times, || {
            turn = !turn;
            let (from, session, to, other) = if turn {
                (&alice.own, &mut to_bob, &mut bob, &mut to_alice)
            } else {
                (&bob.own, &mut to_alice, &mut alice, &mut to_bob)
            };
            let message = session.encrypt(from, &PLAINTEXT).expect("a session");
            other.decrypt(&to.own, &message.bytes, &mut to.rng).expect("it decrypts")
        })
    })
}

fn sender_key_create() -> Run {
    let mut rng = StdRng::seed_from_u64(5);
    Box::new(move |times| {
        repeat(times, || {
            let key = SenderKey::create(&mut rng);
            key.distribution().expect("a chain")
        })
    })
}

fn group_encrypt() -> Run {
    let mut rng = StdRng::seed_from_u64(5);
    let mut key = SenderKey::create(&mut rng);
    Box::new(move |times| repeat(times, || key.encrypt(&PLAINTEXT, &mut rng).expect("our key")))
}

fn group_decrypt() -> Run {
    let mut rng = StdRng::seed_from_u64(5);
    let mut ours = SenderKey::create(&mut rng);
    let distribution = ours.distribution().expect("a chain");
    let mut theirs = SenderKey::process(None, &distribution).expect("a distribution");
    Box::new(move |times| {
        let messages = (0..times).map(|_| ours.encrypt(&PLAINTEXT, &mut rng).expect("our key")).collect();
        each(messages, |message: Ciphertext| theirs.decrypt(&message.bytes).expect("it decrypts"))
    })
}

fn fan_out() -> Run {
    let (alice, session, ..) = established();
    let mut sessions = vec![session; FAN_OUT];
    Box::new(move |times| {
        repeat(times, || {
            let sealed = sessions
                .iter_mut()
                .map(|session| session.encrypt(&alice.own, &PLAINTEXT).expect("a session"));
            sealed.collect::<Vec<_>>()
        })
    })
}

/// All of them.
pub fn works() -> Vec<Work> {
    #[cfg(feature = "peers")]
    let theirs = crate::peers::signal::runs();
    #[cfg(not(feature = "peers"))]
    let theirs: [Option<Run>; 11] = Default::default();
    let ours: [(&'static str, Run); 11] = [
        ("X3DH initiate", initiate()),
        ("X3DH respond, first message", respond()),
        ("encrypt 200 B", encrypt(false)),
        ("encrypt 200 B, and record to bytes", encrypt(true)),
        ("decrypt 200 B", decrypt(false)),
        ("decrypt 200 B, and record to bytes", decrypt(true)),
        ("ping-pong, one ratchet step", ping_pong()),
        ("sender key, create", sender_key_create()),
        ("group encrypt 200 B", group_encrypt()),
        ("group decrypt 200 B", group_decrypt()),
        ("fan-out to 256, warm", fan_out()),
    ];
    ours.into_iter().zip(theirs).map(|((name, ours), theirs)| Work::new(name, ours, theirs)).collect()
}
