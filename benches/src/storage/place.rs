//! Where a store is: a file, or a schema on a server.
use std::path::{Path, PathBuf};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::Result;

/// A PostgreSQL server on which this bench may make schemas and databases.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    url: String,
}

/// A store, by its address.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Memory,
    Sqlite { file: PathBuf },
    Postgres { server: Server, schema: String },
}

impl Server {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    /// A schema that no other process uses.
    pub(crate) fn schema(&self, name: &str) -> Place {
        Place::Postgres { server: self.clone(), schema: format!("bench_{}_{name}", std::process::id()) }
    }

    pub(crate) fn options(&self) -> Result<PgConnectOptions> {
        Ok(self.url.parse::<PgConnectOptions>()?.disable_statement_logging().statement_cache_capacity(512))
    }

    /// The address of another database of the server.
    #[cfg(feature = "queues")]
    pub(crate) fn url_of(&self, database: &str) -> Result<String> {
        Ok(self.options()?.database(database).to_url_lossy().into())
    }

    pub(crate) async fn execute(&self, text: String) -> Result<()> {
        let mut connection = self.options()?.connect().await?;
        sqlx::query(AssertSqlSafe(text)).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// One line: its version and how durable it is.
    pub(crate) async fn describe(&self) -> Result<String> {
        let mut connection = self.options()?.connect().await?;
        let mut settings = Vec::new();
        for name in ["server_version", "fsync", "synchronous_commit", "shared_buffers"] {
            let value: String = sqlx::query_scalar("SELECT current_setting($1)")
                .bind(name)
                .fetch_one(&mut connection)
                .await?;
            settings.push(format!("{name} {value}"));
        }
        Ok(format!("PostgreSQL: {}", settings.join(", ")))
    }
}

impl Place {
    pub(crate) fn sqlite(file: &Path) -> Self {
        Self::Sqlite { file: file.to_owned() }
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres { .. } => "PostgreSQL",
        }
    }

    /// For [`whatsapp_store::open`].
    pub(crate) fn address(&self) -> String {
        match self {
            Self::Memory => "memory:".to_owned(),
            Self::Sqlite { file } => format!("sqlite:{}", file.display()),
            Self::Postgres { server, schema } => {
                let separator = if server.url.contains('?') { '&' } else { '?' };
                format!("{}{separator}schema={schema}", server.url)
            }
        }
    }

    /// Drops the schema. A file goes with its folder.
    pub(crate) async fn remove(&self) -> Result<()> {
        if let Self::Postgres { server, schema } = self {
            server.execute(format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await?;
        }
        Ok(())
    }
}

/// A connection of our own to a schema.
pub(crate) fn postgres(server: &Server, schema: &str) -> Result<PgConnectOptions> {
    Ok(server.options()?.options([("search_path", schema)]))
}

/// A connection of our own to a file, as durable as the store's.
pub(crate) fn sqlite(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
}

/// A connection beside the store's.
#[derive(Debug)]
pub(crate) enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Raw {
    pub(crate) async fn connect(place: &Place) -> Result<Option<Self>> {
        Ok(match place {
            Place::Memory => None,
            Place::Sqlite { file } => Some(Self::Sqlite(sqlite(file).connect().await?)),
            Place::Postgres { server, schema } => {
                Some(Self::Postgres(postgres(server, schema)?.connect().await?))
            }
        })
    }

    pub(crate) async fn execute(&mut self, text: impl Into<String>) -> Result<()> {
        let query = sqlx::raw_sql(AssertSqlSafe(text.into()));
        match self {
            Self::Sqlite(connection) => query.execute(connection).await.map(drop)?,
            Self::Postgres(connection) => query.execute(connection).await.map(drop)?,
        }
        Ok(())
    }

    pub(crate) async fn texts(&mut self, text: &'static str) -> Result<Vec<String>> {
        Ok(match self {
            Self::Sqlite(connection) => sqlx::query_scalar(text).fetch_all(connection).await?,
            Self::Postgres(connection) => sqlx::query_scalar(text).fetch_all(connection).await?,
        })
    }

    pub(crate) async fn close(self) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.close().await?,
            Self::Postgres(connection) => connection.close().await?,
        }
        Ok(())
    }
}
