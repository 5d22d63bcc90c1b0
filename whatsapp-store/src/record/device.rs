//! One account's device: its keys and what the server knows of it.
use std::fmt;

use bytes::Bytes;

/// The device state of one account. `state` holds private keys and is opaque here.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Own address by number once linked, as text.
    pub jid: Option<String>,
    /// Own linked id once known, as text.
    pub lid: Option<String>,
    /// The protocol client's own serialization, secret.
    pub state: Bytes,
}

impl fmt::Debug for DeviceRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceRecord").field("jid", &self.jid).field("lid", &self.lid).finish_non_exhaustive()
    }
}
