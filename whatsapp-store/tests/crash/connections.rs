//! The server ends the store's connections again and again, in the middle of their work.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use sqlx::PgConnection;
use whatsapp_store::{ErrorKind, Store, open};

use crate::{
    Moments,
    commits::{Checked, LANES, changes, last},
    postgres_server::Schema,
};

const CUTS: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(60);

/// What the tasks share.
#[derive(Debug, Default)]
struct Progress {
    /// By lane, how many commits were confirmed.
    confirmed: [AtomicU64; LANES],
    failures: AtomicU64,
    reads_that_failed: AtomicU64,
    enough: AtomicBool,
}

impl Progress {
    fn commits(&self) -> u64 {
        self.confirmed.iter().map(|count| count.load(SeqCst)).sum()
    }
}

/// Commits, and repeats each commit that fails: nothing outside repairs the store.
async fn commit(store: Arc<dyn Store>, lane: usize, progress: Arc<Progress>) {
    for number in 0.. {
        while let Err(error) = store.commit(changes(lane, number)).await {
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Busy, true), "{error}");
            progress.failures.fetch_add(1, SeqCst);
        }
        progress.confirmed[lane].store(number + 1, SeqCst);
        if progress.enough.load(SeqCst) {
            return;
        }
    }
}

/// Reads the number of a lane's last commit. A confirmed record never reads as absent, even when connections break.
async fn read(store: Arc<dyn Store>, progress: Arc<Progress>) {
    for lane in (0..LANES).cycle() {
        let confirmed = progress.confirmed[lane].load(SeqCst);
        match crate::commits::try_last(&*store, lane).await {
            Ok(last) => assert!(last.map_or(0, |last| last + 1) >= confirmed, "{last:?} of {confirmed}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
                progress.reads_that_failed.fetch_add(1, SeqCst);
            }
        }
        if progress.enough.load(SeqCst) {
            return;
        }
    }
}

async fn cut(aside: &mut PgConnection, name: &str) -> u64 {
    let text = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1";
    sqlx::query(text).bind(name).fetch_all(aside).await.unwrap().len() as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_recovers_by_itself_when_its_connections_are_cut() {
    let schema = Schema::new();
    let url = format!("{}&application_name={}&connections=4", schema.url(), schema.name);
    let store = open(&url).await.unwrap();
    let progress = Arc::new(Progress::default());
    let mut tasks: Vec<_> =
        (0..LANES).map(|lane| tokio::spawn(commit(store.clone(), lane, progress.clone()))).collect();
    tasks.push(tokio::spawn(read(store.clone(), progress.clone())));

    let (mut aside, mut moments, mut cuts) = (schema.connect().await, Moments::new(), 0);
    for _ in 0..CUTS {
        let (goal, started) = (progress.commits() + 1 + moments.up_to(12), Instant::now());
        while progress.commits() < goal && !tasks.iter().any(|task| task.is_finished()) {
            assert!(started.elapsed() < PATIENCE, "it does not work on: {progress:?}");
            tokio::task::yield_now().await;
        }
        cuts += cut(&mut aside, &schema.name).await;
    }
    progress.enough.store(true, SeqCst);
    for task in tasks {
        task.await.unwrap();
    }

    println!("{cuts} connections were cut: {progress:?}");
    let failures = progress.failures.load(SeqCst);
    assert!(failures > CUTS / 4, "only {failures} commits were hit");
    assert!(progress.reads_that_failed.load(SeqCst) > 0, "no read was hit");
    let mut confirmed = [None; LANES];
    for (lane, confirmed) in confirmed.iter_mut().enumerate() {
        *confirmed = last(&*store, lane).await;
        assert_eq!(confirmed.map(|last| last + 1), Some(progress.confirmed[lane].load(SeqCst)));
    }
    // A commit whose connection broke may have been written all the same. Then its event is there twice.
    let mut checked = Checked::after_repeating(failures);
    checked.check(&*store, confirmed).await;
    checked.all_again(&*store).await;
    store.close().await;
}
