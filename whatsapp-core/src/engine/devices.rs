//! Whose devices there are: answers to device queries, and notifications that lists changed.
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use whatsapp_store::SignalKey;

use super::{
    Engine, Flow, Query,
    records::{device_list_key, identity_key},
};
use crate::{
    binary::NodeRef,
    crypto::PublicKey,
    event::Event,
    jid::Jid,
    message::phash::participant_hash,
    pairing::adv,
    proto::record,
    signal::Address,
    stanza::{
        notification::{Notification, NotificationKind},
        usync::{self, UserDevices},
    },
    time::Timestamp,
};

/// A device list that was fetched so lately is not out of date.
const JUST_FETCHED: Duration = Duration::from_secs(60);

impl Engine {
    /// The service answered a device query.
    pub(super) fn on_devices(&mut self, now: Timestamp, node: NodeRef<'_>, asked: &[Jid]) -> Flow {
        let users = match usync::parse_devices(node) {
            Ok(users) => users,
            Err(error) => {
                tracing::warn!(%error, "a device list is not readable");
                self.device_fetches.failed(asked, now);
                return Flow::Done;
            }
        };
        let missing = self.records.missing(users.iter().flat_map(|user| self.primary_identities(user)));
        if !missing.is_empty() {
            self.ask(Query::Signal(missing));
            return Flow::Wait;
        }
        let mut failed = Vec::new();
        for user in &users {
            if let Some(lid) = &user.lid {
                self.learn(&user.jid, lid);
            }
            // A service that cannot say now has not said that there is nobody. 404 says that.
            if user.error.is_some_and(|code| code != 404) {
                failed.push(self.peers.canonical(&user.jid));
                continue;
            }
            let devices = self.genuine_devices(user);
            self.store_devices(now, &user.jid, devices);
        }
        // Who is not in the answer has no devices.
        for jid in asked {
            if !users.iter().any(|user| self.peers.canonical(&user.jid) == self.peers.canonical(jid)) {
                self.store_devices(now, jid, Vec::new());
            }
        }
        let (failed, done): (Vec<_>, Vec<_>) =
            asked.iter().cloned().partition(|jid| failed.contains(&self.peers.canonical(jid)));
        self.device_fetches.done(&done);
        self.device_fetches.failed(&failed, now);
        Flow::Done
    }

    fn primary_identities(&self, user: &UserDevices) -> Vec<SignalKey> {
        let mut jids = vec![user.jid.to_non_device()];
        jids.extend(user.lid.as_ref().map(Jid::to_non_device));
        jids.iter().map(|jid| identity_key(&Address::from(jid))).collect()
    }

    /// The primary, and those companions that its signed list names: a service cannot add a listener unseen.
    fn genuine_devices(&mut self, user: &UserDevices) -> Vec<u16> {
        let known = self
            .primary_identities(user)
            .iter()
            .find_map(|key| self.records.raw(key))
            .and_then(|bytes| PublicKey::from_raw(&bytes).ok());
        let signed =
            user.key_index_list.as_deref().map(|list| adv::verify_key_index_list(list, known.as_ref()));
        let genuine = |device: &&usync::DeviceEntry| match (device.device, &signed) {
            (0, _) => true,
            (_, Some(Ok(list))) => device.key_index.is_some_and(|index| list.allows(index)),
            _ => false,
        };
        user.devices.iter().filter(genuine).map(|device| device.device).collect()
    }

    fn store_devices(&mut self, now: Timestamp, user: &Jid, devices: Vec<u16>) {
        let devices = devices.into_iter().map(u32::from).collect();
        let list = record::DeviceList { fetched_at: now.as_millis(), devices };
        let key = device_list_key(&self.peers.canonical(user));
        self.records.put_raw(key, Some(Bytes::from(list.encode_to_vec())));
    }

    /// Forgets a person's device list, so that it is asked for before the next message.
    pub(super) fn forget_devices(&mut self, user: &Jid) {
        for jid in [Some(user.clone()), self.peers.lid_of(user), self.peers.pn_of(user)].into_iter().flatten()
        {
            self.records.put_raw(device_list_key(&jid), None);
        }
        self.unreachable.clear();
    }

    /// The service's hash of the devices that a message should have gone to. Another one than ours says that a list is
    /// out of date, unless it is fresh: then the service counts devices that nobody signed for.
    pub(super) fn check_participants(&mut self, now: Timestamp, chat: &Jid, phash: &str) {
        let Some(own) = self.device.canonical() else { return };
        let user = self.peers.canonical(chat).to_non_device();
        let lists = (self.device_list(&user), self.device_list(&own));
        let (Some((theirs, their_age)), Some((ours, our_age))) = lists else { return };
        let destination = self.wire_address(&user);
        let mut devices: Vec<Jid> =
            self.targets(&destination, &theirs, &ours).into_iter().map(|target| target.jid).collect();
        // Whether the sending device counts is told in two ways.
        let without = participant_hash(&devices);
        devices.push(self.sending_device(&destination));
        if phash == without || phash == participant_hash(&devices) {
            return;
        }
        for (whose, fetched_at) in [(user, their_age), (own, our_age)] {
            if now.since(fetched_at) >= JUST_FETCHED {
                self.forget_devices(&whose);
            }
        }
    }

    /// One notification; it is acknowledged whatever it says.
    pub(super) fn on_notification(&mut self, now: Timestamp, node: NodeRef<'_>) -> Flow {
        let notification = match Notification::parse(node) {
            Ok(notification) => notification,
            Err(error) => {
                tracing::warn!(%error, "a notification is not readable");
                self.acknowledge(now, node, None);
                return Flow::Done;
            }
        };
        let flow = match &notification.kind {
            NotificationKind::LowPreKeys { .. } => {
                self.refill_pre_keys(now);
                Flow::Done
            }
            NotificationKind::IdentityChange => self.on_identity_change(&notification.from),
            NotificationKind::Devices => self.on_devices_changed(&notification.from),
            NotificationKind::LinkCode => {
                self.on_link_code(now, node);
                Flow::Done
            }
            _ => Flow::Done,
        };
        if let Flow::Done = flow {
            self.acknowledge(now, node, None);
        }
        flow
    }

    fn on_devices_changed(&mut self, user: &Jid) -> Flow {
        if let Flow::Wait = self.know_person(user) {
            return Flow::Wait;
        }
        self.forget_devices(user);
        Flow::Done
    }

    /// A person has a new phone: sessions with the old one are of no use.
    fn on_identity_change(&mut self, user: &Jid) -> Flow {
        if let Flow::Wait = self.know_person(user) {
            return Flow::Wait;
        }
        let missing = self.records.missing(self.session_keys(user));
        if !missing.is_empty() {
            self.ask(Query::Signal(missing));
            return Flow::Wait;
        }
        self.adopt_session(user);
        let address = self.peers.address(user);
        if self.records.take_session(&address).is_some() {
            self.records.touch_session(&address);
        }
        let identity = identity_key(&address);
        if self.records.raw(&identity).is_some() {
            self.records.put_raw(identity, None);
            self.step.events.push(Event::IdentityChanged { jid: self.peers.chat(user) });
        }
        self.forget_devices(user);
        Flow::Done
    }
}
