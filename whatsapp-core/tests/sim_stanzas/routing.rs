//! Messages, receipts and retries on their way between devices.
use whatsapp_core::{
    binary::{Content, Node, NodeRef},
    jid::{Jid, Server},
    sim::Fault,
};

use crate::client::{ANN, BEN, Client, Keys, Net, message};

struct Three {
    net: Net,
    ann: Client,
    second: Client,
    ben: Client,
}

/// Two devices of Ann and one of Ben.
fn three() -> Three {
    let mut net = Net::new();
    let (ann, _) = Client::online(&mut net, &Keys::new(1), ANN, 1);
    let (second, _) = Client::online(&mut net, &Keys::new(2), ANN, 1);
    let (ben, _) = Client::online(&mut net, &Keys::new(3), BEN, 1);
    let mut three = Three { net, ann, second, ben };
    // The first device was told of the second.
    for stanza in three.ann.drain(&mut three.net) {
        three.ann.acknowledge(&mut three.net, &stanza);
    }
    assert_eq!(three.net.network.unanswered(), []);
    three
}

fn attr(node: NodeRef<'_>, key: &str) -> Option<String> {
    node.attr(key).map(ToString::to_string)
}

#[test]
fn each_device_gets_its_copy_with_both_names_of_the_sender() {
    for server in [Server::User, Server::Lid] {
        let Three { mut net, mut ann, mut second, mut ben } = three();
        let lids = [net.network.lid_of(ANN).unwrap(), net.network.lid_of(BEN).unwrap()];
        let [pn_ann, pn_ben] = [Jid::pn(ANN), Jid::pn(BEN)];
        let ([a, b], [other_a, other_b], alternate) = match server {
            Server::User => ([pn_ann, pn_ben], lids, "lid"),
            _ => (lids, [pn_ann, pn_ben], "pn"),
        };
        let copies: [(&Jid, &[u8]); 2] =
            [(&b.with_device(1), b"for ben"), (&a.with_device(2), b"for ann's second")];
        ann.send(&mut net, message("ID1", &b, &copies));
        let ack = ann.expect(&mut net, "ack");
        assert_eq!(attr(ack.root(), "class").as_deref(), Some("message"));
        assert_eq!(ack.root().attr_jid("from").as_ref(), Some(&b));
        assert!(ack.root().attr("phash").is_none());

        let got = ben.expect(&mut net, "message");
        let got = got.root();
        assert_eq!(got.attr_jid("from"), Some(a.with_device(1)));
        assert_eq!(got.attr_jid(&format!("sender_{alternate}")), Some(other_a));
        assert_eq!((attr(got, "notify").as_deref(), attr(got, "recipient")), (Some("Ann"), None));
        assert_eq!(got.child_bytes("enc").unwrap()[..], b"for ben"[..]);
        assert_eq!(got.child_bytes("device-identity").unwrap()[..], b"vouched"[..]);

        let own = second.expect(&mut net, "message");
        let own = own.root();
        assert_eq!(own.attr_jid("from"), Some(a.with_device(1)));
        assert_eq!(own.attr_jid("recipient"), Some(b.clone()));
        assert_eq!(own.attr_jid(&format!("peer_recipient_{alternate}")), Some(other_b));
        assert_eq!(own.child_bytes("enc").unwrap()[..], b"for ann's second"[..]);
    }
}

#[test]
fn receipts_are_acknowledged_and_reach_the_sender() {
    let Three { mut net, mut ann, mut second, mut ben } = three();
    let (a, b) = (Jid::pn(ANN).with_device(1), Jid::pn(BEN).with_device(1));
    ann.send(&mut net, message("ID1", &Jid::pn(BEN), &[(&b, b"x")]));
    ann.drain(&mut net);
    ben.expect(&mut net, "message");
    assert_eq!(net.network.unanswered().len(), 1);
    ben.send(&mut net, Node::new("receipt").attr("id", "ID1").attr("to", &a));
    assert_eq!(net.network.unanswered().iter().filter(|waiting| waiting.tag == "message").count(), 0);
    let ack = ben.expect(&mut net, "ack");
    assert_eq!(attr(ack.root(), "class").as_deref(), Some("receipt"));
    for client in [&mut ann, &mut second] {
        let receipt = client.expect(&mut net, "receipt");
        assert_eq!((receipt.root().attr_jid("from"), receipt.root().attr("type")), (Some(b.clone()), None));
        assert!(!net.network.unanswered().is_empty(), "a forwarded receipt wants an answer too");
        client.acknowledge(&mut net, &receipt);
    }
    assert_eq!(net.network.unanswered(), []);
    let items = Node::new("list").child(Node::new("item").attr("id", "ID2"));
    ben.send(
        &mut net,
        Node::new("receipt").attr("id", "ID1").attr("to", &a).attr("type", "read").child(items),
    );
    let read = ann.expect(&mut net, "receipt");
    assert_eq!(attr(read.root(), "type").as_deref(), Some("read"));
    assert_eq!(read.root().child("list").unwrap().children().len(), 1);
    // Ann's phone keeps book as well.
    let receipts = net.network.inbox(ANN).unwrap().receipts;
    assert_eq!((receipts["ID1"].as_str(), receipts["ID2"].as_str()), ("read", "read"));
}

#[test]
fn retries_reach_the_sender_and_their_answer_one_device() {
    let Three { mut net, mut ann, mut second, mut ben } = three();
    let (a, b) = (Jid::pn(ANN).with_device(1), Jid::pn(BEN).with_device(1));
    ann.send(&mut net, message("ID1", &Jid::pn(BEN), &[(&b, b"x")]));
    ben.expect(&mut net, "message");
    ann.drain(&mut net);
    let retry = Node::new("retry").attr("count", "2").attr("id", "ID1").attr("t", "9").attr("v", "1");
    let contents = [retry, Node::new("registration").bytes(vec![0, 0, 0, 7]), Node::new("keys")];
    let receipt = Node::new("receipt").attr("id", "ID1").attr("to", &a).attr("type", "retry");
    ben.send(&mut net, receipt.children(contents.clone()));
    assert!(second.drain(&mut net).is_empty(), "only the sending device is asked");
    let asked = ann.expect(&mut net, "receipt");
    assert_eq!(asked.root().attr_jid("from"), Some(b.clone()));
    let Content::Nodes(forwarded) = Node::from(asked.root()).content else { panic!("contents") };
    assert_eq!(forwarded, contents);
    assert!(net.network.unanswered().iter().all(|waiting| waiting.tag != "message"), "a retry is an answer");

    let again = Node::new("enc").attr("v", "2").attr("type", "pkmsg").attr("count", "2").bytes(&b"again"[..]);
    let resent = Node::new("message").attr("id", "ID1").attr("to", &b).attr("type", "text").child(again);
    ann.send(&mut net, resent.attr("device_fanout", "false"));
    let got = ben.expect(&mut net, "message");
    assert_eq!(attr(got.root().child("enc").unwrap(), "count").as_deref(), Some("2"));
    assert!(second.drain(&mut net).is_empty());
}

#[test]
fn refused_and_misaddressed_messages_are_not_routed() {
    let Three { mut net, mut ann, mut ben, .. } = three();
    let b = Jid::pn(BEN).with_device(1);
    net.network.inject(Fault::RefuseNextMessage { code: 463 }).unwrap();
    ann.send(&mut net, message("ID1", &Jid::pn(BEN), &[(&b, b"x")]));
    assert_eq!(attr(ann.expect(&mut net, "ack").root(), "error").as_deref(), Some("463"));
    let a = Jid::pn(ANN).with_device(1);
    let nowhere = Jid::pn(BEN).with_device(7);
    ann.send(&mut net, message("ID2", &Jid::pn(BEN), &[(&a, b"to myself"), (&nowhere, b"x")]));
    assert!(ben.messages(&mut net).is_empty());
    assert!(ann.messages(&mut net).is_empty());
    let unknown = net.network.unknown_requests();
    assert_eq!(unknown.iter().map(|(_, count)| count).sum::<u64>(), 2, "{unknown:?}");
}

#[test]
fn only_the_next_ciphertext_is_damaged() {
    let Three { mut net, mut ann, mut ben, .. } = three();
    let b = Jid::pn(BEN).with_device(1);
    net.network.corrupt_next(&b).unwrap();
    for (id, intact) in [("ID1", false), ("ID2", true)] {
        ann.send(&mut net, message(id, &Jid::pn(BEN), &[(&b, b"some ciphertext")]));
        let got = ben.expect(&mut net, "message");
        assert_eq!(got.root().child_bytes("enc").unwrap()[..] == b"some ciphertext"[..], intact);
    }
}
