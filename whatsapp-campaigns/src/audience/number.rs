//! Numbers as people write them, to the digits that a message is sent to. The one place that knows the library.
use std::{fmt, str::FromStr};

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberFormat, PhoneNumberType,
    ValidationError,
};

/// A country, by the two letters of ISO 3166, such as `BR`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region([u8; 2]);

/// Not the letters of a country whose numbers are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a country: give the two letters of ISO 3166, such as `BR`")]
pub struct UnknownRegion;

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(code: &str) -> Result<Self, UnknownRegion> {
        let letters = code.to_ascii_uppercase().as_bytes().try_into().map_err(|_| UnknownRegion)?;
        let region = Self(letters);
        region
            .plan()
            .and_then(|plan| PHONE_NUMBER_UTIL.get_country_code_for_region(plan))
            .ok_or(UnknownRegion)?;
        Ok(region)
    }
}

impl Region {
    /// The two letters.
    pub fn code(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// As the library knows it.
    fn plan(self) -> Option<rlibphonenumber::Region> {
        rlibphonenumber::Region::from_code(self.code()).ok()
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Why a text is no number that can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum InvalidNumber {
    /// Nothing is there.
    Empty,
    /// There are letters in it. They are not turned into digits: a word would be somebody's number.
    Letters,
    /// There are characters in it that no number has.
    Characters,
    /// There is more than one number.
    Several,
    /// It can be meant with the country's code or without it. A `+` in front makes it clear.
    Ambiguous,
    /// A table has rounded it, as in `4.91512E+11`; the digits are lost.
    Rounded,
    /// It begins with no country's code that exists.
    UnknownCountry,
    /// Too few digits for its country.
    TooShort,
    /// Too many digits for its country.
    TooLong,
    /// The numbering plan of its country has no such number.
    NotAssigned,
}

impl InvalidNumber {
    /// What programs know it by.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "invalid_number.empty",
            Self::Letters => "invalid_number.letters",
            Self::Characters => "invalid_number.characters",
            Self::Several => "invalid_number.several",
            Self::Ambiguous => "invalid_number.ambiguous",
            Self::Rounded => "invalid_number.rounded",
            Self::UnknownCountry => "invalid_number.unknown_country",
            Self::TooShort => "invalid_number.too_short",
            Self::TooLong => "invalid_number.too_long",
            Self::NotAssigned => "invalid_number.not_assigned",
        }
    }
}

/// A number in international form; it prints as its digits without `+`, such as `15550001234`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Number(pub(super) u64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number that a text means. `home` is the country of numbers without a country's code; without it, all have one,
/// with `+` or not. All ways to write a number give the same digits; what could be meant in two ways is refused.
pub(super) fn normalise(text: &str, home: Option<Region>) -> Result<Number, InvalidNumber> {
    let digits = dial(text)?;
    let Some(home) = home.and_then(Region::plan).filter(|_| !digits.starts_with('+')) else {
        let digits = digits.strip_prefix('+').or_else(|| digits.strip_prefix("00")).unwrap_or(&digits);
        return international(&valid(&format!("+{digits}"), None)?);
    };
    let national = valid(&digits, Some(home));
    // Digits that begin with the country's own code may have it or not: `4915...` is written for `+49 15...`, and yet
    // Germany's plan has room for `+49 4915...`.
    let code = PHONE_NUMBER_UTIL.get_country_code_for_region(home).unwrap_or_default();
    let whole =
        digits.starts_with(&code.to_string()).then(|| valid(&format!("+{digits}"), None).ok()).flatten();
    match (national, whole) {
        (Ok(national), Some(whole)) if national != whole => match (is_mobile(&national), is_mobile(&whole)) {
            (true, false) => international(&national),
            (false, true) => international(&whole),
            _ => Err(InvalidNumber::Ambiguous),
        },
        (Err(_), Some(whole)) => international(&whole),
        (national, _) => international(&national?),
    }
}

/// The number that was dialled in a country.
fn valid(dialled: &str, home: Option<rlibphonenumber::Region>) -> Result<PhoneNumber, InvalidNumber> {
    let number = PHONE_NUMBER_UTIL.parse(dialled, home).map_err(|why| match why {
        ParseError::InvalidCountryCode => InvalidNumber::UnknownCountry,
        ParseError::TooLongNsn => InvalidNumber::TooLong,
        ParseError::NotANumber(_) if dialled.len() > 17 => InvalidNumber::TooLong,
        ParseError::NotANumber(_) | ParseError::TooShortAfterIdd | ParseError::TooShortNsn => {
            InvalidNumber::TooShort
        }
    })?;
    if PHONE_NUMBER_UTIL.is_valid_number(&number) {
        return Ok(number);
    }
    Err(match PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number) {
        Ok(NumberLengthType::IsPossibleLocalOnly) | Err(ValidationError::TooShort) => InvalidNumber::TooShort,
        Err(ValidationError::TooLong) => InvalidNumber::TooLong,
        Err(ValidationError::InvalidCountryCode) => InvalidNumber::UnknownCountry,
        Ok(NumberLengthType::IsPossible) | Err(ValidationError::InvalidLength) => InvalidNumber::NotAssigned,
    })
}

fn is_mobile(number: &PhoneNumber) -> bool {
    matches!(
        PHONE_NUMBER_UTIL.get_number_type(number),
        PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile
    )
}

fn international(number: &PhoneNumber) -> Result<Number, InvalidNumber> {
    let written = PHONE_NUMBER_UTIL.format(number, PhoneNumberFormat::E164);
    written.strip_prefix('+').and_then(|digits| digits.parse().ok()).map(Number).ok_or(InvalidNumber::TooLong)
}

/// The country of a number in international form, with `+` or not, as far as its digits say.
pub(super) fn region(address: &str) -> Option<Region> {
    let number = PHONE_NUMBER_UTIL.parse(format!("+{}", address.trim_start_matches('+')), None).ok()?;
    PHONE_NUMBER_UTIL.get_region_for_number(&number).and_then(|plan| plan.as_region_str().parse().ok())
}

/// The digits of a text, with a `+` in front if it has one: what somebody would dial.
fn dial(text: &str) -> Result<String, InvalidNumber> {
    let text = unwrapped(text);
    if text.is_empty() {
        return Err(InvalidNumber::Empty);
    }
    if is_rounded(text) {
        return Err(InvalidNumber::Rounded);
    }
    let mut digits = String::with_capacity(20);
    for character in text.chars() {
        match character {
            '0'..='9' => digits.push(character),
            '+' | '\u{ff0b}' if digits.is_empty() => digits.push('+'),
            '+' | '\u{ff0b}' | ';' | ',' | '|' | '&' | '\n' | '\r' => return Err(InvalidNumber::Several),
            ' ' | '-' | '.' | '/' | '(' | ')' | '[' | ']' | '~' | '\t' => {}
            _ if is_silent(character) => {}
            _ => match digit(character) {
                Some(digit) => digits.push(digit),
                None if character.is_alphabetic() => return Err(InvalidNumber::Letters),
                None => return Err(InvalidNumber::Characters),
            },
        }
        if digits.len() > 30 {
            return Err(InvalidNumber::TooLong);
        }
    }
    match digits.as_str() {
        "" | "+" => Err(InvalidNumber::Empty),
        _ => Ok(digits),
    }
}

/// Without what tables put around a number to keep it a text: `'0151`, `="0151"`, `tel:`, and the `.0` of a column of numbers.
fn unwrapped(text: &str) -> &str {
    let text = text.trim_matches(|character: char| character.is_whitespace() || is_silent(character));
    let text = text.strip_prefix("=\"").and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let text = text.strip_prefix('\'').unwrap_or(text);
    let text = text.strip_prefix("tel:").unwrap_or(text);
    match text.strip_suffix(".0") {
        Some(whole)
            if whole.len() > 6 && whole.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            whole
        }
        _ => text,
    }
}

/// Digits, `E` and an exponent.
fn is_rounded(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(exponent.trim_start_matches('+'))
        && is_digits(&mantissa.trim_start_matches('+').replace(['.', ','], ""))
}

/// Spaces, dashes, and characters that are not seen: copied from an address book, a number often has them.
fn is_silent(character: char) -> bool {
    character.is_whitespace()
        || matches!(character,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
            | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}' | '\u{ff08}' | '\u{ff09}' | '\u{ff0d}'..='\u{ff0f}')
}

/// The digit that a character of another script is.
fn digit(character: char) -> Option<char> {
    /// The zeros: Arabic, Persian, Devanagari, Bengali, Gurmukhi, Gujarati, Tamil, Telugu, Kannada, Malayalam, Thai, Lao,
    /// Burmese, Khmer, full width.
    const ZEROS: [u32; 15] = [
        0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0x1040, 0x17e0,
        0xff10,
    ];
    let code = u32::from(character);
    let zero = ZEROS.into_iter().find(|zero| (*zero..zero + 10).contains(&code))?;
    char::from_digit(code - zero, 10)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digits(text: &str, home: &str) -> Result<String, InvalidNumber> {
        normalise(text, home.parse().ok()).map(|number| number.to_string())
    }

    #[test]
    fn a_number_in_many_shapes_is_one_number() {
        for text in [
            "+49 1512 3456789",
            "0049 1512 3456789",
            "01512/3456789",
            "1512 3456789",
            "491512-3456789",
            "+49 (0)1512 345.6789",
            "\u{202a}+49\u{a0}1512\u{2011}3456789\u{202c}",
            "'015123456789",
            "=\"015123456789\"",
            "4915123456789.0",
            "tel:+49-1512-3456789",
            "+٤٩١٥١٢٣٤٥٦٧٨٩",
            "＋４９１５１２３４５６７８９",
        ] {
            assert_eq!(digits(text, "DE").as_deref(), Ok("4915123456789"), "{text}");
        }
        for text in ["4915123456789", "+4915123456789", "00 49 1512 3456789"] {
            assert_eq!(digits(text, "").as_deref(), Ok("4915123456789"), "{text}");
        }
        assert_eq!(digits("(11) 96123-4567", "BR").as_deref(), Ok("5511961234567"));
        assert_eq!(
            digits("06 12345678", "IT").as_deref(),
            Ok("390612345678"),
            "a zero that belongs to it stays"
        );
    }

    #[test]
    fn what_is_no_number_says_why() {
        for (text, why) in [
            ("", InvalidNumber::Empty),
            (" - ", InvalidNumber::Empty),
            ("n/a", InvalidNumber::Letters),
            ("0800 FLOWERS", InvalidNumber::Letters),
            ("030 123456 ext. 5", InvalidNumber::Letters),
            ("*31#015123456789", InvalidNumber::Characters),
            ("015123456789; 015123456780", InvalidNumber::Several),
            ("+4915123456789 +4915123456780", InvalidNumber::Several),
            ("4.91512E+11", InvalidNumber::Rounded),
            ("4,91512E+11", InvalidNumber::Rounded),
            ("+999 123456789", InvalidNumber::UnknownCountry),
            ("12", InvalidNumber::TooShort),
            ("+55 11 91", InvalidNumber::TooShort),
            ("+49 1512 3456789 12345", InvalidNumber::TooLong),
            ("123456789012345678901234567890123", InvalidNumber::TooLong),
            ("+1 555 000 1234", InvalidNumber::NotAssigned),
            ("49 7145 993045", InvalidNumber::Ambiguous),
        ] {
            assert_eq!(digits(text, "DE"), Err(why), "{text}");
        }
        assert_eq!(digits("0151 23456789", ""), Err(InvalidNumber::UnknownCountry), "whose country?");
    }

    #[test]
    fn regions() {
        assert_eq!("br".parse::<Region>().map(|region| region.code().to_owned()).as_deref(), Ok("BR"));
        for text in ["", "X", "BRA", "ZZ", "49", "001"] {
            assert_eq!(text.parse::<Region>(), Err(UnknownRegion), "{text}");
        }
        assert_eq!(region("4915123456789"), "DE".parse().ok());
        assert_eq!(region("14165550123"), "CA".parse().ok(), "one of those that share a code");
        assert_eq!(region("7"), None);
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,40}|[0-9+ ()./-]{0,24}") {
            for home in ["", "DE", "US", "BR", "IT", "MX", "AR"] {
                if let Ok(found) = digits(&text, home) {
                    prop_assert!((5..=15).contains(&found.len()), "{found}");
                    prop_assert_eq!(digits(&found, ""), Ok(found), "an address is its own address");
                }
            }
        }
    }
}
