use std::{collections::HashSet, fmt};

use async_trait::async_trait;
use whatsapp_store::{ContactStore, WorkspaceId};

use super::{consent::ConsentStamp, error::PortError, port::Screen};
use crate::person::{self, Phone};

/// Asks the contacts and suppressions of a workspace, for every address that a person may have.
///
/// A contact that has opted out stays out, whatever time the consent of a file says: a stamp on many people takes nothing
/// back that one of them has said. A newer consent of their own, noted at the contact, does.
pub struct StoreScreen<'a, S: ?Sized> {
    store: &'a S,
    workspace: WorkspaceId,
    excluded: HashSet<u64>,
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

    /// Leaves these people out, too: a list that is short enough to be in memory.
    #[must_use]
    pub fn excluding(mut self, people: impl IntoIterator<Item = Phone>) -> Self {
        self.excluded.extend(people.into_iter().map(Phone::number));
        self
    }
}

#[async_trait]
impl<S: ContactStore + Sync + ?Sized> Screen for StoreScreen<'_, S> {
    async fn suppressed(&self, addresses: &[String]) -> Result<HashSet<String>, PortError> {
        Ok(person::suppressed(self.store, &self.workspace, addresses).await?)
    }

    async fn withdrawn(&self, addresses: &[String], _: &ConsentStamp) -> Result<HashSet<String>, PortError> {
        Ok(person::opted_out(self.store, &self.workspace, addresses).await?)
    }

    async fn excluded(&self, addresses: &[String]) -> Result<HashSet<String>, PortError> {
        let is_excluded =
            |address: &&String| address.parse().is_ok_and(|number: u64| self.excluded.contains(&number));
        Ok(addresses.iter().filter(is_excluded).cloned().collect())
    }
}
