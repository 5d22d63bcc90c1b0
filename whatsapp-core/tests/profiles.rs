//! What a client says of itself: each profile whole, and the name that it learns.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use whatsapp_core::{
    binary::Node,
    config::{Addressing, Profile},
    event::Event,
    jid::Jid,
    sim::{Behaviour, pair::World},
};
use whatsapp_store::memory::MemoryStore;

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";

/// Alice with two clients of that profile, Bob with one.
fn world(profile: &Profile) -> World {
    let mut world = World::new(43);
    for (name, phone) in [("alice", ALICE), ("bob", BOB)] {
        world.network.add_person(phone, name, Behaviour::Receive).unwrap();
    }
    for (name, phone) in [("alice", ALICE), ("alice2", ALICE), ("bob", BOB)] {
        let client = world.add_client(name, Box::new(MemoryStore::new()));
        world.clients[client].config.profile = profile.clone();
        world.clients[client].config.push_name = None;
        world.crash(client);
        world.start(client);
        world.link(client, phone);
    }
    world.run_for(Duration::from_secs(10));
    world
}

fn texts(world: &World, client: usize) -> Vec<(String, String)> {
    let messages = world.clients[client].messages().into_iter();
    messages
        .map(|message| (message.key.chat, message.content.as_text().unwrap_or_default().to_owned()))
        .collect()
}

#[test]
fn each_profile_matches_one_client() {
    let said = |profile: Profile| {
        (
            profile.passive(),
            profile.lid_db_migrated(),
            profile.login_counter(7),
            profile.addressing(),
            profile.offline_batch(),
        )
    };
    assert_eq!(said(Profile::whatsmeow()), (true, true, Some(1), Addressing::Lid, 200));
    assert_eq!(said(Profile::whatsapp_rust()), (false, false, Some(7), Addressing::Number, 200));
    assert_eq!(said(Profile::baileys()), (true, false, None, Addressing::Number, 100));
    assert_eq!(said(Profile::default()), said(Profile::whatsmeow()));
}

#[test]
fn each_profile_addresses_chats_in_its_own_way() {
    for profile in [Profile::whatsmeow(), Profile::whatsapp_rust(), Profile::baileys()] {
        let mut world = world(&profile);
        let lid = world.network.lid_of(BOB).unwrap();
        // The first message may go before the LID is known.
        world.send_text(0, &Jid::pn(BOB), "first").unwrap();
        world.run_for(Duration::from_secs(10));
        let copies = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&copies);
        world.network.mutate(Some(Box::new(move |node: &mut Node| {
            let attr = |key: &str| node.attrs.iter().find(|attr| attr.key == key)?.value.to_jid();
            if node.tag == "message"
                && let Some(recipient) = attr("recipient")
            {
                seen.lock().unwrap().push((recipient, attr("peer_recipient_pn")));
            }
        })));
        for to in [Jid::pn(BOB), lid.clone()] {
            world.send_text(0, &to, "again").unwrap();
            world.run_for(Duration::from_secs(10));
        }
        world.send_text(2, &Jid::pn(ALICE), "answer").unwrap();
        world.run_for(Duration::from_secs(10));
        let expected = match profile.addressing() {
            Addressing::Lid => lid,
            _ => Jid::pn(BOB),
        };
        let copies = copies.lock().unwrap();
        assert!(!copies.is_empty());
        assert!(
            copies.iter().all(|(recipient, _)| recipient.to_non_device() == expected),
            "{profile:?}: {copies:?}"
        );
        let chat = Jid::pn(BOB).to_string();
        let talk: Vec<_> =
            ["first", "again", "again", "answer"].map(|text| (chat.clone(), text.to_owned())).into();
        assert_eq!(texts(&world, 0), talk, "{profile:?}");
        assert_eq!(texts(&world, 1), talk, "the other device, {profile:?}");
        assert_eq!(texts(&world, 2).len(), 4, "{profile:?}");
        assert_eq!(world.network.unanswered(), []);
    }
}

/// The names that a client learnt for its own account.
fn names(world: &World, client: usize) -> Vec<String> {
    let name = |event: &Event| match event {
        Event::PushName { name } => Some(name.0.clone()),
        _ => None,
    };
    world.clients[client].events.iter().filter_map(name).collect()
}

#[test]
fn the_push_name_is_learnt_from_the_phone() {
    let mut world = world(&Profile::default());
    assert_eq!(names(&world, 0), ["alice"], "from the first messages of the phone");
    // Receipts are of the visible kind from now on, also after a restart.
    for round in 0..2 {
        let id = world.network.send_as(world.now, BOB, &Jid::pn(ALICE), "hello").unwrap();
        world.after_network();
        world.run_for(Duration::from_secs(10));
        assert_eq!(world.network.inbox(BOB).unwrap().receipts[&id], "delivery", "{round}");
        world.crash(0);
        world.start(0);
        world.run_for(Duration::from_secs(10));
    }
    world.network.rename(ALICE, "Alice B.").unwrap();
    world.network.send_as(world.now, ALICE, &Jid::pn(BOB), "I have a new name").unwrap();
    world.after_network();
    world.run_for(Duration::from_secs(10));
    assert_eq!(names(&world, 0).last().unwrap(), "Alice B.");
    // Others' names are theirs.
    assert!(names(&world, 0).iter().all(|name| name.to_lowercase().starts_with("alice")));
}
