//! The first pass: every row is read, and what could be written to lies in parts of the audience on the disk.
use std::{
    env, fmt,
    io::{self, Write},
    path::PathBuf,
};

use super::{
    consent::ConsentStamp,
    error::AudienceError,
    mapping::{Layout, Mapping},
    number::normalise,
    reason::{Reason, Unreadable},
    rejects::{Rejects, shown},
    runs::{Entry, Files, Written, partition},
    source::{Row, Rows, Source},
};

/// The audience lies in so many parts, by number: all rows of a number are in one of them.
const PARTS: usize = 64;

/// A file that is about to become an audience.
pub struct Freeze {
    mapping: Mapping,
    key: [u8; 32],
    folder: PathBuf,
    rejects: Box<dyn Write + Send>,
}

impl fmt::Debug for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Freeze").field("mapping", &self.mapping).finish_non_exhaustive()
    }
}

impl Freeze {
    /// What the columns mean, and a random key of the campaign that decides the order.
    pub fn new(mapping: Mapping, key: [u8; 32]) -> Self {
        Self { mapping, key, folder: env::temp_dir(), rejects: Box::new(io::sink()) }
    }

    /// Where temporary files go. They take about twice the room of the source, have no name, and are gone with the process.
    #[must_use]
    pub fn temporary_files_in(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Where refused rows are listed as CSV: `line,value,reason,detail`. Duplicates and those found out later come last. It is
    /// written to in small pieces, so let it have a buffer.
    #[must_use]
    pub fn rejects_to(mut self, file: impl Write + Send + 'static) -> Self {
        self.rejects = Box::new(file);
        self
    }

    /// Reads the source. It takes a while and blocks: in an async program, let it have a thread of its own.
    ///
    /// # Errors
    /// When the source as a whole cannot be used, or a file cannot be read or written.
    pub fn gather(self, source: impl Source) -> Result<Gathered, AudienceError> {
        let mut reading = Reading {
            mapping: &self.mapping,
            layout: None,
            key: self.key,
            runs: Files::new(&self.folder, PARTS),
            rejects: Rejects::new(self.rejects),
            entry: Entry::default(),
            rows: 0,
        };
        Box::new(source).read(&mut reading)?;
        let Reading { layout, runs, rejects, rows, .. } = reading;
        Ok(Gathered {
            absent: layout.map(|layout| layout.absent).unwrap_or_default(),
            consent: self.mapping.consent().clone(),
            key: self.key,
            folder: self.folder,
            runs: runs.finish().map_err(AudienceError::Temporary)?,
            rejects,
            rows,
        })
    }
}

/// All rows of a source, with their duplicates: [`Gathered::hand_out`] goes on.
#[derive(Debug)]
#[must_use]
pub struct Gathered {
    pub(super) absent: Vec<String>,
    pub(super) consent: ConsentStamp,
    pub(super) key: [u8; 32],
    pub(super) folder: PathBuf,
    pub(super) runs: Written,
    pub(super) rejects: Rejects,
    pub(super) rows: u64,
}

/// Takes rows in.
struct Reading<'a> {
    mapping: &'a Mapping,
    /// `None` before the header.
    layout: Option<Layout<'a>>,
    key: [u8; 32],
    runs: Files,
    rejects: Rejects,
    entry: Entry,
    rows: u64,
}

impl Rows for Reading<'_> {
    fn header(&mut self, names: &[String]) -> Result<(), AudienceError> {
        self.layout = Some(self.mapping.layout(names)?);
        Ok(())
    }

    fn row(&mut self, row: &Row) -> Result<(), AudienceError> {
        self.rows += 1;
        let Some(layout) = &self.layout else {
            return self.rejects.refuse(row.line, "", Reason::MissingColumn, "");
        };
        let Some(raw) = layout.address(row) else {
            let first = row.field(0).unwrap_or_default();
            return self.rejects.refuse(
                row.line,
                first,
                Reason::MissingColumn,
                &self.mapping.address_label(),
            );
        };
        let number = match normalise(raw, self.mapping.home()) {
            Ok(number) => number,
            Err(why) => return self.rejects.refuse(row.line, raw, Reason::InvalidNumber(why), ""),
        };
        if !layout.agreed(row) {
            return self.rejects.refuse(row.line, raw, Reason::NoConsent, "");
        }
        if let Err(name) = layout.variables(row, &mut self.entry.variables) {
            return self.rejects.refuse(row.line, raw, Reason::MissingVariable, name);
        }
        (self.entry.number, self.entry.line) = (number.0, row.line);
        self.entry.raw.clear();
        self.entry.raw.push_str(shown(raw));
        let part = partition(&self.key, number, self.runs.len());
        let written = self.runs.writer(part).and_then(|file| self.entry.write(file));
        written.map_err(AudienceError::Temporary)
    }

    fn unreadable(&mut self, line: u64, start: &str, why: Unreadable) -> Result<(), AudienceError> {
        self.rows += 1;
        self.rejects.refuse(line, start, Reason::Unreadable(why), "")
    }
}
