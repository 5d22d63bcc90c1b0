use super::{Connection, Sql};
use crate::{Result, Scope, WebhookChange, WebhookStore};

pub(super) async fn apply(
    _connection: &mut Connection<'_>,
    _scope: &Scope,
    change: &WebhookChange,
) -> Result<()> {
    match *change {}
}

impl<S: Sql> WebhookStore for S {}
