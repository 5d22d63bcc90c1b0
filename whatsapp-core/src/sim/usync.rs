//! Who is who, and with which devices.
use super::{accounts::DeviceAddress, network::Network, primary::sign_key_index_list};
use crate::{
    binary::{Node, NodeRef},
    jid::{Jid, Server},
    time::Timestamp,
};

impl Network {
    /// Answers a query for devices, LIDs or accounts behind numbers.
    pub(super) fn usync(
        &mut self,
        now: Timestamp,
        asking: DeviceAddress,
        node: NodeRef<'_>,
    ) -> Result<Vec<Node>, u16> {
        let usync = node.child("usync").ok_or(400u16)?;
        let query = usync.child("query").ok_or(400u16)?;
        let wants = |tag: &str| query.child(tag).is_some();
        let (devices, lid, contact) = (wants("devices"), wants("lid"), wants("contact"));
        let users: Vec<NodeRef<'_>> =
            usync.child("list").into_iter().flat_map(|list| list.children_named("user")).collect();
        let mut answers = Vec::new();
        for user in users {
            let by_contact = user.child("contact").and_then(|contact| contact.content_text());
            let by_contact = by_contact.map(|number| Jid::pn(number.trim_start_matches('+')));
            let Some(jid) = user.attr_jid("jid").or(by_contact) else { continue };
            let mut answer = Node::new("user").attr("jid", jid.to_non_device());
            let person = self.accounts.find(&jid);
            if let Some(person) = person {
                self.accounts.add_contact(asking.person, person);
            }
            if devices {
                answer = answer.child(match person {
                    Some(person) => self.device_list(now, person),
                    None => Node::new("devices").child(Node::new("device-list")),
                });
            }
            if let (true, Some(person)) = (lid, person) {
                let person = &self.accounts.people[person];
                // Asked by LID, the number is what is new; Baileys takes the other for a wrong mapping.
                answer = match jid.is_lid() {
                    true => answer.attr("pn_jid", person.jid(Server::User, 0)),
                    false => answer.child(Node::new("lid").attr("val", person.jid(Server::Lid, 0))),
                };
            }
            if contact {
                answer = answer
                    .child(Node::new("contact").attr("type", if person.is_some() { "in" } else { "out" }));
            }
            answers.push(answer);
        }
        let result = Node::new("result").child(Node::new("devices")).child(Node::new("lid"));
        let list = Node::new("list").children(answers);
        let answer = Node::new("usync")
            .attr_opt("sid", usync.attr("sid").cloned())
            .attr("index", "0")
            .attr("last", "true")
            .attr("mode", "query")
            .attr_opt("context", usync.attr("context").cloned());
        Ok(vec![answer.child(result).child(list)])
    }

    /// The phone and all companions, with the phone's signature over the companions.
    fn device_list(&mut self, now: Timestamp, person: usize) -> Node {
        let record = &self.accounts.people[person];
        let companions: Vec<_> = record.companions.iter().map(|(id, c)| (*id, c.key_index)).collect();
        let primary = Node::new("device").attr("id", "0");
        let rest = companions
            .iter()
            .map(|(id, index)| Node::new("device").attr("id", *id).attr("key-index", *index));
        let list = Node::new("device-list").children(std::iter::once(primary).chain(rest));
        let indexes: Vec<u32> =
            std::iter::once(0).chain(companions.iter().map(|(_, index)| *index)).collect();
        let account = record.phone.account_key().clone();
        let signed = sign_key_index_list(&account, record.raw_id, &indexes, now, &mut self.rng);
        let signed = Node::new("key-index-list").attr("ts", now.as_secs()).bytes(signed);
        Node::new("devices").child(list).child(signed)
    }
}
