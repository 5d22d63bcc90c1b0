//! Why an audience could not be frozen at all. What is wrong with single rows is no error: see [`Reason`](super::Reason).
use std::{error::Error as StdError, io};

use crate::content::BindError;

/// What a port of the caller failed with.
pub type PortError = Box<dyn StdError + Send + Sync>;

/// Nothing was handed out beyond what the sink has already taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudienceError {
    /// The file cannot be used as it is.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file has no column of the address.
    #[error(
        "the file has no column `{column}`; it has {}: say which of them has the numbers",
        names(columns)
    )]
    NoColumn {
        /// What was asked for.
        column: String,
        /// The columns that there are.
        columns: Vec<String>,
    },
    /// The workbook has no such sheet.
    #[error(
        "the workbook has no sheet `{sheet}`; it has {}: give one of the names, or a number from 1",
        names(sheets)
    )]
    NoSheet {
        /// What was asked for.
        sheet: String,
        /// The sheets that there are.
        sheets: Vec<String>,
    },
    /// The file could not be read.
    #[error("the file could not be read")]
    Read(#[source] io::Error),
    /// The list of refused rows could not be written.
    #[error("the list of refused rows could not be written")]
    Rejects(#[source] io::Error),
    /// A temporary file could not be written or read; it may be that the disk is full.
    #[error("a temporary file of the audience could not be written or read")]
    Temporary(#[source] io::Error),
    /// It could not be found out who must not be written to, so nobody is.
    #[error("it could not be found out who must not be written to")]
    Screen(#[source] PortError),
    /// The rows could not be handed on.
    #[error("the rows of the audience could not be stored")]
    Sink(#[source] PortError),
    /// A row does not have what the template cannot do without: its policy is to stop the campaign then.
    #[error("the row in line {line} has no usable value for a variable that the template cannot do without")]
    Variable {
        /// The line of the source.
        line: u64,
        /// What is wrong.
        source: BindError,
    },
    /// More rows than a lane or a campaign can have.
    #[error("an audience has at most {} rows: divide the file", i32::MAX - 1)]
    TooManyRows,
    /// The lanes are a function of zones, of which there are about forty.
    #[error("an audience has at most {} lanes: group the zones", super::MAX_LANES)]
    TooManyLanes,
}

fn names(columns: &[String]) -> String {
    columns.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What is wrong with a file as a whole, and what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is nothing in it.
    #[error("the file is empty: it needs a first line with the names of its columns")]
    Empty,
    /// A workbook that is far larger when it is unpacked.
    #[error("the workbook unpacks to more than a list of people needs: save it as CSV, without long texts")]
    Unpacked,
    /// Another kind of file.
    #[error("the file is {0}, and not a table: save it as CSV or XLSX")]
    NoTable(&'static str),
    /// The body of a web form, as `curl -F` sends it.
    #[error("the body is a form with a file in it: send the file alone, as curl --data-binary @file does")]
    Form,
    /// Not text at all.
    #[error("the file is no text: save it as CSV in UTF-8")]
    Binary,
    /// A workbook, where CSV was expected.
    #[error("the file is a workbook or an archive, and not CSV: save it as CSV, or give it as XLSX")]
    Archive,
    /// The first line is no line of names.
    #[error("the first line of the file cannot be read: it has to name the columns")]
    Header,
    /// No workbook that can be read.
    #[error("the file is no XLSX workbook, or it is damaged: save it again as XLSX or as CSV")]
    Workbook,
    /// A workbook without a sheet of cells.
    #[error("the workbook has no sheet with cells")]
    Sheet,
    /// A column is named that the file has twice.
    #[error("two columns of the file have the same name: rename one, or choose by place")]
    AmbiguousColumn,
}
