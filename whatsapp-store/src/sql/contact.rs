use super::{Connection, Sql};
use crate::{ContactChange, ContactStore, Result, Scope};

pub(super) async fn apply(
    _connection: &mut Connection<'_>,
    _scope: &Scope,
    change: &ContactChange,
) -> Result<()> {
    match *change {}
}

impl<S: Sql> ContactStore for S {}
