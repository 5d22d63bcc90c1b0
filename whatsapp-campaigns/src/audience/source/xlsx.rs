use std::{
    collections::BTreeSet,
    fmt,
    io::{Read, Seek, SeekFrom},
};

use calamine::{DataRef, Reader, SheetType, SheetVisible, Style, Xlsx, XlsxCellReader};

use super::{
    Row, Rows, Source,
    cell::{Format, iso, plain},
    csv::named,
    hidden, unpacked,
};
use crate::audience::{
    error::{AudienceError, FileError},
    file::Note,
};

/// A sheet of an XLSX workbook: the first one that can be seen, unless another is chosen. The first row that is not empty
/// names the columns.
///
/// Cells are read as the sheet shows them, but for numbers that are shown rounded: those have all their digits. Rows that are
/// hidden, by hand or by a filter, are left out and counted. Rows come one by one, but the texts of the whole workbook are in
/// memory, and the format ends at 1,048,576 rows: for more, CSV.
pub struct XlsxSource<R> {
    reader: R,
    sheet: Option<String>,
    with_hidden_rows: bool,
}

/// The format has no more columns.
const MOST_COLUMNS: u32 = 16_384;

impl<R> fmt::Debug for XlsxSource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("XlsxSource")
    }
}

impl<R: Read + Seek> XlsxSource<R> {
    /// The first sheet of a workbook that can be seen.
    pub const fn new(reader: R) -> Self {
        Self { reader, sheet: None, with_hidden_rows: false }
    }

    /// Another sheet, by its name or its number, from 1.
    #[must_use]
    pub fn sheet(mut self, name: &str) -> Self {
        self.sheet = Some(name.to_owned());
        self
    }

    /// Rows that are hidden are read like others.
    #[must_use]
    pub const fn with_hidden_rows(mut self) -> Self {
        self.with_hidden_rows = true;
        self
    }
}

impl<R: Read + Seek> Source for XlsxSource<R> {
    fn read(mut self: Box<Self>, rows: &mut dyn Rows) -> Result<(), AudienceError> {
        unpacked::check(&mut self.reader)?;
        self.reader.seek(SeekFrom::Start(0)).map_err(AudienceError::Read)?;
        let name = sheet_name(&mut self.reader, self.sheet.as_deref())?;
        rows.note(Note::Sheet(&name));
        self.reader.seek(SeekFrom::Start(0)).map_err(AudienceError::Read)?;
        let hidden = hidden::rows(&mut self.reader, &name);
        self.reader.seek(SeekFrom::Start(0)).map_err(AudienceError::Read)?;
        let mut workbook = Xlsx::new(self.reader).map_err(|_| FileError::Workbook)?;
        let is_1904 = workbook.has_1904_epoch();
        let cells = workbook.worksheet_cells_reader(&name).map_err(|_| FileError::Workbook)?;
        let formats = cells.styles().iter().map(|style| format(style, is_1904)).collect();
        let mut sheet = Sheet { cells, formats, is_1904, ahead: None, is_over: false };
        let mut row = Row::default();
        loop {
            if !sheet.next(&mut row)? {
                return Err(FileError::Empty.into());
            }
            if !row.is_blank() && !is_hidden(&hidden, &row) {
                break;
            }
        }
        rows.header(&row.fields().map(named).collect::<Vec<_>>())?;
        while sheet.next(&mut row)? {
            if row.is_blank() {
                continue;
            }
            match is_hidden(&hidden, &row) {
                true if self.with_hidden_rows => {
                    rows.note(Note::HiddenRow);
                    rows.row(&row)?;
                }
                true => {
                    rows.note(Note::HiddenRow);
                    rows.hidden(&row)?;
                }
                false => rows.row(&row)?,
            }
        }
        Ok(())
    }
}

/// Lines are counted from 1, rows of a workbook from 0.
fn is_hidden(hidden: &BTreeSet<u32>, row: &Row) -> bool {
    u32::try_from(row.line - 1).is_ok_and(|number| hidden.contains(&number))
}

/// The sheet that is meant.
fn sheet_name(reader: impl Read + Seek, wanted: Option<&str>) -> Result<String, AudienceError> {
    let workbook = Xlsx::new(reader).map_err(|_| FileError::Workbook)?;
    let sheets = workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let sheets: Vec<_> = sheets.collect();
    let Some(wanted) = wanted else {
        let visible = sheets.iter().find(|sheet| sheet.visible == SheetVisible::Visible);
        return Ok(visible.or(sheets.first()).ok_or(FileError::Sheet)?.name.clone());
    };
    let number = wanted.trim().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    let is_same = |name: &str| name.trim().to_lowercase() == wanted.trim().to_lowercase();
    let found = sheets.iter().find(|sheet| sheet.name == wanted);
    let found = found.or_else(|| sheets.iter().find(|sheet| is_same(&sheet.name)));
    let found = found.or_else(|| sheets.get(number?));
    found.map(|sheet| sheet.name.clone()).ok_or_else(|| AudienceError::NoSheet {
        sheet: wanted.to_owned(),
        sheets: sheets.iter().map(|sheet| sheet.name.clone()).collect(),
    })
}

/// How a style shows numbers.
fn format(style: &Style, is_1904: bool) -> Format {
    Format::new(style.number_format.as_ref().map_or("General", |format| &format.format_code), is_1904)
}

/// Puts cells together to rows.
struct Sheet<'a, R: Read + Seek> {
    cells: XlsxCellReader<'a, R>,
    /// By style.
    formats: Vec<Format>,
    is_1904: bool,
    /// The first cell of the next row.
    ahead: Option<Cell>,
    /// Behind the last cell there is nothing that could be read.
    is_over: bool,
}

/// A cell: what is shown, and what programs read.
struct Cell {
    row: u32,
    column: u32,
    shown: String,
    plain: Option<String>,
}

impl<R: Read + Seek> Sheet<'_, R> {
    /// The next row that has a cell; false at the end.
    fn next(&mut self, row: &mut Row) -> Result<bool, AudienceError> {
        row.clear();
        let first = match self.ahead.take() {
            Some(ahead) => Some(ahead),
            None => self.cell()?,
        };
        let Some(number) = first.as_ref().map(|cell| cell.row) else { return Ok(false) };
        row.line = u64::from(number) + 1;
        let mut next = first;
        while let Some(cell) = next.take_if(|cell| cell.row == number) {
            // A damaged file may name columns in any order, or none that exist: what comes too late is left out.
            if cell.column < MOST_COLUMNS && cell.column as usize >= row.ends.len() {
                (row.ends.len()..cell.column as usize).for_each(|_| row.push(""));
                row.push_number(&cell.shown, cell.plain.as_deref().unwrap_or(&cell.shown));
            }
            next = self.cell()?;
        }
        self.ahead = next;
        Ok(true)
    }

    fn cell(&mut self) -> Result<Option<Cell>, AudienceError> {
        if self.is_over {
            return Ok(None);
        }
        let found = self.cells.next_cell_with_style_id().map_err(|_| FileError::Workbook)?;
        self.is_over = found.is_none();
        let Some((cell, style)) = found else { return Ok(None) };
        let (row, column) = cell.get_position();
        let (shown, plain) = self.texts(cell.get_value(), self.formats.get(style));
        Ok(Some(Cell { row, column, shown, plain }))
    }

    /// What a person sees in the cell, and what programs read.
    fn texts(&self, value: &DataRef<'_>, format: Option<&Format>) -> (String, Option<String>) {
        let number = |value: f64| {
            let read = match format {
                Some(format) if format.is_date() => iso(value, self.is_1904),
                _ => plain(value),
            };
            (format.map_or_else(|| plain(value), |format| format.number(value)), Some(read))
        };
        let text = |text: &str| {
            let text = text.replace("_x000D_", "");
            (format.map_or_else(|| text.clone(), |format| format.text(&text)), None)
        };
        match value {
            DataRef::Empty | DataRef::Error(_) => (String::new(), None),
            DataRef::Int(value) => number(*value as f64),
            DataRef::Float(value) => number(*value),
            DataRef::DateTime(time) => number(time.as_f64()),
            DataRef::String(value) => text(value),
            DataRef::SharedString(value) => text(value),
            DataRef::DateTimeIso(value) | DataRef::DurationIso(value) => (value.clone(), None),
            DataRef::Bool(is_so) => (if *is_so { "TRUE" } else { "FALSE" }.to_owned(), None),
        }
    }
}
