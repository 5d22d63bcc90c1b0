//! Changes that belong to an account: one of every kind.
use bytes::Bytes;

use crate::{
    AccountId, AppStateChange, AppStateVersion, Change, Changes, ChatChange, Content, DesiredState,
    DeviceRecord, EventChange, MediaRef, MessageEdit, MessageKey, MessageRecord, MessageStatus, NewEvent,
    NoticeChange, NoticeRecord, ObservedState, OutgoingMessage, OutgoingState, PersonAddress, PersonRecord,
    SessionObservation, SessionRecord, SignalKey, SignalKind, Source,
};

pub(super) fn account() -> AccountId {
    "shop/a".parse().unwrap()
}

pub(super) fn key(id: &str) -> SignalKey {
    SignalKey::new(SignalKind::Session, id)
}

fn message(chat: &str, id: &str, from_me: bool, timestamp: i64) -> MessageRecord {
    MessageRecord {
        key: MessageKey { chat: chat.into(), sender: "s".into(), id: id.into() },
        from_me,
        timestamp,
        content: Content::text("some words"),
        edited_at: None,
        status: if from_me { MessageStatus::Queued } else { MessageStatus::Delivered },
        source: Source::Live,
        push_name: None,
        quoted: None,
        media: Some(MediaRef { secret: Bytes::from("secret"), ..MediaRef::default() }),
    }
}

fn edit(id: &str, content: Content) -> MessageEdit {
    MessageEdit { key: message("c", id, false, 0).key, content, at: 7 }
}

fn outgoing(id: &str, state: OutgoingState) -> OutgoingMessage {
    OutgoingMessage { id: id.into(), chat: "c".into(), payload: Bytes::from("p"), state, created_at: 1 }
}

fn notice(id: &str) -> NoticeRecord {
    NoticeRecord { kind: "k".into(), id: id.into(), received_at: 1, payload: Bytes::from("p") }
}

fn person(pn: &str, lid: &str) -> PersonRecord {
    PersonRecord { pn: Some(pn.into()), lid: Some(lid.into()), state: Bytes::from("s") }
}

fn version(number: u64) -> AppStateChange {
    let (collection, hash) = ("regular".into(), Bytes::from(number.to_string()));
    AppStateChange::PutVersion(AppStateVersion { collection, version: number, hash })
}

fn mac(index: &'static str) -> AppStateChange {
    AppStateChange::PutMac { collection: "regular".into(), index: index.into(), value: "v".into() }
}

pub(super) fn event(at: i64) -> EventChange {
    EventChange::Put(NewEvent { key: "k".into(), data: "{}".into(), at })
}

fn session(created_at: i64) -> SessionRecord {
    SessionRecord {
        id: account(),
        name: "n".into(),
        desired: DesiredState::Running,
        created_at,
        updated_at: created_at,
        observed: None,
    }
}

pub(super) fn changes(list: Vec<Change>) -> Changes {
    Changes { list, ..Changes::new(account()) }
}

/// Records that the other changes need.
pub(super) fn before() -> Vec<Change> {
    vec![
        Change::PutDevice(DeviceRecord { jid: None, lid: None, state: Bytes::from("1") }),
        Change::PutSignal(key("old"), Bytes::from("1")),
        Change::PutPerson(person("20", "10")),
        NoticeChange::Put(notice("old")).into(),
        Change::PutOutgoing(outgoing("queued", OutgoingState::Queued)),
        Change::PutOutgoing(outgoing("sent", OutgoingState::Sent)),
        Change::PutMessage(message("c", "theirs", false, 5)),
        Change::PutMessage(message("c", "ours", true, 6)),
        Change::PutMessage(message("c", "oldest", false, 1)),
        Change::PutMessage(message("other", "unread", false, 5)),
        Change::PutSession(session(1)),
        version(1).into(),
        mac("old").into(),
        event(1).into(),
        EventChange::Passed { consumer: "one".into(), position: "0-0".into() }.into(),
        EventChange::Passed { consumer: "two".into(), position: "0-0".into() }.into(),
    ]
}

/// One of every kind that adds or rewrites something.
pub(super) fn writes() -> Vec<Change> {
    let observed = SessionObservation { state: ObservedState::Connected, at: 3, reason: Some("r".into()) };
    let (c, other) = ("c".to_owned(), "other".to_owned());
    let flags = ChatChange::SetFlags { chat: c.clone(), archived: true, pinned: true, muted_until: Some(1) };
    vec![
        Change::PutSignal(key("a"), Bytes::from("2")),
        Change::PutSignal(key("old"), Bytes::from("2")),
        Change::PutDevice(DeviceRecord { jid: None, lid: None, state: Bytes::from("2") }),
        Change::PutPerson(person("20", "11")),
        NoticeChange::Put(notice("new")).into(),
        Change::PutOutgoing(outgoing("new", OutgoingState::Queued)),
        Change::SetOutgoingState("queued".into(), OutgoingState::Sent),
        Change::PutMessage(message("c", "new", false, 9)),
        Change::EditMessage(edit("theirs", Content::text("other words"))),
        Change::EditMessage(edit("oldest", Content::Deleted { at: 7 })),
        Change::EditMessage(edit("unknown", Content::text("early"))),
        Change::RaiseStatus(message("c", "theirs", false, 0).key, MessageStatus::Read),
        Change::RaiseStatus(message("c", "ours", true, 0).key, MessageStatus::Failed),
        Change::PutSession(session(2)),
        Change::SetObserved(observed),
        version(2).into(),
        mac("new").into(),
        AppStateChange::PutKey { id: "id".into(), key: "k".into() }.into(),
        ChatChange::SetName { chat: c, name: Some("n".into()) }.into(),
        flags.into(),
        ChatChange::MarkRead { chat: other, until: 9 }.into(),
        event(2).into(),
        EventChange::Passed { consumer: "two".into(), position: "ffff-ffff".into() }.into(),
    ]
}

/// One of every kind that removes something.
pub(super) fn removals() -> Vec<Change> {
    let regular = "regular".to_owned();
    vec![
        Change::DeleteSignal(key("old")),
        Change::DeletePerson(PersonAddress::Pn("20".into())),
        NoticeChange::Delete { kind: "k".into(), id: "old".into() }.into(),
        Change::ExpireOutgoing(2),
        ChatChange::Expire { before: 5, limit: 10 }.into(),
        ChatChange::Merge { from: "c".into(), into: "merged".into() }.into(),
        ChatChange::Merge { from: "700@lid".into(), into: "600@s.whatsapp.net".into() }.into(),
        ChatChange::Delete { chat: "merged".into() }.into(),
        AppStateChange::DeleteMac { collection: regular.clone(), index: "old".into() }.into(),
        AppStateChange::Reset { collection: regular }.into(),
        EventChange::Forget { consumer: "one".into() }.into(),
        EventChange::Trim { before: 2 }.into(),
        Change::DeleteDevice,
        Change::ReplaceDevice,
        Change::DeleteSession,
    ]
}
