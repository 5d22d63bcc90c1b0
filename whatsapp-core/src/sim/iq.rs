//! Requests of clients, and their answers.
use bytes::Bytes;
use sha1::{Digest, Sha1};

use super::{
    accounts::{DeviceAddress, SignedKey},
    network::{ConnectionId, Network},
    primary::sign_key_index_list,
};
use crate::{
    binary::{Node, NodeRef},
    crypto::PublicKey,
    jid::{Jid, Server},
    signal::PreKeyBundle,
    time::Timestamp,
};

/// Below this many one-time prekeys a device is told to upload more.
const LOW_WATER: usize = 10;

impl Network {
    /// A linked device asks for something. Every request gets an answer; what is not understood gets an empty one and
    /// is counted.
    pub(super) fn on_iq(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        device: DeviceAddress,
        node: NodeRef<'_>,
    ) {
        let kind = node.attr_text("type").unwrap_or("get");
        if matches!(kind, "result" | "error") {
            return;
        }
        let Some(id) = node.attr_text("id") else { return self.note_unknown("<iq> without id") };
        if self.drop_answers > 0 {
            self.drop_answers -= 1;
            return;
        }
        let xmlns = node.attr_text("xmlns").unwrap_or_default();
        let child = node.children().next();
        let tag = child.map(NodeRef::tag).unwrap_or_default();
        let answer = match (xmlns, kind, tag) {
            ("encrypt", "get", "count") => self.count(device),
            ("encrypt", "set", "registration" | "identity" | "type" | "list") => self.upload(device, node),
            ("encrypt", "set", "rotate") => self.rotate(device, node),
            ("encrypt", "get", "key") => self.bundles(node),
            ("encrypt", "get", "digest") => self.digest(device),
            ("usync", _, _) => self.usync(now, node),
            ("passive", "set", "active") => {
                self.answer(connection, id, Ok(Vec::new()));
                return self.activate(now, device);
            }
            ("md", "set", "remove-companion-device") => {
                self.answer(connection, id, Ok(Vec::new()));
                return self.unlink(now, device);
            }
            ("w:sync:app:state", "set", _) => Ok(app_state(node)),
            ("privacy", "set", "tokens") => Ok(vec![Node::new("tokens")]),
            ("abt", _, _) => Ok(vec![Node::new("props")]),
            ("privacy", "get", _) => Ok(vec![Node::new("privacy")]),
            ("blocklist", "get", _) => Ok(vec![Node::new("list")]),
            ("w:p" | "urn:xmpp:ping" | "passive" | "urn:xmpp:whatsapp:dirty", _, _) => Ok(Vec::new()),
            _ => {
                self.note_unknown(&format!("{kind} {xmlns} <{tag}>"));
                Ok(Vec::new())
            }
        };
        self.answer(connection, id, answer);
    }

    fn answer(&mut self, connection: ConnectionId, id: &str, answer: Result<Vec<Node>, u16>) {
        let node = Node::new("iq").attr("from", Jid::SERVICE).attr("id", id);
        let node = match answer {
            Ok(children) if children.is_empty() => node.attr("type", "result"),
            Ok(children) => node.attr("type", "result").children(children),
            Err(code) => node.attr("type", "error").child(Node::new("error").attr("code", code)),
        };
        self.send(connection, &node);
    }

    fn count(&mut self, device: DeviceAddress) -> Result<Vec<Node>, u16> {
        let companion = self.accounts.companion(device).ok_or(404u16)?;
        Ok(vec![Node::new("count").attr("value", companion.keys.one_time.len())])
    }

    fn upload(&mut self, device: DeviceAddress, node: NodeRef<'_>) -> Result<Vec<Node>, u16> {
        let companion = self.accounts.companion(device).ok_or(404u16)?;
        let signed = node.child("skey").and_then(parse_signed).ok_or(400u16)?;
        let identity = node.child_bytes("identity").and_then(|bytes| PublicKey::from_raw(bytes).ok());
        if identity != Some(companion.identity) || !signed.is_signed_by(&companion.identity) {
            return Err(406);
        }
        companion.keys.registration = node.child_bytes("registration").cloned().ok_or(400u16)?;
        companion.keys.signed = Some(signed);
        let keys =
            node.child("list").into_iter().flat_map(|list| list.children_named("key")).filter_map(parse_key);
        for key in keys {
            if !companion.keys.one_time.iter().any(|(id, _)| *id == key.0) {
                companion.keys.one_time.push_back(key);
            }
        }
        Ok(Vec::new())
    }

    fn rotate(&mut self, device: DeviceAddress, node: NodeRef<'_>) -> Result<Vec<Node>, u16> {
        let companion = self.accounts.companion(device).ok_or(404u16)?;
        let skey = node.child("rotate").and_then(|rotate| rotate.child("skey"));
        let signed = skey.and_then(parse_signed).ok_or(400u16)?;
        if !signed.is_signed_by(&companion.identity) {
            return Err(406);
        }
        companion.keys.signed = Some(signed);
        Ok(Vec::new())
    }

    fn digest(&mut self, device: DeviceAddress) -> Result<Vec<Node>, u16> {
        let companion = self.accounts.companion(device).ok_or(404u16)?;
        let signed = companion.keys.signed.clone().ok_or(404u16)?;
        let mut hash = Sha1::new();
        hash.update(companion.identity.as_bytes());
        hash.update(&signed.value);
        hash.update(&signed.signature);
        companion.keys.one_time.iter().for_each(|(_, value)| hash.update(value));
        let ids = companion.keys.one_time.iter().map(|(id, _)| Node::new("id").bytes(id.clone()));
        let digest = Node::new("digest").children([
            Node::new("registration").bytes(companion.keys.registration.clone()),
            Node::new("type").bytes(&[5][..]),
            Node::new("identity").bytes(companion.identity.as_bytes().to_vec()),
            signed_node(&signed),
            Node::new("list").children(ids),
            Node::new("hash").bytes(hash.finalize().to_vec()),
        ]);
        Ok(vec![digest])
    }

    /// Bundles of devices; each uses up a one-time prekey.
    fn bundles(&mut self, node: NodeRef<'_>) -> Result<Vec<Node>, u16> {
        let asked: Vec<Jid> = node
            .child("key")
            .into_iter()
            .flat_map(|key| key.children_named("user"))
            .filter_map(|user| user.attr_jid("jid"))
            .collect();
        let users = asked.into_iter().map(|jid| {
            let user = Node::new("user").attr("jid", &jid);
            match self.accounts.device(&jid).and_then(|device| self.bundle_children(device)) {
                Some(children) => user.children(children),
                None => user.child(Node::new("error").attr("code", "404").attr("text", "item-not-found")),
            }
        });
        let users: Vec<_> = users.collect();
        Ok(vec![Node::new("list").children(users)])
    }

    fn bundle_children(&mut self, device: DeviceAddress) -> Option<Vec<Node>> {
        if device.device == 0 {
            let bundle = self.accounts.people[device.person].phone.bundle(&mut self.rng);
            let mut children =
                vec![Node::new("registration").bytes(bundle.registration_id.to_be_bytes().to_vec())];
            children.extend(bundle_nodes(&bundle));
            return Some(children);
        }
        let companion = self.accounts.companion(device)?;
        let signed = companion.keys.signed.clone()?;
        let mut children = vec![
            Node::new("registration").bytes(companion.keys.registration.clone()),
            Node::new("type").bytes(&[5][..]),
            Node::new("identity").bytes(companion.identity.as_bytes().to_vec()),
            signed_node(&signed),
        ];
        if let Some((id, value)) = companion.keys.one_time.pop_front() {
            children.push(key_node("key", id, value));
        }
        children.push(Node::new("device-identity").bytes(companion.signed_identity.clone()));
        self.tell_if_low(device);
        Some(children)
    }

    /// A companion's bundle for a phone.
    pub(super) fn take_bundle(&mut self, device: DeviceAddress) -> Option<PreKeyBundle> {
        let companion = self.accounts.companion(device)?;
        let signed = companion.keys.signed.clone()?;
        let number = |bytes: &[u8]| bytes.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
        let key = companion.keys.one_time.pop_front();
        let bundle = PreKeyBundle {
            registration_id: number(&companion.keys.registration),
            identity: companion.identity,
            signed_pre_key_id: number(&signed.id),
            signed_pre_key: PublicKey::from_raw(&signed.value).ok()?,
            signed_pre_key_signature: signed.signature[..].try_into().ok()?,
            pre_key: key.and_then(|(id, value)| Some((number(&id), PublicKey::from_raw(&value).ok()?))),
        };
        self.tell_if_low(device);
        Some(bundle)
    }

    fn tell_if_low(&mut self, device: DeviceAddress) {
        let number = self.number();
        let Some(companion) = self.accounts.companion(device) else { return };
        let left = companion.keys.one_time.len();
        if left + 1 != LOW_WATER {
            return;
        }
        let count = Node::new("count").attr("value", left);
        companion.mailbox.push(
            Node::new("notification")
                .attr("from", Jid::SERVICE)
                .attr("type", "encrypt")
                .attr("id", format!("low-{number}"))
                .child(count),
        );
        // Handed over with whatever comes next: there is no clock here, and no hurry.
    }

    fn usync(&mut self, now: Timestamp, node: NodeRef<'_>) -> Result<Vec<Node>, u16> {
        let usync = node.child("usync").ok_or(400u16)?;
        let query = usync.child("query").ok_or(400u16)?;
        let wants = |tag: &str| query.child(tag).is_some();
        let (devices, lid, contact) = (wants("devices"), wants("lid"), wants("contact"));
        let users: Vec<NodeRef<'_>> =
            usync.child("list").into_iter().flat_map(|list| list.children_named("user")).collect();
        let mut answers = Vec::new();
        for user in users {
            let by_contact = user.child("contact").and_then(|contact| contact.content_text());
            let by_contact = by_contact.map(|number| Jid::pn(number.trim_start_matches('+')));
            let Some(jid) = user.attr_jid("jid").or(by_contact) else { continue };
            let mut answer = Node::new("user").attr("jid", jid.to_non_device());
            let person = self.accounts.find(&jid);
            if devices {
                answer = answer.child(match person {
                    Some(person) => self.device_list(now, person),
                    None => Node::new("devices").child(Node::new("device-list")),
                });
            }
            if let (true, Some(person)) = (lid, person) {
                answer = answer
                    .child(Node::new("lid").attr("val", self.accounts.people[person].jid(Server::Lid, 0)));
            }
            if contact {
                answer = answer
                    .child(Node::new("contact").attr("type", if person.is_some() { "in" } else { "out" }));
            }
            answers.push(answer);
        }
        let result = Node::new("result").child(Node::new("devices")).child(Node::new("lid"));
        let list = Node::new("list").children(answers);
        let answer = Node::new("usync")
            .attr_opt("sid", usync.attr("sid").cloned())
            .attr("index", "0")
            .attr("last", "true")
            .attr("mode", "query")
            .attr_opt("context", usync.attr("context").cloned());
        Ok(vec![answer.child(result).child(list)])
    }

    fn device_list(&mut self, now: Timestamp, person: usize) -> Node {
        let record = &self.accounts.people[person];
        let companions: Vec<_> = record.companions.iter().map(|(id, c)| (*id, c.key_index)).collect();
        let primary = Node::new("device").attr("id", "0");
        let rest = companions
            .iter()
            .map(|(id, index)| Node::new("device").attr("id", *id).attr("key-index", *index));
        let list = Node::new("device-list").children(std::iter::once(primary).chain(rest));
        let indexes: Vec<u32> =
            std::iter::once(0).chain(companions.iter().map(|(_, index)| *index)).collect();
        let account = record.phone.account_key().clone();
        let signed = sign_key_index_list(&account, record.raw_id, &indexes, now, &mut self.rng);
        let signed = Node::new("key-index-list").attr("ts", now.as_secs()).bytes(signed);
        Node::new("devices").child(list).child(signed)
    }
}

fn app_state(node: NodeRef<'_>) -> Vec<Node> {
    let collections = node.child("sync").into_iter().flat_map(|sync| sync.children_named("collection"));
    let collections = collections.map(|collection| {
        Node::new("collection")
            .attr_opt("name", collection.attr("name").cloned())
            .attr("version", collection.attr_text("version").unwrap_or("0"))
            .attr("has_more_patches", "false")
    });
    vec![Node::new("sync").children(collections)]
}

/// Type, identity, signed prekey and one-time prekey of a phone.
pub(super) fn bundle_nodes(bundle: &PreKeyBundle) -> Vec<Node> {
    let id = |id: u32| Bytes::copy_from_slice(&id.to_be_bytes()[1..]);
    let key = |key: &PublicKey| Bytes::copy_from_slice(key.as_bytes());
    let signed = SignedKey {
        id: id(bundle.signed_pre_key_id),
        value: key(&bundle.signed_pre_key),
        signature: Bytes::copy_from_slice(&bundle.signed_pre_key_signature),
    };
    let mut nodes = vec![
        Node::new("type").bytes(&[5][..]),
        Node::new("identity").bytes(key(&bundle.identity)),
        signed_node(&signed),
    ];
    if let Some((number, one_time)) = &bundle.pre_key {
        nodes.push(key_node("key", id(*number), key(one_time)));
    }
    nodes
}

fn key_node(tag: &'static str, id: Bytes, value: Bytes) -> Node {
    Node::new(tag).child(Node::new("id").bytes(id)).child(Node::new("value").bytes(value))
}

fn signed_node(signed: &SignedKey) -> Node {
    key_node("skey", signed.id.clone(), signed.value.clone())
        .child(Node::new("signature").bytes(signed.signature.clone()))
}

fn parse_key(node: NodeRef<'_>) -> Option<(Bytes, Bytes)> {
    let (id, value) = (node.child_bytes("id")?, node.child_bytes("value")?);
    (id.len() == 3 && value.len() == 32).then(|| (id.clone(), value.clone()))
}

fn parse_signed(node: NodeRef<'_>) -> Option<SignedKey> {
    let (id, value) = parse_key(node)?;
    Some(SignedKey { id, value, signature: node.child_bytes("signature")?.clone() })
}
