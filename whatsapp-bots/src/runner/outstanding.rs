//! Which answers of bots a person cannot have seen yet: those that this process noted and has not handed to the account.
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use whatsapp_store::AccountId;

/// Chats that are remembered at most; beyond, all are forgotten, and what was said there counts as seen.
const MOST: usize = 100_000;

/// When a message was given to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// Not yet.
    NotYet,
    /// At this time, or a little later: milliseconds since the Unix epoch.
    At(i64),
    /// Nobody knows: another process noted it, and may have given it to the account before it died.
    Unknown,
}

/// What this process noted and has not taken off, by chat.
#[derive(Debug, Default)]
pub(super) struct Outstanding(Mutex<HashMap<(AccountId, String), Noted>>);

#[derive(Debug)]
struct Noted {
    /// The first message that this process noted, and no process before it.
    first: u64,
    /// The last one that was given to the account, and when.
    given: Option<(u64, i64)>,
}

impl Outstanding {
    fn chats(&self) -> MutexGuard<'_, HashMap<(AccountId, String), Noted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A commit noted messages from this one on.
    pub(super) fn note(&self, account: &AccountId, chat: &str, first: u64) {
        let mut chats = self.chats();
        if chats.len() >= MOST {
            chats.clear();
        }
        chats.entry((account.clone(), chat.to_owned())).or_insert(Noted { first, given: None });
    }

    /// A message is about to be given to the account. When it is certain that it was not before, that is its time.
    pub(super) fn give(&self, account: &AccountId, chat: &str, id: u64, now: i64) -> Option<i64> {
        let mut chats = self.chats();
        let noted = chats.get_mut(&(account.clone(), chat.to_owned())).filter(|noted| noted.first <= id)?;
        noted.given = Some((id, now));
        Some(now)
    }

    /// It was not taken.
    pub(super) fn take_back(&self, account: &AccountId, chat: &str) {
        if let Some(noted) = self.chats().get_mut(&(account.clone(), chat.to_owned())) {
            noted.given = None;
        }
    }

    /// Nothing is left to be given there.
    pub(super) fn forget(&self, account: &AccountId, chat: &str) {
        self.chats().remove(&(account.clone(), chat.to_owned()));
    }

    /// When a message of a chat that still stands to be sent was given to the account.
    pub(super) fn given(&self, account: &AccountId, chat: &str, id: u64) -> Given {
        match self.chats().get(&(account.clone(), chat.to_owned())) {
            Some(Noted { given: Some((last, at)), .. }) if *last == id => Given::At(*at),
            Some(Noted { first, .. }) if *first <= id => Given::NotYet,
            _ => Given::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_elsewhere_may_have_been_sent() {
        let (outstanding, account): (_, AccountId) = (Outstanding::default(), "shop".parse().unwrap());
        let given = |id| outstanding.given(&account, "c", id);
        assert_eq!(given(1), Given::Unknown);
        outstanding.note(&account, "c", 3);
        outstanding.note(&account, "c", 5);
        assert_eq!((given(2), given(3), given(5)), (Given::Unknown, Given::NotYet, Given::NotYet));
        assert_eq!(outstanding.give(&account, "c", 2, 10), None);
        assert_eq!(outstanding.give(&account, "c", 3, 10), Some(10));
        assert_eq!((given(3), given(5)), (Given::At(10), Given::NotYet));
        outstanding.take_back(&account, "c");
        assert_eq!(given(3), Given::NotYet);
        outstanding.forget(&account, "c");
        assert_eq!(given(3), Given::Unknown);
    }
}
