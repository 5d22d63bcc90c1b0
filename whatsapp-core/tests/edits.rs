//! Messages that their senders edit and delete, in whatever order things come.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use whatsapp_core::{
    binary::{Node, Value},
    event::Event,
    jid::Jid,
    sim::{Behaviour, RawMessage, pair::World},
};
use whatsapp_store::{
    ChatStore, Content, MessageEdit, MessageQuery, MessageRecord, MessageStatus, MessageStore,
    memory::MemoryStore,
};

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";
const CAROL: &str = "15550000003";

/// Alice has a client; Bob and Carol have phones alone.
struct Scene {
    world: World,
    store: MemoryStore,
}

/// A memory answers at once.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a memory does not wait"),
    }
}

impl Scene {
    fn new() -> Self {
        let (mut world, store) = (World::new(37), MemoryStore::new());
        for (name, phone) in [("alice", ALICE), ("bob", BOB), ("carol", CAROL)] {
            world.network.add_person(phone, name, Behaviour::Receive).unwrap();
        }
        let client = world.add_client("alice", Box::new(store.clone()));
        world.link(client, ALICE);
        let mut scene = Self { world, store };
        scene.pass();
        scene
    }

    fn pass(&mut self) {
        self.world.after_network();
        self.world.run_for(Duration::from_secs(30));
    }

    fn send(&mut self, phone: &str, text: &str) -> String {
        let id = self.world.network.send_as(self.world.now, phone, &Jid::pn(ALICE), text).unwrap();
        self.pass();
        id
    }

    fn edit(&mut self, phone: &str, to: &Jid, id: &str, text: &str) -> String {
        self.world.network.edit_as(self.world.now, phone, to, id, &Content::text(text)).unwrap()
    }

    fn delete(&mut self, phone: &str, to: &Jid, id: &str) -> String {
        self.world.network.delete_as(self.world.now, phone, to, id).unwrap()
    }

    fn messages(&self) -> Vec<MessageRecord> {
        self.world.clients[0].messages()
    }

    fn unread(&self, chat: &str) -> u64 {
        let chat = format!("{chat}@s.whatsapp.net");
        ready(self.store.chat(&self.world.clients[0].config.account, &chat))
            .unwrap()
            .map_or(0, |chat| chat.unread)
    }

    fn found(&self, words: &str) -> usize {
        let query = MessageQuery { words: Some(words.into()), ..MessageQuery::default() };
        ready(self.store.messages(&self.world.clients[0].config.account, &query)).unwrap().messages.len()
    }

    /// The edits that were told, and whether they are ours.
    fn told(&self) -> Vec<(MessageEdit, bool)> {
        let edit = |event: &Event| match event {
            Event::Edited { edit, from_me } => Some(((**edit).clone(), *from_me)),
            _ => None,
        };
        self.world.clients[0].events.iter().filter_map(edit).collect()
    }

    fn told_messages(&self) -> Vec<Content> {
        let message = |event: &Event| match event {
            Event::Message(message) => Some(message.content.clone()),
            _ => None,
        };
        self.world.clients[0].events.iter().filter_map(message).collect()
    }
}

#[test]
fn an_edit_changes_the_message_and_is_told_once() {
    let mut scene = Scene::new();
    let id = scene.send(BOB, "old words");
    let edit = scene.edit(BOB, &Jid::pn(ALICE), &id, "new words");
    scene.pass();
    // Handed out again, before and after a restart.
    let device = Jid::pn(ALICE).with_device(1);
    for restart in [false, true] {
        if restart {
            scene.world.crash(0);
            scene.world.start(0);
            scene.pass();
        }
        scene.world.network.deliver_again(scene.world.now, &device, &edit).unwrap();
        scene.pass();
    }
    let messages = scene.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].content, Content::text("new words"));
    assert!(messages[0].edited_at.is_some_and(|at| at >= messages[0].timestamp));
    let told = scene.told();
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].0.key, &told[0].0.content), (&messages[0].key, &messages[0].content));
    assert_eq!((Some(told[0].0.at), told[0].1), (messages[0].edited_at, false));
    assert_eq!((scene.unread(BOB), scene.found("old"), scene.found("new")), (1, 0, 1));
    assert_eq!(scene.world.network.unanswered(), []);
}

#[test]
fn a_deletion_takes_the_text_away_and_is_told_once() {
    let mut scene = Scene::new();
    let id = scene.send(BOB, "some words");
    scene.send(BOB, "others");
    assert_eq!(scene.unread(BOB), 2);
    for _ in 0..2 {
        scene.delete(BOB, &Jid::pn(ALICE), &id);
        scene.pass();
    }
    scene.edit(BOB, &Jid::pn(ALICE), &id, "back again");
    scene.pass();
    let messages = scene.messages();
    assert_eq!(messages.len(), 2);
    assert!(matches!(messages[0].content, Content::Deleted { at } if at >= messages[0].timestamp));
    assert_eq!((messages[0].key.id.as_str(), messages[0].status), (id.as_str(), MessageStatus::Read));
    let told = scene.told();
    assert_eq!(told.len(), 1);
    assert!(told[0].0.is_deletion() && told[0].0.key == messages[0].key);
    assert_eq!((scene.unread(BOB), scene.found("some words"), scene.found("back")), (1, 0, 0));
}

/// The message cannot be read at first and comes again, when it was edited or deleted already.
#[test]
fn an_edit_that_comes_before_its_message_counts() {
    for delete in [false, true] {
        let mut scene = Scene::new();
        // A session is there.
        scene.send(BOB, "hello");
        let (now, alice) = (scene.world.now, Jid::pn(ALICE));
        scene.world.network.corrupt_next(&alice.with_device(1)).unwrap();
        let id = scene.world.network.send_as(now, BOB, &alice, "old words").unwrap();
        if delete {
            scene.delete(BOB, &alice, &id);
        } else {
            scene.edit(BOB, &alice, &id, "new words");
        }
        scene.pass();
        let messages = scene.messages();
        assert_eq!((messages.len(), scene.told().len()), (2, 1), "deleted: {delete}");
        assert_eq!(messages[1].key.id, id);
        assert_eq!(scene.found("old"), 0);
        let told = scene.told_messages();
        if delete {
            assert!(matches!(messages[1].content, Content::Deleted { .. }));
            assert_eq!((told.len(), scene.unread(BOB)), (1, 1), "nothing to be told of it");
        } else {
            assert_eq!(messages[1].content, Content::text("new words"));
            assert_eq!((told.last(), scene.unread(BOB)), (Some(&messages[1].content), 2));
        }
    }
}

/// In a chat and in a group, whatever id is named.
#[test]
fn nobody_edits_messages_of_others() {
    let mut scene = Scene::new();
    let alice = Jid::pn(ALICE);
    let id = scene.send(BOB, "words of bob");
    scene.edit(CAROL, &alice, &id, "forged");
    scene.delete(CAROL, &alice, &id);
    let group = scene.world.network.add_group(scene.world.now, "team", &[ALICE, BOB, CAROL]).unwrap();
    scene.pass();
    let in_group = scene.world.network.send_as(scene.world.now, BOB, &group, "to all of bob").unwrap();
    scene.pass();
    scene.edit(CAROL, &group, &in_group, "forged");
    scene.delete(CAROL, &group, &in_group);
    scene.pass();
    let texts: Vec<_> = scene.messages().into_iter().map(|message| message.content).collect();
    assert_eq!(texts, [Content::text("words of bob"), Content::text("to all of bob")]);
    assert!(scene.told().iter().all(|(edit, _)| edit.key.sender.starts_with(CAROL)), "{:?}", scene.told());
    // Bob himself does.
    scene.edit(BOB, &group, &in_group, "better");
    scene.pass();
    assert_eq!(scene.messages()[1].content, Content::text("better"));
    let shown = scene.world.network.inbox(CAROL).unwrap().messages;
    assert_eq!(shown.last().map(|shown| &shown.content), Some(&Content::text("better")), "on phones, too");
}

/// On the phone that the client is linked to.
#[test]
fn our_own_edits_on_another_device_are_ours() {
    let mut scene = Scene::new();
    let bob = Jid::pn(BOB);
    let id = scene.world.network.send_as(scene.world.now, ALICE, &bob, "old words").unwrap();
    scene.pass();
    scene.edit(ALICE, &bob, &id, "new words");
    scene.pass();
    let messages = scene.messages();
    assert_eq!((messages.len(), messages[0].from_me), (1, true));
    assert_eq!(messages[0].content, Content::text("new words"));
    let told = scene.told();
    assert_eq!((told.len(), told[0].1, &told[0].0.key), (1, true, &messages[0].key));
    scene.delete(ALICE, &bob, &id);
    scene.pass();
    assert!(matches!(scene.messages()[0].content, Content::Deleted { .. }));
    assert_eq!(scene.told().len(), 2);
}

/// How often the client sends a message while Bob asks for it again, before and after the phone has deleted it.
fn resends(deletes: bool) -> u32 {
    let mut scene = Scene::new();
    let (bob, ours) = (Jid::pn(BOB), Jid::pn(ALICE).with_device(1));
    let id = scene.world.send_text(0, &bob, "a secret").unwrap();
    scene.pass();
    if deletes {
        scene.delete(ALICE, &bob, &id);
        scene.pass();
    }
    // The server acknowledges each.
    let (sent, wanted) = (Arc::new(AtomicU32::new(0)), id.clone());
    let counted = Arc::clone(&sent);
    scene.world.network.mutate(Some(Box::new(move |node: &mut Node| {
        let is_of = |key: &str, value: &str| {
            node.attrs.iter().any(|attr| attr.key == key && attr.value == Value::Text(value.into()))
        };
        if node.tag == "ack" && is_of("class", "message") && is_of("id", &wanted) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    })));
    scene.world.network.ask_again_as(scene.world.now, BOB, &ours, &id, 1).unwrap();
    scene.pass();
    // Also when nothing is in memory.
    scene.world.crash(0);
    scene.world.start(0);
    scene.pass();
    scene.world.network.ask_again_as(scene.world.now, BOB, &ours, &id, 1).unwrap();
    scene.pass();
    assert_eq!(scene.world.network.unanswered(), [], "the receipts are answered");
    sent.load(Ordering::Relaxed)
}

#[test]
fn a_message_that_we_deleted_on_another_device_is_not_sent_again() {
    assert_eq!((resends(false), resends(true)), (2, 0));
}

/// Of a message from before the device was linked, or of none at all.
#[test]
fn an_edit_of_an_unknown_message_makes_none() {
    let mut scene = Scene::new();
    scene.edit(BOB, &Jid::pn(ALICE), "3EB0UNKNOWN", "new words");
    scene.delete(BOB, &Jid::pn(ALICE), "3EB0OTHER");
    scene.pass();
    assert_eq!((scene.messages().len(), scene.unread(BOB), scene.found("new")), (0, 0, 0));
    assert_eq!((scene.told().len(), scene.told_messages().len()), (2, 0));
}

#[test]
fn what_nobody_has_to_read_is_not_unread() {
    let mut scene = Scene::new();
    let alice = Jid::pn(ALICE);
    // Kept in the chat (51), a call log (69), a pin (63), a vote (50), a hidden reaction (56), a hidden edit (82).
    for kind in [51, 69, 63, 50, 56, 82] {
        let message = RawMessage::unknown_kind(kind, "x");
        scene.world.network.send_raw_as(scene.world.now, BOB, &alice, message).unwrap();
    }
    scene.pass();
    assert_eq!((scene.messages().len(), scene.unread(BOB)), (6, 0));
    // Empty texts, and nothing at all.
    for message in [RawMessage::text(""), RawMessage::context_only(), RawMessage::new(Vec::new())] {
        scene.world.network.send_raw_as(scene.world.now, BOB, &alice, message).unwrap();
    }
    scene.pass();
    assert_eq!((scene.messages().len(), scene.unread(BOB)), (6, 0));
    scene.send(BOB, "a text");
    assert_eq!(scene.unread(BOB), 1);
}
