//! How large a workbook is once it is unpacked: a megabyte can become gigabytes in the memory of who reads it.
use std::io::{Read, Seek};

use zip::ZipArchive;

use crate::audience::error::{AudienceError, FileError};

/// Bytes of all files of a workbook: ten million rows and more.
const MOST: u64 = 4 << 30;
/// Bytes of the texts that cells share, which are in memory together.
const MOST_TEXTS: u64 = 256 << 20;
/// Bytes without the beginning of an element. A cell has at most 32,767 characters.
const LONGEST: u64 = 1 << 20;

/// Unpacks everything once, and keeps nothing.
///
/// # Errors
/// [`FileError::Workbook`] when it is none, [`FileError::Unpacked`] when it grows too large.
pub(super) fn check<R: Read + Seek>(workbook: R) -> Result<(), AudienceError> {
    let mut archive = ZipArchive::new(workbook).map_err(|_| FileError::Workbook)?;
    let (mut total, mut part) = (0_u64, vec![0_u8; 64 << 10]);
    for place in 0..archive.len() {
        let mut file = archive.by_index(place).map_err(|_| FileError::Workbook)?;
        let is_texts = file.name().is_ok_and(|name| name.ends_with("sharedStrings.xml"));
        let (mut length, mut run) = (0_u64, 0_u64);
        loop {
            let read = file.read(&mut part).map_err(|_| FileError::Workbook)?;
            if read == 0 {
                break;
            }
            length += read as u64;
            total += read as u64;
            run = longest_run(&part[..read], run)?;
            if total > MOST || (is_texts && length > MOST_TEXTS) {
                return Err(FileError::Unpacked.into());
            }
        }
    }
    Ok(())
}

/// Goes on with a run of bytes without `<`; gives the one that is open at the end.
fn longest_run(bytes: &[u8], open: u64) -> Result<u64, FileError> {
    let mut run = open;
    for piece in bytes.split_inclusive(|byte| *byte == b'<') {
        run += piece.len() as u64;
        if run > LONGEST {
            return Err(FileError::Unpacked);
        }
        if piece.ends_with(b"<") {
            run = 0;
        }
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn packed(name: &str, parts: impl Iterator<Item = &'static [u8]>) -> Cursor<Vec<u8>> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        parts.for_each(|part| writer.write_all(part).unwrap());
        writer.finish().unwrap()
    }

    #[test]
    fn what_grows_without_end_is_refused() {
        let cell = std::iter::repeat_n(&[b'7'; 1 << 16][..], 17);
        let cell = packed("xl/worksheets/sheet1.xml", std::iter::once(&b"<v>"[..]).chain(cell));
        assert!(cell.get_ref().len() < 10_000);
        assert!(matches!(check(cell), Err(AudienceError::File(FileError::Unpacked))));
        let texts = packed("xl/sharedStrings.xml", std::iter::repeat_n(&[b'<'; 1 << 20][..], 257));
        assert!(matches!(check(texts), Err(AudienceError::File(FileError::Unpacked))));
        let good = packed("xl/sharedStrings.xml", std::iter::repeat_n(&b"<t>a name</t>"[..], 100_000));
        assert!(check(good).is_ok());
        assert!(matches!(check(Cursor::new(b"no zip")), Err(AudienceError::File(FileError::Workbook))));
    }
}
