//! What the columns of a file mean.
use std::{borrow::Cow, collections::BTreeSet, fmt};

use super::{consent::ConsentStamp, error::FileError, source::Row};
use crate::person::Region;

/// A column of a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// By its name in the first line; upper and lower case, and spaces around it, are the same.
    Named(String),
    /// By its place, from 0.
    At(usize),
}

impl From<&str> for Column {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl Column {
    /// Its place in a file with this header; `None` when the file does not have it.
    fn place(&self, header: &[String]) -> Result<Option<usize>, FileError> {
        match self {
            Self::At(place) => Ok((*place < header.len()).then_some(*place)),
            Self::Named(name) => {
                let wanted = folded(name);
                let mut found = (0..header.len()).filter(|place| folded(&header[*place]) == wanted);
                match (found.next(), found.next()) {
                    (_, Some(_)) => Err(FileError::AmbiguousColumn),
                    (place, None) => Ok(place),
                }
            }
        }
    }

    /// What people call it.
    fn label(&self) -> String {
        match self {
            Self::Named(name) => name.clone(),
            Self::At(place) => format!("#{place}"),
        }
    }
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

/// What becomes of a row in which a variable has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingValue {
    /// The row is not part of the audience.
    Exclude,
    /// It has this value.
    Default(String),
    /// It goes without; the message's own rule for the variable decides.
    Leave,
}

/// A column that becomes a variable.
#[derive(Clone, Debug)]
struct Variable {
    name: String,
    column: Column,
    missing: MissingValue,
}

/// A column that says whether they agreed.
#[derive(Clone, Debug)]
struct Agreement {
    column: Column,
    words: Vec<String>,
}

/// What the columns of a file mean, and the consent under which it is read.
#[derive(Clone)]
pub struct Mapping {
    address: Column,
    consent: ConsentStamp,
    region: Option<Region>,
    variables: Vec<Variable>,
    agreement: Option<Agreement>,
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("consent", &self.consent)
            .field("variables", &self.variables.len())
            .finish_non_exhaustive()
    }
}

impl Mapping {
    /// The column of the numbers, and what says that the people in the file agreed.
    pub fn new(address: impl Into<Column>, consent: ConsentStamp) -> Self {
        Self { address: address.into(), consent, region: None, variables: Vec::new(), agreement: None }
    }

    /// For a list of numbers.
    pub fn list(consent: ConsentStamp) -> Self {
        Self::new(Column::At(0), consent)
    }

    /// The country of numbers without a country's code. Without this, every number begins with one, with `+` or not.
    #[must_use]
    pub const fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// A column becomes a variable. Of two with the same name, the later counts.
    #[must_use]
    pub fn variable(mut self, name: &str, column: impl Into<Column>, missing: MissingValue) -> Self {
        self.variables.retain(|variable| variable.name != name);
        self.variables.push(Variable { name: name.to_owned(), column: column.into(), missing });
        self
    }

    /// A column says for each row whether they agreed: with one of these words, in upper or lower case. All others did not.
    #[must_use]
    pub fn agreed(mut self, column: impl Into<Column>, words: &[&str]) -> Self {
        self.agreement =
            Some(Agreement { column: column.into(), words: words.iter().map(|word| folded(word)).collect() });
        self
    }

    /// Under which the file is read.
    pub const fn consent(&self) -> &ConsentStamp {
        &self.consent
    }

    /// What people call the column of the address.
    pub(super) fn address_label(&self) -> String {
        self.address.label()
    }

    pub(super) const fn home(&self) -> Option<Region> {
        self.region
    }

    /// The places of the columns in a file.
    pub(super) fn layout(&self, header: &[String]) -> Result<Layout<'_>, FileError> {
        let variables = self.variables.iter();
        let mut layout = Layout {
            mapping: self,
            address: self.address.place(header)?,
            agreement: self.agreement.as_ref().map(|found| found.column.place(header)).transpose()?.flatten(),
            variables: variables.map(|variable| variable.column.place(header)).collect::<Result<_, _>>()?,
            absent: Vec::new(),
        };
        let places = layout.variables.iter().chain([&layout.address]);
        let columns = self.variables.iter().map(|variable| &variable.column).chain([&self.address]);
        layout.absent = columns
            .zip(places)
            .filter(|(_, place)| place.is_none())
            .map(|(column, _)| column.label())
            .collect();
        if let Some(agreement) = self.agreement.as_ref().filter(|_| layout.agreement.is_none()) {
            layout.absent.push(agreement.column.label());
        }
        Ok(layout)
    }
}

/// A mapping, and where its columns are in one file.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    mapping: &'a Mapping,
    address: Option<usize>,
    agreement: Option<usize>,
    variables: Vec<Option<usize>>,
    /// Columns that the file does not have.
    pub(super) absent: Vec<String>,
}

impl Layout<'_> {
    /// Does the file have the column of the address?
    pub(super) const fn has_address(&self) -> bool {
        self.address.is_some()
    }

    /// The text of the address; `None` when the row has no such column.
    pub(super) fn address<'r>(&self, row: &'r Row) -> Option<&'r str> {
        row.field(self.address?)
    }

    /// The number of the address as programs write it, where the sheet shows something else.
    pub(super) fn plain_address<'r>(&self, row: &'r Row) -> Option<&'r str> {
        row.plain(self.address?)
    }

    /// Does the row say that they agreed? So it is where no column is to say it.
    pub(super) fn agreed(&self, row: &Row) -> bool {
        self.mapping.agreement.as_ref().is_none_or(|agreement| {
            let said = self.agreement.and_then(|place| row.field(place)).map(folded);
            said.is_some_and(|said| !said.is_empty() && agreement.words.contains(&said))
        })
    }

    /// Has a variable another text for programs in this row?
    pub(super) fn has_plain(&self, row: &Row, name: &str) -> bool {
        let places = self.mapping.variables.iter().zip(&self.variables);
        let mut of_name =
            places.filter(|(variable, _)| variable.name == name).filter_map(|(_, place)| *place);
        of_name.any(|place| row.plain(place).is_some())
    }

    /// Writes the variables as a JSON object of texts; the name of one that is missing and must not be is the error.
    /// Those of `plain` are written as programs write them.
    pub(super) fn variables(
        &self,
        row: &Row,
        plain: &BTreeSet<String>,
        json: &mut Vec<u8>,
    ) -> Result<(), &str> {
        json.clear();
        for (variable, place) in self.mapping.variables.iter().zip(&self.variables) {
            let field = |place: usize| match plain.contains(&variable.name) {
                true => row.plain(place).or_else(|| row.field(place)),
                false => row.field(place),
            };
            let found = place.and_then(field).map(one_form).filter(|text| !text.is_empty());
            let value = match (found, &variable.missing) {
                (Some(value), _) => value,
                (None, MissingValue::Default(value)) => value.into(),
                (None, MissingValue::Leave) => continue,
                (None, MissingValue::Exclude) => return Err(&variable.name),
            };
            json.push(if json.is_empty() { b'{' } else { b',' });
            write_text(json, &variable.name);
            json.push(b':');
            write_text(json, &value);
        }
        if json.is_empty() {
            json.push(b'{');
        }
        json.push(b'}');
        Ok(())
    }
}

/// A value without what a message cannot have: ends of lines have one form, a tab is a space, and control characters go.
fn one_form(value: &str) -> Cow<'_, str> {
    let value = value.trim();
    if !value.chars().any(|c| c.is_control() && c != '\n' || matches!(c, '\u{2028}' | '\u{2029}')) {
        return value.into();
    }
    let mut text = String::with_capacity(value.len());
    let mut rest = value.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => text.push('\n'),
            '\t' => text.push(' '),
            _ if character.is_control() && character != '\n' => {}
            _ => text.push(character),
        }
    }
    text.trim().to_owned().into()
}

/// A JSON text.
fn write_text(json: &mut Vec<u8>, text: &str) {
    // To memory, and of a text: this does not fail.
    let _ = serde_json::to_writer(json, text);
}
