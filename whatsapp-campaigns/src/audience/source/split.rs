//! Rows of CSV out of bytes, as RFC 4180 has them.
//!
//! This is no library's work because of what happens to a broken file: a quotation mark that is never closed costs one
//! row here, and not all that follow, and no row needs more memory than [`LIMIT`].
use std::io::{self, Read};

use crate::audience::reason::Unreadable;

/// No row is longer, in bytes.
pub(super) const LIMIT: usize = 256 * 1024;

/// The fields of a row as bytes.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
}

impl Fields {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Row,
    /// One line that cannot be read; [`Fields`] has its beginning.
    Unreadable(Unreadable),
    End,
}

/// Cuts what it reads into rows.
pub(super) struct Splitter<R> {
    reader: R,
    buffer: Vec<u8>,
    /// What is not looked at yet: `start` up to but without `end`.
    start: usize,
    end: usize,
    is_over: bool,
    /// The line that comes next, from 1.
    line: u64,
}

/// What the bytes begin with.
enum Split {
    Row {
        /// Bytes of it, with its line's end.
        length: usize,
        lines: u64,
    },
    Bad(Unreadable),
    /// The rest is not here yet.
    Unfinished,
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; LIMIT], start: 0, end: 0, is_over: false, line: 1 }
    }

    /// Where it reads from.
    pub(super) const fn reader(&self) -> &R {
        &self.reader
    }

    /// What is there without reading on; after the first call, the beginning of the file.
    pub(super) fn look(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.fill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// The next row that is not an empty line, and the line it begins in.
    pub(super) fn next(&mut self, delimiter: u8, fields: &mut Fields) -> io::Result<(u64, Found)> {
        loop {
            let line = self.line;
            fields.clear();
            match split(&self.buffer[self.start..self.end], self.is_over, delimiter, fields) {
                Split::Row { length: 0, .. } => return Ok((line, Found::End)),
                Split::Row { length, lines } => {
                    self.start += length;
                    self.line += lines;
                    if fields.ends.len() > 1 || !fields.bytes.trim_ascii().is_empty() {
                        return Ok((line, Found::Row));
                    }
                }
                Split::Unfinished if self.end - self.start < LIMIT => self.fill()?,
                Split::Unfinished => return Ok((line, self.skip_line(Unreadable::TooLong, fields)?)),
                Split::Bad(why) => return Ok((line, self.skip_line(why, fields)?)),
            }
        }
    }

    /// Leaves out the line that is next, so that a row that is wrong takes no other with it.
    fn skip_line(&mut self, why: Unreadable, fields: &mut Fields) -> io::Result<Found> {
        fields.clear();
        // A quotation mark without an end runs up to the limit: the line alone may be short.
        let is_short = line_end(&self.buffer[self.start..self.end], self.is_over).is_some();
        let why = if why == Unreadable::TooLong && is_short { Unreadable::Quotes } else { why };
        loop {
            let rest = &self.buffer[self.start..self.end];
            let found = line_end(rest, self.is_over);
            let (length, _) = found.unwrap_or((rest.len(), 0));
            if fields.bytes.is_empty() {
                fields.bytes.extend(rest[..length].iter().take(1024));
            }
            if found.is_some() || self.is_over {
                let (length, ending) = found.unwrap_or((rest.len(), 0));
                self.start += length + ending;
                self.line += 1;
                fields.end();
                return Ok(Found::Unreadable(why));
            }
            // The last byte may be the first half of a line's end.
            self.start += length.saturating_sub(1);
            self.fill()?;
        }
    }

    /// Reads until the buffer is full or the file is over.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        while self.end < LIMIT && !self.is_over {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    self.is_over = read == 0;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Where a line ends and how long its ending is: LF, CRLF or CR.
fn line_end(bytes: &[u8], is_over: bool) -> Option<(usize, usize)> {
    let place = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
    Some((place, ending(&bytes[place..], is_over)?))
}

/// How long the ending of a line is; `None` when that is not here yet.
fn ending(bytes: &[u8], is_over: bool) -> Option<usize> {
    match bytes {
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] if !is_over => None,
        _ => Some(1),
    }
}

fn split(bytes: &[u8], is_over: bool, delimiter: u8, fields: &mut Fields) -> Split {
    let (mut place, mut lines) = (0, 1);
    loop {
        let before = place;
        let (spaces, kept) = (spaces(&bytes[place..], delimiter), fields.bytes.len());
        let found = match bytes.get(place + spaces) {
            Some(b'"') => quoted(&bytes[place + spaces..], is_over, delimiter, fields),
            _ => Quoted::No,
        };
        if let Quoted::Field(length) = found {
            place += spaces + length;
            lines += count_lines(&bytes[before..place]);
        } else {
            match found {
                Quoted::Unfinished => return Split::Unfinished,
                // Behind spaces, a quotation mark may be a character like others.
                Quoted::Bad if spaces == 0 => return Split::Bad(Unreadable::Quotes),
                _ => fields.bytes.truncate(kept),
            }
            let rest = &bytes[place..];
            let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r') || *byte == delimiter);
            place += length.unwrap_or(rest.len());
            fields.bytes.extend_from_slice(&bytes[before..place]);
        }
        fields.end();
        match bytes.get(place) {
            Some(byte) if *byte == delimiter => place += 1,
            Some(_) => {
                return match ending(&bytes[place..], is_over) {
                    Some(ending) => Split::Row { length: place + ending, lines },
                    None => Split::Unfinished,
                };
            }
            None if is_over => return Split::Row { length: place, lines },
            None => return Split::Unfinished,
        }
    }
}

enum Quoted {
    /// So many bytes, with its quotation marks; a delimiter, the end of a line or of the file follows.
    Field(usize),
    Bad,
    Unfinished,
    /// The field begins with something else.
    No,
}

/// Spaces in front of a quotation mark or behind one are no part of a field.
fn spaces(bytes: &[u8], delimiter: u8) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t') && **byte != delimiter).count()
}

/// The field that begins with a quotation mark.
fn quoted(bytes: &[u8], is_over: bool, delimiter: u8, fields: &mut Fields) -> Quoted {
    let missing = || if is_over { Quoted::Bad } else { Quoted::Unfinished };
    let mut place = 1;
    loop {
        let Some(length) = bytes[place..].iter().position(|byte| *byte == b'"') else { return missing() };
        fields.bytes.extend_from_slice(&bytes[place..place + length]);
        place += length + 1;
        match bytes.get(place) {
            Some(b'"') => {
                fields.bytes.push(b'"');
                place += 1;
            }
            _ => {
                place += spaces(&bytes[place..], delimiter);
                return match bytes.get(place) {
                    Some(b'\n' | b'\r') => Quoted::Field(place),
                    Some(byte) if *byte == delimiter => Quoted::Field(place),
                    Some(_) => Quoted::Bad,
                    None if is_over => Quoted::Field(place),
                    None => Quoted::Unfinished,
                };
            }
        }
    }
}

/// Ends of lines within a field.
fn count_lines(bytes: &[u8]) -> u64 {
    let ends = (0..bytes.len()).filter(|place| {
        bytes[*place] == b'\n' || (bytes[*place] == b'\r' && bytes.get(place + 1) != Some(&b'\n'))
    });
    ends.count() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hands out so many bytes at a time.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(bytes.len());
            bytes[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    type Read3 = (u64, Result<Vec<String>, Unreadable>);

    fn rows(text: &[u8], step: usize) -> Vec<Read3> {
        let mut splitter = Splitter::new(Trickle(text, step));
        let (mut fields, mut rows) = (Fields::default(), Vec::new());
        loop {
            let (line, found) = splitter.next(b',', &mut fields).unwrap();
            let text = |from: usize, to: usize| String::from_utf8_lossy(&fields.bytes[from..to]).into_owned();
            let starts = [0].into_iter().chain(fields.ends.iter().copied());
            match found {
                Found::End => return rows,
                Found::Unreadable(why) => rows.push((line, Err(why))),
                Found::Row => {
                    rows.push((
                        line,
                        Ok(starts.zip(&fields.ends).map(|(from, to)| text(from, *to)).collect()),
                    ));
                }
            }
        }
    }

    fn ok(line: u64, fields: &[&str]) -> Read3 {
        (line, Ok(fields.iter().map(|field| (*field).to_owned()).collect()))
    }

    #[test]
    fn fields_quotes_and_all_ends_of_lines() {
        let text = b"a,b\r\n\"c,\"\"d\"\"\",\"e\r\nf\"\r\n\n  \ng,\r,h\"i\n\"j\"";
        let wanted = [
            ok(1, &["a", "b"]),
            ok(2, &["c,\"d\"", "e\r\nf"]),
            ok(6, &["g", ""]),
            ok(7, &["", "h\"i"]),
            ok(8, &["j"]),
        ];
        for step in [1, 2, 3, 1000] {
            assert_eq!(rows(text, step), wanted, "{step} at a time");
        }
        assert_eq!(rows(b"", 1), []);
        assert_eq!(rows(b"\n\r\n ", 1), []);
    }

    #[test]
    fn spaces_around_quotes_are_no_part_of_a_field() {
        for step in [1, 3, 1000] {
            let found = rows(b"1, \"M\xc3\xbcller, Anna\" , Bonn\n2,\t\"a\"\n3, \"b\" c\n4,  d\n", step);
            let wanted = [
                ok(1, &["1", "Müller, Anna", " Bonn"]),
                ok(2, &["2", "a"]),
                ok(3, &["3", " \"b\" c"]),
                ok(4, &["4", "  d"]),
            ];
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn a_wrong_quotation_mark_costs_one_row() {
        let bad = |line| (line, Err(Unreadable::Quotes));
        assert_eq!(rows(b"a\n\"b\nc\nd\n", 9), [ok(1, &["a"]), bad(2), ok(3, &["c"]), ok(4, &["d"])]);
        assert_eq!(rows(b"\"a\"b,c\nd\n", 9), [bad(1), ok(2, &["d"])]);
        assert_eq!(rows(b"a,\"", 1), [bad(1)]);
        let mut long = b"\"a\n".to_vec();
        (0..2 * LIMIT / 2).for_each(|_| long.extend(b"b\n"));
        let found = rows(&long, LIMIT);
        assert_eq!((found.len(), &found[0]), (1 + LIMIT, &bad(1)));
    }

    #[test]
    fn a_row_without_end_costs_one_row() {
        let text = [b"a\r\n".as_slice(), &vec![b'x'; 3 * LIMIT], b"\r\nb\r\n"].concat();
        assert_eq!(rows(&text, 7000), [ok(1, &["a"]), (2, Err(Unreadable::TooLong)), ok(3, &["b"])]);
    }

    proptest! {
        #[test]
        fn rows_that_were_written_are_read(
            table in prop::collection::vec(prop::collection::vec("[a-c\",\r\n é]{0,4}", 2..4), 0..8),
            step in 1..50_usize,
        ) {
            let quote = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let lines = table.iter().map(|row| row.iter().map(quote).collect::<Vec<_>>().join(",") + "\r\n");
            let text: String = lines.collect();
            let read: Vec<_> = rows(text.as_bytes(), step).into_iter().map(|(_, row)| row.unwrap()).collect();
            prop_assert_eq!(read, table);
        }

        #[test]
        fn no_bytes_are_too_strange_and_no_line_is_read_twice(
            text in prop::collection::vec(prop::sample::select(b"a,\"\r\n\xff".to_vec()), 0..80),
            step in 1..50_usize,
        ) {
            let found = rows(&text, step);
            prop_assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0));
            prop_assert_eq!(found, rows(&text, 1000));
        }
    }
}
