//! The last messages that conversations of a chat took. An edit of one of them is no message of its own.
use std::collections::VecDeque;

use whatsapp_store::hash::fnv1a;

use crate::{Input, Message};

/// So many are remembered.
const MOST: usize = 16;
/// For how long, milliseconds. A message can be edited for a quarter of an hour, and clocks of senders are believed within an hour.
const LONGEST: i64 = 3_600_000;

/// The messages, by the hashes of their ids, with the times at which they were written; the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recent {
    taken: VecDeque<(u64, i64)>,
    /// When the last one that is forgotten was written: older ones may have been taken.
    forgotten: Option<i64>,
}

impl Recent {
    /// Notes a message that a conversation takes.
    pub(super) fn take(&mut self, input: &Input, now: i64) {
        let (Input::Message(message) | Input::Edited(message)) = input else { return };
        if message.id.is_empty() {
            return;
        }
        let (id, at) = (fnv1a(message.id.bytes()), message.at.unwrap_or(now));
        if self.taken.iter().all(|(known, _)| *known != id) {
            self.taken.push_back((id, at));
        }
        while let Some((_, oldest)) = self.taken.front()
            && (self.taken.len() > MOST || oldest.saturating_add(LONGEST) < at)
        {
            self.forgotten = self.forgotten.max(Some(*oldest));
            self.taken.pop_front();
        }
    }

    /// Did a conversation take this message? It is assumed of those that are too old to be remembered.
    pub(super) fn took(&self, message: &Message) -> bool {
        let id = fnv1a(message.id.bytes());
        let is_forgotten = message.at.zip(self.forgotten).is_some_and(|(at, forgotten)| at <= forgotten);
        is_forgotten || self.taken.iter().any(|(known, _)| *known == id)
    }

    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(self.taken.len() as u8);
        bytes.extend_from_slice(&self.forgotten.unwrap_or(i64::MIN).to_le_bytes());
        for (id, at) in &self.taken {
            bytes.extend_from_slice(&id.to_le_bytes());
            bytes.extend_from_slice(&at.to_le_bytes());
        }
    }

    /// Reads what [`Recent::write`] wrote, and gives what is behind it.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (count, rest) = bytes.split_first()?;
        let (forgotten, mut rest) = rest.split_first_chunk()?;
        let forgotten = Some(i64::from_le_bytes(*forgotten)).filter(|at| *at != i64::MIN);
        let mut taken = VecDeque::with_capacity(usize::from(*count).min(MOST));
        for _ in 0..*count {
            let (id, behind) = rest.split_first_chunk()?;
            let (at, behind) = behind.split_first_chunk()?;
            taken.push_back((u64::from_le_bytes(*id), i64::from_le_bytes(*at)));
            rest = behind;
        }
        Some((Self { taken, forgotten }, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: i64, at: i64) -> Message {
        Message { id: id.to_string(), at: Some(at), ..Message::default() }
    }

    #[test]
    fn the_last_ones_are_known_and_older_ones_are_assumed_to_be_taken() {
        let mut recent = Recent::default();
        for id in 0..20 {
            recent.take(&Input::Message(message(id, 1_000 + id)), 0);
        }
        assert!(recent.took(&message(19, 1_019)) && recent.took(&message(4, 1_004)));
        assert!(recent.took(&message(0, 1_000)), "forgotten");
        assert!(recent.took(&message(100, 1_002)), "as old as those that are forgotten");
        assert!(!recent.took(&message(100, 1_010)));
        recent.take(&Input::Message(message(30, 1_030 + LONGEST)), 0);
        assert_eq!(recent.taken.len(), 1, "they have had their time");
        assert!(recent.took(&message(19, 1_019)) && !recent.took(&message(31, 1_031)));
    }
}
