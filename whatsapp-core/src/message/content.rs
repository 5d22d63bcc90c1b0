//! Content to protobuf and back.
use bytes::Bytes;
use rand::{CryptoRng, RngExt};
use whatsapp_store::Content;

use crate::proto::message as proto;

/// Envelopes (view once, ephemeral, …) inside each other; more are not opened.
const MAX_WRAPPERS: usize = 4;

/// The protobuf message of a content, with a fresh message secret, which reactions and votes on it are keyed by.
/// `None` for kinds that cannot be sent.
pub fn to_proto(content: &Content, rng: &mut impl CryptoRng) -> Option<proto::Message> {
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
        // A reaction names a message by chat and sender too, which the content does not know.
        _ => return None,
    }
    let mut secret = [0; 32];
    rng.fill(&mut secret);
    message.message_context_info =
        Some(proto::MessageContextInfo { message_secret: Some(Bytes::copy_from_slice(&secret)) });
    Some(message)
}

/// What a received message shows; `None` when it is not for people (key distributions, protocol messages).
pub fn from_proto(message: &proto::Message) -> Option<Content> {
    let mut message = message;
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
    if message.protocol_message.is_some() {
        return None;
    }
    known(message).or_else(|| {
        // A message of a kind that this version does not know is shown as such, not swallowed.
        let silent = message.sender_key_distribution_message.is_some();
        (!silent).then(|| Content::Unsupported { kind: "unknown".to_owned() })
    })
}

fn known(message: &proto::Message) -> Option<Content> {
    if let Some(text) = &message.conversation {
        return Some(Content::text(text));
    }
    if let Some(extended) = &message.extended_text_message {
        return Some(Content::text(extended.text.clone().unwrap_or_default()));
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
    unread_kind(message).map(|kind| Content::Unsupported { kind: kind.to_owned() })
}

/// The name of a kind that is known by name alone.
fn unread_kind(message: &proto::Message) -> Option<&'static str> {
    let kinds = [
        (&message.image_message, "image_message"),
        (&message.video_message, "video_message"),
        (&message.audio_message, "audio_message"),
        (&message.document_message, "document_message"),
        (&message.sticker_message, "sticker_message"),
        (&message.ptv_message, "ptv_message"),
        (&message.album_message, "album_message"),
        (&message.contacts_array_message, "contacts_array_message"),
        (&message.live_location_message, "live_location_message"),
        (&message.list_message, "list_message"),
        (&message.list_response_message, "list_response_message"),
        (&message.buttons_message, "buttons_message"),
        (&message.buttons_response_message, "buttons_response_message"),
        (&message.template_message, "template_message"),
        (&message.template_button_reply_message, "template_button_reply_message"),
        (&message.interactive_message, "interactive_message"),
        (&message.interactive_response_message, "interactive_response_message"),
        (&message.product_message, "product_message"),
        (&message.order_message, "order_message"),
        (&message.group_invite_message, "group_invite_message"),
        (&message.event_message, "event_message"),
        (&message.poll_update_message, "poll_update_message"),
        (&message.enc_reaction_message, "enc_reaction_message"),
        (&message.pin_in_chat_message, "pin_in_chat_message"),
        (&message.secret_encrypted_message, "secret_encrypted_message"),
    ];
    kinds.into_iter().find_map(|(field, name)| field.is_some().then_some(name))
}

/// The `mediatype` attribute of the `enc` that holds this message. Places have none: to the service they are texts.
pub fn media_type(message: &proto::Message) -> Option<&'static str> {
    message.contact_message.as_ref().map(|_| "vcard")
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
