use super::{MemoryStore, State};
use crate::{ContactChange, ContactStore, Result, Scope};

/// What can make a commit fail, asked before anything of it is applied.
pub(super) fn check(_state: &State, _scope: &Scope, _change: &ContactChange) -> Result<()> {
    Ok(())
}

pub(super) fn apply(_state: &mut State, _scope: &Scope, change: ContactChange) {
    match change {}
}

impl ContactStore for MemoryStore {}
