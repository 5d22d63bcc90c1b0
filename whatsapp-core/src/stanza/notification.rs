//! Notifications, as far as it takes to dispatch them.
use compact_str::CompactString;

use super::StanzaError;
use crate::{binary::NodeRef, jid::Jid};

/// A notification of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notification {
    /// Its id.
    pub id: CompactString,
    /// Its subject.
    pub from: Jid,
    /// Its content.
    pub kind: NotificationKind,
}

/// The content of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotificationKind {
    /// The server runs low on our one-time prekeys.
    LowPreKeys {
        /// How many are left.
        count: u32,
    },
    /// A person has a new identity key.
    IdentityChange,
    /// A person's devices changed.
    Devices,
    /// A pair code was typed on the phone.
    LinkCode,
    /// Something that is only acknowledged; the type as it came.
    Other(CompactString),
}

impl Notification {
    /// Reads one.
    ///
    /// # Errors
    /// When id, sender or type are missing.
    pub fn parse(node: NodeRef<'_>) -> Result<Self, StanzaError> {
        let mut attrs = node.reader();
        let (id, from, kind) = (attrs.text("id"), attrs.jid("from"), attrs.text("type"));
        attrs.finish()?;
        let kind = match kind.as_str() {
            "encrypt" => encrypt(node).unwrap_or(NotificationKind::Other(kind)),
            "devices" => NotificationKind::Devices,
            // A change of our own devices can come in this form.
            "account_sync" if node.child("devices").is_some() => NotificationKind::Devices,
            "link_code_companion_reg" => NotificationKind::LinkCode,
            _ => NotificationKind::Other(kind),
        };
        Ok(Self { id, from, kind })
    }
}

fn encrypt(node: NodeRef<'_>) -> Option<NotificationKind> {
    if node.child("identity").is_some() {
        return Some(NotificationKind::IdentityChange);
    }
    let count = node.child("count")?.attr_text("value")?.parse().ok()?;
    Some(NotificationKind::LowPreKeys { count })
}
