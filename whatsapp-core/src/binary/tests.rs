//! The codec against arbitrary nodes, arbitrary bytes and hostile bytes.
use std::io::Write;

use bytes::{Bytes, BytesMut};
use compact_str::CompactString;
use proptest::{collection::vec, prelude::*};

use super::{
    Attr, Content, DecodeError, EncodeError, MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_INFLATED,
    MAX_RETAINED, MAX_STRINGS, Node, Stanza, Value, decode, encode, token, unpack,
};
use crate::jid::{Jid, Server};

fn encoded(node: &Node) -> Bytes {
    let mut out = BytesMut::new();
    encode(node, &mut out).unwrap();
    out.freeze()
}

fn chain(depth: usize) -> Node {
    (1..depth).fold(Node::new("iq"), |node, _| Node::new("iq").child(node))
}

fn text() -> impl Strategy<Value = CompactString> {
    let known = (0..6u16 << 8).prop_map(|code| CompactString::from(token::string(code)));
    prop_oneof![
        known,
        "[0-9.-]{0,130}".prop_map(CompactString::from),
        "[0-9A-F]{0,130}".prop_map(CompactString::from),
        "[a-z]{0,40}".prop_map(CompactString::from),
        ".{0,20}".prop_map(CompactString::from),
        (200usize..300).prop_map(|length| CompactString::from("z".repeat(length))),
    ]
}

fn jid() -> impl Strategy<Value = Jid> {
    let server = prop::sample::select(vec![
        Server::User,
        Server::Lid,
        Server::Group,
        Server::Broadcast,
        Server::Newsletter,
        Server::Hosted,
        Server::HostedLid,
        Server::Bot,
        Server::Messenger,
        Server::Interop,
        Server::Legacy,
    ]);
    let device = prop_oneof![Just(0), 0..300u16, any::<u16>()];
    (text(), device, prop_oneof![Just(0), any::<u16>()], server)
        .prop_map(|(user, device, integrator, server)| Jid { user, device, integrator, server })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![text().prop_map(Value::Text), jid().prop_map(Value::Jid)]
}

fn node() -> impl Strategy<Value = Node> {
    let tag = || text().prop_filter("a tag", |tag| !tag.is_empty());
    let attrs = || vec((text(), value()).prop_map(|(key, value)| Attr { key, value }), 0..6);
    let leaf = prop_oneof![
        Just(Content::None),
        vec(any::<u8>(), 0..300).prop_map(|bytes| Content::Bytes(bytes.into())),
        text().prop_map(Content::Text),
    ];
    let leaf = (tag(), attrs(), leaf).prop_map(|(tag, attrs, content)| Node { tag, attrs, content });
    leaf.prop_recursive(5, 64, 6, move |inner| {
        (tag(), attrs(), vec(inner, 0..6).prop_map(Content::Nodes)).prop_map(|(tag, attrs, content)| Node {
            tag,
            attrs,
            content,
        })
    })
}

/// Bytes in which tags and small numbers are as frequent as in stanzas.
fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        3 => 0..8u8,
        3 => 236..=255u8,
        2 => Just(token::LIST_8),
        2 => any::<u8>(),
    ];
    vec(byte, 0..200)
}

proptest! {
    #[test]
    fn encoded_nodes_decode(node in node()) {
        let stanza = unpack(encoded(&node)).unwrap();
        prop_assert_eq!(&stanza, &Stanza::from(&node));
        // The result is in normal form: another round changes nothing.
        let normal = Node::from(stanza.root());
        prop_assert_eq!(Node::from(unpack(encoded(&normal)).unwrap().root()), normal);
    }

    #[test]
    fn arbitrary_bytes_cost_little(bytes in prop_oneof![likely_bytes(), vec(any::<u8>(), 0..200)]) {
        let length = bytes.len();
        if let Ok(stanza) = decode(bytes.into()) {
            prop_assert!(stanza.heap_size() <= 1024 + 64 * length);
            let node = Node::from(stanza.root());
            prop_assert_eq!(unpack(encoded(&node)).unwrap(), Stanza::from(&node));
        }
    }

    #[test]
    fn compressed_nodes_decode_to_the_same(node in node()) {
        let plain = encoded(&node);
        prop_assert_eq!(unpack(compressed(&plain[1..])).unwrap(), unpack(plain).unwrap());
    }

    #[test]
    fn damaged_compression_is_refused(mut bytes in vec(any::<u8>(), 0..200)) {
        bytes.insert(0, 2);
        prop_assert!(unpack(bytes.into()).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn truncated_stanzas_are_refused(mut node in node()) {
        without_interop(&mut node);
        let bytes = encoded(&node);
        for end in 0..bytes.len() {
            prop_assert_eq!(unpack(bytes.slice(..end)), Err(DecodeError::Truncated));
        }
    }
}

/// The server of an interop address may be absent, so bytes that end there can be valid.
fn without_interop(node: &mut Node) {
    for attr in &mut node.attrs {
        if let Value::Jid(jid) = &mut attr.value
            && jid.server == Server::Interop
        {
            jid.server = Server::Bot;
        }
    }
    if let Content::Nodes(nodes) = &mut node.content {
        nodes.iter_mut().for_each(without_interop);
    }
}

fn compressed(bytes: &[u8]) -> Bytes {
    let mut encoder = flate2::write::ZlibEncoder::new(vec![2], flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().into()
}

#[test]
fn compression_bombs_are_refused() {
    let bomb = compressed(&vec![0; 4 * MAX_INFLATED]);
    assert!(bomb.len() < 40_000);
    assert_eq!(unpack(bomb.clone()), Err(DecodeError::TooLarge));
    assert_eq!(unpack(bomb.slice(..bomb.len() / 8)), Err(DecodeError::Truncated));
    // The largest that may be inflated: a stanza of one element.
    let mut whole = encoded(&Node::new("enc").bytes(vec![0; MAX_INFLATED - 8])).slice(1..).to_vec();
    assert_eq!(whole.len(), MAX_INFLATED);
    assert!(unpack(compressed(&whole)).is_ok());
    whole.push(0);
    assert_eq!(unpack(compressed(&whole)), Err(DecodeError::TooLarge));
}

#[test]
fn depth_is_bounded() {
    let deepest = chain(MAX_DEPTH);
    assert_eq!(unpack(encoded(&deepest)).unwrap(), Stanza::from(&deepest));
    assert_eq!(encode(&chain(MAX_DEPTH + 1), &mut BytesMut::new()), Err(EncodeError::TooDeep));
    let step = [token::LIST_8, 2, 1, token::LIST_8, 1];
    assert_eq!(decode(step.repeat(100_000).into()), Err(DecodeError::TooDeep));
    // Addresses do not nest at all.
    let mut address = vec![token::LIST_8, 3, 1, 1];
    address.extend([token::JID_PAIR].repeat(100_000));
    assert_eq!(decode(address.into()), Err(DecodeError::UnexpectedTag(token::JID_PAIR)));
}

#[test]
fn totals_are_bounded() {
    // Lists of 65,535 elements, each of one byte's name.
    let list = |bytes: &mut Vec<u8>| {
        bytes.extend([token::LIST_8, 2, 1, token::LIST_16, 0xff, 0xff]);
        bytes.extend([token::LIST_8, 1, 1].repeat(0xffff));
    };
    let mut bytes = vec![token::LIST_8, 2, 1, token::LIST_8, 4];
    (0..4).for_each(|_| list(&mut bytes));
    assert_eq!(decode(bytes.into()), Err(DecodeError::TooLarge));
    const { assert!(4 * 0x10000 + 1 > MAX_ELEMENTS) };
    // Elements of 32,767 empty attributes.
    let mut bytes = vec![token::LIST_8, 2, 1, token::LIST_8, 17];
    for _ in 0..17 {
        bytes.extend([token::LIST_16, 0xff, 0xff, 1]);
        bytes.extend([0, 0].repeat(0x7fff));
    }
    assert_eq!(decode(bytes.into()), Err(DecodeError::TooLarge));
    const { assert!(17 * 0x7fff > MAX_ATTRIBUTES) };
    // Attributes with distinct names: addresses.
    let mut bytes = vec![token::LIST_8, 2, 1, token::LIST_8, 3];
    for _ in 0..3 {
        bytes.extend([token::LIST_16, 0xff, 0xff, 1]);
        bytes.extend([token::AD_JID, 0, 0, 7, 0].repeat(0x7fff));
    }
    assert_eq!(decode(bytes.into()), Err(DecodeError::TooLarge));
    const { assert!(3 * 0x7fff > MAX_STRINGS) };
}

/// The longest string that two bytes encode.
fn longest_token() -> [u8; 2] {
    let codes = (token::DICT_0..=token::DICT_3).flat_map(|tag| (0..=255).map(move |byte| [tag, byte]));
    codes.max_by_key(|[tag, byte]| token::string(token::double(*tag, *byte)).len()).unwrap()
}

/// As much of everything as the limits allow, in one compressed frame.
#[test]
fn the_worst_stanza_is_bounded() {
    let longest = longest_token();
    let mut bytes = vec![token::LIST_8, 2, 1, token::LIST_8, 14];
    // 65,532 attributes with distinct names, 163,835 with a long value, and the remaining elements.
    for number in 0..7 {
        bytes.extend([token::LIST_16, 0xff, 0xff, 1]);
        let key: &[u8] = if number < 2 { &[token::AD_JID, 0, 9, longest[0], longest[1]] } else { &[7] };
        bytes.extend([key, &longest].concat().repeat(0x7fff));
    }
    for _ in 0..3 {
        bytes.extend([token::LIST_8, 2, 1, token::LIST_16, 0xff, 0xff]);
        bytes.extend([token::LIST_8, 2, 1, token::BINARY_8, 1, 0].repeat(0xffff));
    }
    bytes.extend([token::LIST_8, 2, 1, token::BINARY_20, 0x0f, 0xff, 0xff]);
    bytes.extend(vec![0; 0xf_ffff]);
    bytes.extend([token::LIST_8, 1, 1].repeat(3));
    let unfolded = bytes.len();
    let frame = compressed(&bytes);
    let stanza = unpack(frame.clone()).unwrap();
    let retained = stanza.retained_size() + (1 << 24) - unfolded;
    assert!(frame.len() < 100_000 && retained > 32 << 20, "{} bytes for {retained}", frame.len());
    assert!(retained <= MAX_RETAINED, "{retained}");
}

#[test]
fn the_retained_size_includes_the_frame() {
    let short = unpack(encoded(&Node::new("enc").bytes(vec![0; 100]))).unwrap();
    let long = unpack(encoded(&Node::new("enc").bytes(vec![0; 100_000]))).unwrap();
    assert_eq!(long.retained_size() - short.retained_size(), 99_902, "two more bytes of length");
    let inflated = unpack(compressed(&encoded(&Node::new("enc").bytes(vec![0; 100_000]))[1..])).unwrap();
    assert_eq!(inflated.retained_size(), long.retained_size());
    assert!(unpack(encoded(&Node::new("presence"))).unwrap().retained_size() < 200, "no bytes, no frame");
}

#[test]
fn sizes_beyond_the_input_are_refused() {
    for bytes in [
        vec![token::LIST_16, 0xff, 0xff, 1, 1],
        vec![token::LIST_8, 2, 1, token::LIST_16, 0xff, 0xff, token::LIST_8, 1, 1],
        vec![token::LIST_8, 2, 1, token::BINARY_32, 0xff, 0xff, 0xff, 0xff, 0],
        vec![token::LIST_8, 2, 1, token::BINARY_20, 0xff, 0xff, 0xff, 0],
        vec![token::LIST_8, 3, 1, 1, token::BINARY_8, 200, b'a'],
        vec![token::LIST_8, 3, 1, 1, token::NIBBLE_8, 100, 0x12],
    ] {
        assert_eq!(decode(bytes.into()), Err(DecodeError::Truncated));
    }
}

#[test]
fn malformed_bytes_give_typed_errors() {
    for (bytes, error) in [
        (vec![], DecodeError::Truncated),
        (vec![token::LIST_EMPTY], DecodeError::EmptyTag),
        (vec![token::LIST_8, 0], DecodeError::EmptyTag),
        (vec![token::LIST_8, 1, token::LIST_EMPTY], DecodeError::EmptyTag),
        (vec![token::LIST_8, 1, token::BINARY_8, 0], DecodeError::EmptyTag),
        (vec![1, 1], DecodeError::UnexpectedTag(1)),
        (vec![token::LIST_8, 1, 240], DecodeError::UnexpectedTag(240)),
        (vec![token::LIST_8, 1, token::LIST_8], DecodeError::UnexpectedTag(token::LIST_8)),
        (vec![token::LIST_8, 1, 1, 0], DecodeError::Trailing),
        (vec![token::LIST_8, 3, 1, 1, token::NIBBLE_8, 1, 0xc1], DecodeError::NotPacked),
        (vec![token::LIST_8, 3, 1, 1, token::NIBBLE_8, 1, 0x1f], DecodeError::NotPacked),
        (vec![token::LIST_8, 3, 1, 1, token::BINARY_8, 1, 0xff], DecodeError::NotUtf8),
    ] {
        assert_eq!(decode(bytes.clone().into()), Err(error), "{bytes:?}");
    }
    assert_eq!(unpack(Bytes::new()), Err(DecodeError::Truncated));
}

#[test]
fn addresses_of_unknown_form_come_as_text() {
    let attr = |bytes: &[u8]| {
        let bytes = [&[token::LIST_8, 3, 1, 1], bytes].concat();
        decode(bytes.into()).unwrap().root().attributes().next().unwrap().1.clone()
    };
    let user = [token::NIBBLE_8, 1, 0x12];
    let place = [token::BINARY_8, 4, b'm', b'o', b'o', b'n'];
    let of = |parts: &[&[u8]]| attr(&parts.concat());
    assert_eq!(of(&[&[token::JID_PAIR], &user, &place]), Value::from("12@moon"));
    assert_eq!(of(&[&[token::JID_PAIR, 0, 3]]), Value::Jid(Jid::SERVICE));
    assert_eq!(
        of(&[&[token::JID_PAIR], &user, &[token::BINARY_8, 3], b"bot"]),
        Value::Jid(Jid::new("12", Server::Bot))
    );
    assert_eq!(of(&[&[token::AD_JID, 17, 3], &user]), Value::from("12:3@domain.17"));
    assert_eq!(of(&[&[token::AD_JID, 1, 3], &user]), Value::Jid(Jid::lid("12").with_device(3)));
    assert_eq!(of(&[&[token::FB_JID], &user, &[1, 2], &place]), Value::from("12:258@moon"));
    assert_eq!(of(&[&[token::FB_JID], &user, &[1, 2, 3]]), Value::from("12:258@s.whatsapp.net"));
}

#[test]
fn strings_may_have_a_longer_encoding() {
    let raw = |text: &str| [&[token::BINARY_32, 0, 0, 0, text.len() as u8], text.as_bytes()].concat();
    let bytes =
        [&[token::LIST_16, 0, 4][..], &raw("iq"), &raw("type"), &raw("get"), &[token::HEX_8, 0x81, 0xa0]]
            .concat();
    let stanza = decode(bytes.into()).unwrap();
    assert_eq!(
        stanza,
        Stanza::from(&Node { content: Content::Text("A".into()), ..Node::new("iq").attr("type", "get") })
    );
    assert_eq!(stanza.root().content_text(), Some("A"));
    assert_eq!(stanza.root().attr_text("type"), Some("get"));
}

#[test]
fn names_may_be_addresses() {
    // No known stanza has one, but the wire can encode it.
    let bytes = vec![token::LIST_8, 2, token::AD_JID, 0, 3, token::NIBBLE_8, 1, 0x12, token::JID_PAIR, 0, 3];
    let stanza = decode(bytes.into()).unwrap();
    assert_eq!(stanza.root().tag(), "12:3@s.whatsapp.net");
    assert_eq!(stanza.root().text(), Some("s.whatsapp.net"));
}

#[test]
fn a_failed_encoding_leaves_the_output_unchanged() {
    let mut out = BytesMut::from(&b"before"[..]);
    let with = |count: usize| Node {
        attrs: vec![Attr { key: "k".into(), value: "v".into() }; count],
        ..Node::new("iq")
    };
    let children = |count: usize| Node::new("iq").children((0..count).map(|_| Node::new("iq")));
    for (node, error) in [
        (Node::with_tag(CompactString::default()), EncodeError::EmptyTag),
        (Node::new("iq").child(Node::with_tag(CompactString::default())), EncodeError::EmptyTag),
        (with(0x8000), EncodeError::TooMany),
        (children(0x10000), EncodeError::TooMany),
        (Node::new("enc").bytes(vec![0; 1 << 24]), EncodeError::TooLarge),
        (
            Node::new("iq").children((0..20).map(|_| Node::new("enc").bytes(vec![0; 1 << 20]))),
            EncodeError::TooLarge,
        ),
    ] {
        assert_eq!(encode(&node, &mut out), Err(error));
        assert_eq!(out, "before");
    }
    for node in [with(0x7fff), children(0xffff)] {
        assert_eq!(unpack(encoded(&node)).unwrap(), Stanza::from(&node));
    }
}

#[test]
fn encoding_appends_to_the_output() {
    let mut out = BytesMut::from(&b"before"[..]);
    encode(&Node::new("iq"), &mut out).unwrap();
    assert_eq!(&out[..], b"before\x00\xf8\x01\x19");
}

#[test]
fn blobs_are_slices_of_the_frame() {
    let frame = encoded(&Node::new("enc").bytes(vec![7; 100]));
    let stanza = unpack(frame.clone()).unwrap();
    let blob = stanza.root().bytes().unwrap();
    assert!(frame.as_ptr_range().contains(&blob.as_ptr()));
}

#[test]
fn long_lists_take_little_more_memory_than_they_need() {
    let list = Node::new("list")
        .children((0..5000u32).map(|i| Node::new("user").attr("jid", Jid::pn(i.to_string()))));
    let stanza = unpack(encoded(&list)).unwrap();
    assert_eq!(stanza.root().children().len(), 5000);
    assert!(stanza.heap_size() < 5000 * (24 + 40) * 5 / 4, "{}", stanza.heap_size());
}
