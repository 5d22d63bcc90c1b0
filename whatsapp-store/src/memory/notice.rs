use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Account, MemoryStore, State};
use crate::{AccountId, MAX_NOTICES, NoticeChange, NoticeRecord, NoticeStore, Result, Scope, page_limit};

/// Notices by kind.
#[derive(Default)]
pub(super) struct Notices(BTreeMap<String, Kind>);

#[derive(Default)]
struct Kind {
    received_at: BTreeMap<String, i64>,
    in_order: BTreeMap<(i64, String), Bytes>,
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: NoticeChange) {
    let Some(Account { notices, .. }) = state.account_of(scope) else { return };
    match change {
        NoticeChange::Put(notice) => notices.put(notice),
        NoticeChange::Delete { kind, id } => notices.delete(&kind, &id),
    }
}

impl Notices {
    fn put(&mut self, notice: NoticeRecord) {
        let NoticeRecord { kind, id, received_at, payload } = notice;
        let kind = self.0.entry(kind).or_default();
        kind.remove(&id);
        kind.received_at.insert(id.clone(), received_at);
        kind.in_order.insert((received_at, id), payload);
        while kind.in_order.len() > MAX_NOTICES as usize {
            let Some(((_, id), _)) = kind.in_order.pop_first() else { return };
            kind.received_at.remove(&id);
        }
    }

    fn delete(&mut self, kind: &str, id: &str) {
        if let Some(kind) = self.0.get_mut(kind) {
            kind.remove(id);
        }
    }

    fn page(&self, name: &str, after: Option<&str>, limit: u32) -> Vec<NoticeRecord> {
        let Some(kind) = self.0.get(name) else { return Vec::new() };
        let behind = match after {
            None => None,
            Some(id) => match kind.received_at.get(id) {
                None => return Vec::new(),
                Some(at) => Some((*at, id.to_owned())),
            },
        };
        let all =
            kind.in_order.iter().filter(|(place, _)| behind.as_ref().is_none_or(|behind| *place > behind));
        let record = |((received_at, id), payload): (&(i64, String), &Bytes)| NoticeRecord {
            kind: name.to_owned(),
            id: id.clone(),
            received_at: *received_at,
            payload: payload.clone(),
        };
        all.take(page_limit(limit) as usize).map(record).collect()
    }
}

impl Kind {
    fn remove(&mut self, id: &str) {
        if let Some(at) = self.received_at.remove(id) {
            self.in_order.remove(&(at, id.to_owned()));
        }
    }
}

#[async_trait]
impl NoticeStore for MemoryStore {
    async fn notices(
        &self,
        account: &AccountId,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<NoticeRecord>> {
        Ok(self.read(account, |account| account.notices.page(kind, after, limit)))
    }
}
