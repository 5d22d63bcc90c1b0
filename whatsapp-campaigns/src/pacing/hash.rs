//! A quick hasher for people.
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A map by person. A person is a number that was made with a key: nobody outside can choose many that fall together, so
/// that the careful hasher of the standard library is not needed.
pub(crate) type PeopleMap<T> = HashMap<u64, T, BuildHasherDefault<PeopleHasher>>;

/// Spreads one number over all bits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PeopleHasher(u64);

impl Hasher for PeopleHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0 ^ number ^ (number >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn hash(number: u64) -> u64 {
        let mut hasher = PeopleHasher::default();
        hasher.write_u64(number);
        hasher.finish()
    }

    #[test]
    fn neighbours_differ_where_a_map_looks() {
        for shift in [0, 8, 32, 40] {
            let low: HashSet<u64> = (0..4_096).map(|number| hash(number << shift) & 0xfff).collect();
            let high: HashSet<u64> = (0..4_096).map(|number| hash(number << shift) >> 57).collect();
            assert!(low.len() > 2_000 && high.len() == 128, "{shift}: {} and {}", low.len(), high.len());
        }
    }
}
