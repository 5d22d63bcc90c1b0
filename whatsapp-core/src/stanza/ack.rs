//! Acknowledgements, in both directions.
use compact_str::CompactString;

use super::StanzaError;
use crate::{
    binary::{Node, NodeRef},
    jid::Jid,
};

/// The server's acknowledgement of a stanza of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ack {
    /// The stanza's id.
    pub id: CompactString,
    /// The stanza's recipient.
    pub from: Jid,
    /// Its tag: `message`, `receipt`, …
    pub class: CompactString,
    /// Set when it was refused.
    pub error: Option<u16>,
    /// On messages: the server's participant hash, when it may differ from ours.
    pub phash: Option<CompactString>,
}

impl Ack {
    /// Reads one.
    ///
    /// # Errors
    /// When id or class are missing.
    pub fn parse(node: NodeRef<'_>) -> Result<Self, StanzaError> {
        let mut attrs = node.reader();
        let (id, class, error) = (attrs.text("id"), attrs.text("class"), attrs.opt_u64("error"));
        let from = attrs.opt_jid("from").unwrap_or(Jid::SERVICE);
        let phash = attrs.opt_text("phash");
        attrs.finish()?;
        let error = error.map(|code| u16::try_from(code).unwrap_or(u16::MAX));
        Ok(Self { id, from, class, error, phash })
    }
}

/// Our acknowledgement of a stanza; `None` for one without id or sender, which needs none.
pub fn ack_for(node: NodeRef<'_>, error: Option<u16>) -> Option<Node> {
    let (id, from) = (node.attr("id")?, node.attr("from")?);
    let mut ack = Node::new("ack").attr("class", node.tag()).attr("id", id.clone()).attr("to", from.clone());
    for key in ["participant", "recipient"] {
        ack = ack.attr_opt(key, node.attr(key).cloned());
    }
    // The type is copied, except for messages, where it has another meaning.
    if node.tag() != "message" {
        ack = ack.attr_opt("type", node.attr("type").cloned());
    }
    Some(ack.attr_opt("error", error))
}
