use async_trait::async_trait;

use super::MemoryStore;
use crate::{Error, ErrorKind, Fence, Lease, LeaseStore, Result, WorkspaceId};

/// Leases by name. An ended lease stays, so that its tokens keep rising.
pub(super) type Leases = std::collections::HashMap<(WorkspaceId, String), Lease>;

pub(super) fn check(leases: &Leases, workspace: &WorkspaceId, fence: &Fence) -> Result<()> {
    match leases.get(&(workspace.clone(), fence.name.clone())) {
        Some(lease) if lease.token == fence.token => Ok(()),
        _ => Err(Error::new(ErrorKind::Fenced, "writing under a lease")),
    }
}

#[async_trait]
impl LeaseStore for MemoryStore {
    async fn acquire_lease(
        &self,
        workspace: &WorkspaceId,
        name: &str,
        owner: &str,
        now: i64,
        until: i64,
    ) -> Result<Option<Lease>> {
        let leases = &mut self.state.write().leases;
        let key = (workspace.clone(), name.to_owned());
        let token = match leases.get(&key) {
            Some(lease) if lease.until > now && lease.owner != owner => return Ok(None),
            Some(lease) if lease.until > now => lease.token,
            Some(lease) => lease.token + 1,
            None => 1,
        };
        let lease = Lease { name: name.to_owned(), owner: owner.to_owned(), token, until };
        leases.insert(key, lease.clone());
        Ok(Some(lease))
    }

    async fn prolong_leases(
        &self,
        owner: &str,
        now: i64,
        until: i64,
        held: &[(WorkspaceId, String)],
    ) -> Result<Vec<(WorkspaceId, Lease)>> {
        let leases = &mut self.state.write().leases;
        let mut prolonged = Vec::new();
        for key in held {
            if let Some(lease) = leases.get_mut(key).filter(|lease| lease.until > now && lease.owner == owner)
            {
                lease.until = until;
                prolonged.push((key.0.clone(), lease.clone()));
            }
        }
        Ok(prolonged)
    }

    async fn release_lease(&self, workspace: &WorkspaceId, lease: &Lease) -> Result<()> {
        let leases = &mut self.state.write().leases;
        if let Some(held) = leases.get_mut(&(workspace.clone(), lease.name.clone()))
            && held.token == lease.token
        {
            held.until = 0;
        }
        Ok(())
    }

    async fn lease(&self, workspace: &WorkspaceId, name: &str) -> Result<Option<Lease>> {
        Ok(self.state.read().leases.get(&(workspace.clone(), name.to_owned())).cloned())
    }
}
