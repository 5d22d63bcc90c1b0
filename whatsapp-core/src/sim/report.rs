//! Reports for tests and for people.
use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde::Serialize;

use super::{
    accounts::SignedKey,
    network::{Network, SimError},
    phone::Shown,
};
use crate::{
    binary::Node,
    jid::{Jid, Server},
};

/// One person's messages as the phone shows them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Inbox {
    /// Each once, in order of arrival.
    pub messages: Vec<Shown>,
    /// The status of the account's own messages, by id: `inactive`, `delivery`, `read`, `played`.
    pub receipts: BTreeMap<String, String>,
    /// How often a message came that had been shown already.
    pub duplicates: u64,
    /// How often one did not decrypt.
    pub failures: u64,
}

/// A stanza that a device was handed and did not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unanswered {
    /// The device, by number.
    pub device: String,
    /// The stanza's tag.
    pub tag: String,
    /// The stanza's id.
    pub id: String,
}

/// Public keys and signatures of a device, for independent verification. Base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DeviceReport {
    /// The device, by number.
    pub jid: String,
    /// The device, by LID.
    pub lid: String,
    /// Identity key.
    pub identity: String,
    /// The phone's identity key, which vouches for companions.
    pub account: String,
    /// Signed prekey and signature, if uploaded.
    pub signed_pre_key: Option<[String; 2]>,
    /// The id of that signed prekey, after those of former ones, oldest first.
    pub signed_pre_key_ids: Vec<u32>,
    /// SignedDeviceIdentity of companions.
    pub signed_identity: Option<String>,
    /// The number of one-time prekeys left.
    pub pre_keys: usize,
    /// Connected now?
    pub online: bool,
}

impl Network {
    /// A person's inbox; `None` for numbers without account.
    pub fn inbox(&self, phone: &str) -> Option<Inbox> {
        let person = self.accounts.find(&Jid::pn(phone))?;
        Some(self.accounts.people[person].phone.inbox.clone())
    }

    /// Requests that were not understood, with how often each was asked.
    pub fn unknown_requests(&self) -> Vec<(String, u64)> {
        self.unknown.iter().map(|(what, count)| (what.clone(), *count)).collect()
    }

    /// The unanswered stanzas of connected devices.
    pub fn unanswered(&self) -> Vec<Unanswered> {
        let people = self.accounts.people.iter();
        let companions = people.flat_map(|person| {
            person.companions.iter().map(|(device, companion)| (person.jid(Server::User, *device), companion))
        });
        companions
            .flat_map(|(jid, companion)| {
                companion.mailbox.unanswered().map(move |waiting| Unanswered {
                    device: jid.to_string(),
                    tag: waiting.node.tag.to_string(),
                    id: waiting.id.to_string(),
                })
            })
            .collect()
    }

    /// The stanzas that wait for a device, delivered or not, oldest first.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn stanzas_for(&self, device: &Jid) -> Result<Vec<Node>, SimError> {
        let address = self.accounts.device(device);
        let companion = address
            .and_then(|address| self.accounts.people[address.person].companions.get(&address.device))
            .ok_or_else(|| SimError::UnknownDevice(device.to_string()))?;
        Ok(companion.mailbox.stanzas().cloned().collect())
    }

    /// How many stanzas wait for devices, answered or not.
    pub fn waiting(&self) -> usize {
        let people = self.accounts.people.iter();
        people.flat_map(|person| person.companions.values()).map(|companion| companion.mailbox.len()).sum()
    }

    /// All linked devices.
    pub fn devices(&self) -> Vec<DeviceReport> {
        let mut reports = Vec::new();
        for person in &self.accounts.people {
            let account = BASE64.encode(person.phone.identity().as_bytes());
            for (device, companion) in &person.companions {
                reports.push(DeviceReport {
                    jid: person.jid(Server::User, *device).to_string(),
                    lid: person.jid(Server::Lid, *device).to_string(),
                    identity: BASE64.encode(companion.identity.as_bytes()),
                    account: account.clone(),
                    signed_pre_key: companion
                        .keys
                        .signed
                        .as_ref()
                        .map(|signed| [BASE64.encode(&signed.value), BASE64.encode(&signed.signature)]),
                    signed_pre_key_ids: companion
                        .keys
                        .replaced
                        .iter()
                        .chain(&companion.keys.signed)
                        .map(SignedKey::number)
                        .collect(),
                    signed_identity: Some(BASE64.encode(&companion.signed_identity)),
                    pre_keys: companion.keys.one_time.len(),
                    online: companion.connection.is_some(),
                });
            }
        }
        reports
    }

    /// The numbers and names of all people.
    pub fn people(&self) -> Vec<(String, String)> {
        self.accounts.people.iter().map(|person| (person.pn.to_string(), person.name.clone())).collect()
    }
}
