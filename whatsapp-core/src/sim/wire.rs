//! Hand-written protobuf, for the messages of phones.
//!
//! The client reads and writes messages with generated code from our `.proto` files. The phones do not use that code, so
//! a wrong field number or type on one side is not repeated by the other.
use bytes::Bytes;

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const FIXED_32: u64 = 5;

/// The fields of one message as sent. After the first malformed field there are none.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields<'a>(Vec<(u64, Field<'a>)>);

#[derive(Clone, Copy, Debug)]
enum Field<'a> {
    Number(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    /// `None` when the bytes are not a protobuf message.
    pub(super) fn parse(mut rest: &'a [u8]) -> Option<Self> {
        let mut fields = Vec::new();
        while !rest.is_empty() {
            let key = varint(&mut rest)?;
            let field = match key & 7 {
                VARINT => Field::Number(varint(&mut rest)?),
                FIXED_64 => Field::Double(f64::from_le_bytes(take(&mut rest, 8)?.try_into().ok()?)),
                BYTES => {
                    let length = usize::try_from(varint(&mut rest)?).ok()?;
                    Field::Bytes(take(&mut rest, length)?)
                }
                FIXED_32 => {
                    Field::Number(u64::from(u32::from_le_bytes(take(&mut rest, 4)?.try_into().ok()?)))
                }
                _ => return None,
            };
            fields.push((key >> 3, field));
        }
        Some(Self(fields))
    }

    /// The numbers of the fields that are there.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|(number, _)| *number)
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.numbers().any(|found| found == number)
    }

    /// Of a field that was sent more than once, the last one counts.
    fn last(&self, number: u64) -> Option<Field<'a>> {
        self.0.iter().rev().find_map(|(found, field)| (*found == number).then_some(*field))
    }

    pub(super) fn bytes(&self, number: u64) -> Option<&'a [u8]> {
        match self.last(number)? {
            Field::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn text(&self, number: u64) -> Option<String> {
        String::from_utf8(self.bytes(number)?.to_vec()).ok()
    }

    /// A text that says something.
    pub(super) fn filled(&self, number: u64) -> Option<String> {
        self.text(number).filter(|text| !text.is_empty())
    }

    pub(super) fn number(&self, number: u64) -> Option<u64> {
        match self.last(number)? {
            Field::Number(value) => Some(value),
            _ => None,
        }
    }

    pub(super) fn double(&self, number: u64) -> Option<f64> {
        match self.last(number)? {
            Field::Double(value) => Some(value),
            _ => None,
        }
    }

    /// The message inside a field.
    pub(super) fn message(&self, number: u64) -> Option<Fields<'a>> {
        Fields::parse(self.bytes(number)?)
    }

    /// All messages of a repeated field.
    pub(super) fn messages(&self, number: u64) -> impl Iterator<Item = Fields<'a>> {
        self.0.iter().filter_map(move |(found, field)| match field {
            Field::Bytes(bytes) if *found == number => Fields::parse(bytes),
            _ => None,
        })
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Writes one message, field by field.
#[derive(Clone, Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    fn put(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    #[must_use]
    pub(super) fn bytes(mut self, number: u64, bytes: &[u8]) -> Self {
        self.put(number << 3 | BYTES);
        self.put(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    #[must_use]
    pub(super) fn text(self, number: u64, text: &str) -> Self {
        self.bytes(number, text.as_bytes())
    }

    /// The text, if there is one.
    #[must_use]
    pub(super) fn text_opt(self, number: u64, text: Option<&String>) -> Self {
        match text {
            Some(text) => self.text(number, text),
            None => self,
        }
    }

    #[must_use]
    pub(super) fn number(mut self, number: u64, value: u64) -> Self {
        self.put(number << 3 | VARINT);
        self.put(value);
        self
    }

    #[must_use]
    pub(super) fn double(mut self, number: u64, value: f64) -> Self {
        self.put(number << 3 | FIXED_64);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    #[must_use]
    pub(super) fn message(self, number: u64, message: &Writer) -> Self {
        self.bytes(number, &message.0)
    }

    #[must_use]
    pub(super) fn messages(self, number: u64, messages: impl IntoIterator<Item = Writer>) -> Self {
        messages.into_iter().fold(self, |writer, message| writer.message(number, &message))
    }

    pub(super) fn finish(self) -> Bytes {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::proto::message as proto;

    #[test]
    fn fields_are_read_as_other_code_writes_them() {
        let message = proto::LocationMessage {
            degrees_latitude: Some(1.5),
            degrees_longitude: Some(-2.25),
            name: Some("Café".into()),
            address: None,
        };
        let bytes = message.encode_to_vec();
        let fields = Fields::parse(&bytes).unwrap();
        assert_eq!((fields.double(1), fields.double(2)), (Some(1.5), Some(-2.25)));
        assert_eq!((fields.text(3).as_deref(), fields.has(4)), (Some("Café"), false));
    }

    #[test]
    fn fields_are_written_as_other_code_reads_them() {
        let options = ["a", "b"].map(|option| Writer::new().text(1, option));
        let bytes = Writer::new().text(2, "?").messages(3, options).number(4, 300).finish();
        let poll = proto::PollCreationMessage::decode(bytes).unwrap();
        assert_eq!((poll.name.as_deref(), poll.selectable_options_count), (Some("?"), Some(300)));
        let options: Vec<_> = poll.options.into_iter().filter_map(|option| option.option_name).collect();
        assert_eq!(options, ["a", "b"]);
    }

    #[test]
    fn damaged_bytes_are_not_a_message() {
        for bytes in [&[0x0a, 5, 1][..], &[0x80; 11], &[0x0f], &[0x09, 1, 2]] {
            assert!(Fields::parse(bytes).is_none(), "{bytes:?}");
        }
        assert!(Fields::parse(&[]).is_some_and(|fields| fields.numbers().count() == 0));
    }
}
