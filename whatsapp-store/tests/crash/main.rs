//! `kill -9` of a process that commits, and of the server that it commits to. Every confirmed commit is complete, and no
//! commit is there in part.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic is how a test fails, and shows what was said"
)]
mod commits;
mod connections;
#[path = "../postgres_server/mod.rs"]
mod postgres_server;
mod victim;

use std::{
    env,
    path::Path,
    time::{Duration, Instant},
};

use commits::{Checked, LANES};
use postgres_server::{Schema, private::Server};
use sqlx::{ConnectOptions, Connection, PgConnection, sqlite::SqliteConnectOptions};
use victim::{Moment, Victim};
use whatsapp_store::open;

const KILLS: u64 = 200;

/// Random moments, the same in every run unless `CRASH_SEED` says otherwise; where in a commit the signal arrives is up to
/// the machine.
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let seed = env::var("CRASH_SEED").map_or(7, |seed| seed.parse().expect("CRASH_SEED is a number"));
        println!("CRASH_SEED={seed}");
        Self(seed)
    }

    /// SplitMix64.
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % (most + 1)
    }

    /// Mostly during the first commits; sometimes while the store is still opening.
    fn next(&mut self) -> Moment {
        let opening = self.up_to(9) == 0;
        let (lines, microseconds) = if opening { (0, 20_000) } else { (self.up_to(40), 1_500) };
        let moment = Moment { lines: 1 + lines, spin: Duration::from_micros(self.up_to(microseconds)) };
        println!("killed at {moment:?}");
        moment
    }

    /// Before the tables are made, while they are made, or right after.
    fn while_opening(&mut self) -> Moment {
        let moment = Moment { lines: 1, spin: Duration::from_micros(self.up_to(25_000)) };
        println!("killed at {moment:?}");
        moment
    }
}

async fn integrity(path: &Path) -> String {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let said = sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    said
}

/// The server rolls back or commits the open transaction of a killed process a moment later.
async fn let_go(connection: &mut PgConnection, name: &str) {
    let started = Instant::now();
    loop {
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1")
                .bind(name)
                .fetch_one(&mut *connection)
                .await
                .unwrap();
        if left == 0 {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{left} connections of a dead process");
    }
}

#[tokio::test]
async fn a_writer_to_sqlite_killed_200_times_loses_nothing_it_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bot.db");
    let url = format!("sqlite://{}", path.display());
    let (mut moments, mut checked) = (Moments::new(), Checked::default());
    for _ in 0..KILLS {
        let confirmed = Victim::start(&url).kill_at(moments.next());
        let store = open(&url).await.unwrap();
        checked.check(&*store, confirmed).await;
        store.close().await;
    }
    let store = open(&url).await.unwrap();
    checked.all_again(&*store).await;
    store.close().await;
    assert_eq!(integrity(&path).await, "ok");
    assert!(checked.commits() > 10 * KILLS, "{} commits are too few to be hit", checked.commits());
}

#[tokio::test]
async fn a_sqlite_file_can_be_opened_after_a_kill_during_its_creation() {
    let mut moments = Moments::new();
    for _ in 0..16 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bot.db");
        let url = format!("sqlite://{}", path.display());
        let confirmed = Victim::start(&url).kill_at(moments.while_opening());
        let store = open(&url).await.unwrap();
        Checked::default().check(&*store, confirmed).await;
        store.close().await;
        assert_eq!(integrity(&path).await, "ok");
    }
}

#[tokio::test]
async fn a_writer_to_postgres_killed_200_times_loses_nothing_it_confirmed() {
    let schema = Schema::new();
    let victim = format!("{}&application_name={}", schema.url(), schema.name);
    let mut aside = schema.connect().await;
    let (mut moments, mut checked) = (Moments::new(), Checked::default());
    for _ in 0..KILLS {
        let confirmed = Victim::start(&victim).kill_at(moments.next());
        let_go(&mut aside, &schema.name).await;
        let store = open(&schema.url()).await.unwrap();
        checked.check(&*store, confirmed).await;
        store.close().await;
    }
    let store = open(&schema.url()).await.unwrap();
    checked.all_again(&*store).await;
    store.close().await;
    assert!(checked.commits() > 10 * KILLS, "{} commits are too few to be hit", checked.commits());
}

#[tokio::test]
async fn a_schema_can_be_opened_after_a_kill_during_its_creation() {
    let mut moments = Moments::new();
    for _ in 0..12 {
        let schema = Schema::new();
        let victim = format!("{}&application_name={}", schema.url(), schema.name);
        let confirmed = Victim::start(&victim).kill_at(moments.while_opening());
        let_go(&mut schema.connect().await, &schema.name).await;
        let store = open(&schema.url()).await.unwrap();
        Checked::default().check(&*store, confirmed).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_killed_postgres_server_loses_nothing_it_confirmed() {
    let mut server = Server::start().await;
    let url = server.url("schema=shop");
    let (mut moments, mut checked) = (Moments::new(), Checked::default());
    for _ in 0..8 {
        let mut victim = Victim::start(&url);
        // Later than while it opens: then it has nothing to lose, and says why it ended in other words.
        let moment = moments.next();
        victim.hear_lines(8 + moment.lines);
        moment.wait();
        server.kill();
        let status = victim.end();
        assert!(status.success(), "{status}");
        assert_eq!(victim.failures.len(), LANES);
        for failure in &victim.failures {
            assert!(failure.starts_with("true "), "worth another try: {failure}");
        }
        server.run().await;
        let store = open(&url).await.unwrap();
        checked.check(&*store, victim.confirmed).await;
        store.close().await;
    }
    let store = open(&url).await.unwrap();
    checked.all_again(&*store).await;
    store.close().await;
}
