//! Single rows that no version of the library has written.
use whatsapp_store::ErrorKind;

use crate::{assert_readable, assert_says, postgres_server::database::Database, read, records};

const MESSAGES: &[&str] = &["message", "messages", "chat", "chats"];
const SESSIONS: &[&str] = &["session", "sessions", "all_sessions"];
const CHATS: &[&str] = &["chat", "chats"];
const ONE_KEY: &str = "1111111111111111111111111111111111111111111111111111111111111111";

/// Exactly these reads fail; all others find their records.
async fn assert_unreadable_after(database: &Database, damage: (&str, &str), what: &[&str], keys: &[&str]) {
    let store = database.open_sealed(keys).await.unwrap();
    store.commit(records()).await.unwrap();
    assert_readable(&store).await;
    database.run(damage.0, damage.1).await;
    for (name, result) in read(&store).await {
        if what.contains(&name) {
            let error = result.expect_err(&format!("{name} after {damage:?}"));
            assert_says(&error, ErrorKind::Corrupt, "");
        } else {
            assert!(result.unwrap(), "{name} after {damage:?}");
        }
    }
    store.close().await;
}

#[tokio::test]
async fn unknown_codes_are_corrupt_and_not_absent() {
    let damages = [
        ("UPDATE message SET status = 77", MESSAGES),
        ("UPDATE message SET status = -1", MESSAGES),
        ("UPDATE message SET source = 0", MESSAGES),
        ("UPDATE message SET content = '{'", MESSAGES),
        ("UPDATE message SET media = '[1'", MESSAGES),
        ("UPDATE session SET desired = 9", SESSIONS),
        ("UPDATE session SET observed = 300", SESSIONS),
        ("UPDATE session SET observed_at = NULL", SESSIONS),
        ("UPDATE outgoing SET state = 77", &["outgoing"]),
        ("UPDATE chat SET unread = -1", CHATS),
    ];
    for (damage, what) in damages {
        for database in Database::both() {
            assert_unreadable_after(&database, (damage, damage), what, &[]).await;
        }
    }
}

#[tokio::test]
async fn malformed_sealed_values_are_corrupt_and_not_absent() {
    let columns = [
        ("device", "state", &["device"][..]),
        ("signal", "value", &["signal"]),
        ("outgoing", "payload", &["outgoing"]),
        ("message", "media_secret", MESSAGES),
    ];
    // Empty, of a kind that there is not, and sealed but far too short.
    for hex in ["", "09", "0100"] {
        for (table, column, what) in columns {
            let sqlite = format!("UPDATE {table} SET {column} = x'{hex}'");
            let postgres = format!("UPDATE {table} SET {column} = decode('{hex}', 'hex')");
            for database in Database::both() {
                assert_unreadable_after(&database, (&sqlite, &postgres), what, &[]).await;
            }
        }
    }
}

#[tokio::test]
async fn changed_sealed_values_are_corrupt() {
    let swap = "UPDATE signal SET value = (SELECT value FROM signal WHERE id = 'other') WHERE id = 'k'";
    let cut = "UPDATE device SET state = substr(state, 1, length(state) - 1)";
    let tag = (
        "UPDATE outgoing SET payload = CAST(substr(payload, 1, length(payload) - 16) || zeroblob(16) AS BLOB)",
        "UPDATE outgoing SET payload = substr(payload, 1, length(payload) - 16) || decode(repeat('00', 16), 'hex')",
    );
    // Nor can an attacker put a plain value in place of a sealed one.
    for (damage, what) in [((swap, swap), "signal"), ((cut, cut), "device"), (tag, "outgoing")] {
        for database in Database::both() {
            assert_unreadable_after(&database, damage, &[what], &[ONE_KEY]).await;
        }
    }
}
