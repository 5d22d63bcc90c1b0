use super::{Connection, Sql};
use crate::{AuditChange, AuditStore, Result, Scope};

pub(super) async fn apply(
    _connection: &mut Connection<'_>,
    _scope: &Scope,
    change: &AuditChange,
) -> Result<()> {
    match *change {}
}

impl<S: Sql> AuditStore for S {}
