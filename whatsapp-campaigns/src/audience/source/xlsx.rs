use std::{
    fmt,
    io::{Read, Seek},
};

use calamine::{DataRef, Reader, Xlsx, XlsxCellReader};

use super::{Row, Rows, Source};
use crate::audience::error::{AudienceError, FileError};

/// A sheet of an XLSX workbook. The first row that is not empty names the columns.
///
/// Rows come one by one, but the texts of the whole workbook are in memory, and the format ends at 1,048,576 rows: for
/// more, CSV. A number that the table holds as a number is read in full, never in the form `4.9E+11`.
pub struct XlsxSource<R> {
    reader: R,
    sheet: Option<String>,
}

/// The format has no more columns.
const MOST_COLUMNS: u32 = 16_384;

impl<R> fmt::Debug for XlsxSource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("XlsxSource")
    }
}

impl<R: Read + Seek> XlsxSource<R> {
    /// The first sheet of a workbook.
    pub const fn new(reader: R) -> Self {
        Self { reader, sheet: None }
    }

    /// Another sheet, by name.
    #[must_use]
    pub fn sheet(mut self, name: &str) -> Self {
        self.sheet = Some(name.to_owned());
        self
    }
}

impl<R: Read + Seek> Source for XlsxSource<R> {
    fn read(self: Box<Self>, rows: &mut dyn Rows) -> Result<(), AudienceError> {
        let mut workbook = Xlsx::new(self.reader).map_err(|_| FileError::Workbook)?;
        let names = workbook.sheet_names();
        let name = match self.sheet {
            Some(sheet) => names.into_iter().find(|name| *name == sheet),
            None => names.into_iter().next(),
        };
        let cells = workbook.worksheet_cells_reader(&name.ok_or(FileError::Sheet)?);
        let mut sheet = Sheet { cells: cells.map_err(|_| FileError::Workbook)?, ahead: None, is_over: false };
        let mut row = Row::default();
        loop {
            if !sheet.next(&mut row)? {
                return Err(FileError::Empty.into());
            }
            if !row.is_blank() {
                break;
            }
        }
        rows.header(&row.fields().map(|name| name.trim().to_owned()).collect::<Vec<_>>())?;
        while sheet.next(&mut row)? {
            if !row.is_blank() {
                rows.row(&row)?;
            }
        }
        Ok(())
    }
}

/// Puts cells together to rows.
struct Sheet<'a, R: Read + Seek> {
    cells: XlsxCellReader<'a, R>,
    /// The first cell of the next row: row, column, text.
    ahead: Option<(u32, u32, String)>,
    /// Behind the last cell there is nothing that could be read.
    is_over: bool,
}

impl<R: Read + Seek> Sheet<'_, R> {
    /// The next row that has a cell; false at the end.
    fn next(&mut self, row: &mut Row) -> Result<bool, AudienceError> {
        row.clear();
        let first = match self.ahead.take() {
            Some(ahead) => Some(ahead),
            None => self.cell()?,
        };
        let Some((number, ..)) = first else { return Ok(false) };
        row.line = u64::from(number) + 1;
        let mut cell = first;
        while let Some((_, column, text)) = cell.take_if(|(place, ..)| *place == number) {
            // A damaged file may name columns in any order, or none that exist: what comes too late is left out.
            if column < MOST_COLUMNS && column as usize >= row.ends.len() {
                (row.ends.len()..column as usize).for_each(|_| row.push(""));
                row.push(&text);
            }
            cell = self.cell()?;
        }
        self.ahead = cell;
        Ok(true)
    }

    fn cell(&mut self) -> Result<Option<(u32, u32, String)>, AudienceError> {
        if self.is_over {
            return Ok(None);
        }
        let cell = self.cells.next_cell().map_err(|_| FileError::Workbook)?;
        self.is_over = cell.is_none();
        Ok(cell.map(|cell| (cell.get_position().0, cell.get_position().1, text(cell.get_value()))))
    }
}

/// What a person sees in the cell, but for the form of numbers and dates.
fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty | DataRef::Error(_) => String::new(),
        DataRef::Int(number) => number.to_string(),
        // Prints all digits of a whole number, without a fraction.
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(is_so) => is_so.to_string(),
        DataRef::DateTime(time) if time.is_duration() => time.as_f64().to_string(),
        DataRef::DateTime(time) => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            match (hour, minute, second) {
                (0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
                _ => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
            }
        }
    }
}
