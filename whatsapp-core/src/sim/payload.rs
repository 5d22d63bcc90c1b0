//! The plaintext of a message on phones: padding, and the copy for the sender's other devices.
//!
//! Written separately from the client's `message::{padding, device_sent}`, from the same facts: a byte n that is repeated n
//! times, n from 1 to 16; and `deviceSentMessage` (31) with the chat (1) and the message (2). The context
//! (35) is repeated beside it.
use bytes::Bytes;
use rand::{RngExt, rngs::StdRng};

use super::wire::{Fields, Writer};

const SENDER_KEY_DISTRIBUTION: u64 = 2;
const DEVICE_SENT: u64 = 31;
const CONTEXT_INFO: u64 = 35;

/// Pads as phones do, with up to 16 bytes.
pub(super) fn pad(plaintext: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let length = rng.random_range(1..=16u8);
    let padding = std::iter::repeat_n(length, usize::from(length));
    plaintext.iter().copied().chain(padding).collect()
}

/// The plaintext without its padding; `None` when the padding is malformed.
pub(super) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let length = *padded.last().filter(|length| (1..=16).contains(*length))?;
    let plaintext = &padded[..padded.len().checked_sub(usize::from(length))?];
    padded[plaintext.len()..].iter().all(|byte| *byte == length).then_some(plaintext)
}

/// The copy of a message that the sender's other devices get.
pub(super) fn device_sent(chat: &str, message: &[u8]) -> Bytes {
    let copy = Writer::new().text(1, chat).bytes(2, message);
    let outside = Writer::new().message(DEVICE_SENT, &copy);
    match Fields::parse(message).and_then(|fields| fields.bytes(CONTEXT_INFO)) {
        Some(context) => outside.bytes(CONTEXT_INFO, context).finish(),
        None => outside.finish(),
    }
}

/// A plaintext without padding, and without the envelope of a copy.
pub(super) struct Opened {
    /// The chat that the sender wrote to, if it is the copy for an own device.
    pub(super) copied_from: Option<String>,
    pub(super) message: Bytes,
}

/// Opens a plaintext; `None` when it is not a message.
pub(super) fn open(plaintext: &[u8]) -> Option<Opened> {
    let fields = Fields::parse(plaintext)?;
    match fields.message(DEVICE_SENT) {
        Some(copy) => Some(Opened {
            copied_from: Some(copy.text(1).unwrap_or_default()),
            message: Bytes::copy_from_slice(copy.bytes(2)?),
        }),
        None => Some(Opened { copied_from: None, message: Bytes::copy_from_slice(plaintext) }),
    }
}

/// The group key that a message distributes: the group and the serialized distribution.
pub(super) fn sender_key(message: &[u8]) -> Option<(String, Bytes)> {
    let distribution = Fields::parse(message)?.message(SENDER_KEY_DISTRIBUTION)?;
    Some((distribution.text(1)?, Bytes::copy_from_slice(distribution.bytes(2)?)))
}

/// The message that distributes a group key.
pub(super) fn hand_out_sender_key(group: &str, distribution: &[u8]) -> Bytes {
    let inner = Writer::new().text(1, group).bytes(2, distribution);
    Writer::new().message(SENDER_KEY_DISTRIBUTION, &inner).finish()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;

    use super::*;

    #[test]
    fn every_length_of_padding_occurs_and_is_removed() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut lengths = BTreeSet::new();
        for _ in 0..500 {
            let padded = pad(b"hello", &mut rng);
            lengths.insert(padded.len() - 5);
            assert_eq!(unpad(&padded), Some(&b"hello"[..]));
        }
        assert!(lengths.into_iter().eq(1..=16));
        for malformed in [&[][..], &[0], &[17; 20], &[2], &[1, 3, 3]] {
            assert_eq!(unpad(malformed), None, "{malformed:?}");
        }
    }

    #[test]
    fn copies_for_own_devices_repeat_the_context() {
        let context = Writer::new().bytes(3, &[7; 32]);
        let message = Writer::new().text(1, "hi").message(CONTEXT_INFO, &context).finish();
        let copy = device_sent("7@lid", &message);
        assert_eq!(Fields::parse(&copy).unwrap().message(CONTEXT_INFO).unwrap().bytes(3).unwrap(), [7; 32]);
        let opened = open(&copy).unwrap();
        assert_eq!((opened.copied_from.as_deref(), opened.message), (Some("7@lid"), message.clone()));
        let opened = open(&message).unwrap();
        assert_eq!((opened.copied_from, opened.message), (None, message));
    }

    #[test]
    fn group_keys_survive_a_round_trip() {
        let message = hand_out_sender_key("1@g.us", b"key");
        assert_eq!(sender_key(&message), Some(("1@g.us".to_owned(), Bytes::from_static(b"key"))));
        assert_eq!(sender_key(b""), None);
    }
}
