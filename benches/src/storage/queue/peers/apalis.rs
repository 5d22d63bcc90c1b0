//! apalis 1.0.0.
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

use ::apalis::prelude::{BoxDynError, ParallelizeExt, TaskSink, WorkerBuilder};
use apalis_postgres::PostgresStorage;
use apalis_sqlite::SqliteStorage;
use sqlx::{PgPool, SqlitePool};
use tokio::sync::oneshot;

use super::{Drain, Job, Result, until_done};

const BATCH: usize = 500;
/// Jobs pushed at once.
const PUSH: u64 = 1_000;

/// A name is taken for as long as its worker may be alive.
static WORKERS: AtomicU32 = AtomicU32::new(0);

async fn nothing(_: Job) -> std::result::Result<(), BoxDynError> {
    Ok(())
}

/// The two storages have the same methods, but no trait in common that says all of it.
macro_rules! drain {
    ($storage:expr, $jobs:expr, $left:expr) => {{
        let mut storage = $storage;
        let start = Instant::now();
        for first in (0..$jobs).step_by(PUSH as usize) {
            let jobs = (first..$jobs.min(first + PUSH)).map(Job::new).collect();
            storage.push_bulk(jobs).await?;
        }
        let filled = start.elapsed();
        let (stop, stopped) = oneshot::channel::<()>();
        let start = Instant::now();
        let worker = WorkerBuilder::new(format!("bench-{}", WORKERS.fetch_add(1, Ordering::Relaxed)))
            .backend(storage)
            .parallelize(tokio::spawn)
            .build(nothing);
        let worker = tokio::spawn(worker.run_until(async move {
            // Dropped is as good as told.
            let _ = stopped.await;
            std::io::Result::Ok(())
        }));
        let drained = until_done(start, $left).await;
        drop(stop);
        worker.await??;
        Drain { filled, drained: drained?, jobs: $jobs }
    }};
}

pub(super) async fn on_postgres(pool: &PgPool, jobs: u64) -> Result<Drain> {
    PostgresStorage::<()>::setup(pool).await?;
    sqlx::raw_sql("TRUNCATE apalis.jobs").execute(pool).await?;
    let config = apalis_postgres::Config::default().queue("bench").batch_size(BATCH).lock_tasks(false);
    let storage = PostgresStorage::<Job>::new(pool).with_config(config);
    Ok(drain!(storage, jobs, async || {
        let left = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM apalis.jobs WHERE status <> 'Done')");
        Ok(left.fetch_one(pool).await?)
    }))
}

pub(super) async fn on_sqlite(pool: &SqlitePool, jobs: u64) -> Result<Drain> {
    SqliteStorage::<()>::setup(pool).await?;
    sqlx::raw_sql("DELETE FROM Jobs").execute(pool).await?;
    let config = apalis_sqlite::Config::default().queue("bench").batch_size(BATCH).lock_tasks(false);
    let storage = SqliteStorage::<Job>::new(pool).with_config(config);
    Ok(drain!(storage, jobs, async || {
        let left = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM Jobs WHERE status <> 'Done')");
        Ok(left.fetch_one(pool).await?)
    }))
}
