//! What can go wrong, sorted by what the caller does about it.
use std::{error::Error as StdError, fmt};

/// Result of a storage operation.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed storage operation. "Not there" is not an error but `None`.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    doing: &'static str,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Locked, out of connections, or connection lost: the same call may succeed later.
    Busy,
    /// The disk is full or the file is read-only: nothing can be written before there is room.
    Full,
    /// The stored data cannot be understood: a damaged file, or not a database of this library.
    Corrupt,
    /// The database was written by a newer version of this library: update the program.
    NewerSchema,
    /// It cannot be opened: a wrong path, address or permission.
    Unreachable,
    /// Another process, or another store in this process, has it open. Two writers on one ratchet state would break
    /// conversations, so the second is refused.
    InUse,
    /// The URL names no backend of this build.
    UnknownBackend,
    /// Secrets are sealed with a key that was not given, or a given key is malformed.
    WrongKey,
    /// The commit depends on a lease that has a new holder: stop the work that it covers.
    Fenced,
    /// The state that the commit builds on has changed, or a name, number or address is taken: read again and decide again.
    Conflict,
    /// The cursor is none of the list's: begin with the first page.
    BadCursor,
    /// The changes contradict themselves: a mistake of the caller, and the same call will fail again.
    Invalid,
    /// Any other error of the backend.
    Other,
}

impl Error {
    /// An error that arose while `doing`, such as "reading a session".
    pub fn new(kind: ErrorKind, doing: &'static str) -> Self {
        Self { kind, doing, source: None }
    }

    /// The cursor of a page is none.
    #[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
    pub(crate) fn bad_cursor() -> Self {
        Self::new(ErrorKind::BadCursor, "reading a page")
    }

    /// With the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Its kind.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The same error once more, for another caller that it hits too.
    #[cfg(feature = "sqlite")]
    pub(crate) fn again(&self) -> Self {
        let source = self.source.as_ref().map(|source| source.to_string().into());
        Self { kind: self.kind, doing: self.doing, source }
    }

    /// May the same call succeed later without intervention?
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::Busy)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::Busy => "the store is busy or its connection was lost: try again",
            ErrorKind::Full => {
                "the store cannot be written: its disk is full or it is read-only; make room or allow writing"
            }
            ErrorKind::Corrupt => {
                "the store holds something that cannot be understood: check that it is the right one, \
                 or restore a backup"
            }
            ErrorKind::NewerSchema => "the store was written by a newer version: update this program",
            ErrorKind::Unreachable => {
                "the store cannot be opened: check its path or address, and the permissions"
            }
            ErrorKind::WrongKey => {
                "the storage key is missing or wrong: give the key that it was written with"
            }
            ErrorKind::Fenced => "somebody else has the lease that this was done under: nothing was written",
            ErrorKind::Conflict => {
                "what is stored is not what was expected, or a name is taken: nothing was written"
            }
            ErrorKind::BadCursor => "the cursor is none of this list's: begin with the first page",
            ErrorKind::InUse => "the store is open elsewhere: stop the other process first",
            ErrorKind::Invalid => "the changes contradict themselves",
            ErrorKind::UnknownBackend => "no storage backend of this build has that URL scheme",
            ErrorKind::Other => "the store reports an error",
        };
        write!(f, "{}: {what}", self.doing)?;
        match &self.source {
            Some(source) => write!(f, " ({source})"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_action_the_problem_and_the_cause() {
        let error = Error::new(ErrorKind::Full, "writing a message").because("no space left on device");
        assert_eq!(
            error.to_string(),
            "writing a message: the store cannot be written: its disk is full or it is read-only; \
             make room or allow writing (no space left on device)"
        );
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no space left on device"));
    }

    #[test]
    fn only_busy_errors_are_retryable() {
        use ErrorKind::{
            Busy, Conflict, Corrupt, Fenced, Full, InUse, Invalid, NewerSchema, Other, UnknownBackend,
            Unreachable, WrongKey,
        };
        let kinds = [
            Busy,
            Full,
            Corrupt,
            NewerSchema,
            Unreachable,
            InUse,
            UnknownBackend,
            WrongKey,
            Fenced,
            Conflict,
            Invalid,
            Other,
        ];
        let retryable: Vec<_> =
            kinds.into_iter().filter(|kind| Error::new(*kind, "testing").is_retryable()).collect();
        assert_eq!(retryable, [Busy]);
    }
}
