//! Handshake, linking and login.
use whatsapp_core::{
    binary::Node,
    jid::Jid,
    sim::{Fault, SimError},
};

use crate::client::{ANN, BEN, Client, Keys, Net};

#[test]
fn a_device_is_linked_and_logs_in() {
    let (mut net, keys) = (Net::new(), Keys::new(1));
    let mut client = Client::register(&mut net, &keys);
    let offer = client.expect(&mut net, "iq");
    assert_eq!(offer.root().attr("from").unwrap().to_string(), "s.whatsapp.net");
    let references: Vec<_> = offer.root().child("pair-device").unwrap().children().collect();
    assert_eq!(references.len(), 6);
    // Any of the six will do.
    let reference = references[3].content_text().unwrap().to_owned();
    let jid = net.network.scan_qr(net.now, &client.code(reference), Some(ANN)).unwrap();
    assert_eq!(jid, Jid::pn(ANN).with_device(1));
    let success = client.expect(&mut net, "iq");
    let device = success.root().child("pair-success").unwrap().child("device").unwrap();
    assert_eq!(device.attr_jid("jid"), Some(jid.clone()));
    let lid = device.attr_jid("lid").unwrap();
    assert_eq!(lid, net.network.lid_of(ANN).unwrap().with_device(1));
    assert!(net.network.devices().is_empty(), "not before it has signed");
    client.sign(&mut net, &success);
    let restart = client.expect(&mut net, "stream:error");
    assert_eq!(restart.root().attr_text("code"), Some("515"));
    assert!(net.is_closed(&client));

    let mut client = Client::login(&mut net, &keys, &jid);
    let success = client.expect(&mut net, "success");
    assert_eq!(success.root().attr_jid("lid"), Some(lid));
    assert_eq!(success.root().attr_text("t").unwrap(), net.now.as_secs().to_string());
    assert!(client.expect(&mut net, "ib").root().child("edge_routing").is_some());
}

#[test]
fn codes_that_no_device_shows_are_refused() {
    let (mut net, keys) = (Net::new(), Keys::new(1));
    let mut client = Client::register(&mut net, &keys);
    let scan = |net: &mut Net, text: &str| net.network.scan_qr(net.now, text, Some(ANN));
    assert!(matches!(scan(&mut net, "hello"), Err(SimError::Qr(_))));
    assert_eq!(scan(&mut net, &client.code("2@unknown".into())), Err(SimError::UnknownCode));
    client.expect(&mut net, "iq");
    net.wait(200);
    assert!(net.is_closed(&client), "codes do not live for ever");
}

#[test]
fn an_answer_that_does_not_verify_links_nothing() {
    let (mut net, keys) = (Net::new(), Keys::new(1));
    let mut client = Client::register(&mut net, &keys);
    let offer = client.expect(&mut net, "iq");
    let reference = offer.root().child("pair-device").unwrap().children().next().unwrap();
    let code = client.code(reference.content_text().unwrap().to_owned());
    net.network.scan_qr(net.now, &code, Some(ANN)).unwrap();
    let success = client.expect(&mut net, "iq");
    let forged = Node::new("pair-device-sign").child(Node::new("device-identity").bytes(vec![1, 2, 3]));
    let id = success.root().attr_text("id").unwrap().to_owned();
    client.send(&mut net, Node::new("iq").attr("id", id).attr("type", "result").child(forged));
    assert!(net.is_closed(&client));
    assert!(net.network.devices().is_empty());
}

#[test]
fn only_linked_devices_with_their_own_keys_log_in() {
    let (mut net, keys) = (Net::new(), Keys::new(1));
    let jid = Client::link(&mut net, &keys, ANN);
    let stranger = Keys::new(2);
    for (keys, jid) in
        [(&stranger, &jid), (&keys, &jid.with_device(2)), (&keys, &Jid::pn(BEN).with_device(1))]
    {
        let mut client = Client::login(&mut net, keys, jid);
        assert_eq!(client.expect(&mut net, "failure").root().attr_text("reason"), Some("401"));
        assert!(net.is_closed(&client));
    }
}

#[test]
fn a_second_connection_replaces_the_first() {
    let (mut net, keys) = (Net::new(), Keys::new(1));
    let (mut first, jid) = Client::online(&mut net, &keys, ANN, 1);
    let mut second = Client::login(&mut net, &keys, &jid);
    second.expect(&mut net, "success");
    let error = first.expect(&mut net, "stream:error");
    assert_eq!(error.root().child("conflict").unwrap().attr_text("type"), Some("replaced"));
    assert!(net.is_closed(&first) && !net.is_closed(&second));
    assert!(net.network.devices()[0].online);
}

#[test]
fn logins_and_streams_fail_on_demand() {
    let (mut net, keys) = (Net::new(), Keys::new(1));
    let jid = Client::link(&mut net, &keys, ANN);
    net.network.inject(Fault::FailNextLogin { reason: 503 }).unwrap();
    let mut client = Client::login(&mut net, &keys, &jid);
    assert_eq!(client.expect(&mut net, "failure").root().attr_text("reason"), Some("503"));
    let mut client = Client::login(&mut net, &keys, &jid);
    client.expect(&mut net, "success");
    net.network.inject(Fault::StreamError { device: jid.to_string(), code: 429 }).unwrap();
    assert_eq!(client.expect(&mut net, "stream:error").root().attr_text("code"), Some("429"));
    assert!(net.is_closed(&client));
    let unknown = Fault::Cut { device: "15550000001:9@s.whatsapp.net".into() };
    assert!(matches!(net.network.inject(unknown), Err(SimError::UnknownDevice(_))));
}

#[test]
fn unlinking_ends_the_connection_and_notifies_contacts() {
    let mut net = Net::new();
    let (mut ann, jid) = Client::online(&mut net, &Keys::new(1), ANN, 1);
    let (mut ben, _) = Client::online(&mut net, &Keys::new(2), BEN, 1);
    // Ben has asked about Ann, so he is told.
    let user = Node::new("user").attr("jid", Jid::pn(ANN));
    let query = Node::new("query").child(Node::new("devices").attr("version", "2"));
    let usync = Node::new("usync").child(query).child(Node::new("list").child(user));
    ben.ask(&mut net, "usync", "get", [usync]);
    net.network.unlink_device(net.now, &jid).unwrap();
    let error = ann.expect(&mut net, "stream:error");
    assert_eq!(error.root().child("conflict").unwrap().attr_text("type"), Some("device_removed"));
    for server in ["s.whatsapp.net", "lid"] {
        let notification = ben.expect(&mut net, "notification");
        assert_eq!(notification.root().attr_text("type"), Some("devices"));
        assert!(notification.root().attr("from").unwrap().to_string().ends_with(server));
        let removed = notification.root().child("remove").unwrap();
        assert_eq!(removed.child("device").unwrap().attr_jid("jid").unwrap().device, 1);
        assert!(removed.child_bytes("key-index-list").is_some());
    }
}

/// The seed determines everything: two runs send the same bytes.
#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = || {
        let mut net = Net::with(|config| config.bootstrap = true);
        let (_client, _) = Client::online(&mut net, &Keys::new(1), ANN, 20);
        net.network.send_as(net.now, BEN, &Jid::pn(ANN), "hello").unwrap();
        net.wait(40);
        net.log
    };
    let log = run();
    assert!(log.len() > 10);
    assert_eq!(log, run());
}
