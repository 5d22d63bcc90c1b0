//! Pages that start where the last row of the page before stood.
use super::{Row, Rows, Statement, sql};
use crate::{Result, WorkspaceId, cursor};

/// Selects a page of a workspace (`$1`), one row more than `limit` (`$2`). The first text is for the first page; the other is for
/// a later page, behind the time and the text of the cursor (`$3` and `$4`).
pub(super) fn select<'a>(
    (first, later): (&'static str, &'static str),
    workspace: &'a WorkspaceId,
    after: Option<&'a str>,
    limit: u32,
) -> Result<Statement<'a>> {
    let of = |text| sql(text).text(workspace.as_str()).int(limit + 1);
    let Some(cursor) = after else { return Ok(of(first)) };
    let (at, id) = cursor::place(cursor)?;
    Ok(of(later).int(at).text(id))
}

/// A page from the rows of a query that asked for one more than `limit`: the records, and the cursor of the next page,
/// if there is one.
pub(super) fn page<T>(
    mut rows: Vec<Row>,
    limit: u32,
    read: impl FnMut(&Row) -> Result<T>,
    cursor: impl FnOnce(&T) -> String,
) -> Result<(Vec<T>, Option<String>)> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let records = rows.all(read)?;
    let next = records.last().filter(|_| more).map(cursor);
    Ok((records, next))
}
