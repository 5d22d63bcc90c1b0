//! The first pass: every row is read, and what could be written to lies in parts of the audience on the disk.
use std::{
    collections::BTreeSet,
    env, fmt,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
};

use super::{
    consent::ConsentStamp,
    error::AudienceError,
    file::{FileReport, Note},
    mapping::{Layout, Mapping},
    reason::{Reason, Unreadable},
    rejects::{Rejects, shown},
    runs::{Entry, Files, Written, partition},
    source::{Row, Rows, Source},
};
use crate::{
    content::{BindError, Template},
    person,
};

/// The audience lies in so many parts, by number: all rows of a number are in one of them.
const PARTS: usize = 64;

/// A file that is about to become an audience.
pub struct Freeze {
    mapping: Mapping,
    key: [u8; 32],
    folder: PathBuf,
    rejects: Box<dyn Write + Send>,
    template: Option<Arc<Template>>,
}

impl fmt::Debug for Freeze {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Freeze").field("mapping", &self.mapping).finish_non_exhaustive()
    }
}

impl Freeze {
    /// What the columns mean, and a random key of the campaign that decides the order.
    pub fn new(mapping: Mapping, key: [u8; 32]) -> Self {
        Self { mapping, key, folder: env::temp_dir(), rejects: Box::new(io::sink()), template: None }
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

    /// What they will be sent. Each row's variables are bound to it: a row that it cannot take is left out as its policies
    /// say, and the rows that are handed on have [`Values::to_bytes`](crate::content::Values::to_bytes) as variables.
    /// Without one they have what [`variables`](super::variables) reads.
    #[must_use]
    pub fn template(mut self, template: Arc<Template>) -> Self {
        self.template = Some(template);
        self
    }

    /// Reads the source. It takes a while and blocks: in an async program, let it have a thread of its own.
    ///
    /// # Errors
    /// When the source as a whole cannot be used, or a file cannot be read or written.
    pub fn gather(self, source: impl Source) -> Result<Gathered, AudienceError> {
        let mut reading = Reading {
            mapping: &self.mapping,
            template: self.template.as_deref(),
            layout: None,
            key: self.key,
            runs: Files::new(&self.folder, PARTS),
            rejects: Rejects::new(self.rejects),
            entry: Entry::default(),
            rows: 0,
            file: FileReport::default(),
        };
        Box::new(source).read(&mut reading)?;
        let Reading { layout, runs, rejects, rows, file, .. } = reading;
        Ok(Gathered {
            absent: layout.map(|layout| layout.absent).unwrap_or_default(),
            consent: self.mapping.consent().clone(),
            key: self.key,
            folder: self.folder,
            template: self.template,
            runs: runs.finish().map_err(AudienceError::Temporary)?,
            rejects,
            rows,
            file,
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
    pub(super) template: Option<Arc<Template>>,
    pub(super) runs: Written,
    pub(super) rejects: Rejects,
    pub(super) rows: u64,
    pub(super) file: FileReport,
}

/// Takes rows in.
struct Reading<'a> {
    mapping: &'a Mapping,
    template: Option<&'a Template>,
    /// `None` before the header.
    layout: Option<Layout<'a>>,
    key: [u8; 32],
    runs: Files,
    rejects: Rejects,
    entry: Entry,
    rows: u64,
    file: FileReport,
}

impl Rows for Reading<'_> {
    fn header(&mut self, names: &[String]) -> Result<(), AudienceError> {
        let layout = self.mapping.layout(names)?;
        if !layout.has_address() {
            let column = self.mapping.address_label();
            return Err(AudienceError::NoColumn {
                column,
                columns: names.iter().take(50).cloned().collect(),
            });
        }
        self.file.header(names);
        self.layout = Some(layout);
        Ok(())
    }

    fn hidden(&mut self, row: &Row) -> Result<(), AudienceError> {
        self.rows += 1;
        let address = self.layout.as_ref().and_then(|layout| layout.address(row)).unwrap_or_default();
        self.rejects.refuse(row.line, address, Reason::HiddenRow, "")
    }

    fn note(&mut self, note: Note<'_>) {
        self.file.note(note);
    }

    fn row(&mut self, row: &Row) -> Result<(), AudienceError> {
        self.rows += 1;
        self.file.row(row);
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
        let plain = layout.plain_address(row);
        let parse = |text| person::parse(text, self.mapping.home());
        // A sheet may show a number in groups or rounded: then the number itself counts.
        let phone = match parse(raw).or_else(|why| plain.map_or(Err(why), parse)) {
            Ok(phone) => phone,
            Err(why) => {
                let detail = if why.has_remedy() { why.to_string() } else { String::new() };
                return self.rejects.refuse(row.line, raw, Reason::InvalidNumber(why), &detail);
            }
        };
        if !layout.agreed(row) {
            return self.rejects.refuse(row.line, raw, Reason::NoConsent, "");
        }
        let mut plain = BTreeSet::new();
        loop {
            if let Err(name) = layout.variables(row, &plain, &mut self.entry.variables) {
                return self.rejects.refuse(row.line, raw, Reason::MissingVariable, name);
            }
            match bound(self.template, &self.entry.variables) {
                Ok(_) => break,
                // Of a type that cannot be read as the sheet shows it, such as `€ 1,234.50`.
                Err(why @ BindError::Invalid { .. })
                    if layout.has_plain(row, why.variable()) && plain.insert(why.variable().to_owned()) => {}
                Err(why) => return self.unbound(row.line, raw, why),
            }
        }
        (self.entry.number, self.entry.line) = (phone.number(), row.line);
        self.entry.raw.clear();
        self.entry.raw.push_str(shown(raw));
        let part = partition(&self.key, phone, self.runs.len());
        let written = self.runs.writer(part).and_then(|file| self.entry.write(file));
        written.map_err(AudienceError::Temporary)
    }

    fn unreadable(&mut self, line: u64, start: &str, why: Unreadable) -> Result<(), AudienceError> {
        self.rows += 1;
        self.rejects.refuse(line, start, Reason::Unreadable(why), "")
    }
}

impl Reading<'_> {
    /// A row that the template cannot take.
    fn unbound(&mut self, line: u64, raw: &str, why: BindError) -> Result<(), AudienceError> {
        if why.stops_campaign() {
            return Err(AudienceError::Variable { line, source: why });
        }
        let reason = match why {
            BindError::Missing { .. } => Reason::MissingVariable,
            BindError::Invalid { .. } => Reason::InvalidVariable,
        };
        self.rejects.refuse(line, raw, reason, why.variable())
    }
}

/// What is stored of variables: bound to the template, or as they are. Of the same, always the same.
pub(super) fn bound(template: Option<&Template>, json: &[u8]) -> Result<Vec<u8>, BindError> {
    let Some(template) = template else { return Ok(json.to_vec()) };
    let row = super::variables(json).unwrap_or_default();
    Ok(template.bind(&row)?.to_bytes())
}
