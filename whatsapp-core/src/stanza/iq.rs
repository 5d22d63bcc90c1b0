//! Requests and their answers.
use crate::{
    binary::{Node, NodeRef},
    jid::Jid,
};

/// The error code for something that does not exist.
pub const NOT_FOUND: u32 = 404;
/// The error of an answer to one request too many.
pub const RATE_OVERLIMIT: u32 = 429;

/// A request to the server that reads.
pub fn get(xmlns: &'static str) -> Node {
    request("get", xmlns)
}

/// A request to the server that writes.
pub fn set(xmlns: &'static str) -> Node {
    request("set", xmlns)
}

fn request(kind: &'static str, xmlns: &'static str) -> Node {
    Node::new("iq").attr("to", Jid::SERVICE).attr("type", kind).attr("xmlns", xmlns)
}

/// The answer to a request of the server.
pub fn result(id: &str, to: Jid) -> Node {
    Node::new("iq").attr("to", to).attr("type", "result").attr("id", id)
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub enum IqReply<'a> {
    /// The whole stanza.
    Result(NodeRef<'a>),
    /// The error's code.
    Error(u32),
}

/// Distinguishes results from errors.
pub fn parse_reply(node: NodeRef<'_>) -> IqReply<'_> {
    if node.attr_text("type") != Some("error") {
        return IqReply::Result(node);
    }
    let code =
        node.child("error").and_then(|error| error.attr_text("code")).and_then(|code| code.parse().ok());
    IqReply::Error(code.unwrap_or(0))
}
