//! Messages that callers hand over: each is accepted once, however often it comes.
//!
//! ```text
//!   handed over ──► whose chat? ──► is the id known? ──no──► stored as queued, and on its way
//!                     (store)           (store)      └─yes─► the stored record, and nothing else
//! ```
//! One that was refused before goes out again, under its id. Messages with an id of the caller's wait for the store here; so do those behind them, since order matters. A message
//! under an id of our own making is new by nature.
use std::collections::{HashMap, VecDeque};

use whatsapp_store::{
    Content, MessageKey, MessageRecord, MessageStatus, OutgoingMessage, OutgoingState, Source,
};

use super::{CommandError, Engine, Query, Reply, Ticket};
use crate::{jid::Jid, message::id, time::Timestamp};

/// One message that is not accepted yet.
#[derive(Debug)]
struct Handover {
    ticket: Ticket,
    id: Option<String>,
    to: Jid,
    content: Content,
}

/// What is known of a message that was handed over.
enum Standing {
    New,
    Known(Box<MessageRecord>),
    /// The id belongs to a message in another chat.
    Taken,
}

/// Where a message of ours is stored.
pub(super) enum Place {
    /// The store must be asked first, and has been.
    Unknown,
    Nowhere,
    At(MessageKey),
}

/// All that wait, and the records that decide about them.
#[derive(Debug, Default)]
pub(super) struct Handovers {
    waiting: VecDeque<Handover>,
    /// As the store will have them once the step at hand is committed.
    records: HashMap<MessageKey, Option<MessageRecord>>,
    /// What the store does not have before that.
    accepted: HashMap<String, OutgoingMessage>,
}

impl Handovers {
    /// Takes a loaded record in; what is known already is younger.
    pub(super) fn provide(&mut self, key: MessageKey, record: Option<MessageRecord>) {
        self.records.entry(key).or_insert(record);
    }

    /// A message was accepted just now.
    pub(super) fn accepted(&mut self, record: &MessageRecord, outgoing: &OutgoingMessage) {
        self.records.insert(record.key.clone(), Some(record.clone()));
        self.accepted.insert(outgoing.id.clone(), outgoing.clone());
    }

    /// The store has everything.
    pub(super) fn committed(&mut self) {
        self.records.clear();
        self.accepted.clear();
    }
}

impl Engine {
    /// Takes content for a person, under the caller's id or one of our own making.
    pub(super) fn hand_over(&mut self, ticket: Ticket, id: Option<String>, to: Jid, content: Content) {
        match self.check_handover(id.as_deref(), &to) {
            Ok(()) => self.handovers.waiting.push_back(Handover { ticket, id, to, content }),
            Err(error) => self.step.replies.push((ticket, Reply::Failed(error))),
        }
    }

    fn check_handover(&self, id: Option<&str>, to: &Jid) -> Result<(), CommandError> {
        if self.device.jid.is_none() {
            return Err(CommandError::NotLinked);
        }
        if to.user.is_empty() || !(to.is_pn() || to.is_lid()) {
            return Err(CommandError::NotAPerson);
        }
        match id {
            Some(id) if !id::is_well_formed(id) => Err(CommandError::BadId),
            _ => Ok(()),
        }
    }

    /// Accepts, in order, those of which enough is known. All that is missing for the others is asked for at once.
    pub(super) fn pump_handovers(&mut self, now: Timestamp) {
        let mut blocked = false;
        for _ in 0..self.handovers.waiting.len() {
            let Some(handover) = self.handovers.waiting.pop_front() else { return };
            match self.standing(&handover) {
                Some(standing) if !blocked => {
                    let reply = self.decide(now, &handover, standing);
                    self.step.replies.push((handover.ticket, reply));
                }
                _ => {
                    blocked = true;
                    self.handovers.waiting.push_back(handover);
                }
            }
        }
    }

    fn decide(&mut self, now: Timestamp, handover: &Handover, standing: Standing) -> Reply {
        let accepted = match standing {
            Standing::New => self.accept(now, handover.id.clone(), &handover.to, handover.content.clone()),
            Standing::Known(record) if record.status == MessageStatus::Failed => {
                self.accept_again(now, *record, handover.content.clone())
            }
            Standing::Known(record) => Ok(*record),
            Standing::Taken => Err(CommandError::IdTaken),
        };
        match accepted {
            Ok(record) => Reply::Accepted(Box::new(record)),
            Err(error) => Reply::Failed(error),
        }
    }

    /// `None` while something must be loaded first; it has been asked for.
    fn standing(&mut self, handover: &Handover) -> Option<Standing> {
        // Chats go by number: whose LID it is must be known. A number is its own chat.
        if let Some(person) = self.peers.missing(&handover.to).filter(|_| handover.to.is_lid()) {
            self.ask(Query::Lid(person));
            return None;
        }
        let Some(id) = &handover.id else { return Some(Standing::New) };
        let outgoing = match self.handovers.accepted.get(id) {
            Some(outgoing) => Some(outgoing.clone()),
            None => {
                let Some(stored) = self.sent_messages.peek(id) else {
                    self.ask(Query::Outgoing(id.clone()));
                    return None;
                };
                stored.clone()
            }
        };
        match outgoing {
            Some(outgoing) => self.standing_of_outgoing(handover, &outgoing),
            // What was sent weeks ago is no longer kept for sending again, but chats show it still.
            None => match self.stored_place(&handover.to, id) {
                Place::Unknown => None,
                Place::Nowhere => Some(Standing::New),
                Place::At(key) => {
                    let record = self.record(&key)?;
                    Some(record.map_or(Standing::New, |record| Standing::Known(Box::new(record))))
                }
            },
        }
    }

    fn standing_of_outgoing(&mut self, handover: &Handover, outgoing: &OutgoingMessage) -> Option<Standing> {
        let Ok(chat) = outgoing.chat.parse::<Jid>() else { return Some(Standing::Taken) };
        for jid in [&chat, &handover.to] {
            if let Some(person) = self.peers.missing(jid).filter(|_| chat.server != handover.to.server) {
                self.ask(Query::Lid(person));
                return None;
            }
        }
        if self.peers.chat(&chat) != self.peers.chat(&handover.to) {
            return Some(Standing::Taken);
        }
        let key = self.key_of_own(&chat, &outgoing.id);
        let record = self.record(&key)?;
        // Deleted from its chat, it has been sent all the same.
        let record = record.unwrap_or_else(|| remembered(key, handover, outgoing));
        Some(Standing::Known(Box::new(record)))
    }

    /// A stored message with its present status. `None` while it must be loaded first.
    fn record(&mut self, key: &MessageKey) -> Option<Option<MessageRecord>> {
        let Some(known) = self.handovers.records.get(key) else {
            self.ask(Query::Record(key.clone()));
            return None;
        };
        let mut record = known.clone();
        if let (Some(record), Some(Some(status))) = (&mut record, self.statuses.peek(key))
            && record.status.rises_to(*status)
        {
            record.status = *status;
        }
        Some(record)
    }

    /// Where a message of ours in the chat of that person is stored: by number, or by LID from before the number was
    /// known.
    pub(super) fn stored_place(&mut self, chat: &Jid, id: &str) -> Place {
        let by_number = self.peers.chat(chat);
        let by_lid = self.peers.canonical(&by_number).to_non_device();
        let second = (by_lid != by_number).then_some(by_lid);
        for chat in std::iter::once(by_number).chain(second) {
            let key = self.key_of_own(&chat, id);
            match self.statuses.peek(&key) {
                None => {
                    self.ask(Query::Message(key));
                    return Place::Unknown;
                }
                Some(Some(_)) => return Place::At(key),
                Some(None) => {}
            }
        }
        Place::Nowhere
    }
}

/// A message that only the queue remembers.
fn remembered(key: MessageKey, handover: &Handover, outgoing: &OutgoingMessage) -> MessageRecord {
    let status = match outgoing.state {
        OutgoingState::Queued => MessageStatus::Queued,
        _ => MessageStatus::Sent,
    };
    MessageRecord {
        key,
        from_me: true,
        timestamp: outgoing.created_at,
        content: handover.content.clone(),
        status,
        source: Source::Live,
        push_name: None,
        quoted: None,
        media: None,
    }
}
