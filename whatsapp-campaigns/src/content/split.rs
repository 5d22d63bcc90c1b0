//! Who gets which variant.
use std::fmt;

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use serde::{Deserialize, Serialize};

use super::definition::Variant;
use crate::id::RowId;

/// A whole in the unit of shares.
pub(super) const WHOLE: u16 = 1_000;
/// Tells these blocks from those that message ids are made from, should the key be the same.
const DOMAIN: u8 = 0xAB;

/// Who takes part in a comparison, in thousandths of the recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Split {
    /// These never get anything, so that the effect of the whole campaign can be measured.
    pub hold_out: u16,
    /// Of the others, these get the variants by weight; the rest waits for the winner.
    pub test: u16,
}

impl Default for Split {
    /// Everybody takes part.
    fn default() -> Self {
        Self { hold_out: 0, test: WHOLE }
    }
}

impl Split {
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// What a recipient gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Arm {
    /// The variant of this place.
    Variant(usize),
    /// The winner, when it is chosen.
    Waits,
    /// Nothing.
    HoldOut,
}

impl Arm {
    /// The variant to render, once a winner is chosen or not.
    pub const fn variant(self, winner: Option<usize>) -> Option<usize> {
        match self {
            Self::Variant(variant) => Some(variant),
            Self::Waits => winner,
            Self::HoldOut => None,
        }
    }
}

/// Gives out arms by a keyed hash of campaign and row: always the same, spread evenly, and nothing a recipient could guess.
#[derive(Clone)]
pub struct Arms {
    cipher: Aes256,
}

impl fmt::Debug for Arms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Arms(..)")
    }
}

impl Arms {
    /// With a random key, kept for as long as the campaign.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { cipher: Aes256::new(key.into()) }
    }

    /// The arm of a row. `None` when no variant has any weight, which no [`Template`](super::Template) lets pass.
    pub(super) fn arm(&self, row: RowId, split: Split, variants: &[Variant]) -> Option<Arm> {
        let [share, place] = self.points(row);
        if below(share, u64::from(WHOLE)) < u64::from(split.hold_out) {
            return Some(Arm::HoldOut);
        }
        // The two shares are asked for independently, so that to change one does not move those of the other.
        let [part, _] = self.points(RowId { campaign: !row.campaign, ..row });
        if below(part, u64::from(WHOLE)) >= u64::from(split.test) {
            return Some(Arm::Waits);
        }
        let total = variants.iter().map(|variant| u64::from(variant.weight)).sum();
        let mut point = below(place, total);
        for (place, variant) in variants.iter().enumerate() {
            let weight = u64::from(variant.weight);
            if point < weight {
                return Some(Arm::Variant(place));
            }
            point -= weight;
        }
        None
    }

    /// Two independent points for a row.
    fn points(&self, row: RowId) -> [u64; 2] {
        let mut block = [0; 16];
        block[0] = DOMAIN;
        block[6..8].copy_from_slice(&row.lane.to_be_bytes());
        block[8..12].copy_from_slice(&row.campaign.to_be_bytes());
        block[12..].copy_from_slice(&row.seq.to_be_bytes());
        let mut block = block.into();
        self.cipher.encrypt_block(&mut block);
        let whole = u128::from_be_bytes(block.into());
        [(whole >> 64) as u64, whole as u64]
    }
}

/// A point as a number below `end`, each equally likely.
const fn below(point: u64, end: u64) -> u64 {
    ((point as u128 * end as u128) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use whatsapp_store::Content;

    use super::*;

    fn variants(weights: &[u32]) -> Vec<Variant> {
        let variant =
            |weight: &u32| Variant { name: "a".into(), weight: *weight, content: Content::text("") };
        weights.iter().map(variant).collect()
    }

    fn counts(split: Split, weights: &[u32], campaign: u32) -> Vec<(Arm, usize)> {
        let (arms, variants) = (Arms::new(&[3; 32]), variants(weights));
        let given: Vec<_> = (0..20_000)
            .filter_map(|seq| arms.arm(RowId { campaign, lane: 0, seq }, split, &variants))
            .collect();
        let mut all = vec![Arm::HoldOut, Arm::Waits];
        all.extend((0..weights.len()).map(Arm::Variant));
        all.into_iter().map(|arm| (arm, given.iter().filter(|given| **given == arm).count())).collect()
    }

    #[test]
    fn shares_and_weights_are_kept() {
        // 10 % get nothing; of 18,000, half wait; 9,000 by 1 : 2 : 0.
        let counts = counts(Split { hold_out: 100, test: 500 }, &[1, 2, 0], 1);
        for ((arm, count), expected) in counts.into_iter().zip([2_000_usize, 9_000, 3_000, 6_000, 0]) {
            // Within five standard deviations.
            assert!(count.abs_diff(expected) <= 360, "{arm:?}: {count}, not {expected}");
            assert!(expected > 0 || count == 0);
        }
    }

    #[test]
    fn a_larger_hold_out_takes_and_never_swaps() {
        let (arms, variants) = (Arms::new(&[3; 32]), variants(&[1, 1]));
        for seq in 0..5_000 {
            let row = RowId { campaign: 7, lane: 0, seq };
            let arm = |hold_out| arms.arm(row, Split { hold_out, test: 1_000 }, &variants);
            assert!(arm(300) == arm(100) || arm(300) == Some(Arm::HoldOut));
        }
    }

    #[test]
    fn another_campaign_or_key_gives_others() {
        let variants = variants(&[1, 1]);
        let arm = |key, campaign, seq| {
            Arms::new(&[key; 32]).arm(RowId { campaign, lane: 0, seq }, Split::default(), &variants)
        };
        let same = |a: (u8, u32), b: (u8, u32)| {
            (0..2_000).filter(|seq| arm(a.0, a.1, *seq) == arm(b.0, b.1, *seq)).count()
        };
        assert_eq!(same((1, 1), (1, 1)), 2_000);
        assert!((850..1_150).contains(&same((1, 1), (1, 2))));
        assert!((850..1_150).contains(&same((1, 1), (2, 1))));
    }

    #[test]
    fn the_winner_goes_to_those_who_wait() {
        assert_eq!(Arm::Variant(1).variant(Some(0)), Some(1));
        assert_eq!((Arm::Waits.variant(None), Arm::Waits.variant(Some(2))), (None, Some(2)));
        assert_eq!(Arm::HoldOut.variant(Some(0)), None);
    }

    proptest! {
        #[test]
        fn it_never_panics(campaign in any::<u32>(), seq in any::<u32>(), weights in prop::collection::vec(any::<u32>(), 0..5)) {
            let arm = Arms::new(&[9; 32]).arm(RowId { campaign, lane: 0, seq }, Split::default(), &variants(&weights));
            prop_assert_eq!(arm.is_none(), weights.iter().all(|weight| *weight == 0));
        }
    }
}
