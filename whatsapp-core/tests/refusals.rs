//! A server that refuses, omits, repeats and floods: nothing is lost, no request repeats for ever, nothing grows.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use whatsapp_core::{
    binary::{Content as Body, Node},
    engine::Command,
    event::{Event, Refusal},
    jid::Jid,
    sim::{
        Behaviour, BundleAnswer, DeviceListAnswer, Encryption, OfflineQueue, RawMessage, RequestKind,
        pair::World,
    },
};
use whatsapp_store::{
    AccountId, AppStateStore, MessageKey, MessageStatus, NoticeStore, SignalKind, SignalStore,
    memory::MemoryStore,
};

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";

/// Alice with a client, and Bob with a phone.
fn world_over(store: MemoryStore) -> World {
    let mut world = World::new(37);
    for (name, phone) in [("alice", ALICE), ("bob", BOB)] {
        world.network.add_person(phone, name, Behaviour::Receive).unwrap();
    }
    let client = world.add_client("alice", Box::new(store));
    world.link(client, ALICE);
    world
}

fn world() -> World {
    world_over(MemoryStore::new())
}

fn pass(world: &mut World, seconds: u64) {
    world.after_network();
    world.run_for(Duration::from_secs(seconds));
}

fn bobs_texts(world: &World) -> Vec<String> {
    let shown = world.network.inbox(BOB).unwrap().messages.into_iter();
    shown.filter_map(|shown| Some(shown.content.as_text()?.to_owned())).collect()
}

fn refusals(world: &World) -> Vec<Refusal> {
    let reason = |event: &Event| match event {
        Event::Refused { reason, .. } => Some(*reason),
        _ => None,
    };
    world.clients[0].events.iter().filter_map(reason).collect()
}

/// What becomes of "hello" and of "next" when the server refuses the first `times` messages with that code.
fn refused(code: u16, times: Option<u32>) -> (Vec<String>, Vec<Refusal>) {
    let mut world = world();
    world.network.refuse_messages(code, times, None);
    for text in ["hello", "next"] {
        world.send_text(0, &Jid::pn(BOB), text).unwrap();
    }
    pass(&mut world, 7200);
    assert_eq!(world.network.unanswered(), []);
    (bobs_texts(&world), refusals(&world))
}

#[test]
fn temporary_refusals_are_retried_and_final_ones_reported() {
    let all = || vec!["hello".to_owned(), "next".to_owned()];
    for code in [421, 429, 500, 503, 599] {
        assert_eq!(refused(code, Some(3)), (all(), vec![]), "{code}");
    }
    let (mut texts, told) = refused(479, Some(1));
    // The next one was under way already.
    texts.sort();
    assert_eq!((texts, told), (all(), vec![]), "made anew, once");
    assert_eq!(refused(479, None).1, [Refusal::Code(479); 2]);
    for (code, reason) in [(463, Refusal::Restricted), (475, Refusal::Capped), (400, Refusal::Code(400))] {
        assert_eq!(refused(code, Some(1)), (vec!["next".to_owned()], vec![reason]), "{code}");
    }
    assert_eq!(refused(503, None).1, [Refusal::Code(503); 2], "it is given up in the end");
}

#[test]
fn a_person_missing_from_one_answer_is_requested_again() {
    let mut world = world();
    world.network.set_device_list(BOB, DeviceListAnswer::LeftOut).unwrap();
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    pass(&mut world, 3);
    world.network.set_device_list(BOB, DeviceListAnswer::Truthful).unwrap();
    pass(&mut world, 60);
    assert_eq!((bobs_texts(&world), refusals(&world)), (vec!["hello".to_owned()], vec![]));
}

#[test]
fn a_person_missing_from_every_answer_has_no_devices() {
    let mut world = world();
    world.network.set_device_list(BOB, DeviceListAnswer::LeftOut).unwrap();
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    pass(&mut world, 120);
    assert_eq!(refusals(&world), [Refusal::NoDevices]);
    world.network.set_device_list(BOB, DeviceListAnswer::Truthful).unwrap();
    pass(&mut world, 3700);
    world.send_text(0, &Jid::pn(BOB), "back?").unwrap();
    pass(&mut world, 30);
    assert_eq!(bobs_texts(&world), ["back?"]);
}

/// How many requests of that kind come within an hour when all of them are refused with that code; and what is sent then.
fn requests_in_an_hour(kind: RequestKind, code: u16) -> u32 {
    let mut world = world();
    let count = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&count);
    world.network.mutate(Some(Box::new(move |node: &mut Node| {
        if node.tag == "iq"
            && matches!(&node.content, Body::Nodes(nodes) if nodes.iter().any(|it| it.tag == "error"))
        {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    })));
    world.network.refuse_requests(kind, code, None);
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    pass(&mut world, 3600);
    let asked = count.load(Ordering::Relaxed);
    world.network.refuse_nothing();
    pass(&mut world, 1300);
    assert_eq!(bobs_texts(&world), ["hello"], "{kind:?} {code}");
    asked
}

#[test]
fn refused_requests_are_retried_ever_less_often() {
    for kind in [RequestKind::DeviceLists, RequestKind::Bundles] {
        for code in [429, 503] {
            let asked = requests_in_an_hour(kind, code);
            assert!((5..=30).contains(&asked), "{kind:?} {code}: {asked}");
        }
    }
}

#[test]
fn a_retry_receipt_is_answered_without_keys_for_a_resend() {
    let mut world = world();
    let id = world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    pass(&mut world, 10);
    world.network.set_bundle(&Jid::pn(BOB), BundleAnswer::Error { code: 503 }).unwrap();
    // The second request means that the session is broken: new keys are needed.
    world.network.ask_again_as(world.now, BOB, &Jid::pn(ALICE).with_device(1), &id, 2).unwrap();
    pass(&mut world, 300);
    assert_eq!(world.network.unanswered(), []);
    // And so is one for what was never sent.
    world.network.ask_again_as(world.now, BOB, &Jid::pn(ALICE).with_device(1), "3EB0FFFF", 1).unwrap();
    pass(&mut world, 30);
    assert_eq!(world.network.unanswered(), []);
}

#[test]
fn an_offline_queue_in_small_batches_is_drained() {
    let queue = |json: &str| serde_json::from_str::<OfflineQueue>(json).unwrap();
    for queue in [
        queue(r#"{"largestBatch": 100}"#),
        queue(r#"{"largestBatch": 7}"#),
        queue(r#"{"largestBatch": 100, "ignoredRequests": 2}"#),
        queue(r#"{"primer": 5}"#),
    ] {
        let mut world = world();
        world.network.set_offline_queue(queue.clone());
        world.crash(0);
        pass(&mut world, 1);
        for n in 0..450 {
            world
                .network
                .send_raw_as(world.now, BOB, &Jid::pn(ALICE), RawMessage::text(&n.to_string()))
                .unwrap();
        }
        world.start(0);
        pass(&mut world, 600);
        let told = world.clients[0].messages();
        let texts: Vec<_> = told.iter().filter_map(|message| message.content.as_text()).collect();
        let expected: Vec<String> = (0..450).map(|n| n.to_string()).collect();
        assert_eq!(texts, expected, "{queue:?}");
        assert!(world.clients[0].events.iter().any(|event| matches!(event, Event::OfflineDone { .. })));
    }
}

/// One-time prekeys that were made for retry receipts and are in the store. All others are uploaded: 812 at first, and 50 whenever
/// the server runs low.
fn retry_pre_keys(store: &MemoryStore) -> usize {
    let account: AccountId = "alice".parse().unwrap();
    let stored = ready(store.signal_ids(&account, SignalKind::PreKey)).unwrap().len();
    (stored - 812) % 50
}

#[test]
fn unreadable_messages_do_not_fill_the_store_with_prekeys() {
    let store = MemoryStore::new();
    let mut world = world_over(store.clone());
    pass(&mut world, 30);
    let alice = Jid::pn(ALICE);
    world.network.flood_as(world.now, BOB, &alice, 300, Encryption::UnknownSession).unwrap();
    pass(&mut world, 60);
    assert_eq!(retry_pre_keys(&store), 1, "one for one device");
    let first = 15_560_000_000_u64;
    world.network.add_people(&first.to_string(), 400, "stranger", &Behaviour::Silent).unwrap();
    for n in 0..400 {
        let phone = (first + n).to_string();
        world.network.flood_as(world.now, &phone, &alice, 1, Encryption::UnknownSession).unwrap();
    }
    pass(&mut world, 120);
    assert_eq!(retry_pre_keys(&store), 256 % 50, "the 256 of the last devices");
    assert_eq!(world.network.unanswered(), []);
}

/// Alice's client is handed this message, and again after it was answered, before and after a restart.
fn redelivered(send: impl FnOnce(&mut World) -> String) -> (World, usize) {
    let mut world = world();
    let id = send(&mut world);
    pass(&mut world, 10);
    let device = Jid::pn(ALICE).with_device(1);
    for restart in [false, true] {
        if restart {
            world.crash(0);
            world.start(0);
            pass(&mut world, 10);
        }
        world.network.deliver_again(world.now, &device, &id).unwrap();
        pass(&mut world, 60);
    }
    assert_eq!(world.network.unanswered(), []);
    let undecryptable = |event: &&Event| matches!(event, Event::Undecryptable { .. });
    let count = world.clients[0].events.iter().filter(undecryptable).count();
    (world, count)
}

#[test]
fn messages_that_show_nothing_are_recognized_when_repeated() {
    let alice = Jid::pn(ALICE);
    let raw = |message: RawMessage| {
        let alice = alice.clone();
        move |world: &mut World| world.network.send_raw_as(world.now, BOB, &alice, message).unwrap()
    };
    let (world, undecryptable) = redelivered(raw(RawMessage::revoke(&alice, "3EB0AAAA")));
    assert_eq!((undecryptable, world.clients[0].messages().len()), (0, 0), "a revoke");
    let (world, undecryptable) = redelivered(raw(RawMessage::context_only()));
    assert_eq!((undecryptable, world.clients[0].messages().len()), (0, 0), "only a secret");
    let (world, undecryptable) = redelivered(raw(RawMessage::new(Vec::new())));
    assert_eq!((undecryptable, world.clients[0].messages().len()), (0, 0), "nothing at all");
    let (_, undecryptable) = redelivered(|world| {
        let group = world.network.add_group(world.now, "team", &[ALICE, BOB]).unwrap();
        world.network.send_group_key_as(world.now, BOB, &group).unwrap()
    });
    assert_eq!(undecryptable, 0, "a key");
    let (world, undecryptable) = redelivered(raw(RawMessage::text("hello")));
    assert_eq!((undecryptable, world.clients[0].messages().len()), (0, 1), "a text");
}

#[test]
fn an_unknown_kind_is_shown_as_unsupported_and_not_unread() {
    let mut world = world();
    let message = RawMessage::unknown_kind(9999, "from the future");
    world.network.send_raw_as(world.now, BOB, &Jid::pn(ALICE), message).unwrap();
    pass(&mut world, 10);
    let messages = world.clients[0].messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].content.type_name(), "unsupported");
    assert_eq!(messages[0].status, MessageStatus::Read, "it raises no unread count");
}

#[test]
fn mark_read_marks_only_the_named_messages() {
    let mut world = world();
    world.network.add_person("15550000003", "carol", Behaviour::Receive).unwrap();
    let group = world.network.add_group(world.now, "team", &[ALICE, BOB, "15550000003"]).unwrap();
    for phone in [BOB, "15550000003"] {
        world.network.send_as(world.now, phone, &Jid::pn(ALICE), "direct").unwrap();
        world.network.send_as(world.now, phone, &group, "to all").unwrap();
    }
    pass(&mut world, 30);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    world.network.mutate(Some(Box::new(move |node: &mut Node| {
        if node.tag == "receipt" {
            kept.lock().unwrap().push(format!("{node:?}"));
        }
    })));
    let messages = world.clients[0].messages();
    let keys: Vec<MessageKey> = messages.iter().map(|message| message.key.clone()).collect();
    let (left, read) = keys.split_last().unwrap();
    world.command(0, |request_id| Command::MarkRead { request_id, keys: read.to_vec() });
    pass(&mut world, 10);
    let unread: Vec<_> = world.clients[0]
        .messages()
        .into_iter()
        .filter(|message| message.status != MessageStatus::Read)
        .map(|message| message.key)
        .collect();
    assert_eq!(unread, std::slice::from_ref(left), "what was left out stays unread");
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("a store in memory is ready at once"),
    }
}

#[test]
fn notices_are_kept_from_the_own_phone_only() {
    let store = MemoryStore::new();
    let mut world = world_over(store.clone());
    pass(&mut world, 30);
    let account: AccountId = "alice".parse().unwrap();
    let histories = || ready(store.notices(&account, "history_sync_notification", None, 10)).unwrap();
    let before = histories().len();
    world.network.share_history(world.now, ALICE).unwrap();
    world.network.share_app_state_key(world.now, ALICE).unwrap();
    pass(&mut world, 30);
    let kept = histories();
    assert_eq!(kept.len(), before + 1);
    assert!(kept.iter().all(|notice| !notice.payload.is_empty()));
    assert!(ready(store.app_state_key(&account, &[0, 0, 0, 0, 0, 1])).unwrap().is_some());
    assert!(world.clients[0].messages().is_empty(), "nothing of it is shown");
    // Bob must not be able to tell Alice's client where a history is.
    let forged = kept[0].payload.clone();
    world.network.send_raw_as(world.now, BOB, &Jid::pn(ALICE), RawMessage::new(forged)).unwrap();
    pass(&mut world, 30);
    assert_eq!(histories().len(), before + 1);
    assert_eq!(world.network.unanswered(), []);
}

#[test]
fn repeated_prekey_uploads_do_not_fill_the_store() {
    let store = MemoryStore::new();
    let mut world = world_over(store.clone());
    pass(&mut world, 30);
    let device = Jid::pn(ALICE).with_device(1);
    for number in 0..120 {
        let low = Node::new("notification")
            .attr("from", Jid::SERVICE)
            .attr("type", "encrypt")
            .attr("id", format!("low{number}"))
            .attr("t", world.now.as_secs())
            .child(Node::new("count").attr("value", "3"));
        world.network.deliver_stanza(world.now, &device, low).unwrap();
        pass(&mut world, 2);
    }
    let account: AccountId = "alice".parse().unwrap();
    let kept = ready(store.signal_ids(&account, SignalKind::PreKey)).unwrap().len();
    assert_eq!(kept, 5 * 812, "6,812 were made");
    // The server hands the oldest out first, which is gone. When it is asked again, Bob's client gets one that exists.
    let bob = world.add_client("bob", Box::new(MemoryStore::new()));
    world.link(bob, BOB);
    world.send_text(bob, &Jid::pn(ALICE), "hello").unwrap();
    pass(&mut world, 60);
    assert_eq!(world.clients[0].messages().last().unwrap().content.as_text(), Some("hello"));
}

#[test]
fn a_refused_prekey_upload_is_repeated() {
    let mut world = World::new(77);
    world.network.add_person(ALICE, "alice", Behaviour::Silent).unwrap();
    let client = world.add_client("alice", Box::new(MemoryStore::new()));
    world.network.refuse_requests(RequestKind::PreKeyUpload, 503, Some(2));
    world.link(client, ALICE);
    pass(&mut world, 60);
    assert_eq!(world.network.devices()[0].pre_keys, 0);
    pass(&mut world, 700);
    assert_eq!(world.network.devices()[0].pre_keys, 812);
    assert!(world.clients[client].is_connected(), "without a new login");
}
