//! Stanzas as in the interop notes, and any stanza at all.
use compact_str::CompactString;
use proptest::prelude::*;

use super::{connection::*, message::*, notification::*, receipt::*, *};
use crate::{
    binary::{Attr, Content, Node, Stanza, Value},
    crypto::PublicKey,
    jid::Jid,
    time::Timestamp,
};

fn jid(text: &str) -> Jid {
    text.parse().unwrap()
}

#[test]
fn a_message_from_a_companion() {
    let node = Node::new("message")
        .attr("from", jid("4915:2@s.whatsapp.net"))
        .attr("id", "3EB0AA")
        .attr("t", 1_790_000_000u64)
        .attr("notify", "Ann")
        .attr("sender_lid", jid("77:2@lid"))
        .attr("offline", "1")
        .child(Node::new("enc").attr("v", "2").attr("type", "pkmsg").bytes(&b"\x33abc"[..]))
        .child(Node::new("device-identity").bytes(&b"id"[..]));
    let stanza = Stanza::from(&node);
    let message = MessageStanza::parse(stanza.root()).unwrap();
    assert_eq!(message.sender(), &jid("4915:2@s.whatsapp.net"));
    assert_eq!(message.sender_alternate, Some(jid("77:2@lid")));
    assert!(message.offline && message.notify.as_deref() == Some("Ann"));
    assert_eq!((message.encs[0].kind, &message.encs[0].ciphertext[..]), (EncKind::PreKey, &b"\x33abc"[..]));
    let receipt = for_message(&message, ReceiptKind::Delivery);
    assert_eq!(format!("{receipt:?}"), r#"<receipt id="3EB0AA" to="4915:2@s.whatsapp.net"/>"#);
    let ack = ack::ack_for(stanza.root(), Some(487)).unwrap();
    assert_eq!(
        format!("{ack:?}"),
        r#"<ack class="message" id="3EB0AA" to="4915:2@s.whatsapp.net" error="487"/>"#
    );
    let nameless = Stanza::from(&Node::new("message"));
    let error = MessageStanza::parse(nameless.root()).unwrap_err();
    assert_eq!(error.to_string(), "<message>: id is missing, from is missing");
}

#[test]
fn a_retry_receipt_and_back() {
    let node = Node::new("message").attr("from", jid("77:2@lid")).attr("id", "A").attr("t", 5u64);
    let stanza = Stanza::from(&node.child(Node::new("enc").attr("type", "msg").bytes(&b"x"[..])));
    let message = MessageStanza::parse(stanza.root()).unwrap();
    let keys = OwnKeys {
        identity: PublicKey::from_array([1; 32]),
        signed_pre_key_id: 0x01_0203,
        signed_pre_key: PublicKey::from_array([2; 32]),
        signature: [3; 64],
        pre_key: Some((9, PublicKey::from_array([4; 32]))),
        device_identity: None,
    };
    let mut node = retry(&message, 2, 7, 0x1234, Some(keys));
    node.set("from", jid("77:2@lid"));
    let stanza = Stanza::from(&node);
    let receipt = Receipt::parse(stanza.root()).unwrap();
    let request = receipt.retry.unwrap();
    assert_eq!((receipt.kind, request.count, request.id.as_str()), (ReceiptKind::Retry, 2, "A"));
    assert_eq!(request.registration_id, 0x1234);
    let bundle = request.keys.unwrap();
    assert_eq!(
        (bundle.signed_pre_key_id, bundle.pre_key),
        (0x01_0203, Some((9, PublicKey::from_array([4; 32]))))
    );
}

#[test]
fn a_retry_receipt_without_usable_keys() {
    let node = Node::new("receipt")
        .attr("from", jid("77:2@lid"))
        .attr("id", "A")
        .attr("type", "retry")
        .child(Node::new("retry").attr("count", "2").attr("id", "A"))
        .child(Node::new("registration").bytes(&[0, 0, 0, 9][..]))
        .child(Node::new("keys").child(Node::new("identity").bytes(&b"short"[..])));
    let stanza = Stanza::from(&node);
    let request = Receipt::parse(stanza.root()).unwrap().retry.unwrap();
    assert_eq!((request.count, request.registration_id), (2, 9));
    assert!(request.keys.is_none());
}

#[test]
fn read_receipts_are_split() {
    let ids: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let nodes = read(&jid("77@lid"), None, &ids, Timestamp::from_secs(9));
    assert_eq!(nodes.len(), 2);
    let mut got = Vec::new();
    for mut node in nodes {
        node.set("from", jid("1@s.whatsapp.net"));
        let stanza = Stanza::from(&node);
        let receipt = Receipt::parse(stanza.root()).unwrap();
        assert_eq!(receipt.kind, ReceiptKind::Read);
        got.extend(receipt.ids);
    }
    assert_eq!(got, ids);
}

#[test]
fn a_bad_bundle_does_not_spoil_the_others() {
    let keys = prekeys::upload(
        7,
        &PublicKey::from_array([1; 32]),
        (3, PublicKey::from_array([2; 32]), [5; 64]),
        &[],
    );
    let Content::Nodes(parts) = keys.content else { panic!() };
    let good = Node::new("user").attr("jid", jid("1:2@lid")).children(parts);
    let bad = Node::new("user").attr("jid", jid("3@lid")).child(Node::new("error").attr("code", "404"));
    let broken =
        Node::new("user").attr("jid", jid("4@lid")).child(Node::new("registration").bytes(&[0; 4][..]));
    let node = Node::new("iq").child(Node::new("list").children([good, bad, broken]));
    let stanza = Stanza::from(&node);
    let bundles = prekeys::parse_bundles(stanza.root()).unwrap();
    assert_eq!(bundles[0].1.as_ref().unwrap().signed_pre_key_id, 3);
    assert_eq!(bundles[1].1.as_ref().unwrap_err(), &prekeys::BundleError::Refused(404));
    assert!(matches!(bundles[2].1, Err(prekeys::BundleError::Malformed(_))));
}

#[test]
fn device_lists() {
    let device = |id: u64| Node::new("device").attr("id", id).attr("key-index", id);
    let devices = Node::new("devices")
        .child(Node::new("device-list").children([Node::new("device").attr("id", "0"), device(3)]))
        .child(Node::new("key-index-list").attr("ts", "1").bytes(&b"signed"[..]));
    let user = Node::new("user")
        .attr("jid", jid("4915@s.whatsapp.net"))
        .child(devices)
        .child(Node::new("lid").attr("val", jid("77@lid")));
    let node = Node::new("iq").child(Node::new("usync").child(Node::new("list").child(user)));
    let stanza = Stanza::from(&node);
    let users = usync::parse_devices(stanza.root()).unwrap();
    assert_eq!(users[0].lid, Some(jid("77@lid")));
    let numbers: Vec<_> = users[0].devices.iter().map(|d| (d.device, d.key_index)).collect();
    assert_eq!(numbers, [(0, None), (3, Some(3))]);
    assert_eq!(users[0].key_index_list.as_deref(), Some(&b"signed"[..]));
    assert_eq!(users[0].error, None);
}

#[test]
fn device_lists_that_the_server_cannot_give() {
    let error = || Node::new("error").attr("code", "503");
    let inside = Node::new("user").attr("jid", jid("1@lid")).child(Node::new("devices").child(error()));
    let beside = Node::new("user").attr("jid", jid("2@lid")).child(error());
    let wordless = Node::new("user").attr("jid", jid("3@lid")).child(Node::new("error"));
    let list = Node::new("list").children([inside, beside, wordless]);
    let stanza = Stanza::from(&Node::new("iq").child(Node::new("usync").child(list)));
    let errors: Vec<_> =
        usync::parse_devices(stanza.root()).unwrap().into_iter().map(|user| user.error).collect();
    assert_eq!(errors, [Some(503), Some(503), Some(0)]);
}

#[test]
fn a_copy_of_our_own_message() {
    let node = Node::new("message")
        .attr("from", jid("4915:2@s.whatsapp.net"))
        .attr("recipient", jid("77@lid"))
        .attr("peer_recipient_pn", jid("4916@s.whatsapp.net"))
        .attr("id", "A")
        .attr("t", 5u64);
    let stanza = Stanza::from(&node);
    let message = MessageStanza::parse(stanza.root()).unwrap();
    assert_eq!(message.recipient, Some(jid("77@lid")));
    assert_eq!(message.recipient_alternate, Some(jid("4916@s.whatsapp.net")));
    assert_eq!(message.sender_alternate, None);
    let peer = format!("{:?}", for_message(&message, ReceiptKind::PeerMsg));
    assert_eq!(peer, r#"<receipt id="A" type="peer_msg" to="4915:2@s.whatsapp.net" recipient="77@lid"/>"#);
    let receipt = for_message(&message, ReceiptKind::Sender);
    assert_eq!(
        format!("{receipt:?}"),
        r#"<receipt id="A" type="sender" to="4915:2@s.whatsapp.net" recipient="77@lid"/>"#
    );
}

#[test]
fn notifications() {
    let parse = |node: Node| {
        let stanza = Stanza::from(&node.attr("id", "1").attr("from", jid("4915@s.whatsapp.net")));
        Notification::parse(stanza.root()).unwrap().kind
    };
    let of = |kind: &'static str, child: Node| Node::new("notification").attr("type", kind).child(child);
    let count = Node::new("count").attr("value", "4");
    assert_eq!(parse(of("encrypt", count)), NotificationKind::LowPreKeys { count: 4 });
    assert_eq!(parse(of("encrypt", Node::new("identity"))), NotificationKind::IdentityChange);
    assert_eq!(parse(of("encrypt", Node::new("count"))), NotificationKind::Other("encrypt".into()));
    assert_eq!(parse(of("devices", Node::new("add"))), NotificationKind::Devices);
    assert_eq!(parse(of("account_sync", Node::new("devices"))), NotificationKind::Devices);
    let privacy = parse(of("account_sync", Node::new("privacy")));
    assert_eq!(privacy, NotificationKind::Other("account_sync".into()));
}

#[test]
fn an_outgoing_message() {
    let enc = |kind| EncOut::new(kind, (&b"x"[..]).into());
    let mut poll = OutgoingStanza::new("A".into(), jid("77@lid"), "poll");
    poll.participants = vec![(jid("77@lid"), enc("pkmsg")), (jid("77:2@lid"), enc("msg"))];
    poll.device_identity = Some((&b"id"[..]).into());
    assert_eq!(
        format!("{:?}", poll.to_node()),
        concat!(
            r#"<message id="A" to="77@lid" type="poll"><participants>"#,
            r#"<to jid="77@lid"><enc v="2" type="pkmsg">[1 bytes]</enc></to>"#,
            r#"<to jid="77:2@lid"><enc v="2" type="msg">[1 bytes]</enc></to></participants>"#,
            r#"<device-identity>[2 bytes]</device-identity><meta polltype="creation"/></message>"#
        )
    );
    let mut again = OutgoingStanza::new("A".into(), jid("77:2@lid"), "media");
    again.bare_enc = Some(EncOut { count: Some(2), mediatype: Some("vcard"), ..enc("msg") });
    again.device_fanout_false = true;
    assert_eq!(
        format!("{:?}", again.to_node()),
        concat!(
            r#"<message id="A" to="77:2@lid" type="media" device_fanout="false">"#,
            r#"<enc v="2" type="msg" count="2" mediatype="vcard">[1 bytes]</enc></message>"#
        )
    );
}

#[test]
fn failures_and_stream_errors_are_parsed() {
    let failure = |reason: u64| {
        let stanza = Stanza::from(
            &Node::new("failure").attr("reason", reason).attr("expire", "90").attr("code", "101"),
        );
        parse_failure(stanza.root())
    };
    assert_eq!(failure(401), Failure::LoggedOut);
    assert_eq!(failure(402), Failure::TemporaryBan { code: 101, expire: 90 });
    assert!(failure(503).is_passing() && !failure(405).is_passing());
    let error = |node: Node| {
        let stanza = Stanza::from(&node);
        parse_stream_error(stanza.root())
    };
    let conflict = |kind: &str| Node::new("stream:error").child(Node::new("conflict").attr("type", kind));
    assert_eq!(error(Node::new("stream:error").attr("code", "515")), StreamError::Restart);
    assert_eq!(error(conflict("replaced")), StreamError::Replaced);
    assert_eq!(error(conflict("device_removed")), StreamError::Unlinked);
    assert_eq!(error(Node::new("stream:error")), StreamError::Other(0));
    let both = conflict("replaced").attr("code", "401");
    assert_eq!(error(both), StreamError::Replaced, "the keys stay");
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-z0-9:@.]{0,12}".prop_map(Value::from),
        "[0-9]{1,6}".prop_map(|user| Value::Jid(Jid::lid(user)))
    ]
}

/// Trees made of the words that parsers look for.
fn any_node() -> impl Strategy<Value = Node> {
    let word = || {
        prop::sample::select(vec![
            "iq",
            "list",
            "user",
            "key",
            "skey",
            "id",
            "value",
            "signature",
            "registration",
            "identity",
            "type",
            "usync",
            "devices",
            "device-list",
            "device",
            "lid",
            "enc",
            "retry",
            "keys",
            "item",
            "error",
            "count",
            "digest",
            "hash",
            "jid",
            "from",
            "t",
            "participant",
            "recipient",
            "code",
            "reason",
            "edge_routing",
        ])
    };
    let attrs = prop::collection::vec((word(), any_value()), 0..5);
    let leaf = (word(), attrs, prop::option::of(prop::collection::vec(any::<u8>(), 0..70))).prop_map(
        |(tag, attrs, bytes)| {
            let attrs =
                attrs.into_iter().map(|(key, value)| Attr { key: CompactString::const_new(key), value });
            let content = bytes.map_or(Content::None, |bytes| Content::Bytes(bytes.into()));
            Node { tag: tag.into(), attrs: attrs.collect(), content }
        },
    );
    leaf.prop_recursive(5, 60, 6, move |inner| {
        (word(), prop::collection::vec((word(), any_value()), 0..5), prop::collection::vec(inner, 0..6))
            .prop_map(|(tag, attrs, children)| {
                let attrs =
                    attrs.into_iter().map(|(key, value)| Attr { key: CompactString::const_new(key), value });
                Node { tag: tag.into(), attrs: attrs.collect(), content: Content::Nodes(children) }
            })
    })
}

proptest! {
    #[test]
    fn arbitrary_trees_never_panic(node in any_node()) {
        let stanza = Stanza::from(&node);
        let node = stanza.root();
        let _ = MessageStanza::parse(node);
        let _ = Receipt::parse(node);
        let _ = ack::Ack::parse(node);
        let _ = ack::ack_for(node, None);
        let _ = Notification::parse(node);
        let _ = prekeys::parse_bundles(node);
        let _ = prekeys::parse_digest(node);
        let _ = prekeys::parse_count(node);
        let _ = usync::parse_devices(node);
        let _ = parse_ib(node);
        let _ = parse_failure(node);
        let _ = parse_stream_error(node);
        let _ = parse_success(node);
        let _ = iq::parse_reply(node);
    }
}
