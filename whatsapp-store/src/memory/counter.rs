use super::{MemoryStore, State};
use crate::{CounterChange, CounterStore, Result, Scope};

/// What can make a commit fail, asked before anything of it is applied.
pub(super) fn check(_state: &State, _scope: &Scope, _change: &CounterChange) -> Result<()> {
    Ok(())
}

pub(super) fn apply(_state: &mut State, _scope: &Scope, change: CounterChange) {
    match change {}
}

impl CounterStore for MemoryStore {}
