//! graphile_worker 0.14.1.
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, WorkerContext, WorkerOptions,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use super::{Drain, Job, Result, until_done};

/// Jobs fetched and locked at once.
const LOCAL: usize = 500;
const CONCURRENT: usize = 24;
/// Completions that come within that time are written together.
const TOGETHER: Duration = Duration::from_millis(1);
/// Jobs added at once.
const ADD: u64 = 1_000;

impl TaskHandler for Job {
    const IDENTIFIER: &'static str = "nothing";

    async fn run(self, _: WorkerContext) -> impl IntoTaskHandlerResult {
        Ok::<(), String>(())
    }
}

pub(super) async fn drain(pool: &PgPool, jobs: u64) -> Result<Drain> {
    let worker = WorkerOptions::default()
        .pg_pool(pool.clone())
        .schema("graphile_worker")
        .concurrency(CONCURRENT)
        .local_queue(LocalQueueConfig::default().with_size(LOCAL))
        .complete_job_batch_delay(TOGETHER)
        .listen_os_shutdown_signals(false)
        .define_job::<Job>()
        .init()
        .await?;
    sqlx::raw_sql("TRUNCATE graphile_worker._private_jobs CASCADE").execute(pool).await?;
    let (utils, spec, start) = (worker.create_utils(), JobSpec::default(), Instant::now());
    for first in (0..jobs).step_by(ADD as usize) {
        let jobs: Vec<_> = (first..jobs.min(first + ADD)).map(|number| (Job::new(number), &spec)).collect();
        utils.add_jobs::<Job>(&jobs).await?;
    }
    let filled = start.elapsed();
    let worker = Arc::new(worker);
    let start = Instant::now();
    let running = tokio::spawn({
        let worker = worker.clone();
        async move { worker.run().await }
    });
    let drained = until_done(start, async || {
        let left = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM graphile_worker._private_jobs)");
        Ok(left.fetch_one(pool).await?)
    })
    .await;
    worker.request_shutdown();
    running.await??;
    Ok(Drain { filled, drained: drained?, jobs })
}

/// Adds jobs one by one, and says how long after each was added it ran, milliseconds. The worker has its defaults:
/// it is told of new jobs by the server.
pub(crate) async fn latency(pool: &PgPool, jobs: u64, pause: Duration) -> Result<Vec<f64>> {
    let worker = WorkerOptions::default()
        .pg_pool(pool.clone())
        .schema("graphile_worker")
        .concurrency(CONCURRENT)
        .listen_os_shutdown_signals(false)
        .define_job::<Noted>()
        .init()
        .await?;
    let (utils, worker) = (worker.create_utils(), Arc::new(worker));
    let running = tokio::spawn({
        let worker = worker.clone();
        async move { worker.run().await }
    });
    let mut turns = tokio::time::interval(pause);
    let (begun, mut added) = (Instant::now(), Vec::new());
    for number in 0..jobs {
        turns.tick().await;
        utils.add_job(Noted { number, variables: "x".repeat(64) }, JobSpec::default()).await?;
        added.push(Instant::now());
    }
    let done = until_done(begun, async || Ok((ran().len() as u64) < jobs)).await;
    worker.request_shutdown();
    running.await??;
    done?;
    let late = |(number, at): &(u64, Instant)| {
        // It may run before the one who added it hears that it is there: then it took no time.
        added.get(*number as usize).map(|added| at.saturating_duration_since(*added).as_secs_f64() * 1_000.0)
    };
    Ok(ran().iter().filter_map(late).collect())
}

/// A job that notes when it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Noted {
    number: u64,
    variables: String,
}

static RAN: Mutex<Vec<(u64, Instant)>> = Mutex::new(Vec::new());

fn ran() -> MutexGuard<'static, Vec<(u64, Instant)>> {
    RAN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TaskHandler for Noted {
    const IDENTIFIER: &'static str = "noted";

    async fn run(self, _: WorkerContext) -> impl IntoTaskHandlerResult {
        ran().push((self.number, Instant::now()));
        Ok::<(), String>(())
    }
}
