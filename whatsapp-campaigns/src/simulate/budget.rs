//! How much work one simulation may be.
use std::fmt;

/// Between two questions whether to go on.
const STRIDE: u64 = 64;

/// Bounds the work of a simulation. What it does not come to is left, and a [`Warning::Incomplete`](super::Warning::Incomplete)
/// says so.
pub struct Budget<'a> {
    /// Messages and waits that are left.
    steps: u64,
    go_on: Box<dyn FnMut() -> bool + 'a>,
    is_spent: bool,
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("steps", &self.steps).finish_non_exhaustive()
    }
}

impl Default for Budget<'_> {
    /// No bound but that of the forecast's days.
    fn default() -> Self {
        Self::steps(u64::MAX)
    }
}

impl<'a> Budget<'a> {
    /// At most so many messages and waits.
    pub fn steps(steps: u64) -> Self {
        Self { steps, go_on: Box::new(|| true), is_spent: steps == 0 }
    }

    /// Asks now and then whether to go on: a deadline, or whether anybody still waits for the report.
    #[must_use]
    pub fn and_while(self, go_on: impl FnMut() -> bool + 'a) -> Self {
        Self { go_on: Box::new(go_on), ..self }
    }

    /// Takes one step. `false` when there is none left.
    pub(super) fn take(&mut self) -> bool {
        if self.is_spent {
            return false;
        }
        self.steps -= 1;
        self.is_spent = self.steps == 0 || (self.steps.is_multiple_of(STRIDE) && !(self.go_on)());
        !self.is_spent
    }

    pub(super) fn is_spent(&self) -> bool {
        self.is_spent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_questions_end_it() {
        let mut budget = Budget::steps(3);
        assert_eq!([budget.take(), budget.take(), budget.take(), budget.take()], [true, true, false, false]);
        let mut asked = 0;
        let mut budget = Budget::default().and_while(|| {
            asked += 1;
            asked < 3
        });
        let taken = (0..1_000).take_while(|_| budget.take()).count();
        assert!(budget.is_spent() && (129..=192).contains(&taken), "{taken}");
    }
}
