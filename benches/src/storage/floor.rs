//! The floor: the same message row and event row, inserted by two plain statements in a transaction through sqlx.
//!
//! It is nobody's product. It has the store's own tables and their indexes without the words, and neither chats nor
//! search nor a hint to readers of events, so that the ratio to it shows what these cost, and what grouping saves.
use sqlx::{
    Executor, PgPool, SqlitePool,
    postgres::{PgArguments, PgPoolOptions},
    query::Query,
    sqlite::{SqliteArguments, SqlitePoolOptions},
};
use whatsapp_store::{AccountId, MessageRecord, NewEvent};

use super::{
    Result,
    place::{Place, Raw, postgres, sqlite},
    sample::{content, event, sample},
};

const MESSAGE: &str = "INSERT INTO message (workspace, account, chat, sender, id, from_me, timestamp, content, \
    status, source, push_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const EVENT: &str = "INSERT INTO event (workspace, account, key, data, at) VALUES ($1, $2, $3, $4, $5)";
/// As many as the store has by default.
const CONNECTIONS: u32 = 10;

#[derive(Clone, Debug)]
pub(super) enum Floor {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Both databases bind alike, but in types of their own.
macro_rules! bind {
    ($message:expr, $event:expr, $account:expr) => {{
        let (message, event, account): (&MessageRecord, NewEvent, &AccountId) = ($message, $event, $account);
        let (workspace, name) = (account.workspace().as_str().to_owned(), account.name().to_owned());
        (
            sqlx::query(MESSAGE)
                .bind(workspace.clone())
                .bind(name.clone())
                .bind(message.key.chat.clone())
                .bind(message.key.sender.clone())
                .bind(message.key.id.clone())
                .bind(i64::from(message.from_me))
                .bind(message.timestamp)
                .bind(content(message))
                .bind(i64::from(message.status.code()))
                .bind(i64::from(message.source.code()))
                .bind(message.push_name.clone()),
            sqlx::query(EVENT).bind(workspace).bind(name).bind(event.key).bind(event.data).bind(event.at),
        )
    }};
}

impl Floor {
    /// Tables of its own beside the store's, which must be there already.
    pub(super) async fn open(place: &Place) -> Result<Option<Self>> {
        let Some(mut raw) = Raw::connect(place).await? else { return Ok(None) };
        let floor = match place {
            Place::Memory => return Ok(None),
            Place::Sqlite { file } => {
                let tables = raw
                    .texts(
                        "SELECT sql FROM sqlite_schema WHERE tbl_name IN ('message', 'event') \
                         AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC",
                    )
                    .await?;
                let options = sqlite(&file.with_extension("floor"));
                let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
                for table in tables {
                    pool.execute(sqlx::query(sqlx::AssertSqlSafe(table))).await?;
                }
                Self::Sqlite(pool)
            }
            Place::Postgres { server, schema } => {
                let own = format!("{schema}_floor");
                raw.execute(format!(
                    "CREATE SCHEMA {own}; CREATE TABLE {own}.message (LIKE message INCLUDING ALL); \
                     ALTER TABLE {own}.message DROP COLUMN words; \
                     CREATE TABLE {own}.event (LIKE event INCLUDING ALL)"
                ))
                .await?;
                let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
                Self::Postgres(pool.connect_with(postgres(server, &own)?).await?)
            }
        };
        raw.close().await?;
        Ok(Some(floor))
    }

    pub(super) async fn insert(&self, account: &AccountId, number: u64) -> Result<()> {
        let message = sample(number).message;
        let event = event(&message);
        match self {
            Self::Sqlite(pool) => {
                let queries: (Query<'_, _, SqliteArguments>, _) = bind!(&message, event, account);
                let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
                queries.0.execute(&mut *transaction).await?;
                queries.1.execute(&mut *transaction).await?;
                transaction.commit().await?;
            }
            Self::Postgres(pool) => {
                let queries: (Query<'_, _, PgArguments>, _) = bind!(&message, event, account);
                let mut transaction = pool.begin().await?;
                queries.0.execute(&mut *transaction).await?;
                queries.1.execute(&mut *transaction).await?;
                transaction.commit().await?;
            }
        }
        Ok(())
    }

    pub(super) async fn remove(&self, place: &Place) -> Result<()> {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
        match place {
            Place::Postgres { server, schema } => {
                server.execute(format!("DROP SCHEMA IF EXISTS {schema}_floor CASCADE")).await
            }
            _ => Ok(()),
        }
    }
}
