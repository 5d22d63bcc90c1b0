//! Receipts: delivered, read, and "please send that again".
use bytes::Bytes;
use compact_str::CompactString;

use super::{
    StanzaError,
    message::MessageStanza,
    number,
    prekeys::{self, FetchedBundle, Signed},
};
use crate::{
    binary::{Node, NodeRef},
    crypto::{PublicKey, SIGNATURE_LENGTH},
    jid::Jid,
    time::Timestamp,
};

/// Ids in one stanza.
const MAX_IDS: usize = 256;

/// The meaning of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiptKind {
    /// No type: it reached a device.
    Delivery,
    /// It reached a device that does not show presence.
    Inactive,
    /// It was read.
    Read,
    /// It was read on another device of ours.
    ReadSelf,
    /// It was played.
    Played,
    /// It reached another device of the sender.
    Sender,
    /// A message between own devices arrived.
    PeerMsg,
    /// History arrived.
    HistorySync,
    /// A media file is missing.
    ServerError,
    /// It could not be decrypted: a retry receipt.
    Retry,
    /// Something newer than this.
    Other,
}

impl ReceiptKind {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Inactive, "inactive"),
        (Self::Read, "read"),
        (Self::ReadSelf, "read-self"),
        (Self::Played, "played"),
        (Self::Sender, "sender"),
        (Self::PeerMsg, "peer_msg"),
        (Self::HistorySync, "hist_sync"),
        (Self::ServerError, "server-error"),
        (Self::Retry, "retry"),
    ];

    fn from_wire(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::Delivery };
        Self::ALL.iter().find(|(_, name)| *name == text).map_or(Self::Other, |(kind, _)| *kind)
    }

    fn as_wire(self) -> Option<&'static str> {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map(|(_, name)| *name)
    }
}

/// An incoming receipt.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Receipt {
    /// The device, or the group.
    pub from: Jid,
    /// In groups, the device.
    pub participant: Option<Jid>,
    /// Its meaning.
    pub kind: ReceiptKind,
    /// Its messages; the first is the stanza's own id.
    pub ids: Vec<CompactString>,
    /// On retry receipts.
    pub retry: Option<RetryRequest>,
}

/// A device that could not decrypt a message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RetryRequest {
    /// The attempt, by the device's count.
    pub count: u8,
    /// The message.
    pub id: CompactString,
    /// The device's registration id.
    pub registration_id: u32,
    /// Keys for a new session.
    pub keys: Option<FetchedBundle>,
}

impl Receipt {
    /// Reads one.
    ///
    /// # Errors
    /// When id or sender are missing, or a retry receipt does not say what for.
    pub fn parse(node: NodeRef<'_>) -> Result<Self, StanzaError> {
        let mut attrs = node.reader();
        let (id, from, participant) = (attrs.text("id"), attrs.jid("from"), attrs.opt_jid("participant"));
        attrs.finish()?;
        let kind = ReceiptKind::from_wire(node.attr_text("type"));
        let more = node.child("list").into_iter().flat_map(|list| list.children_named("item"));
        let more = more.filter_map(|item| item.attr_text("id")).map(CompactString::from);
        let ids = std::iter::once(id.clone()).chain(more.take(MAX_IDS)).collect();
        let retry = if kind == ReceiptKind::Retry { Some(parse_retry(node, &id)?) } else { None };
        Ok(Self { from, participant, kind, ids, retry })
    }
}

fn parse_retry(node: NodeRef<'_>, stanza_id: &CompactString) -> Result<RetryRequest, StanzaError> {
    let retry = node.child("retry").ok_or(StanzaError::Missing("retry"))?;
    let mut attrs = retry.reader();
    let count = attrs.opt_u64("count").unwrap_or(1);
    let id = attrs.opt_text("id").unwrap_or_else(|| stanza_id.clone());
    attrs.finish()?;
    let registration = node.child_bytes("registration").and_then(|bytes| number(bytes));
    let registration_id = registration.ok_or(StanzaError::Missing("registration"))?;
    // Malformed keys do not invalidate the request: the server has others.
    let keys = node.child("keys").and_then(|keys| prekeys::parse_keys(keys, registration_id).ok());
    Ok(RetryRequest { count: u8::try_from(count).unwrap_or(u8::MAX), id, registration_id, keys })
}

/// Tells the sender of a message its outcome.
pub fn for_message(stanza: &MessageStanza, kind: ReceiptKind) -> Node {
    let node = Node::new("receipt").attr("id", &stanza.id).attr_opt("type", kind.as_wire());
    // To a person's device, or to the group with the device as participant. A chat that the message named (copies of
    // our own) is included.
    node.attr("to", &stanza.from)
        .attr_opt("participant", stanza.participant.as_ref())
        .attr_opt("recipient", stanza.recipient.as_ref())
}

/// Tells that messages were read, in as many stanzas as needed.
pub fn read(to: &Jid, participant: Option<&Jid>, ids: &[&str], now: Timestamp) -> Vec<Node> {
    let stanza = |ids: &[&str]| {
        let node = Node::new("receipt")
            .attr("id", ids[0])
            .attr("type", "read")
            .attr("to", to)
            .attr("t", now.as_secs())
            .attr_opt("participant", participant);
        match &ids[1..] {
            [] => node,
            more => node
                .child(Node::new("list").children(more.iter().map(|id| Node::new("item").attr("id", *id)))),
        }
    };
    ids.chunks(MAX_IDS).map(stanza).collect()
}

/// Our keys, for a sender whose session with us is broken.
#[derive(Clone, Debug)]
pub struct OwnKeys {
    /// Identity.
    pub identity: PublicKey,
    /// Id of the signed prekey.
    pub signed_pre_key_id: u32,
    /// The signed prekey.
    pub signed_pre_key: PublicKey,
    /// The signature over it, by the identity.
    pub signature: [u8; SIGNATURE_LENGTH],
    /// A one-time prekey made for this.
    pub pre_key: Option<(u32, PublicKey)>,
    /// Our serialized SignedDeviceIdentity.
    pub device_identity: Option<Bytes>,
}

/// Asks the sender of a message to send it again.
pub fn retry(
    stanza: &MessageStanza,
    count: u8,
    reason: u8,
    registration_id: u32,
    keys: Option<OwnKeys>,
) -> Node {
    let retry = Node::new("retry")
        .attr("v", "1")
        .attr("count", count)
        .attr("id", &stanza.id)
        .attr("t", stanza.timestamp)
        .attr("error", reason);
    let node = for_message(stanza, ReceiptKind::Retry)
        .attr_opt("category", stanza.category.as_deref().filter(|category| *category == "peer"))
        .child(retry)
        .child(Node::new("registration").bytes(registration_id.to_be_bytes().to_vec()));
    match keys {
        Some(keys) => node.child(keys_node(&keys)),
        None => node,
    }
}

fn keys_node(keys: &OwnKeys) -> Node {
    let signed: Signed = (keys.signed_pre_key_id, keys.signed_pre_key, keys.signature);
    let mut node = Node::new("keys")
        .child(Node::new("type").bytes(&[5][..]))
        .child(Node::new("identity").bytes(keys.identity.as_bytes().to_vec()));
    if let Some((id, key)) = &keys.pre_key {
        node = node.child(prekeys::key_node("key", *id, key));
    }
    node = node.child(prekeys::signed_node(signed));
    match &keys.device_identity {
        Some(identity) => node.child(Node::new("device-identity").bytes(identity.clone())),
        None => node,
    }
}
