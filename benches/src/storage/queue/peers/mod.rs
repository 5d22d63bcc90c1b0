//! The peers, each run as its own guides advise for throughput, in a database or file of its own.
mod apalis;
pub(crate) mod graphile;
mod node;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use sqlx::{PgPool, SqlitePool, postgres::PgPoolOptions, sqlite::SqlitePoolOptions};

use super::{Drain, Result};
use crate::storage::place::{Server, sqlite};

/// How often a table is asked whether it is done.
const PAUSE: Duration = Duration::from_millis(5);
/// A queue that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(180);
/// Connections to a server.
const CONNECTIONS: u32 = 10;

/// What a job carries: as much as the variables of one recipient.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Job {
    number: u64,
    variables: String,
}

impl Job {
    fn new(number: u64) -> Self {
        Self { number, variables: "x".repeat(64) }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Peer {
    ApalisPostgres(PgPool),
    ApalisSqlite(SqlitePool),
    GraphileRust(PgPool),
    GraphileNode(String),
}

impl Peer {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::ApalisPostgres(_) => "PostgreSQL, apalis-postgres 1.0.0, batches of 500",
            Self::ApalisSqlite(_) => "SQLite, apalis-sqlite 1.0.0, batches of 500",
            Self::GraphileRust(_) => "PostgreSQL, graphile_worker 0.14.1 (Rust), local queue of 500",
            Self::GraphileNode(_) => "PostgreSQL, graphile-worker 0.17.3 (Node.js), local queue of 500",
        }
    }

    /// Of so many jobs, those that it is given: a round of the slow ones would take minutes.
    pub(crate) const fn share(&self, jobs: u64) -> u64 {
        match self {
            Self::ApalisSqlite(_) if jobs > 2_000 => 2_000,
            Self::ApalisPostgres(_) if jobs > 20_000 => 20_000,
            _ => jobs,
        }
    }

    pub(crate) async fn drain(&self, jobs: u64) -> Result<Drain> {
        match self {
            Self::ApalisPostgres(pool) => apalis::on_postgres(pool, jobs).await,
            Self::ApalisSqlite(pool) => apalis::on_sqlite(pool, jobs).await,
            Self::GraphileRust(pool) => graphile::drain(pool, jobs).await,
            Self::GraphileNode(url) => node::drain(url, jobs).await,
        }
    }
}

/// Those that can run here, and what has to be said of the others. Databases are made on the server, and named in `made`.
pub(crate) async fn all(
    files: &Path,
    server: Option<&Server>,
    made: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> Result<Vec<Peer>> {
    let mut peers = of_rust(files, server, made).await?;
    let Some(server) = server else { return Ok(peers) };
    match node::install().await? {
        None => peers.push(Peer::GraphileNode(server.url_of(&database(server, made, "node").await?)?)),
        Some(why_not) => notes.push(why_not),
    }
    Ok(peers)
}

/// A database of this process on the server.
async fn database(server: &Server, made: &mut Vec<String>, name: &str) -> Result<String> {
    let name = format!("bench_{}_{name}", std::process::id());
    server.execute(format!("CREATE DATABASE {name}")).await?;
    made.push(name.clone());
    Ok(name)
}

/// Connections to a database of the peer's own. It is named in `made`.
pub(crate) async fn pool(server: &Server, made: &mut Vec<String>, name: &str) -> Result<PgPool> {
    let options = server.options()?.database(&database(server, made, name).await?);
    Ok(PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?)
}

/// Those that are in this program.
pub(crate) async fn of_rust(
    files: &Path,
    server: Option<&Server>,
    made: &mut Vec<String>,
) -> Result<Vec<Peer>> {
    let file = sqlite(&files.join("apalis.db"));
    let mut peers = vec![Peer::ApalisSqlite(SqlitePoolOptions::new().connect_with(file).await?)];
    let Some(server) = server else { return Ok(peers) };
    peers.push(Peer::ApalisPostgres(pool(server, made, "apalis").await?));
    peers.push(Peer::GraphileRust(pool(server, made, "graphile").await?));
    Ok(peers)
}

/// Asks until the answer is that nothing is left; says how long that took from `start`.
async fn until_done(start: Instant, left: impl AsyncFn() -> Result<bool>) -> Result<Duration> {
    while left().await? {
        if start.elapsed() > PATIENCE {
            return Err("the queue is not drained in time".into());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(start.elapsed())
}
