//! An embedded SQLite file: one writer, a few readers, write-ahead log, every commit synced to disk.
mod error;
mod read;
mod write;

use std::{path::Path, time::Duration};

use sqlx::{
    SqlStr, SqlitePool,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use self::error::{opening, reading};
use crate::{Error, ErrorKind, Result};

/// How long a connection waits for another process's lock.
const BUSY: Duration = Duration::from_secs(5);
const READERS: u32 = 4;

/// Numbered as in `migrations/sqlite`; the same numbers on every backend.
const MIGRATIONS: [(i64, &str, &str); 1] =
    [(1, "first", include_str!("../../migrations/sqlite/0001_first.sql"))];

/// A store in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    writer: SqlitePool,
}

impl SqliteStore {
    /// Opens a file, and makes it if it is not there. On Unix only its owner may read it.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] when it cannot be opened, [`ErrorKind::Corrupt`] when it is no database,
    /// [`ErrorKind::NewerSchema`] when a newer version of this library wrote it.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        make_private(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await;
        let writer = writer.map_err(opening)?;
        migrate(&writer).await?;
        let readers =
            SqlitePoolOptions::new().max_connections(READERS).connect_with(options.read_only(true)).await;
        Ok(Self { readers: readers.map_err(opening)?, writer })
    }
}

async fn migrate(pool: &SqlitePool) -> Result<()> {
    let known: Option<(i64,)> =
        sqlx::query_as("SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'")
            .fetch_optional(pool)
            .await
            .map_err(opening)?;
    if known.is_some_and(|(count,)| count > 0) {
        let newest: Option<(i64,)> = sqlx::query_as("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
            .fetch_optional(pool)
            .await
            .map_err(reading)?;
        if newest.is_some_and(|(newest,)| newest > MIGRATIONS[MIGRATIONS.len() - 1].0) {
            return Err(Error::new(ErrorKind::NewerSchema, "opening the SQLite file"));
        }
    }
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, SqlStr::from_static(sql), false)
    });
    let migrator = Migrator::with_migrations(migrations.to_vec());
    migrator.run(pool).await.map_err(|error| {
        Error::new(ErrorKind::Corrupt, "preparing the tables of the SQLite file").because(error)
    })
}

/// Makes the file with an owner's rights only, before SQLite would make it with everybody's.
fn make_private(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) => {
            let kind = match error.kind() {
                std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::StorageFull => ErrorKind::Full,
                _ => ErrorKind::Unreachable,
            };
            Err(Error::new(kind, "opening the SQLite file").because(error))
        }
    }
}
