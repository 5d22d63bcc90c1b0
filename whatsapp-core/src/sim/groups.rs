//! Groups: their members, and members' queries about them.
use std::collections::BTreeMap;

use compact_str::CompactString;
use rand::RngExt;

use super::{
    accounts::DeviceAddress,
    network::{Network, SimError},
};
use crate::{
    binary::{Node, NodeRef},
    jid::{Jid, Server},
    time::Timestamp,
};

/// A group.
pub(super) struct Group {
    id: CompactString,
    subject: String,
    created: Timestamp,
    creator: usize,
    /// How members are named: by LID or by number.
    pub(super) mode: Server,
    pub(super) members: BTreeMap<usize, Rank>,
}

/// The role of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    Member,
    Admin,
    Creator,
}

impl Rank {
    /// The `type` of a participant.
    const fn as_str(self) -> Option<&'static str> {
        match self {
            Rank::Member => None,
            Rank::Admin => Some("admin"),
            Rank::Creator => Some("superadmin"),
        }
    }
}

impl Group {
    pub(super) fn jid(&self) -> Jid {
        Jid::new(self.id.clone(), Server::Group)
    }

    /// `addressing_mode`.
    pub(super) const fn mode_text(&self) -> &'static str {
        match self.mode {
            Server::Lid => "lid",
            _ => "pn",
        }
    }

    /// The name of a member that is not used in this group, and its attribute after `prefix`.
    pub(super) const fn other(&self) -> (Server, &'static str) {
        match self.mode {
            Server::Lid => (Server::User, "participant_pn"),
            _ => (Server::Lid, "participant_lid"),
        }
    }
}

type Answer = Result<Vec<Node>, u16>;

impl Network {
    pub(super) fn group(&self, jid: &Jid) -> Option<&Group> {
        self.groups.get(&jid.user).filter(|_| jid.is_group())
    }

    /// Makes a group in the name of the first of these people. Returns its address.
    ///
    /// # Errors
    /// When one of them has no account, or the list is empty.
    pub fn add_group(&mut self, now: Timestamp, subject: &str, phones: &[&str]) -> Result<Jid, SimError> {
        let people: Vec<usize> = phones.iter().map(|phone| self.person(phone)).collect::<Result<_, _>>()?;
        let Some((creator, members)) = people.split_first() else {
            return Err(SimError::UnknownPerson(String::new()));
        };
        Ok(self.create(now, *creator, None, subject, members))
    }

    fn create(
        &mut self,
        now: Timestamp,
        creator: usize,
        by: Option<DeviceAddress>,
        subject: &str,
        members: &[usize],
    ) -> Jid {
        let id: CompactString =
            format!("120363{:012}", self.rng.random_range(0..1_000_000_000_000u64)).into();
        let mut all: BTreeMap<usize, Rank> = members.iter().map(|member| (*member, Rank::Member)).collect();
        all.insert(creator, Rank::Creator);
        let mode = if self.config.groups_by_lid { Server::Lid } else { Server::User };
        let group =
            Group { id: id.clone(), subject: subject.to_owned(), created: now, creator, mode, members: all };
        let jid = group.jid();
        self.groups.insert(id, group);
        let everybody: Vec<usize> = self.members(&jid);
        self.welcome_to_group(now, &jid, creator, by, &everybody);
        jid
    }

    pub(super) fn members(&self, group: &Jid) -> Vec<usize> {
        self.group(group).map(|group| group.members.keys().copied().collect()).unwrap_or_default()
    }

    /// A member's request about a group, or about groups as such.
    pub(super) fn on_group_request(
        &mut self,
        now: Timestamp,
        by: DeviceAddress,
        node: NodeRef<'_>,
    ) -> Answer {
        let (Some(to), Some(child)) = (node.attr_jid("to"), node.children().next()) else { return Err(400) };
        match child.tag() {
            "create" => {
                let members = self.named(child);
                let subject = child.attr("subject").map(ToString::to_string).unwrap_or_default();
                let jid = self.create(now, by.person, Some(by), &subject, &members);
                Ok(vec![self.group_node(&jid).ok_or(500u16)?])
            }
            "participating" => {
                let own = self.groups.values().filter(|group| group.members.contains_key(&by.person));
                let jids: Vec<Jid> = own.map(Group::jid).collect();
                Ok(vec![Node::new("groups").children(jids.iter().filter_map(|jid| self.group_node(jid)))])
            }
            "leave" => {
                let groups: Vec<Jid> = child.children().filter_map(|group| group.attr_jid("id")).collect();
                for group in &groups {
                    self.change(now, by, group, "remove", &[by.person]);
                }
                let left = groups.iter().map(|group| Node::new("group").attr("id", group));
                Ok(vec![Node::new("leave").children(left)])
            }
            _ => {
                let group = self.group(&to).ok_or(404u16)?;
                let rank = *group.members.get(&by.person).ok_or(403u16)?;
                self.on_member_request(now, by, &to, rank, child)
            }
        }
    }

    fn on_member_request(
        &mut self,
        now: Timestamp,
        by: DeviceAddress,
        group: &Jid,
        rank: Rank,
        child: NodeRef<'_>,
    ) -> Answer {
        match child.tag() {
            "query" => Ok(vec![self.group_node(group).ok_or(404u16)?]),
            "add" | "remove" | "promote" | "demote" if rank == Rank::Member => Err(403),
            "add" | "remove" | "promote" | "demote" => {
                let what = match child.tag() {
                    "add" => "add",
                    "remove" => "remove",
                    "promote" => "promote",
                    _ => "demote",
                };
                let people = self.named(child);
                let participants = people.iter().filter_map(|person| self.participant(group, *person));
                let done = participants.map(|participant| participant.attr("type", "200"));
                let answer = Node::new(what).children(done.collect::<Vec<_>>());
                self.change(now, by, group, what, &people);
                Ok(vec![answer])
            }
            "subject" => {
                let subject = child.content_text().unwrap_or_default().to_owned();
                if let Some(group) = self.groups.get_mut(&group.user) {
                    group.subject.clone_from(&subject);
                }
                let told = Node::new("subject").attr("subject", subject).attr("s_t", now.as_secs());
                self.notify_group(now, group, by, &self.members(group), &told);
                Ok(Vec::new())
            }
            tag => {
                self.record_unknown(&format!("w:g2 <{tag}>"));
                Ok(Vec::new())
            }
        }
    }

    /// Changes the members of a group, and tells all of them. New members are told about the whole group.
    fn change(&mut self, now: Timestamp, by: DeviceAddress, jid: &Jid, what: &'static str, people: &[usize]) {
        let participants: Vec<Node> =
            people.iter().filter_map(|person| self.participant(jid, *person)).collect();
        let before = self.members(jid);
        let Some(group) = self.groups.get_mut(&jid.user) else { return };
        for person in people {
            match what {
                "add" => drop(group.members.entry(*person).or_insert(Rank::Member)),
                "remove" => drop(group.members.remove(person)),
                _ => {
                    if let Some(rank) = group.members.get_mut(person) {
                        *rank = if what == "promote" { Rank::Admin } else { Rank::Member };
                    }
                }
            }
        }
        self.notify_group(now, jid, by, &before, &Node::new(what).children(participants));
        if what == "add" {
            let newcomers: Vec<usize> =
                people.iter().copied().filter(|person| !before.contains(person)).collect();
            self.welcome_to_group(now, jid, by.person, Some(by), &newcomers);
        }
    }

    fn welcome_to_group(
        &mut self,
        now: Timestamp,
        jid: &Jid,
        creator: usize,
        by: Option<DeviceAddress>,
        people: &[usize],
    ) {
        let Some(group) = self.group_node(jid) else { return };
        let by = by.unwrap_or(DeviceAddress { person: creator, device: 0 });
        self.notify_group(now, jid, by, people, &Node::new("create").child(group));
    }

    /// Tells all devices of these people, except the one that made the change.
    fn notify_group(&mut self, now: Timestamp, jid: &Jid, by: DeviceAddress, people: &[usize], what: &Node) {
        let Some(group) = self.group(jid) else { return };
        let (mode, (other, alternate)) = (group.mode, group.other());
        let person = &self.accounts.people[by.person];
        let node = Node::new("notification")
            .attr("from", jid)
            .attr("type", "w:gp2")
            .attr("t", now.as_secs())
            .attr("participant", person.jid(mode, 0))
            .attr(alternate, person.jid(other, 0))
            .attr("notify", person.name.as_str())
            .child(what.clone());
        let devices: Vec<_> = people.iter().flat_map(|person| self.accounts.devices(*person)).collect();
        for device in devices.into_iter().filter(|device| *device != by) {
            let number = self.number();
            self.post(now, device, node.clone().attr("id", number));
        }
    }

    fn group_node(&self, jid: &Jid) -> Option<Node> {
        let group = self.group(jid)?;
        let creator = &self.accounts.people[group.creator];
        let participants = group.members.iter().filter_map(|(person, rank)| {
            Some(self.participant(jid, *person)?.attr_opt("type", rank.as_str()))
        });
        let node = Node::new("group")
            .attr("id", group.id.as_str())
            .attr("subject", group.subject.as_str())
            .attr("s_t", group.created.as_secs())
            .attr("s_o", creator.jid(group.mode, 0))
            .attr("creation", group.created.as_secs())
            .attr("creator", creator.jid(group.mode, 0))
            .attr("addressing_mode", group.mode_text())
            .attr("size", group.members.len());
        Some(node.children(participants))
    }

    /// A person as this group names people.
    fn participant(&self, group: &Jid, person: usize) -> Option<Node> {
        let group = self.group(group)?;
        let (other, key) = match group.mode {
            Server::Lid => (Server::User, "phone_number"),
            _ => (Server::Lid, "lid"),
        };
        let person = &self.accounts.people[person];
        Some(Node::new("participant").attr("jid", person.jid(group.mode, 0)).attr(key, person.jid(other, 0)))
    }

    /// The people that a request names, as far as they have accounts.
    fn named(&self, node: NodeRef<'_>) -> Vec<usize> {
        let named = node.children_named("participant").filter_map(|participant| participant.attr_jid("jid"));
        named.filter_map(|jid| self.accounts.find(&jid)).collect()
    }
}
