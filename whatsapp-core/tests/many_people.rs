//! Many people through one engine with little memory.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
use std::time::Duration;

use whatsapp_core::{
    jid::Jid,
    sim::{Behaviour, pair::World},
};
use whatsapp_store::{MessageStatus, memory::MemoryStore};

const ALICE: &str = "15550000001";

/// Alice's client writes to `people` people, with caches of that size.
fn write_to(people: u32, cached_records: usize) -> World {
    let mut world = World::new(41);
    world.network.add_person(ALICE, "alice", Behaviour::Silent).unwrap();
    let client = world.add_client("alice", Box::new(MemoryStore::new()));
    world.clients[client].config.cached_records = cached_records;
    world.crash(client);
    world.start(client);
    world.link(client, ALICE);
    let first = 15_570_000_000_u64;
    world.network.add_people(&first.to_string(), people, "somebody", &Behaviour::Receive).unwrap();
    for n in 0..u64::from(people) {
        world.send_text(client, &Jid::pn((first + n).to_string()), "hello").unwrap();
        if n % 500 == 499 {
            world.run_for(Duration::from_secs(5));
        }
    }
    world.run_for(Duration::from_secs(120));
    world
}

fn delivered(world: &World) -> usize {
    let messages = world.clients[0].messages();
    messages.iter().filter(|message| message.status == MessageStatus::Delivered).count()
}

#[test]
fn sending_to_twenty_thousand_people_needs_a_bounded_number_of_reads() {
    const PEOPLE: u32 = 20_000;
    let world = write_to(PEOPLE, 256);
    assert_eq!(delivered(&world), PEOPLE as usize);
    let questions = world.clients[0].questions;
    assert!(questions < u64::from(PEOPLE) * 12, "{questions} questions");
}

#[test]
fn the_smallest_caches_suffice() {
    for cached_records in [1, 2, 3, 5, 8] {
        let world = write_to(60, cached_records);
        assert_eq!(delivered(&world), 60, "{cached_records}");
        let questions = world.clients[0].questions;
        assert!(questions < 60 * 40, "{cached_records}: {questions} questions");
    }
}
