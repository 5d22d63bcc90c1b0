//! Who has an account, with which devices and keys.
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use super::{mailbox::Mailbox, network::ConnectionId, phone::Phone};
use crate::{
    crypto::{PublicKey, SIGNATURE_LENGTH},
    jid::{Jid, Server},
    proto::payload::DevicePairingData,
};

/// One device of one person, whichever way it is addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceAddress {
    pub(super) person: usize,
    /// 0 for the phone.
    pub device: u16,
}

/// What a simulated person does with messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Behaviour {
    /// Receives, and says nothing; the phone sends no receipts either.
    Silent,
    /// Receives, and the phone sends delivery receipts.
    #[default]
    Receive,
    /// Reads, and repeats what it was told.
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
    pub(super) companions: BTreeMap<u16, Companion>,
}

impl Person {
    pub(super) fn jid(&self, server: Server, device: u16) -> Jid {
        let user = if server == Server::Lid { &self.lid } else { &self.pn };
        Jid::new(user.clone(), server).with_device(device)
    }
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
    /// Stanzas flow only once the device said that it is active.
    pub(super) active: bool,
    pub(super) corrupt_next: bool,
}

/// What a device uploaded for others to start sessions with.
#[derive(Default)]
pub(super) struct KeyStore {
    pub(super) registration: Bytes,
    pub(super) signed: Option<SignedKey>,
    pub(super) one_time: VecDeque<(Bytes, Bytes)>,
}

impl KeyStore {
    /// What a device that is not linked yet says of its keys; empty where it says nothing.
    pub(super) fn registered(data: &DevicePairingData) -> Self {
        let signed = || {
            Some(SignedKey {
                id: data.signed_prekey_id.clone()?,
                value: data.signed_prekey_value.clone()?,
                signature: data.signed_prekey_signature.clone()?,
            })
        };
        let registration = data.registration_id.clone().unwrap_or_default();
        Self { registration, signed: signed(), one_time: VecDeque::new() }
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
    /// Signed by that identity? Checked when it is uploaded: a client that signs wrongly is told.
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
}

impl Accounts {
    /// The person of an address by number or LID.
    pub(super) fn find(&self, jid: &Jid) -> Option<usize> {
        self.people.iter().position(|person| match jid.server {
            Server::User | Server::Legacy => person.pn == jid.user,
            Server::Lid => person.lid == jid.user,
            _ => false,
        })
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
