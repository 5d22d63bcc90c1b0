//! A server that tries to eavesdrop or to impersonate a person: it changes what it hands out, and clients detect it.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
use std::time::Duration;

use whatsapp_core::{
    binary::{Content, Node},
    jid::Jid,
    sim::{Behaviour, pair::World},
};
use whatsapp_store::memory::MemoryStore;

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";

/// Alice and Bob, each with a phone and a client.
fn world() -> World {
    let mut world = World::new(11);
    for (name, phone) in [("alice", ALICE), ("bob", BOB)] {
        world.network.add_person(phone, name, Behaviour::Silent).unwrap();
        let client = world.add_client(name, Box::new(MemoryStore::new()));
        world.link(client, phone);
    }
    world
}

fn texts(world: &World, client: usize) -> Vec<String> {
    let received = world.clients[client].messages().into_iter().filter(|message| !message.from_me);
    received.filter_map(|message| Some(message.content.as_text()?.to_owned())).collect()
}

/// Changes every element with this tag.
fn change(node: &mut Node, tag: &str, with: &mut impl FnMut(&mut Node)) {
    if node.tag == tag {
        with(node);
    }
    if let Content::Nodes(children) = &mut node.content {
        children.iter_mut().for_each(|child| change(child, tag, with));
    }
}

fn without(node: &mut Node, tag: &str) {
    if let Content::Nodes(children) = &mut node.content {
        children.retain(|child| child.tag != tag);
    }
}

/// Alice writes to Bob while the server applies `with` to every bundle. Returns whether his client and his phone got it.
fn bundles(with: impl Fn(&mut Node) + Send + 'static) -> [bool; 2] {
    let mut world = world();
    world.network.mutate(Some(Box::new(move |node| {
        if node.tag == "iq" {
            change(node, "user", &mut |user| with(user));
        }
    })));
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    world.run_for(Duration::from_secs(30));
    let phone = world.network.inbox(BOB).unwrap();
    [!texts(&world, 1).is_empty(), !phone.messages.is_empty()]
}

#[test]
fn bundles_of_unsigned_companions_are_not_used() {
    assert_eq!(bundles(|_| {}), [true, true]);
    let nothing_shown = |user: &mut Node| without(user, "device-identity");
    assert_eq!(bundles(nothing_shown), [true, true], "the signed device list names the companion");
    let neither = |user: &mut Node| {
        without(user, "device-identity");
        change(user, "devices", &mut |devices| without(devices, "key-index-list"));
    };
    assert_eq!(bundles(neither), [false, true], "nothing names it");
    let forge = |user: &mut Node| {
        change(user, "device-identity", &mut |identity| identity.content = Content::Bytes(b"x"[..].into()));
    };
    assert_eq!(bundles(forge), [false, true]);
    // A key of the server's: neither the account's signature nor that of the prekey holds.
    let swap = |user: &mut Node| {
        change(user, "identity", &mut |key| key.content = Content::Bytes(vec![9; 32].into()));
    };
    assert_eq!(bundles(swap), [false, false]);
}

#[test]
fn unlisted_companions_get_nothing() {
    assert_eq!(bundles(|user| without(user, "devices")), [false, false]);
    let unlisted =
        |user: &mut Node| change(user, "devices", &mut |devices| without(devices, "key-index-list"));
    assert_eq!(bundles(unlisted), [false, true]);
    // Lists need not name their signer: the signatures of the companions themselves count.
    let unnamed = |user: &mut Node| {
        change(user, "key-index-list", &mut |list| {
            if let Content::Bytes(bytes) = &mut list.content {
                bytes.truncate(bytes.len() - 34);
            }
        });
    };
    assert_eq!(bundles(unnamed), [true, true]);
    let forged = |user: &mut Node| {
        change(user, "key-index-list", &mut |list| list.content = Content::Bytes(b"x"[..].into()));
    };
    assert_eq!(bundles(forged), [false, true]);
}

/// Bob's client after Alice wrote, while the server removes the identity from her first `count` messages.
fn without_identities(mut count: u32) -> Vec<String> {
    let mut world = world();
    world.network.mutate(Some(Box::new(move |node| {
        if node.tag == "message" && count > 0 {
            without(node, "device-identity");
            count -= 1;
        }
    })));
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    world.run_for(Duration::from_secs(120));
    texts(&world, 1)
}

#[test]
fn a_companion_without_identity_is_not_trusted() {
    assert!(without_identities(u32::MAX).is_empty());
    assert_eq!(without_identities(2), ["hello"], "it is asked for again");
}
