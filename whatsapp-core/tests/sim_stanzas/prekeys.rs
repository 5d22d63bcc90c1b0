//! Prekeys and device lists.
use data_encoding::HEXLOWER;
use sha1::{Digest, Sha1};
use whatsapp_core::{
    binary::{Node, Stanza},
    crypto::PublicKey,
    jid::Jid,
    pairing::adv::{verify_companion, verify_key_index_list},
};

use crate::client::{ANN, BEN, Client, Keys, Net, key_node};

fn bundle_request(jid: &Jid) -> [Node; 1] {
    [Node::new("key").child(Node::new("user").attr("jid", jid).attr("reason", "identity"))]
}

fn count(client: &mut Client, net: &mut Net) -> u32 {
    let answer = client.ask(net, "encrypt", "get", [Node::new("count")]);
    answer.root().child("count").unwrap().attr_text("value").unwrap().parse().unwrap()
}

#[test]
fn prekeys_are_handed_out_once_and_requested_when_low() {
    let mut net = Net::new();
    let jid = Client::link(&mut net, &Keys::new(1), ANN);
    let mut ann = Client::login(&mut net, &Keys::new(1), &jid);
    assert_eq!(count(&mut ann, &mut net), 0);
    let uploaded = ann.upload(&mut net, 12);
    ann.activate(&mut net);
    assert_eq!(count(&mut ann, &mut net), 12);
    ann.drain(&mut net);
    let (mut ben, _) = Client::online(&mut net, &Keys::new(2), BEN, 1);
    let lid = net.network.lid_of(ANN).unwrap().with_device(1);
    for (turn, key) in uploaded.iter().enumerate() {
        // Asked by LID or by number, answered likewise.
        let asked = if turn % 2 == 0 { &lid } else { &jid };
        let answer = ben.ask(&mut net, "encrypt", "get", bundle_request(asked));
        let user = answer.root().child("list").unwrap().child("user").unwrap();
        assert_eq!(user.attr_jid("jid").as_ref(), Some(asked));
        assert_eq!(user.child_bytes("identity").unwrap()[..], ann.keys.identity.public().as_bytes()[..]);
        let handed_out = user.child("key").unwrap();
        assert_eq!(handed_out.child_bytes("value").unwrap()[..], key.key.public().as_bytes()[..]);
        let notifications = ann.drain(&mut net);
        assert_eq!(notifications.len(), usize::from(turn == 2), "told once, when fewer than ten are left");
        if let Some(notification) = notifications.first() {
            assert_eq!(notification.root().attr_text("type"), Some("encrypt"));
            assert_eq!(notification.root().child("count").unwrap().attr_text("value"), Some("9"));
        }
    }
    let answer = ben.ask(&mut net, "encrypt", "get", bundle_request(&lid));
    let user = answer.root().child("list").unwrap().child("user").unwrap();
    assert!(user.child("skey").is_some() && user.child("key").is_none(), "then only the signed one is left");
    let identity = user.child_bytes("device-identity").unwrap();
    // The list does not name its signer: it is the phone, whose own bundle has its identity.
    let phone = ben.ask(&mut net, "encrypt", "get", bundle_request(&lid.to_non_device()));
    let phone = phone.root().child("list").unwrap().child("user").unwrap();
    let phone = PublicKey::from_raw(phone.child_bytes("identity").unwrap()).unwrap();
    verify_companion(identity, &ann.keys.identity.public(), Some(&phone)).unwrap();
    let unknown = ben.ask(&mut net, "encrypt", "get", bundle_request(&Jid::pn("15559999999")));
    let user = unknown.root().child("list").unwrap().child("user").unwrap();
    assert_eq!(user.child("error").unwrap().attr_text("code"), Some("404"));
}

#[test]
fn the_digest_covers_what_was_uploaded() {
    let mut net = Net::new();
    let jid = Client::link(&mut net, &Keys::new(1), ANN);
    let mut ann = Client::login(&mut net, &Keys::new(1), &jid);
    let missing = ann.ask(&mut net, "encrypt", "get", [Node::new("digest")]);
    assert_eq!(missing.root().child("error").unwrap().attr_text("code"), Some("404"));
    let uploaded = ann.upload(&mut net, 3);
    let answer = ann.ask(&mut net, "encrypt", "get", [Node::new("digest")]);
    let mut hash = Sha1::new();
    hash.update(ann.keys.identity.public().as_bytes());
    hash.update(ann.keys.signed.key.public().as_bytes());
    hash.update(ann.keys.signed.signature);
    uploaded.iter().for_each(|key| hash.update(key.key.public().as_bytes()));
    let digest = answer.root().child("digest").unwrap();
    let told = digest.child_bytes("hash").unwrap();
    assert_eq!(HEXLOWER.encode(told), HEXLOWER.encode(&hash.finalize()));
    assert_eq!(digest.child("list").unwrap().children().len(), 3);
}

#[test]
fn keys_that_the_identity_did_not_sign_are_refused() {
    let mut net = Net::new();
    let jid = Client::link(&mut net, &Keys::new(1), ANN);
    let mut ann = Client::login(&mut net, &Keys::new(1), &jid);
    let rotate = |value: &PublicKey, signature: [u8; 64]| {
        let skey =
            key_node("skey", 2, value.as_bytes()).child(Node::new("signature").bytes(signature.to_vec()));
        [Node::new("rotate").child(skey)]
    };
    let signed = ann.keys.signed.clone();
    let refused = ann.ask(&mut net, "encrypt", "set", rotate(&Keys::new(3).noise.public(), signed.signature));
    assert_eq!(refused.root().attr_text("type"), Some("error"));
    let taken = ann.ask(&mut net, "encrypt", "set", rotate(&signed.key.public(), signed.signature));
    assert_eq!(taken.root().attr_text("type"), Some("result"));
}

fn usync(client: &mut Client, net: &mut Net, users: &[Node]) -> Stanza {
    let query = ["devices", "lid", "contact"].map(Node::new);
    let usync = Node::new("usync")
        .attr("sid", "1")
        .child(Node::new("query").children(query))
        .child(Node::new("list").children(users.iter().cloned()));
    client.ask(net, "usync", "get", [usync])
}

#[test]
fn device_lists_are_signed_and_name_the_phone() {
    let mut net = Net::new();
    let (mut ann, _) = Client::online(&mut net, &Keys::new(1), ANN, 1);
    Client::link(&mut net, &Keys::new(2), ANN);
    let contact = Node::new("contact").bytes(format!("+{BEN}").into_bytes());
    let users = [
        Node::new("user").attr("jid", Jid::pn(ANN)),
        Node::new("user").child(contact),
        Node::new("user").attr("jid", Jid::pn("15559999999")),
    ];
    let answer = usync(&mut ann, &mut net, &users);
    let list = answer.root().child("usync").unwrap().child("list").unwrap();
    let [own, ben, nobody] = list.children().collect::<Vec<_>>()[..] else { panic!("three answers") };
    let devices = own.child("devices").unwrap();
    let listed: Vec<_> = devices
        .child("device-list")
        .unwrap()
        .children()
        .map(|device| {
            (device.attr_text("id").unwrap().to_owned(), device.attr_text("key-index").map(str::to_owned))
        })
        .collect();
    let indexed = |id: &str| (id.to_owned(), Some(id.to_owned()));
    assert_eq!(listed, [("0".to_owned(), None), indexed("1"), indexed("2")]);
    let signed = verify_key_index_list(devices.child_bytes("key-index-list").unwrap(), None).unwrap();
    assert!(signed.indexes.allows(1) && signed.indexes.allows(2));
    assert_eq!(own.child("lid").unwrap().attr_jid("val"), net.network.lid_of(ANN).ok());
    assert_eq!(ben.attr_jid("jid"), Some(Jid::pn(BEN)));
    assert_eq!(ben.child("contact").unwrap().attr_text("type"), Some("in"));
    assert_eq!(nobody.child("contact").unwrap().attr_text("type"), Some("out"));
    assert!(nobody.child("lid").is_none());
}
