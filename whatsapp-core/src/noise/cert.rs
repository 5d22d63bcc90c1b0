//! The certificate chain that the server sends in the handshake (protocol notes 2.2).
use prost::Message;

use crate::{
    crypto::{self, PublicKey},
    proto::handshake::{CertChain, Certificate, CertificateDetails},
    time::Timestamp,
};

/// The key that chains must lead to. The default is the production root; a simulator has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrustRoot(pub PublicKey);

impl Default for TrustRoot {
    fn default() -> Self {
        Self(PublicKey::from_array([
            0x14, 0x23, 0x75, 0x57, 0x4d, 0x0a, 0x58, 0x71, 0x66, 0xaa, 0xe7, 0x1e, 0xbe, 0x51, 0x64, 0x37,
            0xc4, 0xa2, 0x8b, 0x73, 0xe3, 0x69, 0x5c, 0x6c, 0xe1, 0xf7, 0xf9, 0x54, 0x5d, 0xa8, 0xee, 0x6b,
        ]))
    }
}

/// Text that is not a root key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a trust root is 64 hexadecimal digits")]
pub struct TrustRootError;

impl std::str::FromStr for TrustRoot {
    type Err = TrustRootError;
    fn from_str(text: &str) -> Result<Self, TrustRootError> {
        let bytes =
            data_encoding::HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).map_err(|_| TrustRootError)?;
        PublicKey::from_raw(&bytes).map(Self).map_err(|_| TrustRootError)
    }
}

impl std::fmt::Display for TrustRoot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(self.0.as_bytes()))
    }
}

/// The check that a chain failed. No feature and no setting disables any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertError {
    /// No chain, or one with missing or unreadable parts.
    #[error("the server's certificate chain is malformed")]
    Malformed,
    /// The intermediate does not name the root (serial 0) as its issuer.
    #[error("the intermediate certificate is not issued by the root")]
    IntermediateIssuer,
    /// The root did not sign the intermediate.
    #[error("the root did not sign the intermediate certificate: is the trust root the one of this server?")]
    IntermediateSignature,
    /// The leaf does not name the intermediate as its issuer.
    #[error("the leaf certificate is not issued by the intermediate")]
    LeafIssuer,
    /// The intermediate did not sign the leaf.
    #[error("the intermediate did not sign the leaf certificate")]
    LeafSignature,
    /// The leaf is for another key than the server used in the handshake.
    #[error("the leaf certificate is for another key than the server's")]
    LeafKey,
    /// One of the two is not valid yet; or our clock is behind.
    #[error("a certificate is not valid yet: is the clock right?")]
    NotYetValid,
    /// One of the two has expired; or our clock is ahead.
    #[error("a certificate has expired: is the clock right?")]
    Expired,
}

/// A chain that passed every check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedChain {
    /// The server's static key.
    pub key: PublicKey,
    /// The time until which the chain may be reused without being sent again.
    pub not_after: Timestamp,
}

/// Checks a serialized chain: both signatures, both serial links, both validity windows, and that the leaf is for
/// the static key that the server used.
///
/// # Errors
/// Names the first check that failed.
pub fn verify_chain(
    chain: &[u8],
    server_static: &PublicKey,
    root: &TrustRoot,
    now: Timestamp,
) -> Result<VerifiedChain, CertError> {
    let chain = CertChain::decode(chain).map_err(|_| CertError::Malformed)?;
    let intermediate = Details::parse(chain.intermediate.as_ref())?;
    let leaf = Details::parse(chain.leaf.as_ref())?;

    if intermediate.issuer_serial != 0 {
        return Err(CertError::IntermediateIssuer);
    }
    let signed = root.0.verify(&[intermediate.bytes], intermediate.signature);
    signed.map_err(|_| CertError::IntermediateSignature)?;
    if leaf.issuer_serial != intermediate.serial {
        return Err(CertError::LeafIssuer);
    }
    intermediate.key.verify(&[leaf.bytes], leaf.signature).map_err(|_| CertError::LeafSignature)?;
    if !crypto::macs_equal(leaf.key.as_bytes(), server_static.as_bytes()) {
        return Err(CertError::LeafKey);
    }
    for certificate in [&intermediate, &leaf] {
        if now.as_secs() < certificate.not_before {
            return Err(CertError::NotYetValid);
        }
        if now.as_secs() > certificate.not_after {
            return Err(CertError::Expired);
        }
    }
    let not_after = Timestamp::from_secs(intermediate.not_after.min(leaf.not_after));
    Ok(VerifiedChain { key: leaf.key, not_after })
}

struct Details<'a> {
    bytes: &'a [u8],
    signature: &'a [u8],
    serial: u32,
    issuer_serial: u32,
    key: PublicKey,
    not_before: u64,
    not_after: u64,
}

impl<'a> Details<'a> {
    fn parse(certificate: Option<&'a Certificate>) -> Result<Self, CertError> {
        let read = || {
            let certificate = certificate?;
            let (bytes, signature) = (certificate.details.as_ref()?, certificate.signature.as_ref()?);
            let details = CertificateDetails::decode(&bytes[..]).ok()?;
            Some(Self {
                bytes,
                signature,
                serial: details.serial?,
                // proto3 writers leave a zero out.
                issuer_serial: details.issuer_serial.unwrap_or(0),
                key: PublicKey::from_raw(details.key.as_deref()?).ok()?,
                not_before: details.not_before?,
                not_after: details.not_after?,
            })
        };
        read().ok_or(CertError::Malformed)
    }
}
