//! Pages that start where the last row of the page before stood.
use super::{Row, Rows};
use crate::Result;

/// A page out of the rows of a query that asked for one more than `limit`: the records, and the cursor of the next page
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

/// Where a page starts: "number.text".
pub(super) fn place(cursor: &str) -> Option<(i64, &str)> {
    let (number, text) = cursor.split_once('.')?;
    Some((number.parse().ok()?, text))
}
