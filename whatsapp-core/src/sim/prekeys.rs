//! Uploads of prekeys, and how they are handed out.
use bytes::Bytes;
use sha1::{Digest, Sha1};

use super::{
    accounts::{DeviceAddress, SignedKey},
    answers::BundleAnswer,
    faults::damage,
    network::Network,
    primary::without_account_key,
};
use crate::{
    binary::{Node, NodeRef},
    crypto::{KeyPair, PublicKey},
    jid::Jid,
    signal::{PreKeyBundle, SignedPreKey},
    time::Timestamp,
};

/// Below this number of one-time prekeys a device is told to upload more.
const LOW_WATER: usize = 10;

impl Network {
    pub(super) fn count(&mut self, device: DeviceAddress) -> Result<Vec<Node>, u16> {
        let companion = self.accounts.companion(device).ok_or(404u16)?;
        Ok(vec![Node::new("count").attr("value", companion.keys.one_time.len())])
    }

    pub(super) fn upload(
        &mut self,
        now: Timestamp,
        device: DeviceAddress,
        node: NodeRef<'_>,
    ) -> Result<Vec<Node>, u16> {
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
        self.bootstrap(now, device);
        Ok(Vec::new())
    }

    pub(super) fn rotate(&mut self, device: DeviceAddress, node: NodeRef<'_>) -> Result<Vec<Node>, u16> {
        let companion = self.accounts.companion(device).ok_or(404u16)?;
        let skey = node.child("rotate").and_then(|rotate| rotate.child("skey"));
        let signed = skey.and_then(parse_signed).ok_or(400u16)?;
        if !signed.is_signed_by(&companion.identity) {
            return Err(406);
        }
        if let Some(replaced) = companion.keys.signed.replace(signed) {
            companion.keys.replaced.push(replaced);
        }
        Ok(Vec::new())
    }

    pub(super) fn digest(&mut self, device: DeviceAddress) -> Result<Vec<Node>, u16> {
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

    /// Bundles of devices, in any order; each uses up a one-time prekey.
    pub(super) fn bundles(&mut self, now: Timestamp, node: NodeRef<'_>) -> Result<Vec<Node>, u16> {
        let asked: Vec<Jid> = node
            .child("key")
            .into_iter()
            .flat_map(|key| key.children_named("user"))
            .filter_map(|user| user.attr_jid("jid"))
            .collect();
        let mut users: Vec<_> = asked.iter().filter_map(|jid| self.bundle_node(now, jid)).collect();
        users.reverse();
        Ok(vec![Node::new("list").children(users)])
    }

    /// A device's entry in an answer; `None` when it is omitted on purpose.
    fn bundle_node(&mut self, now: Timestamp, jid: &Jid) -> Option<Node> {
        let user = Node::new("user").attr("jid", jid);
        let error = |code: u16| Node::new("error").attr("code", code).attr("text", "item-not-found");
        let device = self.accounts.device(jid);
        let answer = self.bundle_answer(device);
        match answer {
            BundleAnswer::LeftOut => return None,
            BundleAnswer::Error { code } => return Some(user.child(error(code))),
            _ => {}
        }
        Some(match device.and_then(|device| self.bundle_children(now, device)) {
            Some(children) => user.children(self.distorted(children, &answer)),
            None => user.child(error(404)),
        })
    }

    /// A bundle as the answer about that device wants it.
    fn distorted(&mut self, mut children: Vec<Node>, answer: &BundleAnswer) -> Vec<Node> {
        let without = |children: &mut Vec<Node>, tag: &str| children.retain(|child| child.tag != tag);
        match answer {
            BundleAnswer::WithoutOneTime => without(&mut children, "key"),
            BundleAnswer::WithoutIdentity => without(&mut children, "device-identity"),
            BundleAnswer::ServerKeys => self.put_own_keys(&mut children),
            BundleAnswer::WrongIdentity => {
                children.iter_mut().filter(|child| child.tag == "device-identity").for_each(damage);
            }
            BundleAnswer::IdentityOf { device } => {
                if let Some(identity) = self.identity_of(device) {
                    without(&mut children, "device-identity");
                    children.push(Node::new("device-identity").bytes(without_account_key(&identity)));
                }
            }
            _ => {}
        }
        children
    }

    /// Puts keys that the server made itself in the place of the device's.
    fn put_own_keys(&mut self, children: &mut Vec<Node>) {
        let identity = KeyPair::generate(&mut self.rng);
        let signed = SignedPreKey::generate(1, &identity, &mut self.rng);
        children.retain(|child| !["identity", "skey", "key", "device-identity"].contains(&&*child.tag));
        children.push(Node::new("identity").bytes(identity.public().as_bytes().to_vec()));
        children.push(signed_node(&SignedKey {
            id: Bytes::from_static(&[0, 0, 1]),
            value: Bytes::copy_from_slice(signed.key.public().as_bytes()),
            signature: Bytes::copy_from_slice(&signed.signature),
        }));
    }

    /// The signed prekey that is handed out for a device.
    fn signed_pre_key(&mut self, device: DeviceAddress) -> Option<SignedKey> {
        let previous = self.bundle_answer(Some(device)) == BundleAnswer::PreviousSignedPreKey;
        let keys = &self.accounts.companion(device)?.keys;
        keys.replaced.last().filter(|_| previous).or(keys.signed.as_ref()).cloned()
    }

    fn bundle_children(&mut self, now: Timestamp, device: DeviceAddress) -> Option<Vec<Node>> {
        if device.device == 0 {
            let bundle = self.accounts.people[device.person].phone.bundle(&mut self.rng);
            let mut children =
                vec![Node::new("registration").bytes(bundle.registration_id.to_be_bytes().to_vec())];
            children.extend(bundle_nodes(&bundle));
            return Some(children);
        }
        let signed = self.signed_pre_key(device)?;
        let companion = self.accounts.companion(device)?;
        let mut children = vec![
            Node::new("registration").bytes(companion.keys.registration.clone()),
            Node::new("type").bytes(&[5][..]),
            Node::new("identity").bytes(companion.identity.as_bytes().to_vec()),
            signed_node(&signed),
        ];
        if let Some((id, value)) = companion.keys.one_time.pop_front() {
            children.push(key_node("key", id, value));
        }
        // A device that no account vouches for has no identity to show.
        if !companion.signed_identity.is_empty() {
            let identity = without_account_key(&companion.signed_identity);
            children.push(Node::new("device-identity").bytes(identity));
        }
        self.tell_if_low(now, device);
        Some(children)
    }

    /// A companion's bundle for a phone.
    pub(super) fn take_bundle(&mut self, now: Timestamp, device: DeviceAddress) -> Option<PreKeyBundle> {
        let signed = self.signed_pre_key(device)?;
        let companion = self.accounts.companion(device)?;
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
        self.tell_if_low(now, device);
        Some(bundle)
    }

    /// Tells a device once, each time its number of prekeys falls below the mark.
    fn tell_if_low(&mut self, now: Timestamp, device: DeviceAddress) {
        let number = self.number();
        let Some(companion) = self.accounts.companion(device) else { return };
        let left = companion.keys.one_time.len();
        if left + 1 != LOW_WATER {
            return;
        }
        let node = Node::new("notification")
            .attr("from", Jid::SERVICE)
            .attr("type", "encrypt")
            .attr("id", number)
            .attr("t", now.as_secs())
            .child(Node::new("count").attr("value", left));
        self.post(now, device, node);
    }
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
