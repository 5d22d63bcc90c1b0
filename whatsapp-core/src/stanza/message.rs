//! Message stanzas.
use bytes::Bytes;
use compact_str::CompactString;

use super::StanzaError;
use crate::{
    binary::{Node, NodeRef},
    jid::Jid,
};

/// The largest number of ciphertexts in one stanza for one device.
const MAX_ENCS: usize = 8;

/// An incoming message, still encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageStanza {
    /// Message id.
    pub id: CompactString,
    /// The sending device, or the group.
    pub from: Jid,
    /// In groups, the sending device.
    pub participant: Option<Jid>,
    /// On copies of our own messages, the chat.
    pub recipient: Option<Jid>,
    /// The sender's other address.
    pub sender_alternate: Option<Jid>,
    /// On copies of our own messages, the chat's other address.
    pub recipient_alternate: Option<Jid>,
    /// Seconds since the Unix epoch.
    pub timestamp: u64,
    /// The sender's own name.
    pub notify: Option<CompactString>,
    /// Is it from the offline queue?
    pub offline: bool,
    /// `peer` for messages between own devices about themselves.
    pub category: Option<CompactString>,
    /// The ciphertexts.
    pub encs: Vec<Enc>,
    /// The sending companion's serialized SignedDeviceIdentity.
    pub device_identity: Option<Bytes>,
    /// The server says that this device does not get it (view once, hosted companions): the phone has it.
    pub unavailable: bool,
}

/// One ciphertext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enc {
    /// Its type.
    pub kind: EncKind,
    /// On answers to retry receipts, the count of the receipt; 0 on first sendings.
    pub count: u8,
    /// The bytes.
    pub ciphertext: Bytes,
}

/// The `type` of an `enc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncKind {
    /// `msg`.
    Message,
    /// `pkmsg`.
    PreKey,
    /// `skmsg`.
    SenderKey,
    /// `msmsg`, of bots.
    Bot,
    /// Something newer than this.
    Unknown,
}

impl MessageStanza {
    /// Reads one.
    ///
    /// # Errors
    /// When id, sender or time are missing, or a ciphertext has no bytes.
    pub fn parse(node: NodeRef<'_>) -> Result<Self, StanzaError> {
        let mut attrs = node.reader();
        let (id, from) = (attrs.text("id"), attrs.jid("from"));
        let timestamp = attrs.opt_u64("t").unwrap_or(0);
        let (participant, recipient) = (attrs.opt_jid("participant"), attrs.opt_jid("recipient"));
        let alternates = if participant.is_some() {
            ["participant_lid", "participant_pn"]
        } else {
            ["sender_lid", "sender_pn"]
        };
        let sender_alternate = alternates.iter().find_map(|key| attrs.opt_jid(key));
        let alternates = ["peer_recipient_pn", "peer_recipient_lid"];
        let recipient_alternate = alternates.iter().find_map(|key| attrs.opt_jid(key));
        let (notify, category) = (attrs.opt_text("notify"), attrs.opt_text("category"));
        attrs.finish()?;
        let encs = node.children_named("enc").take(MAX_ENCS).map(parse_enc).collect::<Result<_, _>>()?;
        Ok(Self {
            id,
            from,
            participant,
            recipient,
            sender_alternate,
            recipient_alternate,
            timestamp,
            notify,
            offline: node.attr("offline").is_some(),
            category,
            encs,
            device_identity: node.child_bytes("device-identity").cloned(),
            unavailable: node.child("unavailable").is_some(),
        })
    }

    /// How often the sender says that it was requested before.
    pub fn retry_count(&self) -> u8 {
        self.encs.iter().map(|enc| enc.count).max().unwrap_or(0)
    }

    /// The sending device.
    pub fn sender(&self) -> &Jid {
        self.participant.as_ref().unwrap_or(&self.from)
    }
}

fn parse_enc(node: NodeRef<'_>) -> Result<Enc, StanzaError> {
    let kind = match node.attr_text("type") {
        Some("msg") => EncKind::Message,
        Some("pkmsg") => EncKind::PreKey,
        Some("skmsg") => EncKind::SenderKey,
        Some("msmsg") => EncKind::Bot,
        _ => EncKind::Unknown,
    };
    let ciphertext = node.bytes().ok_or(StanzaError::Missing("enc"))?.clone();
    let count = node.attr_text("count").and_then(|count| count.parse().ok()).unwrap_or(0);
    Ok(Enc { kind, count, ciphertext })
}

/// A ciphertext to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncOut {
    /// `msg`, `pkmsg` or `skmsg`.
    pub kind: &'static str,
    /// The bytes.
    pub bytes: Bytes,
    /// On resends, which one it is.
    pub count: Option<u8>,
    /// The kind of media inside: `vcard`, …
    pub mediatype: Option<&'static str>,
}

impl EncOut {
    /// A first sending.
    pub const fn new(kind: &'static str, bytes: Bytes) -> Self {
        Self { kind, bytes, count: None, mediatype: None }
    }

    fn node(&self) -> Node {
        Node::new("enc")
            .attr("v", "2")
            .attr("type", self.kind)
            .attr_opt("count", self.count)
            .attr_opt("mediatype", self.mediatype)
            .bytes(self.bytes.clone())
    }
}

/// An outgoing message stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutgoingStanza {
    /// Message id.
    pub id: CompactString,
    /// The chat, or on resends the device.
    pub to: Jid,
    /// `text`, `media`, `reaction` or `poll`.
    pub kind: &'static str,
    /// One ciphertext per device.
    pub participants: Vec<(Jid, EncOut)>,
    /// On resends, the only ciphertext.
    pub bare_enc: Option<EncOut>,
    /// Our serialized SignedDeviceIdentity, where any ciphertext is a `pkmsg`.
    pub device_identity: Option<Bytes>,
    /// On resends: to this device alone.
    pub device_fanout_false: bool,
    /// On resends to our own devices: the chat.
    pub recipient: Option<Jid>,
    /// Beside a destination by LID, the number.
    pub peer_recipient: Option<Jid>,
    /// The kind of menu inside, if there is one.
    pub biz: Option<Node>,
}

impl OutgoingStanza {
    /// One without ciphertexts yet.
    pub const fn new(id: CompactString, to: Jid, kind: &'static str) -> Self {
        Self {
            id,
            to,
            kind,
            participants: Vec::new(),
            bare_enc: None,
            device_identity: None,
            device_fanout_false: false,
            recipient: None,
            peer_recipient: None,
            biz: None,
        }
    }

    /// As a stanza.
    pub fn to_node(&self) -> Node {
        let mut node = Node::new("message").attr("id", &self.id).attr("to", &self.to).attr("type", self.kind);
        if self.device_fanout_false {
            node.set("device_fanout", "false");
        }
        node = node.attr_opt("recipient", self.recipient.as_ref());
        node = node.attr_opt("peer_recipient_pn", self.peer_recipient.as_ref());
        if !self.participants.is_empty() {
            let each =
                self.participants.iter().map(|(jid, enc)| Node::new("to").attr("jid", jid).child(enc.node()));
            node = node.child(Node::new("participants").children(each));
        }
        if let Some(enc) = &self.bare_enc {
            node = node.child(enc.node());
        }
        if let Some(identity) = &self.device_identity {
            node = node.child(Node::new("device-identity").bytes(identity.clone()));
        }
        if self.kind == "poll" {
            node = node.child(Node::new("meta").attr("polltype", "creation"));
        }
        if let Some(biz) = &self.biz {
            node = node.child(biz.clone());
        }
        node
    }
}
