//! The signed prekeys of one device: the current one, and former ones that messages on their way still use.
use std::time::Duration;

use rand::CryptoRng;

use super::SignedPreKey;
use crate::{crypto::KeyPair, time::Timestamp};

const DAY_SECONDS: u64 = 24 * 60 * 60;
/// A signed prekey is current for at least this long; whatsapp-rust rotates every 27 days (protocol notes, table 1).
const MIN_AGE: Duration = Duration::from_secs(27 * DAY_SECONDS);
/// The longest time for which a signed prekey is current.
const MAX_AGE: Duration = Duration::from_secs(30 * DAY_SECONDS);
/// Ids are 24 bits wide and never 0 (protocol notes 2.6).
const MAX_ID: u32 = 0x00ff_ffff;
/// The current key and the two before it.
const KEPT: usize = 3;
/// An upper bound for callers that rotate earlier than is due.
const MAX_STORED: usize = 8;

/// The signed prekeys of one device; never empty.
///
/// A fetched bundle names the signed prekey that was current then, and the first message with it may
/// come weeks later. So the current key and the two before it are kept. A fourth is deleted at a rotation, and only when
/// at least 30 days have passed since it stopped being current: see [`SignedPreKeys::rotate`].
#[derive(Clone, Debug)]
pub struct SignedPreKeys {
    /// Newest first. The vector never exceeds its capacity and is only truncated: removed keys are
    /// wiped in place, and no copy stays behind in a former buffer.
    keys: Vec<Dated>,
}

#[derive(Clone, Debug)]
struct Dated {
    key: SignedPreKey,
    created_at: Timestamp,
}

impl SignedPreKeys {
    /// A first key, with id 1.
    pub fn generate(identity: &KeyPair, now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let key = SignedPreKey::generate(1, identity, rng);
        let mut keys = Vec::with_capacity(MAX_STORED + 1);
        keys.push(Dated { key, created_at: now });
        Self { keys }
    }

    /// From stored keys with their times of creation, newest first; `None` when there is none or there are too many.
    pub(crate) fn from_newest_first(
        stored: impl IntoIterator<Item = Option<(SignedPreKey, Timestamp)>>,
    ) -> Option<Self> {
        let mut keys = Vec::with_capacity(MAX_STORED + 1);
        for stored in stored {
            let (key, created_at) = stored?;
            if keys.len() == MAX_STORED {
                return None;
            }
            keys.push(Dated { key, created_at });
        }
        (!keys.is_empty()).then_some(Self { keys })
    }

    /// The keys with their times of creation, newest first.
    pub fn iter(&self) -> impl Iterator<Item = (&SignedPreKey, Timestamp)> {
        self.keys.iter().map(|dated| (&dated.key, dated.created_at))
    }

    /// The key to publish.
    pub fn current(&self) -> &SignedPreKey {
        &self.newest().key
    }

    /// The key with this id, current or former: what a `pkmsg` names.
    pub fn find(&self, id: u32) -> Option<&SignedPreKey> {
        self.keys.iter().map(|dated| &dated.key).find(|key| key.id == id)
    }

    /// When the current key is to be replaced: 27 to 30 days after its creation.
    ///
    /// The time within these three days follows from the key itself. It is therefore the same after a restart, and
    /// accounts that were linked together do not rotate together.
    pub fn next_rotation(&self) -> Timestamp {
        let newest = self.newest();
        let [a, b, c, d, ..] = *newest.key.key.public().as_bytes();
        let share = f64::from(u32::from_le_bytes([a, b, c, d])) / f64::from(u32::MAX);
        newest.created_at + MIN_AGE + (MAX_AGE - MIN_AGE).mul_f64(share)
    }

    /// Is it time to replace the current key? Never while the clock is behind the key's creation.
    pub fn rotation_due(&self, now: Timestamp) -> bool {
        now >= self.next_rotation()
    }

    /// A key cannot have been created in the future. Times after `now` become `now`; otherwise a clock that once
    /// was years ahead would delay the next rotation for years. Returns `true` when something changed and must be stored.
    pub fn correct_future_dates(&mut self, now: Timestamp) -> bool {
        let ahead = self.keys.iter_mut().filter(|dated| dated.created_at > now);
        ahead.map(|dated| dated.created_at = now).count() > 0
    }

    /// Makes a new current key: the id after the last one, from 1 again after 2^24 - 1.
    ///
    /// The oldest key is deleted when three newer ones remain *and* at least 30 days have passed since it stopped being
    /// current. With timely rotations that is the third rotation after its own. With
    /// earlier rotations more keys are kept, up to eight.
    pub fn rotate(&mut self, identity: &KeyPair, now: Timestamp, rng: &mut impl CryptoRng) -> &SignedPreKey {
        let last = self.current().id;
        let id = if last >= MAX_ID { 1 } else { last + 1 };
        self.keys.insert(0, Dated { key: SignedPreKey::generate(id, identity, rng), created_at: now });
        let needed = |at: usize, keys: &[Dated]| at < KEPT || now.since(keys[at - 1].created_at) < MAX_AGE;
        let kept = (0..self.keys.len().min(MAX_STORED)).take_while(|at| needed(*at, &self.keys)).count();
        self.keys.truncate(kept);
        self.current()
    }

    fn newest(&self) -> &Dated {
        self.keys.first().expect("there is always a current key")
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const DAY: Duration = Duration::from_secs(DAY_SECONDS);
    const START: Timestamp = Timestamp::from_secs(1_790_000_000);

    fn keys(seed: u64) -> (SignedPreKeys, KeyPair, StdRng) {
        let mut rng = StdRng::seed_from_u64(seed);
        let identity = KeyPair::generate(&mut rng);
        (SignedPreKeys::generate(&identity, START, &mut rng), identity, rng)
    }

    fn ids(keys: &SignedPreKeys) -> Vec<u32> {
        keys.iter().map(|(key, _)| key.id).collect()
    }

    #[test]
    fn rotation_is_due_after_27_to_30_days_and_not_for_all_devices_at_once() {
        let mut moments = Vec::new();
        for seed in 0..50 {
            let (keys, ..) = keys(seed);
            assert!(!keys.rotation_due(START + DAY * 27 - Duration::from_secs(1)));
            assert!(keys.rotation_due(START + DAY * 30));
            assert_eq!(keys.next_rotation(), keys.clone().next_rotation(), "no new dice at each look");
            moments.push(keys.next_rotation());
        }
        moments.sort();
        moments.dedup();
        assert_eq!(moments.len(), 50);
        let spread = moments[49].since(moments[0]);
        assert!(spread > DAY * 2, "{spread:?}");
    }

    #[test]
    fn three_keys_are_kept() {
        let (mut keys, identity, mut rng) = keys(1);
        let mut now = START;
        for round in 2..9 {
            now = keys.next_rotation();
            let id = keys.rotate(&identity, now, &mut rng).id;
            assert_eq!((id, keys.current().id), (round, round));
            let expected: Vec<u32> = (1..=round).rev().take(3).collect();
            assert_eq!(ids(&keys), expected);
            assert!(!keys.rotation_due(now), "once");
        }
        assert!(keys.find(6).is_some() && keys.find(5).is_none() && keys.find(9).is_none());
        let current = keys.current();
        assert!(identity.public().verify(&[&current.key.public().to_typed()], &current.signature).is_ok());
        assert!(now.since(START) < DAY * 7 * 30);
    }

    #[test]
    fn a_key_is_kept_for_a_whole_period_after_its_use() {
        let (mut keys, identity, mut rng) = keys(2);
        for day in 1..=4 {
            keys.rotate(&identity, START + DAY * day, &mut rng);
        }
        assert_eq!(ids(&keys), [5, 4, 3, 2, 1], "rotated day by day");
        // Key 1 is out of use since day 1, key 2 since day 2.
        keys.rotate(&identity, START + DAY * 31, &mut rng);
        assert_eq!(ids(&keys), [6, 5, 4, 3, 2]);
        keys.rotate(&identity, START + DAY * 60, &mut rng);
        assert_eq!(ids(&keys), [7, 6, 5]);
        for _ in 0..20 {
            keys.rotate(&identity, START + DAY * 60, &mut rng);
        }
        assert_eq!(ids(&keys), (20..=27).rev().collect::<Vec<_>>(), "bounded whatever the caller does");
    }

    #[test]
    fn ids_wrap_in_24_bits_and_are_never_0() {
        let (mut keys, identity, mut rng) = keys(3);
        keys.keys[0].key.id = MAX_ID - 1;
        assert_eq!(keys.rotate(&identity, START + DAY * 30, &mut rng).id, MAX_ID);
        assert_eq!(keys.rotate(&identity, START + DAY * 60, &mut rng).id, 1);
        assert_eq!(ids(&keys), [1, MAX_ID, MAX_ID - 1]);
    }

    #[test]
    fn a_clock_that_goes_backwards_rotates_nothing() {
        let (mut keys, identity, mut rng) = keys(4);
        let wrong = START + DAY * 3650;
        assert!(keys.rotation_due(wrong), "ten years ahead, for a moment");
        keys.rotate(&identity, wrong, &mut rng);
        for now in [START, START + DAY * 40, START - DAY * 400] {
            assert!(!keys.rotation_due(now));
        }
        let now = START + DAY;
        assert!(keys.correct_future_dates(now) && !keys.correct_future_dates(now));
        assert!(!keys.rotation_due(now) && !keys.rotation_due(now + DAY * 26));
        assert!(keys.rotation_due(now + DAY * 30), "not in ten years");
        // A clock that jumps back and forth costs one rotation per jump, and the number of keys stays bounded.
        for _ in 0..20 {
            keys.correct_future_dates(START);
            assert!(!keys.rotation_due(START));
            assert!(keys.rotation_due(wrong));
            keys.rotate(&identity, wrong, &mut rng);
            assert!(keys.iter().count() <= KEPT + 1);
        }
    }
}
