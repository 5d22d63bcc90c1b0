use std::collections::HashMap;

use async_trait::async_trait;

use super::MemoryStore;
use crate::{
    AccountId, MessageKey, MessagePage, MessageQuery, MessageRecord, MessageStatus, MessageStore, Result,
};

/// Messages in the order of insertion; a message's number is its place in `list`.
#[derive(Default)]
pub(super) struct Messages {
    list: Vec<MessageRecord>,
    numbers: HashMap<MessageKey, usize>,
    by_chat: HashMap<String, Vec<usize>>,
}

impl Messages {
    pub(super) fn put(&mut self, message: MessageRecord) {
        if self.numbers.contains_key(&message.key) {
            return;
        }
        let number = self.list.len();
        self.numbers.insert(message.key.clone(), number);
        self.by_chat.entry(message.key.chat.clone()).or_default().push(number);
        self.list.push(message);
    }

    pub(super) fn raise(&mut self, key: &MessageKey, status: MessageStatus) {
        let number = self.numbers.get(key);
        if let Some(message) = number.and_then(|number| self.list.get_mut(*number))
            && message.status.rises_to(status)
        {
            message.status = status;
        }
    }

    fn message(&self, key: &MessageKey) -> Option<MessageRecord> {
        self.numbers.get(key).and_then(|number| self.list.get(*number)).cloned()
    }

    fn page(&self, chat: Option<&str>, before: usize, limit: usize) -> MessagePage {
        let mut numbers: Vec<usize> = match chat {
            None => (0..before.min(self.list.len())).rev().take(limit + 1).collect(),
            Some(chat) => {
                let of_chat = self.by_chat.get(chat).map_or(&[][..], Vec::as_slice);
                let older = &of_chat[..of_chat.partition_point(|number| *number < before)];
                older.iter().rev().take(limit + 1).copied().collect()
            }
        };
        let more = numbers.len() > limit;
        numbers.truncate(limit);
        MessagePage {
            messages: numbers.iter().filter_map(|number| self.list.get(*number)).cloned().collect(),
            next: numbers.last().filter(|_| more).map(ToString::to_string),
        }
    }
}

#[async_trait]
impl MessageStore for MemoryStore {
    async fn message(&self, account: &AccountId, key: &MessageKey) -> Result<Option<MessageRecord>> {
        Ok(self.read(account, |account| account.messages.message(key)))
    }

    async fn messages(&self, account: &AccountId, query: &MessageQuery) -> Result<MessagePage> {
        let before = match query.before.as_deref().map(str::parse) {
            None => usize::MAX,
            Some(Ok(number)) => number,
            Some(Err(_)) => return Ok(MessagePage::default()),
        };
        let (chat, limit) = (query.chat.as_deref(), query.effective_limit() as usize);
        Ok(self.read(account, |account| account.messages.page(chat, before, limit)))
    }
}
