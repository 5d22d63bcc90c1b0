//! Telephone numbers, by the numbering plans of the library.
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType, Region};

use crate::numbers::readable;

/// Characters of the longest text that is looked at.
const LONGEST: usize = 64;

/// The country of a calling code such as `55`; of several with one code, the main one. `None` when there is no such code.
pub(super) fn region(code: &str) -> Option<Region> {
    PHONE_NUMBER_UTIL.get_region_for_country_code(code.parse().ok()?)
}

/// A number as `+` and its digits. `home` is the country of numbers that are written without a calling code; without it, a number
/// needs one.
pub(super) fn phone(text: &str, home: Option<Region>) -> Option<String> {
    let dialled = dialled(text)?;
    if let Some(international) = international(&dialled) {
        return written(&parsed(&international, None)?);
    }
    let home = home?;
    let national = parsed(&dialled, Some(home));
    let code = PHONE_NUMBER_UTIL.get_country_code_for_region(home)?.to_string();
    let whole = dialled.starts_with(&code).then(|| parsed(&format!("+{dialled}"), None)).flatten();
    // Digits that begin with the country's own code may be meant with it or without it: the one that exists is, and of two a mobile one.
    let rank = |number: &PhoneNumber| (PHONE_NUMBER_UTIL.is_valid_number(number), is_mobile(number));
    match (national, whole) {
        (Some(national), Some(whole)) if rank(&national) >= rank(&whole) => written(&national),
        (_, Some(whole)) => written(&whole),
        (national, None) => written(&national?),
    }
}

fn is_mobile(number: &PhoneNumber) -> bool {
    let kind = PHONE_NUMBER_UTIL.get_number_type(number);
    matches!(kind, PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile)
}

/// With `+` in front, if a number begins as one for another country: `+44`, `0044`.
fn international(dialled: &str) -> Option<String> {
    if dialled.starts_with('+') {
        return Some(dialled.to_owned());
    }
    dialled.strip_prefix("00").map(|digits| format!("+{digits}"))
}

/// The digits of a text, with `+` in front if it has one; `None` when something else stands in it.
fn dialled(text: &str) -> Option<String> {
    let text = readable(text.trim());
    let text = text.trim().trim_matches(['<', '>', '"']).trim();
    if text.len() > LONGEST {
        return None;
    }
    // Behind a semicolon, a link has its parameters.
    let text = match text.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("tel:")) {
        Some(_) => text[4..].split(';').next().unwrap_or_default(),
        None => text,
    };
    let text = text.trim().replace("%20", " ");
    let (plus, rest) = match text.strip_prefix('+').or_else(|| text.strip_prefix("(+")) {
        Some(rest) => ("+", rest),
        None => ("", text.as_str()),
    };
    let mut digits = String::from(plus);
    for c in rest.chars() {
        match c {
            '0'..='9' => digits.push(c),
            ' ' | '-' | '.' | '(' | ')' | '/' | '\t' | '[' | ']' | '~' | '·' => {}
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' => {}
            _ => return None,
        }
    }
    // With the calling code, the zero of numbers within the country is left out: `+44 (0)20`.
    if let Some(place) = rest.find("(0)").filter(|_| plus == "+" || rest.starts_with("00")) {
        let before = rest[..place].chars().filter(char::is_ascii_digit).count() + plus.len();
        if !is_kept(&digits) {
            digits.remove(before);
        }
    }
    Some(digits)
}

/// Does the country of an international number keep the zero, as Italy does?
fn is_kept(digits: &str) -> bool {
    let code = international(digits).and_then(|number| PHONE_NUMBER_UTIL.parse(number, None).ok());
    code.is_some_and(|number| number.italian_leading_zero())
}

fn parsed(dialled: &str, home: Option<Region>) -> Option<PhoneNumber> {
    let number = PHONE_NUMBER_UTIL.parse(dialled, home).ok()?;
    PHONE_NUMBER_UTIL.is_possible_number(&number).then_some(number)
}

fn written(number: &PhoneNumber) -> Option<String> {
    let written = PHONE_NUMBER_UTIL.format(number, PhoneNumberFormat::E164);
    // Shorter ones are of no use to a program that calls or writes.
    (9..=16).contains(&written.len()).then(|| written.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbering_plan_decides() {
        for (text, code, expected) in [
            ("5511912345678", "55", "+5511912345678"),
            ("(11) 91234-5678", "55", "+5511912345678"),
            ("011 91234-5678", "55", "+5511912345678"),
            ("+44 (0)20 7946 0958", "44", "+442079460958"),
            ("020 7946 0958", "44", "+442079460958"),
            ("0044 (0)20 7946 0958", "44", "+442079460958"),
            ("06 1234 5678", "39", "+390612345678"),
            ("+39 06 1234 5678", "55", "+390612345678"),
            ("390612345678", "39", "+390612345678"),
            ("0049 1760 4069010", "55", "+4917604069010"),
            ("+49 (0)176 04069010", "49", "+4917604069010"),
            ("0176 04069010", "49", "+4917604069010"),
            ("4917604069010", "49", "+4917604069010"),
            ("9876543210", "91", "+919876543210"),
            ("919876543210", "91", "+919876543210"),
            ("8 (912) 345-67-89", "7", "+79123456789"),
            ("(212) 555-2368", "1", "+12125552368"),
            ("1 212 555 2368", "1", "+12125552368"),
            ("０１７６－０４０６９０１０", "49", "+4917604069010"),
            ("٠١٠١٢٣٤٥٦٧٨", "20", "+201012345678"),
            ("tel:+49-176-04069010", "55", "+4917604069010"),
            ("TEL:+4917604069010;ext=1", "55", "+4917604069010"),
            ("\u{202a}+49\u{a0}176\u{202f}04069010\u{202c}", "55", "+4917604069010"),
            ("<+49 176 04069010>", "55", "+4917604069010"),
        ] {
            assert_eq!(phone(text, region(code)), Some(expected.to_owned()), "{text} in {code}");
        }
        assert_eq!(phone("0049 170 1234567", None), Some("+491701234567".into()));
        for text in ["12", "call me", "1234567890", "+1234567890123456", "", "+", "tel:", "+999 1234567"] {
            assert_eq!(phone(text, None), None, "{text}");
        }
        assert_eq!((region("999"), phone("176 CALL ME", region("49"))), (None, None));
    }

    /// No number is made of a word, and none is too long.
    #[test]
    fn odd_texts_are_refused() {
        for text in ["(0)", "+(0)", "00(0)", "+1(0)", "\u{202a}", &"1".repeat(100), "+٣"] {
            assert_eq!(phone(text, region("55")), None, "{text}");
        }
    }
}
