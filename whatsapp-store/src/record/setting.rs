//! Settings: small values of a workspace, by name.
use std::fmt;

use bytes::Bytes;

/// Writes to settings. Values are sealed at rest; `Debug` shows names alone.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingChange {
    /// Writes a value.
    Put {
        /// Its name, such as `campaigns/key`.
        name: String,
        /// The value.
        value: Bytes,
    },
    /// Writes a value unless there is one: of several nodes that make one at the same time, all read the same afterwards.
    Seed {
        /// Its name.
        name: String,
        /// The value.
        value: Bytes,
    },
    /// Removes a value; absent is fine.
    Delete {
        /// Its name.
        name: String,
    },
}

impl fmt::Debug for SettingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, name) = match self {
            Self::Put { name, .. } => ("Put", name),
            Self::Seed { name, .. } => ("Seed", name),
            Self::Delete { name } => ("Delete", name),
        };
        f.debug_tuple(what).field(name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let (name, value) = ("key".to_owned(), Bytes::from_static(b"hidden"));
        let shown = format!(
            "{:?}",
            [
                SettingChange::Put { name: name.clone(), value: value.clone() },
                SettingChange::Seed { name, value }
            ]
        );
        assert!(shown.contains("key") && !shown.contains("hidden") && !shown.contains("104"), "{shown}");
    }
}
