//! A server that leaves something out, cannot say just now, or says it in another way: nothing is lost or stuck by it.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use whatsapp_core::{
    binary::{Attr, Content, Node, Value},
    engine::Command,
    event::Event,
    jid::Jid,
    message::phash::participant_hash,
    sim::{Behaviour, RawMessage, pair::World},
};
use whatsapp_store::{Content as Message, memory::MemoryStore};

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";

/// Alice and Bob, each with a phone and a client.
fn world() -> World {
    let mut world = World::new(23);
    for (name, phone) in [("alice", ALICE), ("bob", BOB)] {
        world.network.add_person(phone, name, Behaviour::Silent).unwrap();
        let client = world.add_client(name, Box::new(MemoryStore::new()));
        world.link(client, phone);
    }
    world
}

fn texts(world: &World, client: usize) -> Vec<String> {
    let messages = world.clients[client].messages();
    messages.into_iter().filter_map(|message| Some(message.content.as_text()?.to_owned())).collect()
}

fn child<'a>(node: &'a mut Node, tag: &str) -> Option<&'a mut Node> {
    match &mut node.content {
        Content::Nodes(children) => children.iter_mut().find(|child| child.tag == tag),
        _ => None,
    }
}

/// The people in an answer to a device query.
fn people(node: &mut Node) -> Option<&mut Vec<Node>> {
    match &mut child(child(node, "usync")?, "list")?.content {
        Content::Nodes(people) => Some(people),
        _ => None,
    }
}

#[test]
fn devices_missing_from_answers_are_requested_a_bounded_number_of_times() {
    let mut world = world();
    let answers = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&answers);
    world.network.mutate(Some(Box::new(move |node| {
        if node.tag == "iq"
            && let Some(list) = child(node, "list")
            && let Content::Nodes(users) = &mut list.content
        {
            users.clear();
            counted.fetch_add(1, Ordering::Relaxed);
        }
    })));
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    world.run_for(Duration::from_secs(60));
    let answers = answers.load(Ordering::Relaxed);
    assert!((1..5).contains(&answers), "asked {answers} times");
}

#[test]
fn missing_bundles_are_requested_again_with_a_pause() {
    let mut world = world();
    let answers = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&answers);
    world.network.mutate(Some(Box::new(move |node| {
        if node.tag == "iq" && child(node, "list").is_some() && counted.fetch_add(1, Ordering::Relaxed) < 3 {
            node.content = Content::None;
        }
    })));
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    world.run_for(Duration::from_secs(60));
    assert_eq!(texts(&world, 1), ["hello"]);
    assert!(answers.load(Ordering::Relaxed) < 10);
}

#[test]
fn an_error_in_place_of_a_device_list_is_not_an_empty_list() {
    let mut world = world();
    let mut failures = 2;
    world.network.mutate(Some(Box::new(move |node| {
        let Some(people) = people(node).filter(|_| failures > 0) else { return };
        for person in people {
            let error = Node::new("error").attr("code", "503").attr("text", "service-unavailable");
            child(person, "devices").unwrap().content = Content::Nodes(vec![error]);
        }
        failures -= 1;
    })));
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    world.run_for(Duration::from_secs(60));
    assert_eq!(texts(&world, 1), ["hello"]);
}

/// Two clients of Alice; `with` changes what the server says of her devices.
fn two_devices(with: impl Fn(&mut Node) + Send + 'static) -> World {
    let mut world = world();
    // The first client has a device list of its account from now on.
    world.send_text(0, &Jid::pn(BOB), "before").unwrap();
    world.run_for(Duration::from_secs(10));
    world.network.mutate(Some(Box::new(with)));
    let second = world.add_client("alice2", Box::new(MemoryStore::new()));
    world.link(second, ALICE);
    world.run_for(Duration::from_secs(10));
    world
}

#[test]
fn own_devices_change_by_account_sync_too() {
    let mut world = two_devices(|node| {
        if node.tag == "notification" && node.attrs.iter().any(|attr| attr.value == *"devices") {
            node.set("type", "account_sync");
            let Content::Nodes(children) = std::mem::replace(&mut node.content, Content::None) else {
                return;
            };
            node.content = Content::Nodes(vec![Node::new("devices").children(children)]);
        }
    });
    world.send_text(0, &Jid::pn(BOB), "after").unwrap();
    world.run_for(Duration::from_secs(10));
    assert_eq!(texts(&world, 2), ["after"]);
}

#[test]
fn a_copy_names_both_addresses_of_its_chat() {
    let mut world = two_devices(|node| {
        let to_lid =
            |attr: &Attr| attr.key == "recipient" && matches!(&attr.value, Value::Jid(jid) if jid.is_lid());
        if node.tag == "message" && node.attrs.iter().any(to_lid) {
            node.set("peer_recipient_pn", Jid::pn(BOB));
        }
    });
    let lid = world.network.lid_of(BOB).unwrap();
    world.send_text(0, &lid, "hello").unwrap();
    world.run_for(Duration::from_secs(10));
    let copies = world.clients[2].messages();
    let chats: Vec<_> = copies.iter().map(|message| message.key.chat.as_str()).collect();
    assert_eq!(chats, [Jid::pn(BOB).to_string()]);
}

#[test]
fn a_copy_belongs_to_the_chat_that_its_stanza_names() {
    let mut world = two_devices(|node| {
        if node.tag == "message" && node.attrs.iter().any(|attr| attr.key == "recipient") {
            node.set("recipient", Jid::pn(BOB));
        }
    });
    // Inside, the copy names its chat by LID. The second device was never told the number of that LID.
    let lid = world.network.lid_of(BOB).unwrap();
    world.send_text(0, &lid, "hello").unwrap();
    world.run_for(Duration::from_secs(10));
    let copies = world.clients[2].messages();
    let chats: Vec<_> = copies.iter().map(|message| message.key.chat.as_str()).collect();
    assert_eq!(chats, [Jid::pn(BOB).to_string()]);
}

#[test]
fn messages_only_on_the_phone_are_reported() {
    let mut world = world();
    world.network.mutate(Some(Box::new(|node| {
        if node.tag == "message" {
            let unavailable = Node::new("unavailable").attr("type", "view_once");
            node.content = Content::Nodes(vec![unavailable]);
        }
    })));
    let id = world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    world.run_for(Duration::from_secs(60));
    let told = world.clients[1]
        .events
        .iter()
        .filter(|event| matches!(event, Event::Undecryptable { key, gave_up: true } if key.id == id));
    assert_eq!(told.count(), 1);
    assert!(world.network.unanswered().is_empty());
}

#[test]
fn a_lost_answer_about_prekeys_is_requested_again() {
    let mut world = World::new(29);
    world.network.add_person(ALICE, "alice", Behaviour::Silent).unwrap();
    let client = world.add_client("alice", Box::new(MemoryStore::new()));
    let mut lost = false;
    world.network.mutate(Some(Box::new(move |node| {
        if node.tag == "iq" && !lost && child(node, "count").is_some() {
            node.set("id", "lost");
            lost = true;
        }
    })));
    world.link(client, ALICE);
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.network.devices()[0].pre_keys, 812);
    assert!(world.clients[client].is_connected(), "and the connection stays");
}

#[test]
fn prekey_uploads_run_one_at_a_time() {
    let mut world = world();
    let before: Vec<_> = world.network.devices().iter().map(|device| device.pre_keys).collect();
    world.network.mutate(Some(Box::new(|node| {
        if node.tag == "receipt" {
            // The server says again and again that it runs low.
            node.tag = "notification".into();
            node.set("type", "encrypt");
            node.content = Content::Nodes(vec![Node::new("count").attr("value", "3")]);
        }
    })));
    for _ in 0..10 {
        world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    }
    world.run_for(Duration::from_secs(10));
    let after: Vec<_> = world.network.devices().iter().map(|device| device.pre_keys).collect();
    let more = after[0] - before[0];
    assert!((50..=100).contains(&more), "{more}");
}

#[test]
fn a_login_refused_with_429_is_retried_later() {
    let mut world = world();
    world.network.fail_next_login(429);
    let device = Jid::pn(ALICE).with_device(1);
    world.network.cut(&device).unwrap();
    world.after_network();
    world.run_for(Duration::from_secs(60));
    assert!(!world.clients[0].is_connected(), "not at once");
    world.run_for(Duration::from_secs(120));
    assert!(world.clients[0].is_connected());
}

/// How often each retry receipt says it was asked, when Bob's client dies after the first `lives` of them.
fn retry_counts(lives: usize) -> Vec<String> {
    let mut world = world();
    let counts = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&counts);
    world.network.mutate(Some(Box::new(move |node| {
        let companion =
            |attr: &Attr| attr.key == "from" && attr.value.to_jid().is_some_and(|jid| jid.device == 1);
        if node.tag == "message"
            && node.attrs.iter().any(companion)
            && let Some(enc) = child(node, "enc")
        {
            enc.content = Content::Bytes(b"3nothing"[..].into());
        }
        if let Some(retry) = child(node, "retry") {
            let count = retry.attrs.iter().find(|attr| attr.key == "count").unwrap();
            kept.lock().unwrap().push(count.value.as_text().unwrap().to_owned());
        }
    })));
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    for life in 1..=lives {
        let asked = || counts.lock().unwrap().len();
        assert!(world.run_until(Duration::from_secs(60), |_| asked() >= life));
        world.crash(1);
        world.start(1);
    }
    world.run_for(Duration::from_secs(120));
    counts.lock().unwrap().clone()
}

#[test]
fn retries_are_counted_across_restarts() {
    assert_eq!(retry_counts(0), ["1", "2", "3", "4", "5"]);
    let counts = retry_counts(2);
    assert!(counts.len() <= 6 && counts.is_sorted() && counts.last().unwrap() == "5", "{counts:?}");
}

/// How often Alice asks for devices while she writes four messages, two minutes apart, and gets this hash for each.
fn device_queries(phash: Option<String>) -> u32 {
    let mut world = world();
    world.send_text(0, &Jid::pn(BOB), "first").unwrap();
    world.run_for(Duration::from_secs(120));
    let queries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&queries);
    world.network.mutate(Some(Box::new(move |node| {
        if people(node).is_some() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        if node.tag == "ack"
            && let Some(phash) = &phash
        {
            node.set("phash", phash.as_str());
        }
    })));
    for text in ["a", "b", "c", "d"] {
        // Twice within a minute: the second time the list is fresh.
        world.send_text(0, &Jid::pn(BOB), text).unwrap();
        world.run_for(Duration::from_secs(10));
        world.send_text(0, &Jid::pn(BOB), text).unwrap();
        world.run_for(Duration::from_secs(110));
    }
    queries.load(Ordering::Relaxed)
}

#[test]
fn another_participant_hash_means_that_devices_changed() {
    let lids = |world: &World| [ALICE, BOB].map(|phone| world.network.lid_of(phone).unwrap());
    let [alice, bob] = lids(&world());
    // Device 1 is the first companion of each; Alice's sends.
    let targets = [alice.clone(), bob.clone(), bob.with_device(1)];
    assert_eq!(device_queries(None), 0);
    assert_eq!(device_queries(Some(participant_hash(&targets))), 0);
    let all: Vec<_> = targets.into_iter().chain([alice.with_device(1)]).collect();
    assert_eq!(device_queries(Some(participant_hash(&all))), 0);
    let queries = device_queries(Some("2:AAAAAAAA".into()));
    assert!((3..=4).contains(&queries), "{queries}");
}

/// The message stanzas that reach others when Alice sends this.
fn stanzas(content: Message) -> Vec<String> {
    let mut world = world();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    world.network.mutate(Some(Box::new(move |node| {
        let peer = node.attrs.iter().any(|attr| attr.key == "category");
        if node.tag == "message" && !peer {
            kept.lock().unwrap().push(format!("{node:?}"));
        }
    })));
    world.command(0, |request_id| Command::Send { request_id, id: None, to: Jid::pn(BOB), content });
    world.run_for(Duration::from_secs(10));
    seen.lock().unwrap().clone()
}

#[test]
fn stanzas_name_their_content_type() {
    let poll = Message::Poll { question: "?".into(), options: vec!["a".into(), "b".into()], selectable: 1 };
    let all_have = |stanzas: &[String], what: &[&str]| {
        !stanzas.is_empty() && stanzas.iter().all(|stanza| what.iter().all(|part| stanza.contains(part)))
    };
    let polls = stanzas(poll);
    assert!(all_have(&polls, &[r#"type="poll""#, r#"<meta polltype="creation"/>"#]), "{polls:?}");
    let cards = stanzas(Message::Contact { name: "Ann".into(), vcard: "BEGIN:VCARD".into() });
    assert!(all_have(&cards, &[r#"type="media""#, r#"mediatype="vcard""#]), "{cards:?}");
    let place = Message::Location { latitude: 1.0, longitude: 2.0, name: None, address: None };
    let places = stanzas(place);
    assert!(all_have(&places, &[r#"type="text""#]) && !places[0].contains("mediatype"), "{places:?}");
}

/// A client that used a message key twice: the second ciphertext cannot be read, and its text must not be lost.
#[test]
fn a_used_key_under_another_id_is_asked_for_again() {
    let mut world = world();
    for text in ["first", "second"] {
        world.send_text(0, &Jid::pn(BOB), text).unwrap();
        world.run_for(Duration::from_secs(5));
    }
    let reused = Arc::new(std::sync::Mutex::new(None));
    let seen = reused.clone();
    world.network.mutate(Some(Box::new(move |node: &mut Node| {
        if node.tag != "message" {
            return;
        }
        let Some(enc) = child(node, "enc") else { return };
        // The first ciphertext takes the place of the second, once.
        let mut seen = seen.lock().unwrap();
        match seen.take() {
            None => *seen = Some((enc.content.clone(), false)),
            Some((first, false)) => {
                enc.content = first.clone();
                *seen = Some((first, true));
            }
            done => *seen = done,
        }
    })));
    for text in ["third", "fourth"] {
        world.send_text(0, &Jid::pn(BOB), text).unwrap();
        world.run_for(Duration::from_secs(5));
    }
    assert!(reused.lock().unwrap().as_ref().is_some_and(|(_, used)| *used), "the ciphertext was used twice");
    assert_eq!(texts(&world, 1), ["first", "second", "third", "fourth"]);
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.network.unanswered(), []);
}

#[test]
fn a_message_of_a_broadcast_list_is_in_the_chat_with_its_sender() {
    let mut world = world();
    let bob = world.network.lid_of(BOB).unwrap();
    let (now, alice) = (world.now, Jid::pn(ALICE));
    let to_a_list = |text: &str, list: &'static str| {
        let sender = Jid::pn(BOB);
        RawMessage::text(text)
            .attribute("from", Some(list.parse::<Jid>().unwrap()))
            .attribute("participant", Some(sender))
            .attribute("participant_lid", Some(bob.clone()))
            .attribute("sender_lid", None::<Jid>)
    };
    for (text, list) in [("STOP", "1700000000@broadcast"), ("a status", "status@broadcast")] {
        world.network.send_raw_as(now, BOB, &alice, to_a_list(text, list)).unwrap();
    }
    world.run_for(Duration::from_secs(10));
    let messages = world.clients[0].messages();
    let places: Vec<_> = messages
        .iter()
        .map(|message| {
            (message.content.as_text().unwrap_or_default(), &*message.key.chat, &*message.key.sender)
        })
        .collect();
    let bob = Jid::pn(BOB).to_string();
    assert_eq!(places, [("STOP", &*bob, &*bob), ("a status", "status@broadcast", &*bob)]);
}
