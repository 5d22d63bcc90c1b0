//! The one writer: a task that owns the writing connection.
//!
//! ```text
//! commit ─┐
//! commit ─┼─► queue ─► BEGIN · all that wait · COMMIT ─► Ok to each
//! commit ─┘                        │ any failure
//!                                  ▼
//!                              ROLLBACK ─► each in a transaction of its own ─► its own result
//! ```
//!
//! Savepoints would spare the second round, but SQLite may end a whole transaction on its own (a full disk, for
//! one), and failures are rare.
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::{
    commit::apply,
    error::{closed, writing},
    file::FileLock,
};
use crate::{Changes, Result};

/// Commits in one transaction, at most.
const GROUP: usize = 256;
/// Commits waiting, before callers wait to be let in.
const WAITING: usize = 1024;

/// The callers' end of the queue.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
}

#[derive(Debug)]
enum Job {
    Commit(Commit),
    Close(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Commit {
    changes: Changes,
    done: oneshot::Sender<Result<()>>,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection, lock: FileLock) -> Self {
        let (queue, jobs) = mpsc::channel(WAITING);
        tokio::spawn(Desk { connection, jobs, lock }.run());
        Self { queue }
    }

    pub(super) async fn commit(&self, changes: Changes) -> Result<()> {
        let (done, result) = oneshot::channel();
        self.queue.send(Job::Commit(Commit { changes, done })).await.map_err(|_| closed())?;
        result.await.map_err(|_| closed())?
    }

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        // An error of either says that it is closed already.
        if self.queue.send(Job::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

/// The writer's end.
struct Desk {
    connection: SqliteConnection,
    jobs: mpsc::Receiver<Job>,
    lock: FileLock,
}

impl Desk {
    /// Until it is told to close, or all [`Writer`]s are gone; then what waits is still written.
    async fn run(mut self) {
        let (mut jobs, mut closing) = (Vec::new(), Vec::new());
        while self.jobs.recv_many(&mut jobs, GROUP).await > 0 {
            let mut group = Vec::with_capacity(jobs.len());
            for job in jobs.drain(..) {
                match job {
                    Job::Commit(commit) => group.push(commit),
                    Job::Close(done) => {
                        self.jobs.close();
                        closing.push(done);
                    }
                }
            }
            write(&mut self.connection, group).await;
        }
        // The log is folded into the file here if it can be; if not, at the next opening.
        let _ = self.connection.close().await;
        drop(self.lock);
        for done in closing {
            let _ = done.send(());
        }
    }
}

async fn write(connection: &mut SqliteConnection, group: Vec<Commit>) {
    if let Err(error) = begin(connection).await {
        group.into_iter().for_each(|commit| drop(commit.done.send(Err(error.again()))));
        return;
    }
    match finish(connection, group.iter().map(|commit| &commit.changes)).await {
        Err(_) if group.len() > 1 => write_singly(connection, group).await,
        Err(error) => group.into_iter().for_each(|commit| drop(commit.done.send(Err(error.again())))),
        // Who no longer waits for the answer made the commit all the same.
        Ok(()) => group.into_iter().for_each(|commit| drop(commit.done.send(Ok(())))),
    }
}

async fn write_singly(connection: &mut SqliteConnection, group: Vec<Commit>) {
    for Commit { changes, done } in group {
        let result = match begin(connection).await {
            Ok(()) => finish(connection, [&changes].into_iter()).await,
            Err(error) => Err(error),
        };
        let _ = done.send(result);
    }
}

async fn begin(connection: &mut SqliteConnection) -> Result<()> {
    run(connection, "BEGIN IMMEDIATE").await
}

/// Writes within the transaction begun, and ends it either way.
async fn finish(connection: &mut SqliteConnection, group: impl Iterator<Item = &Changes>) -> Result<()> {
    let result = write_and_commit(connection, group).await;
    if result.is_err() {
        // Fails when SQLite has rolled back by itself, which is as good.
        let _ = run(connection, "ROLLBACK").await;
    }
    result
}

async fn write_and_commit(
    connection: &mut SqliteConnection,
    group: impl Iterator<Item = &Changes>,
) -> Result<()> {
    for changes in group {
        apply(connection, changes).await?;
    }
    run(connection, "COMMIT").await
}

async fn run(connection: &mut SqliteConnection, statement: &'static str) -> Result<()> {
    sqlx::query(statement).execute(connection).await.map(drop).map_err(writing)
}
