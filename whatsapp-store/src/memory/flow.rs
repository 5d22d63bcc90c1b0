use super::{MemoryStore, State};
use crate::{FlowChange, FlowStore, Result, Scope};

/// What can make a commit fail, asked before anything of it is applied.
pub(super) fn check(_state: &State, _scope: &Scope, _change: &FlowChange) -> Result<()> {
    Ok(())
}

pub(super) fn apply(_state: &mut State, _scope: &Scope, change: FlowChange) {
    match change {}
}

impl FlowStore for MemoryStore {}
