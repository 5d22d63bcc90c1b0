//! What waits for one device: kept until the device has answered it.
use std::collections::VecDeque;

use compact_str::CompactString;

use crate::{binary::Node, jid::Jid, time::Timestamp};

/// Stanzas for one device, oldest first.
#[derive(Default)]
pub(super) struct Mailbox {
    waiting: VecDeque<Waiting>,
}

/// One stanza.
pub(super) struct Waiting {
    pub(super) node: Node,
    pub(super) id: CompactString,
    pub(super) from: Jid,
    /// When it was last handed over.
    pub(super) delivered: Option<Timestamp>,
}

impl Mailbox {
    pub(super) fn push(&mut self, node: Node) {
        let id = node.get("id").map(ToString::to_string).unwrap_or_default();
        let from = node.get("from").and_then(crate::binary::Value::to_jid).unwrap_or(Jid::SERVICE);
        self.waiting.push_back(Waiting { node, id: id.into(), from, delivered: None });
    }

    /// The device answered a stanza of that class and id. One from the same person goes first.
    pub(super) fn answered(&mut self, class: &str, id: &str, to: Option<&Jid>) -> Option<Node> {
        let matches =
            |waiting: &&Waiting| waiting.id == id && waiting.node.tag == class && waiting.delivered.is_some();
        let exact = |waiting: &Waiting| matches(&waiting) && to.is_some_and(|to| to.same_user(&waiting.from));
        let at =
            self.waiting.iter().position(exact).or_else(|| self.waiting.iter().position(|w| matches(&w)))?;
        self.waiting.remove(at).map(|waiting| waiting.node)
    }

    /// All that is to be handed over after a login, marked with their places.
    pub(super) fn after_login(&mut self, now: Timestamp) -> Vec<Node> {
        let mark = |(at, waiting): (usize, &mut Waiting)| {
            waiting.delivered = Some(now);
            waiting.node.clone().attr("offline", at)
        };
        self.waiting.iter_mut().enumerate().map(mark).collect()
    }

    /// Those not handed over yet.
    pub(super) fn fresh(&mut self, now: Timestamp) -> Vec<Node> {
        let fresh = self.waiting.iter_mut().filter(|waiting| waiting.delivered.is_none());
        let mark = |waiting: &mut Waiting| {
            waiting.delivered = Some(now);
            waiting.node.clone()
        };
        fresh.map(mark).collect()
    }

    /// Those handed over before `before` and not answered since.
    pub(super) fn stale(&mut self, before: Timestamp, now: Timestamp) -> Vec<Node> {
        let stale = self.waiting.iter_mut().filter(|w| w.delivered.is_some_and(|at| at <= before));
        let mark = |waiting: &mut Waiting| {
            waiting.delivered = Some(now);
            waiting.node.clone()
        };
        stale.map(mark).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// When the oldest unanswered stanza was handed over.
    pub(super) fn oldest_delivery(&self) -> Option<Timestamp> {
        self.waiting.iter().filter_map(|waiting| waiting.delivered).min()
    }

    /// What was handed over and not answered.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter().filter(|waiting| waiting.delivered.is_some())
    }
}
