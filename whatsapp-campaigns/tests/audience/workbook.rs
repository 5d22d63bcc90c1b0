//! XLSX workbooks, made here: an archive of a few XML files that are not packed.
use std::io::{Cursor, Write};

use proptest::prelude::*;
use whatsapp_campaigns::audience::{FileError, XlsxSource};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;

/// An archive of files, not packed.
fn archive(files: &[(&str, String)]) -> Vec<u8> {
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        archive.start_file(*name, stored).unwrap();
        archive.write_all(text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
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
    assert!(matches!(freeze(absent, mapping()), Err(AudienceError::NoSheet { .. })));
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

/// A workbook with number formats, and sheets by name, state and rows.
fn styled(formats: &[&str], sheets: &[(&str, &str, &str)]) -> Vec<u8> {
    let main = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let code = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let numbered = || formats.iter().zip(164..);
    let codes: String = numbered()
        .map(|(format, id)| format!("<numFmt numFmtId=\"{id}\" formatCode=\"{}\"/>", code(format)))
        .collect();
    let styles: String =
        numbered().map(|(_, id)| format!("<xf numFmtId=\"{id}\" applyNumberFormat=\"1\"/>")).collect();
    let named: String = sheets
        .iter()
        .zip(1..)
        .map(|((name, state, _), id)| {
            format!("<sheet name=\"{name}\" sheetId=\"{id}\" state=\"{state}\" r:id=\"rId{id}\"/>")
        })
        .collect();
    let targets: String = (1..=sheets.len())
        .map(|id| {
            format!("<Relationship Id=\"rId{id}\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet{id}.xml\"/>")
        })
        .collect();
    let mut files = vec![
        (
            "_rels/.rels".to_owned(),
            format!(
                "<Relationships xmlns=\"{package}\"><Relationship Id=\"rId1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml".to_owned(),
            format!("<workbook {main} xmlns:r=\"{office}\"><sheets>{named}</sheets></workbook>"),
        ),
        (
            "xl/_rels/workbook.xml.rels".to_owned(),
            format!(
                "<Relationships xmlns=\"{package}\">{targets}<Relationship Id=\"rId99\" Type=\"{office}/styles\" Target=\"styles.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/styles.xml".to_owned(),
            format!(
                "<styleSheet {main}><numFmts>{codes}</numFmts><cellXfs><xf numFmtId=\"0\"/>{styles}</cellXfs></styleSheet>"
            ),
        ),
    ];
    for ((_, _, rows), id) in sheets.iter().zip(1..) {
        let text = format!("<worksheet {main}><sheetData>{rows}</sheetData></worksheet>");
        files.push((format!("xl/worksheets/sheet{id}.xml"), text));
    }
    let files: Vec<(&str, String)> = files.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    archive(&files)
}

const HEADER: &str = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>phone</t></is></c>\
    <c r=\"B1\" t=\"inlineStr\"><is><t>name</t></is></c></row>";

fn row(line: u32, attributes: &str, phone: &str, style: usize, value: &str) -> String {
    format!(
        "<row r=\"{line}\" {attributes}><c r=\"A{line}\"><v>{phone}</v></c><c r=\"B{line}\" s=\"{style}\"><v>{value}</v></c></row>"
    )
}

#[test]
fn cells_are_read_as_the_sheet_shows_them() {
    for (format, value, shown) in [
        ("h:mm", "0.4375", "10:30"),
        ("0.00", "0.30000000000000004", "0.30"),
        ("dd.mm.yyyy", "46350", "24.11.2026"),
        ("[h]:mm", "1.5", "36:00"),
        ("0%", "0.25", "25%"),
        ("#,##0.00 \"€\"", "1234.5", "1,234.50 €"),
        ("General", "0.30000000000000004", "0.3"),
    ] {
        let rows = format!("{HEADER}{}", row(2, "", "4915123456789", 1, value));
        let frozen = freeze_xlsx(styled(&[format], &[("People", "visible", &rows)])).unwrap();
        assert_eq!(frozen.rows()[0].1["name"], shown, "{format} of {value}");
    }
    // The number of a phone has all its digits, however it is shown.
    for format in ["0.00E+00", "#,##0", "0.0", "General", "+00 000 0000000"] {
        let rows = format!("{HEADER}<row r=\"2\"><c r=\"A2\" s=\"1\"><v>4915123456789</v></c></row>");
        let frozen = freeze_xlsx(styled(&[format], &[("People", "visible", &rows)])).unwrap();
        assert_eq!(frozen.addresses(), ["4915123456789"], "{format}");
    }
    let rows = format!("{HEADER}<row r=\"2\"><c r=\"A2\" s=\"1\"><v>15123456789</v></c></row>");
    let frozen = freeze_xlsx(styled(&["000000000000"], &[("People", "visible", &rows)])).unwrap();
    assert_eq!(frozen.addresses(), ["4915123456789"], "a leading zero that only the format has");
}

#[test]
fn the_first_sheet_that_is_seen_or_the_one_that_is_named() {
    let of = |phone: &str| format!("{HEADER}{}", row(2, "", phone, 0, "1"));
    let (one, two, three) = (of("4915123456781"), of("4915123456782"), of("4915123456783"));
    let book = styled(&[], &[("Old", "hidden", &one), ("New", "visible", &two), ("Next", "visible", &three)]);
    let source = || XlsxSource::new(Cursor::new(book.clone()));
    let frozen = freeze(source(), mapping()).unwrap();
    assert_eq!(frozen.addresses(), ["4915123456782"]);
    assert_eq!(frozen.report.file.sheet.as_deref(), Some("New"));
    for (name, address) in [("Next", 3), ("next", 3), ("3", 3), ("1", 1), ("Old", 1)] {
        let frozen = freeze(source().sheet(name), mapping()).unwrap();
        assert_eq!(frozen.addresses(), [format!("491512345678{address}")], "{name}");
    }
    let why = freeze(source().sheet("9"), mapping()).map(|_| ()).unwrap_err().to_string();
    assert!(why.contains("`9`") && why.contains("`Old`, `New`, `Next`"), "{why}");
}

#[test]
fn rows_that_are_hidden_are_left_out_and_counted() {
    let rows = format!(
        "{HEADER}{}{}{}",
        row(2, "hidden=\"1\"", "4915123456781", 0, "1"),
        row(3, "", "4915123456782", 0, "2"),
        row(4, "hidden=\"true\"", "4915123456783", 0, "3"),
    );
    let book = styled(&[], &[("People", "visible", &rows)]);
    let frozen = freeze_xlsx(book.clone()).unwrap();
    assert_eq!(
        (frozen.addresses(), frozen.reasons()),
        (vec!["4915123456782".to_owned()], vec![("hidden_row", 2)])
    );
    assert_eq!(frozen.report.file.hidden_rows, 2);
    let all = freeze(XlsxSource::new(Cursor::new(book)).with_hidden_rows(), mapping()).unwrap();
    assert_eq!((all.report.accepted, all.report.file.hidden_rows), (3, 2));
}
