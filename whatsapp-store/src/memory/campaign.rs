use super::{MemoryStore, State};
use crate::{CampaignChange, CampaignStore, Result, Scope};

/// What can make a commit fail, asked before anything of it is applied.
pub(super) fn check(_state: &State, _scope: &Scope, _change: &CampaignChange) -> Result<()> {
    Ok(())
}

pub(super) fn apply(_state: &mut State, _scope: &Scope, change: CampaignChange) {
    match change {}
}

impl CampaignStore for MemoryStore {}
