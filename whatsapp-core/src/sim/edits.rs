//! People who edit and delete what they wrote, and phones that show it.
//!
//! Written separately from the client's `message::edit`, by field number: a protocol message (12) has the key of the message (1), its
//! type (2), the new message (14) and the sender's time (15). Edits are in an envelope (58), deletions are not.
use whatsapp_store::Content;

use super::{
    contents::encode,
    forgery::RawMessage,
    network::{Network, SimError},
    reading,
    wire::{Fields, Writer},
};
use crate::{jid::Jid, time::Timestamp};

const EDITED: u64 = 58;
const PROTOCOL: u64 = 12;
const REVOKE: u64 = 0;
const MESSAGE_EDIT: u64 = 14;

impl RawMessage {
    /// A message that takes back one that the same person wrote in that chat.
    pub fn revoke(chat: &Jid, id: &str) -> Self {
        let protocol = Writer::new().message(1, &key_of_own(chat, id)).number(2, REVOKE);
        let revoke = Self::new(Writer::new().message(PROTOCOL, &protocol).finish());
        revoke.attribute("edit", Some("7"))
    }

    /// A message that gives one that the same person wrote in that chat another content, serialized, at that time by the person's
    /// clock (milliseconds since the Unix epoch).
    pub fn edit(chat: &Jid, id: &str, content: &[u8], at: u64) -> Self {
        let protocol = Writer::new().message(1, &key_of_own(chat, id)).number(2, MESSAGE_EDIT);
        let protocol = protocol.bytes(14, content).number(15, at);
        let inner = Writer::new().message(PROTOCOL, &protocol);
        let edit = Self::new(Writer::new().message(EDITED, &Writer::new().message(1, &inner)).finish());
        edit.attribute("edit", Some("1"))
    }
}

/// The key of a message of the sender's own.
fn key_of_own(chat: &Jid, id: &str) -> Writer {
    Writer::new().text(1, &chat.to_string()).number(2, 1).text(3, id)
}

impl Network {
    /// A person edits a message that they wrote in the chat with `to`. Returns the id of the edit.
    ///
    /// # Errors
    /// When one of the two has no account, or the person is not in that group, or people do not write this content.
    pub fn edit_as(
        &mut self,
        now: Timestamp,
        phone: &str,
        to: &Jid,
        id: &str,
        content: &Content,
    ) -> Result<String, SimError> {
        let content = encode(content, &mut self.rng)?;
        self.send_raw_as(now, phone, to, RawMessage::edit(to, id, &content, now.as_millis()))
    }

    /// A person deletes a message that they wrote in the chat with `to`, for everyone. Returns the id of the deletion.
    ///
    /// # Errors
    /// When one of the two has no account, or the person is not in that group.
    pub fn delete_as(&mut self, now: Timestamp, phone: &str, to: &Jid, id: &str) -> Result<String, SimError> {
        self.send_raw_as(now, phone, to, RawMessage::revoke(to, id))
    }

    /// A phone shows an edit or a deletion in place of the message, if it has one of that sender. Was it such a message?
    pub(super) fn show_edit(
        &mut self,
        now: Timestamp,
        person: usize,
        sender: &str,
        chat: &Jid,
        message: &[u8],
    ) -> bool {
        let Some(edit) = read(message) else { return false };
        let content = edit.content.unwrap_or(Content::Deleted { at: now.as_millis() as i64 });
        let chat = chat.to_string();
        let shown = &mut self.accounts.people[person].phone.inbox.messages;
        let found = shown.iter_mut().filter(|shown| shown.chat == chat && shown.sender == sender);
        for shown in found.filter(|shown| shown.id == edit.id) {
            if !matches!(shown.content, Content::Deleted { .. }) {
                shown.content = content.clone();
            }
        }
        true
    }
}

struct Edit {
    id: String,
    /// `None` for a deletion.
    content: Option<Content>,
}

fn read(message: &[u8]) -> Option<Edit> {
    let fields = Fields::parse(message)?;
    let inner = fields.message(EDITED).and_then(|envelope| envelope.message(1));
    let protocol = inner.unwrap_or(fields).message(PROTOCOL)?;
    let key = protocol.message(1).filter(|key| key.number(2) == Some(1))?;
    let id = key.filled(3)?;
    match protocol.number(2).unwrap_or(REVOKE) {
        REVOKE => Some(Edit { id, content: None }),
        MESSAGE_EDIT => Some(Edit { id, content: Some(reading::shown(protocol.bytes(14)?)?) }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::{message::edit, proto::message::Message};

    /// What one side writes, the client and other phones read.
    #[test]
    fn client_and_phones_read_edits_of_phones() {
        let chat = Jid::pn("1");
        let text = Writer::new().text(1, "new").finish();
        let cases = [
            (RawMessage::edit(&chat, "A", &text, 5), Some(Content::text("new")), Some(5)),
            (RawMessage::revoke(&chat, "A"), None, None),
        ];
        for (message, content, at) in cases {
            let client = edit::read(&Message::decode(&message.payload[..]).unwrap()).unwrap();
            assert_eq!((client.id.as_str(), &client.content, client.at), ("A", &content, at));
            let phone = read(&message.payload).unwrap();
            assert_eq!((phone.id.as_str(), phone.content), ("A", content));
            assert_eq!(reading::shown(&message.payload), None);
        }
        let plain = RawMessage::text("x");
        assert!(read(&plain.payload).is_none());
        assert!(edit::read(&Message::decode(&plain.payload[..]).unwrap()).is_none());
    }
}
