//! `LISTEN`: wakes those who wait for events when any node has committed some.
use std::time::Duration;

use sqlx::{PgPool, postgres::PgListener};
use tokio::{sync::Notify, task::AbortHandle};

/// Told at the end of each transaction that has events. The channel is named after the schema, so that stores in one
/// database do not wake each other.
pub(super) const NOTIFY: &str = "SELECT pg_notify('whatsapp_events_' || current_schema(), '')";

/// How long to wait before another connection is tried.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Listener {
    pool: PgPool,
    events: std::sync::Arc<Notify>,
    task: AbortHandle,
}

impl Listener {
    /// It takes one connection of the pool and keeps it.
    pub(super) fn start(pool: PgPool, schema: &str) -> Self {
        let events = std::sync::Arc::new(Notify::new());
        let task = tokio::spawn(listen(pool.clone(), format!("whatsapp_events_{schema}"), events.clone()));
        Self { pool, events, task: task.abort_handle() }
    }

    pub(super) fn events(&self) -> &Notify {
        &self.events
    }

    pub(super) async fn stop(&self) {
        self.task.abort();
        self.pool.close().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(pool: PgPool, channel: String, events: std::sync::Arc<Notify>) {
    loop {
        // An error here is one that every other call meets too, and tells.
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
        // What was missed before is found by those who are woken now: it may be that the connection was lost and is back.
        events.notify_waiters();
        listener.try_recv().await?;
    }
}
