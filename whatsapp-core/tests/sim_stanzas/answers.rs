//! Answers that are refused, incomplete or untrue on purpose.
use whatsapp_core::{
    binary::{Node, Stanza},
    crypto::PublicKey,
    jid::Jid,
    pairing::adv::{verify_companion, verify_key_index_list},
    sim::{BundleAnswer, CertificateFlaw, DeviceListAnswer, Fault, RequestKind, SimError},
};

use crate::client::{ANN, BEN, Client, Keys, Net, message};

fn device(phone: &str, number: u16) -> Jid {
    Jid::pn(phone).with_device(number)
}

/// Ann asks, Ben has one device.
fn two() -> (Net, Client, Client) {
    let mut net = Net::new();
    let (ann, _) = Client::online(&mut net, &Keys::new(1), ANN, 5);
    let (ben, _) = Client::online(&mut net, &Keys::new(2), BEN, 5);
    (net, ann, ben)
}

fn code(answer: &Stanza) -> Option<String> {
    answer.root().child("error")?.attr_text("code").map(str::to_owned)
}

/// Sends a message from Ann to a person's first device. Returns the error of its acknowledgement.
fn refusal(net: &mut Net, ann: &mut Client, id: &str, to: &str) -> Option<String> {
    ann.send(net, message(id, &Jid::pn(to), &[(&device(to, 1), b"x")]));
    ann.expect(net, "ack").root().attr("error").map(ToString::to_string)
}

#[test]
fn message_refusals_are_limited_by_count_and_recipient() {
    let (mut net, mut ann, mut ben) = two();
    net.network.refuse_messages(421, Some(2), None);
    let codes = ["A", "B", "C"].map(|id| refusal(&mut net, &mut ann, id, BEN));
    assert_eq!(codes, [Some("421".to_owned()), Some("421".to_owned()), None]);
    assert_eq!(ben.messages(&mut net), ["C"], "what is refused goes nowhere");
    net.network.add_person("15550000003", "Cat", Default::default()).unwrap();
    let to_ben = Fault::RefuseMessages {
        code: 463,
        count: None,
        to: Some(net.network.lid_of(BEN).unwrap().to_string()),
    };
    net.network.inject(to_ben).unwrap();
    for turn in 0..5 {
        assert_eq!(refusal(&mut net, &mut ann, &format!("D{turn}"), BEN).as_deref(), Some("463"));
        assert_eq!(refusal(&mut net, &mut ann, &format!("E{turn}"), "15550000003"), None);
    }
    net.network.inject(Fault::RefuseNothing).unwrap();
    assert_eq!(refusal(&mut net, &mut ann, "F", BEN), None);
}

#[test]
fn receipts_are_refused_and_not_passed_on() {
    let (mut net, mut ann, mut ben) = two();
    refusal(&mut net, &mut ann, "A", BEN);
    ben.expect(&mut net, "message");
    net.network.inject(Fault::RefuseReceipts { code: 500, count: Some(1) }).unwrap();
    for refused in [true, false] {
        ben.send(&mut net, Node::new("receipt").attr("id", "A").attr("to", device(ANN, 1)));
        let ack = ben.expect(&mut net, "ack");
        assert_eq!(ack.root().attr("error").is_some(), refused);
        assert_eq!(ann.drain(&mut net).is_empty(), refused);
    }
}

fn device_query(net: &mut Net, ann: &mut Client, phones: &[&str]) -> Stanza {
    let users = phones.iter().map(|phone| Node::new("user").attr("jid", Jid::pn(*phone)));
    let query = Node::new("query").child(Node::new("devices"));
    ann.ask(net, "usync", "get", [Node::new("usync").child(query).child(Node::new("list").children(users))])
}

fn bundle_query(net: &mut Net, ann: &mut Client, devices: &[&Jid]) -> Stanza {
    let users = devices.iter().map(|jid| Node::new("user").attr("jid", *jid));
    ann.ask(net, "encrypt", "get", [Node::new("key").children(users)])
}

#[test]
fn requests_of_a_kind_are_refused() {
    let (mut net, mut ann, _) = two();
    let refused = Fault::RefuseRequests { request: RequestKind::DeviceLists, code: 429, count: Some(1) };
    net.network.inject(refused).unwrap();
    net.network.refuse_requests(RequestKind::Bundles, 503, None);
    assert_eq!(code(&device_query(&mut net, &mut ann, &[BEN])).as_deref(), Some("429"));
    assert_eq!(code(&device_query(&mut net, &mut ann, &[BEN])), None);
    for _ in 0..3 {
        assert_eq!(code(&bundle_query(&mut net, &mut ann, &[&device(BEN, 1)])).as_deref(), Some("503"));
    }
    assert_eq!(code(&ann.ask(&mut net, "w:p", "get", [])), None);
    net.network.refuse_nothing();
    assert_eq!(code(&bundle_query(&mut net, &mut ann, &[&device(BEN, 1)])), None);
}

/// What the answer says about Ben's devices: their numbers, and the signed list.
fn devices_of_ben(net: &mut Net, ann: &mut Client) -> (Vec<u16>, Option<Vec<u8>>) {
    let answer = device_query(net, ann, &[BEN]);
    let list = answer.root().child("usync").unwrap().child("list").unwrap();
    let devices = list.child("user").unwrap().child("devices").unwrap();
    let numbers = devices.child("device-list").unwrap().children();
    let numbers = numbers.map(|device| device.attr_text("id").unwrap().parse().unwrap()).collect();
    (numbers, devices.child_bytes("key-index-list").map(|bytes| bytes.to_vec()))
}

#[test]
fn device_lists_can_be_omitted_refused_unsigned_or_outdated() {
    let (mut net, mut ann, _) = two();
    net.network.set_device_list(BEN, DeviceListAnswer::LeftOut).unwrap();
    let answer = device_query(&mut net, &mut ann, &[ANN, BEN]);
    assert_eq!(answer.root().child("usync").unwrap().child("list").unwrap().children().len(), 1);
    net.network.set_device_list(BEN, DeviceListAnswer::Error { code: 429 }).unwrap();
    let answer = device_query(&mut net, &mut ann, &[BEN]);
    let user = answer.root().child("usync").unwrap().child("list").unwrap().child("user").unwrap();
    let error = user.child("devices").unwrap().child("error").unwrap();
    assert_eq!(error.attr_text("code"), Some("429"));

    let unsigned = DeviceListAnswer::Untruthful { devices: vec![0, 1], signed: None, timestamp: None };
    net.network.set_device_list(BEN, unsigned).unwrap();
    assert_eq!(devices_of_ben(&mut net, &mut ann), (vec![0, 1], None));
    for timestamp in [1_000, 2_000_000_000] {
        let signed = Some(vec![0, 1]);
        let answer = DeviceListAnswer::Untruthful { devices: vec![0, 1], signed, timestamp: Some(timestamp) };
        net.network.set_device_list(BEN, answer).unwrap();
        let (_, signed) = devices_of_ben(&mut net, &mut ann);
        assert_eq!(verify_key_index_list(&signed.unwrap(), None).unwrap().timestamp, timestamp);
    }
    net.network.set_device_list(BEN, DeviceListAnswer::Truthful).unwrap();
    let (devices, signed) = devices_of_ben(&mut net, &mut ann);
    assert_eq!(devices, [0, 1]);
    assert_eq!(verify_key_index_list(&signed.unwrap(), None).unwrap().timestamp, net.now.as_secs());
    let nobody = net.network.set_device_list("1999", DeviceListAnswer::LeftOut);
    assert_eq!(nobody, Err(SimError::UnknownPerson("1999".into())));
}

#[test]
fn a_change_of_devices_may_be_announced_with_an_old_list() {
    let (mut net, mut ann, _) = two();
    device_query(&mut net, &mut ann, &[BEN]);
    let at = whatsapp_core::time::Timestamp::from_secs(1_000);
    net.network.announce_device(net.now, BEN, 1, false, &[0], at).unwrap();
    for from in [Jid::pn(BEN), net.network.lid_of(BEN).unwrap()] {
        let told = ann.expect(&mut net, "notification");
        assert_eq!(told.root().attr_jid("from"), Some(from.clone()));
        let removed = told.root().child("remove").unwrap();
        assert_eq!(removed.child("device").unwrap().attr_jid("jid"), Some(from.with_device(1)));
        let signed = verify_key_index_list(removed.child_bytes("key-index-list").unwrap(), None).unwrap();
        assert_eq!(signed.timestamp, 1_000);
    }
}

#[test]
fn a_device_may_be_listed_that_no_phone_linked() {
    let (mut net, mut ann, _) = two();
    let forged = net.network.add_forged_device(BEN).unwrap();
    assert_eq!(forged, device(BEN, 2));
    // A list says nothing about newer devices, and one of them is signed.
    let signed = Some(vec![0, 1, 3]);
    let answer = DeviceListAnswer::Untruthful { devices: vec![0, 1, 2], signed, timestamp: None };
    net.network.set_device_list(BEN, answer).unwrap();
    let (devices, signed) = devices_of_ben(&mut net, &mut ann);
    assert_eq!(devices, [0, 1, 2]);
    let signed = verify_key_index_list(&signed.unwrap(), None).unwrap();
    assert!(signed.indexes.allows(1) && !signed.indexes.allows(2));
    let answer = bundle_query(&mut net, &mut ann, &[&forged]);
    let user = answer.root().child("list").unwrap().child("user").unwrap();
    assert!(user.child("skey").is_some() && user.child("device-identity").is_none());
    ann.send(&mut net, message("A", &Jid::pn(BEN), &[(&forged, b"secret")]));
    let waiting = net.network.stanzas_for(&forged).unwrap();
    assert_eq!(waiting.iter().filter(|stanza| stanza.tag == "message").count(), 1);
}

/// The entry about Ben's device, when this is the answer about it.
fn bundle_of_ben(net: &mut Net, ann: &mut Client, answer: BundleAnswer) -> Option<Node> {
    net.network.set_bundle(&device(BEN, 1), answer).unwrap();
    let answer = bundle_query(net, ann, &[&device(BEN, 1), &device(ANN, 1)]);
    let mut users = answer.root().child("list").unwrap().children();
    users.find(|user| user.attr_jid("jid") == Some(device(BEN, 1))).map(Node::from)
}

fn tags(node: &Node) -> Vec<String> {
    Stanza::from(node).root().children().map(|child| child.tag().to_owned()).collect()
}

#[test]
fn bundles_can_be_omitted_refused_or_incomplete() {
    let (mut net, mut ann, _) = two();
    assert!(bundle_of_ben(&mut net, &mut ann, BundleAnswer::LeftOut).is_none());
    let mut tags = |answer| tags(&bundle_of_ben(&mut net, &mut ann, answer).unwrap());
    let all = ["registration", "type", "identity", "skey", "key", "device-identity"];
    assert_eq!(tags(BundleAnswer::Truthful), all);
    assert_eq!(tags(BundleAnswer::Error { code: 503 }), ["error"]);
    let without = |tag: &str| all.into_iter().filter(|it| *it != tag).collect::<Vec<_>>();
    assert_eq!(tags(BundleAnswer::WithoutOneTime), without("key"));
    assert_eq!(tags(BundleAnswer::WithoutIdentity), without("device-identity"));
}

#[test]
fn bundles_can_have_wrong_signatures() {
    let (mut net, mut ann, ben) = two();
    let report = net.network.devices().into_iter().find(|it| it.jid == device(BEN, 1).to_string()).unwrap();
    let account = data_encoding::BASE64.decode(report.account.as_bytes()).unwrap();
    let account = PublicKey::from_raw(&account).unwrap();
    let mut vouched = |answer| {
        let bundle = Stanza::from(&bundle_of_ben(&mut net, &mut ann, answer).unwrap());
        let identity = bundle.root().child_bytes("device-identity").unwrap();
        verify_companion(identity, &ben.keys.identity.public(), Some(&account)).is_ok()
    };
    assert!(vouched(BundleAnswer::Truthful));
    assert!(!vouched(BundleAnswer::WrongIdentity));
    assert!(!vouched(BundleAnswer::IdentityOf { device: device(ANN, 1).to_string() }));
    let unknown = BundleAnswer::IdentityOf { device: device(ANN, 9).to_string() };
    assert!(matches!(net.network.set_bundle(&device(BEN, 1), unknown), Err(SimError::UnknownDevice(_))));
}

#[test]
fn a_rotated_signed_prekey_is_handed_out_or_the_former_on_request() {
    let (mut net, mut ann, mut ben) = two();
    let of_ben = device(BEN, 1);
    let next = whatsapp_core::signal::SignedPreKey::generate(
        2,
        &ben.keys.identity,
        &mut <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(7),
    );
    let skey = crate::client::key_node("skey", 2, next.key.public().as_bytes());
    let skey = skey.child(Node::new("signature").bytes(next.signature.to_vec()));
    let answer = ben.ask(&mut net, "encrypt", "set", [Node::new("rotate").child(skey)]);
    assert_eq!(code(&answer), None);
    let report = net.network.devices().into_iter().find(|it| it.jid == of_ben.to_string()).unwrap();
    assert_eq!(report.signed_pre_key_ids, [1, 2]);
    for (answer, id) in [(BundleAnswer::Truthful, 2), (BundleAnswer::PreviousSignedPreKey, 1)] {
        net.network.set_bundle(&of_ben, answer).unwrap();
        let bundle = bundle_query(&mut net, &mut ann, &[&of_ben]);
        let user = bundle.root().child("list").unwrap().child("user").unwrap();
        assert_eq!(user.child("skey").unwrap().child_bytes("id").unwrap()[..], [0, 0, id]);
    }
}

#[test]
fn certificates_can_become_invalid_and_valid_again() {
    let mut net = Net::with(|config| config.certificate = CertificateFlaw::OtherRoot);
    let bad = net.network.certificate_chain();
    net.network.inject(Fault::Certificate { flaw: CertificateFlaw::None }).unwrap();
    assert_ne!(net.network.certificate_chain(), bad);
    // The handshake of this client verifies the chain.
    Client::online(&mut net, &Keys::new(1), ANN, 1);
}
