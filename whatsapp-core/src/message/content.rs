//! Content to protobuf and back.
use bytes::Bytes;
use rand::{CryptoRng, RngExt};
use whatsapp_store::{Content, NotSendable};

use super::{media, menu, unknown};
use crate::proto::message as proto;

/// Envelopes (view once, ephemeral, …) inside each other; more are not opened.
const MAX_WRAPPERS: usize = 4;

/// The protobuf message of a content, with a fresh message secret, which keys reactions and votes on it.
///
/// # Errors
/// Why it cannot be sent.
pub fn to_proto(content: &Content, rng: &mut impl CryptoRng) -> Result<proto::Message, NotSendable> {
    content.sendable()?;
    let mut message = proto::Message::default();
    match content {
        Content::Text { text } => {
            message.extended_text_message = Some(proto::ExtendedTextMessage {
                text: Some(text.clone()),
                ..proto::ExtendedTextMessage::default()
            });
        }
        Content::Location { latitude, longitude, name, address } => {
            message.location_message = Some(proto::LocationMessage {
                degrees_latitude: Some(*latitude),
                degrees_longitude: Some(*longitude),
                name: name.clone(),
                address: address.clone(),
            });
        }
        Content::Contact { name, vcard } => {
            message.contact_message =
                Some(proto::ContactMessage { display_name: Some(name.clone()), vcard: Some(vcard.clone()) });
        }
        Content::Poll { question, options, selectable } => {
            let options =
                options.iter().map(|option| proto::PollOption { option_name: Some(option.clone()) });
            message.poll_creation_message = Some(proto::PollCreationMessage {
                name: Some(question.clone()),
                options: options.collect(),
                selectable_options_count: Some(*selectable),
            });
        }
        Content::Buttons { text, footer, buttons } => {
            message.buttons_message = Some(menu::buttons(text, footer.as_ref(), buttons));
        }
        Content::List { text, footer, button, sections } => {
            message.list_message = Some(menu::list(text, footer.as_ref(), button, sections));
        }
        // A reaction names a message by chat and sender too, which the content does not know.
        _ => return Err(NotSendable::Type(content.type_name())),
    }
    let mut secret = [0; 32];
    rng.fill(&mut secret);
    message.message_context_info =
        Some(proto::MessageContextInfo { message_secret: Some(Bytes::copy_from_slice(&secret)) });
    Ok(message)
}

/// A message without the envelopes (view once, ephemeral, …) around it.
pub fn opened(mut message: &proto::Message) -> &proto::Message {
    for _ in 0..MAX_WRAPPERS {
        let wrappers = [
            &message.ephemeral_message,
            &message.view_once_message,
            &message.view_once_message_v2,
            &message.view_once_message_v2_extension,
            &message.document_with_caption_message,
            &message.edited_message,
            &message.group_mentioned_message,
            &message.lottie_sticker_message,
            &message.poll_creation_message_v4,
        ];
        match wrappers.into_iter().flatten().find_map(|wrapped| wrapped.message.as_ref()) {
            Some(inner) => message = inner,
            None => break,
        }
    }
    message
}

/// The kind of a message that this version does not know at all, in [`Content::Unsupported`].
pub const UNKNOWN: &str = "unknown";

/// Kinds that are done to other messages, or only say that something happened: nobody has to read them.
const ACTIONS: [&str; 5] = [
    UNKNOWN,
    "enc_reaction_message",
    "pin_in_chat_message",
    "poll_update_message",
    "secret_encrypted_message",
];

/// Does somebody have to read it? If not, it does not count as unread.
pub fn is_to_be_read(content: &Content) -> bool {
    match content {
        Content::Reaction { .. } | Content::Deleted { .. } => false,
        Content::Unsupported { kind } => !ACTIONS.contains(&kind.as_str()),
        _ => true,
    }
}

/// The content that a received message shows. `None` when it is not for people: protocol messages, key distributions, and
/// messages without content. `plaintext` is the message as it came.
pub fn from_proto(message: &proto::Message, plaintext: &[u8]) -> Option<Content> {
    let message = opened(message);
    if message.protocol_message.is_some() {
        return None;
    }
    // A message of a kind that this version does not know is shown as such, not swallowed. An empty text is no message.
    known(message).or_else(|| {
        if message.conversation.is_some() || message.extended_text_message.is_some() {
            return None;
        }
        unknown::has_unknown_kind(plaintext).then(|| Content::Unsupported { kind: UNKNOWN.to_owned() })
    })
}

fn known(message: &proto::Message) -> Option<Content> {
    let extended = message.extended_text_message.as_ref().and_then(|extended| extended.text.as_ref());
    if let Some(text) = message.conversation.as_ref().or(extended).filter(|text| !text.is_empty()) {
        return Some(Content::text(text));
    }
    if let Some(place) = &message.location_message {
        return Some(Content::Location {
            latitude: place.degrees_latitude.unwrap_or_default(),
            longitude: place.degrees_longitude.unwrap_or_default(),
            name: place.name.clone(),
            address: place.address.clone(),
        });
    }
    if let Some(card) = &message.contact_message {
        return Some(Content::Contact {
            name: card.display_name.clone().unwrap_or_default(),
            vcard: card.vcard.clone().unwrap_or_default(),
        });
    }
    if let Some(reaction) = &message.reaction_message {
        return Some(Content::Reaction {
            emoji: reaction.text.clone().unwrap_or_default(),
            message_id: reaction.key.as_ref().and_then(|key| key.id.clone()).unwrap_or_default(),
        });
    }
    let polls = [
        &message.poll_creation_message,
        &message.poll_creation_message_v2,
        &message.poll_creation_message_v3,
        &message.poll_creation_message_v5,
    ];
    if let Some(poll) = polls.into_iter().flatten().next() {
        return Some(Content::Poll {
            question: poll.name.clone().unwrap_or_default(),
            options: poll.options.iter().filter_map(|option| option.option_name.clone()).collect(),
            selectable: poll.selectable_options_count.unwrap_or_default(),
        });
    }
    if let Some(content) = menu::from_proto(message) {
        return Some(content);
    }
    if let Some(media) = media::from_proto(message) {
        return Some(media.content);
    }
    unread_kind(message).map(|kind| Content::Unsupported { kind: kind.to_owned() })
}

/// The name of a kind that is known by name only.
fn unread_kind(message: &proto::Message) -> Option<&'static str> {
    // Kinds that are read are listed too, for unreadable contents such as a form or a list of products.
    let partly = [
        (message.list_message.is_some(), "list_message"),
        (message.list_response_message.is_some(), "list_response_message"),
        (message.buttons_response_message.is_some(), "buttons_response_message"),
        (message.template_button_reply_message.is_some(), "template_button_reply_message"),
        (message.interactive_response_message.is_some(), "interactive_response_message"),
    ];
    let kinds = [
        (&message.album_message, "album_message"),
        (&message.contacts_array_message, "contacts_array_message"),
        (&message.live_location_message, "live_location_message"),
        (&message.template_message, "template_message"),
        (&message.interactive_message, "interactive_message"),
        (&message.product_message, "product_message"),
        (&message.order_message, "order_message"),
        (&message.group_invite_message, "group_invite_message"),
        (&message.event_message, "event_message"),
        (&message.poll_update_message, "poll_update_message"),
        (&message.enc_reaction_message, "enc_reaction_message"),
        (&message.pin_in_chat_message, "pin_in_chat_message"),
        (&message.secret_encrypted_message, "secret_encrypted_message"),
    ];
    let kinds = kinds.into_iter().map(|(field, name)| (field.is_some(), name));
    partly.into_iter().chain(kinds).find_map(|(is_there, name)| is_there.then_some(name))
}

/// The id of the message that a message answers.
pub fn quoted(message: &proto::Message) -> Option<String> {
    let message = opened(message);
    let contexts = [
        message.extended_text_message.as_ref().and_then(|part| part.context_info.as_ref()),
        message.image_message.as_ref().and_then(|part| part.context_info.as_ref()),
        message.video_message.as_ref().and_then(|part| part.context_info.as_ref()),
        message.ptv_message.as_ref().and_then(|part| part.context_info.as_ref()),
        message.audio_message.as_ref().and_then(|part| part.context_info.as_ref()),
        message.document_message.as_ref().and_then(|part| part.context_info.as_ref()),
        message.sticker_message.as_ref().and_then(|part| part.context_info.as_ref()),
        message.buttons_response_message.as_ref().and_then(|part| part.context_info.as_ref()),
        message.list_response_message.as_ref().and_then(|part| part.context_info.as_ref()),
        message.template_button_reply_message.as_ref().and_then(|part| part.context_info.as_ref()),
        message.interactive_response_message.as_ref().and_then(|part| part.context_info.as_ref()),
    ];
    contexts.into_iter().flatten().find_map(|context| context.stanza_id.clone()).filter(|id| !id.is_empty())
}

type Inside = fn(&proto::Message) -> bool;

/// Kinds of messages that are more than text to the server.
const MEDIA_TYPES: [(Inside, &str); 10] = [
    (|message| message.list_message.is_some(), "list"),
    (|message| message.list_response_message.is_some(), "list_response"),
    (|message| message.buttons_response_message.is_some(), "buttons_response"),
    (|message| message.interactive_response_message.is_some(), "native_flow_response"),
    (|message| message.image_message.is_some(), "image"),
    (|message| message.video_message.is_some() || message.ptv_message.is_some(), "video"),
    (|message| message.audio_message.as_ref().is_some_and(|audio| audio.ptt == Some(true)), "ptt"),
    (|message| message.audio_message.is_some(), "audio"),
    (|message| message.document_message.is_some(), "document"),
    (|message| message.sticker_message.is_some(), "sticker"),
];

/// The `mediatype` attribute of the `enc` that holds this message. Places and buttons have none: the server treats them as
/// texts.
pub fn media_type(message: &proto::Message) -> Option<&'static str> {
    let message = opened(message);
    if message.contact_message.is_some() {
        Some("vcard")
    } else {
        MEDIA_TYPES.iter().find_map(|(is_inside, name)| is_inside(message).then_some(*name))
    }
}

/// The `type` attribute of the stanza that carries this message.
pub fn stanza_type(message: &proto::Message) -> &'static str {
    if message.reaction_message.is_some() {
        "reaction"
    } else if message.poll_creation_message.is_some() {
        "poll"
    } else if media_type(message).is_some() {
        "media"
    } else {
        "text"
    }
}
