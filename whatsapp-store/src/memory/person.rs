use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;

use super::MemoryStore;
use crate::{AccountId, PersonAddress, PersonRecord, PersonStore, Result};

/// One record per person, under each of its addresses.
#[derive(Default)]
pub(super) struct People {
    by_address: HashMap<PersonAddress, Arc<PersonRecord>>,
}

impl People {
    pub(super) fn put(&mut self, person: PersonRecord) {
        let person = Arc::new(person);
        for address in person.addresses() {
            self.delete(&address);
        }
        for address in person.addresses() {
            self.by_address.insert(address, Arc::clone(&person));
        }
    }

    pub(super) fn delete(&mut self, address: &PersonAddress) {
        if let Some(person) = self.by_address.remove(address) {
            for address in person.addresses() {
                self.by_address.remove(&address);
            }
        }
    }
}

#[async_trait]
impl PersonStore for MemoryStore {
    async fn people(
        &self,
        account: &AccountId,
        addresses: &[PersonAddress],
    ) -> Result<Vec<Option<PersonRecord>>> {
        let state = self.state.read();
        let people = state.accounts.get(account).map(|account| &account.people.by_address);
        Ok(addresses.iter().map(|address| people?.get(address).map(|person| (**person).clone())).collect())
    }
}
