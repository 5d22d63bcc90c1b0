//! One SQLite file.
//!
//! - Writes go through one connection, owned by one task. Commits that wait while it is busy share a transaction, and
//!   so one sync to disk. Each of them still succeeds or fails alone.
//! - Reads use a few separate connections. The write-ahead log lets them continue during a write.
//! - A confirmed commit has been synced (`synchronous = FULL`): it survives a power loss, as far as the disk honours
//!   syncs.
//! - Only their owner can read the file, its log and its lock (`-wal`, `-shm` and `-lock` beside it), where
//!   this store makes them.
//! - **One store per file.** Two hosts that advance the same ratchets would break every conversation, so an open store
//!   holds a lock on `<file>-lock`, and a second one is refused with [`ErrorKind::InUse`]. The system frees the lock
//!   when the process ends, however it ends. Other programs may read the file meanwhile, and make copies with
//!   SQLite's backup functions or `VACUUM INTO`; a plain copy of the file lacks the contents of the log.
//! - Text from strangers may hold U+0000. SQLite keeps it, but its own text functions stop there.
pub(crate) mod error;
mod file;
mod schema;
mod writer;

#[cfg(test)]
mod tests;

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use sqlx::{
    ConnectOptions, Connection as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Notify;

use self::{file::FileLock, writer::Writer};
use crate::{
    Changes, Keyring, Result,
    sql::{self, Dialect, Row, Sql, Statement, Vault, Work},
};
#[cfg(doc)]
use crate::{ErrorKind, Store};

/// How long a connection waits for another program's lock on the file.
const BUSY: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(5) };
/// Enough to keep two cores reading; each is a thread with a page cache.
const READERS: u32 = 4;

/// A store in one SQLite file. Clones share it.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    writer: Writer,
    vault: Vault,
}

impl SqliteStore {
    /// Opens a file, creates it if it does not exist, and brings its tables up to date. Call it within a tokio runtime, which
    /// must live as long as the store is written to. If another store has the file open, this waits two seconds for it
    /// to close.
    ///
    /// # Errors
    /// - [`ErrorKind::Unreachable`]: it cannot be opened; the folder must exist and be writable.
    /// - [`ErrorKind::InUse`]: another store has it open.
    /// - [`ErrorKind::Corrupt`]: it is not a database, or it belongs to another program. It stays unchanged.
    /// - [`ErrorKind::NewerSchema`]: a newer version of this library wrote it. It stays unchanged.
    /// - [`ErrorKind::Full`]: the file is read-only or the disk is full.
    /// - [`ErrorKind::WrongKey`]: its secrets are sealed; use [`SqliteStore::open_sealed`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(path.as_ref(), options(), Keyring::default()).await
    }

    /// As [`SqliteStore::open`], with keys that secrets are sealed with.
    ///
    /// # Errors
    /// As [`SqliteStore::open`], and [`ErrorKind::WrongKey`] when the keys are not those that the file was written with.
    pub async fn open_sealed(path: impl AsRef<Path>, keyring: Keyring) -> Result<Self> {
        Self::open_with(path.as_ref(), options(), keyring).await
    }

    async fn open_with(path: &Path, options: SqliteConnectOptions, keyring: Keyring) -> Result<Self> {
        let path = file::resolve(path)?;
        let lock = FileLock::take(&path).await?;
        file::make_private(&path)?;
        let options = options.filename(&path);
        let mut connection = options.connect().await.map_err(error::opening)?;
        let vault = Vault::new(keyring);
        if let Err(error) = schema::prepare(&mut connection, &vault).await {
            // Why it could not be closed is of less interest than why it had to be.
            let _ = connection.close().await;
            return Err(error);
        }
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options.pragma("query_only", "ON"));
        Ok(Self { readers, writer: Writer::start(connection, lock, vault.clone()), vault })
    }
}

#[async_trait]
impl Sql for SqliteStore {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn vault(&self) -> &Vault {
        &self.vault
    }

    fn hints(&self) -> &Notify {
        self.writer.events()
    }

    async fn fetch(&self, statement: Statement<'_>) -> Result<Vec<Row>> {
        let rows = sql::sqlite(statement, &self.vault)?.fetch_all(&self.readers).await;
        Ok(rows.map_err(error::reading)?.into_iter().map(Row::Sqlite).collect())
    }

    async fn write(&self, changes: Changes) -> Result<()> {
        self.writer.commit(changes).await
    }

    async fn call(&self, work: Work) -> Result<()> {
        self.writer.call(work).await
    }

    async fn shut(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .busy_timeout(BUSY)
        .synchronous(SqliteSynchronous::Full)
        // macOS: a sync that reaches the disk itself. Without effect elsewhere.
        .pragma("fullfsync", "ON")
        .pragma("checkpoint_fullfsync", "ON")
        // Overwrites deleted keys where that costs no extra write.
        .pragma("secure_delete", "FAST")
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "-8192")
        .row_buffer_size(1024)
        // Shrinks the log after a burst.
        .pragma("journal_size_limit", "67108864")
        .disable_statement_logging()
}
