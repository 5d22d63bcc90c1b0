//! The stanzas of pairing.
use bytes::Bytes;
use compact_str::CompactString;

use super::code::{Finish, PrimaryHello, WRAPPED_LENGTH, WrappedKey};
use crate::{
    binary::{Node, NodeRef},
    crypto::PublicKey,
    jid::Jid,
    stanza::iq,
};

/// The number of codes on offer at once; the server sends six.
const MAX_REFS: usize = 32;
/// The server checks these two against a list: a browser and an operating system.
const PLATFORM_ID: &str = "1";
const PLATFORM_NAME: &str = "Chrome (Linux)";

/// Why a pairing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PairError {
    /// Unreadable, or parts are missing.
    #[error("the pairing data are malformed")]
    Malformed,
    /// The sender has not seen our code.
    #[error("the pairing data are not from a phone that saw our code (hmac-mismatch)")]
    HmacMismatch,
    /// The phone did not sign our key.
    #[error("the phone did not sign our key (signature-mismatch)")]
    SignatureMismatch,
    /// A key that cannot be used.
    #[error("a key in the pairing data cannot be used")]
    Key,
    /// An answer to another pairing.
    #[error("the phone answered another pairing: ask for a new code")]
    OtherPairing,
    /// A pair code was typed wrongly too often.
    #[error("the pair code was typed too often: ask for a new code")]
    TooManyAttempts,
}

impl PairError {
    /// Code and text of the answer to the server.
    const fn wire(self) -> (&'static str, &'static str) {
        match self {
            Self::HmacMismatch => ("401", "hmac-mismatch"),
            Self::SignatureMismatch => ("401", "signature-mismatch"),
            Self::Malformed | Self::Key | Self::OtherPairing | Self::TooManyAttempts => {
                ("500", "internal-error")
            }
        }
    }
}

/// The references of a `pair-device` request.
pub fn parse_pair_device(node: NodeRef<'_>) -> Option<Vec<CompactString>> {
    let refs = node.child("pair-device")?.children_named("ref");
    Some(refs.filter_map(|node| node.content_text()).map(CompactString::from).take(MAX_REFS).collect())
}

/// The answer to a `pair-device` request.
pub fn pair_device_answer(id: &str) -> Node {
    iq::result(id, Jid::SERVICE)
}

/// The contents of a `pair-success` request, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PairSuccess {
    /// Our address by number, with device.
    pub jid: Jid,
    /// Our linked id, with device.
    pub lid: Option<Jid>,
    /// Serialized SignedDeviceIdentityHmac.
    pub device_identity: Bytes,
}

impl PairSuccess {
    /// Reads one.
    ///
    /// # Errors
    /// When address or identity are missing, or the address is not that of a companion: its user is the number that the
    /// next login states, and device 0 is the phone itself.
    pub fn parse(node: NodeRef<'_>) -> Result<Self, PairError> {
        let read = || {
            let success = node.child("pair-success")?;
            let device = success.child("device")?;
            Some(Self {
                jid: device.attr_jid("jid").filter(is_companion)?,
                lid: device.attr_jid("lid").filter(|lid| lid.is_lid() && !lid.user.is_empty()),
                device_identity: success.child_bytes("device-identity")?.clone(),
            })
        };
        read().ok_or(PairError::Malformed)
    }
}

fn is_companion(jid: &Jid) -> bool {
    let digits = !jid.user.is_empty() && jid.user.bytes().all(|byte| byte.is_ascii_digit());
    jid.is_pn() && digits && jid.device != 0
}

/// The answer to a `pair-success` that passed every check.
pub fn pair_device_sign(id: &str, key_index: u32, identity: Bytes) -> Node {
    let identity = Node::new("device-identity").attr("key-index", key_index).bytes(identity);
    iq::result(id, Jid::SERVICE).child(Node::new("pair-device-sign").child(identity))
}

/// The answer to a `pair-success` that did not.
pub fn pair_error(id: &str, error: PairError) -> Node {
    let (code, text) = error.wire();
    let mut answer = iq::result(id, Jid::SERVICE);
    answer.set("type", "error");
    answer.child(Node::new("error").attr("code", code).attr("text", text))
}

fn link_code(stage: &'static str, jid: &Jid) -> Node {
    Node::new("link_code_companion_reg").attr("jid", jid).attr("stage", stage)
}

/// Tells the server that a code will be typed on the phone of that number.
pub fn companion_hello(phone: &Jid, wrapped: &WrappedKey, noise: &PublicKey) -> Node {
    let mut request = link_code("companion_hello", phone);
    request.set("should_show_push_notification", "true");
    iq::set("md").child(request.children([
        Node::new("link_code_pairing_wrapped_companion_ephemeral_pub").bytes(wrapped.0.to_vec()),
        Node::new("companion_server_auth_key_pub").bytes(noise.as_bytes().to_vec()),
        Node::new("companion_platform_id").bytes(PLATFORM_ID),
        Node::new("companion_platform_display").bytes(PLATFORM_NAME),
        Node::new("link_code_pairing_nonce").bytes(&[0][..]),
    ]))
}

/// The reference in the answer to [`companion_hello`].
pub fn parse_pairing_ref(node: NodeRef<'_>) -> Option<Vec<u8>> {
    let registration = node.child("link_code_companion_reg")?;
    registration.child_bytes("link_code_pairing_ref").map(|bytes| bytes.to_vec())
}

/// Reads the notification that the code was typed.
///
/// # Errors
/// When parts are missing.
pub fn parse_primary_hello(node: NodeRef<'_>) -> Result<PrimaryHello, PairError> {
    let read = || {
        let registration = node.child("link_code_companion_reg")?;
        let wrapped = registration.child_bytes("link_code_pairing_wrapped_primary_ephemeral_pub")?;
        let wrapped: [u8; WRAPPED_LENGTH] = wrapped[..].try_into().ok()?;
        Some(PrimaryHello {
            reference: registration.child_bytes("link_code_pairing_ref")?.to_vec(),
            wrapped_ephemeral: WrappedKey(wrapped),
            identity: PublicKey::from_raw(registration.child_bytes("primary_identity_pub")?).ok()?,
        })
    };
    read().ok_or(PairError::Malformed)
}

/// Completes the exchange.
pub fn companion_finish(phone: &Jid, finish: &Finish, identity: &PublicKey) -> Node {
    iq::set("md").child(link_code("companion_finish", phone).children([
        Node::new("link_code_pairing_wrapped_key_bundle").bytes(finish.bundle.clone()),
        Node::new("companion_identity_public").bytes(identity.as_bytes().to_vec()),
        Node::new("link_code_pairing_ref").bytes(finish.reference.clone()),
    ]))
}
