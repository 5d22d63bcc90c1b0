//! The secret of a workspace that its message ids are made with.
use std::fmt;

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};

use bytes::Bytes;
use rand::RngExt;
use whatsapp_store::{Changes, Error, ErrorKind, SettingChange, Store, WorkspaceId};
use zeroize::Zeroizing;

use crate::id::MessageIds;

/// Tells these blocks from those that message ids and variants are made from.
const DOMAIN: u8 = 0xAC;

/// Made from one random key, which is kept for as long as receipts may come.
#[derive(Clone)]
pub struct Keys {
    /// Makes message ids.
    pub ids: MessageIds,
    people: Aes256,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// The setting that holds the key of a workspace.
const SETTING: &str = "campaigns/key";

impl Keys {
    /// Those of a workspace; the key is made when it is asked for the first time, and is the same for all nodes.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub async fn of(store: &dyn Store, workspace: &WorkspaceId) -> Result<Self, Error> {
        for _ in 0..2 {
            if let Some(stored) = store.setting(workspace, SETTING).await? {
                let key = <[u8; 32]>::try_from(&stored[..])
                    .map_err(|_| Error::new(ErrorKind::Corrupt, "reading the campaigns' key"))?;
                return Ok(Self::new(&key));
            }
            let mut key = Zeroizing::new([0; 32]);
            rand::rng().fill(&mut key[..]);
            let mut changes = Changes::new(workspace.clone());
            let value = Bytes::copy_from_slice(&key[..]);
            changes.push(SettingChange::Seed { name: SETTING.to_owned(), value });
            store.commit(changes).await?;
        }
        Err(Error::new(ErrorKind::Corrupt, "keeping the campaigns' key"))
    }

    /// With a random key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { ids: MessageIds::new(key), people: Aes256::new(key.into()) }
    }

    /// A number for an address, under which limits are kept: nobody without the key can turn it back.
    pub fn person(&self, address: &str) -> u64 {
        let mut state = [0; 16];
        state[0] = DOMAIN;
        // The length first: no address continues another.
        state[8..].copy_from_slice(&(address.len() as u64).to_be_bytes());
        let mut state = state.into();
        self.people.encrypt_block(&mut state);
        for chunk in address.as_bytes().chunks(16) {
            for (place, byte) in chunk.iter().enumerate() {
                state[place] ^= byte;
            }
            self.people.encrypt_block(&mut state);
        }
        let whole: [u8; 16] = state.into();
        u64::from_be_bytes([whole[0], whole[1], whole[2], whole[3], whole[4], whole[5], whole[6], whole[7]])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_person_is_one_number_under_one_key() {
        let keys = Keys::new(&[7; 32]);
        let all: BTreeSet<u64> = (0..5_000).map(|n| keys.person(&format!("49151{n:08}"))).collect();
        assert_eq!(all.len(), 5_000);
        assert_eq!(keys.person("4915112345678"), Keys::new(&[7; 32]).person("4915112345678"));
        assert_ne!(keys.person("4915112345678"), Keys::new(&[8; 32]).person("4915112345678"));
        assert_ne!(keys.person(""), keys.person("\0"));
        let long = "x".repeat(40);
        assert_ne!(keys.person(&long), keys.person(&long[..39]));
    }
}
