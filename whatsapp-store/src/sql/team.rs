use super::{Connection, Sql};
use crate::{Result, Scope, TeamChange, TeamStore};

pub(super) async fn apply(
    _connection: &mut Connection<'_>,
    _scope: &Scope,
    change: &TeamChange,
) -> Result<()> {
    match *change {}
}

impl<S: Sql> TeamStore for S {}
