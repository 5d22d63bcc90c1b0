//! In which lane somebody is: who writes to them, and by which clocks they live.
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use whatsapp_store::hash::fnv1a;

use crate::{audience::Recipient, window::ZoneGroup};

/// The variable that holds somebody's time zone, if the source has one.
pub(super) const ZONE: &str = "time_zone";
/// Of a number that belongs to no country.
const NOWHERE: &str = "Europe/London";

/// Gives out lanes as they are met.
#[derive(Debug)]
pub(super) struct LaneBook {
    senders: Vec<String>,
    lanes: Mutex<BTreeMap<(ZoneGroup, usize), i32>>,
}

impl LaneBook {
    pub(super) fn new(senders: Vec<String>) -> Self {
        Self { senders, lanes: Mutex::default() }
    }

    /// The lane of somebody; always the same.
    pub(super) fn lane(&self, recipient: &Recipient<'_>) -> i32 {
        let zone = recipient.variable(ZONE);
        let zones = ZoneGroup::of_contact(zone.as_deref(), Some(recipient.address()));
        let zones = zones.ok().or_else(|| ZoneGroup::of_zone(NOWHERE));
        let sender = self.sender(recipient.address());
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let next = i32::try_from(lanes.len()).unwrap_or(i32::MAX);
        zones.map_or(0, |zones| *lanes.entry((zones, sender)).or_insert(next))
    }

    /// Who writes to an address: FNV-1a, which only has to be even and the same for ever.
    fn sender(&self, address: &str) -> usize {
        // The lowest bits of such a hash are not its best.
        usize::try_from((fnv1a(address.bytes()) >> 20) % self.senders.len().max(1) as u64).unwrap_or(0)
    }

    /// What a lane is.
    pub(super) fn of(&self, lane: i32) -> Option<(String, ZoneGroup)> {
        let lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let ((zones, sender), _) = lanes.iter().find(|(_, number)| **number == lane)?;
        Some((self.senders.get(*sender)?.clone(), *zones))
    }
}

/// How many of each lane come first when `first` of all do: their shares, which add up.
pub(super) fn shares(rows: &[u32], first: u64) -> Vec<u32> {
    let total: u64 = rows.iter().map(|rows| u64::from(*rows)).sum();
    let (mut before, mut given) = (0_u64, 0_u64);
    rows.iter()
        .map(|rows| {
            before += u64::from(*rows);
            let until = (u128::from(before) * u128::from(first)).div_ceil(u128::from(total.max(1)));
            let until = u64::try_from(until).unwrap_or(u64::MAX).min(first);
            let share = (until - given).min(u64::from(*rows));
            given += share;
            u32::try_from(share).unwrap_or(u32::MAX)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shares_add_up_and_none_is_larger_than_its_lane(
            rows in prop::collection::vec(0..5_000_u32, 1..60),
            part in 0.0..1.0_f64,
        ) {
            let total: u64 = rows.iter().map(|rows| u64::from(*rows)).sum();
            let first = (total as f64 * part) as u64;
            let shares = shares(&rows, first);
            prop_assert_eq!(shares.iter().map(|share| u64::from(*share)).sum::<u64>(), first);
            prop_assert!(shares.iter().zip(&rows).all(|(share, rows)| share <= rows));
        }
    }

    #[test]
    fn senders_get_about_the_same() {
        let book = LaneBook::new(vec!["a".into(), "b".into(), "c".into()]);
        let mut counts = [0; 3];
        (0..30_000).for_each(|n| counts[book.sender(&format!("49151{n:08}"))] += 1);
        assert!(counts.iter().all(|count| (9_400..10_600).contains(count)), "{counts:?}");
    }
}
