//! Either database, opened as a store and past it.
use std::sync::Arc;

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use whatsapp_store::{Keyring, Result, Store, open, open_sealed};

use super::Schema;

#[derive(Debug)]
pub(crate) enum Database {
    Sqlite(TempDir),
    Postgres(Schema),
}

impl Database {
    /// A new one of each.
    pub(crate) fn both() -> [Self; 2] {
        [Self::Sqlite(tempfile::tempdir().unwrap()), Self::Postgres(Schema::new())]
    }

    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite://{}", folder.path().join("bot.db").display()),
            Self::Postgres(schema) => schema.url(),
        }
    }

    pub(crate) async fn open(&self) -> Result<Arc<dyn Store>> {
        open(&self.url()).await
    }

    /// Keys as in [`Keyring::parse`]; without keys it opens unsealed.
    pub(crate) async fn open_sealed(&self, keys: &[&str]) -> Result<Arc<dyn Store>> {
        if keys.is_empty() {
            return self.open().await;
        }
        open_sealed(&self.url(), Keyring::parse(&keys.join("\n")).unwrap()).await
    }

    /// Runs a statement past the store: the first on SQLite, the second on PostgreSQL.
    pub(crate) async fn run(&self, sqlite: &str, postgres: &str) {
        match self {
            Self::Sqlite(folder) => {
                let path = folder.path().join("bot.db");
                let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
                let mut connection = options.connect().await.unwrap();
                let statement = AssertSqlSafe(sqlite.to_owned());
                sqlx::query(statement)
                    .execute(&mut connection)
                    .await
                    .unwrap_or_else(|e| panic!("{sqlite}: {e}"));
                connection.close().await.unwrap();
            }
            Self::Postgres(schema) => {
                let mut connection = schema.connect().await;
                let statement = AssertSqlSafe(postgres.to_owned());
                sqlx::query(statement)
                    .execute(&mut connection)
                    .await
                    .unwrap_or_else(|e| panic!("{postgres}: {e}"));
                connection.close().await.unwrap();
            }
        }
    }
}
