//! Settings that the server keeps for all devices of an account, as opaque bytes: versions, keys, and the code of each entry.
use std::fmt;

use bytes::Bytes;

/// The state of one collection of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppStateVersion {
    /// The collection, such as `regular_high`.
    pub collection: String,
    /// Its version.
    pub version: u64,
    /// The hash over its entries, 128 bytes.
    pub hash: Bytes,
}

/// Writes to app state.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppStateChange {
    /// Writes where a collection stands.
    PutVersion(AppStateVersion),
    /// Writes a key that entries are encrypted with, under its id.
    PutKey {
        /// The id.
        id: Bytes,
        /// The key's own serialization, secret.
        key: Bytes,
    },
    /// Writes the code of one entry, under the code of its index.
    PutMac {
        /// The collection.
        collection: String,
        /// The code of the entry's index.
        index: Bytes,
        /// The code of its value.
        value: Bytes,
    },
    /// Removes the code of an entry; an absent one is accepted.
    DeleteMac {
        /// The collection.
        collection: String,
        /// The code of the entry's index.
        index: Bytes,
    },
    /// Forgets a collection's version and codes, so that it is fetched again. The keys stay.
    Reset {
        /// The collection.
        collection: String,
    },
}

impl fmt::Debug for AppStateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PutVersion(version) => f.debug_tuple("PutVersion").field(version).finish(),
            Self::PutKey { .. } => f.write_str("PutKey"),
            Self::PutMac { collection, .. } => f.debug_tuple("PutMac").field(collection).finish(),
            Self::DeleteMac { collection, .. } => f.debug_tuple("DeleteMac").field(collection).finish(),
            Self::Reset { collection } => f.debug_tuple("Reset").field(collection).finish(),
        }
    }
}
