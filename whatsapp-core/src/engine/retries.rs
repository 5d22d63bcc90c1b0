//! Limits on asking for a message again, and on sending it again when asked.
use std::{collections::HashMap, time::Duration};

use whatsapp_store::MessageKey;

use super::cache::Cache;
use crate::{jid::Jid, time::Timestamp};

/// A message is asked for, and sent again to one device, at most so often (protocol notes 2.7).
pub(super) const MOST: u8 = 5;
/// A session is thrown away for a new one at most that often.
const RECREATE: Duration = Duration::from_secs(3600);
/// Resends per chat: so many at once, and one more every six seconds (ten a minute).
const BURST: u32 = 20;
const REFILL: Duration = Duration::from_secs(6);
const REMEMBERED: usize = 2048;

/// How often each undecryptable message was asked for.
#[derive(Debug)]
pub(super) struct Asked(Cache<MessageKey, u8>);

impl Asked {
    pub(super) fn new() -> Self {
        Self(Cache::new(REMEMBERED))
    }

    /// Counts one more request; `None` when it has been asked for often enough.
    pub(super) fn next(&mut self, key: &MessageKey) -> Option<u8> {
        self.0.age();
        let count = self.0.get(key).copied().unwrap_or(0);
        if count >= MOST {
            return None;
        }
        self.0.put(key.clone(), count + 1);
        Some(count + 1)
    }

    pub(super) fn done(&mut self, key: &MessageKey) {
        self.0.remove(key);
    }
}

/// How often messages were sent again, and to whom. Our own counts: the peer's are not trusted.
#[derive(Debug)]
pub(super) struct Resent {
    counts: Cache<(String, Jid), u8>,
    buckets: HashMap<Jid, (u32, Timestamp)>,
    recreated: Cache<Jid, Timestamp>,
}

impl Resent {
    pub(super) fn new() -> Self {
        Self { counts: Cache::new(REMEMBERED), buckets: HashMap::new(), recreated: Cache::new(REMEMBERED) }
    }

    /// May message `id` be sent to `device` once more, in the chat with `user`?
    pub(super) fn allow(&mut self, now: Timestamp, id: &str, device: &Jid, user: &Jid) -> bool {
        self.counts.age();
        let key = (id.to_owned(), device.clone());
        let count = self.counts.get(&key).copied().unwrap_or(0);
        if count >= MOST || !self.take_token(now, user) {
            return false;
        }
        self.counts.put(key, count + 1);
        true
    }

    fn take_token(&mut self, now: Timestamp, user: &Jid) -> bool {
        if self.buckets.len() >= REMEMBERED {
            let full = |since: Timestamp| now.since(since) >= REFILL * BURST;
            self.buckets.retain(|_, (_, since)| !full(*since));
        }
        let (tokens, since) = self.buckets.entry(user.clone()).or_insert((BURST, now));
        let earned = (now.since(*since).as_secs() / REFILL.as_secs()) as u32;
        *tokens = tokens.saturating_add(earned).min(BURST);
        *since = if *tokens == BURST { now } else { *since + REFILL * earned };
        *tokens > 0 && {
            *tokens -= 1;
            true
        }
    }

    /// May the session with `device` be replaced by a new one now? If so this counts as done.
    pub(super) fn may_recreate(&mut self, now: Timestamp, device: &Jid) -> bool {
        self.recreated.age();
        if self.recreated.get(device).is_some_and(|at| now.since(*at) < RECREATE) {
            return false;
        }
        self.recreated.put(device.clone(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_is_capped() {
        let mut asked = Asked::new();
        let key = MessageKey { chat: "c".into(), sender: "s".into(), id: "1".into() };
        assert_eq!(
            (1..=6).map(|_| asked.next(&key)).collect::<Vec<_>>(),
            [Some(1), Some(2), Some(3), Some(4), Some(5), None]
        );
        asked.done(&key);
        assert_eq!(asked.next(&key), Some(1));
    }

    #[test]
    fn resending_is_capped_by_message_and_by_chat() {
        let now = Timestamp::from_secs(1000);
        let (user, device) = (Jid::lid("7"), Jid::lid("7").with_device(2));
        let mut resent = Resent::new();
        assert_eq!((0..9).filter(|_| resent.allow(now, "a", &device, &user)).count(), 5);
        assert_eq!((0..99).filter(|n| resent.allow(now, &n.to_string(), &device, &user)).count(), 15);
        let later = now + Duration::from_secs(60);
        assert_eq!((100..199).filter(|n| resent.allow(later, &n.to_string(), &device, &user)).count(), 10);
        let much_later = later + Duration::from_secs(86_400);
        assert_eq!(
            (200..299).filter(|n| resent.allow(much_later, &n.to_string(), &device, &user)).count(),
            20
        );
    }

    #[test]
    fn sessions_are_recreated_hourly_at_most() {
        let now = Timestamp::from_secs(1000);
        let device = Jid::lid("7").with_device(2);
        let mut resent = Resent::new();
        assert!(resent.may_recreate(now, &device));
        assert!(!resent.may_recreate(now + Duration::from_secs(3599), &device));
        assert!(resent.may_recreate(now + Duration::from_secs(3600), &device));
    }
}
