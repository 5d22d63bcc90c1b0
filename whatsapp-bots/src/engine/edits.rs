//! What becomes of a message that the person edits or deletes after it was heard.
//!
//! An edit counts as long as its message has not been taken:
//!
//! | the message | its edit | its deletion |
//! |---|---|---|
//! | waits to be answered, such as behind an `http` node | takes its place | takes it away |
//! | was refused, and the same question still waits | is a new answer | changes nothing |
//! | was taken, or means nothing to the conversation | is noted (`R014`) | changes nothing |
//!
//! A command that stops messages is heard in any edit. Whether an edit is a message of its own, where nothing is live, is not known here:
//! that is for the host, and the runner says it for the host.
use std::borrow::Cow;

use super::{Meaning, hear::folded, walk::Walk};
use crate::{effect::Trouble, input::Message, parts::CommandKind};

impl<'a> Walk<'a> {
    pub(super) fn edited(&mut self, message: &'a Message) {
        if let Some(place) = self.state.queued(&message.id) {
            self.state.queue.remove(place);
            self.message(message);
            // It was kept again: in its former place.
            if self.state.queued(&message.id).is_some()
                && let Some(edited) = self.state.queue.pop_back()
            {
                self.state.queue.insert(place, edited);
            }
        } else if self.state.has_refused(&message.id) {
            self.message(message);
        } else {
            self.too_late(message);
        }
    }

    /// The message was taken: nothing but a wish to get no more messages is heard in its edit.
    fn too_late(&mut self, message: &'a Message) {
        if !message.says_something() {
            return;
        }
        self.input = Some(Cow::Borrowed(message));
        match self.command(&folded(message)).filter(|command| command.does == CommandKind::Stop) {
            Some(stop) => self.obey(stop),
            None => self.note(Some(Trouble::Edited)),
        }
    }

    pub(super) fn deleted(&mut self, id: &str) {
        if let Some(place) = self.state.queued(id) {
            self.state.queue.remove(place);
        }
    }

    /// What an edit is to this conversation; it goes through the same questions as [`Walk::edited`].
    pub(super) fn meaning_of_edit(mut self, message: &'a Message) -> Meaning {
        if !message.says_something() || !self.is_sound() {
            return Meaning::Other;
        }
        if self.state.queued(&message.id).is_some() || self.state.has_refused(&message.id) {
            return self.meaning(message);
        }
        self.input = Some(Cow::Borrowed(message));
        match self.command(&folded(message)) {
            Some(command) if command.does == CommandKind::Stop => Meaning::Stop,
            _ if self.is_handed_off() => Meaning::Person,
            _ => Meaning::Edited,
        }
    }
}
