//! Stanzas about the connection itself: success, failure, stream errors, `ib`, pings, presence.
use bytes::Bytes;
use compact_str::CompactString;

use super::iq;
use crate::{
    binary::{Node, NodeRef},
    jid::Jid,
};

/// The server accepted our login.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Success {
    /// The server's time, seconds since the Unix epoch.
    pub t: Option<u64>,
    /// Our linked id.
    pub lid: Option<Jid>,
}

/// Reads a `success`; nothing in it is required.
pub fn parse_success(node: NodeRef<'_>) -> Success {
    Success { t: node.attr_text("t").and_then(|t| t.parse().ok()), lid: node.attr_jid("lid") }
}

/// Why the server refused our login (protocol notes 2.5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// 401.
    #[error("this device was unlinked (401)")]
    LoggedOut,
    /// 402, with the reason's code and how long it lasts.
    #[error("the account is banned for {expire} seconds (402, code {code})")]
    TemporaryBan {
        /// 101 too many people, 102 blocked by users, 103 too many groups, 104 same message, 106 broadcast list.
        code: u32,
        /// Seconds.
        expire: u64,
    },
    /// 403.
    #[error("the account is locked (403): see the phone")]
    Locked,
    /// 405.
    #[error("this client version is outdated (405): update it")]
    Outdated,
    /// 406.
    #[error("the account is banned (406)")]
    Banned,
    /// 409.
    #[error("the server refuses what this client says of itself (409)")]
    BadUserAgent,
    /// 429.
    #[error("too many logins (429): wait")]
    TooManyRequests,
    /// 500, 501, 503.
    #[error("the server has a problem of its own ({0})")]
    Service(u32),
    /// Anything else.
    #[error("the server refused the login ({0})")]
    Other(u32),
}

impl Failure {
    /// Does trying again make sense?
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Service(_))
    }
}

/// Reads a `failure`.
pub fn parse_failure(node: NodeRef<'_>) -> Failure {
    let number = |key: &str| node.attr_text(key).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    match u32::try_from(number("reason")).unwrap_or(0) {
        401 => Failure::LoggedOut,
        402 => Failure::TemporaryBan { code: number("code") as u32, expire: number("expire") },
        403 => Failure::Locked,
        405 => Failure::Outdated,
        406 => Failure::Banned,
        409 => Failure::BadUserAgent,
        429 => Failure::TooManyRequests,
        code @ (500 | 501 | 503) => Failure::Service(code),
        code => Failure::Other(code),
    }
}

/// Why the server ends the stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// 515: connect again, for instance after pairing.
    #[error("the server asks for a new connection (515)")]
    Restart,
    /// 401, 516 or `device_removed`.
    #[error("this device was unlinked")]
    Unlinked,
    /// Another connection uses the same keys.
    #[error("another connection of this device took over: is the account running twice?")]
    Replaced,
    /// 429.
    #[error("too many requests (429)")]
    TooManyRequests,
    /// Anything else, by code; 0 when there is none.
    #[error("the server ended the stream (code {0})")]
    Other(u32),
}

/// Reads a `stream:error`.
pub fn parse_stream_error(node: NodeRef<'_>) -> StreamError {
    let code = node.attr_text("code").and_then(|code| code.parse().ok()).unwrap_or(0);
    let conflict = node.child("conflict").and_then(|conflict| conflict.attr_text("type"));
    match (code, conflict) {
        (515, _) => StreamError::Restart,
        // Before the codes: being replaced must never cost the account its keys.
        (_, Some("replaced")) => StreamError::Replaced,
        (401 | 516, _) | (_, Some("device_removed")) => StreamError::Unlinked,
        (429, _) => StreamError::TooManyRequests,
        (code, _) => StreamError::Other(code),
    }
}

/// The content of an `ib`, one per child.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ib {
    /// Bytes for the pre-intro of the next connection.
    EdgeRouting(Bytes),
    /// How many stanzas wait.
    OfflinePreview {
        /// All kinds together.
        count: u32,
    },
    /// All of them have been handed over.
    Offline {
        /// How many there were.
        count: u32,
    },
    /// Own data changed elsewhere.
    Dirty {
        /// `account_sync`, `groups`, …
        kind: CompactString,
        /// Since when, as the server wrote it.
        timestamp: Option<CompactString>,
    },
    /// Something else.
    Other(CompactString),
}

/// Reads an `ib`.
pub fn parse_ib(node: NodeRef<'_>) -> Vec<Ib> {
    node.children().map(parse_ib_child).collect()
}

fn parse_ib_child(node: NodeRef<'_>) -> Ib {
    let count = || node.attr_text("count").and_then(|count| count.parse().ok()).unwrap_or(0);
    let text = |key| node.attr_text(key).map(CompactString::from);
    let other = || Ib::Other(node.tag().into());
    match node.tag() {
        "edge_routing" => node.child_bytes("routing_info").cloned().map_or_else(other, Ib::EdgeRouting),
        "offline_preview" => Ib::OfflinePreview { count: count() },
        "offline" => Ib::Offline { count: count() },
        "dirty" => text("type").map_or_else(other, |kind| Ib::Dirty { kind, timestamp: text("timestamp") }),
        _ => other(),
    }
}

/// Asks for the next stanzas of the offline queue.
pub fn offline_batch(count: u32) -> Node {
    Node::new("ib").child(Node::new("offline_batch").attr("count", count))
}

/// Tells the server that a change was seen.
pub fn clean_dirty(kind: &str, timestamp: Option<&str>) -> Node {
    iq::set("urn:xmpp:whatsapp:dirty")
        .child(Node::new("clean").attr("type", kind).attr_opt("timestamp", timestamp))
}

/// Active devices get stanzas as they come; passive ones do not.
pub fn passive_iq(passive: bool) -> Node {
    iq::set("passive").child(Node::new(if passive { "passive" } else { "active" }))
}

/// Are you there?
pub fn ping_iq() -> Node {
    iq::get("w:p")
}

/// Telemetry that official clients send after login.
pub fn unified_session(id: &str) -> Node {
    Node::new("ib").child(Node::new("unified_session").attr("id", id))
}

/// Shows us as online under a name.
pub fn presence(available: bool, name: Option<&str>) -> Node {
    Node::new("presence")
        .attr("type", if available { "available" } else { "unavailable" })
        .attr_opt("name", name)
}
