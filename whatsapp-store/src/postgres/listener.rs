//! `LISTEN` and `NOTIFY`: wakes event waiters when any node has committed events.
use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{sync::Notify, task::AbortHandle, time::timeout};

/// The channel is named after the schema, so that stores in one database do not wake each other. A hint need not survive a
/// crash, so nothing waits for the disk.
const NOTIFY: &str = "SELECT set_config('synchronous_commit', 'off', true), \
    pg_notify('whatsapp_events_' || current_schema(), '')";

/// How long to wait before another connection is tried.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the server may take to pass a hint on.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Listener {
    pool: PgPool,
    events: Arc<Notify>,
    committed: Arc<Notify>,
    tasks: [AbortHandle; 2],
}

impl Listener {
    /// It keeps one connection of the pool, and sometimes uses another.
    pub(super) fn start(pool: PgPool, schema: &str) -> Self {
        let (events, committed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let listening = listen(pool.clone(), format!("whatsapp_events_{schema}"), events.clone());
        let tasks = [tokio::spawn(listening), tokio::spawn(tell(pool.clone(), committed.clone()))];
        Self { pool, events, committed, tasks: tasks.map(|task| task.abort_handle()) }
    }

    /// This store has committed events: tell all nodes.
    pub(super) fn tell(&self) {
        self.committed.notify_one();
    }

    pub(super) fn events(&self) -> &Notify {
        &self.events
    }

    pub(super) async fn stop(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
        self.pool.close().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// One notification for everything that was committed while the last one was on its way. Commits themselves do not notify: the
/// server ends transactions that notify one after the other, each with its own sync to disk.
async fn tell(pool: PgPool, committed: Arc<Notify>) {
    loop {
        committed.notified().await;
        // A failed hint is a missing hint.
        let Ok(mut connection) = pool.acquire().await else { continue };
        if timeout(PATIENCE, sqlx::query(NOTIFY).execute(&mut *connection)).await.is_err() {
            connection.close_on_drop();
        }
    }
}

async fn listen(pool: PgPool, channel: String, events: Arc<Notify>) {
    loop {
        // Every other call meets this error too, and reports it.
        let _ = hear(&pool, &channel, &events).await;
        if pool.is_closed() {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn hear(pool: &PgPool, channel: &str, events: &Notify) -> sqlx::Result<()> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(channel).await?;
    loop {
        // The connection may have been lost and restored: wake the waiters, so that they find missed events.
        events.notify_waiters();
        listener.try_recv().await?;
    }
}
