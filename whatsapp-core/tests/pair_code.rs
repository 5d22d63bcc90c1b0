//! Pairing by code between the engine and the simulated network, in virtual time: the mistakes that people make.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
use std::time::Duration;

use whatsapp_core::{
    engine::{Command, CommandError, Reply},
    event::Event,
    sim::{Behaviour, pair::World},
};
use whatsapp_store::memory::MemoryStore;

const ALICE: &str = "15550000001";

/// A client that shows a QR code.
fn world() -> (World, usize) {
    let mut world = World::new(7);
    world.network.add_person(ALICE, "Alice", Behaviour::Silent).unwrap();
    let client = world.add_client("alice", Box::new(MemoryStore::new()));
    assert!(world.run_until(Duration::from_secs(60), |w| w.clients[client].qr().is_some()));
    (world, client)
}

fn ask(world: &mut World, client: usize, phone: &str) -> Reply {
    let request_id =
        world.command(client, |request_id| Command::PairCode { request_id, phone: phone.into() });
    world.run_for(Duration::from_secs(1));
    let replies = &world.clients[client].replies;
    replies.iter().find(|(of, _)| *of == request_id).map(|(_, reply)| reply.clone()).unwrap()
}

fn code(reply: Reply) -> String {
    let Reply::PairCode(code) = reply else { panic!("{reply:?}") };
    code
}

fn type_in(world: &mut World, code: &str) {
    world.network.enter_pair_code(ALICE, code).unwrap();
    world.after_network();
    world.run_for(Duration::from_secs(5));
}

#[test]
fn a_mistyped_code_can_be_typed_again() {
    let (mut world, client) = world();
    let code = code(ask(&mut world, client, ALICE));
    for wrong in ["ABCD-1234", "1234-ABCD"] {
        type_in(&mut world, wrong);
        assert!(!world.clients[client].is_connected());
    }
    type_in(&mut world, &code);
    assert!(world.run_until(Duration::from_secs(60), |w| w.clients[client].is_connected()));
}

#[test]
fn a_code_is_void_after_three_attempts() {
    let (mut world, client) = world();
    let first = code(ask(&mut world, client, ALICE));
    for _ in 0..4 {
        type_in(&mut world, "ABCD-1234");
    }
    let failed = |event: &Event| matches!(event, Event::PairingFailed { .. });
    assert_eq!(world.clients[client].events.iter().filter(|event| failed(event)).count(), 1);
    type_in(&mut world, &first);
    assert!(!world.clients[client].is_connected());
    // A new one is as good as the first.
    let second = code(ask(&mut world, client, ALICE));
    type_in(&mut world, &second);
    assert!(world.run_until(Duration::from_secs(60), |w| w.clients[client].is_connected()));
}

#[test]
fn numbers_have_international_form() {
    let (mut world, client) = world();
    for phone in ["", "0155500000", "+15550000001", "123456", "1234567890123456"] {
        assert_eq!(ask(&mut world, client, phone), Reply::Failed(CommandError::BadNumber), "{phone}");
    }
    let unknown = ask(&mut world, client, "15559999999");
    assert_eq!(unknown, Reply::Failed(CommandError::Refused(400)));
}
