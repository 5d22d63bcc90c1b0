//! PostgreSQL, version 13 or later.
//!
//! - The tables live in their own schema, `whatsapp` unless the address names another. The first opening makes them;
//!   several nodes may open at once.
//! - The pool has ten connections unless the address sets another number, and two more for event hints. A call that gets no
//!   connection within five seconds fails with [`ErrorKind::Busy`]. So does a call whose connection breaks or whose server is
//!   silent for two minutes. The pool then makes new connections by itself.
//! - A confirmed commit is on disk as far as the server's `synchronous_commit` says, which is `on` by default.
//! - Any number of stores may be open on one database. Two that run the same account would break its ratchets, so
//!   take a lease for it ([`LeaseStore`](crate::LeaseStore)) and let its commits carry the fence.
//! - `LISTEN` tells other nodes of new events. It is a hint: without it everything works, only later. A pooler in front of
//!   the server must keep sessions (PgBouncer: session mode, or statements prepared by it).
//! - PostgreSQL's text cannot hold U+0000: it is stored as U+0001 U+0001, and U+0001 as U+0001 U+0002.
pub(crate) mod error;
mod listener;
mod schema;

use std::{str::FromStr, sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::{
    ConnectOptions, Connection as _, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{sync::Notify, time::timeout};

use self::{error::opening, listener::Listener};
use crate::{
    Change, Changes, Error, ErrorKind, Keyring, Result,
    sql::{self, Connection, Dialect, Handle, Row, Sql, Statement, Vault, Work, apply},
};

const CONNECTIONS: u32 = 10;
/// How long a call waits for a free connection, unless the address says otherwise.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the server may take for a call, unless the address sets it. A machine that lost its power closes no connection,
/// and TCP alone would wait for ever.
const DEADLINE: Duration = Duration::from_secs(120);

/// A store in a PostgreSQL database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    deadline: Duration,
    vault: Vault,
    listener: Arc<Listener>,
}

/// The options of an address apart from the server.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    url: String,
    schema: String,
    connections: u32,
    patience: Duration,
    deadline: Duration,
}

impl PostgresStore {
    /// Connects, makes the tables or brings them up to date. The address is
    /// `postgres://user:password@host:port/database`, with these options and those of libpq that sqlx knows
    /// (`sslmode`, `sslrootcert`, `application_name` and more):
    ///
    /// - `schema=name`: where the tables are; `whatsapp` by default.
    /// - `connections=number`: the size of the pool; 10 by default. Two more are for event hints.
    /// - `patience=milliseconds`: how long a call waits for a free connection; 5000 by default.
    /// - `deadline=milliseconds`: how long the server may take for a call; 120000 by default.
    ///
    /// # Errors
    /// - [`ErrorKind::Unreachable`]: no server there, no such database, or no right to it.
    /// - [`ErrorKind::NewerSchema`]: a newer version of this library made the tables. They stay unchanged.
    /// - [`ErrorKind::WrongKey`]: secrets are sealed; use [`PostgresStore::open_sealed`].
    pub async fn open(url: &str) -> Result<Self> {
        Self::open_sealed(url, Keyring::default()).await
    }

    /// As [`PostgresStore::open`], with keys that secrets are sealed with.
    ///
    /// # Errors
    /// As [`PostgresStore::open`], and [`ErrorKind::WrongKey`] when the keys are not those that were used before.
    pub async fn open_sealed(url: &str, keyring: Keyring) -> Result<Self> {
        let Address { url, schema, connections, patience, deadline } = Address::parse(url)?;
        let options = PgConnectOptions::from_str(&url).map_err(opening)?;
        let options = options
            // Compiling one of these statements takes a hundred times as long as running it.
            .options([("search_path", schema.as_str()), ("jit", "off")])
            // More than there are statements, so that each is prepared once per connection.
            .statement_cache_capacity(512)
            .disable_statement_logging();
        let vault = Vault::new(keyring);
        // Not from the pool, which would retry for a while where no server listens.
        let connecting = timeout(patience, options.connect()).await;
        let mut connection = connecting.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(opening)?;
        schema::prepare(&mut connection, &schema, &vault).await?;
        // It has done its work, whatever the result.
        let _ = connection.close().await;
        let pool = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(patience)
                // A broken connection shows by itself. A check before each use would cost a round trip.
                .test_before_acquire(false)
                .connect_lazy_with(options.clone())
        };
        let listener = Arc::new(Listener::start(pool(2), &schema));
        Ok(Self { pool: pool(connections), deadline, vault, listener })
    }

    async fn transaction<T>(&self, work: impl AsyncFnOnce(&mut Connection<'_>) -> Result<T>) -> Result<T> {
        let mut connection = self.pool.acquire().await.map_err(error::writing)?;
        let transaction = async {
            let mut transaction = connection.begin().await.map_err(error::writing)?;
            let mut within = Connection { handle: Handle::Postgres(&mut transaction), vault: &self.vault };
            // An error drops the transaction, which rolls it back.
            let answer = work(&mut within).await?;
            transaction.commit().await.map_err(error::writing)?;
            Ok(answer)
        };
        let answer = timeout(self.deadline, transaction).await;
        answer.unwrap_or_else(|_| Err(given_up(&mut connection, "writing to the PostgreSQL database")))
    }
}

/// A connection with an unfinished answer is useless to other calls.
fn given_up(connection: &mut PoolConnection<Postgres>, doing: &'static str) -> Error {
    connection.close_on_drop();
    Error::new(ErrorKind::Busy, doing).because("the server did not answer in time")
}

impl Address {
    /// Takes our own options out of the query.
    fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &'static str| {
            Error::new(ErrorKind::Unreachable, "reading the address of the database").because(why)
        };
        let milliseconds = |number: &str| {
            let number = number.parse().ok().filter(|number| *number > 0).map(Duration::from_millis);
            number.ok_or_else(|| wrong("`patience` and `deadline` are numbers of milliseconds above 0"))
        };
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let mut address = Self {
            url: base.to_owned(),
            schema: "whatsapp".to_owned(),
            connections: CONNECTIONS,
            patience: PATIENCE,
            deadline: DEADLINE,
        };
        let mut others = Vec::new();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("schema", name)) => name.clone_into(&mut address.schema),
                Some(("connections", number)) => {
                    let number = number.parse().ok().filter(|number| *number > 0);
                    address.connections = number.ok_or_else(|| wrong("`connections` is a number above 0"))?;
                }
                Some(("patience", number)) => address.patience = milliseconds(number)?,
                Some(("deadline", number)) => address.deadline = milliseconds(number)?,
                _ => others.push(option),
            }
        }
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if !(1..=63).contains(&address.schema.len()) || !address.schema.bytes().all(plain) {
            return Err(wrong("`schema` is 1 to 63 of a-z, 0-9 and _"));
        }
        if !others.is_empty() {
            address.url += &format!("?{}", others.join("&"));
        }
        Ok(address)
    }
}

#[async_trait]
impl Sql for PostgresStore {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn vault(&self) -> &Vault {
        &self.vault
    }

    fn hints(&self) -> &Notify {
        self.listener.events()
    }

    async fn fetch(&self, statement: Statement<'_>) -> Result<Vec<Row>> {
        let query = sql::postgres(statement, &self.vault)?;
        let mut connection = self.pool.acquire().await.map_err(error::reading)?;
        let answer = timeout(self.deadline, query.fetch_all(&mut *connection)).await;
        let rows = answer.map_err(|_| given_up(&mut connection, "reading from the PostgreSQL database"))?;
        Ok(rows.map_err(error::reading)?.into_iter().map(Row::Postgres).collect())
    }

    async fn write(&self, changes: Changes) -> Result<()> {
        let store = self.clone();
        // In its own task: a caller that stops waiting leaves no unfinished transaction.
        let task = tokio::spawn(async move {
            store
                .transaction(async |connection: &mut Connection<'_>| apply(connection, &changes).await)
                .await?;
            if changes.list.iter().any(|change| matches!(change, Change::Event(_))) {
                store.listener.tell();
            }
            Ok(())
        });
        task.await.unwrap_or_else(|error| Err(Error::new(ErrorKind::Other, "writing").because(error)))
    }

    async fn call(&self, work: Work) -> Result<()> {
        self.transaction(async |connection: &mut Connection<'_>| work(connection).await).await
    }

    async fn shut(&self) {
        self.listener.stop().await;
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_options_are_taken_out_of_the_address() {
        let text = "postgres://u@h/d?sslmode=disable&schema=shop_1&connections=3&patience=20&deadline=30";
        let url = "postgres://u@h/d?sslmode=disable".to_owned();
        let (patience, deadline) = (Duration::from_millis(20), Duration::from_millis(30));
        let expected = Address { url, schema: "shop_1".into(), connections: 3, patience, deadline };
        assert_eq!(Address::parse(text).unwrap(), expected);
        let plain = Address::parse("postgres://h/d").unwrap();
        assert_eq!((plain.schema.as_str(), plain.connections), ("whatsapp", CONNECTIONS));
        assert_eq!((plain.patience, plain.deadline), (PATIENCE, DEADLINE));
        for wrong in [
            "schema=",
            "schema=A",
            "schema=a;b",
            "connections=0",
            "connections=x",
            "patience=0",
            "deadline=x",
        ] {
            let error = Address::parse(&format!("postgres://h/d?{wrong}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{wrong}");
        }
    }
}
