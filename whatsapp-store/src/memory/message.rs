use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;

use super::{MemoryStore, chat::Chats};
use crate::{
    AccountId, MessageEdit, MessageKey, MessagePage, MessageQuery, MessageRecord, MessageStatus,
    MessageStore, Result, cursor, page_limit,
    tokenizer::{Wanted, wanted, words},
};

/// When a message was sent, and its number in the order of insertion.
pub(super) type Position = (i64, u64);

/// Messages in the order of their places, and their chats.
#[derive(Default)]
pub(super) struct Messages {
    list: BTreeMap<Position, MessageRecord>,
    places: HashMap<MessageKey, Position>,
    by_chat: HashMap<String, BTreeSet<Position>>,
    last_number: u64,
    /// Edits whose messages have not come yet.
    edits: HashMap<MessageKey, MessageEdit>,
    pub(super) chats: Chats,
}

impl Messages {
    pub(super) fn put(&mut self, message: MessageRecord) {
        if self.places.contains_key(&message.key) {
            return;
        }
        self.last_number += 1;
        let place = (message.timestamp, self.last_number);
        self.places.insert(message.key.clone(), place);
        self.by_chat.entry(message.key.chat.clone()).or_default().insert(place);
        self.chats.follow(&message);
        let waiting = self.edits.remove(&message.key);
        self.list.insert(place, message);
        if let Some(edit) = waiting {
            self.edit(edit);
        }
    }

    pub(super) fn edit(&mut self, edit: MessageEdit) {
        let place = self.places.get(&edit.key);
        let Some(message) = place.and_then(|place| self.list.get_mut(place)) else {
            return self.wait(edit);
        };
        let was_unread = !message.from_me && message.status.is_unread();
        if message.edit(&edit) && was_unread && !message.status.is_unread() {
            self.chats.fewer_unread(&edit.key.chat);
        }
    }

    fn wait(&mut self, edit: MessageEdit) {
        if self.edits.get(&edit.key).is_some_and(|earlier| !edit.replaces(earlier)) {
            return;
        }
        self.expire_edits(edit.at.saturating_sub(MessageEdit::KEPT));
        self.edits.insert(edit.key.clone(), edit);
    }

    fn expire_edits(&mut self, before: i64) {
        self.edits.retain(|_, edit| edit.at >= before);
    }

    pub(super) fn raise(&mut self, key: &MessageKey, status: MessageStatus) {
        let place = self.places.get(key);
        if let Some(message) = place.and_then(|place| self.list.get_mut(place))
            && message.status.rises_to(status)
        {
            if !message.from_me && message.status.is_unread() && !status.is_unread() {
                self.chats.fewer_unread(&key.chat);
            }
            message.status = status;
        }
    }

    /// Queued messages that no device is left to send.
    pub(super) fn fail(&mut self, ids: &BTreeSet<String>) {
        let ours = self.list.values_mut().filter(|message| message.from_me);
        let queued = ours.filter(|message| message.status == MessageStatus::Queued);
        for message in queued.filter(|message| ids.contains(&message.key.id)) {
            message.status = MessageStatus::Failed;
        }
    }

    pub(super) fn mark_read(&mut self, chat: &str, until: i64) {
        let places = self.by_chat.get(chat).into_iter().flat_map(|places| places.range(..=(until, u64::MAX)));
        for place in places {
            if let Some(message) = self.list.get_mut(place)
                && !message.from_me
                && message.status.is_unread()
            {
                message.status = MessageStatus::Read;
                self.chats.fewer_unread(chat);
            }
        }
    }

    pub(super) fn delete_chat(&mut self, chat: &str) {
        for place in self.by_chat.remove(chat).unwrap_or_default() {
            if let Some(message) = self.list.remove(&place) {
                self.places.remove(&message.key);
            }
        }
        self.edits.retain(|key, _| key.chat != chat);
        self.chats.delete(chat);
    }

    pub(super) fn expire(&mut self, before: i64, limit: usize) {
        let places: Vec<Position> =
            self.list.range(..(before, 0)).map(|(place, _)| *place).take(limit).collect();
        for place in places {
            let Some(message) = self.list.remove(&place) else { continue };
            self.places.remove(&message.key);
            if let Some(of_chat) = self.by_chat.get_mut(&message.key.chat) {
                of_chat.remove(&place);
                // The last message goes last: nothing is left then.
                if of_chat.is_empty() {
                    self.chats.forget_last(&message.key.chat);
                }
            }
            if !message.from_me && message.status.is_unread() {
                self.chats.fewer_unread(&message.key.chat);
            }
        }
        self.expire_edits(before);
    }

    pub(super) fn merge(&mut self, from: &str, into: &str) {
        for chat in [from, into] {
            self.rename(chat, |key| key.sender == from, |key| into.clone_into(&mut key.sender));
        }
        self.rename(from, |_| true, |key| into.clone_into(&mut key.chat));
        self.chats.merge(from, into);
        let places = || self.by_chat.get(into).into_iter().flatten();
        let unread = places().filter_map(|place| self.list.get(place));
        let unread = unread.filter(|message| !message.from_me && message.status.is_unread()).count();
        let last = places().next_back().and_then(|place| self.list.get(place));
        self.chats.summarize(into, unread as u64, last);
        self.merge_edits(from, into);
    }

    fn merge_edits(&mut self, from: &str, into: &str) {
        let edits = self.edits.extract_if(|key, _| key.chat == from || key.chat == into);
        let mut edits: Vec<_> = edits.map(|(_, edit)| edit).collect();
        edits.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        for mut edit in edits {
            into.clone_into(&mut edit.key.chat);
            if edit.key.sender == from {
                into.clone_into(&mut edit.key.sender);
            }
            self.edit(edit);
        }
    }

    /// Gives messages of a chat another key. Where that key is taken, the message there stays, and its status rises.
    fn rename(&mut self, chat: &str, which: impl Fn(&MessageKey) -> bool, change: impl Fn(&mut MessageKey)) {
        let places: Vec<Position> = self.by_chat.get(chat).into_iter().flatten().copied().collect();
        for place in places {
            let Some(message) = self.list.get_mut(&place).filter(|message| which(&message.key)) else {
                continue;
            };
            let former = message.key.clone();
            change(&mut message.key);
            let (key, status) = (message.key.clone(), message.status);
            self.places.remove(&former);
            if let Some(places) = self.by_chat.get_mut(&former.chat) {
                places.remove(&place);
            }
            if let Some(twin) = self.places.get(&key).copied() {
                self.list.remove(&place);
                if let Some(twin) = self.list.get_mut(&twin)
                    && twin.status.rises_to(status)
                {
                    twin.status = status;
                }
            } else {
                self.by_chat.entry(key.chat.clone()).or_default().insert(place);
                self.places.insert(key, place);
            }
        }
    }

    pub(super) fn message(&self, key: &MessageKey) -> Option<MessageRecord> {
        self.places.get(key).and_then(|place| self.list.get(place)).cloned()
    }

    fn page(
        &self,
        chat: Option<&str>,
        wanted: Option<&Wanted>,
        before: Position,
        limit: usize,
    ) -> MessagePage {
        let fits = |message: &&MessageRecord| {
            wanted.is_none_or(|wanted| {
                message.content.as_text().is_some_and(|text| wanted.matches(&words(text)))
            })
        };
        let older = |places: &BTreeSet<Position>| {
            let places = places.range(..before).rev();
            let found = places.filter_map(|place| Some((*place, self.list.get(place)?)));
            found.filter(|(_, message)| fits(message)).take(limit + 1).map(|(p, m)| (p, m.clone())).collect()
        };
        let mut found: Vec<(Position, MessageRecord)> = match chat {
            Some(chat) => self.by_chat.get(chat).map(older).unwrap_or_default(),
            None => {
                let all = self.list.range(..before).rev().filter(|(_, message)| fits(message));
                all.take(limit + 1).map(|(place, message)| (*place, message.clone())).collect()
            }
        };
        let more = found.len() > limit;
        found.truncate(limit);
        let next =
            found.last().filter(|_| more).map(|((timestamp, number), _)| format!("{timestamp}.{number}"));
        MessagePage { messages: found.into_iter().map(|(_, message)| message).collect(), next }
    }
}

#[async_trait]
impl MessageStore for MemoryStore {
    async fn message(&self, account: &AccountId, key: &MessageKey) -> Result<Option<MessageRecord>> {
        Ok(self.read(account, |account| account.messages.message(key)))
    }

    async fn messages(&self, account: &AccountId, query: &MessageQuery) -> Result<MessagePage> {
        let before = cursor::position(query.before.as_deref(), (i64::MAX, u64::MAX))?;
        let wanted = match query.words.as_deref().map(wanted) {
            Some(None) => return Ok(MessagePage::default()),
            wanted => wanted.flatten(),
        };
        let (chat, limit) = (query.chat.as_deref(), page_limit(query.limit) as usize);
        Ok(self.read(account, |account| account.messages.page(chat, wanted.as_ref(), before, limit)))
    }

    async fn oldest_message(&self, account: &AccountId) -> Result<Option<i64>> {
        Ok(self.read(account, |account| account.messages.list.keys().next().map(|(timestamp, _)| *timestamp)))
    }
}
