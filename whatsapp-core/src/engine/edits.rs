//! Messages that their senders edit or delete for everyone.
//!
//! The store applies edits, and lets them wait for messages that have not come. The latest ones are also known here, so that what is
//! told of a message is what the store has.
use std::collections::VecDeque;

use bytes::Bytes;
use whatsapp_store::{
    Change, Content, MessageEdit, MessageKey, MessageRecord, OutgoingMessage, OutgoingState,
};

use super::{context::Context, receive::Incoming};
use crate::{event::Event, message::edit::Edit};

/// How many are known. Messages and their edits come from one queue, hardly apart.
const RECENT: usize = 256;

/// The latest edits, the newest last.
#[derive(Debug, Default)]
pub(super) struct RecentEdits(VecDeque<MessageEdit>);

impl RecentEdits {
    /// Notes an edit, unless this delivery repeats it, or it is older than one that is known.
    pub(super) fn on_edit(&mut self, cx: &mut Context, incoming: &Incoming<'_>, key: MessageKey, edit: Edit) {
        if incoming.is_known {
            return;
        }
        let at = time(incoming.stanza.timestamp, edit.at);
        // The key's sender is the sender of the edit: nobody edits messages of others.
        let key = MessageKey { id: edit.id, ..key };
        let edit = MessageEdit { key, content: edit.content.unwrap_or(Content::Deleted { at }), at };
        if !self.note(&edit) {
            return;
        }
        if incoming.is_ours && edit.is_deletion() {
            forget_sent(cx, &edit);
        }
        cx.loads.edit_message(&edit);
        cx.change(Change::EditMessage(edit.clone()));
        cx.tell(Event::Edited { edit: Box::new(edit), from_me: incoming.is_ours });
    }

    /// Does it change anything, as far as is known?
    fn note(&mut self, edit: &MessageEdit) -> bool {
        let mut earlier = self.0.iter().filter(|known| known.key == edit.key);
        if earlier.any(|known| known.is_deletion() || (!edit.is_deletion() && known.at > edit.at)) {
            return false;
        }
        if self.0.len() == RECENT {
            self.0.pop_front();
        }
        self.0.push_back(edit.clone());
        true
    }

    /// Applies the edits that came before their message.
    pub(super) fn catch_up(&self, record: &mut MessageRecord) {
        for edit in &self.0 {
            if edit.key == record.key {
                record.edit(edit);
            }
        }
    }
}

/// Another device of our own deleted a message, which this one may have sent: it is not sent again to devices that ask for it. No record
/// may be missing here, so that what was sent is replaced without being looked up, and expires in its place.
fn forget_sent(cx: &mut Context, edit: &MessageEdit) {
    let emptied = OutgoingMessage {
        id: edit.key.id.clone(),
        chat: edit.key.chat.clone(),
        payload: Bytes::new(),
        state: OutgoingState::Sent,
        created_at: cx.now.as_millis() as i64,
    };
    cx.loads.put_outgoing(emptied.clone());
    cx.change(Change::PutOutgoing(emptied));
}

/// When it was edited: by the sender's clock, which tells two edits of a second apart, as far as it agrees with the server's.
fn time(stanza_secs: u64, by_sender: Option<i64>) -> i64 {
    let by_server = i64::try_from(stanza_secs.saturating_mul(1000)).unwrap_or(i64::MAX);
    let latest = by_server.saturating_add(999);
    by_sender.map_or(by_server, |at| at.clamp(by_server.saturating_sub(HOUR), latest))
}

/// A sender's clock may be slow, and a message under way, by this many milliseconds.
const HOUR: i64 = 3_600_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(id: &str, text: Option<&str>, at: i64) -> MessageEdit {
        let key = MessageKey { chat: "c".into(), sender: "s".into(), id: id.into() };
        let content = text.map_or(Content::Deleted { at }, Content::text);
        MessageEdit { key, content, at }
    }

    #[test]
    fn the_newest_edit_counts_and_a_deletion_for_good() {
        let mut edits = RecentEdits::default();
        assert!(edits.note(&edit("1", Some("b"), 5)));
        assert!(!edits.note(&edit("1", Some("a"), 4)), "older");
        assert!(edits.note(&edit("1", Some("c"), 5)), "the same second");
        assert!(edits.note(&edit("2", Some("a"), 1)), "another message");
        assert!(edits.note(&edit("1", None, 3)));
        assert!(!edits.note(&edit("1", Some("d"), 9)) && !edits.note(&edit("1", None, 9)));
    }

    #[test]
    fn few_are_known() {
        let mut edits = RecentEdits::default();
        for number in 0..2 * RECENT {
            assert!(edits.note(&edit(&number.to_string(), None, 1)));
        }
        assert_eq!(edits.0.len(), RECENT);
    }

    #[test]
    fn the_server_bounds_the_clock_of_a_sender() {
        assert_eq!(time(1_000, None), 1_000_000);
        assert_eq!(time(1_000, Some(1_000_500)), 1_000_500);
        assert_eq!(time(1_000, Some(i64::MAX)), 1_000_999);
        assert_eq!(time(10_000, Some(5)), 10_000_000 - HOUR);
        assert_eq!(time(u64::MAX, Some(i64::MAX)), i64::MAX);
    }
}
