//! Queries for devices and LIDs (`iq` namespace `usync`).
use bytes::Bytes;

use super::{StanzaError, iq};
use crate::{
    binary::{Node, NodeRef},
    jid::Jid,
};

/// The largest number of devices that a person has.
const MAX_DEVICES: usize = 128;

/// Asks for the devices and LIDs of people.
pub fn device_query(sid: &str, users: &[Jid]) -> Node {
    let query = Node::new("query").child(Node::new("devices").attr("version", "2")).child(Node::new("lid"));
    let users = users.iter().map(|user| Node::new("user").attr("jid", user.to_non_device()));
    let usync = Node::new("usync")
        .attr("sid", sid)
        .attr("mode", "query")
        .attr("last", "true")
        .attr("index", "0")
        .attr("context", "message")
        .child(query)
        .child(Node::new("list").children(users));
    iq::get("usync").child(usync)
}

/// One person's devices as the server lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserDevices {
    /// As asked.
    pub jid: Jid,
    /// The person's linked id.
    pub lid: Option<Jid>,
    /// The devices, the primary (0) included.
    pub devices: Vec<DeviceEntry>,
    /// Serialized SignedKeyIndexList: which companions the primary signed for.
    pub key_index_list: Option<Bytes>,
    /// Set when the server could not say: the code, or 0. The lists above are empty then, and mean nothing.
    pub error: Option<u32>,
}

/// One device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceEntry {
    /// Its number.
    pub device: u16,
    /// Its place in the signed list; companions have one.
    pub key_index: Option<u32>,
    /// Run by the server for a business.
    pub hosted: bool,
}

/// The answer to [`device_query`].
///
/// # Errors
/// When it is malformed.
pub fn parse_devices(node: NodeRef<'_>) -> Result<Vec<UserDevices>, StanzaError> {
    let usync = node.child("usync").ok_or(StanzaError::Missing("usync"))?;
    let list = usync.child("list").ok_or(StanzaError::Missing("list"))?;
    list.children_named("user").map(parse_user).collect()
}

fn parse_user(user: NodeRef<'_>) -> Result<UserDevices, StanzaError> {
    let mut attrs = user.reader();
    let jid = attrs.jid("jid");
    attrs.finish()?;
    let devices = user.child("devices");
    let error = devices.and_then(|devices| devices.child("error")).or_else(|| user.child("error"));
    let code = |error: NodeRef<'_>| error.attr_text("code").and_then(|code| code.parse().ok()).unwrap_or(0);
    let entries = devices.and_then(|devices| devices.child("device-list")).map(|list| {
        list.children_named("device").take(MAX_DEVICES).filter_map(parse_device).collect::<Vec<_>>()
    });
    Ok(UserDevices {
        jid,
        lid: user.child("lid").and_then(|lid| lid.attr_jid("val")),
        devices: entries.unwrap_or_default(),
        key_index_list: devices.and_then(|devices| devices.child_bytes("key-index-list")).cloned(),
        error: error.map(code),
    })
}

fn parse_device(node: NodeRef<'_>) -> Option<DeviceEntry> {
    let number = |key: &str| node.attr_text(key).and_then(|text| text.parse().ok());
    Some(DeviceEntry {
        device: node.attr_text("id")?.parse().ok()?,
        key_index: number("key-index"),
        hosted: node.attr_text("is_hosted") == Some("true"),
    })
}
