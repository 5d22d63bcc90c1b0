//! Queues of the peers: filled first, then drained by a handler that does nothing.
//!
//! A drain ends when the table says so, not when the handler was called for the last time. Each peer runs as its own
//! guides advise for throughput, in a database or file of its own.
mod apalis;
mod graphile;
mod node;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use sqlx::{PgPool, SqlitePool, postgres::PgPoolOptions, sqlite::SqlitePoolOptions};

use super::{
    Plan, Result, files,
    machine::{self, Cpu},
    place::{Server, sqlite},
    table::{Table, count, median, or_none, quantile},
};

const ROUNDS: usize = 3;
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

/// What one round came to.
#[derive(Clone, Copy, Debug)]
struct Drain {
    filled: Duration,
    drained: Duration,
}

#[derive(Clone, Debug)]
enum Peer {
    ApalisPostgres(PgPool),
    ApalisSqlite(SqlitePool),
    GraphileRust(PgPool),
    GraphileNode(String),
}

impl Peer {
    const fn name(&self) -> &'static str {
        match self {
            Self::ApalisPostgres(_) => "PostgreSQL, apalis-postgres 1.0.0, batches of 500",
            Self::ApalisSqlite(_) => "SQLite, apalis-sqlite 1.0.0, batches of 500",
            Self::GraphileRust(_) => "PostgreSQL, graphile_worker 0.14.1 (Rust), local queue of 500",
            Self::GraphileNode(_) => "PostgreSQL, graphile-worker 0.17.3 (Node.js), local queue of 500",
        }
    }

    /// Of so many jobs, those that it is given: a round of the slow one would take minutes.
    const fn share(&self, jobs: u64) -> u64 {
        match self {
            Self::ApalisSqlite(_) if jobs > 2_000 => 2_000,
            Self::ApalisPostgres(_) if jobs > 20_000 => 20_000,
            _ => jobs,
        }
    }

    async fn drain(&self, jobs: u64) -> Result<Drain> {
        match self {
            Self::ApalisPostgres(pool) => apalis::on_postgres(pool, jobs).await,
            Self::ApalisSqlite(pool) => apalis::on_sqlite(pool, jobs).await,
            Self::GraphileRust(pool) => graphile::drain(pool, jobs).await,
            Self::GraphileNode(url) => node::drain(url, jobs).await,
        }
    }
}

pub(super) async fn all(plan: &Plan, server: Option<&Server>) -> Result<Table> {
    let mut table = Table::new(&[
        "queue: database, who",
        "jobs",
        "filled/s",
        "drained/s",
        "lowest",
        "highest",
        "CPU µs here",
        "server",
        "load",
    ]);
    let files = files(&plan.folder)?;
    let mut made = Vec::new();
    let done = match peers(files.path(), server, &mut made, &mut table.notes).await {
        Ok(peers) => measure(&peers, plan.jobs, &mut table).await,
        Err(error) => Err(error),
    };
    for name in made {
        if let Some(server) = server {
            server.execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        }
    }
    done?;
    table.notes.push(format!(
        "Medians of {ROUNDS} rounds, all peers by turns. Drained until the table says so. CPU per job: of this process \
         and its children, and of the servers."
    ));
    Ok(table)
}

/// Those that can run here. Their databases are made, and named in `made`.
async fn peers(
    files: &Path,
    server: Option<&Server>,
    made: &mut Vec<String>,
    notes: &mut Vec<String>,
) -> Result<Vec<Peer>> {
    let file = sqlite(&files.join("apalis.db"));
    let mut peers = vec![Peer::ApalisSqlite(SqlitePoolOptions::new().connect_with(file).await?)];
    let Some(server) = server else { return Ok(peers) };
    let mut database = async |name: &str| {
        let name = format!("bench_{}_{name}", std::process::id());
        server.execute(format!("CREATE DATABASE {name}")).await?;
        made.push(name.clone());
        Result::Ok(name)
    };
    let pool = async |name: &str| {
        let options = server.options()?.database(name);
        Result::Ok(PgPoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?)
    };
    peers.push(Peer::ApalisPostgres(pool(&database("apalis").await?).await?));
    peers.push(Peer::GraphileRust(pool(&database("graphile").await?).await?));
    match node::install().await? {
        None => peers.push(Peer::GraphileNode(server.url_of(&database("node").await?)?)),
        Some(why_not) => notes.push(why_not),
    }
    Ok(peers)
}

async fn measure(peers: &[Peer], jobs: u64, table: &mut Table) -> Result<()> {
    let mut rounds = vec![Vec::new(); peers.len()];
    for _ in 0..ROUNDS {
        for (peer, rounds) in peers.iter().zip(&mut rounds) {
            let cpu = Cpu::now();
            let drain =
                peer.drain(peer.share(jobs)).await.map_err(|error| format!("{}: {error}", peer.name()))?;
            rounds.push((drain, cpu.since(), machine::load()));
        }
    }
    for (peer, rounds) in peers.iter().zip(&rounds) {
        let jobs = peer.share(jobs) as f64;
        let each = |of: fn(&(Drain, Cpu, Option<f64>)) -> f64| rounds.iter().map(of).collect::<Vec<f64>>();
        let filled: Vec<f64> =
            each(|(drain, ..)| drain.filled.as_secs_f64()).iter().map(|s| jobs / s).collect();
        let drained: Vec<f64> =
            each(|(drain, ..)| drain.drained.as_secs_f64()).iter().map(|s| jobs / s).collect();
        table.lines.push(vec![
            peer.name().to_owned(),
            count(jobs),
            count(median(&filled)),
            count(median(&drained)),
            count(quantile(&drained, 0.0)),
            count(quantile(&drained, 1.0)),
            count(median(&each(|(_, cpu, _)| cpu.here)) / jobs * 1e6),
            count(median(&each(|(_, cpu, _)| cpu.servers)) / jobs * 1e6),
            or_none(Some(median(&each(|(.., load)| load.unwrap_or_default())))),
        ]);
    }
    Ok(())
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
