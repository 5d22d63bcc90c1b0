//! Copies of our own messages for our other devices.
use crate::{jid::Jid, proto::message as proto};

/// Wraps a message for an own device; the context with the message secret is repeated outside.
pub fn wrap(destination: &Jid, message: proto::Message) -> proto::Message {
    proto::Message {
        message_context_info: message.message_context_info.clone(),
        device_sent_message: Some(Box::new(proto::DeviceSentMessage {
            destination_jid: Some(destination.to_string()),
            message: Some(Box::new(message)),
            phash: None,
        })),
        ..proto::Message::default()
    }
}

/// The message inside, and its destination, if it is such a copy. Only own devices may send them: check that first.
pub fn unwrap(message: proto::Message) -> (Option<String>, proto::Message) {
    match message.device_sent_message {
        Some(copy) => {
            let mut inner = copy.message.map(|inner| *inner).unwrap_or_default();
            // Some senders write the context outside only.
            inner.message_context_info = inner.message_context_info.or(message.message_context_info);
            (copy.destination_jid, inner)
        }
        None => (None, message),
    }
}
