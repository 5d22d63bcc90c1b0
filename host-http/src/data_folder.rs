//! The folder that is this node's own, locked for as long as the host runs: two hosts in one would delete each other's sandbox, and be
//! one node to a database that both use.
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
    sync::Arc,
};

use anyhow::{Context, bail};

/// A locked folder. The lock ends with the last clone, also when the process is killed.
#[derive(Clone, Debug)]
pub struct DataFolder {
    _lock: Arc<File>,
}

impl DataFolder {
    /// Makes the folder if it is not there, and locks it.
    ///
    /// # Errors
    /// When it cannot be used, or another host runs in it.
    pub fn lock(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let unusable = || format!("cannot use the data folder {shown}: choose another with --data-dir");
        std::fs::create_dir_all(path).with_context(unusable)?;
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path.join("host.lock")).with_context(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                drop(file.read_to_string(&mut process));
                let process = process.trim();
                bail!(
                    "another host (process {process}) runs in the data folder {shown}: stop it, or choose another with --data-dir"
                );
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(unusable),
        }
        // For the message above alone: a full disk is told by who needs it.
        drop(
            file.set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| write!(file, "{}", std::process::id())),
        );
        Ok(Self { _lock: Arc::new(file) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_in_a_folder() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("new/data");
        let first = DataFolder::lock(&path).unwrap();
        let refused = DataFolder::lock(&path).unwrap_err().to_string();
        assert!(
            refused.contains(&std::process::id().to_string()) && refused.contains("--data-dir"),
            "{refused}"
        );
        drop(first);
        assert!(DataFolder::lock(&path).is_ok() && path.join("host.lock").exists());
    }
}
