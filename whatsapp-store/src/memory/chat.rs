use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryStore, State, message::Messages};
use crate::{
    AccountId, ChatChange, ChatPage, ChatRecord, ChatStore, MessageKey, MessageRecord, Result, Scope,
    merge::ChatSettings, page_limit,
};

/// Data of chats apart from their messages.
#[derive(Default)]
pub(super) struct Chats {
    list: BTreeMap<String, Chat>,
}

#[derive(Default)]
struct Chat {
    name: Option<String>,
    unread: u64,
    archived: bool,
    pinned: bool,
    muted_until: Option<i64>,
    last_at: i64,
    last: Option<MessageKey>,
}

impl Chat {
    fn settings(&self) -> ChatSettings {
        ChatSettings {
            name: self.name.clone(),
            archived: self.archived,
            pinned: self.pinned,
            muted_until: self.muted_until,
        }
    }
}

impl Chats {
    /// Applies a new message to its chat. Of messages sent in one millisecond, the one inserted later is the last.
    pub(super) fn follow(&mut self, message: &MessageRecord) {
        let chat = self.list.entry(message.key.chat.clone()).or_default();
        chat.unread += u64::from(!message.from_me && message.status.is_unread());
        if chat.last.is_none() || message.timestamp >= chat.last_at {
            chat.last = Some(message.key.clone());
            chat.last_at = message.timestamp;
        }
    }

    pub(super) fn fewer_unread(&mut self, chat: &str) {
        if let Some(chat) = self.list.get_mut(chat) {
            chat.unread = chat.unread.saturating_sub(1);
        }
    }

    pub(super) fn forget_last(&mut self, chat: &str) {
        if let Some(chat) = self.list.get_mut(chat) {
            chat.last = None;
        }
    }

    pub(super) fn delete(&mut self, chat: &str) {
        self.list.remove(chat);
    }

    /// Merges the settings of the chats; their messages follow with [`Chats::summarize`].
    pub(super) fn merge(&mut self, from: &str, into: &str) {
        let Some(ends) = self.list.remove(from) else { return };
        match self.list.get_mut(into) {
            None => drop(self.list.insert(into.to_owned(), ends)),
            Some(stays) => {
                let settings = stays.settings().completed_by(ends.settings());
                let ChatSettings { name, archived, pinned, muted_until } = settings;
                (stays.name, stays.archived, stays.pinned) = (name, archived, pinned);
                stays.muted_until = muted_until;
                stays.last_at = stays.last_at.max(ends.last_at);
            }
        }
    }

    /// Counts again. Without a last message, the time of the previous one stays.
    pub(super) fn summarize(&mut self, chat: &str, unread: u64, last: Option<&MessageRecord>) {
        if let Some(chat) = self.list.get_mut(chat) {
            chat.unread = unread;
            chat.last = last.map(|message| message.key.clone());
            chat.last_at = last.map_or(chat.last_at, |message| message.timestamp);
        }
    }
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: ChatChange) {
    match (change, scope.account()) {
        (ChatChange::Merge { from, into }, Some(account)) => state.merge_chats(account, &from, &into),
        (change, Some(account)) => state.account(account).messages.apply(change),
        // Refused by the check.
        (_, None) => {}
    }
}

impl Messages {
    fn apply(&mut self, change: ChatChange) {
        match change {
            ChatChange::SetName { chat, name } => self.chats.list.entry(chat).or_default().name = name,
            ChatChange::SetFlags { chat, archived, pinned, muted_until } => {
                let chat = self.chats.list.entry(chat).or_default();
                (chat.archived, chat.pinned, chat.muted_until) = (archived, pinned, muted_until);
            }
            ChatChange::MarkRead { chat, until } => self.mark_read(&chat, until),
            ChatChange::Delete { chat } => self.delete_chat(&chat),
            // Applied where more than the account is available.
            ChatChange::Merge { .. } => {}
            ChatChange::Expire { before, limit } => self.expire(before, limit as usize),
        }
    }

    fn chat(&self, chat: &str) -> Option<ChatRecord> {
        let Chat { name, unread, archived, pinned, muted_until, last_at, last } =
            self.chats.list.get(chat)?;
        Some(ChatRecord {
            chat: chat.to_owned(),
            name: name.clone(),
            unread: *unread,
            archived: *archived,
            pinned: *pinned,
            muted_until: *muted_until,
            last_at: *last_at,
            last: last.as_ref().and_then(|key| self.message(key)),
        })
    }

    fn chats(&self, after: Option<(i64, &str)>, limit: usize) -> ChatPage {
        let mut order: Vec<(i64, &str)> =
            self.chats.list.iter().map(|(name, chat)| (chat.last_at, name.as_str())).collect();
        let by_time = |a: &(i64, &str), b: &(i64, &str)| b.0.cmp(&a.0).then(a.1.cmp(b.1));
        order.sort_by(by_time);
        order.retain(|place| after.is_none_or(|after| by_time(&after, place).is_lt()));
        let more = order.len() > limit;
        order.truncate(limit);
        let next = order.last().filter(|_| more).map(|(at, chat)| format!("{at}.{chat}"));
        ChatPage { chats: order.into_iter().filter_map(|(_, chat)| self.chat(chat)).collect(), next }
    }
}

#[async_trait]
impl ChatStore for MemoryStore {
    async fn chat(&self, account: &AccountId, chat: &str) -> Result<Option<ChatRecord>> {
        Ok(self.read(account, |account| account.messages.chat(chat)))
    }

    async fn chats(&self, account: &AccountId, before: Option<&str>, limit: u32) -> Result<ChatPage> {
        let after = before.map(crate::cursor::place).transpose()?;
        Ok(self.read(account, |account| account.messages.chats(after, page_limit(limit) as usize)))
    }
}
