//! Limits on asking for a message again, and on sending it again when asked.
use std::{collections::HashMap, time::Duration};

use whatsapp_store::MessageKey;

use super::loads::Cache;
use crate::{jid::Jid, time::Timestamp};

/// How often a message is requested again, and sent again to one device (protocol notes 2.7).
pub(super) const MOST: u8 = 5;
/// The shortest time between two replacements of a session.
const RECREATE: Duration = Duration::from_secs(3600);
/// Resends per chat: this many at once, and one more every six seconds (ten a minute).
const BURST: u32 = 20;
const REFILL: Duration = Duration::from_secs(6);
/// Resends that would have to wait longer are not made.
const LONGEST_WAIT: Duration = Duration::from_secs(1800);
const REMEMBERED: usize = 2048;

/// How often each undecryptable message was requested.
#[derive(Debug)]
pub(super) struct RetryRequests(Cache<MessageKey, u8>);

impl RetryRequests {
    pub(super) fn new() -> Self {
        Self(Cache::new(REMEMBERED))
    }

    /// Counts one more request; `None` when the limit is reached. `told` is the sender's count, which
    /// survives our restart.
    pub(super) fn next(&mut self, key: &MessageKey, told: u8) -> Option<u8> {
        self.0.age();
        let count = self.0.get(key).copied().unwrap_or(0).max(told);
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

/// How often messages were sent again, and to which devices. Our own counts: the peer's are not trusted.
#[derive(Debug)]
pub(super) struct AnsweredRetries {
    counts: Cache<(String, Jid), u8>,
    /// Per chat, when all tokens will be back.
    full_at: HashMap<Jid, Timestamp>,
    recreated: Cache<Jid, Timestamp>,
}

impl AnsweredRetries {
    pub(super) fn new() -> Self {
        Self { counts: Cache::new(REMEMBERED), full_at: HashMap::new(), recreated: Cache::new(REMEMBERED) }
    }

    /// When to send message `id` to `device` once more, in the chat with `user`; this reserves that time.
    /// `None` for never: it was sent often enough, or too many resends wait.
    pub(super) fn allow(&mut self, now: Timestamp, id: &str, device: &Jid, user: &Jid) -> Option<Timestamp> {
        self.counts.age();
        let key = (id.to_owned(), device.clone());
        let count = self.counts.get(&key).copied().unwrap_or(0);
        if count >= MOST {
            return None;
        }
        let at = self.take_token(now, user)?;
        self.counts.put(key, count + 1);
        Some(at)
    }

    fn take_token(&mut self, now: Timestamp, user: &Jid) -> Option<Timestamp> {
        if self.full_at.len() >= REMEMBERED {
            self.full_at.retain(|_, at| *at > now);
        }
        let full_at = self.full_at.entry(user.clone()).or_insert(now);
        let next = (*full_at).max(now) + REFILL;
        let wait = next.since(now).saturating_sub(REFILL * BURST);
        (wait <= LONGEST_WAIT).then(|| {
            *full_at = next;
            now + wait
        })
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
    fn retry_requests_are_capped() {
        let mut asked = RetryRequests::new();
        let key = MessageKey { chat: "c".into(), sender: "s".into(), id: "1".into() };
        assert_eq!(
            (1..=6).map(|_| asked.next(&key, 0)).collect::<Vec<_>>(),
            [Some(1), Some(2), Some(3), Some(4), Some(5), None]
        );
        asked.done(&key);
        assert_eq!(asked.next(&key, 0), Some(1));
        assert_eq!(asked.next(&key, 3), Some(4), "as before a restart");
        assert_eq!(asked.next(&key, 1), Some(5));
        assert_eq!(asked.next(&key, 200), None);
    }

    #[test]
    fn resends_are_capped_by_message_and_by_chat() {
        let now = Timestamp::from_secs(1000);
        let (user, device) = (Jid::lid("7"), Jid::lid("7").with_device(2));
        let mut resent = AnsweredRetries::new();
        let at_once =
            |times: Vec<Option<Timestamp>>, now| times.into_iter().filter(|at| *at == Some(now)).count();
        assert_eq!(at_once((0..9).map(|_| resent.allow(now, "a", &device, &user)).collect(), now), 5);
        let many: Vec<_> = (0..400).map(|n| resent.allow(now, &n.to_string(), &device, &user)).collect();
        assert_eq!(at_once(many.clone(), now), 15);
        assert_eq!(many[15], Some(now + REFILL), "the next one waits for its token");
        assert_eq!(many[315], None, "nobody waits for longer than half an hour");
        let later = now + Duration::from_secs(86_400);
        assert_eq!(
            at_once((500..599).map(|n| resent.allow(later, &n.to_string(), &device, &user)).collect(), later),
            20
        );
    }

    #[test]
    fn sessions_are_recreated_hourly_at_most() {
        let now = Timestamp::from_secs(1000);
        let device = Jid::lid("7").with_device(2);
        let mut resent = AnsweredRetries::new();
        assert!(resent.may_recreate(now, &device));
        assert!(!resent.may_recreate(now + Duration::from_secs(3599), &device));
        assert!(resent.may_recreate(now + Duration::from_secs(3600), &device));
    }
}
