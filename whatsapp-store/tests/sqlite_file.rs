//! The SQLite file as a user meets it: opened again, damaged, foreign, newer, read-only, in use.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
use std::{fs, path::Path};

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use whatsapp_store::{
    AccountId, Change, Changes, Content, DesiredState, DeviceRecord, DeviceStore, Error, ErrorKind,
    MessageKey, MessageQuery, MessageRecord, MessageStatus, OutgoingMessage, OutgoingState, PersonAddress,
    PersonRecord, SessionRecord, SignalKey, SignalKind, Source, Store, open, sqlite::SqliteStore,
};

fn account() -> AccountId {
    "a".parse().unwrap()
}

fn device() -> DeviceRecord {
    DeviceRecord { jid: Some("1:2@s.whatsapp.net".into()), lid: None, state: b"\0keys\xff".to_vec().into() }
}

fn changes(list: impl IntoIterator<Item = Change>) -> Changes {
    Changes { list: list.into_iter().collect(), ..Changes::new(account()) }
}

async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn run(path: &Path, statement: &'static str) {
    let mut connection = raw(path).await;
    sqlx::query(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn refusal(path: &Path) -> Error {
    SqliteStore::open(path).await.unwrap_err()
}

#[tokio::test]
async fn a_file_opened_again_holds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    let (a, key) = (account(), SignalKey::new(SignalKind::PreKey, "7"));
    let outgoing = OutgoingMessage {
        id: "o".into(),
        chat: "c".into(),
        payload: b"p".to_vec().into(),
        state: OutgoingState::Queued,
        created_at: 5,
    };
    let message = |id: &str| MessageRecord {
        key: MessageKey { chat: "c".into(), sender: "s".into(), id: id.into() },
        from_me: true,
        timestamp: 9,
        content: Content::text("hello"),
        edited_at: None,
        status: MessageStatus::Sent,
        source: Source::Live,
        push_name: Some("Ann".into()),
        quoted: None,
        media: None,
    };
    let session = SessionRecord {
        id: a.clone(),
        name: "Shop".into(),
        desired: DesiredState::Running,
        created_at: 3,
        updated_at: 4,
        observed: None,
    };
    let person = PersonRecord { pn: Some("20".into()), lid: Some("10".into()), state: b"p".to_vec().into() };
    let list = [
        Change::PutDevice(device()),
        Change::PutSignal(key.clone(), b"v".to_vec().into()),
        Change::PutPerson(person.clone()),
        Change::PutOutgoing(outgoing.clone()),
        Change::PutMessage(message("1")),
        Change::PutSession(session.clone()),
    ];
    let store = SqliteStore::open(&path).await.unwrap();
    store.commit(changes(list)).await.unwrap();
    // Three ways to release the file: dropped, closed, and closed through the trait.
    drop(store);
    let store = SqliteStore::open(&path).await.unwrap();
    store.commit(changes([Change::PutMessage(message("2"))])).await.unwrap();
    store.close().await;
    assert!(!folder.path().join("bot.db-wal").exists(), "the log is folded into the file");
    let url = format!("sqlite://{}", path.display());
    open(&url).await.unwrap().close().await;

    let store = open(&url).await.unwrap();
    assert_eq!(store.device(&a).await.unwrap(), Some(device()));
    assert_eq!(store.signal(&a, &[key]).await.unwrap(), [Some(b"v".to_vec().into())]);
    assert_eq!(store.people(&a, &[PersonAddress::Pn("20".into())]).await.unwrap(), [Some(person)]);
    assert_eq!(store.queued(&a, 10).await.unwrap(), [outgoing]);
    let page = store.messages(&a, &MessageQuery::default()).await.unwrap();
    assert_eq!(page.messages, [message("2"), message("1")]);
    assert_eq!(store.all_sessions().await.unwrap(), [session]);
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_corrupt_and_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    for text in ["hello".to_owned(), "not a database, but long enough to be one. ".repeat(500)] {
        fs::write(&path, &text).unwrap();
        let error = refusal(&path).await;
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[tokio::test]
async fn an_empty_file_becomes_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    fs::write(&path, "").unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.device(&account()).await.unwrap(), None);
}

#[tokio::test]
async fn the_database_of_another_program_is_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    run(&path, "CREATE TABLE session (id TEXT)").await;
    let before = fs::read(&path).unwrap();
    let error = refusal(&path).await;
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_file_cut_short_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let big = DeviceRecord { state: vec![1; 200_000].into(), ..device() };
    store.commit(changes([Change::PutDevice(big)])).await.unwrap();
    store.close().await;
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    let result = match SqliteStore::open(&path).await {
        Ok(store) => store.device(&account()).await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_newer_schema_asks_for_a_newer_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    SqliteStore::open(&path).await.unwrap().close().await;
    run(
        &path,
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES (9999, 'from the future', TRUE, x'00', 0)",
    )
    .await;
    let before = fs::read(&path).unwrap();
    let error = refusal(&path).await;
    assert_eq!(error.kind(), ErrorKind::NewerSchema);
    assert!(error.to_string().contains("update this program"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn tables_of_a_changed_migration_are_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    SqliteStore::open(&path).await.unwrap().close().await;
    run(&path, "UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").await;
    assert_eq!(refusal(&path).await.kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_folder_that_is_missing_or_a_file_that_is_a_folder_is_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing/bot.db"), folder.path().to_owned(), folder.path().join("..")] {
        let error = refusal(&path).await;
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{}: {error}", path.display());
    }
}

#[tokio::test]
async fn a_second_store_of_the_same_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    let link = folder.path().join("link.db");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&path, &link).unwrap();
    #[cfg(not(unix))]
    let link = path.clone();
    let first = SqliteStore::open(&path).await.unwrap();
    let clone = first.clone();
    drop(first);
    let (again, by_another_name) = tokio::join!(refusal(&path), refusal(&link));
    for error in [again, by_another_name] {
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::InUse, false), "{error}");
    }
    clone.commit(changes([Change::PutDevice(device())])).await.unwrap();
    // Other programs may look.
    let mut other = raw(&path).await;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM device").fetch_one(&mut other).await.unwrap();
    assert_eq!(count, 1);
    drop(clone);
    SqliteStore::open(&path).await.unwrap();
}

#[tokio::test]
async fn urls_name_backends() {
    let kind = async |url: &str| open(url).await.map(drop).map_err(|error| error.kind());
    assert_eq!(kind("memory:").await, Ok(()));
    assert_eq!(kind("memory://").await, Ok(()));
    for url in [
        "",
        "bot.db",
        "redis://x",
        "memory:x",
        "sqlite:",
        "sqlite://",
        "sqlite::memory:",
        "sqlite://a?mode=ro",
    ] {
        assert_eq!(kind(url).await, Err(ErrorKind::UnknownBackend), "{url}");
    }
    let said = open("redis://x").await.unwrap_err().to_string();
    assert!(said.contains("memory:") && said.contains("sqlite://path"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    for (scheme, name) in [("sqlite:", "a.db"), ("sqlite://", "b c%20d#e.db"), ("sqlite://", "file:é")] {
        let path = folder.path().join(name);
        assert_eq!(kind(&format!("{scheme}{}", path.display())).await, Ok(()));
        assert!(path.exists(), "{}", path.display());
    }
}

#[cfg(unix)]
mod rights {
    use std::{
        env,
        os::unix::{
            fs::{MetadataExt, PermissionsExt},
            process::CommandExt,
        },
        process::Command,
    };

    use super::*;

    #[tokio::test]
    async fn only_the_owner_may_read_what_the_store_makes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bot.db");
        let store = SqliteStore::open(&path).await.unwrap();
        store.commit(changes([Change::PutDevice(device())])).await.unwrap();
        let mut names = Vec::new();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().mode() & 0o777, 0o600, "{:?}", entry.file_name());
            names.push(entry.file_name().into_string().unwrap());
        }
        names.sort_unstable();
        assert_eq!(names, ["bot.db", "bot.db-lock", "bot.db-shm", "bot.db-wal"]);
    }

    const OPENED: &str = "WHATSAPP_STORE_TEST_OPENED";

    /// The child of the tests below: says how opening ends for it.
    #[tokio::test]
    #[ignore = "run by others, as a user without privileges"]
    async fn opening_by_somebody() {
        let path = env::var(OPENED).unwrap();
        match SqliteStore::open(path).await {
            Ok(_) => println!("opened"),
            Err(error) => println!("refused: {:?}", error.kind()),
        }
    }

    /// Permissions bind every user but root. As root, the test therefore runs a copy of this program as user 65534, from a folder
    /// that this user can enter.
    fn how_it_opens(path: &Path) -> String {
        let open_to_all = fs::Permissions::from_mode(0o755);
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), open_to_all.clone()).unwrap();
        let program = place.path().join("test");
        fs::copy(env::current_exe().unwrap(), &program).unwrap();
        fs::set_permissions(&program, open_to_all).unwrap();
        let mut child = Command::new(program);
        child.args(["--exact", "rights::opening_by_somebody", "--ignored", "--nocapture"]).env(OPENED, path);
        let root = fs::metadata(path.parent().unwrap()).unwrap().uid() == 0;
        if root {
            child.uid(65534).gid(65534);
        }
        let output = String::from_utf8(child.output().unwrap().stdout).unwrap();
        let said = output.lines().find(|line| line.starts_with("opened") || line.starts_with("refused"));
        said.unwrap_or_else(|| panic!("the child said {output:?}")).to_owned()
    }

    async fn made(mode_of_file: u32, mode_of_folder: u32) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bot.db");
        SqliteStore::open(&path).await.unwrap().close().await;
        fs::remove_file(folder.path().join("bot.db-lock")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode_of_file)).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode_of_folder)).unwrap();
        folder
    }

    #[tokio::test]
    async fn a_read_only_folder_is_unreachable() {
        let folder = made(0o666, 0o555).await;
        assert_eq!(how_it_opens(&folder.path().join("bot.db")), "refused: Unreachable");
        assert_eq!(how_it_opens(&folder.path().join("new.db")), "refused: Unreachable");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(how_it_opens(&folder.path().join("new.db")), "opened");
    }

    #[tokio::test]
    async fn a_read_only_file_is_full() {
        let folder = made(0o444, 0o777).await;
        assert_eq!(how_it_opens(&folder.path().join("bot.db")), "refused: Full");
    }
}
