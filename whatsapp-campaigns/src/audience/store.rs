use std::{collections::HashSet, fmt};

use async_trait::async_trait;
use whatsapp_store::{ContactStore, WorkspaceId};

use super::{consent::ConsentStamp, error::PortError, port::Screen};

/// Asks the contacts and suppressions of a workspace.
///
/// A contact that has opted out stays out, whatever time the consent of a file says: a stamp on many people takes nothing
/// back that one of them has said. A newer consent of their own, noted at the contact, does.
pub struct StoreScreen<'a, S: ?Sized> {
    store: &'a S,
    workspace: WorkspaceId,
    excluded: HashSet<String>,
}

impl<S: ?Sized> fmt::Debug for StoreScreen<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreScreen").field("excluded", &self.excluded.len()).finish_non_exhaustive()
    }
}

impl<'a, S: ContactStore + Sync + ?Sized> StoreScreen<'a, S> {
    /// Of this workspace.
    pub fn new(store: &'a S, workspace: WorkspaceId) -> Self {
        Self { store, workspace, excluded: HashSet::new() }
    }

    /// Leaves these addresses out, too: a list that is short enough to be in memory.
    #[must_use]
    pub fn excluding(mut self, addresses: impl IntoIterator<Item = String>) -> Self {
        self.excluded.extend(addresses);
        self
    }
}

#[async_trait]
impl<S: ContactStore + Sync + ?Sized> Screen for StoreScreen<'_, S> {
    async fn suppressed(&self, addresses: &[String]) -> Result<HashSet<String>, PortError> {
        Ok(self.store.suppressed(&self.workspace, addresses).await?.into_iter().collect())
    }

    async fn withdrawn(&self, addresses: &[String], _: &ConsentStamp) -> Result<HashSet<String>, PortError> {
        let contacts = self.store.contacts_by_phone(&self.workspace, addresses).await?;
        let asked = addresses.iter().zip(contacts);
        let out = asked.filter(|(_, contact)| contact.as_ref().is_some_and(|who| who.opted_out_at.is_some()));
        Ok(out.map(|(address, _)| address.clone()).collect())
    }

    async fn excluded(&self, addresses: &[String]) -> Result<HashSet<String>, PortError> {
        Ok(addresses.iter().filter(|address| self.excluded.contains(*address)).cloned().collect())
    }
}
