//! SQLite's errors, sorted by what the caller does about them.
use std::io;

use crate::{Error, ErrorKind};

pub(crate) fn opening(error: sqlx::Error) -> Error {
    sorted("opening the SQLite file", error)
}

pub(crate) fn reading(error: sqlx::Error) -> Error {
    sorted("reading from the SQLite file", error)
}

pub(crate) fn writing(error: sqlx::Error) -> Error {
    sorted("writing to the SQLite file", error)
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Other, "writing to the SQLite file").because("the store was closed")
}

pub(crate) fn opening_file(error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ErrorKind::Full
        }
        _ => ErrorKind::Unreachable,
    };
    Error::new(kind, "opening the SQLite file").because(error)
}

pub(crate) fn sorted(doing: &'static str, error: sqlx::Error) -> Error {
    let kind = match &error {
        // A table or a column that every version has. SQLite has no separate code for that.
        sqlx::Error::Database(database) if database.message().starts_with("no such ") => ErrorKind::Corrupt,
        sqlx::Error::Database(database) => {
            database.code().and_then(|code| code.parse().ok()).map_or(ErrorKind::Other, of_code)
        }
        sqlx::Error::PoolTimedOut => ErrorKind::Busy,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => ErrorKind::Corrupt,
        sqlx::Error::Io(_) => ErrorKind::Unreachable,
        _ => ErrorKind::Other,
    };
    Error::new(kind, doing).because(error)
}

/// By the primary result code, which is the low byte (<https://sqlite.org/rescode.html>).
fn of_code(code: i32) -> ErrorKind {
    const PERM: i32 = 3;
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const READONLY: i32 = 8;
    const CORRUPT: i32 = 11;
    const FULL: i32 = 13;
    const CANTOPEN: i32 = 14;
    const AUTH: i32 = 23;
    const NOTADB: i32 = 26;
    const PRIMARYKEY: i32 = 1555;
    const UNIQUE: i32 = 2067;
    if matches!(code, PRIMARYKEY | UNIQUE) {
        return ErrorKind::Conflict;
    }
    match code & 0xff {
        BUSY | LOCKED => ErrorKind::Busy,
        READONLY | FULL => ErrorKind::Full,
        CORRUPT | NOTADB => ErrorKind::Corrupt,
        PERM | CANTOPEN | AUTH => ErrorKind::Unreachable,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_codes_are_sorted_by_their_primary_code() {
        assert_eq!(of_code(5), ErrorKind::Busy);
        assert_eq!(of_code(517), ErrorKind::Busy, "SQLITE_BUSY_SNAPSHOT");
        assert_eq!(of_code(1032), ErrorKind::Full, "SQLITE_READONLY_DBMOVED");
        assert_eq!(of_code(779), ErrorKind::Corrupt, "SQLITE_CORRUPT_INDEX");
        assert_eq!(of_code(526), ErrorKind::Unreachable, "SQLITE_CANTOPEN_ISDIR");
        assert_eq!(of_code(2067), ErrorKind::Conflict, "SQLITE_CONSTRAINT_UNIQUE");
        assert_eq!(of_code(1299), ErrorKind::Other, "SQLITE_CONSTRAINT_NOTNULL");
    }
}
