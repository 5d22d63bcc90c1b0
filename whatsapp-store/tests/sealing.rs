//! Secrets at rest: nowhere in plain, and their key can be changed while the program runs.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod postgres_server;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use postgres_server::database::Database;
use sqlx::AssertSqlSafe;
use whatsapp_store::{
    AccountId, AppStateChange, Change, Changes, Content, DeviceRecord, EndpointRecord, ErrorKind, MediaRef,
    MessageKey, MessageRecord, MessageStatus, OutgoingMessage, OutgoingState, Result, SettingChange,
    SignalKey, SignalKind, Source, Store, WebhookChange,
};

const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222222222222222222222222222";
/// Stands in every secret.
const MARKER: &str = "NOBODY-MAY-READ-THIS";

fn account(number: u64) -> AccountId {
    format!("shop/account-{}", number % 3).parse().unwrap()
}

fn secret(number: u64) -> Bytes {
    format!("{MARKER} {number} {}", "x".repeat(number as usize % 50 * 20)).into()
}

fn key(number: u64) -> SignalKey {
    SignalKey::new(SignalKind::Session, number.to_string())
}

fn message(number: u64) -> MessageRecord {
    MessageRecord {
        key: MessageKey { chat: "c".into(), sender: "s".into(), id: number.to_string() },
        from_me: false,
        timestamp: 1,
        content: Content::text("hello"),
        edited_at: None,
        status: MessageStatus::Delivered,
        source: Source::Live,
        push_name: None,
        quoted: None,
        media: Some(MediaRef { secret: secret(number), ..MediaRef::default() }),
    }
}

fn outgoing(number: u64) -> OutgoingMessage {
    OutgoingMessage {
        id: number.to_string(),
        chat: "c".into(),
        payload: secret(number),
        state: OutgoingState::Queued,
        created_at: 1,
    }
}

fn endpoint(number: u64) -> EndpointRecord {
    EndpointRecord {
        id: number.to_string(),
        url: "https://example.com".into(),
        secret: secret(number),
        topics: vec![],
        enabled: true,
        created_at: 1,
        updated_at: 1,
        failing_since: None,
        description: String::new(),
    }
}

/// A secret of every kind.
fn changes(number: u64) -> Changes {
    let id = Bytes::copy_from_slice(&number.to_be_bytes());
    let mut changes = Changes::new(account(number));
    changes
        .push(Change::PutSignal(key(number), secret(number)))
        .push(Change::PutDevice(DeviceRecord { jid: None, lid: None, state: secret(number) }))
        .push(Change::PutOutgoing(outgoing(number)))
        .push(Change::PutMessage(message(number)))
        .push(AppStateChange::PutKey { id, key: secret(number) })
        .push(WebhookChange::PutEndpoint(endpoint(number)))
        .push(SettingChange::Put { name: number.to_string(), value: secret(number) })
        .push(SettingChange::Seed { name: format!("seeded {number}"), value: secret(number) });
    changes
}

async fn assert_there(store: &dyn Store, number: u64) {
    let a = account(number);
    assert_eq!(store.signal(&a, &[key(number)]).await.unwrap(), [Some(secret(number))]);
    assert!(store.outgoing(&a, &number.to_string()).await.unwrap() == Some(outgoing(number)));
    assert!(store.message(&a, &message(number).key).await.unwrap() == Some(message(number)));
    let found = store.app_state_key(&a, &number.to_be_bytes()).await.unwrap();
    assert_eq!(found, Some(secret(number)));
    let found = store.endpoint(a.workspace(), &number.to_string()).await.unwrap();
    // Written twice, it has another revision.
    let updated_at = 1;
    assert!(found.map(|found| EndpointRecord { updated_at, ..found }) == Some(endpoint(number)));
    for name in [number.to_string(), format!("seeded {number}")] {
        assert!(store.setting(a.workspace(), &name).await.unwrap() == Some(secret(number)));
    }
}

async fn assert_all_there(store: &dyn Store, count: u64) {
    for number in 0..count {
        assert_there(store, number).await;
    }
    for number in count.saturating_sub(3)..count {
        let device = store.device(&account(number)).await.unwrap();
        assert_eq!(device.unwrap().state, secret(number));
    }
}

/// Reseals until nothing is left to do. Returns how many values were resealed.
async fn reseal_all(store: &dyn Store, limit: u32) -> u64 {
    let mut all = 0;
    loop {
        match store.reseal(limit).await.unwrap() {
            0 => return all,
            count => all += count,
        }
    }
}

/// Everything that is stored, as raw text.
async fn dump(database: &Database) -> Vec<u8> {
    match database {
        Database::Sqlite(folder) => {
            let files = ["bot.db", "bot.db-wal"].map(|name| fs::read(folder.path().join(name)));
            files.into_iter().filter_map(std::io::Result::ok).flatten().collect()
        }
        Database::Postgres(schema) => {
            let mut connection = schema.connect().await;
            let tables: Vec<String> = sqlx::query_scalar(
                "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()",
            )
            .fetch_all(&mut connection)
            .await
            .unwrap();
            let mut all = String::new();
            for table in tables {
                let rows = AssertSqlSafe(format!("SELECT CAST(t AS TEXT) FROM {table} t"));
                let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&mut connection).await.unwrap();
                all.extend(rows);
            }
            all.into_bytes()
        }
    }
}

/// As text, or in hexadecimal digits, which is how PostgreSQL shows bytes.
fn holds_the_marker(dump: &[u8]) -> bool {
    let hex: String = MARKER.bytes().map(|byte| format!("{byte:02x}")).collect();
    [MARKER.as_bytes(), hex.as_bytes()].iter().any(|what| dump.windows(what.len()).any(|part| part == *what))
}

fn assert_wrong_key(result: Result<Arc<dyn Store>>) {
    let error = result.expect_err("it must not open");
    assert_eq!(error.kind(), ErrorKind::WrongKey, "{error}");
    let said = error.to_string();
    let id = said.split_once("with the id ").and_then(|(_, rest)| rest.get(..16));
    assert!(id.is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit())), "{said}");
}

#[tokio::test]
async fn no_secret_is_stored_in_plain() {
    for database in Database::both() {
        for keys in [&[][..], &[OLD]] {
            let store = database.open_sealed(keys).await.unwrap();
            // Values that are written twice are checked too, for the rows that they replace.
            for number in (0..40).chain(0..40) {
                store.commit(changes(number)).await.unwrap();
            }
            assert_all_there(&*store, 40).await;
            let before = dump(&database).await;
            store.close().await;
            let after = dump(&database).await;
            // Without a key the search finds the secret, which proves that the search works.
            assert_eq!([&before, &after].map(|dump| holds_the_marker(dump)), [keys.is_empty(); 2]);
            if keys.is_empty() {
                clear(&database).await;
            }
        }
    }
}

/// Removes what was written in plain text.
async fn clear(database: &Database) {
    match database {
        Database::Sqlite(folder) => fs::remove_file(folder.path().join("bot.db")).unwrap(),
        Database::Postgres(schema) => {
            let drop = format!("DROP SCHEMA {} CASCADE", schema.name);
            database.run("", &drop).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_changed_while_commits_go_on() {
    for database in Database::both() {
        let store = database.open_sealed(&[OLD]).await.unwrap();
        for number in 0..240 {
            store.commit(changes(number)).await.unwrap();
        }
        store.close().await;
        // The new one behind the old: it may be read, and nothing is written with it.
        let store = database.open_sealed(&[OLD, NEW]).await.unwrap();
        assert_eq!(store.reseal(10).await.unwrap(), 0);
        store.commit(changes(240)).await.unwrap();
        store.close().await;
        database.open_sealed(&[OLD]).await.unwrap().close().await;

        let store = database.open_sealed(&[NEW, OLD]).await.unwrap();
        let (resealed, count) = reseal_while_committing(&store, &database).await;
        assert!(resealed > 100, "{resealed} values were sealed anew");
        store.close().await;

        assert_wrong_key(database.open_sealed(&[OLD]).await);
        assert_wrong_key(database.open_sealed(&[]).await);
        let store = database.open_sealed(&[NEW]).await.unwrap();
        assert_all_there(&*store, count).await;
        assert!(!holds_the_marker(&dump(&database).await));
        store.close().await;
    }
}

/// Reseals everything while tasks write new rows and rewrite old ones, in this store and, where possible, in another.
/// Returns how many values were resealed, and how many commits there are in the end.
async fn reseal_while_committing(store: &Arc<dyn Store>, database: &Database) -> (u64, u64) {
    let other = match database {
        Database::Sqlite(_) => None,
        Database::Postgres(_) => Some(database.open_sealed(&[NEW, OLD]).await.unwrap()),
    };
    let (enough, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(241)));
    let stores = [store.clone(), other.as_ref().unwrap_or(store).clone()];
    let tasks = stores.map(|store| {
        let (enough, next) = (enough.clone(), next.clone());
        tokio::spawn(async move {
            while !enough.load(SeqCst) {
                let number = next.fetch_add(1, SeqCst);
                store.commit(changes(number)).await.unwrap();
                // Existing values are rewritten once more: all of them in one commit, in one order or the other.
                let mut again = Changes::new(account(number));
                for place in 0..5 {
                    let mut rewritten = changes((number + 3 * 17 * place) % 240).list;
                    rewritten.remove(1);
                    again.list.extend(rewritten);
                }
                if number.is_multiple_of(2) {
                    again.list.reverse();
                }
                store.commit(again).await.unwrap();
            }
        })
    });
    let resealed = reseal_all(&**store, 10).await;
    enough.store(true, SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    // The last commit decides the device.
    for number in next.load(SeqCst)..next.load(SeqCst) + 3 {
        store.commit(changes(number)).await.unwrap();
    }
    assert_eq!(store.reseal(10).await.unwrap(), 0);
    if let Some(other) = other {
        other.close().await;
    }
    (resealed, next.load(SeqCst) + 3)
}

#[tokio::test]
async fn sealing_is_switched_on_and_off() {
    for database in Database::both() {
        let store = database.open_sealed(&[]).await.unwrap();
        for number in 0..30 {
            store.commit(changes(number)).await.unwrap();
        }
        store.close().await;
        assert!(holds_the_marker(&dump(&database).await));

        let store = database.open_sealed(&[NEW]).await.unwrap();
        assert_all_there(&*store, 30).await;
        store.commit(changes(30)).await.unwrap();
        assert!(reseal_all(&*store, 50).await > 100);
        assert_all_there(&*store, 31).await;
        store.close().await;
        assert_wrong_key(database.open_sealed(&[]).await);
        if let Database::Sqlite(_) = &database {
            // SQLite keeps freed pages until they are needed again.
            database.run("VACUUM", "").await;
        }
        assert!(!holds_the_marker(&dump(&database).await), "a secret of before is still there in plain");
    }
}
