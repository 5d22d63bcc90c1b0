//! Is a record that people edit still as it was read? Each write to such a record raises its `updated_at`, by one at least.
use super::{Connection, Rows, sql};
use crate::{Error, ErrorKind, Result, WorkspaceId};

/// A table of records that people edit; each write raises `updated_at`.
#[derive(Clone, Copy)]
pub(super) enum Revised {
    Campaign,
    Flow,
}

/// On a server, the row is held until the transaction ends, so that of two who read the same one comes second.
const CAMPAIGN: (&str, &str) = (
    "SELECT updated_at FROM campaign WHERE workspace = $1 AND id = $2",
    "SELECT updated_at FROM campaign WHERE workspace = $1 AND id = $2 FOR UPDATE",
);
const FLOW: (&str, &str) = (
    "SELECT updated_at FROM flow WHERE workspace = $1 AND id = $2",
    "SELECT updated_at FROM flow WHERE workspace = $1 AND id = $2 FOR UPDATE",
);
/// There is no row to hold yet: those who make one of the same name wait for each other. Others rarely do, by chance.
const NAME: &str =
    "SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 0))) AS held";

/// # Errors
/// [`ErrorKind::Conflict`] when it is not.
pub(super) async fn expect(
    connection: &mut Connection<'_>,
    what: Revised,
    workspace: &WorkspaceId,
    id: &str,
    updated_at: Option<i64>,
) -> Result<()> {
    let (texts, doing) = match what {
        Revised::Campaign => (CAMPAIGN, "changing a campaign"),
        Revised::Flow => (FLOW, "changing a flow"),
    };
    let dialect = connection.dialect();
    let hold = dialect.text("", NAME);
    if updated_at.is_none() && !hold.is_empty() {
        connection.fetch(sql(hold).text(workspace.as_str()).text(id)).await?;
    }
    let select = sql(dialect.text(texts.0, texts.1)).text(workspace.as_str()).text(id);
    let found = connection.fetch(select).await?.one(|row| row.int(0))?;
    if found == updated_at { Ok(()) } else { Err(Error::new(ErrorKind::Conflict, doing)) }
}
