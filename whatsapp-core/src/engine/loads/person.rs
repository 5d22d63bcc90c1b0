//! A person: both addresses, the pinned identity keys, and the device list, in one record.
//!
//! All that is known of somebody ages, is stored, and moves between addresses together.
use std::collections::{BTreeMap, VecDeque};

use prost::Message as _;
use whatsapp_store::PersonRecord;

use crate::{crypto::PublicKey, error::Error, proto::record, time::Timestamp};

/// Companions whose keys are remembered. Nobody has more devices than a list may name.
const MOST_COMPANIONS: usize = 128;
/// Messages without a trace whose ids are remembered.
const MOST_HANDLED: usize = 64;

/// What this account knows of a person. At least one address is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::engine) struct Person {
    /// The phone number's digits.
    pub(in crate::engine) pn: Option<String>,
    /// The linked id.
    pub(in crate::engine) lid: Option<String>,
    /// The identity key of the primary device: the key that the person's safety number is made of, and that signs companions.
    pub(in crate::engine) identity: Option<PublicKey>,
    /// The identity keys of companions, as last seen.
    pub(in crate::engine) companions: BTreeMap<u16, PublicKey>,
    pub(in crate::engine) devices: Option<DeviceList>,
    /// Ids of the last messages that left nothing to show. The server may hand them over again.
    pub(super) handled: VecDeque<String>,
}

/// A person's devices as last heard from the server, and as far as they are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct DeviceList {
    /// When; `None` once something said that the list is out of date.
    pub(in crate::engine) fetched_at: Option<Timestamp>,
    /// When it was signed, seconds since the Unix epoch.
    pub(in crate::engine) signed_at: u64,
    /// By which key; `None` for a list that nobody signed, or whose signature could not be checked.
    pub(in crate::engine) signer: Option<PublicKey>,
    pub(in crate::engine) devices: Vec<Device>,
}

/// One device of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Device {
    /// 0 for the primary.
    pub(in crate::engine) number: u16,
    /// The signed part of the list names it.
    pub(in crate::engine) is_named: bool,
}

impl DeviceList {
    pub(in crate::engine) fn numbers(&self) -> Vec<u16> {
        self.devices.iter().map(|device| device.number).collect()
    }
}

impl DeviceList {
    /// The list of somebody who has no devices now. When the account last signed a list is not forgotten: an older one must not
    /// come back.
    pub(in crate::engine) fn emptied(known: Option<&Self>) -> Self {
        let (signed_at, signer) = known.map_or((0, None), |list| (list.signed_at, list.signer));
        Self { fetched_at: None, signed_at, signer, devices: Vec::new() }
    }
}

impl Person {
    /// # Errors
    /// [`Error::Stored`] when the record is not one of ours.
    pub(super) fn from_record(stored: PersonRecord) -> Result<Self, Error> {
        let damaged = || Error::Stored("a person's record");
        let state = record::Person::decode(stored.state).map_err(|_| damaged())?;
        let key = |bytes: &Vec<u8>| PublicKey::from_raw(bytes).map_err(|_| damaged());
        let mut companions = BTreeMap::new();
        for companion in &state.companions {
            let number = u16::try_from(companion.device).map_err(|_| damaged())?;
            companions.insert(number, key(&companion.identity)?);
        }
        Ok(Self {
            pn: stored.pn,
            lid: stored.lid,
            identity: state.identity.as_ref().map(key).transpose()?,
            companions,
            devices: state
                .devices
                .map(|list| DeviceList::from_proto(list).ok_or_else(damaged))
                .transpose()?,
            handled: state.handled.into(),
        })
    }

    pub(super) fn to_record(&self) -> PersonRecord {
        let raw = |key: &PublicKey| key.as_bytes().to_vec();
        let companions = self
            .companions
            .iter()
            .map(|(number, key)| record::Companion { device: (*number).into(), identity: raw(key) });
        let state = record::Person {
            identity: self.identity.as_ref().map(raw),
            companions: companions.collect(),
            devices: self.devices.as_ref().map(DeviceList::to_proto),
            handled: self.handled.iter().cloned().collect(),
        };
        PersonRecord { pn: self.pn.clone(), lid: self.lid.clone(), state: state.encode_to_vec().into() }
    }

    /// The identity key of one device, if it was seen.
    pub(in crate::engine) fn identity_of(&self, device: u16) -> Option<PublicKey> {
        if device == 0 { self.identity } else { self.companions.get(&device).copied() }
    }

    /// Pins the identity key of one device.
    pub(in crate::engine) fn set_identity(&mut self, device: u16, key: PublicKey) {
        if device == 0 {
            self.identity = Some(key);
        } else if self.companions.len() < MOST_COMPANIONS || self.companions.contains_key(&device) {
            self.companions.insert(device, key);
        }
    }

    /// A new primary: what the former one vouched for means nothing any more.
    pub(in crate::engine) fn replace_identity(&mut self, key: Option<PublicKey>) {
        self.identity = key;
        self.companions.clear();
        self.devices = None;
    }

    /// Was that message read before, although it left nothing to show?
    pub(in crate::engine) fn has_handled(&self, id: &str) -> bool {
        self.handled.iter().any(|handled| handled == id)
    }

    /// Remembers a message that leaves nothing to show.
    pub(in crate::engine) fn note_handled(&mut self, id: &str) {
        if !self.has_handled(id) {
            if self.handled.len() >= MOST_HANDLED {
                self.handled.pop_front();
            }
            self.handled.push_back(id.to_owned());
        }
    }

    /// When the account signed the device list that is known; 0 when it did not.
    pub(in crate::engine) fn signed_at(&self) -> u64 {
        let signed = self.devices.iter().filter(|list| list.signer.is_some());
        signed
            .filter(|list| self.identity.is_none() || list.signer == self.identity)
            .map(|list| list.signed_at)
            .sum()
    }

    /// Does the pinned identity key vouch for that device, by the list that it signed?
    pub(in crate::engine) fn vouches_for(&self, number: u16) -> bool {
        self.identity.is_some()
            && self
                .devices
                .iter()
                .filter(|list| list.signer == self.identity)
                .any(|list| list.devices.iter().any(|device| device.number == number && device.is_named))
    }

    /// Takes over what the same person under another address had and this one lacks.
    pub(super) fn absorb(&mut self, other: Self) {
        // What another key vouched for is not this person's.
        if self.identity.is_some() && other.identity != self.identity {
            return;
        }
        if self.identity.is_none() {
            self.identity = other.identity;
        }
        for (number, key) in other.companions {
            self.companions.entry(number).or_insert(key);
        }
        let signed_at =
            |devices: &Option<DeviceList>| devices.as_ref().map(|list| (list.signed_at, list.fetched_at));
        if signed_at(&other.devices) > signed_at(&self.devices) {
            self.devices = other.devices;
        }
        other.handled.iter().for_each(|id| self.note_handled(id));
    }
}

impl DeviceList {
    fn from_proto(list: record::DeviceList) -> Option<Self> {
        let devices = list.devices.iter().map(|number| {
            let is_named = list.named.contains(number);
            Some(Device { number: u16::try_from(*number).ok()?, is_named })
        });
        Some(Self {
            fetched_at: list.fetched_at.map(Timestamp::from_millis),
            signed_at: list.signed_at,
            signer: list.signer.as_deref().map(PublicKey::from_raw).transpose().ok()?,
            devices: devices.collect::<Option<_>>()?,
        })
    }

    fn to_proto(&self) -> record::DeviceList {
        let named = self.devices.iter().filter(|device| device.is_named);
        record::DeviceList {
            fetched_at: self.fetched_at.map(Timestamp::as_millis),
            devices: self.devices.iter().map(|device| device.number.into()).collect(),
            signed_at: self.signed_at,
            signer: self.signer.as_ref().map(|key| key.as_bytes().to_vec()),
            named: named.map(|device| device.number.into()).collect(),
        }
    }
}
