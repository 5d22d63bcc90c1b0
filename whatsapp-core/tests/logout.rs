//! A device that is no longer linked, or of which a server says so: what is kept, for how long, and what brings it back.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
use std::{
    future::Future,
    task::{Context, Poll, Waker},
    time::Duration,
};

use whatsapp_core::{
    engine::{Command, LOGGED_OUT_KEPT, logged_out_at, restored},
    event::{DisconnectReason, Event},
    jid::Jid,
    sim::{Behaviour, RequestKind, pair::World},
};
use whatsapp_store::{
    AccountId, Change, Changes, DeviceRecord, DeviceStore, MessageStatus, SignalKind, SignalStore, Store,
    memory::MemoryStore,
};

const ALICE: &str = "15550000001";
const BOB: &str = "15550000002";
const CAROL: &str = "15550000003";

fn ready<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the memory store answers at once"),
    }
}

fn account() -> AccountId {
    "alice".parse().unwrap()
}

fn device(store: &MemoryStore) -> Option<DeviceRecord> {
    ready(store.device(&account())).unwrap()
}

fn signal_records(store: &MemoryStore) -> usize {
    let of = |kind| ready(store.signal_ids(&account(), kind)).unwrap().len();
    of(SignalKind::PreKey) + of(SignalKind::Session)
}

fn pass(world: &mut World, seconds: u64) {
    world.after_network();
    world.run_for(Duration::from_secs(seconds));
}

fn world(seed: u64, store: &MemoryStore) -> World {
    let mut world = World::new(seed);
    for (name, phone) in [("alice", ALICE), ("bob", BOB), ("carol", CAROL)] {
        world.network.add_person(phone, name, Behaviour::Receive).unwrap();
    }
    world.add_client("alice", Box::new(store.clone()));
    world
}

/// Alice is linked, and has written to Bob; then the server says that she is not linked.
fn logged_out(store: &MemoryStore) -> World {
    logged_out_with(store, |_| {})
}

fn logged_out_with(store: &MemoryStore, act: impl FnOnce(&mut World)) -> World {
    let mut world = world(3, store);
    world.link(0, ALICE);
    world.send_text(0, &Jid::pn(BOB), "hello").unwrap();
    pass(&mut world, 30);
    act(&mut world);
    world.network.fail_next_login(401);
    world.network.cut(&Jid::pn(ALICE).with_device(1)).unwrap();
    pass(&mut world, 60);
    assert!(world.clients[0].events.iter().any(|event| matches!(event, Event::LoggedOut { .. })));
    world
}

#[test]
fn a_server_that_is_wrong_about_a_logout_costs_nothing() {
    let store = MemoryStore::new();
    let mut world = logged_out(&store);
    assert!(logged_out_at(&device(&store).unwrap()).unwrap().is_some());
    // It shows codes meanwhile, and is restarted: the former keys stay.
    world.crash(0);
    world.start(0);
    pass(&mut world, 90);
    assert!(world.clients[0].events.iter().any(|event| matches!(event, Event::Qr { .. })));
    world.crash(0);
    let mut changes = Changes::new(account());
    changes.push(Change::PutDevice(restored(&device(&store).unwrap()).unwrap().unwrap()));
    ready(store.commit(changes)).unwrap();
    world.start(0);
    pass(&mut world, 30);
    assert!(world.clients[0].is_connected());
    world.send_text(0, &Jid::pn(BOB), "I am back").unwrap();
    pass(&mut world, 30);
    let texts: Vec<_> =
        world.network.inbox(BOB).unwrap().messages.into_iter().map(|shown| shown.content).collect();
    assert_eq!(
        texts.iter().filter_map(|content| content.as_text()).collect::<Vec<_>>(),
        ["hello", "I am back"]
    );
    assert!(restored(&device(&store).unwrap()).unwrap().is_none());
}

#[test]
fn another_link_replaces_the_keys_of_the_former() {
    let store = MemoryStore::new();
    let mut world = logged_out(&store);
    let former = signal_records(&store);
    assert!(former > 800);
    world.crash(0);
    world.start(0);
    pass(&mut world, 10);
    world.link(0, ALICE);
    pass(&mut world, 30);
    assert!(world.clients[0].is_connected());
    assert!(restored(&device(&store).unwrap()).unwrap().is_none());
    let pre_keys = ready(store.signal_ids(&account(), SignalKind::PreKey)).unwrap();
    assert_eq!(pre_keys.len(), 812, "of the new device alone");
    world.send_text(0, &Jid::pn(BOB), "a new device").unwrap();
    pass(&mut world, 30);
    assert_eq!(world.network.inbox(BOB).unwrap().messages.len(), 2);
}

#[test]
fn the_keys_of_a_logged_out_device_are_kept_for_a_week() {
    let store = MemoryStore::new();
    let mut world = logged_out(&store);
    world.crash(0);
    world.run_for(LOGGED_OUT_KEPT);
    world.start(0);
    assert!(signal_records(&store) == 0);
    assert!(device(&store).is_none_or(|device| device.jid.is_none()));
}

#[test]
fn logging_out_erases_the_keys_at_once() {
    let store = MemoryStore::new();
    let mut world = world(5, &store);
    world.link(0, ALICE);
    world.command(0, |request_id| Command::LogOut { request_id });
    pass(&mut world, 10);
    assert!(world.clients[0].events.iter().any(|event| matches!(event, Event::LoggedOut { .. })));
    assert_eq!((device(&store), signal_records(&store)), (None, 0));
}

#[test]
fn another_server_cannot_log_a_device_out() {
    let store = MemoryStore::new();
    let mut first = world(7, &store);
    first.link(0, ALICE);
    pass(&mut first, 30);
    let before = (device(&store), signal_records(&store));
    // The same account at a network that has never heard of it.
    let mut other = world(8, &store);
    pass(&mut other, 60);
    let last = other.clients[0].events.last().unwrap();
    assert!(
        matches!(last, Event::Disconnected { reason: DisconnectReason::OtherServer, retry_at: None }),
        "{last:?}"
    );
    assert_eq!((device(&store), signal_records(&store)), before);
}

/// Alice accepts a message while nothing can be sent, is logged out, and is linked again to that phone.
fn queued_over_a_logout(phone: &str, restarts: bool) -> (MemoryStore, World) {
    let store = MemoryStore::new();
    let mut world = logged_out_with(&store, |world| {
        world.network.refuse_requests(RequestKind::DeviceLists, 500, None);
        world.send_text(0, &Jid::pn(CAROL), "do not lose me").unwrap();
    });
    world.network.refuse_nothing();
    // Before it shows codes again, or while it does.
    if restarts {
        world.crash(0);
        world.start(0);
        pass(&mut world, 200);
    }
    world.crash(0);
    world.start(0);
    pass(&mut world, 10);
    world.link(0, phone);
    pass(&mut world, 60);
    assert!(world.clients[0].is_connected());
    (store, world)
}

#[test]
fn messages_queued_at_a_logout_are_sent_after_the_next_link() {
    for restarts in [false, true] {
        let (_, world) = queued_over_a_logout(ALICE, restarts);
        let texts: Vec<_> = world.network.inbox(CAROL).unwrap().messages;
        assert_eq!(texts.len(), 1);
        assert!(world.clients[0].messages().iter().all(|message| message.status > MessageStatus::Queued));
    }
}

#[test]
fn messages_queued_at_a_logout_are_not_sent_by_another_account() {
    let (_, world) = queued_over_a_logout(BOB, true);
    assert!(world.network.inbox(CAROL).unwrap().messages.is_empty());
    let messages = world.clients[0].messages();
    let mine = messages.iter().find(|message| message.content.as_text() == Some("do not lose me")).unwrap();
    assert_eq!(mine.status, MessageStatus::Failed);
}
