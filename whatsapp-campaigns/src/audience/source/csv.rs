use std::{fmt, io::Read, mem};

use super::{
    Row, Rows, Source,
    encoding::{Decoded, Encoding},
    split::{Fields, Found, Splitter},
};
use crate::{
    audience::{
        error::{AudienceError, FileError},
        file::Note,
        reason::Unreadable,
    },
    person::Region,
};

/// A CSV file. Its first line names the columns.
///
/// Comma, semicolon, tab or bar is found out from that line (a line `sep=;` before it is understood), and the encoding from
/// the text: UTF-8 and UTF-16 with a byte order mark or without, else what people of that country write. It is read once and
/// needs the same memory whatever its length.
pub struct CsvSource<R> {
    reader: R,
    encoding: Option<Encoding>,
    region: Option<Region>,
}

impl<R> fmt::Debug for CsvSource<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsvSource")
    }
}

impl<R: Read> CsvSource<R> {
    /// Reads it from here. It is read in large parts; no buffer is needed in between.
    pub const fn new(reader: R) -> Self {
        Self { reader, encoding: None, region: None }
    }

    /// The encoding, where somebody knows it. A byte order mark knows better.
    #[must_use]
    pub const fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// Whose file it is, to find the encoding out where there is little text; else the numbers in it tell.
    #[must_use]
    pub const fn region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }
}

impl<R: Read> Source for CsvSource<R> {
    fn read(self: Box<Self>, rows: &mut dyn Rows) -> Result<(), AudienceError> {
        let mut splitter = Splitter::new(Decoded::new(self.reader, self.encoding, self.region)?);
        let mut fields = Fields::default();
        let delimiter = header(&mut splitter, &mut fields, rows)?;
        rows.note(Note::Delimiter(char::from(delimiter)));
        let mut row = Row::default();
        loop {
            let (line, found) = splitter.next(delimiter, &mut fields).map_err(AudienceError::Read)?;
            match found {
                Found::End => break,
                Found::Unreadable(why) => rows.unreadable(line, &shown(&fields), why)?,
                Found::Row => {
                    row.line = line;
                    match take(&mut fields, &mut row) {
                        Ok(()) => rows.row(&row)?,
                        Err(why) => rows.unreadable(line, &shown(&fields), why)?,
                    }
                }
            }
        }
        // Only now is it known: all before may have been ASCII.
        rows.note(Note::Encoding(splitter.reader().encoding().name()));
        Ok(())
    }
}

/// Reads the first line, and says what stands between fields.
fn header<R: Read>(
    splitter: &mut Splitter<R>,
    fields: &mut Fields,
    rows: &mut dyn Rows,
) -> Result<u8, AudienceError> {
    let mut row = Row::default();
    let mut delimiter = delimiter(splitter.look().map_err(AudienceError::Read)?);
    for is_first in [true, false] {
        let (_, found) = splitter.next(delimiter, fields).map_err(AudienceError::Read)?;
        match found {
            Found::End => return Err(FileError::Empty.into()),
            Found::Unreadable(_) => return Err(FileError::Header.into()),
            Found::Row => take(fields, &mut row).map_err(|_| FileError::Header)?,
        }
        // `sep=;` is split at the semicolon that it names.
        match (row.field(0).and_then(|field| field.strip_prefix("sep=")), row.fields().count()) {
            (Some(""), 2) if is_first => {}
            (Some(named), 1) if is_first && named.len() == 1 => delimiter = named.as_bytes()[0],
            _ => break,
        }
    }
    if row.is_blank() {
        return Err(FileError::Header.into());
    }
    let names: Vec<_> = row.fields().map(named).collect();
    rows.header(&names)?;
    Ok(delimiter)
}

/// The name of a column without what nobody sees.
pub(super) fn named(field: &str) -> String {
    let is_unseen =
        |c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    field.trim_matches(is_unseen).to_owned()
}

/// What the first line has most of, outside of quotation marks.
fn delimiter(start: &[u8]) -> u8 {
    let mut is_quoted = false;
    let line = start.trim_ascii_start().iter().take_while(|byte| {
        is_quoted ^= **byte == b'"';
        is_quoted || !matches!(byte, b'\n' | b'\r')
    });
    let (mut counts, mut is_quoted) = ([(0, b','), (0, b';'), (0, b'\t'), (0, b'|')], false);
    for byte in line {
        is_quoted ^= *byte == b'"';
        counts.iter_mut().filter(|(_, known)| !is_quoted && known == byte).for_each(|(count, _)| *count += 1);
    }
    // Of equals, the first one.
    counts.iter().rev().max_by_key(|(count, _)| *count).map_or(b',', |(_, byte)| *byte)
}

/// The fields as a row, if all of it is text.
fn take(fields: &mut Fields, row: &mut Row) -> Result<(), Unreadable> {
    row.clear();
    let text = str::from_utf8(&fields.bytes).map_err(|_| Unreadable::Encoding)?;
    if text.contains('\0') || !fields.ends.iter().all(|end| text.is_char_boundary(*end)) {
        return Err(Unreadable::Encoding);
    }
    row.text.push_str(text);
    mem::swap(&mut row.ends, &mut fields.ends);
    Ok(())
}

/// The beginning of a row that cannot be read, as far as it is text.
fn shown(fields: &Fields) -> String {
    String::from_utf8_lossy(&fields.bytes[..fields.bytes.len().min(200)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Kept {
        header: Vec<String>,
        rows: Vec<(u64, Vec<String>)>,
        unreadable: Vec<(u64, Unreadable)>,
    }

    impl Rows for Kept {
        fn header(&mut self, names: &[String]) -> Result<(), AudienceError> {
            self.header = names.to_vec();
            Ok(())
        }

        fn row(&mut self, row: &Row) -> Result<(), AudienceError> {
            self.rows.push((row.line, row.fields().map(str::to_owned).collect()));
            Ok(())
        }

        fn unreadable(&mut self, line: u64, _: &str, why: Unreadable) -> Result<(), AudienceError> {
            self.unreadable.push((line, why));
            Ok(())
        }
    }

    fn read(bytes: &[u8]) -> Result<Kept, AudienceError> {
        let mut kept = Kept::default();
        Box::new(CsvSource::new(bytes)).read(&mut kept).map(|()| kept)
    }

    #[test]
    fn the_delimiter_is_in_the_first_line() {
        for (text, fields) in [
            ("a,b;c\n1,2", 2),
            ("a;b\n1,5;2", 2),
            ("a\tb\n1\t2", 2),
            ("\"a;;;\",b\n1,2", 2),
            ("a\n1;2", 1),
            ("sep=;\na,b;c\n1;2", 2),
            ("sep=|\na|b|c\n1|2|3", 3),
            ("a|b|c\n1|2|3", 3),
            ("a, \"b;;\"\n1, \"2;\"", 2),
            ("\na;b\n1;2", 2),
        ] {
            let kept = read(text.as_bytes()).unwrap();
            assert_eq!((kept.header.len(), kept.rows[0].1.len()), (fields, fields), "{text}");
        }
    }

    #[test]
    fn encodings() {
        let utf16: Vec<_> =
            "\u{feff}Name;n\nJürgen €;1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let files: [&[u8]; 4] = [
            "Name;n\nJürgen €;1\n".as_bytes(),
            "\u{feff}Name;n\nJürgen €;1\n".as_bytes(),
            b"Name;n\nJ\xfcrgen \x80;1\n",
            &utf16,
        ];
        for file in files {
            let kept = read(file).unwrap();
            assert_eq!((kept.header[0].as_str(), kept.rows[0].1[0].as_str()), ("Name", "Jürgen €"));
        }
    }

    #[test]
    fn a_row_in_another_encoding_is_told() {
        let kept = read(b"n\nJ\xc3\xbcrgen\nM\xc3\xbcller\nJ\xfcrgen\nlast\n").unwrap();
        assert_eq!(kept.unreadable, [(4, Unreadable::Encoding)]);
        assert_eq!(kept.rows.len(), 3);
        let kept = read(b"a,b\n\xc3,\xbc\nJ\xc3\xbcrgen,\xc3\xbc\xc3\xbc\n").unwrap();
        assert_eq!(kept.unreadable, [(2, Unreadable::Encoding)], "two halves in two fields");
    }

    #[test]
    fn what_is_no_csv_says_what_to_do() {
        let why = |bytes: &[u8]| match read(bytes) {
            Err(AudienceError::File(why)) => Some(why),
            _ => None,
        };
        assert_eq!(why(b""), Some(FileError::Empty));
        assert_eq!(why(b"\xef\xbb\xbf\r\n"), Some(FileError::Empty));
        assert_eq!(why(b"a\"b\0"), Some(FileError::Binary));
        assert_eq!(why(b"PK\x03\x04\0\0"), Some(FileError::Archive));
        assert_eq!(why(b",,\n1,2,3"), Some(FileError::Header));
        assert_eq!(why(b"\"a\n1"), Some(FileError::Header));
        assert_eq!(why(b"%PDF-1.4"), Some(FileError::NoTable("a PDF document")));
    }
}
