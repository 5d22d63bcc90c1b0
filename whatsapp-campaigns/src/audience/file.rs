use std::fmt;

use serde::Serialize;

use super::{rejects::shown, source::Row};

/// Rows that are shown, beside the names of the columns.
const ROWS: usize = 3;
/// Columns that are shown.
const COLUMNS: usize = 20;

/// How a file was read: what was found out or assumed, and its first rows as they were understood.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileReport {
    /// The encoding of a text file, such as `windows-1251`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// What stands between the fields of a text file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// The sheet of a workbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// Rows of the sheet that are hidden, or that its filter does not show.
    #[serde(skip_serializing_if = "is_zero")]
    pub hidden_rows: u64,
    /// The names of the columns, then the first rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sample: Vec<Vec<String>>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Rows of people stay out of logs.
impl fmt::Debug for FileReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileReport").field("encoding", &self.encoding).finish_non_exhaustive()
    }
}

/// Something that a source tells about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note<'a> {
    /// The encoding that it is read with.
    Encoding(&'a str),
    /// What stands between fields.
    Delimiter(char),
    /// The sheet that is read.
    Sheet(&'a str),
    /// Another hidden row.
    HiddenRow,
}

impl FileReport {
    pub(super) fn note(&mut self, note: Note<'_>) {
        match note {
            Note::Encoding(name) => self.encoding = Some(name.to_owned()),
            Note::Delimiter(mark) => self.delimiter = Some(mark.to_string()),
            Note::Sheet(name) => self.sheet = Some(name.to_owned()),
            Note::HiddenRow => self.hidden_rows += 1,
        }
    }

    pub(super) fn header(&mut self, names: &[String]) {
        self.show(names.iter().map(String::as_str));
    }

    pub(super) fn row(&mut self, row: &Row) {
        if self.sample.len() <= ROWS {
            self.show(row.fields());
        }
    }

    fn show<'a>(&mut self, fields: impl Iterator<Item = &'a str>) {
        self.sample.push(fields.take(COLUMNS).map(|field| shown(field).to_owned()).collect());
    }
}
