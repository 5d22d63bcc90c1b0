//! What the killed process commits, and how the tests find it again.
//!
//! Several lanes commit one after the other. Two lanes share an account, and so its device and its chat.
//! Every record of a commit holds the number of the commit.
use std::time::{Duration, Instant};

use bytes::Bytes;
use whatsapp_store::{
    AccountId, Change, Changes, Content, DeviceRecord, EventChange, MessageKey, MessageQuery, MessageRecord,
    MessageStatus, NewEvent, OutgoingMessage, OutgoingState, Result, SignalKey, SignalKind, Source, Store,
};

pub(crate) const LANES: usize = 4;
const CHAT: &str = "c";

/// By lane, the number of a commit, if there is one.
pub(crate) type Numbers = [Option<u64>; LANES];

fn account(lane: usize) -> AccountId {
    format!("account-{}", lane % 2).parse().unwrap()
}

fn name(lane: usize, number: u64) -> String {
    format!("{lane}-{number:06}")
}

fn key(lane: usize, number: u64) -> SignalKey {
    SignalKey::new(SignalKind::Session, name(lane, number))
}

/// Where a lane notes the number of its last commit.
fn mark(lane: usize) -> SignalKey {
    SignalKey::new(SignalKind::Identity, format!("lane {lane}"))
}

/// Sometimes long enough for several pages.
fn value(number: u64) -> Bytes {
    vec![number as u8; 10 + (number as usize % 7) * 700].into()
}

fn message(lane: usize, number: u64) -> MessageRecord {
    let from_me = number.is_multiple_of(3);
    MessageRecord {
        key: MessageKey { chat: CHAT.into(), sender: "s".into(), id: name(lane, number) },
        from_me,
        timestamp: number as i64,
        content: Content::text(format!("word{} ", number % 5).repeat(number as usize % 30)),
        edited_at: None,
        status: if from_me { MessageStatus::Queued } else { MessageStatus::Delivered },
        source: Source::Live,
        push_name: None,
        quoted: None,
        media: None,
    }
}

fn outgoing(lane: usize, number: u64) -> OutgoingMessage {
    let payload = value(number);
    let state = OutgoingState::Queued;
    OutgoingMessage { id: name(lane, number), chat: CHAT.into(), payload, state, created_at: number as i64 }
}

pub(crate) fn changes(lane: usize, number: u64) -> Changes {
    let event = NewEvent { key: "committed".into(), data: name(lane, number), at: number as i64 };
    let state = Bytes::from(name(lane, number));
    let mut changes = Changes::new(account(lane));
    changes
        .push(Change::PutSignal(key(lane, number), value(number)))
        .push(Change::PutSignal(mark(lane), Bytes::copy_from_slice(&number.to_be_bytes())))
        .push(Change::PutMessage(message(lane, number)))
        .push(Change::PutDevice(DeviceRecord { jid: None, lid: None, state }))
        .push(Change::PutOutgoing(outgoing(lane, number)))
        .push(EventChange::Put(event));
    changes
}

/// The number of a lane's last commit.
pub(crate) async fn last(store: &dyn Store, lane: usize) -> Option<u64> {
    try_last(store, lane).await.unwrap()
}

pub(crate) async fn try_last(store: &dyn Store, lane: usize) -> Result<Option<u64>> {
    let marks = store.signal(&account(lane), &[mark(lane)]).await?;
    Ok(marks[0].as_ref().map(|mark| u64::from_be_bytes(mark[..].try_into().unwrap())))
}

/// How far the records have been checked.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    numbers: Numbers,
    /// The last event.
    position: Option<String>,
    /// Commits that were made again after an error, and may have been written twice.
    repeated: u64,
}

impl Checked {
    /// Nothing checked yet; `repeated` commits were made again.
    pub(crate) fn after_repeating(repeated: u64) -> Self {
        Self { repeated, ..Self::default() }
    }

    /// Checks every commit since the last check, confirmed or not: each is either complete or absent, and all confirmed
    /// commits are there.
    pub(crate) async fn check(&mut self, store: &dyn Store, confirmed: Numbers) {
        let mut numbers = [None; LANES];
        let mut names = Vec::new();
        for lane in 0..LANES {
            let (before, confirmed) = (self.numbers[lane], confirmed[lane].max(self.numbers[lane]));
            let last = last(store, lane).await;
            let seen = format!("lane {lane}: {confirmed:?} was confirmed, and {last:?} is the last");
            assert!(last >= confirmed, "{seen}");
            assert!(count(last) <= count(confirmed) + 1, "{seen}, but there was one under way at most");
            let new = count(before)..count(last);
            self.records(store, lane, new.clone()).await;
            names.extend(new.map(|number| name(lane, number)));
            numbers[lane] = last;
        }
        self.numbers = numbers;
        self.events(store, names).await;
        for lane in 0..2 {
            self.summaries(store, lane).await;
        }
    }

    /// All records of these commits, and none of the next commit.
    async fn records(&self, store: &dyn Store, lane: usize, new: std::ops::Range<u64>) {
        let (account, next) = (account(lane), new.end);
        let keys: Vec<_> = new.clone().chain([next]).map(|number| key(lane, number)).collect();
        let values: Vec<_> = new.clone().map(|number| Some(value(number))).chain([None]).collect();
        assert!(
            store.signal(&account, &keys).await.unwrap() == values,
            "lane {lane}: Signal records {new:?}"
        );
        for number in new.clone().chain([next]) {
            let there = number < next;
            let (message, outgoing) = (message(lane, number), outgoing(lane, number));
            let found = store.message(&account, &message.key).await.unwrap();
            assert!(found == there.then_some(message), "message {number} of lane {lane}: {found:?}");
            let found = store.outgoing(&account, &outgoing.id).await.unwrap();
            assert!(found == there.then_some(outgoing), "outgoing {number} of lane {lane}: {found:?}");
        }
    }

    /// One event for each commit, except those that were repeated.
    async fn events(&mut self, store: &dyn Store, mut names: Vec<String>) {
        names.sort_unstable();
        let (mut found, started) = (Vec::new(), Instant::now());
        loop {
            let page = store.all_events(self.position.as_deref(), 500).await.unwrap();
            self.position = page.last().map(|event| event.position.clone()).or(self.position.take());
            let end = page.is_empty();
            found.extend(page.into_iter().map(|event| event.data));
            // On a server, other open transactions may delay events for a while.
            if end && (found.len() >= names.len() || started.elapsed() > Duration::from_secs(30)) {
                break;
            }
        }
        found.sort_unstable();
        let events = found.len() as u64;
        assert!(events <= names.len() as u64 + self.repeated, "{events} events of {} commits", names.len());
        if self.repeated > 0 {
            found.dedup();
        }
        assert_eq!(found, names, "events");
    }

    /// The device and the chat of an account, which each of its commits writes.
    async fn summaries(&self, store: &dyn Store, lane: usize) {
        let account = account(lane);
        let lanes = [lane, lane + 2].map(|lane| (lane, self.numbers[lane]));
        let lasts: Vec<_> =
            lanes.iter().filter_map(|(lane, last)| last.map(|last| name(*lane, last))).collect();
        let device = store.device(&account).await.unwrap();
        let device = device.map(|device| String::from_utf8(device.state.to_vec()).unwrap());
        assert_eq!(device.is_some(), !lasts.is_empty());
        assert!(device.is_none_or(|device| lasts.contains(&device)), "the device is of the last commit");

        let chat = store.chat(&account, CHAT).await.unwrap();
        assert_eq!(chat.is_some(), !lasts.is_empty());
        let Some(chat) = chat else { return };
        let unread = |last| (0..count(last)).filter(|number| !number.is_multiple_of(3)).count() as u64;
        assert_eq!(chat.unread, lanes.iter().map(|(_, last)| unread(*last)).sum::<u64>(), "unread");
        let query = MessageQuery { chat: Some(CHAT.into()), limit: 1, ..Default::default() };
        let page = store.messages(&account, &query).await.unwrap();
        assert_eq!((chat.last.as_ref(), chat.last_at), (page.messages.first(), page.messages[0].timestamp));
    }

    /// Checks everything again from the start: no later crash has harmed earlier records.
    pub(crate) async fn all_again(&self, store: &dyn Store) {
        let mut again = Self::after_repeating(self.repeated);
        again.check(store, self.numbers).await;
        assert_eq!(again.numbers, self.numbers);
        self.count(store).await;
    }

    /// As many records of every kind as there were commits.
    async fn count(&self, store: &dyn Store) {
        for lane in 0..2 {
            let account = account(lane);
            let commits = (count(self.numbers[lane]) + count(self.numbers[lane + 2])) as usize;
            let keys = store.signal_ids(&account, SignalKind::Session).await.unwrap();
            let queued = store.queued(&account, u32::MAX).await.unwrap();
            let (mut query, mut messages) = (MessageQuery { limit: 500, ..Default::default() }, 0);
            loop {
                let page = store.messages(&account, &query).await.unwrap();
                messages += page.messages.len();
                query.before = page.next;
                if query.before.is_none() {
                    break;
                }
            }
            assert_eq!([keys.len(), queued.len(), messages], [commits; 3], "account {lane}");
        }
    }

    pub(crate) fn commits(&self) -> u64 {
        self.numbers.into_iter().map(count).sum()
    }
}

fn count(last: Option<u64>) -> u64 {
    last.map_or(0, |last| last + 1)
}
