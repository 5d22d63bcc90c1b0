//! The contents of a pairing QR code.
use std::fmt;

use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::crypto::PublicKey;

/// Phones open this link when the code is scanned by their camera.
const DEEP_LINK: &str = "https://wa.me/settings/linked_devices#";
/// Longer texts are no codes.
const MAX_LENGTH: usize = 2048;

/// The contents of one code.
#[derive(Clone, PartialEq, Eq)]
pub struct QrCode {
    /// The server's reference, valid for one code.
    pub reference: String,
    /// The device's noise key.
    pub noise: PublicKey,
    /// The device's identity key.
    pub identity: PublicKey,
    /// The secret that proves the scan; it travels only by sight.
    pub adv_secret: Zeroizing<[u8; 32]>,
    /// The kind of client.
    pub client_type: ClientType,
}

/// The fifth field of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientType {
    /// `0`.
    Unknown,
    /// `1`.
    Chrome,
    /// `2`.
    Edge,
    /// `3`.
    Firefox,
    /// `5`.
    Opera,
    /// `6`.
    Safari,
    /// `7`.
    Electron,
    /// `9`, and everything not listed here.
    OtherWeb,
}

impl ClientType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "0",
            Self::Chrome => "1",
            Self::Edge => "2",
            Self::Firefox => "3",
            Self::Opera => "5",
            Self::Safari => "6",
            Self::Electron => "7",
            Self::OtherWeb => "9",
        }
    }

    fn from_wire(text: &str) -> Self {
        const ALL: [ClientType; 7] = [
            ClientType::Unknown,
            ClientType::Chrome,
            ClientType::Edge,
            ClientType::Firefox,
            ClientType::Opera,
            ClientType::Safari,
            ClientType::Electron,
        ];
        ALL.into_iter().find(|kind| kind.as_str() == text).unwrap_or(Self::OtherWeb)
    }
}

/// Text that is no pairing code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QrError {
    /// Four or five fields between commas are needed.
    #[error("not a pairing code: it has {0} fields, not four or five")]
    Fields(usize),
    /// A field is not base64 of 32 bytes.
    #[error("not a pairing code: its {0} is not 32 bytes of base64")]
    Field(&'static str),
    /// Codes are short.
    #[error("not a pairing code: too long")]
    TooLong,
    /// The first field is empty.
    #[error("not a pairing code: it has no reference")]
    NoReference,
}

impl QrCode {
    /// The text to show as QR code: deep link and five fields. Secret.
    pub fn to_text(&self) -> String {
        let [noise, identity, secret] = [self.noise.as_bytes(), self.identity.as_bytes(), &*self.adv_secret]
            .map(|bytes| BASE64.encode(bytes));
        format!("{DEEP_LINK}{},{noise},{identity},{secret},{}", self.reference, self.client_type.as_str())
    }

    /// Reads a code in any form in use: with or without the deep link, with four or five fields.
    ///
    /// # Errors
    /// The problem, without repeating the text.
    pub fn parse(text: &str) -> Result<Self, QrError> {
        if text.len() > MAX_LENGTH {
            return Err(QrError::TooLong);
        }
        let text = text.trim();
        let text = text.rsplit_once('#').map_or(text, |(_, fields)| fields);
        let fields: Vec<&str> = text.split(',').collect();
        let (reference, noise, identity, secret, kind) = match fields[..] {
            [reference, noise, identity, secret] => (reference, noise, identity, secret, "0"),
            [reference, noise, identity, secret, kind] => (reference, noise, identity, secret, kind),
            _ => return Err(QrError::Fields(fields.len())),
        };
        if reference.is_empty() {
            return Err(QrError::NoReference);
        }
        Ok(Self {
            reference: reference.to_owned(),
            noise: PublicKey::from_array(key(noise, "noise key")?),
            identity: PublicKey::from_array(key(identity, "identity key")?),
            adv_secret: Zeroizing::new(key(secret, "secret")?),
            client_type: ClientType::from_wire(kind),
        })
    }
}

fn key(text: &str, what: &'static str) -> Result<[u8; 32], QrError> {
    let bytes = BASE64.decode(text.as_bytes()).map_err(|_| QrError::Field(what))?;
    bytes.try_into().map_err(|_| QrError::Field(what))
}

impl fmt::Debug for QrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QrCode").field("client_type", &self.client_type).finish_non_exhaustive()
    }
}
