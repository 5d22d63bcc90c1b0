//! SQLite's errors, sorted by what the caller does about them.
use crate::{Error, ErrorKind};

pub(super) fn opening(error: sqlx::Error) -> Error {
    let kind = match kind_of(&error) {
        ErrorKind::Other => ErrorKind::Unreachable,
        kind => kind,
    };
    Error::new(kind, "opening the SQLite file").because(error)
}

pub(super) fn reading(error: sqlx::Error) -> Error {
    Error::new(kind_of(&error), "reading from the SQLite file").because(error)
}

pub(super) fn writing(error: sqlx::Error) -> Error {
    Error::new(kind_of(&error), "writing to the SQLite file").because(error)
}

/// A row that this library cannot have written.
pub(super) fn damaged(what: &'static str) -> Error {
    Error::new(ErrorKind::Corrupt, "reading from the SQLite file").because(what)
}

fn kind_of(error: &sqlx::Error) -> ErrorKind {
    let code =
        error.as_database_error().and_then(|error| error.code()).and_then(|code| code.parse::<i32>().ok());
    // Primary result codes (sqlite.org/rescode.html) are the low byte.
    match (error, code.map(|code| code & 0xff)) {
        (sqlx::Error::PoolTimedOut, _) | (_, Some(5 | 6)) => ErrorKind::Busy,
        (_, Some(8 | 13)) => ErrorKind::Full,
        (_, Some(11 | 26)) | (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_), _) => {
            ErrorKind::Corrupt
        }
        (_, Some(14 | 3)) => ErrorKind::Unreachable,
        _ => ErrorKind::Other,
    }
}
