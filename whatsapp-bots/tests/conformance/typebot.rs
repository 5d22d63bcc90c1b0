//! Bots of templates.
use std::path::Path;

pub(crate) fn all(_folder: &Path) -> Result<(), String> {
    Ok(())
}
