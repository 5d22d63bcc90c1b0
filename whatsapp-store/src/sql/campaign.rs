use super::{Connection, Sql};
use crate::{CampaignChange, CampaignStore, Result, Scope};

pub(super) async fn apply(
    _connection: &mut Connection<'_>,
    _scope: &Scope,
    change: &CampaignChange,
) -> Result<()> {
    match *change {}
}

impl<S: Sql> CampaignStore for S {}
