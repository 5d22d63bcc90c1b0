//! What can go wrong, sorted by what the caller does about it.
use std::{error::Error as StdError, fmt};

/// Result of a storage operation.
pub type Result<T> = std::result::Result<T, Error>;

/// A storage operation that failed. "Not there" is not an error but `None`.
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
    /// The disk is full or the file is read-only: nothing can be written until somebody makes room.
    Full,
    /// What is stored cannot be understood: a damaged file, or not a database of ours.
    Corrupt,
    /// The database was written by a newer version of this library: update the program.
    NewerSchema,
    /// It cannot be opened: a wrong path, address or permission.
    Unreachable,
    /// The URL names no backend of this build.
    UnknownBackend,
    /// Anything else the backend reports.
    Other,
}

impl Error {
    /// An error that arose while `doing`, such as "reading a session".
    pub fn new(kind: ErrorKind, doing: &'static str) -> Self {
        Self { kind, doing, source: None }
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

    /// May the same call succeed later, without anybody doing something?
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::Busy)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::Busy => "the store is busy or its connection was lost",
            ErrorKind::Full => "the store cannot be written: the disk is full or the file is read-only",
            ErrorKind::Corrupt => "the store holds something that cannot be understood",
            ErrorKind::NewerSchema => "the store was written by a newer version: update this program",
            ErrorKind::Unreachable => {
                "the store cannot be opened: check its path or address, and the permissions"
            }
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
