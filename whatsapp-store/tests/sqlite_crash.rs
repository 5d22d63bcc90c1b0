//! `kill -9` of a process that commits: what it was told is stored is there, whole, and nothing is there by half.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
use std::{
    env,
    io::{BufRead, BufReader, Lines, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use bytes::Bytes;
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use whatsapp_store::{
    AccountId, Change, Changes, Content, DeviceRecord, DeviceStore, MessageKey, MessageQuery, MessageRecord,
    MessageStatus, MessageStore, OutgoingMessage, OutgoingState, OutgoingStore, SignalKey, SignalKind,
    SignalStore, Source, Store, sqlite::SqliteStore,
};

const FILE: &str = "WHATSAPP_STORE_TEST_FILE";
const ACCOUNTS: usize = 3;

fn account(number: usize) -> AccountId {
    format!("account-{number}").parse().unwrap()
}

fn key(number: u64) -> SignalKey {
    SignalKey::new(SignalKind::Session, format!("{number:06}"))
}

/// Long enough now and then for several pages.
fn value(number: u64) -> Bytes {
    vec![number as u8; 10 + (number as usize % 7) * 1_500].into()
}

fn message(number: u64) -> MessageRecord {
    MessageRecord {
        key: MessageKey { chat: "c".into(), sender: "s".into(), id: number.to_string() },
        from_me: true,
        timestamp: 0,
        content: Content::text("x".repeat(number as usize % 300)),
        status: MessageStatus::Queued,
        source: Source::Live,
        push_name: None,
        quoted: None,
        media: None,
    }
}

/// The number of the commit is in every record of it; the device has that of the last.
fn changes(account: AccountId, number: u64) -> Changes {
    let outgoing = OutgoingMessage {
        id: number.to_string(),
        chat: "c".into(),
        payload: value(number),
        state: OutgoingState::Queued,
        created_at: 0,
    };
    let state = Bytes::copy_from_slice(&number.to_be_bytes());
    let list = vec![
        Change::PutSignal(key(number), value(number)),
        Change::PutMessage(message(number)),
        Change::PutDevice(DeviceRecord { jid: None, lid: None, state }),
        Change::PutOutgoing(outgoing),
    ];
    Changes { list, ..Changes::new(account) }
}

async fn last(store: &SqliteStore, account: &AccountId) -> Option<u64> {
    let device = store.device(account).await.unwrap();
    device.map(|device| u64::from_be_bytes(device.state[..].try_into().unwrap()))
}

/// The process that is killed: each account commits as fast as it can, and says so after each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "never ends: run and killed by the tests below"]
async fn committing_until_killed() {
    let path = env::var(FILE).unwrap();
    say("opening".into());
    let store = SqliteStore::open(path).await.unwrap();
    let mut tasks = Vec::new();
    for place in 0..ACCOUNTS {
        let (store, account) = (store.clone(), account(place));
        tasks.push(tokio::spawn(async move {
            for number in last(&store, &account).await.map_or(0, |number| number + 1).. {
                store.commit(changes(account.clone(), number)).await.unwrap();
                say(format!("confirmed {place} {number}"));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

fn say(line: String) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

struct Victim {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    confirmed: [Option<u64>; ACCOUNTS],
}

impl Victim {
    fn start(path: &Path) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "committing_until_killed", "--ignored", "--nocapture"])
            .env(FILE, path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines, confirmed: [None; ACCOUNTS] }
    }

    /// Waits for a line of the child's own; the test harness says things too.
    fn hear(&mut self) -> Option<()> {
        loop {
            let line = self.lines.next()?.unwrap();
            let mut words = line.split(' ');
            match words.next() {
                Some("opening") => return Some(()),
                Some("confirmed") => {
                    let mut number = || words.next().unwrap().parse::<u64>().unwrap();
                    let place = number() as usize;
                    self.confirmed[place] = Some(number());
                    return Some(());
                }
                _ => {}
            }
        }
    }

    /// Kills it after so many lines; returns the last number that each account was told is stored.
    fn kill_after(mut self, lines: u64) -> [Option<u64>; ACCOUNTS] {
        for _ in 0..lines {
            self.hear().expect("the child ended by itself");
        }
        self.process.kill().unwrap();
        while self.hear().is_some() {}
        let status = self.process.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
        self.confirmed
    }
}

/// Checks every record of every commit, those that nobody was told of too.
async fn check(path: &Path, confirmed: [Option<u64>; ACCOUNTS]) {
    let store = SqliteStore::open(path).await.unwrap();
    for (place, confirmed) in confirmed.into_iter().enumerate() {
        let account = account(place);
        let last = last(&store, &account).await;
        assert!(last >= confirmed, "{account}: confirmed {confirmed:?}, but the last is {last:?}");
        let numbers: Vec<u64> = last.map(|last| (0..=last).collect()).unwrap_or_default();
        let keys: Vec<_> = numbers.iter().map(|number| key(*number)).collect();
        let values: Vec<_> = numbers.iter().map(|number| Some(value(*number))).collect();
        assert!(store.signal(&account, &keys).await.unwrap() == values, "{account}: Signal records");
        assert_eq!(store.signal_ids(&account, SignalKind::Session).await.unwrap().len(), numbers.len());
        let queued = store.queued(&account, u32::MAX).await.unwrap();
        let queued: Vec<_> = queued.into_iter().map(|message| (message.id, Some(message.payload))).collect();
        let expected: Vec<_> = numbers.iter().map(ToString::to_string).zip(values).collect();
        assert!(queued == expected, "{account}: outgoing messages");
        let mut messages = messages(&store, &account).await;
        messages.reverse();
        assert!(messages == numbers.into_iter().map(message).collect::<Vec<_>>(), "{account}: messages");
    }
    store.close().await;
}

async fn messages(store: &SqliteStore, account: &AccountId) -> Vec<MessageRecord> {
    let (mut query, mut found) = (MessageQuery { limit: 500, ..Default::default() }, Vec::new());
    loop {
        let page = store.messages(account, &query).await.unwrap();
        found.extend(page.messages);
        match page.next {
            Some(next) => query.before = Some(next),
            None => return found,
        }
    }
}

async fn integrity(path: &Path) -> String {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let said = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    said
}

/// Evenly spread numbers, the same in every run; where in a commit the signal arrives is up to the machine.
fn spread(round: u64, range: u64) -> u64 {
    (round.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % (range + 1)
}

#[tokio::test]
async fn a_writer_killed_again_and_again_loses_nothing_it_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    for round in 0..36 {
        let confirmed = Victim::start(&path).kill_after(1 + spread(round, 40));
        check(&path, confirmed).await;
    }
    assert_eq!(integrity(&path).await, "ok");
}

#[tokio::test]
async fn a_file_whose_maker_was_killed_can_be_opened() {
    for round in 0..16 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bot.db");
        let confirmed = Victim::start(&path).kill_after(1 + round % 2);
        check(&path, confirmed).await;
        assert_eq!(integrity(&path).await, "ok");
    }
}
