//! Requests and information about the connection are lost, repeated, late and damaged like messages.
use whatsapp_core::{
    binary::{Node, Stanza},
    jid::Jid,
    sim::{Faults, Side, StanzaKinds},
};

use crate::client::{ANN, BEN, Client, Keys, Net, message};

fn two() -> (Net, Client, Client) {
    let mut net = Net::new();
    let (ann, _) = Client::online(&mut net, &Keys::new(1), ANN, 20);
    let (ben, _) = Client::online(&mut net, &Keys::new(2), BEN, 20);
    (net, ann, ben)
}

fn requests(change: impl FnOnce(&mut Faults)) -> Faults {
    let mut faults = Faults::default();
    faults.stanzas = StanzaKinds::Requests;
    change(&mut faults);
    faults
}

fn ping(id: &str) -> Node {
    Node::new("iq").attr("id", id).attr("xmlns", "w:p").attr("type", "get")
}

/// The answers to that request.
fn answers(all: &[Stanza], id: &str) -> usize {
    all.iter().filter(|it| it.root().tag() == "iq" && it.root().attr_text("id") == Some(id)).count()
}

#[test]
fn requests_and_answers_are_lost_and_messages_are_not() {
    for side in [Side::ToServer, Side::ToClient] {
        let (mut net, mut ann, mut ben) = two();
        net.network.set_faults(side, requests(|faults| faults.drop = 1.0));
        ann.send(&mut net, ping("lost"));
        ann.send(&mut net, message("ID1", &Jid::pn(BEN), &[(&Jid::pn(BEN).with_device(1), b"x")]));
        assert_eq!(answers(&ann.drain(&mut net), "lost"), 0);
        assert_eq!(ben.messages(&mut net), ["ID1"]);
        net.network.set_faults(side, Faults::default());
        ann.send(&mut net, ping("found"));
        assert_eq!(answers(&ann.drain(&mut net), "found"), 1);
    }
}

#[test]
fn requests_and_answers_come_twice_and_late() {
    for side in [Side::ToServer, Side::ToClient] {
        let (mut net, mut ann, _) = two();
        net.network.set_faults(side, requests(|faults| faults.duplicate = 1.0));
        ann.send(&mut net, ping("twice"));
        net.wait(1);
        assert_eq!(answers(&ann.drain(&mut net), "twice"), 2);
        net.network.set_faults(side, requests(|faults| faults.reorder = 1.0));
        ann.send(&mut net, ping("late"));
        assert_eq!(answers(&ann.drain(&mut net), "late"), 0);
        net.wait(1);
        assert_eq!(answers(&ann.drain(&mut net), "late"), 1);
    }
}

#[test]
fn keys_and_signatures_are_damaged_on_the_way() {
    let (mut net, mut ann, _) = two();
    let ask = || [Node::new("key").child(Node::new("user").attr("jid", Jid::pn(BEN).with_device(1)))];
    let digest = |ann: &mut Client, net: &mut Net| {
        Node::from(ann.ask(net, "encrypt", "get", [Node::new("digest")]).root().child("digest").unwrap())
    };
    let sound = digest(&mut ann, &mut net);
    assert_eq!(digest(&mut ann, &mut net), sound);
    net.network.set_faults(Side::ToClient, requests(|faults| faults.corrupt = 1.0));
    assert_ne!(digest(&mut ann, &mut net), sound);
    net.network.set_faults(Side::ToClient, Faults::default());
    // A request without byte strings has nothing that could be damaged.
    net.network.set_faults(Side::ToServer, requests(|faults| faults.corrupt = 1.0));
    assert_eq!(ann.ask(&mut net, "encrypt", "get", ask()).root().attr_text("type"), Some("result"));
    let signed = &ann.keys.signed.clone();
    let skey = crate::client::key_node("skey", 2, signed.key.public().as_bytes())
        .child(Node::new("signature").bytes(signed.signature.to_vec()));
    let rotated: Vec<bool> = (0..20)
        .map(|_| {
            let answer = ann.ask(&mut net, "encrypt", "set", [Node::new("rotate").child(skey.clone())]);
            answer.root().attr_text("type") == Some("result")
        })
        .collect();
    assert!(rotated.contains(&false), "a damaged key or signature is refused");
}

#[test]
fn the_request_for_the_offline_queue_may_be_lost() {
    let mut net = Net::new();
    let keys = Keys::new(2);
    let (ben, jid) = Client::online(&mut net, &keys, BEN, 1);
    net.network.disconnect(ben.connection);
    let (mut ann, _) = Client::online(&mut net, &Keys::new(1), ANN, 1);
    ann.send(&mut net, message("ID1", &Jid::pn(BEN), &[(&jid, b"x")]));
    let mut ben = Client::login(&mut net, &keys, &jid);
    ben.announce(&mut net);
    net.network.set_faults(Side::ToServer, requests(|faults| faults.drop = 1.0));
    ben.ask_for_batch(&mut net, 100);
    assert!(ben.messages(&mut net).is_empty());
    net.network.set_faults(Side::ToServer, Faults::default());
    ben.ask_for_batch(&mut net, 100);
    assert_eq!(ben.messages(&mut net), ["ID1"]);
}
