//! A person: both addresses, the pinned identity keys, and the device list, in one record.
//!
//! All data about a person ages, is stored, and moves between addresses together.
use std::collections::{BTreeMap, VecDeque};

use prost::Message as _;
use whatsapp_store::PersonRecord;

use crate::{crypto::PublicKey, error::Error, pairing::adv::KeyIndexes, proto::record, time::Timestamp};

/// The number of companions whose keys are remembered: the most that a list may name.
const MOST_COMPANIONS: usize = 128;
/// The number of messages without visible content whose ids are remembered.
const MOST_HANDLED: usize = 64;

/// This account's data about a person. At least one address is there.
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

/// The trusted part of a person's devices, as last received from the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine) struct DeviceList {
    /// The time of the list; `None` once it is known to be out of date.
    pub(in crate::engine) fetched_at: Option<Timestamp>,
    /// `None` for an unsigned list, or one whose signature could not be checked.
    pub(in crate::engine) signed: Option<SignedIndexes>,
    pub(in crate::engine) devices: Vec<Device>,
}

/// The part of a device list that the account signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct SignedIndexes {
    /// When, seconds since the Unix epoch.
    pub(in crate::engine) at: u64,
    /// The signing key.
    pub(in crate::engine) signer: PublicKey,
    pub(in crate::engine) indexes: KeyIndexes,
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

    /// The devices that this list has and a newer one has not.
    pub(in crate::engine) fn without(&self, newer: &Self) -> Vec<u16> {
        let stays = |number: &u16| newer.devices.iter().any(|device| device.number == *number);
        self.numbers().into_iter().filter(|number| !stays(number)).collect()
    }

    /// The list of a person who has no devices now. It keeps the time of the last signed list: an older one must not
    /// return.
    pub(in crate::engine) fn emptied(known: Option<&Self>) -> Self {
        Self { fetched_at: None, signed: known.and_then(|list| list.signed.clone()), devices: Vec::new() }
    }
}

impl Person {
    /// # Errors
    /// [`Error::Stored`] when the record was not written by this library.
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

    /// All devices with which there may be sessions.
    pub(in crate::engine) fn device_numbers(&self) -> Vec<u16> {
        let listed = self.devices.iter().flat_map(DeviceList::numbers);
        let mut numbers: Vec<u16> = listed.chain(self.companions.keys().copied()).chain([0]).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
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

    /// A new primary: statements of the former one no longer count.
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
        let signed = self.devices.as_ref().and_then(|list| list.signed.as_ref());
        signed
            .filter(|signed| self.identity.is_none_or(|key| key == signed.signer))
            .map_or(0, |signed| signed.at)
    }

    /// The device list that the pinned identity key signed.
    fn signed_list(&self) -> Option<(&DeviceList, &SignedIndexes)> {
        let list = self.devices.as_ref()?;
        let signed = list.signed.as_ref()?;
        (self.identity == Some(signed.signer)).then_some((list, signed))
    }

    /// Did the account remove the companion with that index, by the list that the pinned identity key signed?
    pub(in crate::engine) fn has_removed(&self, key_index: u32) -> bool {
        self.signed_list().is_some_and(|(_, signed)| !signed.indexes.allows(key_index))
    }

    /// Does the pinned identity key vouch for that device, by the list that it signed?
    pub(in crate::engine) fn vouches_for(&self, number: u16) -> bool {
        self.signed_list().is_some_and(|(list, _)| {
            list.devices.iter().any(|device| device.number == number && device.is_named)
        })
    }

    /// Takes over data that the same person had under another address and that this record lacks.
    pub(super) fn absorb(&mut self, other: Self) {
        // Statements of another key do not belong to this person.
        if self.identity.is_some() && other.identity != self.identity {
            return;
        }
        if self.identity.is_none() {
            self.identity = other.identity;
        }
        for (number, key) in other.companions {
            self.companions.entry(number).or_insert(key);
        }
        let age = |devices: &Option<DeviceList>| {
            let list = devices.as_ref();
            list.map(|list| (list.signed.as_ref().map_or(0, |signed| signed.at), list.fetched_at))
        };
        if age(&other.devices) > age(&self.devices) {
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
            signed: match list.signer {
                Some(signer) => Some(SignedIndexes {
                    at: list.signed_at,
                    signer: PublicKey::from_raw(&signer).ok()?,
                    indexes: KeyIndexes { current: list.current_index, valid: list.valid_indexes },
                }),
                None => None,
            },
            devices: devices.collect::<Option<_>>()?,
        })
    }

    fn to_proto(&self) -> record::DeviceList {
        let named = self.devices.iter().filter(|device| device.is_named);
        let signed = self.signed.as_ref();
        record::DeviceList {
            fetched_at: self.fetched_at.map(Timestamp::as_millis),
            devices: self.devices.iter().map(|device| device.number.into()).collect(),
            signed_at: signed.map_or(0, |signed| signed.at),
            signer: signed.map(|signed| signed.signer.as_bytes().to_vec()),
            current_index: signed.map_or(0, |signed| signed.indexes.current),
            valid_indexes: signed.map(|signed| signed.indexes.valid.clone()).unwrap_or_default(),
            named: named.map(|device| device.number.into()).collect(),
        }
    }
}
