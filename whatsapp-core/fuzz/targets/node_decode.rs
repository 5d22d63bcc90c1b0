//! The payload of a frame, whatever it is: no panic, and no more memory than its size explains.
#![cfg_attr(fuzzing, no_main)]
use bytes::Bytes;
use whatsapp_core::binary::{MAX_INFLATED, NodeRef, unpack};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

#[cfg(not(fuzzing))]
#[allow(dead_code)]
fn main() {
    std::env::args_os().skip(1).for_each(|path| run(&std::fs::read(path).expect("a readable file")));
}

/// Decodes `data` as it comes out of the frame cipher, and reads all of it.
pub(crate) fn run(data: &[u8]) {
    let Ok(stanza) = unpack(Bytes::copy_from_slice(data)) else { return };
    let size = if data[0] & 2 == 0 { data.len() } else { MAX_INFLATED };
    assert!(stanza.heap_size() <= 1024 + 64 * size);
    read(stanza.root());
    assert!(!format!("{stanza:?}").is_empty());
}

fn read(node: NodeRef<'_>) {
    assert!(!node.tag().is_empty());
    let mut reader = node.reader();
    for (key, value) in node.attributes() {
        // A key may stand twice: the first counts.
        assert!(node.attr(key).is_some());
        let _ =
            (value.to_jid(), reader.opt_time(key), reader.opt_jid(key), reader.text(key), reader.flag(key));
    }
    let _ = (reader.finish(), node.content_text(), node.bytes());
    assert_eq!(node.children().len(), node.children().count());
    node.children().for_each(read);
}
