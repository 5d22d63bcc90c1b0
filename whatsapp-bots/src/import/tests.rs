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
