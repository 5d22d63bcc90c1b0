//! Linking devices to phones, from the server's side.
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;

use super::{
    accounts::{Companion, DeviceAddress, KeyStore},
    event::SimEvent,
    link::Role,
    mailbox::Mailbox,
    network::{ConnectionId, Network, Scheduled, SimError},
    primary::{Candidate, Signed, TypedCode, accept_companion, sign_companion, sign_key_index_list},
};
use crate::{
    binary::{Node, NodeRef},
    crypto::PublicKey,
    jid::{Jid, Server},
    pairing::{
        code::{PairCode, WRAPPED_LENGTH, WrappedKey},
        qr::QrCode,
    },
    proto::payload::ClientPayload,
    time::Timestamp,
};

/// Codes on offer: one for 60 seconds, five for 20 seconds each; then the connection is closed.
const REFS: usize = 6;
const ALL_CODES: Duration = Duration::from_secs(160);

/// A device that wants to be linked.
pub(super) struct Registration {
    noise: PublicKey,
    identity: PublicKey,
    /// The signed prekey comes with the registration: others can start sessions before the first upload.
    keys: KeyStore,
    push_name: Option<String>,
    refs: Vec<String>,
    /// The phone that was asked for a pair code, and the companion's wrapped key.
    code: Option<(Jid, WrappedKey, Bytes)>,
    typed: Option<(usize, TypedCode)>,
    accepted: Option<Accepted>,
}

/// A phone accepted it; waits for its signature.
struct Accepted {
    person: usize,
    device: u16,
    key_index: u32,
    signed: Signed,
    request: String,
}

impl Network {
    pub(super) fn start_registration(
        &mut self,
        now: Timestamp,
        id: ConnectionId,
        noise: PublicKey,
        payload: &ClientPayload,
    ) {
        let data = payload.device_pairing_data.as_ref();
        let identity = data.and_then(|data| PublicKey::from_raw(data.identity.as_deref()?).ok());
        let Some(identity) = identity else { return self.close(id) };
        let refs: Vec<String> = (0..REFS).map(|_| self.reference()).collect();
        let nodes = refs.iter().map(|reference| Node::new("ref").bytes(reference.clone().into_bytes()));
        let pair_device = Node::new("pair-device").children(nodes);
        let number = self.number();
        let registration = Registration {
            noise,
            identity,
            keys: data.map(KeyStore::registered).unwrap_or_default(),
            push_name: payload.push_name.clone().filter(|name| !name.is_empty()),
            refs,
            code: None,
            typed: None,
            accepted: None,
        };
        self.emit(SimEvent::Registering { push_name: registration.push_name.clone() });
        if let Some(link) = self.links.get_mut(&id) {
            link.set_role(Role::Registering(Box::new(registration)));
        }
        let request = Node::new("iq")
            .attr("from", Jid::SERVICE)
            .attr("type", "set")
            .attr("id", format!("pair-{number}"))
            .attr("xmlns", "md")
            .child(pair_device);
        self.send(id, &request);
        self.schedule(now + ALL_CODES, Scheduled::Close(id));
    }

    fn reference(&mut self) -> String {
        let mut bytes = [0; 24];
        self.rng.fill(&mut bytes);
        format!("2@{}", data_encoding::BASE64.encode(&bytes))
    }

    pub(super) fn on_registration_stanza(&mut self, now: Timestamp, id: ConnectionId, node: NodeRef<'_>) {
        let reply = matches!(node.attr_text("type"), Some("result" | "error"));
        if node.tag() == "iq" && reply {
            return self.on_pairing_answer(now, id, node);
        }
        if node.tag() == "iq"
            && let Some(code) = node.child("link_code_companion_reg")
        {
            return self.on_link_code(now, id, node, code);
        }
        if node.tag() == "iq"
            && let Some(request) = node.attr_text("id")
        {
            let answer =
                Node::new("iq").attr("from", Jid::SERVICE).attr("type", "result").attr("id", request);
            self.send(id, &answer);
        }
    }

    /// A phone scans a QR code. `phone` selects the phone; without it the push name of the device's registration does,
    /// and a new person is created for an unknown name.
    ///
    /// # Errors
    /// When the text is not a code, or no connected device shows it.
    pub fn scan_qr(&mut self, now: Timestamp, text: &str, phone: Option<&str>) -> Result<Jid, SimError> {
        let code = QrCode::parse(text)?;
        let shows = |registration: &Registration| {
            registration.refs.contains(&code.reference)
                && registration.noise == code.noise
                && registration.identity == code.identity
        };
        let found = self.links.iter_mut().find_map(|(id, link)| {
            let registration = link.registration().filter(|registration| shows(registration))?;
            Some((*id, registration.push_name.clone()))
        });
        let (id, push_name) = found.ok_or(SimError::UnknownCode)?;
        let person = match phone {
            Some(phone) => self.person(phone)?,
            None => self.person_named(push_name.as_deref()),
        };
        let candidate = Candidate { identity: code.identity, adv_secret: code.adv_secret };
        Ok(self.offer(now, id, person, &candidate))
    }

    /// The number of the person with that name; creates the person if there is none.
    pub fn phone_of(&mut self, name: &str) -> String {
        let person = self.person_named(Some(name));
        self.accounts.people[person].pn.to_string()
    }

    fn person_named(&mut self, name: Option<&str>) -> usize {
        let known = name.and_then(|name| self.accounts.people.iter().position(|person| person.name == name));
        known.unwrap_or_else(|| {
            loop {
                let phone = format!("1555{}", self.rng.random_range(1_000_000..9_999_999u32));
                let behaviour = self.config.default_behaviour.clone();
                let name = name.map_or_else(|| format!("Phone {phone}"), str::to_owned);
                if self.add_person(&phone, &name, behaviour).is_ok() {
                    return self.accounts.people.len() - 1;
                }
            }
        })
    }

    /// The phone signs the device in; it must sign back.
    fn offer(&mut self, now: Timestamp, id: ConnectionId, person: usize, candidate: &Candidate) -> Jid {
        let record = &mut self.accounts.people[person];
        let device = record.next_device;
        record.next_device += 1;
        let key_index = u32::from(device);
        record.last_key_index = key_index;
        let account = record.phone.account_key().clone();
        let signed = sign_companion(&account, candidate, record.raw_id, key_index, now, &mut self.rng);
        let record = &self.accounts.people[person];
        let (jid, lid) = (record.jid(Server::User, device), record.jid(Server::Lid, device));
        let request = format!("success-{}", self.number());
        let success = Node::new("pair-success").children([
            Node::new("device-identity").bytes(signed.sealed.clone()),
            Node::new("platform").attr("name", "android"),
            Node::new("device").attr("jid", &jid).attr("lid", lid),
        ]);
        let node = Node::new("iq")
            .attr("from", Jid::SERVICE)
            .attr("type", "set")
            .attr("id", request.as_str())
            .attr("t", now.as_secs())
            .attr("xmlns", "md")
            .child(success);
        self.send(id, &node);
        if let Some(registration) = self.links.get_mut(&id).and_then(|link| link.registration()) {
            registration.accepted = Some(Accepted { person, device, key_index, signed, request });
        }
        jid
    }

    /// The device answered the pair-success.
    fn on_pairing_answer(&mut self, now: Timestamp, id: ConnectionId, node: NodeRef<'_>) {
        let Some(registration) = self.links.get_mut(&id).and_then(|link| link.registration()) else { return };
        let answers = |accepted: &Accepted| node.attr_text("id") == Some(accepted.request.as_str());
        if !registration.accepted.as_ref().is_some_and(answers) {
            return;
        }
        let (noise, identity) = (registration.noise, registration.identity);
        let Some(accepted) = registration.accepted.take() else { return };
        let keys = std::mem::take(&mut registration.keys);
        let answer = node.child("pair-device-sign").and_then(|sign| sign.child_bytes("device-identity"));
        let account = self.accounts.people[accepted.person].phone.identity();
        let signed =
            answer.and_then(|answer| accept_companion(answer, &accepted.signed, &account, &identity));
        let Some(signed_identity) = signed else {
            self.record_unknown("a pair-device-sign that does not verify");
            return self.close(id);
        };
        let companion = Companion {
            noise,
            identity,
            key_index: accepted.key_index,
            signed_identity,
            keys,
            mailbox: Mailbox::default(),
            connection: None,
            bootstrapped: false,
            redelivery_planned: false,
            corrupt_next: false,
        };
        let record = &mut self.accounts.people[accepted.person];
        record.companions.insert(accepted.device, companion);
        let jid = record.jid(Server::User, accepted.device).to_string();
        let lid = record.jid(Server::Lid, accepted.device).to_string();
        self.emit(SimEvent::Paired { jid, lid });
        self.send(id, &Node::new("stream:error").attr("code", "515"));
        self.close(id);
        self.announce(now, accepted.person, accepted.device, accepted.key_index, "add");
    }

    /// Tells all people who know a person that the person's devices changed, by number and by LID.
    fn announce(&mut self, now: Timestamp, person: usize, device: u16, key_index: u32, what: &'static str) {
        let companions = self.accounts.people[person].companions.values();
        let indexes: Vec<u32> = std::iter::once(0).chain(companions.map(|it| it.key_index)).collect();
        let device = DeviceAddress { person, device };
        self.announce_list(now, (device, key_index), what, &indexes, now);
    }

    /// Tells all people who know a person that a device was added or removed, true or not, with a list that
    /// the phone signed at some time over these devices.
    ///
    /// # Errors
    /// When the number has no account.
    pub fn announce_device(
        &mut self,
        now: Timestamp,
        phone: &str,
        device: u16,
        added: bool,
        signed: &[u16],
        signed_at: Timestamp,
    ) -> Result<(), SimError> {
        let device = DeviceAddress { person: self.person(phone)?, device };
        let indexes: Vec<u32> = signed.iter().copied().map(u32::from).collect();
        let what = if added { "add" } else { "remove" };
        self.announce_list(now, (device, u32::from(device.device)), what, &indexes, signed_at);
        Ok(())
    }

    fn announce_list(
        &mut self,
        now: Timestamp,
        (device, key_index): (DeviceAddress, u32),
        what: &'static str,
        indexes: &[u32],
        signed_at: Timestamp,
    ) {
        let record = &self.accounts.people[device.person];
        let account = record.phone.account_key().clone();
        let indexes = (record.last_key_index.max(indexes.iter().copied().max().unwrap_or(0)), indexes);
        let signed = sign_key_index_list(&account, record.raw_id, indexes, signed_at, &mut self.rng);
        let mut everybody = self.accounts.devices_to_notify(device.person);
        everybody.retain(|address| *address != device);
        for server in [Server::User, Server::Lid] {
            let record = &self.accounts.people[device.person];
            let (from, jid) = (record.jid(server, 0), record.jid(server, device.device));
            for address in &everybody {
                let number = self.number();
                let list = Node::new("key-index-list").attr("ts", signed_at.as_secs()).bytes(signed.clone());
                let change = Node::new(what)
                    .child(Node::new("device").attr("jid", &jid).attr("key-index", key_index))
                    .child(list);
                let node = Node::new("notification")
                    .attr("from", &from)
                    .attr("type", "devices")
                    .attr("id", number)
                    .attr("t", now.as_secs())
                    .child(change);
                self.post(now, *address, node);
            }
        }
    }

    /// A device is unlinked by its own request or by the phone.
    pub(super) fn unlink(&mut self, now: Timestamp, address: DeviceAddress) {
        let Some(companion) = self.accounts.people[address.person].companions.remove(&address.device) else {
            return;
        };
        if let Some(connection) = companion.connection {
            let conflict = Node::new("conflict").attr("type", "device_removed");
            self.send(connection, &Node::new("stream:error").attr("code", "401").child(conflict));
            self.close(connection);
        }
        let jid = self.accounts.jid(address, Server::User).to_string();
        self.emit(SimEvent::Unlinked { jid });
        self.announce(now, address.person, address.device, companion.key_index, "remove");
    }

    /// The phone unlinks one of its devices.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn unlink_device(&mut self, now: Timestamp, device: &Jid) -> Result<(), SimError> {
        let address = self.accounts.device(device).filter(|address| address.device != 0);
        let address = address.ok_or_else(|| SimError::UnknownDevice(device.to_string()))?;
        self.unlink(now, address);
        Ok(())
    }

    /// A pairing by code: the companion's first and last word.
    fn on_link_code(&mut self, now: Timestamp, id: ConnectionId, node: NodeRef<'_>, code: NodeRef<'_>) {
        let Some(request) = node.attr_text("id") else { return };
        let result = Node::new("iq").attr("from", Jid::SERVICE).attr("type", "result").attr("id", request);
        match code.attr_text("stage") {
            Some("companion_hello") => {
                let reference = Bytes::from(self.reference());
                let wrapped = code.child_bytes("link_code_pairing_wrapped_companion_ephemeral_pub");
                let wrapped = wrapped.and_then(|bytes| <[u8; WRAPPED_LENGTH]>::try_from(&bytes[..]).ok());
                let phone = code.attr_jid("jid").filter(|jid| self.accounts.find(jid).is_some());
                let (Some(wrapped), Some(phone)) = (wrapped, phone) else {
                    let error = Node::new("error").attr("code", "400").attr("text", "bad-request");
                    let mut refused = result;
                    refused.set("type", "error");
                    return self.send(id, &refused.child(error));
                };
                let answer = Node::new("link_code_companion_reg")
                    .attr("stage", "companion_hello")
                    .child(Node::new("link_code_pairing_ref").bytes(reference.clone()));
                if let Some(registration) = self.links.get_mut(&id).and_then(|link| link.registration()) {
                    registration.code = Some((phone, WrappedKey(wrapped), reference));
                }
                self.send(id, &result.child(answer));
            }
            Some("companion_finish") => {
                self.send(id, &result);
                let bundle = code.child_bytes("link_code_pairing_wrapped_key_bundle").cloned();
                let Some(registration) = self.links.get_mut(&id).and_then(|link| link.registration()) else {
                    return;
                };
                let (Some((person, typed)), Some(bundle)) = (registration.typed.take(), bundle) else {
                    return;
                };
                let account = self.accounts.people[person].phone.account_key().clone();
                match typed.finish(&account, &bundle) {
                    Some(candidate) => drop(self.offer(now, id, person, &candidate)),
                    None => self.record_unknown("a pair code that was mistyped"),
                }
            }
            _ => self.record_unknown("an unknown stage of pairing by code"),
        }
    }

    /// A person types a pair code on the phone with this number.
    ///
    /// # Errors
    /// When it is not a code, or no device requested one for this number.
    pub fn enter_pair_code(&mut self, phone: &str, code: &str) -> Result<(), SimError> {
        let person = self.person(phone)?;
        let code = PairCode::parse(code)?;
        let found = self.links.iter_mut().find_map(|(id, link)| {
            let (jid, wrapped, reference) = link.registration()?.code.as_ref()?;
            (jid.user == phone).then(|| (*id, *wrapped, reference.clone()))
        });
        let (id, companion, reference) = found.ok_or(SimError::UnknownCode)?;
        let (typed, wrapped) = TypedCode::enter(&code, &companion, &mut self.rng);
        let account = self.accounts.people[person].phone.identity();
        if let Some(registration) = self.links.get_mut(&id).and_then(|link| link.registration()) {
            registration.typed = Some((person, typed));
        }
        let number = self.number();
        let hello = Node::new("link_code_companion_reg").attr("stage", "primary_hello").children([
            Node::new("link_code_pairing_ref").bytes(reference),
            Node::new("link_code_pairing_wrapped_primary_ephemeral_pub").bytes(wrapped.0.to_vec()),
            Node::new("primary_identity_pub").bytes(account.as_bytes().to_vec()),
        ]);
        let notification = Node::new("notification")
            .attr("from", Jid::SERVICE)
            .attr("type", "link_code_companion_reg")
            .attr("id", number)
            .child(hello);
        self.send(id, &notification);
        Ok(())
    }
}
