//! Which node runs a session: the one that holds its lease. Two clients of one account would break its ratchets, so
//! every commit of a client carries the lease's token, and fails once another node has the lease.
use std::{sync::Arc, time::Duration};

use whatsapp_store::{AccountId, DesiredState, Error, Lease, Store};

use crate::time::now_millis;

/// How often it is asked for a lease that another node is about to give back.
const PAUSE: Duration = Duration::from_millis(500);

/// How a tenure ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tenure {
    /// Another node has the lease, or may have it by now.
    Lost,
    /// The session was stopped or deleted, on this node or another.
    NotDesired,
}

/// This node, as it holds leases.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    store: Arc<dyn Store>,
    name: Arc<str>,
    /// How long a lease lasts that is not renewed: so long a session stays down when its node dies.
    term: Duration,
}

impl Node {
    /// A node with a name that no other node on the same database has.
    pub(crate) fn new(store: Arc<dyn Store>, name: &str, term: Duration) -> Self {
        Self { store, name: name.into(), term }
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
        let until = now + self.term.as_millis() as i64;
        self.store.acquire_lease(id.workspace(), &lease_name(id), &self.name, now, until).await
    }

    /// Renews a lease for as long as that works and the session is to run; another node may have said that it is not.
    pub(crate) async fn keep(&self, id: &AccountId, lease: &Lease) -> Tenure {
        let mut until = lease.until;
        loop {
            tokio::time::sleep(self.term / 3).await;
            match self.acquire(id).await {
                Ok(Some(renewed)) if renewed.token == lease.token => until = renewed.until,
                Ok(_) => return Tenure::Lost,
                // The store may come back before the lease ends.
                Err(_) if now_millis() < until => continue,
                Err(_) => return Tenure::Lost,
            }
            let desired = self.store.session(id).await.map(|session| session.map(|session| session.desired));
            if matches!(desired, Ok(None | Some(DesiredState::Stopped))) {
                return Tenure::NotDesired;
            }
        }
    }

    /// As [`Node::take`], waiting for another node to give the lease back, as it does once it finds that the session is not to
    /// run any more.
    pub(crate) async fn take_from_others(&self, id: &AccountId) -> Result<Option<Lease>, Error> {
        let patience = now_millis() + (self.term.as_millis() * 2 / 3) as i64;
        loop {
            let lease = self.take(id).await?;
            if lease.is_some() || now_millis() > patience {
                return Ok(lease);
            }
            tokio::time::sleep(PAUSE).await;
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
