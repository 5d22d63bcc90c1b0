use super::{MemoryStore, State};
use crate::{AuditChange, AuditStore, Result, Scope};

/// What can make a commit fail, asked before anything of it is applied.
pub(super) fn check(_state: &State, _scope: &Scope, _change: &AuditChange) -> Result<()> {
    Ok(())
}

pub(super) fn apply(_state: &mut State, _scope: &Scope, change: AuditChange) {
    match change {}
}

impl AuditStore for MemoryStore {}
