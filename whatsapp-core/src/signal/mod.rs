//! Signal: X3DH, the double ratchet and sender keys, in WhatsApp's wire format.
//!
//! Written from the public specifications ("The X3DH Key Agreement Protocol", "The Double Ratchet Algorithm", "The
//! XEdDSA and VXEdDSA Signature Schemes") and the wire facts of `docs/PROTOCOL.md`. Records in, records out: this
//! module does not store, wait, or read a clock.
//!
//! **Durability.** [`Session::encrypt`] and [`SenderKey::encrypt`] advance the record. Store the record before you send the
//! ciphertext: otherwise, after a crash, the same counter would encrypt another message with the same key.
//! That is cheap. A session in use is half a kilobyte, serialized in about half a microsecond, and one write serves any
//! number of messages encrypted before it. On an error a record is unchanged, so there is nothing to store.
mod address;
mod chain;
mod error;
mod keys;
mod sender_key;
mod session;
mod signed_pre_keys;
mod state;
mod wire;
mod x3dh;

pub use address::Address;
pub use error::SignalError;
pub use keys::{LocalIdentity, PreKey, PreKeyBundle, SignedPreKey};
pub use sender_key::SenderKey;
pub use session::{Received, Session, receive_pre_key};
pub use signed_pre_keys::SignedPreKeys;
pub use wire::{Ciphertext, CiphertextKind, PreKeyMessage};

#[cfg(test)]
mod tests;
