//! Where an audience goes: into the store, under a lease, a few thousand rows at a time.
use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use whatsapp_store::{Change, Changes, Error as StoreError, Lease, Store, WorkspaceId};

use crate::{
    audience::{BATCH, Batch, PortError, Sink},
    clock::Clock,
    window::Millis,
};

/// Rows written by one commit.
const STEP: usize = 5 * BATCH;
/// How long nobody else may write, unless it is said again.
const TERM: Millis = 60_000;
/// How often it is said again.
const KEPT: Duration = Duration::from_secs(15);

/// Writes rows of one campaign.
pub(super) struct StoreSink<'a> {
    store: &'a dyn Store,
    workspace: &'a WorkspaceId,
    campaign: &'a str,
    lease: Lease,
    /// Keeps the lease for as long as this lives: to read a large file takes longer than a lease lasts.
    _keeping: Keeping,
    pending: Vec<Change>,
    rows: usize,
    has_begun: bool,
}

impl<'a> StoreSink<'a> {
    /// `None` while somebody else writes to the campaign.
    pub(super) async fn open(
        store: &'a Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
        workspace: &'a WorkspaceId,
        campaign: &'a str,
    ) -> Result<Option<Self>, StoreError> {
        let (name, now) = (format!("campaigns/freeze/{campaign}"), clock.now());
        let owner = format!("{:016x}", rand::random::<u64>());
        let lease = store.acquire_lease(workspace, &name, &owner, now, now + TERM).await?;
        let Some(lease) = lease else { return Ok(None) };
        let _keeping = Keeping::begin(store.clone(), clock.clone(), workspace.clone(), lease.clone());
        let (store, pending, rows) = (&**store, Vec::new(), 0);
        let has_begun = false;
        Ok(Some(Self { store, workspace, campaign, lease, _keeping, pending, rows, has_begun }))
    }

    /// Whose audience it is.
    pub(super) fn campaign(&self) -> &'a str {
        self.campaign
    }

    /// These come before the first rows, in one commit with them.
    pub(super) fn begin_with(&mut self, changes: Vec<Change>) {
        self.pending = changes;
    }

    /// Was anything written?
    pub(super) const fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Writes what is left, with something more.
    pub(super) async fn commit(&mut self, more: Vec<Change>) -> Result<(), StoreError> {
        let mut changes = Changes::new(self.workspace.clone());
        changes.fence = Some(self.lease.fence());
        changes.list = std::mem::take(&mut self.pending);
        changes.list.extend(more);
        self.rows = 0;
        self.store.commit(changes).await?;
        self.has_begun = true;
        Ok(())
    }

    /// Lets others write.
    pub(super) async fn close(self) {
        if let Err(error) = self.store.release_lease(self.workspace, &self.lease).await {
            tracing::info!(%error, "the right to write an audience was not given back: it ends by itself");
        }
    }
}

/// A task that keeps a lease.
struct Keeping(tokio::task::JoinHandle<()>);

impl Keeping {
    fn begin(store: Arc<dyn Store>, clock: Arc<dyn Clock>, workspace: WorkspaceId, lease: Lease) -> Self {
        Self(tokio::spawn(async move {
            loop {
                tokio::time::sleep(KEPT).await;
                let now = clock.now();
                let kept = store.acquire_lease(&workspace, &lease.name, &lease.owner, now, now + TERM).await;
                if let Err(error) = kept {
                    tracing::warn!(%error, "the right to write an audience was not prolonged: it is tried again");
                }
            }
        }))
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.0.abort();
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
