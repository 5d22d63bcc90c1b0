use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{
    AuditChange, AuditEntry, AuditPage, AuditQuery, AuditStore, Result, Scope, WorkspaceId, page_limit,
};

/// Entries by time and number.
#[derive(Default)]
pub(super) struct AuditLog {
    entries: BTreeMap<(i64, i64), AuditEntry>,
    last_number: i64,
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: AuditChange) {
    let log = state.audit.entry(scope.workspace().clone()).or_default();
    match change {
        AuditChange::Append(entry) => {
            log.last_number += 1;
            log.entries.insert((entry.at, log.last_number), entry);
        }
        AuditChange::Trim { before } => log.entries.retain(|_, entry| entry.at >= before),
    }
}

impl AuditLog {
    fn page(&self, query: &AuditQuery) -> Result<AuditPage> {
        let end = crate::cursor::position(query.before.as_deref(), (i64::MAX, i64::MAX))?;
        let limit = page_limit(query.limit) as usize;
        let mut found: Vec<_> = self
            .entries
            .range(..end)
            .rev()
            .filter(|(_, entry)| query.actor.as_ref().is_none_or(|actor| entry.actor == *actor))
            .filter(|(_, entry)| query.subject.as_ref().is_none_or(|subject| entry.subject == *subject))
            .take(limit + 1)
            .collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|((at, number), _)| format!("{at}.{number}"));
        Ok(AuditPage { entries: found.into_iter().map(|(_, entry)| entry.clone()).collect(), next })
    }
}

#[async_trait]
impl AuditStore for MemoryStore {
    async fn audit(&self, workspace: &WorkspaceId, query: &AuditQuery) -> Result<AuditPage> {
        let state = self.state.read();
        match state.audit.get(workspace) {
            Some(log) => log.page(query),
            None => AuditLog::default().page(query),
        }
    }
}
