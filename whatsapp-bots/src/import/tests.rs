use super::*;

#[test]
fn documents_that_are_none_are_refused() {
    for text in ["", "{", "nul", "{} x"] {
        assert!(matches!(read(text), Err(ImportError::Json { .. })), "{text}");
    }
    assert!(matches!(read(&"[".repeat(100_000)), Err(ImportError::Json { .. })));
    assert_eq!(read(&" ".repeat(MAX_JSON + 1)).unwrap_err().code(), "I002");
    let error = read("{\n \"secret\": word}").unwrap_err();
    assert_eq!(error, ImportError::Json { line: 2, column: 12 });
    assert!(!error.to_string().contains("secret"));
}

#[test]
fn encodings_are_told_apart() {
    assert_eq!(decode(b"{}"), Ok("{}"));
    assert_eq!(decode("\u{feff}{}".as_bytes()), Ok("{}"));
    assert!(read("\u{feff}{}").is_ok());
    let latin = decode(b"{\"name\": \"Jos\xe9\"}").unwrap_err();
    assert_eq!(latin, ImportError::Encoding { byte: 13, what: "no UTF-8, perhaps Latin-1" });
    assert!(latin.to_string().starts_with(&latin.code()) && latin.to_string().contains("UTF-8"));
    for utf16 in [&b"\xff\xfe{\0}\0"[..], b"\xfe\xff\0{\0}"] {
        assert_eq!(decode(utf16), Err(ImportError::Encoding { byte: 0, what: "UTF-16" }));
    }
    assert_eq!(decode(&vec![b' '; MAX_BYTES + 1]).unwrap_err().code(), "I002");
}
