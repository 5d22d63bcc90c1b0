//! Message ids that lead back to their row.
//!
//! A message's id is chosen before it is sent, and the same row must always get the same one. Nothing is stored for that:
//! campaign, lane, row and a check value are 72 bits, which a keyed permutation turns into 18 hexadecimal digits that look random.
//! A receipt or a retry request turns back into its row in the same way.
//!
//! The permutation is a balanced Feistel network over two halves of 36 bits, with AES-256 as the round function, in the
//! manner of NIST SP 800-38G (FF1, ten rounds). It hides how large a campaign is; it is no protection of secrets.
use std::fmt;

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};

/// `3EB0` and 18 digits, the shape that current web clients use (protocol notes, section 2.7).
const PREFIX: &str = "3EB0";
const DIGITS: usize = 18;
const HALF: u32 = 36;
const MASK: u64 = (1 << HALF) - 1;
const ROUNDS: u8 = 10;
/// Stands in the last 12 bits before the permutation: ids of others have something else there, but for one in 4,096.
const TAG: u64 = 0x576;

/// A row of a campaign's audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// The campaign's number, 24 bits.
    pub campaign: u32,
    /// The lane's number in the campaign, 12 bits.
    pub lane: u16,
    /// The row's place in the lane, 24 bits.
    pub seq: u32,
}

/// Bits of a campaign's number, where a row has several addresses: the two above them say which.
const CAMPAIGN_BITS: u32 = 22;

impl RowId {
    /// A row by the numbers that the store gives. `None` when one of them is too high for an id: a lane above 4,095, or a
    /// place above 16,777,215.
    pub fn new(campaign: i64, lane: i32, seq: u32) -> Option<Self> {
        let (campaign, lane) = (u32::try_from(campaign).ok()?, u16::try_from(lane).ok()?);
        Some(Self { campaign, lane, seq }).filter(|row| row.fits())
    }

    /// The row as it is sent to another address of the same person: an id is of one chat, and an address that has no account
    /// keeps the one it was tried with. `None` for the first address, and when there is no room.
    pub(crate) fn at_address(self, place: usize) -> Option<Self> {
        let place = u32::try_from(place).ok().filter(|place| (1..4).contains(place))?;
        (self.campaign < 1 << CAMPAIGN_BITS)
            .then_some(Self { campaign: self.campaign | place << CAMPAIGN_BITS, ..self })
    }

    /// The row, whatever address it was sent to.
    pub(crate) const fn at_first_address(self) -> Self {
        Self { campaign: self.campaign & ((1 << CAMPAIGN_BITS) - 1), ..self }
    }

    const fn fits(self) -> bool {
        self.campaign < 1 << 24 && self.lane < 1 << 12 && self.seq < 1 << 24
    }
}

/// Makes ids, and turns them back. One key per account, for as long as receipts may come.
#[derive(Clone)]
pub struct MessageIds {
    cipher: Aes256,
}

impl fmt::Debug for MessageIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageIds(..)")
    }
}

impl MessageIds {
    /// With a random key.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { cipher: Aes256::new(key.into()) }
    }

    /// The id of a row; always the same.
    ///
    /// # Panics
    /// When one of the row's numbers has more bits than [`RowId::new`] lets pass.
    pub fn id(&self, row: RowId) -> String {
        assert!(row.fits(), "a row's numbers have 24, 12 and 24 bits");
        let left = (u64::from(row.campaign) << 12) | u64::from(row.lane);
        let right = (u64::from(row.seq) << 12) | TAG;
        let (left, right) =
            (0..ROUNDS).fold((left, right), |(left, right), round| (right, left ^ self.round(round, right)));
        format!("{PREFIX}{left:09X}{right:09X}")
    }

    /// The row of an id; `None` when it is not one of these. Check the chat too: one foreign id in 4,096 passes.
    pub fn row(&self, id: &str) -> Option<RowId> {
        let digits = id.strip_prefix(PREFIX).filter(|digits| digits.len() == DIGITS)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)) {
            return None;
        }
        let half = |digits: &str| u64::from_str_radix(digits, 16).ok();
        let sealed = (half(&digits[..DIGITS / 2])?, half(&digits[DIGITS / 2..])?);
        let (left, right) =
            (0..ROUNDS).rev().fold(sealed, |(left, right), round| (right ^ self.round(round, left), left));
        if right & 0xfff != TAG {
            return None;
        }
        Some(RowId {
            campaign: u32::try_from(left >> 12).ok()?,
            lane: u16::try_from(left & 0xfff).ok()?,
            seq: u32::try_from(right >> 12).ok()?,
        })
    }

    fn round(&self, round: u8, half: u64) -> u64 {
        let mut block = [0; 16];
        block[0] = round;
        block[8..].copy_from_slice(&half.to_be_bytes());
        let mut block = block.into();
        self.cipher.encrypt_block(&mut block);
        let bytes: [u8; 16] = block.into();
        u64::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
            & MASK
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn ids() -> MessageIds {
        MessageIds::new(&[7; 32])
    }

    proptest! {
        #[test]
        fn an_id_leads_back_to_its_row(campaign in 0..1_u32 << 24, lane in 0..1_u16 << 12, seq in 0..1_u32 << 24) {
            let row = RowId { campaign, lane, seq };
            let id = ids().id(row);
            prop_assert_eq!(id.len(), 22);
            prop_assert_eq!(ids().row(&id), Some(row));
        }

        #[test]
        fn other_texts_are_no_rows(text in "\\PC{0,24}") {
            prop_assert_eq!(ids().row(&text), None);
        }
    }

    #[test]
    fn neighbours_do_not_look_alike_and_none_is_given_twice() {
        let made: Vec<String> =
            (0..10_000).map(|seq| ids().id(RowId { campaign: 1, lane: 0, seq })).collect();
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), made.len());
        let same = made
            .windows(2)
            .map(|pair| pair[0].bytes().zip(pair[1].bytes()).skip(4).filter(|(a, b)| a == b).count());
        // Of 18 digits, one in sixteen is the same by chance.
        let mean = same.sum::<usize>() as f64 / (made.len() - 1) as f64;
        assert!((0.9..1.4).contains(&mean), "{mean}");
    }

    #[test]
    fn ids_of_others_are_told_apart() {
        let others = MessageIds::new(&[8; 32]);
        let taken = (0..20_000)
            .filter(|seq| ids().row(&others.id(RowId { campaign: 9, lane: 0, seq: *seq })).is_some());
        assert!(taken.count() < 20, "one in 4,096 is expected");
        assert_eq!(ids().row("3EB0"), None);
        assert_eq!(ids().row("3eb0ffffffffffffffffff"), None);
    }
}
