//! Digits of a number, and where a format puts them. Nothing is shown behind 15 digits, and halves go away from zero: so do
//! spreadsheets, which keep numbers in the same way.
use super::tokens::{Section, Token};

/// Digits that a spreadsheet knows of a number.
const DIGITS: usize = 15;

/// A number that is not negative, as decimal digits: `digits` with the point behind the first `point` of them.
struct Decimal {
    digits: Vec<u8>,
    point: i32,
}

impl Decimal {
    fn new(value: f64) -> Self {
        let written = format!("{value:.*e}", DIGITS - 1);
        let (mantissa, exponent) = written.split_once('e').unwrap_or(("0", "0"));
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
        Self { digits, point: exponent.parse::<i32>().unwrap_or_default() + 1 }
    }

    /// The digit at a place: 0 is the first one behind the point, -1 the last one before it.
    fn digit(&self, place: i32) -> u8 {
        usize::try_from(place + self.point)
            .ok()
            .and_then(|at| self.digits.get(at))
            .copied()
            .unwrap_or_default()
    }

    /// Digits before the point and `decimals` digits behind it.
    fn rounded(&self, decimals: i32) -> (String, String) {
        let mut digits: Vec<u8> = (-self.point.max(1)..decimals).map(|place| self.digit(place)).collect();
        if self.digit(decimals) >= 5 {
            let mut carries = true;
            for digit in digits.iter_mut().rev() {
                *digit += 1;
                carries = *digit == 10;
                if !carries {
                    break;
                }
                *digit = 0;
            }
            if carries {
                digits.insert(0, 1);
            }
        }
        let split = digits.len().saturating_sub(usize::try_from(decimals).unwrap_or_default());
        let text = |digits: &[u8]| digits.iter().map(|digit| char::from(b'0' + digit)).collect::<String>();
        (text(&digits[..split]).trim_start_matches('0').to_owned(), text(&digits[split..]))
    }
}

/// A number as it is, without an exponent: 15 digits, and no zeros behind the last of them.
pub(in crate::audience::source) fn plain(value: f64) -> String {
    if !value.is_finite() {
        return String::new();
    }
    let decimal = Decimal::new(value.abs());
    let last = decimal.digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
    let decimals = i32::try_from(last).unwrap_or_default() - decimal.point;
    let (whole, fraction) = decimal.rounded(decimals.max(0));
    let sign = if value < 0.0 { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { &whole };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Where the places of a section are.
struct Shape {
    /// Places before the point, behind it, and behind the `E`.
    whole: usize,
    decimals: usize,
    exponent: usize,
    /// Thousands are set apart.
    is_grouped: bool,
    /// The number is divided by ten to this power before it is shown.
    scale: i32,
}

impl Shape {
    fn of(tokens: &[Token]) -> Self {
        let mut shape = Self { whole: 0, decimals: 0, exponent: 0, is_grouped: false, scale: 0 };
        let (mut is_behind_point, mut is_exponent, mut commas) = (false, false, 0);
        for token in tokens {
            match token {
                Token::Digit(_) => {
                    shape.is_grouped |= commas > 0 && shape.whole > 0 && !is_behind_point;
                    commas = 0;
                    match (is_exponent, is_behind_point) {
                        (true, _) => shape.exponent += 1,
                        (_, true) => shape.decimals += 1,
                        _ => shape.whole += 1,
                    }
                }
                Token::Comma => commas += 1,
                Token::Point => {
                    shape.scale += 3 * commas;
                    (is_behind_point, commas) = (true, 0);
                }
                Token::Percent => shape.scale -= 2,
                Token::Exponent(_) => is_exponent = true,
                _ => {}
            }
        }
        shape.scale += 3 * commas;
        shape
    }
}

/// A number that is not negative, in a section.
pub(super) fn shown(section: &Section, value: f64) -> String {
    let tokens = &section.tokens;
    let shape = Shape::of(tokens);
    let is_fraction = tokens.contains(&Token::Slash) && shape.whole > 1;
    if !value.is_finite() || is_fraction {
        return plain(value);
    }
    let mut decimal = Decimal::new(value);
    decimal.point -= shape.scale;
    let mut exponent = 0;
    if tokens.iter().any(|token| matches!(token, Token::Exponent(_))) && value != 0.0 {
        exponent = decimal.point - 1;
        decimal.point = 1;
    }
    let decimals = i32::try_from(shape.decimals).unwrap_or(30).min(30);
    let (mut whole, mut fraction) = decimal.rounded(decimals);
    if exponent != 0 && whole.len() > 1 {
        // 9.99 was rounded up to 10.
        exponent += 1;
        (whole, fraction) = ("1".to_owned(), "0".repeat(fraction.len()));
    }
    fill(tokens, &shape, &whole, &fraction, exponent)
}

/// Puts the digits into their places.
fn fill(tokens: &[Token], shape: &Shape, whole: &str, fraction: &str, exponent: i32) -> String {
    let mut text = String::new();
    let (mut place, mut decimal) = (0, 0);
    let (mut is_behind_point, mut is_exponent, mut is_exponent_shown) = (false, false, false);
    for token in tokens {
        match token {
            Token::Literal(literal) => text.push_str(literal),
            Token::Digit(_) if is_exponent => {
                if !is_exponent_shown {
                    text.push_str(&format!("{:0width$}", exponent.unsigned_abs(), width = shape.exponent));
                }
                is_exponent_shown = true;
            }
            Token::Digit(kind) if is_behind_point => {
                let rest = fraction.get(decimal..).unwrap_or_default();
                let is_kept = *kind == '0' || rest.bytes().any(|byte| byte != b'0');
                match rest.chars().next() {
                    Some(digit) if is_kept => text.push(digit),
                    _ if *kind == '?' => text.push(' '),
                    _ => {}
                }
                decimal += 1;
            }
            Token::Digit(kind) => {
                whole_digits(&mut text, shape, whole, place, *kind);
                place += 1;
            }
            Token::Point => {
                is_behind_point = true;
                text.push('.');
            }
            Token::Percent => text.push('%'),
            Token::Exponent(has_plus) => {
                is_exponent = true;
                text.push('E');
                text.push_str(match exponent {
                    ..0 => "-",
                    _ if *has_plus => "+",
                    _ => "",
                });
            }
            Token::Slash => text.push('/'),
            _ => {}
        }
    }
    text
}

/// The digits of one place before the point: the first place has all those that have no place of their own.
fn whole_digits(text: &mut String, shape: &Shape, whole: &str, place: usize, kind: char) {
    // Counted from the point, from 1.
    let from_end = shape.whole - place;
    let first = if place == 0 { whole.len().max(from_end) } else { from_end };
    for at in (from_end..=first).rev() {
        match whole.len().checked_sub(at).map(|index| &whole[index..=index]) {
            Some(digit) => text.push_str(digit),
            None if kind == '0' => text.push('0'),
            None if kind == '?' => text.push(' '),
            None => continue,
        }
        if shape.is_grouped && at > 1 && at % 3 == 1 {
            text.push(',');
        }
    }
}
