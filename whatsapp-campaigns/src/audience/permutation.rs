//! An order that looks random and is kept nowhere.
use std::fmt;

use aes::{
    Aes256,
    cipher::{BlockCipherEncrypt, KeyInit},
};

const ROUNDS: u8 = 10;

/// Puts the numbers from 0 up to but without `size` into an order that only the key decides.
///
/// A Feistel network over two digits, one of base `a` and one of base `b`, where `a * b` is barely more than `size`; a number that
/// comes out too high goes in again. So every number has one place, and no place is given twice.
pub(super) struct Permutation {
    cipher: Aes256,
    lane: i32,
    size: u32,
    a: u64,
    b: u64,
}

impl fmt::Debug for Permutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permutation").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Permutation {
    /// Of `size` numbers. Another lane has another order under the same key.
    pub(super) fn new(key: &[u8; 32], lane: i32, size: u32) -> Self {
        let size_wide = u64::from(size.max(1));
        let a = size_wide.isqrt().max(1);
        Self { cipher: Aes256::new(key.into()), lane, size, a, b: size_wide.div_ceil(a) }
    }

    /// Where a number goes. One that is not below the size stays.
    pub(super) fn place(&self, number: u32) -> u32 {
        let mut place = u64::from(number);
        if number >= self.size {
            return number;
        }
        loop {
            place = self.shuffle(place);
            match u32::try_from(place) {
                Ok(place) if place < self.size => return place,
                _ => {}
            }
        }
    }

    /// One way through the network: each round adds to one digit what the other one says.
    fn shuffle(&self, number: u64) -> u64 {
        let (mut high, mut low) = (number / self.b, number % self.b);
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                high = (high + self.round(round, low) % self.a) % self.a;
            } else {
                low = (low + self.round(round, high) % self.b) % self.b;
            }
        }
        high * self.b + low
    }

    fn round(&self, round: u8, digit: u64) -> u64 {
        let mut block = [0; 16];
        block[0] = round;
        block[1..5].copy_from_slice(&self.lane.to_be_bytes());
        block[5..9].copy_from_slice(&self.size.to_be_bytes());
        // A digit has at most 32 bits.
        block[9..].copy_from_slice(&digit.to_be_bytes()[1..]);
        let mut block = block.into();
        self.cipher.encrypt_block(&mut block);
        let bytes: [u8; 16] = block.into();
        u64::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(key: u8, lane: i32, size: u32) -> Vec<u32> {
        let permutation = Permutation::new(&[key; 32], lane, size);
        (0..size).map(|number| permutation.place(number)).collect()
    }

    proptest! {
        #[test]
        fn every_place_is_given_once(key in any::<u8>(), lane in any::<i32>(), size in 0..400_u32) {
            let mut places = order(key, lane, size);
            places.sort_unstable();
            prop_assert_eq!(places, (0..size).collect::<Vec<_>>());
        }

        #[test]
        fn the_largest_sizes_hold(size in 1..u32::MAX, number in any::<u32>()) {
            let number = number % size;
            prop_assert!(Permutation::new(&[1; 32], 0, size).place(number) < size);
        }
    }

    #[test]
    fn key_and_lane_decide() {
        assert_eq!(order(1, 0, 500), order(1, 0, 500));
        assert_ne!(order(1, 0, 500), order(2, 0, 500));
        assert_ne!(order(1, 0, 500), order(1, 1, 500));
    }

    #[test]
    fn the_first_places_are_a_sample_of_the_whole_file() {
        let size = 10_000;
        let mut tenths = [0; 10];
        for (number, place) in (0..size).zip(order(3, 0, size)) {
            tenths[number as usize / 1_000] += u32::from(place < 1_000);
        }
        // About 100 of each tenth of the file are among the first 1,000.
        assert!(tenths.iter().all(|count| (60..140).contains(count)), "{tenths:?}");
    }
}
