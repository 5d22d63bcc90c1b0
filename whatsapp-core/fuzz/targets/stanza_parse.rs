//! Stanzas of every kind the client reads: whatever tags, attributes and contents, each reader gives an answer.
#![cfg_attr(fuzzing, no_main)]
use bytes::Bytes;
use whatsapp_core::{
    binary::{NodeRef, unpack},
    stanza::{ack::Ack, connection, iq, message, notification, prekeys, receipt, usync},
};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| run(data));

#[cfg(not(fuzzing))]
#[allow(dead_code)]
fn main() {
    std::env::args_os().skip(1).for_each(|path| run(&std::fs::read(path).expect("a readable file")));
}

pub(crate) fn run(data: &[u8]) {
    let Ok(stanza) = unpack(Bytes::copy_from_slice(data)) else { return };
    let node = stanza.root();
    read(node);
    // Replies are read from the iq and from what is in it.
    node.children().for_each(read);
}

fn read(node: NodeRef<'_>) {
    let _ = (Ack::parse(node), message::MessageStanza::parse(node), receipt::Receipt::parse(node));
    let _ = (notification::Notification::parse(node), iq::parse_reply(node));
    let _ = (connection::parse_success(node), connection::parse_failure(node));
    let _ = (connection::parse_stream_error(node), connection::parse_ib(node));
    let _ = (prekeys::parse_count(node), prekeys::parse_bundles(node), prekeys::parse_digest(node));
    let _ = usync::parse_devices(node);
}
