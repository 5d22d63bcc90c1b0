//! Keys and ratchets, as opaque bytes under typed keys.
/// What kind of record it is. The numbers are stored: never change one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum SignalKind {
    /// A peer device's identity key, by address.
    Identity = 1,
    /// A pairwise session, by address.
    Session = 2,
    /// A one-time prekey of ours, by id.
    PreKey = 3,
    /// A signed prekey of ours, by id.
    SignedPreKey = 4,
    /// A sender key, by group and address.
    SenderKey = 5,
    /// Which devices have our sender key, by group.
    SenderKeyShared = 6,
    /// A person's devices as last received, by user.
    DeviceList = 7,
}

impl SignalKind {
    /// The stored number.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// Names one record of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignalKey {
    /// Its kind.
    pub kind: SignalKind,
    /// Its name within the kind, made by the protocol client.
    pub id: String,
}

impl SignalKey {
    /// A key.
    pub fn new(kind: SignalKind, id: impl Into<String>) -> Self {
        Self { kind, id: id.into() }
    }
}
