//! Requests, their answers and information about the connection are lost, repeated, late and damaged: clients survive it.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]
use std::time::Duration;

use whatsapp_core::{
    jid::Jid,
    sim::{Behaviour, Faults, Side, StanzaKinds, pair::World},
};
use whatsapp_store::memory::MemoryStore;

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";
const EACH: usize = 10;

fn faults() -> Faults {
    let mut faults = Faults::default();
    (faults.drop, faults.duplicate, faults.reorder, faults.corrupt) = (0.2, 0.1, 0.2, 0.05);
    faults.stanzas = StanzaKinds::Requests;
    faults
}

fn heard(world: &World, client: usize) -> Vec<String> {
    let messages = world.clients[client].messages();
    let heard = messages.into_iter().filter(|message| !message.from_me);
    let mut texts: Vec<_> = heard.filter_map(|message| Some(message.content.as_text()?.to_owned())).collect();
    texts.sort();
    texts
}

/// Links two clients, lets them write to each other and reconnects them while requests fail. Returns what is missing at the end.
fn talk(seed: u64) -> Result<(), String> {
    let mut world = World::new(seed);
    for side in [Side::ToClient, Side::ToServer] {
        world.network.set_faults(side, faults());
    }
    for (name, phone) in [("alice", ALICE), ("bob", BOB)] {
        world.network.add_person(phone, name, Behaviour::Silent).unwrap();
        let client = world.add_client(name, Box::new(MemoryStore::new()));
        world.link(client, phone);
    }
    for turn in 0..EACH {
        world.send_text(0, &Jid::pn(BOB), &format!("a{turn}")).unwrap();
        world.send_text(1, &Jid::pn(ALICE), &format!("b{turn}")).unwrap();
        world.run_for(Duration::from_secs(3));
        if turn == EACH / 2 {
            world.network.cut(&Jid::pn(BOB).with_device(1)).unwrap();
            world.after_network();
        }
    }
    let texts = |of: &str| (0..EACH).map(|turn| format!("{of}{turn}")).collect::<Vec<_>>();
    let all = |world: &World| heard(world, 1) == texts("a") && heard(world, 0) == texts("b");
    match world.run_until(Duration::from_secs(1800), |world| all(world)) {
        true => Ok(()),
        false => Err(format!("seed {seed}: {:?} {:?}", heard(&world, 0), heard(&world, 1))),
    }
}

#[test]
fn conversations_survive_a_server_that_loses_requests_and_answers() {
    let failed: Vec<String> = (1..=12).filter_map(|seed| talk(seed).err()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
