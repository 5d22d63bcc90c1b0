use super::{MemoryStore, State};
use crate::{Result, Scope, WebhookChange, WebhookStore};

/// What can make a commit fail, asked before anything of it is applied.
pub(super) fn check(_state: &State, _scope: &Scope, _change: &WebhookChange) -> Result<()> {
    Ok(())
}

pub(super) fn apply(_state: &mut State, _scope: &Scope, change: WebhookChange) {
    match change {}
}

impl WebhookStore for MemoryStore {}
