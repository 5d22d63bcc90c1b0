//! One life of a process, and the store as it sees it: at a given write it dies.
use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use tokio::sync::watch;
use whatsapp_store::{
    AccountId, Change, Changes, ConversationPage, ConversationRecord, ConversationStatus, ConversationStore,
    Error, ErrorKind, Result, Store, WorkspaceId, delegate_store, memory::MemoryStore,
};

/// Was the write at which it died written?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    After,
}

/// From its start to its death, if it has one.
#[derive(Debug)]
pub(crate) struct Life {
    writes: AtomicU32,
    death: Option<(u32, Moment)>,
    dead: watch::Sender<bool>,
}

impl Life {
    pub(crate) fn new(death: Option<(u32, Moment)>) -> Arc<Self> {
        Arc::new(Self { writes: AtomicU32::new(0), death, dead: watch::Sender::new(false) })
    }

    pub(crate) fn writes(&self) -> u32 {
        self.writes.load(Ordering::Relaxed)
    }

    pub(crate) fn is_dead(&self) -> bool {
        *self.dead.borrow()
    }

    pub(crate) fn end(&self) {
        self.dead.send_replace(true);
    }

    pub(crate) async fn death(&self) {
        // The sender lives as long as we do.
        let _ = self.dead.subscribe().wait_for(|dead| *dead).await;
    }

    /// Goes on, unless it is dead.
    pub(crate) async fn alive(&self) {
        if self.is_dead() {
            std::future::pending().await
        }
    }

    async fn write<T>(&self, write: impl Future<Output = Result<T>>) -> Result<T> {
        let dead = || Err(Error::new(ErrorKind::Other, "writing as a dead process"));
        if self.is_dead() {
            return dead();
        }
        let count = self.writes.fetch_add(1, Ordering::Relaxed) + 1;
        let dies = |moment| self.death == Some((count, moment));
        if dies(Moment::Before) {
            self.end();
            return dead();
        }
        let written = write.await;
        if dies(Moment::After) {
            self.end();
            return dead();
        }
        written
    }
}

/// A store that outlives the processes that write to it.
pub(crate) struct Frail {
    pub(crate) inner: Arc<MemoryStore>,
    pub(crate) life: Arc<Life>,
    /// So much later than the client believes it is, milliseconds: it reads the clock of the machine when it starts, which stands
    /// still while virtual time passes.
    pub(crate) late: i64,
}

impl Frail {
    /// What a client writes that starts at the right time.
    fn dated(&self, mut changes: Changes) -> Changes {
        for change in &mut changes.list {
            if let Change::PutOutgoing(message) = change {
                message.created_at += self.late;
            }
        }
        changes
    }
}

impl fmt::Debug for Frail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frail")
    }
}

delegate_store!(Frail => inner, except ConversationStore);

#[async_trait]
impl ConversationStore for Frail {
    async fn conversation(&self, account: &AccountId, chat: &str) -> Result<Option<ConversationRecord>> {
        self.inner.conversation(account, chat).await
    }

    async fn conversations(
        &self,
        workspace: &WorkspaceId,
        status: ConversationStatus,
        before: Option<&str>,
        limit: u32,
    ) -> Result<ConversationPage> {
        self.inner.conversations(workspace, status, before, limit).await
    }

    async fn claim_due_conversations(
        &self,
        workspace: &WorkspaceId,
        now: i64,
        until: i64,
        limit: u32,
    ) -> Result<Vec<ConversationRecord>> {
        self.life.write(self.inner.claim_due_conversations(workspace, now, until, limit)).await
    }

    async fn due_workspaces(&self, now: i64, limit: u32) -> Result<Vec<WorkspaceId>> {
        self.inner.due_workspaces(now, limit).await
    }

    async fn input_seen(&self, account: &AccountId, chat: &str, message_id: &str) -> Result<bool> {
        self.inner.input_seen(account, chat, message_id).await
    }

    async fn oldest_input(&self, workspace: &WorkspaceId) -> Result<Option<i64>> {
        self.inner.oldest_input(workspace).await
    }
    async fn oldest_ended(&self, workspace: &WorkspaceId) -> Result<Option<i64>> {
        self.inner.oldest_ended(workspace).await
    }
}

#[async_trait]
impl Store for Frail {
    async fn commit(&self, changes: Changes) -> Result<()> {
        self.life.write(self.inner.commit(self.dated(changes))).await
    }
}
