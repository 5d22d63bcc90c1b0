//! Decimal digits of every script, as the digits 0 to 9.
use std::{borrow::Cow, sync::OnceLock};

use regex_syntax::hir::{Class, HirKind};

/// The first and the last character of each run of decimal digits, in order.
static RUNS: OnceLock<Vec<(char, char)>> = OnceLock::new();

/// The runs of Unicode's decimal digits (general category `Nd`). Unicode keeps the ten digits of a script together and in order, so
/// that each run is a multiple of ten long and begins with a zero.
fn runs() -> &'static [(char, char)] {
    RUNS.get_or_init(|| match regex_syntax::parse(r"\d").map(|hir| hir.into_kind()) {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.iter().map(|range| (range.start(), range.end())).collect()
        }
        _ => vec![('0', '9')],
    })
}

/// The value of a decimal digit of any script.
pub(crate) fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.is_ascii_digit().then(|| c as u8 - b'0');
    }
    let runs = runs();
    let after = runs.partition_point(|(first, _)| *first <= c);
    let (first, last) = *runs.get(after.checked_sub(1)?)?;
    (c <= last).then(|| ((c as u32 - first as u32) % 10) as u8)
}

/// A decimal digit as one of 0 to 9; any other character as it is.
pub(crate) fn ascii_digit(c: char) -> char {
    digit(c).map_or(c, |value| (b'0' + value) as char)
}

/// Does somebody see it? Marks of direction, joiners and the like stand between digits unseen.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}' | '\u{20e3}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// A text as dates, times, numbers and telephone numbers are read from it: digits are 0 to 9, full-width characters are the usual
/// ones, every space is one kind of space, and what cannot be seen is gone.
pub(crate) fn readable(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let plain = text.chars().filter(|c| !is_invisible(*c)).map(|c| match c {
        // ! to ~, written as wide as an ideograph.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c if c.is_whitespace() && c != '\n' => ' ',
        c => ascii_digit(c),
    });
    Cow::Owned(plain.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_has_ten_digits() {
        assert!(runs().len() > 50, "Unicode's table is there");
        for (first, last) in runs() {
            assert_eq!((*last as u32 - *first as u32 + 1) % 10, 0, "{first}");
            assert_eq!((digit(*first), digit(*last)), (Some(0), Some(9)), "{first}");
        }
        assert_eq!((digit('a'), digit('²'), digit('Ⅳ'), digit('二')), (None, None, None, None));
    }

    #[test]
    fn digits_become_those_of_ascii() {
        for text in [
            "٢٥",
            "۲۵",
            "२५",
            "২৫",
            "๒๕",
            "２５",
            "໒໕",
            "២៥",
            "၂၅",
            "𝟐𝟓",
            "𝟮𝟱",
            "༢༥",
            "᠒᠕",
            "\u{202a}2\u{202c}5",
        ] {
            assert_eq!(readable(text), "25", "{text}");
        }
        assert_eq!(readable("＋１\u{a0}２．５"), "+1 2.5");
        assert_eq!(readable("2\u{fe0f}\u{20e3}"), "2");
    }
}
