use std::collections::HashMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{AccountId, LidMapping, LidStore, Result};

/// Both directions of the map; each number and each LID stands in it once.
#[derive(Default)]
pub(super) struct Lids {
    to_pn: HashMap<String, String>,
    to_lid: HashMap<String, String>,
}

impl Lids {
    pub(super) fn put(&mut self, mapping: LidMapping) {
        let LidMapping { lid, pn } = mapping;
        if let Some(former) = self.to_pn.insert(lid.clone(), pn.clone()) {
            self.to_lid.remove(&former);
        }
        if let Some(former) = self.to_lid.insert(pn, lid.clone())
            && former != lid
        {
            self.to_pn.remove(&former);
        }
    }
}

#[async_trait]
impl LidStore for MemoryStore {
    async fn by_lid(&self, account: &AccountId, lid: &str) -> Result<Option<LidMapping>> {
        let pn = self.read(account, |account| account.lids.to_pn.get(lid).cloned());
        Ok(pn.map(|pn| LidMapping { lid: lid.to_owned(), pn }))
    }

    async fn by_pn(&self, account: &AccountId, pn: &str) -> Result<Option<LidMapping>> {
        let lid = self.read(account, |account| account.lids.to_lid.get(pn).cloned());
        Ok(lid.map(|lid| LidMapping { lid, pn: pn.to_owned() }))
    }
}
