//! Stanzas: a message, a device list of 1,000 people, a group of 1,024 participants.
use bytes::{Bytes, BytesMut};
use whatsapp_core::{
    binary::{Node, decode, encode},
    jid::{Jid, Server},
};

use crate::{Run, Work, repeat};

/// A stanza with 15 attributes and one ciphertext of 200 bytes.
pub fn message() -> Node {
    Node::new("message")
        .attr("from", Jid::new("120363041234567890", Server::Group))
        .attr("participant", Jid::lid("123456789012345").with_device(12))
        .attr("participant_pn", Jid::pn("15550001234"))
        .attr("addressing_mode", "lid")
        .attr("id", "3EB0C767D097B7C7C030AA")
        .attr("t", 1_764_000_000_u64)
        .attr("type", "text")
        .attr("notify", "Some Person")
        .attr("offline", "1")
        .attr("phash", "2:A1b2C3d4")
        .attr("verified_level", "unknown")
        .attr("verified_name", "1234567890123456789")
        .attr("edit", "1")
        .attr("sender_lid", Jid::lid("123456789012345"))
        .attr("sts", 1_763_999_999_u64)
        .child(Node::new("enc").attr("v", "2").attr("type", "skmsg").bytes(vec![0xab; 200]))
}

/// The answer to a device query for 1,000 people.
pub fn usync() -> Node {
    let device = |n: u64| Node::new("device").attr("id", n);
    let user = |n: u64| {
        let companions = (0..2).map(|d| device(1 + d * 7 + n % 50).attr("key-index", 3 + d));
        let devices = Node::new("devices")
            .child(Node::new("device-list").child(device(0)).children(companions))
            .child(Node::new("key-index-list").attr("ts", 1_700_000_000 + n));
        Node::new("user").attr("jid", Jid::pn(format!("{}", 15_550_000_000 + n * 7919))).child(devices)
    };
    let usync = Node::new("usync")
        .attr("sid", "1234.5678-12")
        .attr("mode", "query")
        .attr("last", "true")
        .attr("index", "0")
        .attr("context", "message")
        .child(Node::new("list").children((0..1000).map(user)));
    Node::new("iq").attr("from", Jid::SERVICE).attr("type", "result").attr("id", "12345.678-9").child(usync)
}

/// The answer to a query for a group of 1,024.
pub fn group() -> Node {
    let participant = |n: u64| {
        let node = Node::new("participant")
            .attr("jid", Jid::lid(format!("{}", 100_000_000_000_000 + n * 7_654_321)))
            .attr("phone_number", Jid::pn(format!("{}", 15_550_000_000 + n * 7919)));
        if n.is_multiple_of(20) { node.attr("type", "admin") } else { node }
    };
    let group = Node::new("group")
        .attr("id", "120363041234567890")
        .attr("creation", 1_600_000_000_u64)
        .attr("addressing_mode", "lid")
        .attr("subject", "A fine group")
        .children((0..1024).map(participant));
    let from = Jid::new("120363041234567890", Server::Group);
    Node::new("iq").attr("from", from).attr("type", "result").attr("id", "12345.678-10").child(group)
}

fn encoding(node: Node) -> Run {
    let mut out = BytesMut::with_capacity(1 << 17);
    Box::new(move |times| {
        repeat(times, || {
            out.clear();
            encode(&node, &mut out).expect("it has a binary form");
            out.len()
        })
    })
}

/// What is read, without the flags before it.
pub(crate) fn encoded(node: &Node) -> Bytes {
    let mut out = BytesMut::new();
    encode(node, &mut out).expect("it has a binary form");
    out.freeze().slice(1..)
}

fn decoding(node: &Node) -> Run {
    let bytes = encoded(node);
    Box::new(move |times| repeat(times, || decode(bytes.clone()).expect("it was just encoded")))
}

/// All of them.
pub fn works() -> Vec<Work> {
    #[cfg(feature = "peers")]
    use crate::peers::codec as peer;
    let mut works = Vec::new();
    let names = [
        ("decode, message", "encode, message", message()),
        ("decode, usync 1000", "encode, usync 1000", usync()),
        ("decode, group 1024", "encode, group 1024", group()),
    ];
    for (decode_name, encode_name, node) in names {
        #[cfg(feature = "peers")]
        let (theirs_decode, theirs_encode) = (Some(peer::decoding(&node)), Some(peer::encoding(&node)));
        #[cfg(not(feature = "peers"))]
        let (theirs_decode, theirs_encode) = (None, None);
        works.push(Work::new(decode_name, decoding(&node), theirs_decode));
        works.push(Work::new(encode_name, encoding(node), theirs_encode));
    }
    works
}
