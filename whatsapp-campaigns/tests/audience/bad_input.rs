//! The list of the issue: counted, explained, exported, never sent.
use std::iter;

use whatsapp_campaigns::audience::{FileError, ListSource, Reason};

use super::*;

#[test]
fn a_file_in_another_encoding_is_read_or_refused_with_advice() {
    let frozen = freeze_csv(b"phone;name\n0151 23456789;J\xfcrgen\n").unwrap();
    assert_eq!(frozen.rows()[0].1["name"], "Jürgen", "as Windows-1252");
    let utf16: Vec<u8> = "\u{feff}phone\tname\r\n0151 23456789\tJürgen\r\n"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    assert_eq!(freeze_csv(&utf16).unwrap().rows()[0].1["name"], "Jürgen");
    let unmarked = freeze_csv(&utf16[2..]).unwrap();
    assert_eq!(unmarked.rows()[0].1["name"], "Jürgen");
    assert_eq!(unmarked.report.file.encoding.as_deref(), Some("UTF-16BE"));
    // One row that is not in the encoding of all others.
    let mixed = freeze_csv("phone,name\n015123456789,Jürgen\n".as_bytes()).unwrap();
    assert_eq!(mixed.report.accepted, 1);
    let mixed =
        [b"phone,name\n015123456789,J\xc3\xbcrgen J\xc3\xbcrgen\n".as_slice(), b"015123456780,J\xfcrgen\n"]
            .concat();
    let mixed = freeze_csv(&mixed).unwrap();
    assert_eq!(mixed.reasons(), [("unreadable.encoding", 1)]);
    assert_eq!(mixed.lines().len(), 1);
    assert!(mixed.lines()[0].starts_with("3,015123456780"), "{}", mixed.lines()[0]);
}

#[test]
fn a_missing_column_is_named_with_those_that_there_are() {
    let why = freeze_csv(b"telephone,name\n015123456789,Ada\n").map(|_| ()).unwrap_err().to_string();
    assert!(why.contains("`phone`") && why.contains("`telephone`, `name`"), "{why}");
    // A row that ends before the column.
    let frozen = freeze_csv(b"name,phone\nAda,015123456789\nBob\n").unwrap();
    assert_eq!((frozen.report.accepted, frozen.report.refused.of(Reason::MissingColumn)), (1, 1));
    assert!(frozen.report.absent_columns.is_empty());
    // Two with one name.
    let twice = freeze_csv(b"phone, Phone\n1,2\n").map(|_| ()).unwrap_err();
    assert!(matches!(twice, AudienceError::File(FileError::AmbiguousColumn)));
}

#[test]
fn a_number_in_five_shapes_is_written_to_once() {
    let frozen = freeze_csv(
        b"phone,name\n0151 23456789,first\n+49 151 23456789,2\n0049-151-23456789,3\n(0151) 234 567 89,4\n4915123456789,5\n",
    )
    .unwrap();
    let name = [("name".to_owned(), "first".to_owned())].into();
    assert_eq!(frozen.rows(), [("4915123456789".to_owned(), name)]);
    assert_eq!(frozen.reasons(), [("duplicate", 4)]);
    assert_eq!(frozen.lines()[1], "4,0049-151-23456789,duplicate,");
}

#[test]
fn a_million_duplicates_are_one() {
    let shapes = ["0151 23456789", "+4915123456789", "004915123456789"];
    let numbers = iter::repeat_n(shapes, 333_334).flatten().take(1_000_000);
    let mapping = Mapping::list(consent()).region("DE".parse().unwrap());
    let frozen = freeze(ListSource::new(numbers), mapping).unwrap();
    assert_eq!(frozen.addresses(), ["4915123456789"]);
    assert_eq!(frozen.reasons(), [("duplicate", 999_999)]);
    assert_eq!(frozen.lines().len(), 999_999);
}

#[test]
fn a_variable_nobody_has() {
    let file = || CsvSource::new(b"phone,name\n015123456789,Ada\n015123456780,\n".as_slice());
    let frozen = freeze(file(), mapping().variable("code", "voucher", MissingValue::Exclude)).unwrap();
    assert_eq!(frozen.reasons(), [("missing_variable", 2)]);
    assert_eq!(frozen.report.absent_columns, ["voucher"]);
    assert_eq!(frozen.lines()[0], "2,015123456789,missing_variable,code");
    let frozen = freeze(file(), mapping().variable("name", "name", MissingValue::Exclude)).unwrap();
    assert_eq!((frozen.report.accepted, frozen.reasons()), (1, vec![("missing_variable", 1)]));
    let frozen =
        freeze(file(), mapping().variable("name", "name", MissingValue::Default("friend".into()))).unwrap();
    let mut names: Vec<_> = frozen.rows().into_iter().map(|(_, row)| row["name"].clone()).collect();
    names.sort();
    assert_eq!(names, ["Ada", "friend"]);
}

#[test]
fn reasons_of_numbers_are_told_apart_and_the_raw_text_is_kept() {
    let frozen =
        freeze_csv(b"phone\n\"01512, 3456789\"\n4.91512E+11\nn/a\n+999 12345\n+55 11 91\n\"\n\"\nlast \"\n")
            .unwrap();
    assert_eq!(
        frozen.lines(),
        [
            "2,\"01512, 3456789\",invalid_number.several,",
            "3,4.91512E+11,invalid_number.rounded,\"a spreadsheet has rounded it, and digits are lost: format the column as text and save again\"",
            "4,n/a,invalid_number.letters,",
            "5,+999 12345,invalid_number.unknown_country,\"it begins with no country's code that exists: write it as +49…, or name the country with region\"",
            "6,+55 11 91,invalid_number.too_short,",
            "9,\"last \"\"\",invalid_number.letters,",
        ]
    );
}

#[test]
fn no_consent_in_the_row_is_no_consent() {
    let file = b"phone,ok\n015123456789,Yes\n015123456780,no\n015123456781,\n015123456782\n";
    let frozen = freeze(CsvSource::new(file.as_slice()), mapping().agreed("ok", &["yes", "ja"])).unwrap();
    assert_eq!(
        (frozen.addresses(), frozen.reasons()),
        (vec!["4915123456789".to_owned()], vec![("no_consent", 3)])
    );
    let absent = freeze(CsvSource::new(file.as_slice()), mapping().agreed("consent", &["yes"])).unwrap();
    assert_eq!((absent.report.accepted, absent.reasons()), (0, vec![("no_consent", 4)]));
    assert_eq!(absent.report.absent_columns, ["name", "consent"]);
}

#[test]
fn a_cell_with_ends_of_lines_and_tabs_keeps_its_customer() {
    let frozen = freeze_csv(b"phone,name\n015123456789,\"Ada\r\nLovelace\tJr\x07.\"\n").unwrap();
    assert_eq!(frozen.rows()[0].1["name"], "Ada\nLovelace Jr.");
    let frozen = freeze_csv("phone, name, city\n015123456789, \"Müller, Anna\", Bonn\n".as_bytes()).unwrap();
    assert_eq!(frozen.rows()[0].1["name"], "Müller, Anna");
}

#[test]
fn the_answer_says_how_the_file_was_read() {
    let bytes = b"phone;name\n+79161234567;\xc8\xe2\xe0\xed\n".as_slice();
    let report = freeze_csv(bytes).unwrap().report.file;
    assert_eq!(report.encoding.as_deref(), Some("windows-1251"));
    assert_eq!(report.delimiter.as_deref(), Some(";"));
    assert_eq!(report.sample, [["phone", "name"], ["+79161234567", "Иван"]]);
    let said = CsvSource::new(bytes).encoding("cp1252".parse().unwrap());
    let report = freeze(said, mapping()).unwrap().report.file;
    assert_eq!((report.encoding.as_deref(), report.sample[1][1].as_str()), (Some("windows-1252"), "Èâàí"));
}
