//! Where an audience goes: into the store, under a lease, a few thousand rows at a time.
use async_trait::async_trait;
use whatsapp_store::{Change, Changes, Error as StoreError, ErrorKind, Lease, Store, WorkspaceId};

use crate::{
    audience::{BATCH, Batch, PortError, Sink},
    runner::Clock,
    window::Millis,
};

/// Rows written by one commit.
const STEP: usize = 5 * BATCH;
/// How long nobody else may write, unless it is said again.
const TERM: Millis = 60_000;

/// Writes rows of one campaign.
pub(super) struct StoreSink<'a> {
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    workspace: &'a WorkspaceId,
    campaign: &'a str,
    lease: Lease,
    pending: Vec<Change>,
    rows: usize,
}

impl<'a> StoreSink<'a> {
    /// `None` while somebody else writes to the campaign.
    pub(super) async fn open(
        store: &'a dyn Store,
        clock: &'a dyn Clock,
        workspace: &'a WorkspaceId,
        campaign: &'a str,
    ) -> Result<Option<Self>, StoreError> {
        let (name, now) = (format!("campaigns/freeze/{campaign}"), clock.now());
        let owner = format!("{:016x}", rand::random::<u64>());
        let lease = store.acquire_lease(workspace, &name, &owner, now, now + TERM).await?;
        let (pending, rows) = (Vec::new(), 0);
        Ok(lease.map(|lease| Self { store, clock, workspace, campaign, lease, pending, rows }))
    }

    /// Whose audience it is.
    pub(super) fn campaign(&self) -> &'a str {
        self.campaign
    }

    /// Writes what is left, with something more.
    pub(super) async fn commit(&mut self, more: Vec<Change>) -> Result<(), StoreError> {
        let now = self.clock.now();
        if self.lease.until - now < TERM / 2 {
            let Lease { name, owner, token, .. } = &self.lease;
            let kept = self.store.acquire_lease(self.workspace, name, owner, now, now + TERM).await?;
            let lost = || StoreError::new(ErrorKind::Fenced, "writing an audience");
            self.lease = kept.filter(|lease| lease.token == *token).ok_or_else(lost)?;
        }
        let mut changes = Changes::new(self.workspace.clone());
        changes.fence = Some(self.lease.fence());
        changes.list = std::mem::take(&mut self.pending);
        changes.list.extend(more);
        self.rows = 0;
        self.store.commit(changes).await
    }

    /// Lets others write.
    pub(super) async fn close(self) {
        if let Err(error) = self.store.release_lease(self.workspace, &self.lease).await {
            tracing::info!(%error, "the right to write an audience was not given back: it ends by itself");
        }
    }
}

#[async_trait]
impl Sink for StoreSink<'_> {
    async fn add(&mut self, batch: Batch) -> Result<(), PortError> {
        self.rows += batch.rows.len();
        self.pending.push(batch.change(self.campaign).into());
        if self.rows >= STEP {
            self.commit(Vec::new()).await?;
        }
        Ok(())
    }
}
