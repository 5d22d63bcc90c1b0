//! The file itself: its path, its permissions, and its lock.
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::error::opening_file;
use crate::{Error, ErrorKind, Result};

/// How long a store that was just closed, or a process that is ending, may keep the lock.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

/// The canonical path of the file, whichever link led to it, so that every store of it finds the same lock.
pub(super) fn resolve(path: &Path) -> Result<PathBuf> {
    if let Ok(found) = fs::canonicalize(path) {
        return Ok(found);
    }
    let name =
        path.file_name().ok_or_else(|| opening_file(io::Error::from(io::ErrorKind::InvalidFilename)))?;
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => Path::new("."),
    };
    Ok(fs::canonicalize(folder).map_err(opening_file)?.join(name))
}

/// Creates the file readable by its owner only, before SQLite would make it readable by all. SQLite gives the log the
/// permissions of the file. An existing file keeps its permissions.
///
/// Call it only under the lock: on Unix, closing a file drops the locks that the whole process has on it, SQLite's
/// among them.
pub(super) fn make_private(path: &Path) -> Result<()> {
    match private().create_new(true).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(opening_file(error)),
        _ => Ok(()),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Held as long as a store is open. The system frees it when the process ends.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    pub(super) async fn take(path: &Path) -> Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push("-lock");
        let file = private().create(true).truncate(false).open(name).map_err(opening_file)?;
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) if waited < PATIENCE => {
                    tokio::time::sleep(PAUSE).await;
                    waited += PAUSE;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::new(ErrorKind::InUse, "opening the SQLite file"));
                }
                // The file system has no locks: better unguarded than unusable.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::Error(error)) => return Err(opening_file(error)),
            }
        }
    }
}
