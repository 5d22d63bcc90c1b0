//! Where rows come from: a file or a list, read from front to back once.
#[cfg(feature = "xlsx")]
mod cell;
mod csv;
mod detect;
mod encoding;
#[cfg(feature = "xlsx")]
mod hidden;
mod hint;
mod list;
mod sniff;
mod split;
#[cfg(feature = "xlsx")]
mod unpacked;
#[cfg(feature = "xlsx")]
mod xlsx;

use std::fmt;

#[cfg(feature = "xlsx")]
pub use self::xlsx::XlsxSource;
pub use self::{
    csv::CsvSource,
    encoding::{Encoding, UnknownEncoding},
    list::ListSource,
};
use super::{error::AudienceError, file::Note, reason::Unreadable};

/// One row of a file. `Debug` shows its line alone.
#[derive(Clone, Default)]
pub struct Row {
    /// The line that it begins in, from 1; in a list, its place from 1.
    pub line: u64,
    /// The fields, one behind the other.
    text: String,
    /// Where each field ends.
    ends: Vec<usize>,
    /// Numbers as programs write them, where the sheet shows them in another way: place and text.
    plain: Vec<(usize, String)>,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("line", &self.line).finish_non_exhaustive()
    }
}

impl Row {
    /// Takes all fields away.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.plain.clear();
    }

    /// Adds a field at the end.
    pub fn push(&mut self, field: &str) {
        self.text.push_str(field);
        self.ends.push(self.text.len());
    }

    /// Adds a field that is shown in one way and read by programs in another one.
    pub fn push_number(&mut self, shown: &str, plain: &str) {
        if shown != plain {
            self.plain.push((self.ends.len(), plain.to_owned()));
        }
        self.push(shown);
    }

    /// A field as programs write it, if it is a number that is shown in another way.
    pub fn plain(&self, place: usize) -> Option<&str> {
        self.plain.iter().find(|(found, _)| *found == place).map(|(_, plain)| plain.as_str())
    }

    /// A field; `None` when the row is not as long.
    pub fn field(&self, place: usize) -> Option<&str> {
        let end = *self.ends.get(place)?;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..end)
    }

    /// All fields.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).filter_map(|place| self.field(place))
    }

    /// Is there nothing in any field?
    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }
}

/// Takes in the rows of a source.
pub trait Rows {
    /// The names of the columns; comes first and once.
    ///
    /// # Errors
    /// When the reader wants no more.
    fn header(&mut self, names: &[String]) -> Result<(), AudienceError>;

    /// A row.
    ///
    /// # Errors
    /// When the reader wants no more.
    fn row(&mut self, row: &Row) -> Result<(), AudienceError>;

    /// A row that is there and that nobody sees, and so is left out.
    ///
    /// # Errors
    /// When the reader wants no more.
    fn hidden(&mut self, row: &Row) -> Result<(), AudienceError> {
        let _ = row;
        Ok(())
    }

    /// Something about the source as a whole.
    fn note(&mut self, note: Note<'_>) {
        let _ = note;
    }

    /// A row that cannot be read, and the beginning of what is there.
    ///
    /// # Errors
    /// When the reader wants no more.
    fn unreadable(&mut self, line: u64, start: &str, why: Unreadable) -> Result<(), AudienceError>;
}

/// Rows of a file or a list.
pub trait Source {
    /// Reads all of it.
    ///
    /// # Errors
    /// When it cannot be read, or is not what it should be; and what `rows` says. A row that is wrong is no error.
    fn read(self: Box<Self>, rows: &mut dyn Rows) -> Result<(), AudienceError>;
}

impl Source for Box<dyn Source + '_> {
    fn read(self: Box<Self>, rows: &mut dyn Rows) -> Result<(), AudienceError> {
        (*self).read(rows)
    }
}
