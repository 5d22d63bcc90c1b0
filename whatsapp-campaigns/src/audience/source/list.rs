use std::fmt;

use super::{Row, Rows, Source};
use crate::audience::error::AudienceError;

/// A list of numbers; its one column is the number.
pub struct ListSource<I>(I);

impl<I> fmt::Debug for ListSource<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ListSource")
    }
}

impl<I: Iterator<Item: AsRef<str>>> ListSource<I> {
    /// In this order.
    pub fn new(numbers: impl IntoIterator<IntoIter = I>) -> Self {
        Self(numbers.into_iter())
    }
}

impl<I: Iterator<Item: AsRef<str>>> Source for ListSource<I> {
    fn read(self: Box<Self>, rows: &mut dyn Rows) -> Result<(), AudienceError> {
        rows.header(&["number".to_owned()])?;
        let mut row = Row::default();
        for (line, number) in (1..).zip(self.0) {
            row.clear();
            row.line = line;
            row.push(number.as_ref());
            rows.row(&row)?;
        }
        Ok(())
    }
}
