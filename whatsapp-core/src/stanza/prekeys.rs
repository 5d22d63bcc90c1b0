//! Prekeys: counting, uploading, checking and fetching (`iq` namespace `encrypt`).
use bytes::Bytes;
use sha1::{Digest as _, Sha1};

use super::{StanzaError, id_bytes, iq, number};
use crate::{
    binary::{Node, NodeRef},
    crypto::{PublicKey, SIGNATURE_LENGTH},
    jid::Jid,
};

/// The key type of Curve25519, alone in `type` elements.
const KEY_TYPE: &[u8] = &[5];
/// Larger answers are refused.
const MAX_BUNDLES: usize = 20_000;

/// A signed prekey: id, key, signature.
pub type Signed = (u32, PublicKey, [u8; SIGNATURE_LENGTH]);

/// Asks how many of our one-time prekeys the server has.
pub fn count_query() -> Node {
    iq::get("encrypt").child(Node::new("count"))
}

/// The answer to [`count_query`].
///
/// # Errors
/// When there is no count in it.
pub fn parse_count(node: NodeRef<'_>) -> Result<u32, StanzaError> {
    let mut count = node.child("count").ok_or(StanzaError::Missing("count"))?.reader();
    let value = count.u64("value");
    count.finish()?;
    u32::try_from(value).map_err(|_| StanzaError::Malformed("count"))
}

/// Uploads one-time prekeys with the identity and the signed prekey.
pub fn upload(registration_id: u32, identity: &PublicKey, signed: Signed, keys: &[(u32, PublicKey)]) -> Node {
    let list = Node::new("list").children(keys.iter().map(|(id, key)| key_node("key", *id, key)));
    iq::set("encrypt").children([
        Node::new("registration").bytes(registration_id.to_be_bytes().to_vec()),
        Node::new("type").bytes(KEY_TYPE),
        Node::new("identity").bytes(identity.as_bytes().to_vec()),
        list,
        signed_node(signed),
    ])
}

/// Replaces the signed prekey.
pub fn rotate(signed: Signed) -> Node {
    iq::set("encrypt").child(Node::new("rotate").child(signed_node(signed)))
}

pub(super) fn key_node(tag: &'static str, id: u32, key: &PublicKey) -> Node {
    Node::new(tag)
        .child(Node::new("id").bytes(id_bytes(id).to_vec()))
        .child(Node::new("value").bytes(key.as_bytes().to_vec()))
}

pub(super) fn signed_node((id, key, signature): Signed) -> Node {
    key_node("skey", id, &key).child(Node::new("signature").bytes(signature.to_vec()))
}

/// Asks for bundles of devices. `identity` says that a changed identity is the reason.
pub fn bundle_query(jids: &[Jid], identity: bool) -> Node {
    let users = jids.iter().map(|jid| {
        let user = Node::new("user").attr("jid", jid);
        if identity { user.attr("reason", "identity") } else { user }
    });
    iq::get("encrypt").child(Node::new("key").children(users))
}

/// A bundle as the server gave it: nothing in it is verified yet.
#[derive(Clone, Debug)]
pub struct FetchedBundle {
    /// Of the device.
    pub registration_id: u32,
    /// Its identity.
    pub identity: PublicKey,
    /// Id of the signed prekey.
    pub signed_pre_key_id: u32,
    /// The signed prekey.
    pub signed_pre_key: PublicKey,
    /// The signature over it, by the identity.
    pub signature: [u8; SIGNATURE_LENGTH],
    /// One-time prekey.
    pub pre_key: Option<(u32, PublicKey)>,
    /// A companion's serialized SignedDeviceIdentity.
    pub device_identity: Option<Bytes>,
}

/// Why there is no bundle for a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The server says so; 404 for devices that it does not know.
    #[error("the server has no prekeys of this device (error {0})")]
    Refused(u32),
    /// It sent something else.
    #[error(transparent)]
    Malformed(#[from] StanzaError),
}

/// What the server gave for one device.
pub type Bundle = (Jid, Result<FetchedBundle, BundleError>);

/// The answer to [`bundle_query`]: one entry per device. An error in one does not affect the others.
///
/// # Errors
/// When the answer as a whole is malformed.
pub fn parse_bundles(node: NodeRef<'_>) -> Result<Vec<Bundle>, StanzaError> {
    let list = node.child("list").ok_or(StanzaError::Missing("list"))?;
    let users = list.children_named("user").take(MAX_BUNDLES);
    Ok(users.filter_map(|user| Some((user.attr_jid("jid")?, parse_user(user)))).collect())
}

fn parse_user(user: NodeRef<'_>) -> Result<FetchedBundle, BundleError> {
    if let Some(error) = user.child("error") {
        let code = error.attr_text("code").and_then(|code| code.parse().ok());
        return Err(BundleError::Refused(code.unwrap_or(0)));
    }
    let registration = user.child_bytes("registration").and_then(|bytes| number(bytes));
    Ok(parse_keys(user, registration.ok_or(StanzaError::Missing("registration"))?)?)
}

/// Identity, signed prekey and one-time prekey below `node`: of a bundle, or of a retry receipt's `keys`.
pub(super) fn parse_keys(node: NodeRef<'_>, registration_id: u32) -> Result<FetchedBundle, StanzaError> {
    if node.child_bytes("type").is_some_and(|kind| kind != KEY_TYPE) {
        return Err(StanzaError::Malformed("type"));
    }
    let identity = node.child_bytes("identity").ok_or(StanzaError::Missing("identity"))?;
    let signed = node.child("skey").ok_or(StanzaError::Missing("skey"))?;
    let (signed_pre_key_id, signed_pre_key) = parse_key(signed)?;
    let signature = signed.child_bytes("signature").ok_or(StanzaError::Missing("signature"))?;
    Ok(FetchedBundle {
        registration_id,
        identity: PublicKey::from_raw(identity)?,
        signed_pre_key_id,
        signed_pre_key,
        signature: signature[..].try_into().map_err(|_| StanzaError::Malformed("signature"))?,
        pre_key: node.child("key").map(parse_key).transpose()?,
        device_identity: node.child_bytes("device-identity").cloned(),
    })
}

fn parse_key(node: NodeRef<'_>) -> Result<(u32, PublicKey), StanzaError> {
    let id = node.child_bytes("id").and_then(|bytes| number(bytes)).ok_or(StanzaError::Missing("id"))?;
    let value = node.child_bytes("value").ok_or(StanzaError::Missing("value"))?;
    Ok((id, PublicKey::from_raw(value)?))
}

/// Asks for a hash of our keys at the server.
pub fn digest_query() -> Node {
    iq::get("encrypt").child(Node::new("digest"))
}

/// The answer to [`digest_query`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Ids of the one-time prekeys, in the order they are hashed in.
    pub pre_key_ids: Vec<u32>,
    /// As [`digest_hash`] makes it.
    pub hash: [u8; 20],
}

/// Reads the answer to [`digest_query`].
///
/// # Errors
/// When parts are missing.
pub fn parse_digest(node: NodeRef<'_>) -> Result<Digest, StanzaError> {
    let digest = node.child("digest").ok_or(StanzaError::Missing("digest"))?;
    let list = digest.child("list").ok_or(StanzaError::Missing("list"))?;
    // Either <id/> alone or <key><id/></key>.
    let ids = list.children().take(MAX_BUNDLES).map(|entry| {
        let bytes = entry.bytes().or_else(|| entry.child_bytes("id"));
        bytes.and_then(|bytes| number(bytes)).ok_or(StanzaError::Malformed("id"))
    });
    let hash = digest.child_bytes("hash").ok_or(StanzaError::Missing("hash"))?;
    Ok(Digest {
        pre_key_ids: ids.collect::<Result<_, _>>()?,
        hash: hash[..].try_into().map_err(|_| StanzaError::Malformed("hash"))?,
    })
}

/// SHA-1 over identity, signed prekey, its signature, and the one-time prekeys in list order.
pub fn digest_hash(
    identity: &PublicKey,
    signed: &PublicKey,
    signature: &[u8; SIGNATURE_LENGTH],
    keys: &[PublicKey],
) -> [u8; 20] {
    let mut hash = Sha1::new();
    hash.update(identity.as_bytes());
    hash.update(signed.as_bytes());
    hash.update(signature);
    keys.iter().for_each(|key| hash.update(key.as_bytes()));
    hash.finalize().into()
}
