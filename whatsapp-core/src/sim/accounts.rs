//! Accounts, with their devices and keys.
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use bytes::Bytes;
use compact_str::CompactString;
use rand::{RngExt, rngs::StdRng};
use serde::{Deserialize, Serialize};

use super::{mailbox::Mailbox, network::ConnectionId, phone::Phone};
use crate::{
    crypto::{PublicKey, SIGNATURE_LENGTH},
    jid::{Jid, Server},
    proto::payload::DevicePairingData,
};

/// One device of one person, in either namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceAddress {
    pub(super) person: usize,
    /// 0 for the phone.
    pub device: u16,
}

/// How a simulated person reacts to messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Behaviour {
    /// Receives, and says nothing; the phone sends no receipts either.
    Silent,
    /// Receives, and the phone sends delivery receipts.
    #[default]
    Receive,
    /// Reads, and says nothing: delivery and read receipts, no answer.
    Read,
    /// Reads, and repeats the text.
    Echo,
    /// Reads, and answers with these texts, one after the other and then from the start.
    Reply {
        /// The answers.
        texts: Vec<String>,
    },
}

/// A person with an account.
pub(super) struct Person {
    pub(super) pn: CompactString,
    pub(super) lid: CompactString,
    pub(super) name: String,
    pub(super) behaviour: Behaviour,
    pub(super) phone: Phone,
    pub(super) raw_id: u32,
    pub(super) next_device: u16,
    /// The highest key index that the phone has given to a companion.
    pub(super) last_key_index: u32,
    pub(super) companions: BTreeMap<u16, Companion>,
    /// People who asked about this person or exchanged messages: they are told when devices change.
    contacts: BTreeSet<usize>,
}

impl Person {
    /// A person with a phone and nothing else.
    pub(super) fn new(pn: &str, name: &str, behaviour: Behaviour, rng: &mut StdRng) -> Self {
        Self {
            pn: pn.into(),
            lid: random_lid(rng),
            name: name.to_owned(),
            behaviour,
            phone: Phone::new(rng),
            raw_id: rng.random_range(1..u32::MAX),
            next_device: 1,
            last_key_index: 0,
            companions: BTreeMap::new(),
            contacts: BTreeSet::new(),
        }
    }

    pub(super) fn jid(&self, server: Server, device: u16) -> Jid {
        let user = if server == Server::Lid { &self.lid } else { &self.pn };
        Jid::new(user.clone(), server).with_device(device)
    }
}

pub(super) fn random_lid(rng: &mut StdRng) -> CompactString {
    (200_000_000_000_000 + rng.random_range(0..99_999_999_999_999u64)).to_string().into()
}

/// A linked device.
pub(super) struct Companion {
    pub(super) noise: PublicKey,
    pub(super) identity: PublicKey,
    pub(super) key_index: u32,
    /// Serialized SignedDeviceIdentity, complete.
    pub(super) signed_identity: Bytes,
    pub(super) keys: KeyStore,
    pub(super) mailbox: Mailbox,
    pub(super) connection: Option<ConnectionId>,
    /// The phone has sent its first messages to it.
    pub(super) bootstrapped: bool,
    pub(super) redelivery_planned: bool,
    pub(super) corrupt_next: bool,
}

/// A device's published keys, with which others start sessions with it.
#[derive(Default)]
pub(super) struct KeyStore {
    pub(super) registration: Bytes,
    pub(super) signed: Option<SignedKey>,
    /// Former signed prekeys, oldest first.
    pub(super) replaced: Vec<SignedKey>,
    pub(super) one_time: VecDeque<(Bytes, Bytes)>,
}

impl KeyStore {
    /// The keys that an unlinked device states; empty where it states none.
    pub(super) fn registered(data: &DevicePairingData) -> Self {
        let signed = || {
            Some(SignedKey {
                id: data.signed_prekey_id.clone()?,
                value: data.signed_prekey_value.clone()?,
                signature: data.signed_prekey_signature.clone()?,
            })
        };
        let registration = data.registration_id.clone().unwrap_or_default();
        Self { registration, signed: signed(), replaced: Vec::new(), one_time: VecDeque::new() }
    }
}

/// A signed prekey as it came.
#[derive(Clone)]
pub(super) struct SignedKey {
    pub(super) id: Bytes,
    pub(super) value: Bytes,
    pub(super) signature: Bytes,
}

impl SignedKey {
    pub(super) fn number(&self) -> u32 {
        self.id.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
    }

    /// Did that identity sign it? Checked at the upload: a client with a wrong signature gets an error.
    pub(super) fn is_signed_by(&self, identity: &PublicKey) -> bool {
        let Ok(key) = PublicKey::from_raw(&self.value) else { return false };
        self.signature.len() == SIGNATURE_LENGTH
            && identity.verify(&[&key.to_typed()], &self.signature).is_ok()
    }
}

/// All accounts.
#[derive(Default)]
pub(super) struct Accounts {
    pub(super) people: Vec<Person>,
    by_pn: HashMap<CompactString, usize>,
    by_lid: HashMap<CompactString, usize>,
}

impl Accounts {
    pub(super) fn add(&mut self, person: Person) -> usize {
        let index = self.people.len();
        self.by_pn.insert(person.pn.clone(), index);
        self.by_lid.insert(person.lid.clone(), index);
        self.people.push(person);
        index
    }

    /// Gives a person another number.
    pub(super) fn renumber(&mut self, person: usize, pn: &str) {
        let former = std::mem::replace(&mut self.people[person].pn, pn.into());
        self.by_pn.remove(&former);
        self.by_pn.insert(pn.into(), person);
    }

    /// Gives a person another LID.
    pub(super) fn change_lid(&mut self, person: usize, lid: CompactString) {
        let former = std::mem::replace(&mut self.people[person].lid, lid.clone());
        self.by_lid.remove(&former);
        self.by_lid.insert(lid, person);
    }

    /// The person of an address by number or LID.
    pub(super) fn find(&self, jid: &Jid) -> Option<usize> {
        match jid.server {
            Server::User | Server::Legacy => self.by_pn.get(&jid.user).copied(),
            Server::Lid => self.by_lid.get(&jid.user).copied(),
            _ => None,
        }
    }

    /// Two people know of each other from now on.
    pub(super) fn add_contact(&mut self, one: usize, other: usize) {
        if one != other {
            self.people[one].contacts.insert(other);
            self.people[other].contacts.insert(one);
        }
    }

    /// The person's own devices and those of all people who know the person.
    pub(super) fn devices_to_notify(&self, person: usize) -> Vec<DeviceAddress> {
        let contacts = self.people[person].contacts.iter().copied();
        std::iter::once(person).chain(contacts).flat_map(|person| self.devices(person)).collect()
    }

    /// The device of an address, if it exists.
    pub(super) fn device(&self, jid: &Jid) -> Option<DeviceAddress> {
        let person = self.find(jid)?;
        let exists = jid.device == 0 || self.people[person].companions.contains_key(&jid.device);
        exists.then_some(DeviceAddress { person, device: jid.device })
    }

    pub(super) fn companion(&mut self, address: DeviceAddress) -> Option<&mut Companion> {
        self.people.get_mut(address.person)?.companions.get_mut(&address.device)
    }

    pub(super) fn jid(&self, address: DeviceAddress, server: Server) -> Jid {
        self.people[address.person].jid(server, address.device)
    }

    /// The phone and all companions of a person.
    pub(super) fn devices(&self, person: usize) -> Vec<DeviceAddress> {
        let companions = self.people[person].companions.keys().copied();
        std::iter::once(0).chain(companions).map(|device| DeviceAddress { person, device }).collect()
    }
}
