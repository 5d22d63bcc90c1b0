//! Files and menus between a client and simulated phones, encrypted, in virtual time.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use whatsapp_core::{
    binary::Content as Inside,
    engine::{Command, CommandError, Reply},
    jid::Jid,
    sim::{Behaviour, SimError, pair::World},
};
use whatsapp_store::{
    Button, Content, ListRow, ListSection, MediaKind, MenuKind, MessageRecord, NotSendable,
    memory::MemoryStore,
};

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";
const LIMIT: Duration = Duration::from_secs(60);

/// A client of Alice, and Bob's phone.
fn world() -> World {
    let mut world = World::new(41);
    world.network.add_person(ALICE, "Alice", Behaviour::Silent).unwrap();
    world.network.add_person(BOB, "Bob", Behaviour::Receive).unwrap();
    let alice = world.add_client("alice", Box::new(MemoryStore::new()));
    world.link(alice, ALICE);
    world
}

fn send(world: &mut World, content: Content) -> Reply {
    let request_id =
        world.command(0, |request_id| Command::Send { request_id, id: None, to: Jid::pn(BOB), content });
    let replies = &world.clients[0].replies;
    replies.iter().find(|(of, _)| *of == request_id).map(|(_, reply)| reply.clone()).unwrap()
}

fn sent(world: &mut World, content: Content) -> String {
    let Reply::Accepted(record) = send(world, content) else { panic!("not accepted") };
    record.key.id
}

/// The message of Bob that a client has under an id.
fn heard(world: &mut World, id: &str) -> MessageRecord {
    let found = |world: &World| world.clients[0].messages().into_iter().find(|message| message.key.id == id);
    assert!(world.run_until(LIMIT, |world| found(world).is_some()));
    found(world).unwrap()
}

fn shown(world: &mut World, id: &str) -> Content {
    let found = |world: &World| {
        let inbox = world.network.inbox(BOB).unwrap();
        inbox.messages.into_iter().find(|message| message.id == id).map(|message| message.content)
    };
    assert!(world.run_until(LIMIT, |world| found(world).is_some()));
    found(world).unwrap()
}

fn buttons() -> Content {
    let button = |id: &str| Button { id: id.into(), title: id.to_uppercase() };
    Content::Buttons { text: "Sure?".into(), footer: None, buttons: vec![button("yes"), button("no")] }
}

fn list() -> Content {
    let rows = vec![ListRow { id: "r".into(), title: "Red".into(), description: Some("size 40".into()) }];
    let sections = vec![ListSection { title: Some("Shoes".into()), rows }];
    Content::List { text: "Which?".into(), footer: Some("small".into()), button: "Open".into(), sections }
}

#[test]
fn a_file_is_described_and_not_fetched() {
    let mut world = world();
    for (kind, mime, name, caption, seconds) in [
        (MediaKind::Image, "image/jpeg", None, Some("look"), None),
        (MediaKind::Video, "video/mp4", None, Some("film"), Some(3)),
        (MediaKind::Audio, "audio/mp4", None, None, Some(100)),
        (MediaKind::Voice, "audio/ogg; codecs=opus", None, None, Some(4)),
        (MediaKind::Document, "application/pdf", Some("invoice.pdf"), Some("please pay"), None),
        (MediaKind::Sticker, "image/webp", None, None, None),
    ] {
        let (mime, name, caption) = (mime.to_owned(), name.map(str::to_owned), caption.map(str::to_owned));
        let content = Content::Media { kind, mime, size: 1234, name, caption, seconds };
        let id = world.network.send_content_as(world.now, BOB, &Jid::pn(ALICE), &content).unwrap();
        world.after_network();
        let message = heard(&mut world, &id);
        assert!(message.content == content, "{kind:?}");
        let file = message.media.unwrap();
        assert!(file.place.starts_with("/v/") && file.size == 1234 && !file.secret.is_empty(), "{kind:?}");
    }
    assert_eq!(world.network.unknown_requests(), []);
}

#[test]
fn people_choose_from_menus() {
    let mut world = world();
    for (menu, of, choice, title) in
        [(buttons(), MenuKind::Buttons, "no", "NO"), (list(), MenuKind::List, "r", "Red")]
    {
        let id = sent(&mut world, menu.clone());
        assert!(shown(&mut world, &id) == menu);
        let nothing = world.network.tap(world.now, BOB, &id, "maybe");
        assert_eq!(nothing, Err(SimError::UnknownChoice("maybe".into())));
        let answer = world.network.tap(world.now, BOB, &id, choice).unwrap();
        world.after_network();
        let message = heard(&mut world, &answer);
        assert!(message.content == Content::Choice { of, id: choice.into(), title: title.into() });
        assert_eq!(message.quoted, Some(id));
    }
    let text = sent(&mut world, Content::text("hi"));
    shown(&mut world, &text);
    assert!(matches!(world.network.tap(world.now, BOB, &text, "a"), Err(SimError::UnknownMenu(_))));
    assert!(matches!(world.network.tap(world.now, BOB, "none", "a"), Err(SimError::UnknownMenu(_))));
}

#[test]
fn the_stanza_names_its_kind_of_menu() {
    let mut world = world();
    let bob = world.add_client("bob", Box::new(MemoryStore::new()));
    world.link(bob, BOB);
    // The phone's first messages to its new devices are over then.
    world.run_for(LIMIT);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seeing = Arc::clone(&seen);
    world.network.mutate(Some(Box::new(move |node| {
        if node.tag == "message"
            && node.get("from").is_some()
            && let Inside::Nodes(children) = &node.content
        {
            let enc = children.iter().find(|child| child.tag == "enc").unwrap();
            let (kind, media) = (node.get("type").cloned(), enc.get("mediatype").cloned());
            let biz = children.iter().find(|child| child.tag == "biz").map(|biz| format!("{biz:?}"));
            let text = |value: Option<whatsapp_core::binary::Value>| value.map(|value| value.to_string());
            seeing.lock().unwrap().push((text(kind), text(media), biz));
        }
    })));
    for content in [Content::text("hi"), buttons(), list()] {
        let id = sent(&mut world, content);
        let came =
            |world: &mut World| world.clients[bob].messages().iter().any(|message| message.key.id == id);
        assert!(world.run_until(LIMIT, came));
    }
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        *seen.lock().unwrap(),
        [
            (some("text"), None, None),
            (some("text"), None, some("<biz><buttons/></biz>")),
            (some("media"), some("list"), some(r#"<biz><list v="2" type="single_select"/></biz>"#)),
        ]
    );
}

#[test]
fn unsendable_content_is_refused_before_it_is_stored() {
    let mut world = world();
    let twice = Content::Poll { question: "?".into(), options: vec!["a".into(), "a".into()], selectable: 0 };
    let choice = Content::Choice { of: MenuKind::List, id: "a".into(), title: "A".into() };
    for (content, why) in [(twice, NotSendable::Same("options")), (choice, NotSendable::Type("choice"))] {
        let Reply::Failed(error) = send(&mut world, content) else { panic!("accepted") };
        assert_eq!(error, CommandError::ContentUnsupported(why));
    }
    assert_eq!(world.clients[0].messages().len(), 0);
}
