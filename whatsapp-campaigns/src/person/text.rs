//! From a text as it was copied to the digits that somebody would dial.
use super::error::PhoneError;

/// What somebody would dial.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dialled {
    /// The digits, without the plus.
    pub(super) digits: String,
    /// A plus stands in front.
    pub(super) is_international: bool,
    /// The digits without a `(0)`, if there is one behind the first digits: it is dialled at home and not from abroad.
    pub(super) without_zero: Option<String>,
}

/// Words that stand in front of a number, before a colon.
const LABELS: [&str; 22] = [
    "tel",
    "phone",
    "telephone",
    "téléphone",
    "telefon",
    "telefone",
    "telefono",
    "teléfono",
    "mobile",
    "mobil",
    "mob",
    "cell",
    "cel",
    "celular",
    "móvil",
    "movil",
    "handy",
    "portable",
    "whatsapp",
    "wa",
    "callto",
    "sms",
];

/// The digits of a text.
pub(super) fn dial(text: &str) -> Result<Dialled, PhoneError> {
    let text = unwrapped(text);
    if text.is_empty() {
        return Err(PhoneError::Empty);
    }
    if text.contains('@') {
        return Err(PhoneError::Address);
    }
    if is_rounded(text) {
        return Err(PhoneError::Rounded);
    }
    let mut found = Digits::default();
    for character in text.chars() {
        found.take(character)?;
    }
    found.end()
}

#[derive(Default)]
struct Digits {
    digits: String,
    is_international: bool,
    /// What is in the bracket that is open.
    bracket: Option<String>,
    without_zero: Option<String>,
}

impl Digits {
    fn take(&mut self, character: char) -> Result<(), PhoneError> {
        match character {
            '+' | '\u{ff0b}' | '\u{fe62}' | '\u{207a}' if self.digits.is_empty() => {
                self.is_international = true
            }
            '+' | '\u{ff0b}' | '\u{fe62}' | '\u{207a}' | ';' | ',' | '|' | '&' | '\n' | '\r' => {
                return Err(PhoneError::Several);
            }
            '(' | '[' | '\u{ff08}' => self.bracket = Some(String::new()),
            ')' | ']' | '\u{ff09}' => self.close(),
            _ => match digit(character) {
                Some(digit) => self.push(digit),
                None if is_between(character) => {}
                None if character.is_alphabetic() => return Err(PhoneError::Letters),
                None => return Err(PhoneError::Characters),
            },
        }
        if self.digits.len() > 30 { Err(PhoneError::TooLong) } else { Ok(()) }
    }

    fn push(&mut self, digit: char) {
        self.digits.push(digit);
        if let Some(bracket) = &mut self.bracket {
            bracket.push(digit);
        }
        if let Some(without) = &mut self.without_zero {
            without.push(digit);
        }
    }

    fn close(&mut self) {
        if self.bracket.take().as_deref() == Some("0") && self.digits.len() > 1 && self.without_zero.is_none()
        {
            self.without_zero = Some(self.digits[..self.digits.len() - 1].to_owned());
        }
    }

    fn end(self) -> Result<Dialled, PhoneError> {
        let Self { digits, is_international, without_zero, .. } = self;
        if digits.is_empty() {
            Err(PhoneError::Empty)
        } else {
            Ok(Dialled { digits, is_international, without_zero })
        }
    }
}

/// Without what stands around a number: `'0151`, `="0151"`, `tel:`, and the `.0` of a column of numbers.
fn unwrapped(text: &str) -> &str {
    let text = trimmed(text);
    let text = text.strip_prefix("=\"").and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let text = trimmed(text.trim_start_matches(['\'', '\u{2018}', '\u{2019}', '`']));
    let text =
        trimmed(text.split_once(':').filter(|(label, _)| is_label(label)).map_or(text, |(_, rest)| rest));
    match text.strip_suffix(".0").or_else(|| text.strip_suffix(".00")) {
        Some(whole)
            if whole.len() > 6 && whole.trim_start_matches('+').bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            whole
        }
        _ => text,
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|character: char| character.is_whitespace() || is_unseen(character))
}

fn is_label(text: &str) -> bool {
    let word = text.trim().trim_end_matches('.').to_lowercase();
    LABELS.contains(&word.as_str())
}

/// Digits, `E` and an exponent.
fn is_rounded(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(exponent.trim_start_matches('+'))
        && is_digits(&mantissa.trim_start_matches('+').replace(['.', ','], ""))
}

/// What people put between digits, and what nobody sees.
fn is_between(character: char) -> bool {
    character.is_whitespace()
        || is_unseen(character)
        || matches!(character,
            '-' | '.' | '/' | '~' | '_' | '\u{b7}' | '\u{2010}'..='\u{2015}' | '\u{2022}' | '\u{2027}' | '\u{2043}'
            | '\u{2044}' | '\u{2212}' | '\u{2215}' | '\u{30fb}' | '\u{30fc}' | '\u{fe58}' | '\u{fe63}'
            | '\u{ff0d}'..='\u{ff0f}' | '\u{260e}' | '\u{260f}' | '\u{2706}' | '\u{1f4de}' | '\u{1f4f1}'
            | '\u{1f4f2}')
}

/// Marks of direction, joiners, fillers and variation selectors: copied from an address book, a number often has them.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20e3}' | '\u{2800}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffc}'
            | '\u{e0020}'..='\u{e007f}')
}

/// The digit that a character of any script is.
fn digit(character: char) -> Option<char> {
    if character.is_ascii_digit() {
        return Some(character);
    }
    let code = u32::from(character);
    // Five alphabets of mathematics, one behind the other.
    if let Some(place) = code.checked_sub(0x1d7ce).filter(|place| *place < 50) {
        return char::from_digit(place % 10, 10);
    }
    let zero = ZEROS.into_iter().find(|zero| (*zero..zero + 10).contains(&code))?;
    char::from_digit(code - zero, 10)
}

/// The zeros of scripts that have digits; the other nine follow each.
const ZEROS: [u32; 42] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x11066, 0x11136, 0x111d0,
    0x1e950, 0x1fbf0,
];
