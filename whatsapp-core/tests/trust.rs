//! Who is who, and with which keys: what a server may claim, and which changes are reported.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
use std::time::Duration;

use whatsapp_core::{
    event::{Distrust, Event},
    jid::Jid,
    sim::{Behaviour, BundleAnswer, DeviceListAnswer, RawMessage, pair::World},
};
use whatsapp_store::memory::MemoryStore;

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";
const MALLORY: &str = "15550000003";

/// Alice with a client; Bob and Mallory with phones, Bob with a client, too.
fn world() -> World {
    let mut world = World::new(31);
    for (name, phone) in [("alice", ALICE), ("bob", BOB), ("mallory", MALLORY)] {
        world.network.add_person(phone, name, Behaviour::Receive).unwrap();
        if phone != MALLORY {
            let client = world.add_client(name, Box::new(MemoryStore::new()));
            world.link(client, phone);
        }
    }
    world
}

fn pass(world: &mut World) {
    world.after_network();
    world.run_for(Duration::from_secs(30));
}

/// Alice's client knows Bob by number and LID, with his keys.
fn acquainted() -> World {
    let mut world = world();
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    pass(&mut world);
    world
}

fn write(world: &mut World, phone: &str, message: RawMessage) {
    // Addressed by LID, as chats are by now: the number comes as an attribute.
    let alice = world.network.lid_of(ALICE).unwrap();
    world.network.send_raw_as(world.now, phone, &alice, message).unwrap();
    pass(world);
}

/// The chats of Alice's client with the messages of others, in order.
fn received(world: &World) -> Vec<(String, String)> {
    let messages = world.clients[0].messages().into_iter().filter(|message| !message.from_me);
    messages
        .map(|message| (message.key.chat.clone(), message.content.as_text().unwrap_or_default().to_owned()))
        .collect()
}

fn distrusted(world: &World) -> Vec<Distrust> {
    let why = |event: &Event| match event {
        Event::Distrusted { why, .. } => Some(*why),
        _ => None,
    };
    world.clients[0].events.iter().filter_map(why).collect()
}

fn identity_changes(world: &World) -> usize {
    world.clients[0].events.iter().filter(|event| matches!(event, Event::IdentityChanged { .. })).count()
}

fn inbox(world: &World, phone: &str) -> Vec<String> {
    let shown = world.network.inbox(phone).unwrap().messages.into_iter().filter(|shown| !shown.from_me);
    shown.filter_map(|shown| Some(shown.content.as_text()?.to_owned())).collect()
}

#[test]
fn a_stanza_cannot_take_a_number_from_a_person() {
    let mut world = acquainted();
    let mallory = world.network.lid_of(MALLORY).unwrap();
    for text in ["I am Bob", "really"] {
        write(&mut world, MALLORY, RawMessage::text(text).attribute("sender_pn", Some(Jid::pn(BOB))));
    }
    // The directory tells whose LID it is. His chat is his own.
    assert_eq!(distrusted(&world), [Distrust::Addresses], "told once, not for each stanza");
    let chats: Vec<_> = received(&world).into_iter().map(|(chat, _)| chat).collect();
    assert!(chats.iter().all(|chat| *chat != Jid::pn(BOB).to_string()), "{chats:?}");
    assert!(chats.iter().all(|chat| *chat == mallory.to_string() || *chat == Jid::pn(MALLORY).to_string()));
    world.send_text(0, &Jid::pn(BOB), "only for Bob").unwrap();
    pass(&mut world);
    assert_eq!(inbox(&world, BOB), ["hello", "only for Bob"]);
    assert!(inbox(&world, MALLORY).is_empty());
    assert_eq!(identity_changes(&world), 0);
}

#[test]
fn a_person_with_a_new_lid_is_the_same_person() {
    let mut world = acquainted();
    let before = world.network.lid_of(BOB).unwrap();
    let after = world.network.change_lid(BOB).unwrap();
    write(&mut world, BOB, RawMessage::text("still me"));
    write(&mut world, BOB, RawMessage::text("and again"));
    let chats = received(&world);
    let expected = ["still me", "and again"].map(|text| (Jid::pn(BOB).to_string(), text.to_owned()));
    assert_eq!(chats, expected);
    let joined = |lid: &Jid| {
        world.clients[0]
            .events
            .iter()
            .any(|event| matches!(event, Event::AddressesJoined { lid: told, .. } if told == lid))
    };
    assert!(joined(&before) && joined(&after));
    assert_eq!(identity_changes(&world), 0, "the key is the same");
}

#[test]
fn a_number_with_another_key_is_reported() {
    let mut world = acquainted();
    // Bob gives his number up, and Mallory gets it.
    world.network.change_number(BOB, "15550000009").unwrap();
    world.network.change_number(MALLORY, BOB).unwrap();
    let mallory = world.network.lid_of(BOB).unwrap();
    write(&mut world, BOB, RawMessage::text("new phone, who is this?"));
    write(&mut world, BOB, RawMessage::text("hello?"));
    assert_eq!(received(&world)[1].0, Jid::pn(BOB).to_string());
    assert_eq!(identity_changes(&world), 1, "{:?}", world.clients[0].events);
    world.send_text(0, &mallory, "you have Bob's old number").unwrap();
    pass(&mut world);
    assert_eq!(inbox(&world, BOB).last().unwrap(), "you have Bob's old number");
    assert_eq!(inbox(&world, "15550000009"), ["hello"]);
}

#[test]
fn a_person_with_a_new_number_keeps_the_key_and_is_reported() {
    let mut world = acquainted();
    world.network.change_number(BOB, "15550000009").unwrap();
    write(&mut world, "15550000009", RawMessage::text("I have a new number"));
    write(&mut world, "15550000009", RawMessage::text("did you get it?"));
    let told = world.clients[0].events.iter().any(|event| {
        matches!(event, Event::AddressesJoined { former: Some(former), pn, .. }
            if *former == Jid::pn(BOB) && *pn == Jid::pn("15550000009"))
    });
    assert!(told, "{:?}", world.clients[0].events);
    assert_eq!(received(&world).last().unwrap().0, Jid::pn("15550000009").to_string());
    assert_eq!(identity_changes(&world), 0);
}

#[test]
fn messages_under_a_lid_move_to_the_chat_of_the_number() {
    let mut world = world();
    let lid = world.network.lid_of(BOB).unwrap();
    for text in ["first", "second"] {
        let unnamed = RawMessage::text(text).attribute("sender_pn", None::<Jid>);
        write(&mut world, BOB, unnamed);
    }
    assert!(received(&world).iter().all(|(chat, _)| *chat == lid.to_string()));
    write(&mut world, BOB, RawMessage::text("third").attribute("sender_pn", Some(Jid::pn(BOB))));
    let chats = received(&world);
    let texts: Vec<_> = chats.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["first", "second", "third"]);
    assert!(chats.iter().all(|(chat, _)| *chat == Jid::pn(BOB).to_string()), "one chat: {chats:?}");
}

/// Alice writes again after an hour, when the server says this of Bob's devices. Does his client get it?
fn with_list(answer: impl FnOnce(&World) -> DeviceListAnswer) -> (bool, Vec<Distrust>) {
    let mut world = acquainted();
    let answer = answer(&world);
    world.network.set_device_list(BOB, answer).unwrap();
    world.run_for(Duration::from_secs(3700));
    world.send_text(0, &Jid::pn(BOB), "an hour later").unwrap();
    pass(&mut world);
    let texts = world.clients[1].messages();
    let got = texts.iter().any(|message| message.content.as_text() == Some("an hour later"));
    (got, distrusted(&world))
}

#[test]
fn an_older_device_list_is_refused() {
    let old = |world: &World| DeviceListAnswer::Untruthful {
        devices: vec![0],
        signed: Some(vec![0]),
        timestamp: Some(world.now.as_secs() - 86_400),
    };
    assert_eq!(with_list(old), (true, vec![Distrust::OldDeviceList]));
    let new = |world: &World| DeviceListAnswer::Untruthful {
        devices: vec![0],
        signed: Some(vec![0]),
        timestamp: Some(world.now.as_secs() + 60),
    };
    assert_eq!(with_list(new), (false, vec![]), "a newer one counts");
}

#[test]
fn an_unsigned_device_list_is_refused_after_a_signed_one() {
    let unsigned =
        |_: &World| DeviceListAnswer::Untruthful { devices: vec![0], signed: None, timestamp: None };
    assert_eq!(with_list(unsigned), (true, vec![Distrust::UnsignedDeviceList]));
}

/// Alice's first message to Bob while the server says this of his client's keys.
fn with_bundle(answer: BundleAnswer) -> (bool, Vec<Distrust>) {
    let mut world = world();
    let device = Jid::pn(BOB).with_device(1);
    world.network.set_bundle(&device, answer).unwrap();
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    pass(&mut world);
    assert_eq!(inbox(&world, BOB), ["hello"], "the phone gets it in any case");
    (!world.clients[1].messages().is_empty(), distrusted(&world))
}

#[test]
fn a_companion_is_judged_by_its_signatures() {
    assert_eq!(with_bundle(BundleAnswer::Truthful), (true, vec![]));
    let counted = Distrust::NoDeviceIdentity { device: 1, accepted: true };
    assert_eq!(with_bundle(BundleAnswer::WithoutIdentity), (true, vec![counted]), "the signed list names it");
    let refused = Distrust::CompanionNotSigned { device: 1 };
    // The client asks twice, since an answer may be damaged.
    assert_eq!(with_bundle(BundleAnswer::WrongIdentity), (false, vec![refused; 2]));
    let other = BundleAnswer::IdentityOf { device: Jid::pn(ALICE).with_device(1).to_string() };
    assert_eq!(with_bundle(other), (false, vec![refused; 2]));
}

#[test]
fn an_invented_device_gets_no_messages() {
    let mut world = acquainted();
    let forged = world.network.add_forged_device(BOB).unwrap();
    for signed in [None, Some(vec![0, 1])] {
        let devices = vec![0, 1, forged.device];
        let answer =
            DeviceListAnswer::Untruthful { devices, signed, timestamp: Some(world.now.as_secs() + 1) };
        world.network.set_device_list(BOB, answer).unwrap();
        world.run_for(Duration::from_secs(3700));
        world.send_text(0, &Jid::pn(BOB), "secret").unwrap();
        pass(&mut world);
    }
    assert_eq!(world.network.stanzas_for(&forged).unwrap(), []);
    assert_eq!(inbox(&world, BOB), ["hello", "secret", "secret"]);
}

/// The server says that these are Bob's devices, with his account's signature over those that it did not remove.
fn devices_of_bob(world: &mut World, devices: &[u16]) {
    let timestamp = Some(world.now.as_secs() + 1);
    let (devices, signed) = (devices.to_vec(), Some(devices.to_vec()));
    let answer = DeviceListAnswer::Untruthful { devices, signed, timestamp };
    world.network.set_device_list(BOB, answer).unwrap();
    world.run_for(Duration::from_secs(3700));
    world.send_text(0, &Jid::pn(BOB), "for those who are left").unwrap();
    pass(world);
}

#[test]
fn a_removed_companion_can_neither_read_nor_write() {
    let mut world = acquainted();
    devices_of_bob(&mut world, &[0]);
    world.send_text(1, &Jid::pn(ALICE), "I was removed").unwrap();
    pass(&mut world);
    assert_eq!(world.clients[1].messages().len(), 2, "Alice's first message and its own");
    assert_eq!(received(&world), []);
    let told = distrusted(&world);
    assert!(!told.is_empty());
    assert!(told.iter().all(|why| *why == Distrust::CompanionRemoved { device: 1 }), "{told:?}");
    // It was linked again: the account signs for it again.
    devices_of_bob(&mut world, &[0, 1]);
    world.send_text(1, &Jid::pn(ALICE), "and came back").unwrap();
    pass(&mut world);
    assert_eq!(received(&world).last().unwrap().1, "and came back");
}

#[test]
fn a_known_companion_does_not_change_its_key_without_a_signature() {
    let mut world = acquainted();
    world.send_text(1, &Jid::pn(ALICE), "hi").unwrap();
    pass(&mut world);
    devices_of_bob(&mut world, &[0]);
    let device = Jid::pn(BOB).with_device(1);
    world.network.set_bundle(&device, BundleAnswer::ServerKeys).unwrap();
    devices_of_bob(&mut world, &[0, 1]);
    let refused = Distrust::NoDeviceIdentity { device: 1, accepted: false };
    assert_eq!(distrusted(&world), [refused; 2], "asked for twice");
    assert_eq!(identity_changes(&world), 0);
}

#[test]
fn a_copy_belongs_to_the_chat_that_it_was_written_to() {
    let mut world = acquainted();
    for (text, attribute) in [("moved", Some(Jid::pn(MALLORY))), ("in place", Some(Jid::pn(BOB)))] {
        let message = RawMessage::text(text).attribute("recipient", attribute);
        let message =
            message.attribute("peer_recipient_lid", None::<Jid>).attribute("peer_recipient_pn", None::<Jid>);
        world.network.send_raw_as(world.now, ALICE, &Jid::pn(BOB), message).unwrap();
        pass(&mut world);
    }
    let copies: Vec<_> = world.clients[0].messages().into_iter().filter(|message| message.from_me).collect();
    assert_eq!(copies.len(), 3);
    assert!(copies.iter().all(|message| message.key.chat == Jid::pn(BOB).to_string()), "{copies:?}");
    assert_eq!(distrusted(&world), [Distrust::OtherChat]);
}
