//! Randomness that another implementation drew, drawn again in the same order, and hex out of JSON.
#![allow(dead_code, clippy::unwrap_used)]
use std::convert::Infallible;

use data_encoding::HEXLOWER;
use rand::{TryCryptoRng, TryRng};
use serde_json::Value as Json;
use whatsapp_core::crypto::{KeyPair, PrivateKey};

pub(crate) struct Draws(std::vec::IntoIter<u8>);

impl Draws {
    pub(crate) fn new(parts: &[&[u8]]) -> Self {
        Self(parts.concat().into_iter())
    }

    /// How much is left: code that drew less than the other implementation did something else.
    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }
}

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        out.fill_with(|| self.0.next().unwrap());
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

pub(crate) fn vectors(name: &str) -> Json {
    let path = format!("{}/testdata/{name}/vectors.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub(crate) fn hex(json: &Json) -> Vec<u8> {
    HEXLOWER.decode(json.as_str().unwrap().as_bytes()).unwrap()
}

pub(crate) fn key(json: &Json) -> KeyPair {
    PrivateKey::from_raw(&hex(json)).unwrap().into()
}
