//! A stanza that decodes can be encoded again, and then says the same.
#![cfg_attr(fuzzing, no_main)]
use bytes::{Bytes, BytesMut};
use whatsapp_core::binary::{Node, Stanza, decode, encode, unpack};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

#[cfg(not(fuzzing))]
#[allow(dead_code)]
fn main() {
    std::env::args_os().skip(1).for_each(|path| run(&std::fs::read(path).expect("a readable file")));
}

/// Takes `data` for a stanza without flag byte.
pub(crate) fn run(data: &[u8]) {
    let Ok(first) = decode(Bytes::copy_from_slice(data)) else { return };
    let node = Node::from(first.root());
    let bytes = encoded(&node);
    let second = unpack(bytes.clone()).expect("what was encoded decodes");
    assert_eq!(second, Stanza::from(&node));
    // Texts that the wire spells as bytes have become bytes; from here on nothing changes any more.
    let normal = Node::from(second.root());
    let third = unpack(encoded(&normal)).expect("what was encoded decodes");
    assert_eq!(third, second);
    assert_eq!(Node::from(third.root()), normal);
}

fn encoded(node: &Node) -> Bytes {
    let mut out = BytesMut::new();
    encode(node, &mut out).expect("what was decoded is within the limits");
    out.freeze()
}
