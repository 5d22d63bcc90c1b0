//! PostgreSQL's errors, sorted by what the caller does about them.
use crate::{Error, ErrorKind};

/// While opening, an error that is temporary otherwise means a server that cannot be reached.
pub(crate) fn opening(error: sqlx::Error) -> Error {
    const DOING: &str = "opening the PostgreSQL database";
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Configuration(_) => Error::new(ErrorKind::Unreachable, DOING).because(error),
        error => sorted(DOING, error),
    }
}

pub(crate) fn reading(error: sqlx::Error) -> Error {
    sorted("reading from the PostgreSQL database", error)
}

pub(crate) fn writing(error: sqlx::Error) -> Error {
    sorted("writing to the PostgreSQL database", error)
}

pub(crate) fn sorted(doing: &'static str, error: sqlx::Error) -> Error {
    let kind = match &error {
        sqlx::Error::Database(database) => database.code().map_or(ErrorKind::Other, |code| of_state(&code)),
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => ErrorKind::Busy,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => ErrorKind::Corrupt,
        _ => ErrorKind::Other,
    };
    match error {
        // The driver's own text may quote the values of the statement.
        sqlx::Error::Database(error) if kind == ErrorKind::Conflict => {
            Error::new(kind, doing).because(error.constraint().unwrap_or("a unique index").to_owned())
        }
        error => Error::new(kind, doing).because(error),
    }
}

/// By SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn of_state(state: &str) -> ErrorKind {
    match state {
        // Out of disk.
        "53100" => ErrorKind::Full,
        // Read-only transaction: a standby, or a server that was set read-only.
        "25006" => ErrorKind::Full,
        // No such database or schema, or no right to it.
        "3D000" | "3F000" | "42501" => ErrorKind::Unreachable,
        // A damaged page or index; tables or columns that are missing or foreign.
        "XX001" | "XX002" | "42P01" | "42703" | "42P07" => ErrorKind::Corrupt,
        // Unique violation.
        "23505" => ErrorKind::Conflict,
        // Lock not available, cancelled by a time limit.
        "55P03" | "57014" => ErrorKind::Busy,
        _ => match state.get(..2) {
            // Connection exceptions; out of connections or memory; shutting down or starting up; serialization failures
            // and deadlocks.
            Some("08" | "53" | "57" | "40") => ErrorKind::Busy,
            // Authentication failed.
            Some("28") => ErrorKind::Unreachable,
            _ => ErrorKind::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_states_map_to_error_kinds() {
        let kinds = [
            ("53100", ErrorKind::Full),
            ("53300", ErrorKind::Busy),
            ("25006", ErrorKind::Full),
            ("40P01", ErrorKind::Busy),
            ("57P01", ErrorKind::Busy),
            ("08006", ErrorKind::Busy),
            ("28P01", ErrorKind::Unreachable),
            ("3D000", ErrorKind::Unreachable),
            ("XX001", ErrorKind::Corrupt),
            ("42P01", ErrorKind::Corrupt),
            ("23505", ErrorKind::Conflict),
            ("23502", ErrorKind::Other),
        ];
        for (state, kind) in kinds {
            assert_eq!(of_state(state), kind, "{state}");
        }
    }
}
