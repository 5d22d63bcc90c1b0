//! Stanzas that were decoded and not handled yet, in order and within bounds.
use std::collections::VecDeque;

use crate::binary::Stanza;

/// The largest memory of decoded stanzas before a step is taken.
const MOST_BYTES: usize = 4 << 20;

#[derive(Debug, Default)]
pub(super) struct Inbox {
    stanzas: VecDeque<Stanza>,
    /// Bytes retained by stanzas that were decoded since the last step, and by those that wait.
    bytes: usize,
}

impl Inbox {
    /// May more be decoded before a step is taken? Any stanza fits into an empty inbox.
    pub(super) const fn has_room(&self) -> bool {
        self.bytes < MOST_BYTES
    }

    pub(super) fn push(&mut self, stanza: Stanza) {
        self.bytes += stanza.retained_size();
        self.stanzas.push_back(stanza);
    }

    pub(super) fn pop(&mut self) -> Option<Stanza> {
        self.stanzas.pop_front()
    }

    /// Puts a stanza back that cannot be handled yet.
    pub(super) fn put_back(&mut self, stanza: Stanza) {
        self.stanzas.push_front(stanza);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stanzas.is_empty()
    }

    /// A step is taken: the handled stanzas no longer count.
    pub(super) fn settled(&mut self) {
        self.bytes = self.stanzas.iter().map(Stanza::retained_size).sum();
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
