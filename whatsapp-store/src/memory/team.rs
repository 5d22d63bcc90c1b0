use super::{MemoryStore, State};
use crate::{Result, Scope, TeamChange, TeamStore};

/// What can make a commit fail, asked before anything of it is applied.
pub(super) fn check(_state: &State, _scope: &Scope, _change: &TeamChange) -> Result<()> {
    Ok(())
}

pub(super) fn apply(_state: &mut State, _scope: &Scope, change: TeamChange) {
    match change {}
}

impl TeamStore for MemoryStore {}
