//! The owner of the file, and its tables.
use sqlx::{
    SqlStr, SqliteConnection,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::error::{opening, sorted};
use crate::{
    Error, ErrorKind, Result,
    sql::{Connection, Handle, Vault, vault},
};

/// As in `migrations/sqlite`; every backend has the same numbers.
const MIGRATIONS: [(i64, &str, &str); 10] = [
    (1, "messaging", include_str!("../../migrations/sqlite/0001_messaging.sql")),
    (2, "contacts", include_str!("../../migrations/sqlite/0002_contacts.sql")),
    (3, "campaigns", include_str!("../../migrations/sqlite/0003_campaigns.sql")),
    (4, "flows", include_str!("../../migrations/sqlite/0004_flows.sql")),
    (5, "team", include_str!("../../migrations/sqlite/0005_team.sql")),
    (6, "webhooks", include_str!("../../migrations/sqlite/0006_webhooks.sql")),
    (7, "counters", include_str!("../../migrations/sqlite/0007_counters.sql")),
    (8, "audit", include_str!("../../migrations/sqlite/0008_audit.sql")),
    (9, "limits", include_str!("../../migrations/sqlite/0009_limits.sql")),
    (10, "edits", include_str!("../../migrations/sqlite/0010_edits.sql")),
];

/// Stands in the header of our files; the first migration sets it.
const APPLICATION_ID: i64 = 0x5761_5374;

/// Makes a fresh connection ready for work. Nothing is written to a file that is not ours.
pub(super) async fn prepare(connection: &mut SqliteConnection, vault: &Vault) -> Result<()> {
    identify(connection).await?;
    let mode: String =
        sqlx::query_scalar("PRAGMA journal_mode = WAL").fetch_one(&mut *connection).await.map_err(opening)?;
    if mode != "wal" {
        let why = "SQLite cannot keep a write-ahead log there";
        return Err(Error::new(ErrorKind::Unreachable, "opening the SQLite file").because(why));
    }
    migrator().run_direct(None, &mut *connection, false).await.map_err(migrating)?;
    // When nothing is left to migrate, only the first commit would notice a read-only file. BEGIN IMMEDIATE does
    // not notice it either: it becomes a read transaction.
    sqlx::query("UPDATE device SET state = state WHERE FALSE")
        .execute(&mut *connection)
        .await
        .map_err(opening)?;
    vault::admit(&mut Connection { handle: Handle::Sqlite(connection), vault }).await
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, SqlStr::from_static(sql), false)
    });
    Migrator::with_migrations(migrations.into())
}

/// Ours carry our mark; one without any table is new, or was left so by a crash while it was made.
async fn identify(connection: &mut SqliteConnection) -> Result<()> {
    let id: i64 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await.map_err(opening)?;
    let others: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE tbl_name <> '_sqlx_migrations'")
            .fetch_one(connection)
            .await
            .map_err(opening)?;
    if id == APPLICATION_ID || (id == 0 && others == 0) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Corrupt, "opening the SQLite file")
        .because("it is the database of another program"))
}

fn migrating(error: MigrateError) -> Error {
    const DOING: &str = "preparing the tables of the SQLite file";
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => sorted(DOING, error),
        MigrateError::VersionMissing(_) => Error::new(ErrorKind::NewerSchema, DOING).because(error),
        error => Error::new(ErrorKind::Corrupt, DOING).because(error),
    }
}
