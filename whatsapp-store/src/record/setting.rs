//! Settings: small values of a workspace, by name.
use std::fmt;

use bytes::Bytes;

/// Writes to settings. `Debug` shows the length of a value, never the value.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingChange {
    /// Makes the commit fail with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) unless the value is still the one that was
    /// read, as the changes before it in the commit leave things.
    Expect {
        /// The setting.
        name: String,
        /// The value that was read; `None` if there was none.
        value: Option<Bytes>,
    },
    /// Writes a value over any earlier one.
    Put {
        /// The setting.
        name: String,
        /// Its value. Sealed where the store seals secrets.
        value: Bytes,
    },
    /// Writes a value if there is none yet. When several nodes seed one name with random values, one value is stored: all
    /// nodes read it afterwards and use it.
    Seed {
        /// The setting.
        name: String,
        /// Its first value.
        value: Bytes,
    },
    /// Removes a value; an absent one is accepted.
    Delete {
        /// The setting.
        name: String,
    },
}

impl fmt::Debug for SettingChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name, value) = match self {
            Self::Expect { name, value } => ("Expect", name, value.as_ref()),
            Self::Put { name, value } => ("Put", name, Some(value)),
            Self::Seed { name, value } => ("Seed", name, Some(value)),
            Self::Delete { name } => ("Delete", name, None),
        };
        let mut shown = f.debug_struct(kind);
        shown.field("name", name);
        if let Some(value) = value {
            shown.field("value", &format_args!("{} bytes", value.len()));
        }
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_value() {
        let (name, value) = ("campaigns.key".to_owned(), Bytes::from_static(b"hidden"));
        let put = SettingChange::Put { name: name.clone(), value: value.clone() };
        let shown = format!("{put:?} {:?}", SettingChange::Seed { name, value });
        assert!(!shown.contains("hidden") && !shown.contains("104"), "{shown}");
        assert!(shown.contains("campaigns.key") && shown.contains("6 bytes"), "{shown}");
    }
}
