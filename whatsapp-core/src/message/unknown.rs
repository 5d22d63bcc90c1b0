//! Messages of unknown kinds. Their serialized form tells them from messages without content: generated code drops
//! their fields.
use prost::{
    bytes::Buf,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};

/// Envelopes inside each other; more are not opened.
const MAX_WRAPPERS: usize = 6;

/// Fields that say nothing to people: key distributions (2, 15), protocol messages (12), the context (35).
const SILENT: [u32; 4] = [2, 12, 15, 35];

/// Envelopes, with the field of the inner message: copies for own devices, and those of [`super::content::opened`].
const WRAPPERS: [(u32, u32); 10] =
    [(31, 2), (37, 1), (40, 1), (53, 1), (55, 1), (58, 1), (59, 1), (62, 1), (74, 1), (93, 1)];

/// Does the serialized message, or the innermost one in its envelopes, have a field that is of no silent kind? Asked once no kind is
/// known to be in it.
pub(crate) fn has_unknown_kind(message: &[u8]) -> bool {
    let mut message = message;
    for _ in 0..MAX_WRAPPERS {
        let mut inner = None;
        for (field, value) in fields(message) {
            if let Some((_, inside)) = WRAPPERS.iter().find(|(wrapper, _)| *wrapper == field) {
                inner =
                    fields(value).into_iter().find(|(number, _)| number == inside).map(|(_, value)| value);
            } else if !SILENT.contains(&field) {
                return true;
            }
        }
        match inner {
            Some(inner) => message = inner,
            None => return false,
        }
    }
    false
}

/// The fields of a message with their numbers; the contents of those that are no byte strings are empty. Ends at the first thing
/// that is malformed.
fn fields(mut message: &[u8]) -> Vec<(u32, &[u8])> {
    let mut found = Vec::new();
    while message.has_remaining() {
        let Ok((field, wire)) = decode_key(&mut message) else { break };
        if wire != WireType::LengthDelimited {
            if skip_field(wire, field, &mut message, DecodeContext::default()).is_err() {
                break;
            }
            found.push((field, &message[..0]));
            continue;
        }
        let length = decode_varint(&mut message).ok().and_then(|length| usize::try_from(length).ok());
        let Some((value, rest)) = length.and_then(|length| message.split_at_checked(length)) else { break };
        found.push((field, value));
        message = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn unknown_kinds_differ_from_empty_messages() {
        let secret = [0x9a, 2, 2, 0x1a, 0];
        for (message, expected) in [
            (&[][..], false),
            // 35: the context alone; with field 200, something new.
            (&secret[..], false),
            (&[&secret[..], &[0xc2, 0x0c, 1, 7]].concat(), true),
            // 2: a key distribution.
            (&[0x12, 0], false),
            // 40: an envelope around nothing, around something new, and around a context.
            (&[0xc2, 2, 2, 0x0a, 0], false),
            (&[0xc2, 2, 6, 0x0a, 4, 0xc2, 0x0c, 1, 7], true),
            (&[0xc2, 2, 7, 0x0a, 5, 0x9a, 2, 2, 0x1a, 0], false),
            // 31: a copy for an own device, around something new.
            (&[0xfa, 1, 6, 0x12, 4, 0xc2, 0x0c, 1, 7], true),
            // 300: a number.
            (&[0xe0, 0x12, 1], true),
        ] {
            assert_eq!(has_unknown_kind(message), expected, "{message:02x?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = has_unknown_kind(&bytes);
        }
    }
}
