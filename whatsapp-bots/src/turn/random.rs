//! Chance that can be repeated: a number made of a seed and a counter.

/// Mixes two numbers into one in which each bit depends on each of theirs (the finaliser of SplitMix64, twice).
pub(crate) fn mix(seed: u64, counter: u64) -> u64 {
    finish(finish(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ counter.wrapping_mul(0xd134_2543_de82_ef95))
}

fn finish(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_nothing() {
        let mut ones = 0;
        for counter in 0..1_000 {
            ones += (mix(1, counter) ^ mix(1, counter + 1)).count_ones();
            ones += (mix(counter, 7) ^ mix(counter + 1, 7)).count_ones();
        }
        assert!((31 * 2_000..33 * 2_000).contains(&ones), "{ones}");
        // What was decided once is decided so for ever.
        assert_eq!(mix(1, 2), 17_044_313_865_854_169_904);
    }
}
