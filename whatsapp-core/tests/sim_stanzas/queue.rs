//! The queue of a device, and requests that the network ignores or does not understand.
use whatsapp_core::{binary::Node, jid::Jid, sim::SimConfig};

use crate::client::{ANN, BEN, Client, Keys, Net, message};

fn send_all(net: &mut Net, ann: &mut Client, ids: &[&str]) {
    let b = Jid::pn(BEN).with_device(1);
    for id in ids {
        ann.send(net, message(id, &Jid::pn(BEN), &[(&b, b"x")]));
    }
}

/// Ann is online, Ben linked once and is away.
fn ben_away(net: &mut Net) -> (Client, Keys, Jid) {
    let keys = Keys::new(2);
    let (ben, jid) = Client::online(net, &keys, BEN, 1);
    net.network.disconnect(ben.connection);
    let (ann, _) = Client::online(net, &Keys::new(1), ANN, 1);
    (ann, keys, jid)
}

#[test]
fn missed_stanzas_come_in_order_before_the_end_mark() {
    let mut net = Net::new();
    let (mut ann, keys, jid) = ben_away(&mut net);
    send_all(&mut net, &mut ann, &["A", "B", "C"]);
    let mut ben = Client::login(&mut net, &keys, &jid);
    ben.expect(&mut net, "success");
    assert!(ben.messages(&mut net).is_empty(), "not before it says that it is active");
    ben.announce(&mut net);
    net.wait(3600);
    ben.ask_for_batch(&mut net, 100);
    let all = ben.drain(&mut net);
    let tags: Vec<_> = all.iter().map(|stanza| stanza.root().tag()).collect();
    assert_eq!(tags, ["ib", "message", "message", "message", "ib"], "the first announces the rest");
    let preview = all[0].root().child("offline_preview").unwrap();
    assert_eq!((preview.attr_text("count"), preview.attr_text("message")), (Some("3"), Some("3")));
    let order: Vec<_> = all[1..4].iter().filter_map(|stanza| stanza.root().attr_text("id")).collect();
    assert_eq!(order, ["A", "B", "C"]);
    assert!(all[1..4].iter().all(|stanza| stanza.root().attr("offline").is_some()));
    assert_eq!(all[4].root().child("offline").unwrap().attr_text("count"), Some("3"));
}

#[test]
fn batches_come_on_request() {
    let mut net = Net::with(|config| config.offline_queue.primer = 2);
    let (mut ann, keys, jid) = ben_away(&mut net);
    send_all(&mut net, &mut ann, &["A", "B", "C", "D", "E"]);
    let mut ben = Client::login(&mut net, &keys, &jid);
    ben.announce(&mut net);
    assert_eq!(ben.messages(&mut net), ["A", "B"], "the primer");
    send_all(&mut net, &mut ann, &["F"]);
    assert!(ben.messages(&mut net).is_empty(), "what is new waits for the end of the queue");
    ben.ask_for_batch(&mut net, 2);
    assert_eq!(ben.messages(&mut net), ["C", "D"]);
    ben.ask_for_batch(&mut net, 2);
    assert_eq!(ben.messages(&mut net), ["E", "F"]);
}

/// Ben comes back to five messages, and says so.
fn ben_back(configure: impl FnOnce(&mut SimConfig)) -> (Net, Client) {
    let mut net = Net::with(configure);
    let (mut ann, keys, jid) = ben_away(&mut net);
    send_all(&mut net, &mut ann, &["A", "B", "C", "D", "E"]);
    let mut ben = Client::login(&mut net, &keys, &jid);
    ben.announce(&mut net);
    (net, ben)
}

#[test]
fn a_batch_may_be_smaller_than_requested() {
    let (mut net, mut ben) = ben_back(|config| config.offline_queue.largest_batch = Some(3));
    ben.ask_for_batch(&mut net, 200);
    assert_eq!(ben.messages(&mut net), ["A", "B", "C"]);
    net.wait(3600);
    assert!(ben.drain(&mut net).iter().all(|stanza| stanza.root().tag() != "ib"), "the end is not reached");
    ben.ask_for_batch(&mut net, 200);
    assert_eq!(ben.expect(&mut net, "message").root().attr_text("id"), Some("D"));
    let end = ben.expect(&mut net, "ib");
    assert_eq!(end.root().child("offline").unwrap().attr_text("count"), Some("5"));
}

#[test]
fn requests_may_be_ignored_until_they_are_repeated() {
    let (mut net, mut ben) = ben_back(|config| config.offline_queue.ignored_requests = 1);
    for expected in [&["A", "B"][..], &[], &["C", "D"], &[], &["E"]] {
        ben.ask_for_batch(&mut net, 2);
        assert_eq!(ben.messages(&mut net), expected);
    }
}

#[test]
fn a_device_that_never_asks_waits_until_the_configured_time() {
    let (mut net, mut ben) = ben_back(|_| {});
    net.wait(86_400);
    assert!(ben.messages(&mut net).is_empty());
    let (mut net, mut ben) = ben_back(|config| config.offline_queue.patience_ms = Some(5_000));
    net.wait(4);
    ben.ask_for_batch(&mut net, 1);
    assert_eq!(ben.messages(&mut net), ["A"]);
    net.wait(4);
    assert!(ben.messages(&mut net).is_empty(), "it has asked since");
    net.wait(4);
    assert_eq!(ben.messages(&mut net), ["B", "C", "D", "E"]);
}

#[test]
fn unanswered_stanzas_are_repeated_at_login_or_after_a_while() {
    let mut net = Net::new();
    let (mut ann, keys, jid) = ben_away(&mut net);
    let mut ben = Client::login(&mut net, &keys, &jid);
    ben.activate(&mut net);
    ben.drain(&mut net);
    send_all(&mut net, &mut ann, &["A", "B"]);
    let first = ben.expect(&mut net, "message");
    ben.acknowledge(&mut net, &first);
    assert_eq!(ben.messages(&mut net), ["B"]);
    net.wait(10);
    assert!(ben.messages(&mut net).is_empty());
    net.wait(10);
    assert_eq!(ben.messages(&mut net), ["B"]);
    net.network.disconnect(ben.connection);
    let mut ben = Client::login(&mut net, &keys, &jid);
    ben.activate(&mut net);
    assert_eq!(ben.messages(&mut net), ["B"]);
    let report = net.network.unanswered();
    assert_eq!((report[0].device.as_str(), report[0].id.as_str()), (jid.to_string().as_str(), "B"));
}

#[test]
fn unknown_requests_are_answered_and_counted() {
    let mut net = Net::new();
    let (mut ann, _) = Client::online(&mut net, &Keys::new(1), ANN, 1);
    for _ in 0..2 {
        let answer = ann.ask(&mut net, "w:mystery", "get", [Node::new("riddle")]);
        assert_eq!(answer.root().attr_text("type"), Some("result"));
        assert_eq!(answer.root().children().len(), 0);
    }
    assert_eq!(net.network.unknown_requests(), [("get w:mystery <riddle>".to_owned(), 2)]);
    net.network.drop_next_answer();
    ann.send(&mut net, Node::new("iq").attr("id", "lost").attr("xmlns", "w:p").attr("type", "get"));
    assert!(ann.drain(&mut net).is_empty());
    ann.ask(&mut net, "w:p", "get", []);
}

#[test]
fn a_new_device_gets_the_first_messages_of_its_phone() {
    let mut net = Net::with(|config| config.bootstrap = true);
    let keys = Keys::new(1);
    let jid = Client::link(&mut net, &keys, ANN);
    let mut ann = Client::login(&mut net, &keys, &jid);
    ann.upload(&mut net, 5);
    ann.activate(&mut net);
    let all = ann.drain(&mut net);
    let messages: Vec<_> =
        all.iter().map(|stanza| stanza.root()).filter(|node| node.tag() == "message").collect();
    assert_eq!(messages.len(), 2, "a key and a history");
    for node in messages {
        assert_eq!(node.attr_jid("from"), Some(Jid::pn(ANN)));
        assert_eq!((node.attr_text("category"), node.attr("recipient")), (Some("peer"), None));
        assert_eq!(node.child("enc").unwrap().attr_text("type"), Some("pkmsg"));
    }
    ann.activate(&mut net);
    assert_eq!(ann.messages(&mut net).len(), 2, "the same two, unanswered: no others");
}

#[test]
fn stanzas_to_clients_can_be_changed() {
    let mut net = Net::new();
    let (mut ann, _) = Client::online(&mut net, &Keys::new(1), ANN, 1);
    net.network.mutate(Some(Box::new(|node| node.attrs.retain(|attr| attr.key != "type"))));
    let answer = ann.ask(&mut net, "w:p", "get", []);
    assert!(answer.root().attr("type").is_none());
    net.network.mutate(None);
    let answer = ann.ask(&mut net, "w:p", "get", []);
    assert_eq!(answer.root().attr_text("type"), Some("result"));
}
