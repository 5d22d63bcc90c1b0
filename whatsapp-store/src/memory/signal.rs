use async_trait::async_trait;
use bytes::Bytes;

use super::MemoryStore;
use crate::{AccountId, Result, SignalKey, SignalKind, SignalStore};

#[async_trait]
impl SignalStore for MemoryStore {
    async fn signal(&self, account: &AccountId, keys: &[SignalKey]) -> Result<Vec<Option<Bytes>>> {
        let state = self.state.read();
        let signal = state.accounts.get(account).map(|account| &account.signal);
        Ok(keys.iter().map(|key| signal?.get(key).cloned()).collect())
    }

    async fn signal_ids(&self, account: &AccountId, kind: SignalKind) -> Result<Vec<String>> {
        Ok(self.read(account, |account| {
            let first = SignalKey { kind, id: String::new() };
            let of_kind =
                account.signal.range(first..).map(|(key, _)| key).take_while(|key| key.kind == kind);
            of_kind.map(|key| key.id.clone()).collect()
        }))
    }
}
