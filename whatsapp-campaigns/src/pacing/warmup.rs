//! A new sender starts slowly.

/// How many different people a new sender may write to on each of its days: more every day, up to a ceiling. It counts days on
/// which nothing went wrong; the scheduler does not count the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmUp {
    /// On the first day.
    pub start: u32,
    /// Each day by this factor; at least 1.
    pub growth: f64,
    /// Never more.
    pub ceiling: u32,
}

impl Default for WarmUp {
    /// 20 people on the first day, half as many more on each, up to 1,000.
    fn default() -> Self {
        Self { start: 20, growth: 1.5, ceiling: 1_000 }
    }
}

impl WarmUp {
    /// The cap of a day; the first is day 0.
    pub fn cap(&self, day: u32) -> u32 {
        let grown = f64::from(self.start) * self.growth.max(1.0).powi(day.min(10_000).cast_signed());
        // Beyond the ceiling, infinite or no number: the ceiling.
        if grown < f64::from(self.ceiling) { grown as u32 } else { self.ceiling }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_up_to_the_ceiling() {
        let caps: Vec<u32> = (0..12).map(|day| WarmUp::default().cap(day)).collect();
        assert_eq!(caps, [20, 30, 45, 67, 101, 151, 227, 341, 512, 768, 1_000, 1_000]);
        assert_eq!(WarmUp::default().cap(u32::MAX), 1_000);
        let shrinking = WarmUp { growth: 0.5, ..WarmUp::default() };
        assert_eq!(shrinking.cap(9), 20);
        assert_eq!(WarmUp { growth: f64::NAN, ..WarmUp::default() }.cap(3), 20);
    }
}
