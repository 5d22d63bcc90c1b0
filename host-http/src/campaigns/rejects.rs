//! Lists of rows that were refused, one file for each campaign. They name people: they go with the campaign.
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::error::{ApiError, ApiResult};

/// Where the lists are.
#[derive(Clone, Debug)]
pub struct Rejects {
    folder: Arc<Path>,
}

/// A list that is being written.
#[derive(Debug)]
pub(crate) struct List {
    path: PathBuf,
    file: tempfile::NamedTempFile,
}

impl Rejects {
    /// In a folder, which is made when it is needed.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.into() }
    }

    /// Ids are letters, digits, hyphens and underscores: they are names of files, too.
    fn path(&self, id: &str) -> Option<PathBuf> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (!id.is_empty() && id.bytes().all(is_plain)).then(|| self.folder.join(format!("{id}.csv")))
    }

    pub(crate) fn begin(&self, id: &str) -> ApiResult<List> {
        let path = self.path(id).ok_or_else(|| ApiError::not_found("there is no such campaign"))?;
        fs::create_dir_all(&self.folder).map_err(|error| failed(&error))?;
        let file = tempfile::NamedTempFile::new_in(&self.folder).map_err(|error| failed(&error))?;
        Ok(List { path, file })
    }

    /// Where files may lie for the time of an upload: on the disk of the data, and not in a folder that lies in memory.
    pub(crate) fn folder(&self) -> io::Result<&Path> {
        fs::create_dir_all(&self.folder)?;
        Ok(&self.folder)
    }

    pub(crate) async fn read(&self, id: &str) -> Option<String> {
        tokio::fs::read_to_string(self.path(id)?).await.ok()
    }

    /// Absent is fine.
    pub(crate) async fn remove(&self, id: &str) {
        if let Some(path) = self.path(id) {
            let _ = tokio::fs::remove_file(path).await;
        }
    }
}

impl List {
    pub(crate) fn writer(&self) -> ApiResult<fs::File> {
        self.file.reopen().map_err(|error| failed(&error))
    }

    /// In place of the one before.
    pub(crate) fn keep(self) -> ApiResult<()> {
        self.file.persist(self.path).map(drop).map_err(|error| failed(&error.error))
    }
}

fn failed(error: &io::Error) -> ApiError {
    tracing::error!(%error, "a list of refused rows could not be written");
    ApiError::internal("the list of refused rows could not be written: see the log")
}
