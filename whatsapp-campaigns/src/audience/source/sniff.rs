//! What is no table, by its first bytes.
use crate::audience::error::FileError;

/// First bytes of formats that are no text.
const FORMATS: [(&[u8], FileError); 12] = [
    (b"PK\x03\x04", FileError::Archive),
    (b"\xd0\xcf\x11\xe0", FileError::NoTable("an old Excel or Word file")),
    (b"%PDF-", FileError::NoTable("a PDF document")),
    (b"\x89PNG", FileError::NoTable("a picture")),
    (b"\xff\xd8\xff", FileError::NoTable("a picture")),
    (b"GIF8", FileError::NoTable("a picture")),
    (b"RIFF", FileError::NoTable("a picture, a sound or a film")),
    (b"\x1f\x8b", FileError::NoTable("an archive")),
    (b"Rar!", FileError::NoTable("an archive")),
    (b"7z\xbc\xaf", FileError::NoTable("an archive")),
    (b"SQLite format", FileError::NoTable("a database")),
    (b"{\\rtf", FileError::NoTable("an RTF document")),
];

/// Can it be a table in text? The error says what it is.
pub(super) fn is_text(start: &[u8]) -> Result<(), FileError> {
    if let Some((_, what)) = FORMATS.iter().find(|(first, _)| start.starts_with(first)) {
        return Err(*what);
    }
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let head = String::from_utf8_lossy(&text[..text.len().min(1_024)]).to_lowercase();
    match head.chars().next() {
        None => Err(FileError::Empty),
        Some('<') => Err(FileError::NoTable("a web page or XML")),
        Some('{') => Err(FileError::NoTable("JSON")),
        Some('[') if is_json_list(&head) => Err(FileError::NoTable("JSON")),
        Some('-') if head.starts_with("--") && head.contains("content-disposition:") => Err(FileError::Form),
        _ if head.starts_with("begin:vcard") => Err(FileError::NoTable("a contact card")),
        _ => Ok(()),
    }
}

/// `[name], [phone]` is a line of names, `["Ada", …` is not.
fn is_json_list(head: &str) -> bool {
    let next = head[1..].trim_start().chars().next();
    next.is_none_or(|next| matches!(next, '{' | '[' | '"' | ']' | '-') || next.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_table_is_named() {
        for (bytes, what) in [
            (b"%PDF-1.7\n".as_slice(), "PDF"),
            (b"\x89PNG\r\n\x1a\n", "picture"),
            (b"  <!DOCTYPE html><html>", "web page"),
            (b"\xef\xbb\xbf<?xml version=\"1.0\"?>", "XML"),
            (b"{\"phone\":\"+49\"}", "JSON"),
            (b"[ {\"phone\":\"+49\"}]", "JSON"),
            (b"--x1\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nphone\r\n", "form"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel"),
            (b"PK\x03\x04", "workbook"),
            (b"BEGIN:VCARD\nVERSION:3.0", "contact card"),
            (b" \r\n", "empty"),
            (b"", "empty"),
        ] {
            let why = is_text(bytes).unwrap_err().to_string();
            assert!(why.contains(what), "{why}");
        }
        for bytes in
            [b"phone,name\n".as_slice(), b"[phone],[name]\n", b"--,phone\n", b"\"phone\";x\n", b"-\n"]
        {
            assert_eq!(is_text(bytes), Ok(()));
        }
    }
}
