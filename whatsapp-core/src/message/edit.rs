//! What a protocol message makes of an earlier message of its sender: other content, or nothing.
use whatsapp_store::Content;

use super::content;
use crate::proto::message as proto;

/// Types of protocol messages (protocol notes 2.9).
const REVOKE: i32 = 0;
const MESSAGE_EDIT: i32 = 14;

/// An edit or a deletion as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// The id of the message. It is one of the sender's, in the same chat.
    pub id: String,
    /// The new content; `None` when the message was deleted for everyone.
    pub content: Option<Content>,
    /// When, by the sender's clock, milliseconds since the Unix epoch.
    pub at: Option<i64>,
}

/// The edit that a message carries, if it does. Edits are sent bare or in an envelope.
///
/// What an administrator of a group deletes is a message of somebody else (`fromMe` is false), and is not read. An edit to
/// something that this version cannot show is none either: the message stays as it was.
pub fn read(message: &proto::Message) -> Option<Edit> {
    let protocol = content::opened(message).protocol_message.as_ref()?;
    let key = protocol.key.as_ref().filter(|key| key.from_me == Some(true))?;
    let id = key.id.clone().filter(|id| !id.is_empty())?;
    let content = match protocol.r#type.unwrap_or(REVOKE) {
        REVOKE => None,
        // Unknown kinds are told by their bytes, which a message inside of another has not.
        MESSAGE_EDIT => Some(content::from_proto(protocol.edited_message.as_deref()?, &[])?),
        _ => return None,
    };
    Some(Edit { id, content, at: protocol.timestamp_ms.filter(|at| *at > 0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(r#type: Option<i32>, from_me: Option<bool>, text: Option<&str>) -> proto::Message {
        let edited =
            text.map(|text| proto::Message { conversation: Some(text.into()), ..Default::default() });
        let key = proto::MessageKey { id: Some("1".into()), from_me, ..Default::default() };
        let protocol = proto::ProtocolMessage {
            key: Some(key),
            r#type,
            edited_message: edited.map(Box::new),
            timestamp_ms: Some(5),
            ..Default::default()
        };
        proto::Message { protocol_message: Some(Box::new(protocol)), ..Default::default() }
    }

    #[test]
    fn edits_and_deletions_are_read() {
        let edit = |content| Some(Edit { id: "1".into(), content, at: Some(5) });
        let mine = Some(true);
        assert_eq!(read(&message(Some(14), mine, Some("new"))), edit(Some(Content::text("new"))));
        assert_eq!(read(&message(Some(0), mine, None)), edit(None));
        assert_eq!(read(&message(None, mine, None)), edit(None), "0 may be left out");
        let bare = message(Some(14), mine, Some("new"));
        let wrapped = proto::Message {
            edited_message: Some(Box::new(proto::Wrapped { message: Some(Box::new(bare.clone())) })),
            ..Default::default()
        };
        assert_eq!(read(&wrapped), read(&bare));
    }

    #[test]
    fn nothing_else_is_an_edit() {
        for other in [
            message(Some(14), Some(true), None),
            message(Some(14), Some(true), Some("")),
            message(Some(14), Some(false), Some("new")),
            message(Some(0), Some(false), None),
            message(Some(0), None, None),
            message(Some(3), Some(true), None),
            proto::Message::default(),
        ] {
            assert_eq!(read(&other), None);
        }
        let mut without_id = message(Some(0), Some(true), None);
        if let Some(key) = without_id.protocol_message.as_mut().and_then(|protocol| protocol.key.as_mut()) {
            key.id = None;
        }
        assert_eq!(read(&without_id), None);
    }
}
