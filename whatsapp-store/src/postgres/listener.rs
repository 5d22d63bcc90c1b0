//! `LISTEN` and `NOTIFY`: wakes those who wait for events when any node has committed some.
use std::{sync::Arc, time::Duration};

use sqlx::{PgPool, postgres::PgListener};
use tokio::{sync::Notify, task::AbortHandle};

/// The channel is named after the schema, so that stores in one database do not wake each other. A hint need not survive a
/// crash, so nothing waits for the disk.
const NOTIFY: &str = "SELECT set_config('synchronous_commit', 'off', true), \
    pg_notify('whatsapp_events_' || current_schema(), '')";

/// How long to wait before another connection is tried.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Listener {
    events: Arc<Notify>,
    committed: Arc<Notify>,
    tasks: [AbortHandle; 2],
}

impl Listener {
    pub(super) fn start(pool: PgPool, schema: &str) -> Self {
        let (events, committed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let listening = listen(pool.clone(), format!("whatsapp_events_{schema}"), events.clone());
        let tasks = [tokio::spawn(listening), tokio::spawn(tell(pool, committed.clone()))];
        Self { events, committed, tasks: tasks.map(|task| task.abort_handle()) }
    }

    /// This store has committed events: all nodes will be told.
    pub(super) fn tell(&self) {
        self.committed.notify_one();
    }

    pub(super) fn events(&self) -> &Notify {
        &self.events
    }

    pub(super) fn stop(&self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

/// One notification for all that was committed while the last one was on its way. Not within the commits themselves: the
/// server lets transactions that notify end one after the other, each with its own sync to disk.
async fn tell(pool: PgPool, committed: Arc<Notify>) {
    loop {
        committed.notified().await;
        // A hint that fails is a hint that does not come.
        let _ = sqlx::query(NOTIFY).execute(&pool).await;
    }
}

async fn listen(pool: PgPool, channel: String, events: Arc<Notify>) {
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
        // What was missed before is found by those who are woken now.
        events.notify_waiters();
        listener.recv().await?;
    }
}
