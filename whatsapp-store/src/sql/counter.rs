use super::{Connection, Sql};
use crate::{CounterChange, CounterStore, Result, Scope};

pub(super) async fn apply(
    _connection: &mut Connection<'_>,
    _scope: &Scope,
    change: &CounterChange,
) -> Result<()> {
    match *change {}
}

impl<S: Sql> CounterStore for S {}
