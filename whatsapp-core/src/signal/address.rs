//! The name that a device's records are kept under.
use std::fmt;

use compact_str::{CompactString, format_compact};

use crate::jid::Jid;

/// `user@server:device`, the device always written: local only, never on the wire.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(CompactString);

impl Address {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Jid> for Address {
    fn from(jid: &Jid) -> Self {
        Self(format_compact!("{}@{}:{}", jid.user, jid.server.as_str(), jid.device))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
