//! A client that was offline asks for its queue, batch by batch.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]
use std::time::Duration;

use whatsapp_core::{
    event::Event,
    jid::Jid,
    sim::{Behaviour, SimConfig, pair::World},
};
use whatsapp_store::memory::MemoryStore;

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";

/// Bob writes `missed` texts while Alice's client is offline; then it comes back.
fn back(missed: usize, configure: impl FnOnce(&mut SimConfig)) -> World {
    let mut world = World::with_config(31, configure);
    for (name, phone) in [("alice", ALICE), ("bob", BOB)] {
        world.network.add_person(phone, name, Behaviour::Silent).unwrap();
    }
    let alice = world.add_client("alice", Box::new(MemoryStore::new()));
    world.link(alice, ALICE);
    world.run_for(Duration::from_secs(10));
    world.crash(alice);
    world.run_for(Duration::from_secs(1));
    for number in 0..missed {
        world.network.send_as(world.now, BOB, &Jid::pn(ALICE), &format!("{number}")).unwrap();
    }
    world.after_network();
    world.start(alice);
    world
}

fn heard(world: &World) -> Vec<String> {
    let messages = world.clients[0].messages();
    messages.into_iter().filter_map(|message| Some(message.content.as_text()?.to_owned())).collect()
}

fn expect_all(mut world: World, missed: usize) {
    let all: Vec<String> = (0..missed).map(|number| number.to_string()).collect();
    let came = world.run_until(Duration::from_secs(120), |world| heard(world).len() == missed);
    assert!(came, "{} of {missed} came", heard(&world).len());
    assert_eq!(heard(&world), all, "in the order in which they were written");
    world.run_for(Duration::from_secs(30));
    assert_eq!(world.network.unanswered(), []);
    let synced = world.clients[0].events.iter().any(|event| matches!(event, Event::Connected { .. }));
    assert!(synced);
}

#[test]
fn the_queue_is_requested_in_several_batches() {
    expect_all(back(450, |_| {}), 450);
}

#[test]
fn unrequested_stanzas_are_part_of_the_queue() {
    expect_all(back(450, |config| config.offline_queue.primer = 5), 450);
}
