//! XLSX workbooks, made here: an archive of a few XML files that are not packed.
use std::io::Cursor;

use proptest::prelude::*;
use whatsapp_campaigns::audience::{FileError, XlsxSource};

use super::*;

/// CRC-32 as in ZIP.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// An archive of files.
fn archive(files: &[(&str, String)]) -> Vec<u8> {
    let (mut archive, mut index) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let start = archive.len() as u32;
        let mut entry = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        entry.extend(crc(text.as_bytes()).to_le_bytes());
        entry.extend((text.len() as u32).to_le_bytes());
        entry.extend((text.len() as u32).to_le_bytes());
        entry.extend((name.len() as u16).to_le_bytes());
        entry.extend([0, 0]);
        archive.extend(b"PK\x03\x04");
        archive.extend(&entry);
        archive.extend(name.bytes().chain(text.bytes()));
        index.extend(b"PK\x01\x02\x14\0");
        index.extend(&entry);
        index.extend([0; 10]);
        index.extend(start.to_le_bytes());
        index.extend(name.bytes());
    }
    let (start, count) = (archive.len() as u32, (files.len() as u16).to_le_bytes());
    archive.extend(&index);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend(count.into_iter().chain(count));
    archive.extend((index.len() as u32).to_le_bytes().into_iter().chain(start.to_le_bytes()));
    archive.extend([0, 0]);
    archive
}

/// A workbook with one sheet of these rows.
fn workbook(rows: &str) -> Vec<u8> {
    let main = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    archive(&[
        (
            "_rels/.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "<workbook {main} xmlns:r=\"{office}\"><sheets><sheet name=\"People\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Type=\"{office}/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>"
            ),
        ),
        ("xl/sharedStrings.xml", format!("<sst {main}><si><t>phone</t></si><si><t>name</t></si></sst>")),
        ("xl/worksheets/sheet1.xml", format!("<worksheet {main}><sheetData>{rows}</sheetData></worksheet>")),
    ])
}

const ROWS: &str = "<row r=\"2\"><c r=\"B2\" t=\"s\"><v>0</v></c><c r=\"C2\" t=\"s\"><v>1</v></c></row>\
    <row r=\"3\"><c r=\"B3\"><v>4915123456789</v></c><c r=\"C3\" t=\"inlineStr\"><is><t>Ada</t></is></c></row>\
    <row r=\"4\"><c r=\"B4\"><v>4.915123456780E12</v></c><c r=\"C4\"><v>1.5</v></c></row>\
    <row r=\"5\"><c r=\"C5\" t=\"inlineStr\"><is><t>nobody</t></is></c></row>\
    <row r=\"6\"/>\
    <row r=\"7\"><c r=\"B7\" t=\"inlineStr\"><is><t>0151 23456789</t></is></c></row>";

fn freeze_xlsx(bytes: Vec<u8>) -> Result<Frozen, AudienceError> {
    freeze(XlsxSource::new(Cursor::new(bytes)), mapping())
}

#[test]
fn numbers_are_read_with_all_their_digits() {
    let frozen = freeze_xlsx(workbook(ROWS)).unwrap();
    let rows: BTreeMap<_, _> =
        frozen.rows().into_iter().map(|(address, row)| (address, row["name"].clone())).collect();
    let wanted = [("4915123456780", "1.5"), ("4915123456789", "Ada")]
        .map(|(address, name)| (address.to_owned(), name.to_owned()));
    assert_eq!(rows, wanted.into());
    assert_eq!(frozen.lines(), ["5,,invalid_number.empty,", "7,0151 23456789,duplicate,"]);
}

#[test]
fn what_is_no_workbook_says_so() {
    let why = |bytes: Vec<u8>| match freeze_xlsx(bytes) {
        Err(AudienceError::File(why)) => Some(why),
        _ => None,
    };
    assert_eq!(why(b"phone,name\n".to_vec()), Some(FileError::Workbook));
    assert_eq!(why(archive(&[])), Some(FileError::Workbook));
    assert_eq!(why(workbook("")), Some(FileError::Empty));
    let absent = XlsxSource::new(Cursor::new(workbook(ROWS))).sheet("Others");
    assert!(matches!(freeze(absent, mapping()), Err(AudienceError::File(FileError::Sheet))));
    assert!(matches!(freeze_csv(&workbook(ROWS)), Err(AudienceError::File(FileError::Archive))));
}

proptest! {
    #[test]
    fn a_damaged_workbook_does_no_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = workbook(ROWS);
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Err(why) = freeze_xlsx(bytes) {
            prop_assert!(matches!(why, AudienceError::File(_)), "{why}");
        }
    }

    #[test]
    fn cells_anywhere_do_no_harm(cells in prop::collection::vec(("[A-Z]{1,4}[0-9]{1,8}", "[0-9.E-]{0,6}", "[a-z]{0,1}"), 0..6)) {
        let cell = |(place, value, kind): &(String, String, String)| format!("<c r=\"{place}\" t=\"{kind}\"><v>{value}</v></c>");
        let cells: String = cells.iter().map(cell).collect();
        let rows = format!("<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row><row r=\"2\">{cells}</row>");
        if let Err(why) = freeze_xlsx(workbook(&rows)) {
            prop_assert!(matches!(why, AudienceError::File(_)), "{why}");
        }
    }
}
