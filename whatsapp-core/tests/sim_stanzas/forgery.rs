//! What no honest phone or server does, and what few people do.
use whatsapp_core::{
    binary::{Content, Node, Stanza},
    jid::{Jid, Server},
    signal::PreKeyMessage,
    sim::{Encryption, RawMessage, SimError},
};

use crate::client::{ANN, BEN, Client, Keys, Net};

const CAT: &str = "15550000003";

/// A client of Ann, and people without clients.
fn ann() -> (Net, Client, Jid) {
    let mut net = Net::new();
    net.network.add_person(CAT, "Cat", Default::default()).unwrap();
    let (ann, jid) = Client::online(&mut net, &Keys::new(1), ANN, 50);
    (net, ann, jid)
}

fn lid(net: &Net, phone: &str) -> Jid {
    net.network.lid_of(phone).unwrap()
}

fn raw(net: &mut Net, from: &str, to: &Jid, message: RawMessage) -> String {
    net.network.send_raw_as(net.now, from, to, message).unwrap()
}

fn contents(stanza: &Stanza) -> Vec<Node> {
    match Node::from(stanza.root()).content {
        Content::Nodes(children) => children,
        _ => Vec::new(),
    }
}

#[test]
fn a_message_may_name_a_wrong_or_no_alternate_sender_address() {
    let (mut net, mut ann, _) = ann();
    let (of_ben, of_cat) = (lid(&net, BEN), lid(&net, CAT));
    let untrue = RawMessage::text("hi").attribute("sender_lid", Some(of_cat.clone()));
    raw(&mut net, BEN, &Jid::pn(ANN), untrue.attribute("notify", None::<&str>));
    let got = ann.expect(&mut net, "message");
    assert_eq!(
        (got.root().attr_jid("from"), got.root().attr_jid("sender_lid")),
        (Some(Jid::pn(BEN)), Some(of_cat))
    );
    assert!(got.root().attr("notify").is_none());
    // Under the LID alone first, and under the number later.
    let to = lid(&net, ANN);
    raw(&mut net, BEN, &to, RawMessage::text("hi").attribute("sender_pn", None::<&str>));
    let got = ann.expect(&mut net, "message");
    assert_eq!((got.root().attr_jid("from"), got.root().attr("sender_pn")), (Some(of_ben.clone()), None));
    raw(&mut net, BEN, &Jid::pn(ANN), RawMessage::text("hi"));
    let got = ann.expect(&mut net, "message");
    assert_eq!(got.root().attr_jid("from"), Some(Jid::pn(BEN)));
    assert_eq!(got.root().attr_jid("sender_lid"), Some(of_ben));
}

#[test]
fn a_person_changes_the_number_and_keeps_the_lid() {
    let (mut net, mut ann, _) = ann();
    let before = lid(&net, BEN);
    net.network.change_number(BEN, "15550000009").unwrap();
    raw(&mut net, "15550000009", &Jid::pn(ANN), RawMessage::text("it is me"));
    let got = ann.expect(&mut net, "message");
    assert_eq!(got.root().attr_jid("from"), Some(Jid::pn("15550000009")));
    assert_eq!(got.root().attr_jid("sender_lid"), Some(before.clone()));
    assert_eq!(lid(&net, "15550000009"), before);
    assert_eq!(net.network.lid_of(BEN), Err(SimError::UnknownPerson(BEN.into())));
    assert_eq!(net.network.change_number(CAT, ANN), Err(SimError::NumberTaken(ANN.into())));
}

#[test]
fn a_person_changes_the_lid_and_keeps_the_number() {
    let (mut net, mut ann, _) = ann();
    let before = lid(&net, BEN);
    let after = net.network.change_lid(BEN).unwrap();
    assert_ne!(before, after);
    raw(&mut net, BEN, &Jid::pn(ANN), RawMessage::text("it is me"));
    let got = ann.expect(&mut net, "message");
    assert_eq!(got.root().attr_jid("from"), Some(Jid::pn(BEN)));
    assert_eq!(got.root().attr_jid("sender_lid"), Some(after));
}

#[test]
fn unreadable_messages_of_a_flood_have_distinct_ids() {
    let (mut net, mut ann, _) = ann();
    for (encryption, kind) in [
        (Encryption::UnknownSession, "msg"),
        (Encryption::UnknownPreKey, "pkmsg"),
        (Encryption::Damaged, "pkmsg"),
    ] {
        let ids = net.network.flood_as(net.now, BEN, &Jid::pn(ANN), 30, encryption).unwrap();
        let all = ann.drain(&mut net);
        let messages: Vec<_> = all.iter().filter(|stanza| stanza.root().tag() == "message").collect();
        let came: Vec<_> = messages.iter().map(|it| it.root().attr("id").unwrap().to_string()).collect();
        assert_eq!(came, ids);
        assert_eq!(came.iter().collect::<std::collections::BTreeSet<_>>().len(), 30);
        for message in messages {
            let enc = message.root().child("enc").unwrap();
            assert_eq!(enc.attr_text("type"), Some(kind));
            let Some(bytes) = message.root().child_bytes("enc") else { panic!("bytes") };
            let strange = PreKeyMessage::parse(bytes).is_ok_and(|it| it.pre_key_id() == Some(0x00ab_cdef));
            assert_eq!(strange, encryption == Encryption::UnknownPreKey);
        }
    }
}

#[test]
fn a_device_is_asked_for_a_message_that_it_never_sent() {
    let (mut net, mut ann, jid) = ann();
    net.network.ask_again_as(net.now, BEN, &jid, "3EB0NEVER", 1).unwrap();
    let asked = ann.expect(&mut net, "receipt");
    assert_eq!(
        (asked.root().attr_text("type"), asked.root().attr_text("id")),
        (Some("retry"), Some("3EB0NEVER"))
    );
    assert_eq!(asked.root().attr_jid("from"), Some(Jid::pn(BEN)));
    assert_eq!(asked.root().child("retry").unwrap().attr_text("count"), Some("1"));
    let nowhere = net.network.ask_again_as(net.now, BEN, &jid.with_device(9), "X", 1);
    assert!(matches!(nowhere, Err(SimError::UnknownDevice(_))));
}

#[test]
fn answered_stanzas_are_repeated_with_the_same_ciphertext() {
    let (mut net, mut ann, jid) = ann();
    let text = raw(&mut net, BEN, &Jid::pn(ANN), RawMessage::text("hi"));
    let revoke = raw(&mut net, BEN, &Jid::pn(ANN), RawMessage::revoke(&Jid::pn(ANN), &text));
    for id in [text, revoke] {
        let unanswered = net.network.deliver_again(net.now, &jid, &id);
        assert_eq!(unanswered, Err(SimError::UnknownStanza(id.clone())));
        let first = ann.expect(&mut net, "message");
        assert_eq!(first.root().attr_text("id"), Some(id.as_str()));
        ann.acknowledge(&mut net, &first);
        net.network.deliver_again(net.now, &jid, &id).unwrap();
        net.collect();
        // Stanzas that are still unanswered are not repeated by this.
        let again = ann.drain(&mut net).into_iter().rfind(|it| it.root().tag() == "message").unwrap();
        assert_eq!(contents(&again), contents(&first));
        ann.acknowledge(&mut net, &again);
        net.wait(20);
    }
}

#[test]
fn a_revoke_says_so_on_its_stanza() {
    let (mut net, mut ann, _) = ann();
    raw(&mut net, BEN, &Jid::pn(ANN), RawMessage::revoke(&Jid::pn(ANN), "3EB0AA"));
    assert_eq!(ann.expect(&mut net, "message").root().attr_text("edit"), Some("7"));
}

#[test]
fn a_key_for_a_group_comes_without_a_message() {
    let (mut net, mut ann, jid) = ann();
    let group = net.network.add_group(net.now, "Friends", &[BEN, ANN]).unwrap();
    let id = net.network.send_group_key_as(net.now, BEN, &group).unwrap();
    let got = ann.expect(&mut net, "message");
    assert_eq!(
        (got.root().attr_jid("from"), got.root().attr_text("id")),
        (Some(group.clone()), Some(id.as_str()))
    );
    assert_eq!(got.root().attr_jid("participant"), Some(lid(&net, BEN)));
    let [enc] = &contents(&got)[..] else { panic!("one ciphertext") };
    assert_eq!(enc.get("type").unwrap().as_text(), Some("pkmsg"));
    ann.acknowledge(&mut net, &got);
    net.network.deliver_again(net.now, &jid, &id).unwrap();
    assert_eq!(contents(&ann.expect(&mut net, "message")), contents(&got));
    let stranger = net.network.send_group_key_as(net.now, CAT, &group);
    assert_eq!(stranger, Err(SimError::UnknownGroup(group.to_string())));
}

#[test]
fn a_message_in_a_group_is_read_by_lid_or_by_number() {
    for by_lid in [true, false] {
        let mut net = Net::with(|config| config.groups_by_lid = by_lid);
        let (mut ann, _) = Client::online(&mut net, &Keys::new(1), ANN, 5);
        let group = net.network.add_group(net.now, "Friends", &[ANN, BEN]).unwrap();
        let id = net.network.send_as(net.now, ANN, &group, "hello").unwrap();
        ann.drain(&mut net);
        net.network.read_as(net.now, BEN, &group, &id).unwrap();
        let read = ann.expect(&mut net, "receipt");
        let name = if by_lid { lid(&net, BEN) } else { Jid::pn(BEN) };
        assert_eq!(
            (read.root().attr_jid("from"), read.root().attr_jid("participant")),
            (Some(group.clone()), Some(name))
        );
        assert_eq!(read.root().attr_text("type"), Some("read"));
        assert!(net.network.read_as(net.now, BEN, &group, "unknown").is_err());
    }
}

#[test]
fn phones_hide_empty_messages_and_name_unknown_kinds() {
    let (mut net, ..) = ann();
    for message in
        [RawMessage::new(Vec::new()), RawMessage::context_only(), RawMessage::revoke(&Jid::pn(CAT), "X")]
    {
        raw(&mut net, BEN, &Jid::pn(CAT), message);
    }
    assert_eq!(net.network.inbox(CAT).unwrap().messages, []);
    raw(&mut net, BEN, &Jid::pn(CAT), RawMessage::unknown_kind(4095, "new"));
    let shown = net.network.inbox(CAT).unwrap().messages;
    assert_eq!(shown.len(), 1);
    assert_eq!(serde_json::to_value(&shown[0].content).unwrap()["kind"], "unknown");
    assert_eq!(net.network.inbox(CAT).unwrap().failures, 0);
}

#[test]
fn a_phone_speaks_to_its_own_devices() {
    let (mut net, mut ann, _) = ann();
    net.network.share_app_state_key(net.now, ANN).unwrap();
    net.network.share_history(net.now, ANN).unwrap();
    for _ in 0..2 {
        let got = ann.expect(&mut net, "message");
        assert_eq!(
            (got.root().attr_text("category"), got.root().attr_jid("from")),
            (Some("peer"), Some(Jid::pn(ANN)))
        );
    }
    net.network.rename(ANN, "Ann of the shop").unwrap();
    net.network.send_as(net.now, ANN, &Jid::pn(BEN), "from my phone").unwrap();
    let got = ann.expect(&mut net, "message");
    assert_eq!(got.root().attr_text("notify"), Some("Ann of the shop"));
    assert_eq!(got.root().attr_jid("recipient"), Some(Jid::pn(BEN)));
}

#[test]
fn any_stanza_can_be_sent_to_a_device() {
    let (mut net, mut ann, jid) = ann();
    let group = Jid::new("1-2", Server::Group);
    let stanza = Node::new("notification").attr("id", "N1").attr("from", &group).attr("type", "mystery");
    net.network.deliver_stanza(net.now, &jid, stanza).unwrap();
    let got = ann.expect(&mut net, "notification");
    assert_eq!((got.root().attr_jid("from"), got.root().attr_text("type")), (Some(group), Some("mystery")));
    ann.acknowledge(&mut net, &got);
    assert_eq!(net.network.unanswered(), []);
}
