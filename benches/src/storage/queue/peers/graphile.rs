//! graphile_worker 0.14.1.
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, TaskHandler, WorkerContext, WorkerOptions,
};
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
