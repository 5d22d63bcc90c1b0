//! The revision of a record that people edit: its `updated_at`, which rises with every write, by one at least.
use crate::{Error, ErrorKind, Result};

/// The revision after a write at that time.
pub(crate) fn risen(last: i64, at: i64) -> i64 {
    at.max(last.saturating_add(1))
}

/// Is what is stored still what was read?
///
/// # Errors
/// [`ErrorKind::Conflict`] when it is not.
pub(crate) fn check<T: PartialEq>(stored: Option<T>, read: Option<T>, doing: &'static str) -> Result<()> {
    if stored == read { Ok(()) } else { Err(Error::new(ErrorKind::Conflict, doing)) }
}
