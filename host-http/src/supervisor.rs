//! Workers that run as long as the host: one that panics is told and started again.
use std::{future::Future, time::Duration};

use tokio::task::JoinHandle;

/// The first and the longest pause before a worker is started again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Ends the worker with whoever watches it.
struct Worker(JoinHandle<()>);

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs a worker until it ends by itself. To abort the task that is returned ends the worker, too.
pub(crate) fn supervise<F>(name: &'static str, work: impl Fn() -> F + Send + 'static) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        let mut pause = PAUSES.0;
        loop {
            let mut worker = Worker(tokio::spawn(work()));
            match (&mut worker.0).await {
                Err(error) if error.is_panic() => {
                    tracing::error!(name, %error, "a worker failed by a mistake of the program, and is started again");
                }
                _ => return,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_that_panics_is_started_again() {
        let starts = Arc::new(AtomicU32::new(0));
        let counted = starts.clone();
        let work = move || {
            let number = counted.fetch_add(1, Relaxed);
            async move { assert!(number >= 3, "this failure belongs to the test") }
        };
        supervise("test", work).await.unwrap();
        assert_eq!(starts.load(Relaxed), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_ends_with_its_watch() {
        let (alive, ended) = tokio::sync::mpsc::channel::<()>(1);
        let work = move || {
            let alive = alive.clone();
            async move {
                let _alive = alive;
                std::future::pending().await
            }
        };
        let watch = supervise("test", work);
        tokio::time::sleep(Duration::from_secs(1)).await;
        watch.abort();
        drop(watch);
        let mut ended = ended;
        assert_eq!(tokio::time::timeout(Duration::from_secs(5), ended.recv()).await, Ok(None));
    }
}
