//! Queries for addresses and devices.
use super::{
    accounts::DeviceAddress, answers::DeviceListAnswer, network::Network, primary::sign_key_index_list,
};
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
            let about = self.device_list_answer(person);
            if about == DeviceListAnswer::LeftOut {
                continue;
            }
            if let Some(person) = person {
                self.accounts.add_contact(asking.person, person);
            }
            if devices {
                answer = answer.child(match person {
                    Some(person) => self.device_list(now, person, &about),
                    None => Node::new("devices").child(Node::new("device-list")),
                });
            }
            if let (true, Some(person)) = (lid, person) {
                let person = &self.accounts.people[person];
                // For a query by LID, the number is the new fact; Baileys takes the LID for a wrong mapping.
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

    /// The phone and all companions, with the phone's signature over the companions; or the altered answer.
    fn device_list(&mut self, now: Timestamp, person: usize, answer: &DeviceListAnswer) -> Node {
        let companions = &self.accounts.people[person].companions;
        let all: Vec<u16> = std::iter::once(0).chain(companions.keys().copied()).collect();
        match answer {
            DeviceListAnswer::Error { code } => {
                Node::new("devices").child(Node::new("error").attr("code", *code).attr("text", "error"))
            }
            DeviceListAnswer::Untruthful { devices, signed, timestamp } => {
                let at = timestamp.map_or(now, Timestamp::from_secs);
                self.signed_devices(person, devices, signed.as_deref(), at)
            }
            _ => self.signed_devices(person, &all, Some(&all), now),
        }
    }

    /// A device's key index is its number.
    fn signed_devices(
        &mut self,
        person: usize,
        devices: &[u16],
        signed: Option<&[u16]>,
        at: Timestamp,
    ) -> Node {
        let entry = |id: &u16| match id {
            0 => Node::new("device").attr("id", "0"),
            id => Node::new("device").attr("id", *id).attr("key-index", *id),
        };
        let list = Node::new("devices").child(Node::new("device-list").children(devices.iter().map(entry)));
        let Some(signed) = signed else { return list };
        let indexes: Vec<u32> = signed.iter().copied().map(u32::from).collect();
        let record = &self.accounts.people[person];
        let account = record.phone.account_key().clone();
        let last = indexes.iter().copied().max().unwrap_or(0).max(record.last_key_index);
        let signed = sign_key_index_list(&account, record.raw_id, (last, &indexes), at, &mut self.rng);
        list.child(Node::new("key-index-list").attr("ts", at.as_secs()).bytes(signed))
    }
}
