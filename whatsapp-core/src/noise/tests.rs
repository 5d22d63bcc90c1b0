//! Client against responder, and every way in which a chain can be wrong.
use bytes::Bytes;
use prost::Message;
use rand::{SeedableRng, rngs::StdRng};

use super::*;
use crate::{
    crypto::KeyPair,
    proto::handshake::{CertChain, Certificate, CertificateDetails},
    sim::responder::{Handshake, Responder, ResponderError, ServerIdentity},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

/// Runs a whole handshake; bytes to the server are split into pieces of `cut`.
fn handshake(
    identity: &ServerIdentity,
    root: TrustRoot,
    cut: usize,
    routing: Option<&[u8]>,
) -> Result<(), NoiseError> {
    let mut rng = StdRng::seed_from_u64(11);
    let client_key = KeyPair::generate(&mut rng);
    let mut responder = Responder::new(identity.clone());
    let mut to_server = |bytes: Bytes, rng: &mut StdRng| {
        let mut last = Handshake::Wait;
        for piece in bytes.chunks(cut) {
            assert!(matches!(last, Handshake::Wait));
            last = responder.receive(Bytes::copy_from_slice(piece), rng).unwrap();
        }
        last
    };
    let (client, hello) = ClientHandshake::start(client_key.clone(), routing, &mut rng);
    let Handshake::Answer(answer) = to_server(hello, &mut rng) else { panic!("no answer") };
    let mut frames = FrameReader::default();
    frames.push(answer).unwrap();
    let frame = frames.next().unwrap().unwrap();
    let (mut transport, finish) = client.server_hello(&frame, &root, NOW, b"payload")?;
    let Handshake::Done(mut done) = to_server(finish, &mut rng) else { panic!("not done") };
    assert_eq!((done.client, &done.payload[..]), (client_key.public(), &b"payload"[..]));
    let mut wire = bytes::BytesMut::new();
    transport.seal(b"hello", &mut wire).unwrap();
    done.frames.push(wire.freeze()).unwrap();
    let frame = done.frames.next().unwrap().unwrap();
    assert_eq!(done.transport.open(frame).unwrap(), "hello");
    Ok(())
}

#[test]
fn client_and_responder_agree() {
    let identity = ServerIdentity::generate(NOW, &mut StdRng::seed_from_u64(1));
    for cut in [1, 3, 7, 1000] {
        handshake(&identity, identity.trust_root(), cut, None).unwrap();
        handshake(&identity, identity.trust_root(), cut, Some(b"route")).unwrap();
    }
}

#[test]
fn another_root_is_not_trusted() {
    let identity = ServerIdentity::generate(NOW, &mut StdRng::seed_from_u64(1));
    let refused = handshake(&identity, TrustRoot::default(), 1000, None);
    assert_eq!(refused, Err(NoiseError::Certificate(CertError::IntermediateSignature)));
}

#[test]
fn other_protocols_are_refused() {
    let identity = ServerIdentity::generate(NOW, &mut StdRng::seed_from_u64(1));
    let mut rng = StdRng::seed_from_u64(1);
    let refused = Responder::new(identity).receive(Bytes::from_static(b"GET / HTTP/1.1"), &mut rng);
    assert_eq!(refused.unwrap_err(), ResponderError::Header);
}

struct Chain {
    root: KeyPair,
    intermediate_key: KeyPair,
    leaf_key: KeyPair,
    intermediate: CertificateDetails,
    leaf: CertificateDetails,
    rng: StdRng,
}

impl Chain {
    fn good() -> Self {
        let mut rng = StdRng::seed_from_u64(3);
        let (root, intermediate_key, leaf_key) =
            (KeyPair::generate(&mut rng), KeyPair::generate(&mut rng), KeyPair::generate(&mut rng));
        let details = |serial, issuer, key: &KeyPair| CertificateDetails {
            serial: Some(serial),
            issuer_serial: Some(issuer),
            key: Some(Bytes::copy_from_slice(key.public().as_bytes())),
            not_before: Some(NOW.as_secs() - 10),
            not_after: Some(NOW.as_secs() + 10),
        };
        let (intermediate, leaf) = (details(5, 0, &intermediate_key), details(6, 5, &leaf_key));
        Self { root, intermediate_key, leaf_key, intermediate, leaf, rng }
    }

    fn check(mut self) -> Result<VerifiedChain, CertError> {
        let mut sign = |details: &CertificateDetails, key: &KeyPair| {
            let details = details.encode_to_vec();
            let signature = key.private().sign(&[&details], &mut self.rng);
            Certificate { details: Some(details.into()), signature: Some(signature.to_vec().into()) }
        };
        let chain = CertChain {
            intermediate: Some(sign(&self.intermediate, &self.root)),
            leaf: Some(sign(&self.leaf, &self.intermediate_key)),
        };
        verify_chain(
            &chain.encode_to_vec(),
            &self.leaf_key.public(),
            &TrustRoot(Chain::good().root.public()),
            NOW,
        )
    }
}

#[test]
fn each_check_of_the_chain_can_fail() {
    type Spoil = fn(&mut Chain);
    let other = || KeyPair::generate(&mut StdRng::seed_from_u64(99));
    assert_eq!(Chain::good().check().unwrap().not_after, Timestamp::from_secs(NOW.as_secs() + 10));
    let cases: [(Spoil, CertError); 11] = [
        (|c| c.intermediate.issuer_serial = Some(1), CertError::IntermediateIssuer),
        (|c| c.leaf.issuer_serial = Some(4), CertError::LeafIssuer),
        (|c| c.intermediate.not_before = Some(NOW.as_secs() + 1), CertError::NotYetValid),
        (|c| c.leaf.not_before = Some(NOW.as_secs() + 1), CertError::NotYetValid),
        (|c| c.intermediate.not_after = Some(NOW.as_secs() - 1), CertError::Expired),
        (|c| c.leaf.not_after = Some(NOW.as_secs() - 1), CertError::Expired),
        (|c| c.leaf.key = Some(Bytes::from_static(&[1; 31])), CertError::Malformed),
        (|c| c.leaf.not_after = None, CertError::Malformed),
        (|c| c.intermediate.serial = None, CertError::Malformed),
        (|c| c.leaf.key = c.intermediate.key.clone(), CertError::LeafKey),
        (|c| c.intermediate.key = c.leaf.key.clone(), CertError::LeafSignature),
    ];
    for (spoil, expected) in cases {
        let mut chain = Chain::good();
        spoil(&mut chain);
        assert_eq!(chain.check(), Err(expected));
    }
    let chain = Chain { root: other(), ..Chain::good() };
    assert_eq!(chain.check(), Err(CertError::IntermediateSignature));
    let chain = Chain { intermediate_key: other(), ..Chain::good() };
    assert_eq!(chain.check(), Err(CertError::LeafSignature));
    let chain = Chain { leaf_key: other(), ..Chain::good() };
    assert_eq!(chain.check(), Err(CertError::LeafKey));
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        let mut rng = StdRng::seed_from_u64(1);
        let key = KeyPair::generate(&mut rng);
        let (client, _) = ClientHandshake::start(key.clone(), None, &mut rng);
        proptest::prop_assert!(client.server_hello(&bytes, &TrustRoot::default(), NOW, b"").is_err());
        proptest::prop_assert!(verify_chain(&bytes, &key.public(), &TrustRoot::default(), NOW).is_err());
        let identity = ServerIdentity::generate(NOW, &mut rng);
        let _ = Responder::new(identity).receive(bytes.into(), &mut rng);
    }
}
