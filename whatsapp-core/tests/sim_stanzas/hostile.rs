//! Clients that follow no protocol: the network stays up, and answers every request that it can.
use bytes::Bytes;
use proptest::prelude::*;
use whatsapp_core::{
    binary::{Content, Node},
    jid::Jid,
};

use crate::client::{ANN, BEN, Client, Keys, Net};

/// Words that mean something to the server, and one that does not.
const TAGS: [&str; 24] = [
    "iq",
    "message",
    "receipt",
    "ack",
    "ib",
    "notification",
    "presence",
    "enc",
    "participants",
    "to",
    "usync",
    "query",
    "devices",
    "list",
    "user",
    "key",
    "count",
    "digest",
    "retry",
    "offline_batch",
    "active",
    "skey",
    "identity",
    "nonsense",
];
const KEYS: [&str; 14] = [
    "id",
    "to",
    "type",
    "xmlns",
    "jid",
    "class",
    "from",
    "count",
    "v",
    "category",
    "recipient",
    "participant",
    "stage",
    "nonsense",
];
const VALUES: [&str; 18] = [
    "",
    "1",
    "get",
    "set",
    "result",
    "encrypt",
    "usync",
    "passive",
    "md",
    "w:g2",
    "read",
    "retry",
    "pkmsg",
    "msg",
    "18446744073709551615",
    "-1",
    "message",
    "peer",
];

fn value() -> impl Strategy<Value = whatsapp_core::binary::Value> {
    let jids = [
        Jid::pn(ANN),
        Jid::pn(BEN),
        Jid::pn(BEN).with_device(1),
        Jid::pn(ANN).with_device(1),
        Jid::SERVICE,
        Jid::new("1-2", whatsapp_core::jid::Server::Group),
        Jid::lid("1").with_device(65535),
    ];
    prop_oneof![
        prop::sample::select(&VALUES[..]).prop_map(Into::into),
        prop::sample::select(jids.to_vec()).prop_map(Into::into),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let attrs = || prop::collection::vec((prop::sample::select(&KEYS[..]), value()), 0..6);
    let open = move || {
        (prop::sample::select(&TAGS[..]), attrs()).prop_map(|(tag, attrs)| {
            attrs.into_iter().fold(Node::new(tag), |node, (key, value)| node.attr(key, value))
        })
    };
    let bytes = prop::collection::vec(any::<u8>(), 0..70);
    let leaf = (open(), bytes).prop_map(|(node, bytes)| node.bytes(bytes));
    leaf.prop_recursive(4, 24, 4, move |inner| {
        (open(), prop::collection::vec(inner, 0..4)).prop_map(|(mut node, children)| {
            node.content = Content::Nodes(children);
            node
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_network_survives_any_stanza_of_a_linked_device(stanzas in prop::collection::vec(node(), 1..12)) {
        let mut net = Net::new();
        let (mut ann, _) = Client::online(&mut net, &Keys::new(1), ANN, 2);
        for stanza in stanzas {
            if net.is_closed(&ann) {
                break;
            }
            ann.send(&mut net, stanza);
        }
        net.wait(60);
        // Whatever that was: other clients are served.
        let (mut ben, _) = Client::online(&mut net, &Keys::new(2), BEN, 2);
        prop_assert!(ben.ask(&mut net, "w:p", "get", []).root().attr_text("type") == Some("result"));
    }

    #[test]
    fn the_network_survives_any_stanza_of_an_unlinked_device(stanzas in prop::collection::vec(node(), 1..12)) {
        let mut net = Net::new();
        let mut ann = Client::register(&mut net, &Keys::new(1));
        for stanza in stanzas {
            if net.is_closed(&ann) {
                break;
            }
            ann.send(&mut net, stanza);
        }
        prop_assert!(net.network.devices().is_empty());
    }

    #[test]
    fn the_network_survives_any_bytes(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..6)) {
        let mut net = Net::new();
        let connection = net.network.connect();
        for chunk in chunks {
            net.network.receive(net.now, connection, Bytes::from(chunk));
        }
        net.collect();
    }
}
