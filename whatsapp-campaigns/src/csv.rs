//! The one writer of CSV: cells that a spreadsheet opens as text.

/// A cell. Text that a spreadsheet would take for a formula has an apostrophe in front; what is only a number keeps its
/// sign.
pub(crate) fn cell(value: &str) -> String {
    let guarded = if is_formula(value) { format!("'{value}") } else { value.to_owned() };
    if guarded.contains([',', '"', '\r', '\n', ';', '\t']) || guarded.trim() != guarded {
        return format!("\"{}\"", guarded.replace('"', "\"\""));
    }
    guarded
}

/// A line of cells.
pub(crate) fn line<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = values.into_iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

fn is_formula(value: &str) -> bool {
    // A tab or the end of a line in front is a way to hide a formula; spaces are passed over by some programs.
    let begins =
        |c: char| matches!(c, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}');
    let is_hidden = value.starts_with(['\t', '\r', '\n']);
    (is_hidden || value.trim_start().starts_with(begins)) && !is_number(value)
}

/// A sign, digits, and spaces between them: there is nothing to work out.
fn is_number(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == ' ')
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (value, written) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2+3", "'-2+3"),
            ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            (" =1", "' =1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("+", "'+"),
            ("+4915123456789", "+4915123456789"),
            ("+49 151", "+49 151"),
            ("-5", "-5"),
            ("a,b", "\"a,b\""),
            ("\"", "\"\"\"\""),
            (" x", "\" x\""),
            ("=\"x\"", "\"'=\"\"x\"\"\""),
            ("", ""),
        ] {
            assert_eq!(cell(value), written);
        }
        assert_eq!(line(["a", "=b"]), "a,'=b\r\n");
    }
}
