//! The same message is requested more than once under the same id. Its recipient sees it once; it is sent again only when
//! the client does not know that it arrived.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used, reason = "tests")]
use std::time::Duration;

use whatsapp_core::{
    engine::{Command, CommandError, Reply},
    event::Event,
    jid::Jid,
    sim::{
        Behaviour, Fault,
        pair::{Moment, World},
    },
};
use whatsapp_store::{Content, MessageKey, MessageRecord, MessageStatus, memory::MemoryStore};

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";
const ID: &str = "3EB0000000000000000001";

/// Alice has a client; Bob has a phone.
fn world() -> World {
    let mut world = World::new(41);
    world.network.add_person(ALICE, "Alice", Behaviour::Silent).unwrap();
    world.network.add_person(BOB, "Bob", Behaviour::Receive).unwrap();
    let alice = world.add_client("alice", Box::new(MemoryStore::new()));
    world.link(alice, ALICE);
    world.run_for(Duration::from_secs(5));
    world
}

fn accepted(reply: Option<Reply>) -> MessageRecord {
    match reply {
        Some(Reply::Accepted(record)) => *record,
        reply => panic!("not accepted: {reply:?}"),
    }
}

fn enqueue(world: &mut World) -> MessageRecord {
    accepted(world.send_text_as(0, ID, &Jid::pn(BOB), "hello"))
}

/// How often Bob's phone shows each message, and how often it came.
fn ledger(world: &World) -> Vec<(String, u32, u32)> {
    let of_bob = world.network.ledger().filter(|entry| entry.phone == BOB);
    of_bob.map(|entry| (entry.id, entry.shown, entry.delivered)).collect()
}

fn once() -> Vec<(String, u32, u32)> {
    vec![(ID.to_owned(), 1, 1)]
}

fn refused(world: &World) -> usize {
    world.clients[0].events.iter().filter(|event| matches!(event, Event::Refused { .. })).count()
}

#[test]
fn a_message_enqueued_again_is_answered_with_its_status() {
    let mut world = world();
    let first = enqueue(&mut world);
    assert_eq!((first.key.id.as_str(), first.status), (ID, MessageStatus::Queued));
    assert_eq!(enqueue(&mut world), first, "under way");
    world.run_for(Duration::from_secs(30));
    let later = enqueue(&mut world);
    assert_eq!(later, MessageRecord { status: MessageStatus::Delivered, ..first.clone() });
    world.run_for(Duration::from_secs(60));
    assert_eq!(ledger(&world), once());
    // So it is when only the store knows it.
    world.crash(0);
    world.start(0);
    assert_eq!(enqueue(&mut world), later);
    world.run_for(Duration::from_secs(60));
    assert_eq!(enqueue(&mut world), later);
    assert_eq!(ledger(&world), once());
    assert_eq!(world.clients[0].messages(), [later]);
}

#[test]
fn a_message_enqueued_twice_at_once_is_one_message() {
    let mut world = world();
    let engine = world.clients[0].engine.as_mut().unwrap();
    for request_id in [101, 102] {
        let (id, to, content) = (Some(ID.to_owned()), Jid::pn(BOB), Content::text("hello"));
        engine.command(world.now, Command::Send { request_id, id, to, content });
    }
    enqueue(&mut world);
    let answers = &world.clients[0].replies;
    let answers: Vec<_> =
        answers.iter().rev().take(3).map(|(_, reply)| accepted(Some(reply.clone()))).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    world.run_for(Duration::from_secs(60));
    assert_eq!(ledger(&world), once());
}

/// A crash before and after each commit of a message, and after its bytes left. Then the message is requested again.
#[test]
fn a_message_is_sent_once_after_a_crash_at_every_commit() {
    for moment in [Moment::BeforeCommit, Moment::AfterCommit, Moment::AfterSending] {
        let mut needed_twice = 0;
        for commits in 0.. {
            let mut world = world();
            world.crash_at(0, commits, moment);
            world.send_text_as(0, ID, &Jid::pn(BOB), "hello");
            world.run_for(Duration::from_secs(30));
            if world.clients[0].engine.is_some() {
                // The client died at none of its commits: there are no more.
                assert!(commits >= 4, "{commits} commits");
                break;
            }
            let came: u32 = ledger(&world).iter().map(|(_, _, delivered)| delivered).sum();
            let stored = world.clients[0].messages().first().map(|message| message.status);
            // The message arrived, and our side does not know.
            let needed = 1 + u32::from(came == 1 && stored == Some(MessageStatus::Queued));
            needed_twice += needed - 1;
            world.start(0);
            enqueue(&mut world);
            world.run_for(Duration::from_secs(90));
            assert_eq!(enqueue(&mut world).status, MessageStatus::Delivered);
            assert_eq!(ledger(&world), [(ID.to_owned(), 1, needed)], "{moment:?} at {commits}");
            assert_eq!(world.network.inbox(BOB).unwrap().failures, 0);
        }
        // Between a commit and its bytes nothing is in doubt.
        assert_eq!(needed_twice > 0, moment != Moment::AfterCommit, "{moment:?}");
    }
}

#[test]
fn a_message_enqueued_offline_is_sent_after_login() {
    let mut world = world();
    world.network.fail_next_login(503);
    world.network.cut(&Jid::pn(ALICE).with_device(1)).unwrap();
    world.after_network();
    assert!(world.run_until(Duration::from_secs(5), |world| !world.clients[0].is_connected()));
    let first = enqueue(&mut world);
    assert_eq!(enqueue(&mut world), first);
    world.crash(0);
    world.start(0);
    assert_eq!(enqueue(&mut world), first);
    world.run_for(Duration::from_secs(120));
    assert_eq!(ledger(&world), once());
}

/// A message that the server refused goes out again when it is requested again, also after a restart. A message that
/// cannot be sent at all is refused again.
#[test]
fn a_refused_message_is_sent_again_under_its_id() {
    for crashes in [false, true] {
        let mut world = world();
        world.network.inject(Fault::RefuseNextMessage { code: 463 }).unwrap();
        enqueue(&mut world);
        let nobody = Jid::pn("15559999999");
        let other = "3EB0000000000000000002";
        world.send_text_as(0, other, &nobody, "hello");
        world.run_for(Duration::from_secs(30));
        assert_eq!(refused(&world), 2);
        if crashes {
            world.crash(0);
            world.start(0);
        }
        assert_eq!(enqueue(&mut world).status, MessageStatus::Queued);
        assert_eq!(enqueue(&mut world).status, MessageStatus::Queued, "it is under way");
        let record = accepted(world.send_text_as(0, other, &nobody, "hello"));
        assert_eq!(record.status, MessageStatus::Queued);
        world.run_for(Duration::from_secs(60));
        assert_eq!(ledger(&world), once());
        assert_eq!(enqueue(&mut world).status, MessageStatus::Delivered);
        let stored = world.clients[0].messages();
        let failed = stored.iter().find(|message| message.key.id == other).unwrap();
        assert_eq!(failed.status, MessageStatus::Failed);
    }
}

#[test]
fn an_id_has_a_shape_and_one_chat() {
    let mut world = world();
    for id in [
        "",
        "3EB0",
        "3eb0000000000000000001",
        "3EB000000000000000000G",
        "3EB00000000000000000010",
        "AAAA000000000000000001",
    ] {
        let reply = world.send_text_as(0, id, &Jid::pn(BOB), "hello");
        assert_eq!(reply, Some(Reply::Failed(CommandError::BadId)), "{id}");
    }
    enqueue(&mut world);
    for _ in 0..2 {
        let reply = world.send_text_as(0, ID, &Jid::pn(ALICE), "hello");
        assert_eq!(reply, Some(Reply::Failed(CommandError::IdTaken)));
        world.run_for(Duration::from_secs(30));
        world.crash(0);
        world.start(0);
    }
    assert_eq!(ledger(&world), once());
}

#[test]
fn a_number_and_its_lid_are_one_chat() {
    let mut world = world();
    let lid = world.network.lid_of(BOB).unwrap();
    // The owner of this LID is not known yet.
    let first = accepted(world.send_text_as(0, ID, &lid, "hello"));
    assert_eq!(first.key.chat, lid.to_string());
    world.run_for(Duration::from_secs(30));
    // Bob's own message tells it.
    world.network.send_as(world.now, BOB, &Jid::pn(ALICE), "who is there?").unwrap();
    world.after_network();
    world.run_for(Duration::from_secs(30));
    world.network.read_as(world.now, BOB, &Jid::pn(ALICE), ID).unwrap();
    world.after_network();
    world.run_for(Duration::from_secs(30));
    for _ in 0..2 {
        for to in [&lid, &Jid::pn(BOB)] {
            let again = accepted(world.send_text_as(0, ID, to, "hello"));
            // Its chat is the number's by now.
            let chat = Jid::pn(BOB).to_string();
            let key = MessageKey { chat, ..first.key.clone() };
            assert_eq!(again, MessageRecord { key, status: MessageStatus::Read, ..first.clone() });
        }
        world.crash(0);
        world.start(0);
        world.run_for(Duration::from_secs(30));
    }
    assert_eq!(ledger(&world), once());
    // By now chats with Bob go by number, also after a restart.
    world.crash(0);
    world.start(0);
    let second = world.send_text(0, &lid, "again").unwrap();
    let messages = world.clients[0].messages();
    let record = messages.iter().find(|message| message.key.id == second).unwrap();
    assert_eq!(record.key.chat, Jid::pn(BOB).to_string());
}

#[test]
fn a_chat_recognizes_an_id_after_weeks() {
    let mut world = world();
    let first = enqueue(&mut world);
    world.run_for(Duration::from_secs(30));
    world.crash(0);
    world.now = world.now + Duration::from_secs(20 * 86_400);
    world.start(0);
    // The first acknowledgement after a start removes messages that were sent long ago.
    world.send_text(0, &Jid::pn(BOB), "are you still there?").unwrap();
    world.run_for(Duration::from_secs(30));
    world.crash(0);
    world.start(0);
    let again = enqueue(&mut world);
    assert_eq!(again, MessageRecord { status: MessageStatus::Delivered, ..first });
    world.run_for(Duration::from_secs(30));
    assert_eq!(ledger(&world).len(), 2);
}

/// More messages than memory holds. Some are accepted while the rest is loaded: all go out, in order.
#[test]
fn a_long_queue_loses_no_message() {
    let mut world = world();
    world.network.set_behaviour(BOB, Behaviour::Silent).unwrap();
    let mut sent: Vec<String> = Vec::new();
    let mut say = |world: &mut World| {
        let text = sent.len().to_string();
        let id = format!("3EB0{:018X}", sent.len());
        accepted(world.send_text_as(0, &id, &Jid::pn(BOB), &text));
        sent.push(id);
    };
    say(&mut world);
    world.run_for(Duration::from_secs(5));
    // A slow network: acknowledgements come one by one, and each makes room for one message.
    world.latency = Duration::from_secs(2);
    for _ in 0..1500 {
        say(&mut world);
        world.run_for(Duration::from_millis(1));
    }
    for _ in 0..900 {
        let (acknowledged, limit) = (sent_by(&world), Duration::from_secs(10));
        assert!(world.run_until(limit, |world| sent_by(world) > acknowledged));
        say(&mut world);
    }
    world.run_for(Duration::from_secs(120));
    let shown = ledger(&world);
    assert_eq!(shown.len(), sent.len());
    let odd: Vec<_> = shown.iter().filter(|(_, shown, delivered)| (*shown, *delivered) != (1, 1)).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(shown.into_iter().map(|(id, ..)| id).eq(sent), "in order");
}

/// How many of the client's messages the server has acknowledged.
fn sent_by(world: &World) -> usize {
    let sent = |event: &&Event| matches!(event, Event::Status { status: MessageStatus::Sent, .. });
    world.clients[0].events.iter().filter(sent).count()
}
