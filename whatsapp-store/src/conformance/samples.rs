//! Records to write.
use bytes::Bytes;

use crate::{
    AccountId, Change, Changes, Content, DesiredState, DeviceRecord, ErrorKind, MessageKey, MessageRecord,
    MessageStatus, OutgoingMessage, OutgoingState, PersonAddress, PersonRecord, Result, Scope, SessionRecord,
    SignalKey, SignalKind, Source, Store, WorkspaceId,
};

/// Text that breaks code that quotes, splits, folds or ends text itself.
pub(super) const ODD_TEXTS: [&str; 12] = [
    "",
    " ",
    "'; DROP TABLE message; --",
    "\"quoted\" \\ and /",
    "%_*?[]",
    "a\0b",
    "a",
    "A",
    "line\r\nbreak\ttab",
    "ünïcödé",
    "\u{202e}e\u{301} 🦀👩‍👩‍👧",
    "\u{10ffff}\u{feff}\u{7f}",
];

/// The list refuses an invalid cursor with that error.
pub(super) async fn bad_cursor<T>(page: impl Future<Output = Result<T>>) {
    let error = page.await.map(drop).expect_err("a foreign cursor is no page");
    assert_eq!(error.kind(), ErrorKind::BadCursor);
}

pub(super) fn account(name: &str) -> AccountId {
    name.parse().unwrap()
}

pub(super) fn workspace(name: &str) -> WorkspaceId {
    name.parse().unwrap()
}

/// Every byte there is.
pub(super) fn bytes() -> Bytes {
    (0..=255).collect()
}

pub(super) fn device() -> DeviceRecord {
    DeviceRecord { jid: Some("1:2@s.whatsapp.net".into()), lid: Some("3:2@lid".into()), state: bytes() }
}

pub(super) fn key(id: impl Into<String>) -> SignalKey {
    SignalKey::new(SignalKind::Session, id)
}

pub(super) fn person(pn: &str, lid: &str) -> PersonRecord {
    PersonRecord { pn: Some(pn.into()), lid: Some(lid.into()), state: bytes() }
}

pub(super) fn pn(address: &str) -> PersonAddress {
    PersonAddress::Pn(address.into())
}

pub(super) fn lid(address: &str) -> PersonAddress {
    PersonAddress::Lid(address.into())
}

pub(super) fn outgoing(id: &str, created_at: i64) -> OutgoingMessage {
    OutgoingMessage {
        id: id.into(),
        chat: "1@s.whatsapp.net".into(),
        payload: bytes(),
        state: OutgoingState::Queued,
        created_at,
    }
}

pub(super) fn sent(id: &str, created_at: i64) -> OutgoingMessage {
    OutgoingMessage { state: OutgoingState::Sent, ..outgoing(id, created_at) }
}

pub(super) fn message(chat: &str, id: &str) -> MessageRecord {
    MessageRecord {
        key: MessageKey { chat: chat.into(), sender: "2@s.whatsapp.net".into(), id: id.into() },
        from_me: false,
        timestamp: 1_700_000_000_000,
        content: Content::text(id),
        edited_at: None,
        status: MessageStatus::Delivered,
        source: Source::Live,
        push_name: None,
        quoted: None,
        media: None,
    }
}

pub(super) fn session(id: &str, created_at: i64) -> SessionRecord {
    SessionRecord {
        id: account(id),
        name: format!("{id}!"),
        desired: DesiredState::Running,
        created_at,
        updated_at: created_at,
        observed: None,
    }
}

/// One of each kind of record.
pub(super) fn one_of_each(account: &AccountId) -> Vec<Change> {
    vec![
        Change::PutDevice(device()),
        Change::PutSignal(key("k"), bytes()),
        Change::PutPerson(person("20", "10")),
        Change::PutOutgoing(outgoing("queued", 1)),
        Change::PutOutgoing(sent("sent", 1)),
        Change::PutMessage(message("c", "m")),
        Change::PutSession(session(&account.to_string(), 1)),
    ]
}

/// A change that every backend refuses.
pub(super) fn refused() -> Change {
    Change::PutSession(session("somebody-else", 1))
}

/// To an account or a workspace.
pub(super) async fn try_commit(
    store: &dyn Store,
    scope: &(impl Clone + Into<Scope>),
    list: impl IntoIterator<Item = impl Into<Change>>,
) -> Result<()> {
    let list = list.into_iter().map(Into::into).collect();
    store.commit(Changes { list, ..Changes::new(scope.clone()) }).await
}

pub(super) async fn commit(
    store: &dyn Store,
    scope: &(impl Clone + Into<Scope>),
    list: impl IntoIterator<Item = impl Into<Change>>,
) {
    try_commit(store, scope, list).await.unwrap();
}

/// What is there of [`one_of_each`], domain by domain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Presence {
    pub(super) device: bool,
    pub(super) signal: bool,
    pub(super) person: bool,
    pub(super) outgoing: bool,
    pub(super) message: bool,
    pub(super) session: bool,
}

impl Presence {
    pub(super) const ALL: Self =
        Self { device: true, signal: true, person: true, outgoing: true, message: true, session: true };
    pub(super) const NONE: Self =
        Self { device: false, signal: false, person: false, outgoing: false, message: false, session: false };

    pub(super) async fn of(store: &dyn Store, account: &AccountId) -> Self {
        let people = store.people(account, &[pn("20"), lid("10")]).await.unwrap();
        assert_eq!(people[0], people[1], "found by one address and not by the other");
        let queued = !store.queued(account, 10).await.unwrap().is_empty();
        let outgoing = (
            store.outgoing(account, "queued").await.unwrap().is_some(),
            store.outgoing(account, "sent").await.unwrap().is_some(),
        );
        assert_eq!((queued, queued), outgoing, "some outgoing messages without the others");
        let message = store.message(account, &message("c", "m").key).await.unwrap().is_some();
        let page = !store.messages(account, &Default::default()).await.unwrap().messages.is_empty();
        assert_eq!(message, page, "a message without its place in the list, or the reverse");
        Self {
            device: store.device(account).await.unwrap().is_some(),
            signal: store.signal(account, &[key("k")]).await.unwrap()[0].is_some(),
            person: people[0].is_some(),
            outgoing: queued,
            message,
            session: store.session(account).await.unwrap().is_some(),
        }
    }
}
