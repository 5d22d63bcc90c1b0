//! Sender keys.
use std::collections::HashSet;

use proptest::{prelude::*, sample::Index};

use super::*;

#[test]
fn a_chain_is_read_from_its_distribution_on() {
    let mut rng = StdRng::seed_from_u64(4);
    let mut ours = SenderKey::create(&mut rng);
    let early = ours.encrypt(b"before you came", &mut rng).unwrap();
    let mut theirs = SenderKey::process(None, &ours.distribution().unwrap()).unwrap();
    let message = ours.encrypt(b"after", &mut rng).unwrap();
    assert_eq!(message.kind, CiphertextKind::SenderKey);
    assert_eq!(theirs.decrypt(&early.bytes), Err(SignalError::Duplicate), "the chain does not run backwards");
    assert_eq!(theirs.decrypt(&message.bytes).unwrap().as_slice(), b"after");
    assert_eq!(theirs.encrypt(b"x", &mut rng), Err(SignalError::NotOurs));
    assert_eq!(ours.decrypt(&message.bytes), Err(SignalError::Duplicate), "our own chain has moved on");
    assert_eq!(SenderKey::default().distribution(), Err(SignalError::NoSession));
    assert_eq!(SenderKey::default().decrypt(&message.bytes), Err(SignalError::NoSession));
}

#[test]
fn tampering_with_any_byte_is_noticed_and_changes_nothing() {
    let mut rng = StdRng::seed_from_u64(5);
    let mut ours = SenderKey::create(&mut rng);
    let mut theirs = SenderKey::process(None, &ours.distribution().unwrap()).unwrap();
    ours.encrypt(b"lost", &mut rng).unwrap();
    let message = ours.encrypt(b"hello", &mut rng).unwrap();
    let before = theirs.to_bytes();
    for at in 0..message.bytes.len() {
        for bit in [1, 0x80] {
            let mut bytes = message.bytes.to_vec();
            bytes[at] ^= bit;
            assert!(theirs.decrypt(&bytes).is_err(), "byte {at}");
            assert!(theirs.decrypt(&bytes[..at]).is_err(), "cut at {at}");
        }
    }
    assert_eq!(theirs.to_bytes(), before);
    assert_eq!(theirs.decrypt(&message.bytes).unwrap().as_slice(), b"hello");
}

/// A member knows the chain, but still cannot impersonate the sender.
#[test]
fn a_member_cannot_forge() {
    let mut rng = StdRng::seed_from_u64(6);
    let ours = SenderKey::create(&mut rng);
    let mut reader = SenderKey::process(None, &ours.distribution().unwrap()).unwrap();
    let mut forger = record::SenderKey::decode(ours.to_bytes()).unwrap();
    let (other, public) = crate::crypto::SigningKey::generate(&mut rng);
    let state = &mut forger.states[0];
    state.signing_private = Some(other.private().expose().to_vec());
    state.signing_edwards = other.edwards().to_vec();
    state.signing_public = public.as_bytes().to_vec();
    let mut forger = SenderKey::from_bytes(&forger.encode_to_vec()).unwrap();
    let forged = forger.encrypt(b"forged", &mut rng).unwrap();
    assert_eq!(reader.decrypt(&forged.bytes), Err(SignalError::BadSignature));
}

#[test]
fn limits() {
    let mut rng = StdRng::seed_from_u64(7);
    let mut ours = SenderKey::create(&mut rng);
    let start = SenderKey::process(None, &ours.distribution().unwrap()).unwrap();
    let messages: Vec<_> = (0..2003).map(|_| ours.encrypt(b"x", &mut rng).unwrap()).collect();
    let mut theirs = start.clone();
    assert_eq!(theirs.decrypt(&messages[2001].bytes), Err(SignalError::TooFarAhead));
    theirs.decrypt(&messages[2000].bytes).unwrap();
    theirs.decrypt(&messages[2002].bytes).unwrap();
    assert_eq!(theirs.decrypt(&messages[0].bytes), Err(SignalError::Duplicate), "the oldest of 2,001 went");
    theirs.decrypt(&messages[1].bytes).unwrap();
    // Announced too far ahead to follow: the new start replaces the old one.
    let mut theirs = SenderKey::process(Some(start), &ours.distribution().unwrap()).unwrap();
    assert_eq!(theirs.decrypt(&messages[2000].bytes), Err(SignalError::Duplicate));
    let next = ours.encrypt(b"next", &mut rng).unwrap();
    assert_eq!(theirs.decrypt(&next.bytes).unwrap().as_slice(), b"next");
}

#[test]
fn five_chains_of_a_sender_are_kept() {
    let mut rng = StdRng::seed_from_u64(8);
    let mut chains: Vec<_> = (0..6).map(|_| SenderKey::create(&mut rng)).collect();
    let mut theirs = SenderKey::default();
    for chain in &chains {
        theirs = SenderKey::process(Some(theirs), &chain.distribution().unwrap()).unwrap();
    }
    let messages: Vec<_> = chains.iter_mut().map(|chain| chain.encrypt(b"x", &mut rng).unwrap()).collect();
    assert_eq!(theirs.decrypt(&messages[0].bytes), Err(SignalError::NoSession));
    for message in &messages[1..] {
        theirs.decrypt(&message.bytes).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the order of messages and announcements, each message after the first announcement is read once.
    #[test]
    fn any_schedule_of_group_messages_is_read_once(seed in any::<u64>(), steps in prop::collection::vec((0u8..8, any::<Index>()), 1..80)) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut ours = SenderKey::create(&mut rng);
        let mut announcements = vec![ours.distribution().unwrap()];
        let mut theirs = SenderKey::process(None, &announcements[0]).unwrap();
        let (mut sent, mut seen) = (Vec::new(), HashSet::new());
        for (action, at) in steps {
            match action {
                0 => announcements.push(ours.distribution().unwrap()),
                1 => {
                    let announcement = &announcements[at.index(announcements.len())];
                    theirs = SenderKey::process(Some(theirs), announcement).unwrap();
                }
                2 => {
                    theirs = SenderKey::from_bytes(&theirs.to_bytes()).unwrap();
                    ours = SenderKey::from_bytes(&ours.to_bytes()).unwrap();
                }
                3 | 4 => {
                    let text = (sent.len() as u32).to_be_bytes();
                    sent.push(ours.encrypt(&text, &mut rng).unwrap());
                }
                _ if sent.is_empty() => {}
                _ => {
                    let at = at.index(sent.len());
                    let got = theirs.decrypt(&sent[at].bytes).map(|plaintext| plaintext.to_vec());
                    let expected =
                        if seen.insert(at) { Ok((at as u32).to_be_bytes().to_vec()) } else { Err(SignalError::Duplicate) };
                    prop_assert_eq!(got, expected);
                }
            }
        }
    }
}
