//! One-time prekeys that were handed out in retry receipts and are unused.
//!
//! A sender of unreadable messages makes us hand out keys. So a device gets the same key for each of its messages,
//! and the oldest keys are deleted when there are too many.
use std::collections::VecDeque;

use crate::{crypto::PublicKey, proto::record};

/// The number of devices whose keys are kept.
const MOST: usize = 256;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RetryPreKeys(VecDeque<RetryPreKey>);

#[derive(Clone, Debug, PartialEq)]
struct RetryPreKey {
    id: u32,
    public: PublicKey,
    /// The Signal address of the device that it was handed to.
    device: String,
}

impl RetryPreKeys {
    /// The key that this device was handed before.
    pub(crate) fn find(&self, device: &str) -> Option<(u32, PublicKey)> {
        self.0.iter().find(|key| key.device == device).map(|key| (key.id, key.public))
    }

    /// Notes a key. Returns the id of a key that is now too old and must be deleted.
    pub(crate) fn insert(&mut self, device: &str, id: u32, public: PublicKey) -> Option<u32> {
        let oldest = if self.0.len() >= MOST { self.0.pop_front() } else { None };
        self.0.push_back(RetryPreKey { id, public, device: device.to_owned() });
        oldest.map(|key| key.id)
    }

    /// The key is used up. `false` when it was not one of these.
    pub(crate) fn remove(&mut self, id: u32) -> bool {
        let before = self.0.len();
        self.0.retain(|key| key.id != id);
        self.0.len() < before
    }

    pub(crate) fn to_proto(&self) -> Vec<record::RetryPreKey> {
        let key = |key: &RetryPreKey| record::RetryPreKey {
            id: key.id,
            public: key.public.as_bytes().to_vec(),
            device: key.device.clone(),
        };
        self.0.iter().map(key).collect()
    }

    /// `None` when a key is malformed.
    pub(crate) fn from_proto(keys: &[record::RetryPreKey]) -> Option<Self> {
        let key = |key: &record::RetryPreKey| {
            Some(RetryPreKey {
                id: key.id,
                public: PublicKey::from_raw(&key.public).ok()?,
                device: key.device.clone(),
            })
        };
        keys.iter().map(key).collect::<Option<_>>().map(Self)
    }
}
