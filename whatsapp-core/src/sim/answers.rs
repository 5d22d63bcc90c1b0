//! Answers of the server that are refused, incomplete or untrue on purpose: to all clients, or about one person or device.
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    accounts::DeviceAddress,
    network::{Network, SimError},
};
use crate::{binary::NodeRef, jid::Jid};

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RequestKind {
    /// For device lists, LIDs and accounts behind numbers.
    DeviceLists,
    /// For prekey bundles.
    Bundles,
    /// Prekeys are uploaded.
    PreKeyUpload,
    /// The signed prekey is replaced.
    SignedPreKeyRotation,
    /// About groups.
    Groups,
    /// Every request.
    Any,
}

impl RequestKind {
    fn includes(self, xmlns: &str, kind: &str, tag: &str) -> bool {
        match self {
            Self::DeviceLists => xmlns == "usync",
            Self::Bundles => (xmlns, kind, tag) == ("encrypt", "get", "key"),
            Self::PreKeyUpload => (xmlns, kind) == ("encrypt", "set") && tag != "rotate",
            Self::SignedPreKeyRotation => (xmlns, kind, tag) == ("encrypt", "set", "rotate"),
            Self::Groups => xmlns == "w:g2",
            Self::Any => true,
        }
    }
}

/// The server's answer to a query for a person's devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum DeviceListAnswer {
    /// All of them, signed by the phone now.
    #[default]
    Truthful,
    /// The person is missing from the answer.
    LeftOut,
    /// The server cannot answer about the person's devices now.
    Error {
        /// Why, such as 429.
        code: u16,
    },
    /// These devices, whether they exist or not.
    Untruthful {
        /// Their numbers; 0 is the phone.
        devices: Vec<u16>,
        /// The devices that the phone's signature covers, `None` for a list without signature.
        signed: Option<Vec<u16>>,
        /// When the signature was made, in seconds; now without it.
        #[serde(default)]
        timestamp: Option<u64>,
    },
}

/// The server's answer to a request for a device's prekey bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum BundleAnswer {
    /// The uploaded keys.
    #[default]
    Truthful,
    /// The device is missing from the answer.
    LeftOut,
    /// There is no bundle.
    Error {
        /// Why, such as 404.
        code: u16,
    },
    /// Without one-time prekey.
    WithoutOneTime,
    /// With the former signed prekey instead of the current one.
    PreviousSignedPreKey,
    /// Without the account's signature over the companion.
    WithoutIdentity,
    /// With keys that the server made itself, and without a signature over the companion.
    ServerKeys,
    /// With a forged signature over the companion.
    WrongIdentity,
    /// With the account's signature over another device.
    IdentityOf {
        /// The other device, by number.
        device: String,
    },
}

/// An error code that is answered a number of times, or always.
struct Refusal {
    code: u16,
    left: Option<u32>,
}

impl Refusal {
    /// The code, unless it was answered often enough.
    fn take(&mut self) -> Option<u16> {
        match &mut self.left {
            None => Some(self.code),
            Some(0) => None,
            Some(left) => {
                *left -= 1;
                Some(self.code)
            }
        }
    }
}

/// All altered answers.
#[derive(Default)]
pub(super) struct Answers {
    messages: Vec<(Option<Jid>, Refusal)>,
    receipts: Vec<Refusal>,
    requests: Vec<(RequestKind, Refusal)>,
    device_lists: HashMap<usize, DeviceListAnswer>,
    bundles: HashMap<DeviceAddress, BundleAnswer>,
}

impl Network {
    /// The next `count` messages to a person or group, or to anybody, are acknowledged with this error (421, 429, 463,
    /// 475, 479, 500, …) and go nowhere; all of them without a count.
    pub fn refuse_messages(&mut self, code: u16, count: Option<u32>, to: Option<&Jid>) {
        self.faults.answers.messages.push((to.cloned(), Refusal { code, left: count }));
    }

    /// The next `count` receipts are acknowledged with this error, and are not passed on.
    pub fn refuse_receipts(&mut self, code: u16, count: Option<u32>) {
        self.faults.answers.receipts.push(Refusal { code, left: count });
    }

    /// The next `count` requests of a kind are answered with this error.
    pub fn refuse_requests(&mut self, request: RequestKind, code: u16, count: Option<u32>) {
        self.faults.answers.requests.push((request, Refusal { code, left: count }));
    }

    /// Ends all refusals.
    pub fn refuse_nothing(&mut self) {
        let answers = &mut self.faults.answers;
        answers.messages.clear();
        answers.receipts.clear();
        answers.requests.clear();
    }

    /// Sets what the server says about a person's devices.
    ///
    /// # Errors
    /// When the number has no account.
    pub fn set_device_list(&mut self, phone: &str, answer: DeviceListAnswer) -> Result<(), SimError> {
        let person = self.person(phone)?;
        self.faults.answers.device_lists.insert(person, answer);
        Ok(())
    }

    /// Sets what the server says about a device's prekeys, also to simulated phones.
    ///
    /// # Errors
    /// When there is no such device, or not the other one that the answer names.
    pub fn set_bundle(&mut self, device: &Jid, answer: BundleAnswer) -> Result<(), SimError> {
        if let BundleAnswer::IdentityOf { device } = &answer {
            self.known_companion(device)?;
        }
        let address = self.accounts.device(device);
        let address = address.ok_or_else(|| SimError::UnknownDevice(device.to_string()))?;
        self.faults.answers.bundles.insert(address, answer);
        Ok(())
    }

    fn known_companion(&self, device: &str) -> Result<DeviceAddress, SimError> {
        let address = device.parse().ok().and_then(|jid: Jid| self.accounts.device(&jid));
        address.filter(|it| it.device != 0).ok_or_else(|| SimError::UnknownDevice(device.to_owned()))
    }

    /// The error that a message to this chat is acknowledged with.
    pub(super) fn refusal_of_message(&mut self, to: &Jid) -> Option<u16> {
        let person = self.accounts.find(to);
        let accounts = &self.accounts;
        let concerns = |whom: &Option<Jid>| match whom {
            None => true,
            Some(whom) => whom.same_user(to) || (person.is_some() && accounts.find(whom) == person),
        };
        let messages = &mut self.faults.answers.messages;
        messages.iter_mut().filter(|(whom, _)| concerns(whom)).find_map(|(_, refusal)| refusal.take())
    }

    pub(super) fn refusal_of_receipt(&mut self) -> Option<u16> {
        self.faults.answers.receipts.iter_mut().find_map(Refusal::take)
    }

    pub(super) fn refusal_of_request(&mut self, node: NodeRef<'_>) -> Option<u16> {
        let xmlns = node.attr_text("xmlns").unwrap_or_default();
        let kind = node.attr_text("type").unwrap_or("get");
        let tag = node.children().next().map(NodeRef::tag).unwrap_or_default();
        let requests = self.faults.answers.requests.iter_mut();
        requests
            .filter(|(request, _)| request.includes(xmlns, kind, tag))
            .find_map(|(_, refusal)| refusal.take())
    }

    pub(super) fn device_list_answer(&self, person: Option<usize>) -> DeviceListAnswer {
        let answers = &self.faults.answers.device_lists;
        person.and_then(|person| answers.get(&person)).cloned().unwrap_or_default()
    }

    pub(super) fn bundle_answer(&self, device: Option<DeviceAddress>) -> BundleAnswer {
        let answers = &self.faults.answers.bundles;
        device.and_then(|device| answers.get(&device)).cloned().unwrap_or_default()
    }

    /// The signed identity of another device, for a bundle that it does not belong to.
    pub(super) fn identity_of(&mut self, device: &str) -> Option<bytes::Bytes> {
        let address = self.known_companion(device).ok()?;
        Some(self.accounts.companion(address)?.signed_identity.clone())
    }
}
