//! The PostgreSQL server of the tests. Each test gets its own schema.
#![allow(dead_code, reason = "not every test needs all of it")]
pub(crate) mod database;
#[cfg(unix)]
pub(crate) mod private;

use std::{
    env,
    sync::atomic::{AtomicU32, Ordering},
};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

/// Where the server is. Tests that need it fail without it: a skipped test proves nothing.
pub(crate) fn postgres_url() -> String {
    env::var("TEST_POSTGRES_URL").expect(
        "TEST_POSTGRES_URL names a PostgreSQL server that tests may make schemas on, \
         such as postgres://postgres@127.0.0.1:5432/postgres; `.ci/run` starts one",
    )
}

/// A schema that no other test uses; dropping this removes it.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) name: String,
}

impl Schema {
    pub(crate) fn new() -> Self {
        // Without a server, fail now.
        postgres_url();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { name: format!("test_{}_{number}", std::process::id()) }
    }

    /// The store's address.
    pub(crate) fn url(&self) -> String {
        let url = postgres_url();
        let separator = if url.contains('?') { '&' } else { '?' };
        format!("{url}{separator}schema={}", self.name)
    }

    /// As `url`, with other options, through that port of this machine.
    pub(crate) fn url_by(&self, port: u16, options: &str) -> String {
        let url = self.url().replace(&Self::server(), &format!("127.0.0.1:{port}"));
        format!("{url}&{options}")
    }

    /// The server's name and port.
    pub(crate) fn server() -> String {
        let options: PgConnectOptions = postgres_url().parse().unwrap();
        format!("{}:{}", options.get_host(), options.get_port())
    }

    /// A connection beside the store's.
    pub(crate) async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = postgres_url().parse().unwrap();
        options.options([("search_path", self.name.as_str())]).connect().await.unwrap()
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let name = self.name.clone();
        let drop = async move {
            let options: PgConnectOptions = postgres_url().parse().unwrap();
            let mut connection = options.connect().await.unwrap();
            let statement = format!("DROP SCHEMA IF EXISTS {name} CASCADE");
            sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        };
        // Within a runtime or not, this waits until it is done.
        std::thread::spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(drop);
        })
        .join()
        .unwrap();
    }
}
