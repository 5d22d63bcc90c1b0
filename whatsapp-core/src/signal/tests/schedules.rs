//! Reordering, loss, repeats, and arbitrary bytes.
use std::collections::{HashMap, HashSet};

use proptest::{prelude::*, sample::Index};

use super::*;
use crate::signal::wire::SignalMessage;

/// Two parties and their doubles, which are written down and read back after every step.
struct Pair {
    parties: [Party; 2],
    doubles: [Party; 2],
    /// Sent by each side and perhaps not delivered yet.
    wires: [Vec<Sent>; 2],
    seen: HashSet<u32>,
    /// The chains of a session that each side has read from, oldest first.
    chains: [HashMap<PublicKey, Vec<PublicKey>>; 2],
    number: u32,
}

#[derive(Clone)]
struct Sent {
    number: u32,
    session: PublicKey,
    chain: PublicKey,
    message: Ciphertext,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let two = || {
            [seed, !seed].map(|seed| {
                let mut party = Party::new(seed);
                // Without one-time keys, any number of sessions can be started in any order.
                party.one_time.clear();
                party
            })
        };
        Self {
            parties: two(),
            doubles: two(),
            wires: Default::default(),
            seen: HashSet::new(),
            chains: Default::default(),
            number: 0,
        }
    }

    fn initiate(&mut self, side: usize) {
        for parties in [&mut self.parties, &mut self.doubles] {
            let [first, second] = parties;
            if side == 0 { first.initiate(second) } else { second.initiate(first) }
        }
        self.doubles[side].reload();
    }

    fn send(&mut self, side: usize) {
        let party = &mut self.parties[side];
        let Some(session) = party.session.as_ref().and_then(Session::base_key) else { return };
        self.number += 1;
        let text = self.number.to_be_bytes();
        let message = party.encrypt(&text);
        assert_eq!(message, self.doubles[side].encrypt(&text));
        self.doubles[side].reload();
        let chain = match message.kind {
            CiphertextKind::Message => SignalMessage::parse(&message.bytes).unwrap().ratchet_key,
            _ => {
                let outer = PreKeyMessage::parse(&message.bytes).unwrap();
                SignalMessage::parse(outer.message()).unwrap().ratchet_key
            }
        };
        self.wires[side].push(Sent { number: self.number, session, chain, message });
    }

    fn deliver(&mut self, from: usize, at: usize) -> Result<(), TestCaseError> {
        let to = 1 - from;
        let sent = self.wires[from][at].clone();
        let before = self.parties[to].session.as_ref().map(Session::to_bytes);
        let got = self.parties[to].decrypt(&sent.message);
        prop_assert_eq!(&got, &self.doubles[to].decrypt(&sent.message));
        self.doubles[to].reload();
        let chains = self.chains[to].entry(sent.session).or_default();
        let known = chains.iter().rev().position(|chain| *chain == sent.chain);
        if known.is_none() {
            chains.push(sent.chain);
        }
        if known.is_some_and(|age| age >= 5) {
            prop_assert!(got.is_err(), "its chain was forgotten");
        } else if self.seen.insert(sent.number) {
            prop_assert_eq!(&got, &Ok(sent.number.to_be_bytes().to_vec()));
        } else {
            prop_assert_eq!(&got, &Err(SignalError::Duplicate));
        }
        if got.is_err() {
            prop_assert_eq!(before, self.parties[to].session.as_ref().map(Session::to_bytes));
        }
        Ok(())
    }

    /// A few messages that arrive one after the other.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        for side in [0, 1, 0, 1] {
            if self.parties[side].session.is_none() {
                self.initiate(side);
            }
            self.send(side);
            self.wires[side].drain(..self.wires[side].len() - 1);
            self.deliver(side, 0)?;
        }
        let [first, second] = self.parties.each_ref().map(|party| party.session.as_ref().unwrap());
        prop_assert_eq!(first.base_key(), second.base_key());
        prop_assert!(!first.has_pending_pre_key() && !second.has_pending_pre_key());
        for (party, double) in self.parties.iter().zip(&self.doubles) {
            let bytes = |party: &Party| party.session.as_ref().map(Session::to_bytes);
            prop_assert_eq!(bytes(party), bytes(double));
        }
        Ok(())
    }
}

fn step() -> impl Strategy<Value = (u8, bool, Index)> {
    (0u8..24, any::<bool>(), any::<Index>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any order, losses, repeats, new sessions from either side, and reloads. A message that arrives
    /// decrypts to the sent text, once; any other changes nothing; in the end both use the same ratchet.
    #[test]
    fn any_schedule_converges(seed in any::<u64>(), steps in prop::collection::vec(step(), 1..150)) {
        let mut pair = Pair::new(seed);
        pair.initiate(0);
        let mut sessions = 1;
        for (action, side, at) in steps {
            let side = usize::from(side);
            match action {
                0 if sessions < 20 => {
                    sessions += 1;
                    pair.initiate(side);
                }
                0..=8 => pair.send(side),
                _ if pair.wires[side].is_empty() => {}
                9..=21 => pair.deliver(side, at.index(pair.wires[side].len()))?,
                _ => drop(pair.wires[side].remove(at.index(pair.wires[side].len()))),
            }
        }
        pair.settle()?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), version in any::<bool>()) {
        if version && !bytes.is_empty() {
            bytes[0] = 0x33;
        }
        let mut party = Party::new(1);
        let _ = PreKeyMessage::parse(&bytes);
        let _ = Session::from_bytes(&bytes);
        let _ = SenderKey::from_bytes(&bytes);
        let _ = SenderKey::process(None, &bytes);
        let _ = PreKey::from_bytes(&bytes);
        let _ = SenderKey::create(&mut party.rng).decrypt(&bytes);
        party.initiate(&Party::new(2));
        for kind in [CiphertextKind::Message, CiphertextKind::PreKey] {
            let decrypted = party.decrypt(&Ciphertext { kind, bytes: bytes.clone().into() });
            prop_assert!(decrypted.is_err());
        }
    }

    /// A record that was damaged is refused, or used without a panic.
    #[test]
    fn damaged_records_never_panic(changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8)) {
        let (mut alice, mut bob) = (Party::new(1), Party::new(2));
        alice.initiate(&bob);
        let first = alice.encrypt(b"one");
        bob.decrypt(&first).unwrap();
        let skipped = alice.encrypt(b"two");
        let third = alice.encrypt(b"three");
        bob.decrypt(&third).unwrap();
        bob.initiate(&alice);
        let mut bytes = bob.session.as_ref().unwrap().to_bytes().to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(session) = Session::from_bytes(&bytes) {
            bob.session = Some(session);
            let _ = bob.decrypt(&skipped);
            let _ = bob.session.as_mut().map(|session| session.encrypt(&bob.own, b"four"));
        }
    }
}
