use super::{Connection, Sql};
use crate::{FlowChange, FlowStore, Result, Scope};

pub(super) async fn apply(
    _connection: &mut Connection<'_>,
    _scope: &Scope,
    change: &FlowChange,
) -> Result<()> {
    match *change {}
}

impl<S: Sql> FlowStore for S {}
