//! Groups: made, asked about, written to, and left.
use whatsapp_core::{
    binary::{Node, NodeRef},
    jid::{Jid, Server},
    sim::{Behaviour, SimError},
};

use crate::client::{ANN, BEN, Client, Keys, Net};

const CAT: &str = "15550000003";

fn create(net: &mut Net, client: &mut Client, members: &[Jid]) -> Jid {
    let participants = members.iter().map(|jid| Node::new("participant").attr("jid", jid));
    let create = Node::new("create").attr("subject", "Friends").attr("key", "K").children(participants);
    let answer = client.request(net, "w:g2", "set", Jid::new("", Server::Group), [create]);
    let group = answer.root().child("group").unwrap();
    assert_eq!(group.attr_text("subject"), Some("Friends"));
    Jid::new(group.attr_text("id").unwrap(), Server::Group)
}

fn ranks(group: NodeRef<'_>) -> Vec<(String, Option<&str>)> {
    let members = group.children_named("participant");
    members.map(|member| (member.attr("jid").unwrap().to_string(), member.attr_text("type"))).collect()
}

#[test]
fn members_are_notified_and_may_query() {
    for by_lid in [true, false] {
        let mut net = Net::with(|config| config.groups_by_lid = by_lid);
        let (mut ann, _) = Client::online(&mut net, &Keys::new(1), ANN, 1);
        let (mut ben, _) = Client::online(&mut net, &Keys::new(2), BEN, 1);
        let group = create(&mut net, &mut ann, &[Jid::pn(BEN), Jid::pn("15559999999")]);
        assert!(ann.drain(&mut net).is_empty(), "the answer tells whoever made it");
        let told = ben.expect(&mut net, "notification");
        assert_eq!(
            (told.root().attr_text("type"), told.root().attr_jid("from")),
            (Some("w:gp2"), Some(group.clone()))
        );
        let name = |phone: &str| match by_lid {
            true => net.network.lid_of(phone).unwrap(),
            false => Jid::pn(phone),
        };
        assert_eq!(told.root().attr_jid("participant"), Some(name(ANN)));
        let (ann_name, ben_name) = (name(ANN).to_string(), name(BEN).to_string());
        let whole = told.root().child("create").unwrap().child("group").unwrap();
        assert_eq!(whole.attr_text("addressing_mode"), Some(if by_lid { "lid" } else { "pn" }));
        assert_eq!(ranks(whole), [(ann_name, Some("superadmin")), (ben_name.clone(), None)]);

        let query = || [Node::new("query").attr("request", "interactive")];
        let answer = ben.request(&mut net, "w:g2", "get", group.clone(), query());
        assert_eq!(ranks(answer.root().child("group").unwrap()).len(), 2);
        let promote = |who: &Jid| [Node::new("promote").child(Node::new("participant").attr("jid", who))];
        let refused = ben.request(&mut net, "w:g2", "set", group.clone(), promote(&Jid::pn(BEN)));
        assert_eq!(refused.root().child("error").unwrap().attr_text("code"), Some("403"));
        let done = ann.request(&mut net, "w:g2", "set", group.clone(), promote(&Jid::pn(BEN)));
        let participant = done.root().child("promote").unwrap().child("participant").unwrap();
        assert_eq!(
            (participant.attr("jid").unwrap().to_string(), participant.attr_text("type")),
            (ben_name, Some("200"))
        );
        assert!(ben.expect(&mut net, "notification").root().child("promote").is_some());
        let leave = Node::new("leave").child(Node::new("group").attr("id", &group));
        ben.request(&mut net, "w:g2", "set", Jid::new("", Server::Group), [leave]);
        assert!(ann.expect(&mut net, "notification").root().child("remove").is_some());
        let outside = ben.request(&mut net, "w:g2", "get", group, query());
        assert_eq!(outside.root().child("error").unwrap().attr_text("code"), Some("403"));
    }
}

#[test]
fn each_device_gets_its_key_and_the_ciphertext_for_all() {
    let mut net = Net::new();
    let (mut ann, _) = Client::online(&mut net, &Keys::new(1), ANN, 1);
    let (mut second, _) = Client::online(&mut net, &Keys::new(2), ANN, 1);
    let (mut ben, _) = Client::online(&mut net, &Keys::new(3), BEN, 1);
    let group = create(&mut net, &mut ann, &[Jid::pn(BEN)]);
    second.drain(&mut net);
    ben.drain(&mut net);
    let own = net.network.lid_of(ANN).unwrap();
    let target = net.network.lid_of(BEN).unwrap().with_device(1);
    let key = Node::new("enc").attr("type", "pkmsg").bytes(&b"key"[..]);
    let keys = Node::new("participants").child(Node::new("to").attr("jid", &target).child(key));
    let for_all = Node::new("enc").attr("type", "skmsg").bytes(&b"for all"[..]);
    let message = Node::new("message").attr("id", "ID1").attr("to", &group).attr("type", "text");
    ann.send(&mut net, message.child(for_all).child(keys));

    let got = ben.expect(&mut net, "message");
    let got = got.root();
    assert_eq!(
        (got.attr_jid("from"), got.attr_jid("participant")),
        (Some(group.clone()), Some(own.with_device(1)))
    );
    assert_eq!(
        (got.attr_jid("participant_pn"), got.attr_text("addressing_mode")),
        (Some(Jid::pn(ANN)), Some("lid"))
    );
    let kinds: Vec<_> = got.children_named("enc").filter_map(|enc| enc.attr_text("type")).collect();
    assert_eq!(kinds, ["pkmsg", "skmsg"]);
    let copy = second.expect(&mut net, "message");
    assert_eq!(copy.root().children_named("enc").count(), 1, "it has the key already");
    assert!(copy.root().attr("recipient").is_none());

    // The phones can make nothing of it, and ask again; that is another matter.
    ann.drain(&mut net);
    // A receipt names the writer, and is passed on with the member as participant.
    let participant = own.with_device(1);
    let receipt = Node::new("receipt").attr("id", "ID1").attr("to", &group).attr("participant", &participant);
    ben.send(&mut net, receipt.clone());
    let told = ann.expect(&mut net, "receipt");
    assert_eq!(
        (told.root().attr_jid("from"), told.root().attr_jid("participant")),
        (Some(group.clone()), Some(target.clone()))
    );
    let retry = Node::new("retry").attr("count", "1").attr("id", "ID1");
    ben.send(&mut net, receipt.attr("type", "retry").child(retry));
    assert!(ann.expect(&mut net, "receipt").root().child("retry").is_some());
    second.drain(&mut net);
    let again = Node::new("enc").attr("type", "pkmsg").attr("count", "1").bytes(&b"again"[..]);
    let resent = Node::new("message").attr("id", "ID1").attr("to", &group).attr("participant", &target);
    ann.send(&mut net, resent.attr("type", "text").child(again));
    let got = ben.expect(&mut net, "message");
    assert_eq!(got.root().attr_jid("participant"), Some(participant));
    assert!(second.drain(&mut net).is_empty(), "sent again to the one who asked");
}

#[test]
fn phones_write_to_groups() {
    let mut net = Net::new();
    net.network.add_person(CAT, "Cat", Behaviour::Echo).unwrap();
    let group = net.network.add_group(net.now, "Friends", &[ANN, BEN, CAT]).unwrap();
    for (writer, text) in [(ANN, "hello"), (BEN, "hello yourself"), (ANN, "well")] {
        net.network.send_as(net.now, writer, &group, text).unwrap();
    }
    net.wait(60);
    for phone in [ANN, BEN, CAT] {
        let inbox = net.network.inbox(phone).unwrap();
        let shown: Vec<_> = inbox.messages.iter().map(|shown| shown.content.as_text().unwrap()).collect();
        assert_eq!(shown, ["hello", "hello yourself", "well"], "and nobody answers in a group");
        assert_eq!((inbox.failures, inbox.duplicates), (0, 0));
        assert!(inbox.messages.iter().all(|shown| shown.chat == group.to_string()));
    }
    net.network.add_person("15550000004", "Dan", Behaviour::Silent).unwrap();
    let outsider = net.network.send_as(net.now, "15550000004", &group, "let me in");
    assert!(matches!(outsider, Err(SimError::UnknownGroup(_))));
}
