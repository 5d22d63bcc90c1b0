//! The rule of the working set, and what it means for people.
use bytes::Bytes;
use proptest::prelude::*;
use whatsapp_store::{Change, MessageKey, PersonAddress, PersonRecord, SignalKey, SignalKind};

use super::{Lookup, Missing, WorkingSet, person::SignedIndexes};
use crate::{
    crypto::PublicKey,
    engine::{Loaded, Query},
    jid::Jid,
    pairing::adv::KeyIndexes,
};

fn pn(user: &str) -> PersonAddress {
    PersonAddress::Pn(user.into())
}

fn lid(user: &str) -> PersonAddress {
    PersonAddress::Lid(user.into())
}

fn stored(pn: Option<&str>, lid: Option<&str>) -> Option<PersonRecord> {
    Some(PersonRecord { pn: pn.map(Into::into), lid: lid.map(Into::into), state: Bytes::new() })
}

/// A working set with these records.
fn told(answers: Vec<(PersonAddress, Option<PersonRecord>)>) -> WorkingSet {
    let mut loads = WorkingSet::new(8);
    loads.answer(Loaded::People(answers)).unwrap();
    loads
}

/// The people that a commit writes.
fn committed(loads: &mut WorkingSet) -> Vec<(Option<String>, Option<String>)> {
    let mut people = Vec::new();
    loads.commit(|change| match change {
        Change::PutPerson(record) => people.push((record.pn, record.lid)),
        other => panic!("{other:?}"),
    });
    people
}

fn key(byte: u8) -> PublicKey {
    PublicKey::from_raw(&[byte; 32]).unwrap()
}

#[test]
fn an_unknown_person_is_loaded_once() {
    let (ann, mut loads) = (Jid::pn("1"), WorkingSet::new(1));
    assert_eq!(loads.canonical(&ann), Err(Missing));
    assert_eq!(loads.canonical(&ann), Err(Missing));
    assert_eq!(loads.next_question(), Some(Query::People(vec![pn("1")])));
    assert_eq!(loads.next_question(), None);
    loads.answer(Loaded::People(vec![(pn("1"), None)])).unwrap();
    assert_eq!(loads.canonical(&ann), Ok(ann.clone()), "nobody has told a LID");
    assert!(!loads.has_questions());
}

#[test]
fn an_answer_counts_when_the_other_address_is_known() {
    // The LID was dropped and came back alone; its number was requested later.
    let mut loads = told(vec![(lid("77"), None)]);
    loads.answer(Loaded::People(vec![(pn("1"), stored(Some("1"), Some("77")))])).unwrap();
    assert_eq!(loads.lid_of(&Jid::pn("1")), Ok(None), "what is in memory is younger than the answer");
    assert!(!loads.has_questions(), "and it is not asked for again");
}

#[test]
fn lookups_finish_after_a_change_of_number() {
    let mut loads = told(vec![(lid("77"), stored(Some("1"), Some("77"))), (pn("2"), None)]);
    loads.join(&Jid::pn("2"), &Jid::lid("77")).unwrap();
    // The old number stays known, whatever the store has of it.
    loads.answer(Loaded::People(vec![(pn("1"), stored(Some("1"), Some("77")))])).unwrap();
    assert_eq!(loads.lid_of(&Jid::pn("1")), Ok(None));
    assert_eq!(loads.pn_of(&Jid::lid("77")), Ok(Some(Jid::pn("2"))));
    let mut written = committed(&mut loads);
    written.sort();
    assert_eq!(written, [(Some("1".into()), None), (Some("2".into()), Some("77".into()))]);
}

#[test]
fn a_stale_answer_replaces_nothing() {
    let mut loads = told(vec![(pn("1"), None), (lid("77"), None)]);
    loads.join(&Jid::pn("1"), &Jid::lid("77")).unwrap();
    loads.answer(Loaded::People(vec![(pn("1"), None), (lid("77"), stored(Some("9"), Some("77")))])).unwrap();
    assert_eq!(loads.lid_of(&Jid::pn("1").with_device(3)), Ok(Some(Jid::lid("77").with_device(3))));
    assert_eq!(loads.chat(&Jid::lid("77").with_device(3)), Ok(Jid::pn("1")));
}

#[test]
fn the_identity_moves_with_the_person() {
    let (number, linked) = (Jid::pn("1"), Jid::lid("77"));
    let mut loads = told(vec![(pn("1"), None), (lid("77"), None)]);
    loads.edit_person(&number, |person| person.set_identity(0, key(5))).unwrap();
    loads.edit_person(&number, |person| person.set_identity(3, key(6))).unwrap();
    loads.join(&number, &linked).unwrap();
    let person = loads.person(&linked).unwrap().unwrap();
    assert_eq!((person.identity_of(0), person.identity_of(3)), (Some(key(5)), Some(key(6))));
    // A number that moves on takes the expected key along, and leaves it where it was.
    loads.answer(Loaded::People(vec![(lid("88"), None)])).unwrap();
    loads.join(&number, &Jid::lid("88")).unwrap();
    assert_eq!(loads.person(&Jid::lid("77")).unwrap().unwrap().identity_of(0), Some(key(5)));
    let moved = loads.person(&Jid::lid("88")).unwrap().unwrap();
    assert_eq!((moved.identity_of(0), moved.identity_of(3)), (Some(key(5)), None));
    let mut written = committed(&mut loads);
    written.sort();
    assert_eq!(written, [(None, Some("77".into())), (Some("1".into()), Some("88".into()))]);
}

#[test]
fn a_person_survives_storage() {
    let mut loads = told(vec![(pn("1"), None)]);
    loads
        .edit_person(&Jid::pn("1"), |person| {
            person.set_identity(0, key(5));
            person.set_identity(2, key(6));
            person.note_handled("3EB0");
            person.devices = Some(super::DeviceList {
                fetched_at: Some(crate::time::Timestamp::from_secs(9)),
                signed: Some(SignedIndexes {
                    at: 8,
                    signer: key(5),
                    indexes: KeyIndexes { current: 4, valid: vec![0, 4] },
                }),
                devices: vec![
                    super::Device { number: 0, is_named: false },
                    super::Device { number: 2, is_named: true },
                ],
            });
        })
        .unwrap();
    let before = loads.person(&Jid::pn("1")).unwrap().cloned();
    let mut record = None;
    loads.commit(|change| match change {
        Change::PutPerson(person) => record = Some(person),
        other => panic!("{other:?}"),
    });
    let mut again = told(vec![(pn("1"), record)]);
    assert_eq!(again.person(&Jid::pn("1")).unwrap().cloned(), before);
    assert!(before.unwrap().vouches_for(2));
}

#[test]
fn damaged_people_are_errors() {
    let record = PersonRecord { pn: Some("1".into()), lid: None, state: Bytes::from_static(b"\xff\xff") };
    assert!(WorkingSet::new(8).answer(Loaded::People(vec![(pn("1"), Some(record))])).is_err());
}

#[test]
fn memory_is_bounded() {
    let mut loads = WorkingSet::new(10);
    for n in 0..1000 {
        let user = n.to_string();
        loads
            .answer(Loaded::People(vec![(pn(&user), stored(Some(&user), Some(&format!("9{user}"))))]))
            .unwrap();
        loads.commit(|_| {});
    }
    let known = (0..1000).filter(|n| loads.know([&Jid::pn(n.to_string())]).is_ok()).count();
    assert!((10..=20).contains(&known), "{known}");
}

/// A record that a handler may need, by a small number.
fn need(loads: &mut WorkingSet, what: u8) -> Lookup {
    let user = (what / 5).to_string();
    let key = MessageKey { chat: user.clone(), sender: user.clone(), id: user.clone() };
    match what % 5 {
        0 => loads.know([&Jid::pn(user)]),
        1 => loads.know([&Jid::lid(user)]),
        2 => loads.know_signal([SignalKey::new(SignalKind::Session, user)]),
        3 => loads.status(&key).map(drop),
        _ => loads.outgoing(&user).map(drop),
    }
}

/// A store without people; every second number has a LID.
fn answer(query: Query) -> Loaded {
    let mapping = |user: &str| {
        let n: u32 = user.parse().unwrap();
        n.is_multiple_of(2).then(|| stored(Some(user), Some(user))).flatten()
    };
    match query {
        Query::People(addresses) => Loaded::People(
            addresses
                .into_iter()
                .map(|address| {
                    let (PersonAddress::Pn(user) | PersonAddress::Lid(user)) = &address;
                    let record = mapping(user);
                    (address, record)
                })
                .collect(),
        ),
        Query::Signal(keys) => Loaded::Signal(keys.into_iter().map(|key| (key, None)).collect()),
        Query::Message(key) => Loaded::Message(key, None),
        Query::Outgoing(id) => Loaded::Outgoing(id, None),
        other => panic!("{other:?}"),
    }
}

proptest! {
    /// Handlers that need up to twelve records each, in any order, over caches of any small size, with people joined and
    /// commits in between: each is through after at most as many rounds as it needs records.
    #[test]
    fn handlers_finish_within_a_bounded_number_of_rounds(
        capacity in 1..=8_usize,
        handlers in prop::collection::vec((prop::collection::vec(0..100_u8, 1..12), any::<bool>(), 0..20_u8), 1..40),
    ) {
        let mut loads = WorkingSet::new(capacity);
        for (needs, commits, joined) in handlers {
            let mut rounds = 0;
            // One after the other, like handlers that leave with `?` at the first missing record.
            while needs.iter().try_for_each(|what| need(&mut loads, *what)).is_err() {
                rounds += 1;
                prop_assert!(rounds <= needs.len(), "{} records took more rounds", needs.len());
                while let Some(query) = loads.next_question() {
                    loads.answer(answer(query)).unwrap();
                }
            }
            let (number, linked) = (Jid::pn(joined.to_string()), Jid::lid((joined / 2).to_string()));
            if loads.join(&number, &linked).is_err() {
                while let Some(query) = loads.next_question() {
                    loads.answer(answer(query)).unwrap();
                }
                prop_assert_eq!(loads.join(&number, &linked), Ok(()));
            }
            prop_assert_eq!(loads.lid_of(&number), Ok(Some(linked)));
            if commits {
                loads.commit(|_| {});
            }
        }
    }
}

#[test]
fn a_former_number_keeps_its_expected_key() {
    let (number, spare, linked) = (Jid::pn("1"), Jid::pn("2"), Jid::lid("77"));
    let mut loads = told(vec![(pn("1"), None), (pn("2"), None), (lid("77"), None)]);
    loads.edit_person(&number, |person| person.set_identity(0, key(5))).unwrap();
    loads.join(&number, &linked).unwrap();
    // Back and forth between two numbers, as one answer of a server may say it: both stay known.
    for _ in 0..3 {
        loads.join(&spare, &linked).unwrap();
        assert_eq!(loads.person(&number).unwrap().unwrap().identity_of(0), Some(key(5)));
        loads.join(&number, &linked).unwrap();
        assert_eq!(loads.person(&spare).unwrap().unwrap().identity_of(0), Some(key(5)));
    }
    assert!(!loads.has_questions());
}

#[test]
fn people_with_different_keys_do_not_mix_their_companions() {
    let (number, linked) = (Jid::pn("1"), Jid::lid("77"));
    let mut loads = told(vec![(pn("1"), None), (lid("77"), None)]);
    loads.edit_person(&number, |person| person.set_identity(0, key(5))).unwrap();
    loads.edit_person(&number, |person| person.set_identity(3, key(6))).unwrap();
    loads.edit_person(&linked, |person| person.set_identity(0, key(7))).unwrap();
    loads.join(&number, &linked).unwrap();
    let person = loads.person(&linked).unwrap().unwrap();
    assert_eq!((person.identity_of(0), person.identity_of(3)), (Some(key(7)), None));
}
