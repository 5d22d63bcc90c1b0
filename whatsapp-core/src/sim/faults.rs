//! Faults that can be injected.
use std::time::Duration;

use rand::{RngExt, rngs::StdRng};
use serde::{Deserialize, Serialize};

use super::{
    accounts::Companion,
    answers::{Answers, BundleAnswer, DeviceListAnswer, RequestKind},
    network::{ConnectionId, Network, SimError},
    offline::OfflineQueue,
    responder::CertificateFlaw,
};
use crate::{
    binary::{Content, Node, Stanza},
    jid::Jid,
};

/// Which way a stanza goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// From clients to the server.
    ToServer,
    /// From the server to clients.
    ToClient,
}

/// The stanzas that suffer from faults. Logins, failures, stream errors and pairing never do: their loss is a cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StanzaKinds {
    /// All.
    #[default]
    All,
    /// Messages, receipts, notifications and acknowledgements.
    Messages,
    /// Requests with their answers, and information about the connection: `iq` and `ib`.
    Requests,
}

impl StanzaKinds {
    fn include(self, tag: &str) -> bool {
        match tag {
            "message" | "receipt" | "notification" | "ack" => self != Self::Requests,
            "iq" | "ib" => self != Self::Messages,
            _ => false,
        }
    }
}

/// Probabilities between 0 and 1, for each stanza independently.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Faults {
    /// It is lost. The server delivers unanswered stanzas again.
    pub drop: f64,
    /// It comes twice.
    pub duplicate: f64,
    /// It comes late, and so behind others.
    pub reorder: f64,
    /// It is damaged: the ciphertext of a message, to clients or on its way to a phone, or one of the keys, signatures
    /// and other byte strings of a request or its answer.
    pub corrupt: f64,
    /// Every stanza to clients is delayed by this many milliseconds.
    pub slow_ms: u64,
    /// The stanzas that these faults affect.
    pub stanzas: StanzaKinds,
}

/// A fault. Devices are named by number, such as `15550000001:1@s.whatsapp.net`; device 0 is the phone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", tag = "kind")]
#[non_exhaustive]
pub enum Fault {
    /// From now on, stanzas to one side suffer.
    Chances {
        /// The direction.
        side: Side,
        /// How; the default ends it.
        #[serde(default)]
        chances: Faults,
    },
    /// The connection of a device is cut.
    Cut {
        /// The device.
        device: String,
    },
    /// The next ciphertext for a device or phone is damaged on the way.
    CorruptNext {
        /// The device.
        device: String,
    },
    /// The next login is refused with this reason (405, 429, 503, …).
    FailNextLogin {
        /// The `reason` of the failure.
        reason: u16,
    },
    /// A device gets a stream error with this code (429, 503, 515, …) and its connection ends.
    StreamError {
        /// The device.
        device: String,
        /// The `code` of the error.
        code: u16,
    },
    /// The next request gets no answer.
    DropNextAnswer,
    /// The next message of any client is acknowledged with this error (463, 475, 479, …) and goes nowhere.
    RefuseNextMessage {
        /// The `error` of the acknowledgement.
        code: u16,
    },
    /// Messages are acknowledged with this error and go nowhere.
    RefuseMessages {
        /// The `error` of the acknowledgement.
        code: u16,
        /// How many; all if absent.
        #[serde(default)]
        count: Option<u32>,
        /// Only messages to this address.
        #[serde(default)]
        to: Option<String>,
    },
    /// Receipts are acknowledged with this error and not passed on.
    RefuseReceipts {
        /// The `error` of the acknowledgement.
        code: u16,
        /// How many; all if absent.
        #[serde(default)]
        count: Option<u32>,
    },
    /// Requests are answered with this error.
    RefuseRequests {
        /// The kind of request.
        request: RequestKind,
        /// The `code` of the error.
        code: u16,
        /// How many; all if absent.
        #[serde(default)]
        count: Option<u32>,
    },
    /// Ends all refusals.
    RefuseNothing,
    /// Sets the answers about a person's devices.
    DeviceList {
        /// The person, by number.
        phone: String,
        /// The answer.
        answer: DeviceListAnswer,
    },
    /// Sets the answers about a device's prekeys.
    Bundle {
        /// The device.
        device: String,
        /// The answer.
        answer: BundleAnswer,
    },
    /// Sets how devices get their offline queue.
    OfflineQueue {
        /// How; by default each request gets as much as it asks for.
        #[serde(default)]
        queue: OfflineQueue,
    },
    /// The certificates that clients are shown from now on.
    Certificate {
        /// The flaw of the certificates.
        flaw: CertificateFlaw,
    },
}

/// The fate of one stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeliveryOutcome {
    Dropped,
    Delivered(Duration),
    Duplicated(Duration),
}

/// Changes a stanza.
pub type Mutation = Box<dyn FnMut(&mut Node) + Send>;

/// All injected faults.
#[derive(Default)]
pub(super) struct FaultPlan {
    to_client: Faults,
    to_server: Faults,
    pub(super) failures: std::collections::VecDeque<u16>,
    pub(super) answers: Answers,
    pub(super) drop_answers: u32,
    pub(super) mutation: Option<Mutation>,
}

impl FaultPlan {
    const fn on(&self, side: Side) -> &Faults {
        match side {
            Side::ToClient => &self.to_client,
            Side::ToServer => &self.to_server,
        }
    }
}

impl Faults {
    fn chance_of_damage(&self, tag: &str) -> f64 {
        if self.stanzas.include(tag) { self.corrupt } else { 0.0 }
    }

    /// How late a reordered stanza comes at the most.
    const LATE_MS: u64 = 400;

    fn outcome(&self, side: Side, tag: &str, rng: &mut StdRng) -> DeliveryOutcome {
        if !self.stanzas.include(tag) {
            return DeliveryOutcome::Delivered(Duration::ZERO);
        }
        let mut delay = if side == Side::ToClient { self.slow_ms } else { 0 };
        if chance(self.drop, rng) {
            return DeliveryOutcome::Dropped;
        }
        if chance(self.reorder, rng) {
            delay += rng.random_range(1..=Self::LATE_MS);
        }
        let delay = Duration::from_millis(delay);
        if chance(self.duplicate, rng) {
            DeliveryOutcome::Duplicated(delay)
        } else {
            DeliveryOutcome::Delivered(delay)
        }
    }
}

fn chance(probability: f64, rng: &mut StdRng) -> bool {
    probability > 0.0 && rng.random_bool(probability.min(1.0))
}

impl Network {
    /// Lets something go wrong.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn inject(&mut self, fault: Fault) -> Result<(), SimError> {
        let jid = |device: String| device.parse::<Jid>().map_err(|_| SimError::UnknownDevice(device));
        match fault {
            Fault::Chances { side, chances } => self.set_faults(side, chances),
            Fault::Cut { device } => self.cut(&jid(device)?)?,
            Fault::CorruptNext { device } => self.corrupt_next(&jid(device)?)?,
            Fault::FailNextLogin { reason } => self.fail_next_login(reason),
            Fault::StreamError { device, code } => self.stream_error(&jid(device)?, code)?,
            Fault::DropNextAnswer => self.drop_next_answer(),
            Fault::RefuseNextMessage { code } => self.refuse_messages(code, Some(1), None),
            Fault::RefuseMessages { code, count, to } => {
                let to = to.map(jid).transpose()?;
                self.refuse_messages(code, count, to.as_ref());
            }
            Fault::RefuseReceipts { code, count } => self.refuse_receipts(code, count),
            Fault::RefuseRequests { request, code, count } => self.refuse_requests(request, code, count),
            Fault::RefuseNothing => self.refuse_nothing(),
            Fault::DeviceList { phone, answer } => self.set_device_list(&phone, answer)?,
            Fault::Bundle { device, answer } => self.set_bundle(&jid(device)?, answer)?,
            Fault::OfflineQueue { queue } => self.set_offline_queue(queue),
            Fault::Certificate { flaw } => self.set_certificate(self.config.now, flaw),
        }
        Ok(())
    }

    /// Sets the faults of one direction; [`Faults::default`] for none.
    pub fn set_faults(&mut self, side: Side, faults: Faults) {
        match side {
            Side::ToClient => self.faults.to_client = faults,
            Side::ToServer => self.faults.to_server = faults,
        }
    }

    /// Changes every stanza to clients from now on, to test what they need; `None` ends it.
    pub fn mutate(&mut self, mutation: Option<Mutation>) {
        self.faults.mutation = mutation;
    }

    /// The next login is refused with this reason (405, 429, 503, …).
    pub fn fail_next_login(&mut self, reason: u16) {
        self.faults.failures.push_back(reason);
    }

    /// The next request that is asked gets no answer.
    pub fn drop_next_answer(&mut self) {
        self.faults.drop_answers += 1;
    }

    /// The connection of a device is cut.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn cut(&mut self, device: &Jid) -> Result<(), SimError> {
        if let Some(connection) = self.companion_of(device)?.connection {
            self.close(connection);
        }
        Ok(())
    }

    /// A device gets a stream error, and its connection ends.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn stream_error(&mut self, device: &Jid, code: u16) -> Result<(), SimError> {
        if let Some(connection) = self.companion_of(device)?.connection {
            self.send(connection, &Node::new("stream:error").attr("code", code));
            self.close(connection);
        }
        Ok(())
    }

    /// The next ciphertext for a device, or a phone, is damaged on the way.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn corrupt_next(&mut self, device: &Jid) -> Result<(), SimError> {
        match self.accounts.device(device) {
            Some(address) if address.device == 0 => {
                self.accounts.people[address.person].phone.corrupt_next = true
            }
            _ => self.companion_of(device)?.corrupt_next = true,
        }
        Ok(())
    }

    fn companion_of(&mut self, device: &Jid) -> Result<&mut Companion, SimError> {
        let address = self.accounts.device(device);
        let companion = address.and_then(|address| self.accounts.companion(address));
        companion.ok_or_else(|| SimError::UnknownDevice(device.to_string()))
    }

    /// Draws the fate of the next stanza with that tag in that direction.
    pub(super) fn outcome(&mut self, side: Side, tag: &str) -> DeliveryOutcome {
        self.faults.on(side).outcome(side, tag, &mut self.rng)
    }

    /// Damages a stanza for a client if it was chosen.
    pub(super) fn maybe_corrupt(&mut self, connection: ConnectionId, mut node: Node) -> Node {
        let chance_of = self.faults.to_client.chance_of_damage(&node.tag);
        if node.tag == "iq" {
            if chance(chance_of, &mut self.rng) {
                damage_one(&mut node, &mut self.rng);
            }
            return node;
        }
        if node.tag != "message" {
            return node;
        }
        let address = self.links.get(&connection).and_then(super::link::Link::device);
        let asked = address
            .and_then(|address| self.accounts.companion(address))
            .is_some_and(|companion| std::mem::take(&mut companion.corrupt_next));
        let asked = asked || chance(chance_of, &mut self.rng);
        if let (true, Content::Nodes(children)) = (asked, &mut node.content) {
            children.iter_mut().filter(|child| child.tag == "enc").for_each(damage);
        }
        node
    }

    /// Damages a client's request if it was chosen.
    pub(super) fn maybe_corrupt_request(&mut self, stanza: Stanza) -> Stanza {
        let tag = stanza.root().tag();
        if tag != "iq" || !chance(self.faults.to_server.chance_of_damage(tag), &mut self.rng) {
            return stanza;
        }
        let mut node = Node::from(stanza.root());
        damage_one(&mut node, &mut self.rng);
        Stanza::from(&node)
    }

    /// Damages a ciphertext for a phone if it was chosen.
    pub(super) fn maybe_corrupt_for_phone(&mut self, person: usize, enc: &mut Node) {
        let asked = std::mem::take(&mut self.accounts.people[person].phone.corrupt_next);
        if asked || chance(self.faults.to_server.chance_of_damage("message"), &mut self.rng) {
            damage(enc);
        }
    }
}

/// Damages one of the byte strings in a stanza: a key, a signature, an id.
fn damage_one(node: &mut Node, rng: &mut StdRng) {
    fn leaves<'a>(node: &'a mut Node, found: &mut Vec<&'a mut Node>) {
        if matches!(node.content, Content::Bytes(_)) {
            found.push(node);
        } else if let Content::Nodes(children) = &mut node.content {
            children.iter_mut().for_each(|child| leaves(child, found));
        }
    }
    let mut found = Vec::new();
    leaves(node, &mut found);
    if !found.is_empty() {
        let chosen = rng.random_range(0..found.len());
        damage(found[chosen]);
    }
}

/// The inner message of a `pkmsg` is not at its end: its middle is damaged too.
pub(super) fn damage(enc: &mut Node) {
    let Content::Bytes(bytes) = &mut enc.content else { return };
    let mut damaged = bytes.to_vec();
    let middle = damaged.len() / 2;
    for at in [middle, damaged.len().saturating_sub(1)] {
        if let Some(byte) = damaged.get_mut(at) {
            *byte ^= 0x55;
        }
    }
    *bytes = damaged.into();
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn faults_follow_their_chances_and_the_seed() {
        let faults = Faults { drop: 0.2, duplicate: 0.1, reorder: 0.3, ..Faults::default() };
        let run = |seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            (0..10_000).map(|_| faults.outcome(Side::ToClient, "message", &mut rng)).collect::<Vec<_>>()
        };
        let outcomes = run(1);
        assert_eq!(outcomes, run(1));
        assert_ne!(outcomes, run(2));
        let share = |test: fn(&DeliveryOutcome) -> bool| {
            outcomes.iter().filter(|outcome| test(outcome)).count() as f64 / 10_000.0
        };
        assert!((share(|outcome| *outcome == DeliveryOutcome::Dropped) - 0.2).abs() < 0.02);
        assert!((share(|outcome| matches!(outcome, DeliveryOutcome::Duplicated(_))) - 0.08).abs() < 0.02);
        assert!(share(|outcome| *outcome == DeliveryOutcome::Delivered(Duration::ZERO)) > 0.4);
    }

    #[test]
    fn faults_affect_the_chosen_stanzas_and_never_logins() {
        let suffers = |stanzas: StanzaKinds| {
            let tags = ["message", "receipt", "notification", "ack", "iq", "ib", "success", "stream:error"];
            tags.into_iter().filter(move |tag| stanzas.include(tag)).collect::<Vec<_>>()
        };
        let (messages, requests) = (suffers(StanzaKinds::Messages), suffers(StanzaKinds::Requests));
        assert_eq!(messages, ["message", "receipt", "notification", "ack"]);
        assert_eq!(requests, ["iq", "ib"]);
        assert_eq!(suffers(StanzaKinds::All), [messages, requests].concat());
    }

    #[test]
    fn one_byte_string_of_a_request_is_damaged() {
        let key = |id: &'static [u8]| Node::new("key").child(Node::new("id").bytes(id));
        let sound = Node::new("iq").child(Node::new("list").children([key(b"123"), key(b"456")]));
        let mut rng = StdRng::seed_from_u64(1);
        let damaged: Vec<Node> = (0..20)
            .map(|_| {
                let mut node = sound.clone();
                damage_one(&mut node, &mut rng);
                node
            })
            .collect();
        assert!(damaged.iter().all(|node| *node != sound));
        assert!(damaged.iter().any(|node| *node != damaged[0]), "not always the same one");
        damage_one(&mut Node::new("iq"), &mut rng);
    }

    #[test]
    fn faults_are_read_from_json() {
        let fault: Fault = serde_json::from_str(
            r#"{"kind":"chances","side":"to_client","chances":{"drop":0.5,"slowMs":20}}"#,
        )
        .unwrap();
        let chances = Faults { drop: 0.5, slow_ms: 20, ..Faults::default() };
        assert_eq!(fault, Fault::Chances { side: Side::ToClient, chances });
        let fault: Fault = serde_json::from_str(r#"{"kind":"fail_next_login","reason":503}"#).unwrap();
        assert_eq!(fault, Fault::FailNextLogin { reason: 503 });
        let fault: Fault = serde_json::from_str(
            r#"{"kind":"bundle","device":"1:1@s.whatsapp.net","answer":{"kind":"without_identity"}}"#,
        )
        .unwrap();
        let answer = BundleAnswer::WithoutIdentity;
        assert_eq!(fault, Fault::Bundle { device: "1:1@s.whatsapp.net".into(), answer });
        assert!(
            serde_json::from_str::<Fault>(r#"{"kind":"chances","side":"to_client","chances":{"dorp":1}}"#)
                .is_err()
        );
    }
}
