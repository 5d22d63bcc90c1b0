//! Whole conversations between engines and the simulated network, in virtual time.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]
use std::{collections::BTreeMap, time::Duration};

use whatsapp_core::{
    engine::{Command, Reply},
    event::Event,
    jid::Jid,
    sim::{Behaviour, Faults, Side, pair::World},
};
use whatsapp_store::{MessageStatus, memory::MemoryStore};

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";

fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    world.network.add_person(ALICE, "Alice", Behaviour::Silent).unwrap();
    world.network.add_person(BOB, "Bob", Behaviour::Silent).unwrap();
    world
}

/// Two linked clients, of Alice and of Bob.
fn two_clients(seed: u64) -> World {
    let mut world = world(seed);
    for (name, phone) in [("alice", ALICE), ("bob", BOB)] {
        let index = world.add_client(name, Box::new(MemoryStore::new()));
        world.link(index, phone);
    }
    world
}

fn texts(world: &World, index: usize, from_me: bool) -> Vec<String> {
    let messages = world.clients[index].messages();
    let texts = messages.iter().filter(|m| m.from_me == from_me).filter_map(|m| m.content.as_text());
    texts.map(str::to_owned).collect()
}

#[test]
fn link_and_talk_to_a_person() {
    let mut world = world(1);
    world.network.set_behaviour(BOB, Behaviour::Echo).unwrap();
    let alice = world.add_client("alice", Box::new(MemoryStore::new()));
    world.link(alice, ALICE);
    let id = world.send_text(alice, &Jid::pn(BOB), "hello").unwrap();
    let answered = world.run_until(Duration::from_secs(60), |w| texts(w, alice, false) == ["echo: hello"]);
    assert!(answered, "{:?}", world.clients[alice].events);
    let inbox = world.network.inbox(BOB).unwrap();
    assert_eq!(inbox.messages[0].content.as_text(), Some("hello"));
    assert_eq!((inbox.duplicates, inbox.failures), (0, 0));
    let ours = world.clients[alice].messages().into_iter().find(|m| m.key.id == id).unwrap();
    assert_eq!(ours.status, MessageStatus::Read);
    assert_eq!(ours.key.chat, format!("{BOB}@s.whatsapp.net"), "chats go by number");
    // The phone has its copy.
    let own = world.network.inbox(ALICE).unwrap();
    assert!(own.messages.iter().any(|m| m.from_me && m.content.as_text() == Some("hello")));
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.network.unanswered(), []);
    assert_eq!(world.network.unknown_requests(), []);
}

#[test]
fn a_silent_reader_sends_receipts_and_no_answer() {
    let mut world = world(11);
    world.network.set_behaviour(BOB, Behaviour::Read).unwrap();
    let alice = world.add_client("alice", Box::new(MemoryStore::new()));
    world.link(alice, ALICE);
    let id = world.send_text(alice, &Jid::pn(BOB), "hello").unwrap();
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.clients[alice].messages()[0].status, MessageStatus::Read);
    let told = world.clients[alice].events.iter().filter_map(|event| match event {
        Event::Status { status, .. } => Some(*status),
        _ => None,
    });
    let rising = [MessageStatus::Sent, MessageStatus::Delivered, MessageStatus::Read];
    assert!(told.eq(rising), "{:?}", world.clients[alice].events);
    assert_eq!(texts(&world, alice, false), [""; 0]);
    let ledger: Vec<_> = world.network.ledger().collect();
    assert_eq!(ledger.len(), 1, "what one wrote oneself is not in it: {ledger:?}");
    let entry = &ledger[0];
    assert_eq!((entry.phone.as_str(), entry.from.as_str(), &entry.id), (BOB, ALICE, &id));
    assert_eq!((entry.text.as_deref(), entry.shown, entry.delivered), (Some("hello"), 1, 1));
}

#[test]
fn the_ledger_counts_ciphertexts_that_were_not_shown() {
    let mut world = world(12);
    let alice = world.add_client("alice", Box::new(MemoryStore::new()));
    world.link(alice, ALICE);
    world.network.corrupt_next(&Jid::pn(BOB)).unwrap();
    world.send_text(alice, &Jid::pn(BOB), "damaged").unwrap();
    world.run_for(Duration::from_secs(60));
    let mut faults = Faults::default();
    faults.duplicate = 1.0;
    world.network.set_faults(Side::ToServer, faults);
    world.send_text(alice, &Jid::pn(BOB), "twice").unwrap();
    world.run_for(Duration::from_secs(60));
    let counted = world.network.ledger().map(|entry| (entry.text.unwrap(), entry.shown, entry.delivered));
    assert!(counted.eq([("damaged".to_owned(), 1, 2), ("twice".to_owned(), 1, 2)]));
}

#[test]
fn two_clients_talk_by_number_and_by_lid() {
    let mut world = two_clients(2);
    let bob_lid = world.network.lid_of(BOB).unwrap();
    for (turn, to) in [Jid::pn(BOB), bob_lid].into_iter().enumerate() {
        world.send_text(0, &to, &format!("question {turn}")).unwrap();
        assert!(world.run_until(Duration::from_secs(60), |w| texts(w, 1, false).len() == turn + 1));
        world.send_text(1, &Jid::pn(ALICE), &format!("answer {turn}")).unwrap();
        assert!(world.run_until(Duration::from_secs(60), |w| texts(w, 0, false).len() == turn + 1));
    }
    assert_eq!(texts(&world, 1, false), ["question 0", "question 1"]);
    assert_eq!(texts(&world, 0, false), ["answer 0", "answer 1"]);
    let chats: Vec<_> = world.clients[0].messages().iter().map(|m| m.key.chat.clone()).collect();
    assert!(
        chats.iter().all(|chat| *chat == format!("{BOB}@s.whatsapp.net")),
        "one chat, not two: {chats:?}"
    );
    world.run_for(Duration::from_secs(60));
    let statuses: Vec<_> =
        world.clients[0].messages().iter().filter(|m| m.from_me).map(|m| m.status).collect();
    assert_eq!(statuses, [MessageStatus::Delivered; 2]);
    assert_eq!(world.network.unanswered(), []);
}

#[test]
fn a_second_device_of_ours_gets_copies() {
    let mut world = two_clients(3);
    let second = world.add_client("alice-2", Box::new(MemoryStore::new()));
    world.link(second, ALICE);
    world.send_text(0, &Jid::pn(BOB), "from the first").unwrap();
    world.send_text(1, &Jid::pn(ALICE), "to both").unwrap();
    world.run_for(Duration::from_secs(60));
    assert_eq!(texts(&world, second, true), ["from the first"]);
    assert_eq!(texts(&world, second, false), ["to both"]);
    assert_eq!(texts(&world, 0, false), ["to both"]);
}

#[test]
fn pairing_by_code() {
    let mut world = world(4);
    let alice = world.add_client("alice", Box::new(MemoryStore::new()));
    world.run_until(Duration::from_secs(60), |w| w.clients[alice].qr().is_some());
    let request_id = world.command(alice, |request_id| Command::PairCode { request_id, phone: ALICE.into() });
    world.run_for(Duration::from_secs(1));
    let code = world.clients[alice].replies.iter().find_map(|(of, reply)| match reply {
        Reply::PairCode(code) if *of == request_id => Some(code.clone()),
        _ => None,
    });
    let code = code.unwrap();
    world.network.enter_pair_code(ALICE, &code).unwrap();
    world.after_network();
    assert!(world.run_until(Duration::from_secs(60), |w| w.clients[alice].is_connected()));
    assert_eq!(world.network.devices().len(), 1);
}

#[test]
fn qr_codes_rotate_and_new_ones_follow() {
    let mut world = world(5);
    let alice = world.add_client("alice", Box::new(MemoryStore::new()));
    world.run_for(Duration::from_secs(400));
    let codes: Vec<_> =
        world.clients[alice].events.iter().filter(|event| matches!(event, Event::Qr { .. })).collect();
    assert!(codes.len() >= 12, "{}", codes.len());
    world.link(alice, ALICE);
}

#[test]
fn missed_messages_come_after_reconnection() {
    let mut world = two_clients(6);
    world.run_for(Duration::from_secs(5));
    world.crash(1);
    for n in 0..20 {
        world.send_text(0, &Jid::pn(BOB), &n.to_string()).unwrap();
    }
    world.run_for(Duration::from_secs(60));
    world.start(1);
    world.run_for(Duration::from_secs(60));
    assert_eq!(texts(&world, 1, false), (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(world.clients[1].events.iter().any(|event| matches!(event, Event::OfflineDone { .. })));
    assert_eq!(world.network.unanswered(), []);
}

#[test]
fn damaged_ciphertexts_are_asked_for_again() {
    let mut world = two_clients(7);
    // Both directions, on the first message and on later ones.
    for turn in 0..3 {
        for (from, to, phone) in [(0, 1, BOB), (1, 0, ALICE)] {
            let device = Jid::pn(phone).with_device(1);
            world.network.corrupt_next(&device).unwrap();
            let text = format!("{turn} from {from}");
            world.send_text(from, &Jid::pn(phone), &text).unwrap();
            let came = world.run_until(Duration::from_secs(120), |w| texts(w, to, false).contains(&text));
            assert!(came, "{text}: {:?}", world.clients[to].events);
        }
    }
    assert_eq!(texts(&world, 1, false).len(), 3);
    let asked = world.clients[1].events.iter().filter(|event| matches!(event, Event::Undecryptable { .. }));
    assert_eq!(asked.count(), 3);
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.network.unanswered(), []);
}

#[test]
fn a_crash_after_accepting_loses_nothing() {
    let mut world = two_clients(8);
    let mut accepted = Vec::new();
    for n in 0..60 {
        accepted.push(world.send_text(0, &Jid::pn(BOB), &n.to_string()).unwrap());
        if n % 7 == 3 {
            world.crash(0);
            world.run_for(Duration::from_millis(n));
            world.start(0);
            world.run_for(Duration::from_millis(37 * n));
        }
    }
    world.run_for(Duration::from_secs(300));
    let got: Vec<_> = world.clients[1].messages().iter().map(|m| m.key.id.clone()).collect();
    let (mut sorted, mut expected) = (got.clone(), accepted.clone());
    sorted.sort();
    expected.sort();
    assert_eq!(sorted, expected);
    assert!(!world.clients[1].events.iter().any(|event| matches!(event, Event::Undecryptable { .. })));
}

#[test]
fn refusals_and_reconnections() {
    let mut world = two_clients(9);
    world.network.fail_next_login(503);
    world.network.cut(&Jid::pn(ALICE).with_device(1)).unwrap();
    world.after_network();
    world.run_for(Duration::from_secs(30));
    assert!(world.clients[0].is_connected(), "503 passes");
    world.network.fail_next_login(405);
    world.network.cut(&Jid::pn(ALICE).with_device(1)).unwrap();
    world.after_network();
    world.run_for(Duration::from_secs(3600));
    let last = world.clients[0].events.last().unwrap();
    assert!(matches!(last, Event::Disconnected { retry_at: None, .. }), "405 does not: {last:?}");
    world.network.unlink_device(world.now, &Jid::pn(BOB).with_device(1)).unwrap();
    world.after_network();
    world.run_for(Duration::from_secs(60));
    let told = world.clients[1].events.iter().any(|event| matches!(event, Event::LoggedOut { .. }));
    assert!(told, "{:?}", world.clients[1].events);
}

#[test]
fn a_message_to_an_unknown_number_is_refused() {
    let mut world = two_clients(10);
    world.send_text(0, &Jid::pn("15559999999"), "hello?").unwrap();
    world.run_for(Duration::from_secs(60));
    let refused = world.clients[0].events.iter().any(|event| matches!(event, Event::Refused { .. }));
    assert!(refused, "{:?}", world.clients[0].events);
    assert_eq!(world.clients[0].messages()[0].status, MessageStatus::Failed);
}

/// Ten thousand messages both ways with losses, repeats and disorder: all arrive, each once, and both sides agree.
#[test]
fn ten_thousand_messages_over_a_bad_network() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_124);
    println!("SEED={seed}");
    let mut world = two_clients(seed);
    for side in [Side::ToClient, Side::ToServer] {
        let mut faults = Faults::default();
        (faults.drop, faults.duplicate, faults.reorder, faults.corrupt) = (0.02, 0.02, 0.05, 0.002);
        world.network.set_faults(side, faults);
    }
    let mut sent = [BTreeMap::new(), BTreeMap::new()];
    for n in 0..5000 {
        for (from, phone) in [(0, BOB), (1, ALICE)] {
            let text = format!("{n} of {from}");
            let id = world.send_text(from, &Jid::pn(phone), &text).unwrap();
            sent[from].insert(id, text);
        }
        world.run_for(Duration::from_millis(15));
    }
    let all =
        |w: &World| (0..2).all(|index| w.clients[index].messages().len() == sent[0].len() + sent[1].len());
    let done = (0..360).any(|_| {
        world.run_for(Duration::from_secs(10));
        all(&world)
    });
    let arrived = |index: usize| -> BTreeMap<String, String> {
        let messages = world.clients[index].messages().into_iter().filter(|m| !m.from_me);
        messages.map(|m| (m.key.id, m.content.as_text().unwrap().to_owned())).collect()
    };
    assert!(done, "{} and {} arrived", arrived(0).len(), arrived(1).len());
    assert_eq!(arrived(1), sent[0]);
    assert_eq!(arrived(0), sent[1]);
}
