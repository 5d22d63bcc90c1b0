//! What a client's events mean for the store: they go to the outbox, and the session's observed state follows them, in the
//! commit that causes them.
use serde_json::{Value, json};
use whatsapp_core::{client::CommitHook, event::Event, jid::Jid, time::Timestamp};
use whatsapp_store::{Change, Changes, Fence, MessageEdit, MessageStatus, ObservedState, SessionObservation};

use crate::{campaigns::code, events::event, time::now_millis};

/// Adds to the commits of one session's client.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// The lease that the session is run under.
    pub(crate) fence: Fence,
}

impl CommitHook for Outbox {
    fn prepare(&self, events: &[Event], changes: &mut Changes) {
        changes.fence = Some(self.fence.clone());
        for happened in events {
            if let Some((key, data)) = describe(happened) {
                changes.push(event(key, &data));
            }
            if let Some((state, reason)) = observed(happened) {
                changes.push(Change::SetObserved(SessionObservation { state, at: now_millis(), reason }));
            }
        }
    }
}

fn observed(event: &Event) -> Option<(ObservedState, Option<String>)> {
    match event {
        Event::Qr { .. } => Some((ObservedState::AwaitingPairing, None)),
        Event::Connected { .. } => Some((ObservedState::Connected, None)),
        Event::Disconnected { reason, .. } => Some((ObservedState::Offline, Some(reason.to_string()))),
        Event::LoggedOut { reason } => Some((ObservedState::LoggedOut, Some(reason.clone()))),
        _ => None,
    }
}

/// The routing key and what the event says.
fn describe(event: &Event) -> Option<(&'static str, Value)> {
    Some(match event {
        Event::Qr { text, expires_at } => {
            ("session.qr.generated", json!({ "qr": text.0, "expiresAt": expires_at.as_millis() }))
        }
        Event::Paired { jid, lid } => ("session.paired", addresses(jid, lid.as_ref())),
        Event::PairingFailed { reason } => ("session.pairing.failed", json!({ "reason": reason })),
        Event::Connected { jid, lid } => ("session.connected", addresses(jid, lid.as_ref())),
        Event::OfflineDone { count } => ("session.synced", json!({ "count": count })),
        Event::Disconnected { reason, retry_at } => (
            "session.disconnected",
            json!({ "reason": reason.to_string(), "retryAt": retry_at.map(Timestamp::as_millis) }),
        ),
        Event::LoggedOut { reason } => ("session.logout", json!({ "reason": reason })),
        Event::Message(message) => {
            ("message.received", json!({ "from": message.key.sender, "message": message }))
        }
        Event::Edited { edit, from_me } => edited(edit, *from_me),
        Event::Status { key, status } => {
            let name = match status {
                MessageStatus::Sent => "message.sent",
                MessageStatus::Delivered => "message.delivered",
                MessageStatus::Read => "message.read",
                MessageStatus::Failed => "message.failed",
                _ => return None,
            };
            (name, json!(key))
        }
        Event::Refused { key, reason } => {
            let code = code(*reason).stored();
            ("message.refused", json!({ "message": key, "reason": reason.to_string(), "code": code }))
        }
        Event::Undecryptable { key, gave_up } => {
            ("message.undecryptable", json!({ "message": key, "gaveUp": gave_up }))
        }
        Event::IdentityChanged { jid } => ("contact.identity.changed", json!({ "jid": jid.to_string() })),
        _ => return None,
    })
}

/// What a sender made of a message: its key, and what it says now.
fn edited(edit: &MessageEdit, from_me: bool) -> (&'static str, Value) {
    let MessageEdit { key, content, at } = edit;
    let (from, key) = (&key.sender, json!(key));
    if edit.is_deletion() {
        ("message.deleted", json!({ "from": from, "fromMe": from_me, "message": key, "deletedAt": at }))
    } else {
        let data =
            json!({ "from": from, "fromMe": from_me, "message": key, "content": content, "editedAt": at });
        ("message.edited", data)
    }
}

fn addresses(jid: &Jid, lid: Option<&Jid>) -> Value {
    json!({ "jid": jid.to_string(), "lid": lid.map(ToString::to_string) })
}

#[cfg(test)]
mod tests {
    use whatsapp_store::{Content, MessageKey};

    use super::*;

    #[test]
    fn edits_and_deletions_are_told_apart() {
        let key = MessageKey { chat: "c".into(), sender: "s".into(), id: "1".into() };
        let told = |content| {
            let edit = Box::new(MessageEdit { key: key.clone(), content, at: 7 });
            describe(&Event::Edited { edit, from_me: false }).unwrap()
        };
        let message = json!({ "chat": "c", "sender": "s", "id": "1" });
        let (name, data) = told(Content::text("new"));
        let content = json!({ "type": "text", "text": "new" });
        let expected =
            json!({ "from": "s", "fromMe": false, "message": message, "content": content, "editedAt": 7 });
        assert_eq!((name, data), ("message.edited", expected));
        let (name, data) = told(Content::Deleted { at: 7 });
        let expected = json!({ "from": "s", "fromMe": false, "message": message, "deletedAt": 7 });
        assert_eq!((name, data), ("message.deleted", expected));
    }
}
