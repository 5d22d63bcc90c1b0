//! Rows on their way, in temporary files that are gone with the process: they have no name, and hold numbers of people.
use std::{
    fmt,
    fs::File,
    hash::{DefaultHasher, Hasher},
    io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use crate::person::Phone;

/// Buffers of all files together take this times the number of files.
const BUFFER: usize = 16 * 1024;

/// A row that has passed so far. No `Debug`: there is nothing in it that may be seen.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: u64,
    /// Where it was in its source.
    pub(super) line: u64,
    /// What was there, in front.
    pub(super) raw: String,
    /// The variables, as JSON.
    pub(super) variables: Vec<u8>,
}

impl Entry {
    pub(super) fn address(&self) -> String {
        self.number.to_string()
    }

    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&self.number.to_le_bytes())?;
        to.write_all(&self.line.to_le_bytes())?;
        write_bytes(to, self.raw.as_bytes())?;
        write_bytes(to, &self.variables)
    }

    /// The next one; false at the end.
    pub(super) fn read(&mut self, from: &mut impl Read) -> io::Result<bool> {
        let Some(number) = read_word(from)? else { return Ok(false) };
        self.number = number;
        self.line = read_word(from)?.ok_or(ErrorKind::UnexpectedEof)?;
        let mut raw = std::mem::take(&mut self.raw).into_bytes();
        read_bytes(from, &mut raw)?;
        self.raw = String::from_utf8(raw).map_err(|_| ErrorKind::InvalidData)?;
        read_bytes(from, &mut self.variables)?;
        Ok(true)
    }
}

fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| ErrorKind::InvalidInput)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(bytes)
}

fn read_bytes(from: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    bytes.resize(u32::from_le_bytes(length) as usize, 0);
    from.read_exact(bytes)
}

/// Eight bytes, or nothing at the end.
fn read_word(from: &mut impl Read) -> io::Result<Option<u64>> {
    let mut word = [0; 8];
    match from.read_exact(&mut word) {
        Ok(()) => Ok(Some(u64::from_le_bytes(word))),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Files side by side; each one is made when the first thing is written to it.
pub(super) struct Files {
    folder: PathBuf,
    files: Vec<Option<BufWriter<File>>>,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

impl Files {
    pub(super) fn new(folder: &Path, count: usize) -> Self {
        Self { folder: folder.to_owned(), files: (0..count).map(|_| None).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// To write to one.
    pub(super) fn writer(&mut self, place: usize) -> io::Result<&mut BufWriter<File>> {
        let file = &mut self.files[place];
        match file {
            Some(file) => Ok(file),
            None => Ok(file.insert(BufWriter::with_capacity(BUFFER, tempfile::tempfile_in(&self.folder)?))),
        }
    }

    /// Writes out what is in buffers, and lets go of them.
    pub(super) fn finish(self) -> io::Result<Written> {
        let inner = |file: BufWriter<File>| file.into_inner().map_err(io::IntoInnerError::into_error);
        let files = self.files.into_iter().map(|file| file.map(inner).transpose());
        Ok(Written { files: files.collect::<Result<_, _>>()? })
    }
}

/// Files that are written.
pub(super) struct Written {
    files: Vec<Option<File>>,
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").field("files", &self.files.len()).finish()
    }
}

impl Written {
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// To read one from its beginning; `None` when there is nothing in it.
    pub(super) fn reader(&mut self, place: usize) -> io::Result<Option<BufReader<&mut File>>> {
        let Some(file) = self.files.get_mut(place).and_then(Option::as_mut) else { return Ok(None) };
        file.seek(SeekFrom::Start(0))?;
        Ok(Some(BufReader::with_capacity(8 * BUFFER, file)))
    }

    /// Gives the room of one on the disk back.
    pub(super) fn forget(&mut self, place: usize) {
        if let Some(file) = self.files.get_mut(place) {
            *file = None;
        }
    }
}

/// In which of so many files a number goes. Nobody can choose numbers that all go into one: the key decides.
pub(super) fn partition(key: &[u8; 32], phone: Phone, count: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.write_u64(phone.number());
    usize::try_from(hasher.finish() % count as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_are_read_as_they_were_written(
            entries in prop::collection::vec(
                (any::<u64>(), any::<u64>(), "\\PC{0,8}", prop::collection::vec(any::<u8>(), 0..9)),
                0..9,
            ),
        ) {
            let mut files = Files::new(&std::env::temp_dir(), 2);
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(number, line, raw, variables)| Entry { number, line, raw, variables })
                .collect();
            for entry in &entries {
                entry.write(files.writer(1).unwrap()).unwrap();
            }
            let mut written = files.finish().unwrap();
            prop_assert!(written.reader(0).unwrap().is_none());
            let (mut read, mut entry) = (Vec::new(), Entry::default());
            if let Some(mut reader) = written.reader(1).unwrap() {
                while entry.read(&mut reader).unwrap() {
                    read.push(entry.clone());
                }
            }
            prop_assert!(read == entries);
        }
    }

    #[test]
    fn an_entry_that_is_cut_is_an_error() {
        let mut bytes = Vec::new();
        Entry { number: 1, line: 2, raw: "raw".into(), variables: vec![1, 2] }.write(&mut bytes).unwrap();
        for end in 8..bytes.len() {
            assert!(Entry::default().read(&mut &bytes[..end]).is_err(), "{end}");
        }
    }
}
