//! Failures of SQLite itself in the middle of the work, which only show from within.
use sqlx::SqliteConnection;
use tempfile::TempDir;

use super::*;
use crate::{
    AccountId, Change, Changes, Content, Error, ErrorKind, MessageKey, MessageQuery, MessageRecord,
    MessageStatus, MessageStore, SignalKey, SignalKind, SignalStore, Source, Store,
};

struct Files {
    folder: TempDir,
    store: SqliteStore,
}

impl Files {
    async fn with(options: SqliteConnectOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store =
            SqliteStore::open_with(&folder.path().join("a.db"), options, Keyring::default()).await.unwrap();
        Self { folder, store }
    }

    async fn new() -> Self {
        Self::with(options()).await
    }

    /// Another program that has the file open.
    async fn aside(&self) -> SqliteConnection {
        let path = self.folder.path().join("a.db");
        SqliteConnectOptions::new().filename(path).connect().await.unwrap()
    }
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) {
    sqlx::query(statement).execute(connection).await.unwrap();
}

fn account() -> AccountId {
    "a".parse().unwrap()
}

fn put(id: &str, size: usize) -> Change {
    Change::PutSignal(SignalKey::new(SignalKind::Session, id), vec![7; size].into())
}

fn message(id: &str) -> MessageRecord {
    MessageRecord {
        key: MessageKey { chat: "c".into(), sender: "s".into(), id: id.into() },
        from_me: false,
        timestamp: 0,
        content: Content::text("t"),
        edited_at: None,
        status: MessageStatus::Delivered,
        source: Source::Live,
        push_name: None,
        quoted: None,
        media: None,
    }
}

fn changes(list: impl IntoIterator<Item = Change>) -> Changes {
    Changes { list: list.into_iter().collect(), ..Changes::new(account()) }
}

async fn ids(store: &SqliteStore) -> Vec<String> {
    store.signal_ids(&account(), SignalKind::Session).await.unwrap()
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error: Error| error.kind())
}

#[tokio::test]
async fn settings_give_durability() {
    let files = Files::new().await;
    let pragma = async |name: &'static str| -> i64 {
        sqlx::query_scalar(name).fetch_one(&files.store.readers).await.unwrap()
    };
    assert_eq!(pragma("PRAGMA synchronous").await, 2, "FULL");
    assert_eq!(pragma("PRAGMA query_only").await, 1);
    let mode: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&files.store.readers).await.unwrap();
    assert_eq!(mode, "wal");
}

/// A trigger stands for any cause that makes SQLite refuse a statement. ROLLBACK ends the whole transaction, as a full disk
/// may; ABORT ends only the statement.
#[tokio::test]
async fn a_failed_statement_fails_only_its_commit() {
    for refusal in [
        "CREATE TRIGGER t BEFORE INSERT ON signal WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
        "CREATE TRIGGER t BEFORE INSERT ON signal WHEN NEW.id = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
    ] {
        let files = Files::new().await;
        execute(&mut files.aside().await, refusal).await;
        let commits = (0..40).map(|number| {
            let store = files.store.clone();
            let middle = if number % 4 == 0 { "bad".to_owned() } else { format!("{number:02} middle") };
            let list = [
                put(&format!("{number:02} first"), 1),
                put(&middle, 1),
                put(&format!("{number:02} last"), 1),
            ];
            tokio::spawn(async move { (number, kind(store.commit(changes(list)).await)) })
        });
        for commit in commits.collect::<Vec<_>>() {
            let (number, failed) = commit.await.unwrap();
            assert_eq!(failed, (number % 4 == 0).then_some(ErrorKind::Other), "commit {number}");
        }
        let whole = (0..40).filter(|number| number % 4 != 0);
        let expected: Vec<_> =
            whole.flat_map(|n| ["first", "last", "middle"].map(|part| format!("{n:02} {part}"))).collect();
        assert_eq!(ids(&files.store).await, expected);
    }
}

#[tokio::test]
async fn a_full_disk_is_reported_and_new_room_is_used() {
    let files = Files::with(options().pragma("max_page_count", "300")).await;
    let store = &files.store;
    let mut stored = Vec::new();
    let error = loop {
        let id = format!("{:03}", stored.len());
        match store.commit(changes([put(&id, 8_000), put(&format!("{id} too"), 8_000)])).await {
            Ok(()) => stored.extend([id.clone(), format!("{id} too")]),
            Err(error) => break error,
        }
        assert!(stored.len() < 400, "300 pages cannot hold this");
    };
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(stored.len() > 2, "some must have fitted");
    stored.sort_unstable();
    assert_eq!(ids(store).await, stored, "nothing of the one that failed");
    let key = SignalKey::new(SignalKind::Session, &*stored[0]);
    store.commit(changes([Change::DeleteSignal(key)])).await.unwrap();
    store.commit(changes([put("new", 8_000)])).await.unwrap();
}

#[tokio::test]
async fn commits_are_busy_while_another_program_locks_the_file() {
    let files = Files::new().await;
    let mut other = files.aside().await;
    execute(&mut other, "BEGIN IMMEDIATE").await;
    let error = files.store.commit(changes([put("1", 1)])).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Busy, true));
    assert_eq!(ids(&files.store).await, [""; 0], "reads go on");
    execute(&mut other, "ROLLBACK").await;
    files.store.commit(changes([put("1", 1)])).await.unwrap();
    assert_eq!(ids(&files.store).await, ["1"]);
}

#[tokio::test]
async fn damaged_rows_are_errors_and_not_absent() {
    for damage in [
        "UPDATE message SET status = 77",
        "UPDATE message SET status = -1",
        "UPDATE message SET source = 0",
        "UPDATE message SET content = 'hello'",
        "UPDATE message SET push_name = CAST(x'ff' AS TEXT)",
    ] {
        let files = Files::new().await;
        files.store.commit(changes([Change::PutMessage(message("1"))])).await.unwrap();
        execute(&mut files.aside().await, damage).await;
        let one = files.store.message(&account(), &message("1").key).await;
        assert_eq!(kind(one), Some(ErrorKind::Corrupt), "{damage}");
        let page = files.store.messages(&account(), &MessageQuery::default()).await;
        assert_eq!(kind(page), Some(ErrorKind::Corrupt), "{damage}");
    }
}

#[tokio::test]
async fn commits_under_way_finish_before_the_store_closes() {
    let files = Files::new().await;
    let commits: Vec<_> = (0..100)
        .map(|number| {
            let store = files.store.clone();
            tokio::spawn(async move { store.commit(changes([put(&format!("{number:02}"), 1)])).await })
        })
        .collect();
    tokio::task::yield_now().await;
    files.store.close().await;
    files.store.close().await;
    let mut confirmed = Vec::new();
    for (number, commit) in commits.into_iter().enumerate() {
        if commit.await.unwrap().is_ok() {
            confirmed.push(format!("{number:02}"));
        }
    }
    assert!(files.store.commit(changes([put("late", 1)])).await.is_err());
    assert!(files.store.signal_ids(&account(), SignalKind::Session).await.is_err(), "no reads either");
    let again = SqliteStore::open(files.folder.path().join("a.db")).await.unwrap();
    assert_eq!(ids(&again).await, confirmed);
}

/// A search that fell back to reading whole tables would only be noticed when they are large.
#[tokio::test]
async fn reads_go_by_an_index() {
    let files = Files::new().await;
    for statement in sql::reads() {
        let plan = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(plan).fetch_all(&files.store.readers).await.unwrap();
        let details: Vec<_> = rows.into_iter().map(|(_, _, _, detail)| detail).collect();
        let indexed = |detail: &String| detail.contains("INDEX") || detail.contains("PRIMARY KEY");
        assert!(details.iter().any(indexed), "{statement}: {details:?}");
        let slow =
            |detail: &String| detail.contains("TEMP B-TREE") || detail.starts_with("SCAN") && !own(detail);
        assert!(!details.iter().any(slow), "{statement}: {details:?}");
        // Bound by the first column alone, it reads and drops all rows of equal value there, page after page. SQLite does not bind a
        // row's number behind another column: it may stand behind a time, which few rows share.
        if let Some(columns) = compared(statement) {
            let columns: Vec<_> = match columns[..] {
                ["timestamp" | "at", "number"] => vec![columns[0]],
                _ => columns,
            };
            let bound = |detail: &String| columns.iter().all(|column| detail.contains(column));
            assert!(details.iter().any(bound), "{statement}: {columns:?} are not all bound: {details:?}");
        }
    }
}

/// The columns of a comparison such as `(at, number) < ($1, $2)`.
fn compared(statement: &str) -> Option<Vec<&str>> {
    let (before, _) =
        [") > ($", ") < ($", ") >= ($", ") <= ($"].iter().find_map(|sign| statement.split_once(sign))?;
    let (_, columns) = before.rsplit_once('(')?;
    Some(columns.split(", ").map(|column| column.rsplit('.').next().unwrap_or(column)).collect())
}

/// The keys of a batch, which are listed in the statement itself, and rows that it has found before, one by one.
fn own(detail: &str) -> bool {
    ["SCAN wanted", "SCAN known"].iter().any(|own| detail.starts_with(own))
        || detail.contains("CONSTANT ROW")
        || detail.contains("VALUES")
}
