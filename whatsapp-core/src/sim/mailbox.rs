//! The queue of one device: stanzas are kept until the device has answered them.
use std::collections::VecDeque;

use compact_str::CompactString;

use crate::{
    binary::{Node, Value},
    jid::Jid,
    time::Timestamp,
};

/// Stanzas for one device, oldest first.
#[derive(Default)]
pub(super) struct Mailbox {
    waiting: VecDeque<Waiting>,
    /// The last answered stanzas, to deliver again on purpose.
    answered: VecDeque<Node>,
    stage: Stage,
}

/// The number of answered stanzas that are remembered.
const REMEMBERED: usize = 64;

/// How far a device is with its offline queue.
///
/// ```text
///  Closed ──open──► Draining ──all given──► Live
///    ▲                  │                     │
///    └──────close───────┴─────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Not connected, or it has not asked for stanzas yet.
    #[default]
    Closed,
    /// The offline queue is delivered in batches: the announced number, the delivered number, and the number of ignored requests
    /// in a row.
    Draining { announced: usize, given: usize, ignored: u32 },
    /// Stanzas are delivered as they come.
    Live,
}

/// One stanza.
pub(super) struct Waiting {
    pub(super) node: Node,
    pub(super) id: CompactString,
    from: Jid,
    /// When it was last delivered.
    delivered: Option<Timestamp>,
}

/// How many stanzas wait, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Preview {
    pub(super) count: usize,
    pub(super) message: usize,
    pub(super) notification: usize,
    pub(super) receipt: usize,
}

/// Stanzas of the offline queue.
pub(super) struct Batch {
    pub(super) nodes: Vec<Node>,
    /// This batch completes the announced stanzas: their total.
    pub(super) done: Option<usize>,
}

impl Mailbox {
    pub(super) fn push(&mut self, node: Node) {
        let id = node.get("id").map(ToString::to_string).unwrap_or_default();
        let from = node.get("from").and_then(Value::to_jid).unwrap_or(Jid::SERVICE);
        self.waiting.push_back(Waiting { node, id: id.into(), from, delivered: None });
    }

    /// The device asks for its queue; delivered but unanswered stanzas count as waiting.
    pub(super) fn open(&mut self) -> Preview {
        let mut preview = Preview { count: self.waiting.len(), ..Preview::default() };
        for waiting in &mut self.waiting {
            waiting.delivered = None;
            match waiting.node.tag.as_str() {
                "message" => preview.message += 1,
                "receipt" => preview.receipt += 1,
                _ => preview.notification += 1,
            }
        }
        self.stage = Stage::Draining { announced: preview.count, given: 0, ignored: 0 };
        preview
    }

    /// The device disconnected.
    pub(super) fn close(&mut self) {
        self.stage = Stage::Closed;
    }

    /// Are stanzas delivered as they come?
    pub(super) fn is_live(&self) -> bool {
        self.stage == Stage::Live
    }

    /// How many stanzas of the offline queue were delivered; `None` without such a queue.
    pub(super) const fn drained(&self) -> Option<usize> {
        match self.stage {
            Stage::Draining { given, .. } => Some(given),
            _ => None,
        }
    }

    /// The device asks for a batch. Is this request to be ignored? `so_many` requests are, before every batch but the first.
    pub(super) fn ignores_request(&mut self, so_many: u32) -> bool {
        let Stage::Draining { given, ignored, .. } = &mut self.stage else { return false };
        if *given == 0 || *ignored >= so_many {
            *ignored = 0;
            return false;
        }
        *ignored += 1;
        true
    }

    /// The next `limit` stanzas of the offline queue, marked with their places; `None` without such a queue.
    pub(super) fn next_batch(&mut self, now: Timestamp, limit: usize) -> Option<Batch> {
        let Stage::Draining { announced, given, .. } = &mut self.stage else { return None };
        let limit = limit.min(*announced - *given);
        let mut nodes = Vec::with_capacity(limit);
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.delivered.is_none()).take(limit) {
            waiting.delivered = Some(now);
            nodes.push(waiting.node.clone().attr("offline", *given));
            *given += 1;
        }
        let (announced, given) = (*announced, *given);
        // Answered stanzas leave, but others never leave before they were delivered; so a short batch is the last one.
        let done = (given >= announced || nodes.len() < limit).then_some(announced);
        if done.is_some() {
            self.stage = Stage::Live;
        }
        Some(Batch { nodes, done })
    }

    /// The device answered a stanza with that class and id. One from the same person goes first.
    pub(super) fn answered(&mut self, class: &str, id: &str, to: Option<&Jid>) -> Option<Node> {
        let matches =
            |waiting: &Waiting| waiting.id == id && waiting.node.tag == class && waiting.delivered.is_some();
        let exact = |waiting: &Waiting| matches(waiting) && to.is_some_and(|to| to.same_user(&waiting.from));
        let at = self.waiting.iter().position(exact).or_else(|| self.waiting.iter().position(matches))?;
        let node = self.waiting.remove(at)?.node;
        if self.answered.len() == REMEMBERED {
            self.answered.pop_front();
        }
        self.answered.push_back(node.clone());
        Some(node)
    }

    /// A stanza that was answered not long ago.
    pub(super) fn recall(&self, id: &str) -> Option<Node> {
        let has_id = |node: &&Node| node.get("id").is_some_and(|value| *value == *id);
        self.answered.iter().rev().find(has_id).cloned()
    }

    /// All waiting stanzas.
    pub(super) fn stanzas(&self) -> impl Iterator<Item = &Node> {
        self.waiting.iter().map(|waiting| &waiting.node)
    }

    /// Stanzas not delivered yet; none before the device is live.
    pub(super) fn fresh(&mut self, now: Timestamp) -> Vec<Node> {
        if !self.is_live() {
            return Vec::new();
        }
        // New stanzas lie behind all delivered ones.
        let first =
            self.waiting.iter().rposition(|waiting| waiting.delivered.is_some()).map_or(0, |at| at + 1);
        let mark_delivered = |waiting: &mut Waiting| {
            waiting.delivered = Some(now);
            waiting.node.clone()
        };
        self.waiting.range_mut(first..).map(mark_delivered).collect()
    }

    /// Stanzas delivered before `before` and unanswered since; none before the device is live.
    pub(super) fn stale(&mut self, before: Timestamp, now: Timestamp) -> Vec<Node> {
        if !self.is_live() {
            return Vec::new();
        }
        let stale = self.waiting.iter_mut().filter(|w| w.delivered.is_some_and(|at| at <= before));
        let mark_delivered = |waiting: &mut Waiting| {
            waiting.delivered = Some(now);
            waiting.node.clone()
        };
        stale.map(mark_delivered).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// When the oldest unanswered stanza was delivered.
    pub(super) fn oldest_delivery(&self) -> Option<Timestamp> {
        self.waiting.iter().filter_map(|waiting| waiting.delivered).min()
    }

    /// Delivered and unanswered stanzas.
    pub(super) fn unanswered(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.iter().filter(|waiting| waiting.delivered.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1000);

    fn message(id: &str) -> Node {
        Node::new("message").attr("id", id).attr("from", Jid::pn("1"))
    }

    fn ids(nodes: &[Node]) -> Vec<String> {
        nodes.iter().filter_map(|node| Some(node.get("id")?.to_string())).collect()
    }

    fn live() -> Mailbox {
        let mut mailbox = Mailbox::default();
        mailbox.open();
        mailbox.next_batch(NOW, 10);
        mailbox
    }

    #[test]
    fn the_offline_queue_comes_before_newer_stanzas() {
        let mut mailbox = Mailbox::default();
        ["a", "b", "c"].iter().for_each(|id| mailbox.push(message(id)));
        assert!(mailbox.fresh(NOW).is_empty(), "nothing flows to a device that is not there");
        assert_eq!(mailbox.open(), Preview { count: 3, message: 3, ..Preview::default() });
        let first = mailbox.next_batch(NOW, 2).unwrap();
        assert_eq!((ids(&first.nodes), first.done), (vec!["a".into(), "b".into()], None));
        assert_eq!(first.nodes[1].get("offline").unwrap().as_text(), Some("1"));
        mailbox.push(message("d"));
        assert!(mailbox.fresh(NOW).is_empty(), "new ones wait for their turn");
        let last = mailbox.next_batch(NOW, 2).unwrap();
        assert_eq!((ids(&last.nodes), last.done), (vec!["c".into()], Some(3)));
        assert_eq!(ids(&mailbox.fresh(NOW)), ["d"]);
        assert!(mailbox.next_batch(NOW, 2).is_none());
    }

    #[test]
    fn unanswered_stanzas_are_delivered_again() {
        let mut mailbox = live();
        mailbox.push(message("a"));
        mailbox.push(message("b"));
        assert_eq!(ids(&mailbox.fresh(NOW)), ["a", "b"]);
        assert!(mailbox.fresh(NOW).is_empty());
        assert!(mailbox.answered("receipt", "a", None).is_none(), "another class");
        assert!(mailbox.answered("message", "a", Some(&Jid::pn("1"))).is_some());
        let later = Timestamp::from_secs(1020);
        assert_eq!(ids(&mailbox.stale(NOW, later)), ["b"]);
        assert!(mailbox.stale(NOW, later).is_empty());
        mailbox.close();
        assert_eq!(mailbox.open().count, 1);
        assert_eq!(ids(&mailbox.next_batch(later, 10).unwrap().nodes), ["b"]);
        assert!(mailbox.answered("message", "b", None).is_some());
        assert_eq!(mailbox.len(), 0);
    }
}
