use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;

use super::{Account, MemoryStore};
use crate::{AccountId, OutgoingMessage, OutgoingState, OutgoingStore, Result};

/// Messages on their way out, and the order of those still queued.
#[derive(Default)]
pub(super) struct Outbox {
    messages: HashMap<String, Numbered>,
    /// Time made, number, id.
    queued: BTreeSet<(i64, u64, String)>,
    last_number: u64,
}

struct Numbered {
    number: u64,
    message: OutgoingMessage,
}

impl Numbered {
    fn place(&self) -> (i64, u64, String) {
        (self.message.created_at, self.number, self.message.id.clone())
    }
}

impl Outbox {
    pub(super) fn put(&mut self, message: OutgoingMessage) {
        let former = self.messages.remove(&message.id);
        let number = former.as_ref().map_or(self.last_number + 1, |former| former.number);
        self.last_number = self.last_number.max(number);
        if let Some(former) = former {
            self.queued.remove(&former.place());
        }
        let message = Numbered { number, message };
        self.enqueue(&message);
        self.messages.insert(message.message.id.clone(), message);
    }

    pub(super) fn set_state(&mut self, id: &str, state: OutgoingState) {
        if let Some(mut numbered) = self.messages.remove(id) {
            self.queued.remove(&numbered.place());
            numbered.message.state = state;
            self.enqueue(&numbered);
            self.messages.insert(id.to_owned(), numbered);
        }
    }

    pub(super) fn expire(&mut self, before: i64) {
        self.messages.retain(|_, Numbered { message, .. }| {
            message.state != OutgoingState::Sent || message.created_at >= before
        });
    }

    /// The ids of the queued ones.
    pub(super) fn into_queued(self) -> BTreeSet<String> {
        self.queued.into_iter().map(|(_, _, id)| id).collect()
    }

    /// Moves the queued ones to another chat.
    pub(super) fn redirect(&mut self, from: &str, into: &str) {
        let queued = self.messages.values_mut().map(|numbered| &mut numbered.message);
        for message in queued.filter(|one| one.state == OutgoingState::Queued && one.chat == from) {
            into.clone_into(&mut message.chat);
        }
    }

    fn enqueue(&mut self, message: &Numbered) {
        if message.message.state == OutgoingState::Queued {
            self.queued.insert(message.place());
        }
    }

    fn message(&self, id: &str) -> Option<OutgoingMessage> {
        self.messages.get(id).map(|numbered| numbered.message.clone())
    }
}

#[async_trait]
impl OutgoingStore for MemoryStore {
    async fn outgoing(&self, account: &AccountId, id: &str) -> Result<Option<OutgoingMessage>> {
        Ok(self.read(account, |account| account.outbox.message(id)))
    }

    async fn queued(&self, account: &AccountId, limit: u32) -> Result<Vec<OutgoingMessage>> {
        Ok(self.read(account, |Account { outbox, .. }| {
            let oldest_first = outbox.queued.iter().take(limit as usize);
            oldest_first.filter_map(|(_, _, id)| outbox.message(id)).collect()
        }))
    }
}
