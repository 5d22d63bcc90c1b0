//! One canonical address per person.
//!
//! A person is known by number and by LID. Sessions, locks and caches keyed by whichever of the two a stanza
//! happened to carry are the most common cause of broken sessions in public clients, so here both are resolved at
//! the edge: Signal addresses and device lists go by LID where it is known; chats, as people see them, by number.
use super::{LidMapping, Person, cache::Cache};
use crate::{
    jid::{Jid, Server},
    signal::Address,
};

const CAPACITY: usize = 4096;

/// Mappings in memory, absent ones included.
#[derive(Debug)]
pub(super) struct Peers {
    by_pn: Cache<String, Option<String>>,
    by_lid: Cache<String, Option<String>>,
}

impl Peers {
    pub(super) fn new() -> Self {
        Self { by_pn: Cache::new(CAPACITY), by_lid: Cache::new(CAPACITY) }
    }

    /// What must be loaded before this address can be resolved.
    pub(super) fn missing(&self, jid: &Jid) -> Option<Person> {
        if jid.user.is_empty() {
            None
        } else if jid.is_pn() {
            (!self.by_pn.contains(jid.user.as_str())).then(|| Person::Pn(jid.user.to_string()))
        } else if jid.is_lid() {
            (!self.by_lid.contains(jid.user.as_str())).then(|| Person::Lid(jid.user.to_string()))
        } else {
            None
        }
    }

    /// Takes a loaded mapping in; what is known already stays.
    pub(super) fn provide(&mut self, person: Person, mapping: Option<LidMapping>) {
        match (person, mapping) {
            (_, Some(mapping)) if !matches!(self.by_lid.peek(mapping.lid.as_str()), Some(Some(_))) => {
                self.remember(&mapping);
            }
            (Person::Pn(pn), None) if !self.by_pn.contains(pn.as_str()) => self.by_pn.put(pn, None),
            (Person::Lid(lid), None) if !self.by_lid.contains(lid.as_str()) => self.by_lid.put(lid, None),
            _ => {}
        }
    }

    /// Learns that two addresses name the same person. `Some` when that is news, to be stored.
    pub(super) fn learn(&mut self, one: &Jid, other: &Jid) -> Option<LidMapping> {
        let (pn, lid) = match (one.server, other.server) {
            (Server::User, Server::Lid) => (one, other),
            (Server::Lid, Server::User) => (other, one),
            _ => return None,
        };
        if pn.user.is_empty() || lid.user.is_empty() {
            return None;
        }
        let mapping = LidMapping { lid: lid.user.to_string(), pn: pn.user.to_string() };
        let known = self.by_pn.peek(mapping.pn.as_str()).and_then(Option::as_ref);
        if known == Some(&mapping.lid) {
            return None;
        }
        self.remember(&mapping);
        Some(mapping)
    }

    fn remember(&mut self, mapping: &LidMapping) {
        // A replaced mapping leaves no half behind.
        if let Some(Some(lid)) = self.by_pn.remove(mapping.pn.as_str()) {
            self.by_lid.remove(lid.as_str());
        }
        if let Some(Some(pn)) = self.by_lid.remove(mapping.lid.as_str()) {
            self.by_pn.remove(pn.as_str());
        }
        self.by_pn.put(mapping.pn.clone(), Some(mapping.lid.clone()));
        self.by_lid.put(mapping.lid.clone(), Some(mapping.pn.clone()));
    }

    /// The same device by LID, if the person's LID is known.
    pub(super) fn lid_of(&self, jid: &Jid) -> Option<Jid> {
        let server = match jid.server {
            Server::User | Server::Legacy => Server::Lid,
            Server::Hosted => Server::HostedLid,
            Server::Lid | Server::HostedLid => return Some(jid.clone()),
            _ => return None,
        };
        let lid = self.by_pn.peek(jid.user.as_str())?.as_ref()?;
        Some(Jid { server, user: lid.into(), ..jid.clone() })
    }

    /// The same device by number, if the person's number is known.
    pub(super) fn pn_of(&self, jid: &Jid) -> Option<Jid> {
        let server = match jid.server {
            Server::Lid => Server::User,
            Server::HostedLid => Server::Hosted,
            Server::User | Server::Hosted => return Some(jid.clone()),
            Server::Legacy => return Some(Jid { server: Server::User, ..jid.clone() }),
            _ => return None,
        };
        let pn = self.by_lid.peek(jid.user.as_str())?.as_ref()?;
        Some(Jid { server, user: pn.into(), ..jid.clone() })
    }

    /// By LID where it is known: what sessions and device lists are kept under.
    pub(super) fn canonical(&self, jid: &Jid) -> Jid {
        self.lid_of(jid).unwrap_or_else(|| jid.clone())
    }

    /// The Signal address of a device.
    pub(super) fn address(&self, jid: &Jid) -> Address {
        Address::from(&self.canonical(jid))
    }

    /// The address under which chats are shown and stored: by number where it is known, without device.
    pub(super) fn chat(&self, jid: &Jid) -> Jid {
        self.pn_of(jid).unwrap_or_else(|| jid.clone()).to_non_device()
    }

    /// Nothing unsaved is in the caches: they may shrink.
    pub(super) fn age(&mut self) {
        self.by_pn.age();
        self.by_lid.age();
    }

    pub(super) fn clear(&mut self) {
        self.by_pn.clear();
        self.by_lid.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_both_ways_and_learns_once() {
        let (pn, lid) = (Jid::pn("4915"), Jid::lid("77"));
        let mut peers = Peers::new();
        assert_eq!(peers.missing(&pn), Some(Person::Pn("4915".into())));
        peers.provide(Person::Pn("4915".into()), None);
        assert_eq!(peers.missing(&pn), None);
        assert_eq!(peers.canonical(&pn.with_device(2)), pn.with_device(2));
        assert!(peers.learn(&lid, &pn).is_some());
        assert!(peers.learn(&pn, &lid).is_none(), "no news");
        assert_eq!(peers.canonical(&pn.with_device(2)), lid.with_device(2));
        assert_eq!(peers.chat(&lid.with_device(2)), pn);
        assert_eq!(peers.address(&pn), peers.address(&lid));
        // A late answer from the store does not undo what was learnt.
        peers.provide(Person::Pn("4915".into()), None);
        assert_eq!(peers.canonical(&pn), lid);
    }

    #[test]
    fn a_replaced_mapping_leaves_no_half_behind() {
        let mut peers = Peers::new();
        peers.learn(&Jid::pn("1"), &Jid::lid("10"));
        assert!(peers.learn(&Jid::pn("1"), &Jid::lid("11")).is_some());
        assert_eq!(peers.pn_of(&Jid::lid("10")), None);
        assert_eq!(peers.pn_of(&Jid::lid("11")), Some(Jid::pn("1")));
    }
}
