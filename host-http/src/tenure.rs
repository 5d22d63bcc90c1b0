//! Which node runs a session: the one that holds its lease. Two clients of one account would break its ratchets, so
//! every commit of a client carries the lease's token, and fails once another node has the lease.
use std::{sync::Arc, time::Duration};

use whatsapp_store::{AccountId, Error, Lease, Store};

use crate::time::now_millis;

/// How long a lease lasts that is not renewed: so long a session stays down when its node dies.
const TERM: Duration = Duration::from_secs(30);
const RENEWAL: Duration = Duration::from_secs(10);

/// This node, as it holds leases.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    store: Arc<dyn Store>,
    name: Arc<str>,
}

impl Node {
    /// A node with a name that no other node on the same database has.
    pub(crate) fn new(store: Arc<dyn Store>, name: &str) -> Self {
        Self { store, name: name.into() }
    }

    /// Takes the lease of a session; `None` when another node has it. What an earlier run of this node still held is given
    /// back first, so that the new lease has a new token.
    pub(crate) async fn take(&self, id: &AccountId) -> Result<Option<Lease>, Error> {
        let (workspace, name) = (id.workspace(), lease_name(id));
        if let Some(held) = self.store.lease(workspace, &name).await?.filter(|held| *held.owner == *self.name)
        {
            self.store.release_lease(workspace, &held).await?;
        }
        self.acquire(id).await
    }

    async fn acquire(&self, id: &AccountId) -> Result<Option<Lease>, Error> {
        let now = now_millis();
        let until = now + TERM.as_millis() as i64;
        self.store.acquire_lease(id.workspace(), &lease_name(id), &self.name, now, until).await
    }

    /// Renews a lease for as long as that works; returns when it is lost.
    pub(crate) async fn keep(&self, id: &AccountId, lease: &Lease) {
        let mut until = lease.until;
        loop {
            tokio::time::sleep(RENEWAL).await;
            match self.acquire(id).await {
                Ok(Some(renewed)) if renewed.token == lease.token => until = renewed.until,
                Ok(_) => return,
                // The store may come back before the lease ends.
                Err(_) if now_millis() < until => {}
                Err(_) => return,
            }
        }
    }

    /// Gives a lease back, so that the session can start elsewhere at once.
    pub(crate) async fn give_back(&self, id: &AccountId, lease: &Lease) {
        if let Err(error) = self.store.release_lease(id.workspace(), lease).await {
            tracing::info!(session = %id, %error, "the lease was not given back: it ends by itself");
        }
    }
}

fn lease_name(id: &AccountId) -> String {
    format!("session/{}", id.name())
}
