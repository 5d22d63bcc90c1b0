//! The list of rows that are not written to: one line of CSV each, and all are counted.
use std::{
    fmt,
    io::{self, Write},
};

use super::{
    error::AudienceError,
    reason::{Reason, Refusals},
};
use crate::csv;

/// More of a value is not shown.
pub(super) const SHOWN: usize = 200;

/// Writes `line,value,reason,detail`, and counts. What is counted is written, and the other way round.
pub(super) struct Rejects {
    file: Box<dyn Write + Send>,
    counts: Refusals,
    is_begun: bool,
}

impl fmt::Debug for Rejects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejects").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl Rejects {
    pub(super) fn new(file: Box<dyn Write + Send>) -> Self {
        Self { file, counts: Refusals::default(), is_begun: false }
    }

    /// `detail` is the name of a column or variable, where there is one.
    pub(super) fn refuse(
        &mut self,
        line: u64,
        value: &str,
        reason: Reason,
        detail: &str,
    ) -> Result<(), AudienceError> {
        self.write(line, value, reason, detail).map_err(AudienceError::Rejects)?;
        self.counts.add(reason);
        Ok(())
    }

    fn write(&mut self, line: u64, value: &str, reason: Reason, detail: &str) -> io::Result<()> {
        if !self.is_begun {
            self.is_begun = true;
            self.file.write_all(b"line,value,reason,detail\r\n")?;
        }
        let (value, detail) = (csv::cell(shown(value)), csv::cell(detail));
        write!(self.file, "{line},{value},{},{detail}\r\n", reason.code())
    }

    /// The counts, when all is written.
    pub(super) fn finish(mut self) -> Result<Refusals, AudienceError> {
        self.file.flush().map_err(AudienceError::Rejects)?;
        Ok(self.counts)
    }
}

/// The beginning of a value.
pub(super) fn shown(value: &str) -> &str {
    &value[..value.floor_char_boundary(SHOWN)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_cut_between_characters() {
        assert_eq!(shown(&"ä".repeat(150)).len(), SHOWN);
    }
}
