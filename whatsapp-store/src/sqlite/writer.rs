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
//! Savepoints would save the second round. But SQLite may end a whole transaction itself (on a full disk, for
//! example), and failures are rare.
use std::{fmt, sync::Arc};

use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{Notify, mpsc, oneshot};

use super::{
    error::{closed, writing},
    file::FileLock,
};
use crate::{
    Change, Changes, Result,
    sql::{Connection, Handle, Vault, Work, apply},
};

/// Commits in one transaction, at most.
const GROUP: usize = 256;
/// The largest number of queued commits, before callers have to wait.
const WAITING: usize = 1024;

/// The callers' end of the queue.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    events: Arc<Notify>,
}

enum Job {
    Commit(Commit),
    Call(Work, oneshot::Sender<Result<()>>),
    Close(oneshot::Sender<()>),
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit(_) => "Commit",
            Self::Call(..) => "Call",
            Self::Close(_) => "Close",
        })
    }
}

#[derive(Debug)]
struct Commit {
    changes: Changes,
    done: oneshot::Sender<Result<()>>,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection, lock: FileLock, vault: Vault) -> Self {
        let (queue, jobs) = mpsc::channel(WAITING);
        let events = Arc::new(Notify::new());
        tokio::spawn(WriterTask { connection, jobs, lock, vault, events: events.clone() }.run());
        Self { queue, events }
    }

    pub(super) async fn call(&self, work: Work) -> Result<()> {
        let (done, result) = oneshot::channel();
        self.queue.send(Job::Call(work, done)).await.map_err(|_| closed())?;
        result.await.map_err(|_| closed())?
    }

    /// Notified when events were committed.
    pub(super) fn events(&self) -> &Notify {
        &self.events
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
struct WriterTask {
    connection: SqliteConnection,
    jobs: mpsc::Receiver<Job>,
    lock: FileLock,
    vault: Vault,
    events: Arc<Notify>,
}

impl WriterTask {
    /// Runs until it is told to close, or all [`Writer`]s are gone; then the queued commits are still written.
    async fn run(mut self) {
        let (mut jobs, mut closing) = (Vec::new(), Vec::new());
        while self.jobs.recv_many(&mut jobs, GROUP).await > 0 {
            let mut group = Vec::with_capacity(jobs.len());
            for job in jobs.drain(..) {
                match job {
                    Job::Commit(commit) => group.push(commit),
                    Job::Call(work, done) => {
                        self.write(std::mem::take(&mut group)).await;
                        let _ = done.send(self.call(work).await);
                    }
                    Job::Close(done) => {
                        self.jobs.close();
                        closing.push(done);
                    }
                }
            }
            self.write(group).await;
        }
        // The log is folded into the file here if it can be; if not, at the next opening.
        let _ = self.connection.close().await;
        drop(self.lock);
        for done in closing {
            let _ = done.send(());
        }
    }

    async fn write(&mut self, group: Vec<Commit>) {
        if group.is_empty() {
            return;
        }
        let has_events = |commit: &Commit| commit.changes.list.iter().any(|c| matches!(c, Change::Event(_)));
        let events = group.iter().any(has_events);
        match self.transaction(group.iter().map(|commit| &commit.changes)).await {
            Err(_) if group.len() > 1 => {
                for Commit { changes, done } in group {
                    let _ = done.send(self.transaction([&changes].into_iter()).await);
                }
            }
            Err(error) => group.into_iter().for_each(|commit| drop(commit.done.send(Err(error.again())))),
            // A caller that no longer waits for the answer made the commit anyway.
            Ok(()) => group.into_iter().for_each(|commit| drop(commit.done.send(Ok(())))),
        }
        if events {
            self.events.notify_waiters();
        }
    }

    async fn transaction(&mut self, group: impl Iterator<Item = &Changes>) -> Result<()> {
        run(&mut self.connection, "BEGIN IMMEDIATE").await?;
        let mut result = Ok(());
        for changes in group {
            result = apply(&mut self.within(), changes).await;
            if result.is_err() {
                break;
            }
        }
        self.end(result).await
    }

    async fn call(&mut self, work: Work) -> Result<()> {
        run(&mut self.connection, "BEGIN IMMEDIATE").await?;
        let result = work(&mut self.within()).await;
        self.end(result).await
    }

    fn within(&mut self) -> Connection<'_> {
        Connection { handle: Handle::Sqlite(&mut self.connection), vault: &self.vault }
    }

    /// Ends the transaction begun, one way or the other.
    async fn end(&mut self, result: Result<()>) -> Result<()> {
        let result = match result {
            Ok(()) => run(&mut self.connection, "COMMIT").await,
            error => error,
        };
        if result.is_err() {
            // Fails when SQLite has rolled back itself, which is as good.
            let _ = run(&mut self.connection, "ROLLBACK").await;
        }
        result
    }
}

async fn run(connection: &mut SqliteConnection, statement: &'static str) -> Result<()> {
    sqlx::query(statement).execute(connection).await.map(drop).map_err(writing)
}
