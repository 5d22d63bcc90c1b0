//! A stored message, as bots and campaigns read it.
use whatsapp_bots::{Body, Media};
use whatsapp_store::{Content, MenuKind, MessageRecord, Source, hash::fnv1a};

/// WhatsApp lets people edit a message for so long after they sent it.
const EDITABLE: i64 = 15 * 60_000;

/// Names an edit of a message among the inputs of its chat. Two edits may have one time, where a sender's clock is not known: their
/// texts differ.
pub(super) fn edit_id(message: &MessageRecord, edited_at: i64) -> String {
    let hash = fnv1a(serde_json::to_vec(&message.content).unwrap_or_default());
    format!("{}/edited/{edited_at}/{hash:08x}", message.key.id, hash = hash as u32)
}

/// Was a message edited while WhatsApp lets people edit it? Those of the history were edited before anybody was there to hear it.
pub(super) fn is_in_time(message: &MessageRecord) -> bool {
    message.source != Source::History
        && message.edited_at.is_some_and(|at| at.saturating_sub(message.timestamp) <= EDITABLE)
}

/// What a message is, as flows see it.
pub(super) fn body(message: &MessageRecord) -> (String, Body) {
    let text = message.content.as_text().unwrap_or_default().to_owned();
    let other = |kind: &str| Body::Other { kind: kind.to_owned() };
    let body = match &message.content {
        Content::Text { .. } => Body::Text,
        Content::Location { latitude, longitude, name, .. } => Body::Location {
            latitude: *latitude,
            longitude: *longitude,
            name: name.clone().unwrap_or_default(),
        },
        Content::Media { kind, mime, size, name, .. } => Body::Media(Media {
            kind: kind.as_str().to_owned(),
            mime: mime.clone(),
            size: *size,
            name: name.clone().unwrap_or_default(),
            reference: message.key.id.clone(),
        }),
        Content::Contact { name, vcard } => Body::contact(name, vcard),
        Content::Choice { of: MenuKind::List, id, .. } => Body::List { row: id.clone() },
        Content::Choice { id, .. } => Body::Button { payload: id.clone() },
        Content::Unsupported { kind } => other(kind),
        content => other(content.type_name()),
    };
    (text, body)
}

/// What a message may be an answer to, of the last ones of its chat: the one it quotes, then our own.
pub(super) fn answers(message: &MessageRecord, last: &[MessageRecord]) -> Vec<String> {
    let ours = last.iter().filter(|other| other.from_me).map(|other| other.key.id.clone());
    message.quoted.iter().cloned().chain(ours).collect()
}

/// Is it the first of its chat, of which these are the last ones, the newest first? What was written after it, such as while nobody
/// was there to hear it, does not count.
pub(super) fn is_first(message: &MessageRecord, last: &[MessageRecord]) -> bool {
    let place = last.iter().position(|other| other.key == message.key);
    place.is_some_and(|place| last[place + 1..].iter().all(|other| other.from_me || !is_said(&other.content)))
}

/// Did somebody say it? Reactions, votes, calls and what this version does not know are not: they start nothing, and a person who
/// sends them has not taken over.
pub(super) fn is_said(content: &Content) -> bool {
    match content {
        Content::Reaction { .. } | Content::Unsupported { .. } | Content::Deleted { .. } => false,
        Content::Text { text } => !text.trim().is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_store::{MessageKey, MessageStatus, Source};

    use super::*;

    #[test]
    fn the_first_message_is_the_first_also_when_others_came_before_it_was_heard() {
        let message = |id: &str, from_me| MessageRecord {
            key: MessageKey { chat: "c".into(), sender: "s".into(), id: id.into() },
            from_me,
            timestamp: 0,
            content: Content::text("hi"),
            status: MessageStatus::Delivered,
            source: Source::Live,
            push_name: None,
            quoted: None,
            media: None,
            edited_at: None,
        };
        let last = [message("3", false), message("2", false), message("1", true)];
        assert!(is_first(&last[1], &last), "ours before it are no contact of theirs");
        assert!(!is_first(&last[0], &last));
        assert!(!is_first(&message("0", false), &last), "it may be any");
    }

    #[test]
    fn what_is_about_another_message_is_not_said() {
        let unsupported = |kind: &str| Content::Unsupported { kind: kind.to_owned() };
        assert!(is_said(&Content::text("hi")) && !is_said(&Content::text(" ")));
        assert!(!is_said(&Content::Reaction { emoji: "x".into(), message_id: "1".into() }));
        for kind in
            ["poll_update_message", "event_message", "keep_in_chat_message", "call_log_mesage", "unknown", ""]
        {
            assert!(!is_said(&unsupported(kind)), "{kind}");
        }
    }
}
