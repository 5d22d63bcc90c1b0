//! Dates, times and durations.
use calamine::{ExcelDateTime, ExcelDateTimeType};

use super::tokens::Token;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
/// Days between the two beginnings of time.
const TO_1904: f64 = 1_462.0;
const DAY: f64 = 86_400.0;
/// The last day that spreadsheets know.
const LAST: f64 = 2_958_466.0;

/// A moment, taken apart.
struct Moment {
    /// Seconds since the beginning, for durations.
    seconds: f64,
    weekday: usize,
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    milli: u16,
}

impl Moment {
    /// Rounded to the last digit that is shown, or to the second.
    fn new(serial: f64, decimals: usize, is_1904: bool) -> Self {
        let step = [1.0, 10.0, 100.0, 1_000.0][decimals.min(3)];
        let seconds = (serial * DAY * step).round() / step;
        let time = ExcelDateTime::new((seconds + 0.000_1) / DAY, ExcelDateTimeType::DateTime, is_1904);
        let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
        let days = (seconds / DAY).floor() + if is_1904 { TO_1904 } else { 0.0 };
        let weekday = (days + 6.0).rem_euclid(7.0) as usize;
        Self { seconds, weekday, year, month, day, hour, minute, second, milli }
    }
}

/// A moment in a section.
pub(super) fn shown(tokens: &[Token], serial: f64, is_1904: bool) -> String {
    if !(0.0..LAST).contains(&serial) {
        return super::plain(serial);
    }
    let moment = Moment::new(serial, decimals(tokens), is_1904);
    let is_half = tokens.iter().any(|token| matches!(token, Token::HalfDay(..)));
    let mut text = String::new();
    for (place, token) in tokens.iter().enumerate() {
        match token {
            Token::Literal(literal) => text.push_str(literal),
            Token::Date('m', count) if *count < 3 && is_minute(tokens, place) => {
                text.push_str(&padded(moment.minute.into(), *count));
            }
            Token::Date(letter, count) => text.push_str(&part(&moment, *letter, *count, is_half)),
            Token::Elapsed(letter, count) => text.push_str(&elapsed(&moment, *letter, *count)),
            Token::HalfDay(before, after) => text.push_str(if moment.hour < 12 { before } else { after }),
            Token::Point if is_fraction(tokens, place) => {
                let digits = format!("{:03}", moment.milli);
                text.push('.');
                text.push_str(&digits[..places(tokens, place).min(3)]);
            }
            Token::Point => text.push('.'),
            Token::Comma => text.push(','),
            Token::Slash => text.push('/'),
            _ => {}
        }
    }
    text
}

fn part(moment: &Moment, letter: char, count: usize, is_half: bool) -> String {
    match (letter, count) {
        ('y', 1 | 2) => format!("{:02}", moment.year % 100),
        ('y', _) => format!("{:04}", moment.year),
        ('m', 1 | 2) => padded(moment.month.into(), count),
        ('m', _) => {
            let name = MONTHS[usize::from(moment.month.clamp(1, 12)) - 1];
            name[..[3, name.len(), 1][(count - 3).min(2)]].to_owned()
        }
        ('d', 1 | 2) => padded(moment.day.into(), count),
        ('d', 3) => DAYS[moment.weekday][..3].to_owned(),
        ('d', _) => DAYS[moment.weekday].to_owned(),
        ('h', _) if is_half => padded(u64::from((moment.hour + 11) % 12 + 1), count),
        ('h', _) => padded(moment.hour.into(), count),
        _ => padded(moment.second.into(), count),
    }
}

fn padded(value: u64, count: usize) -> String {
    if count > 1 { format!("{value:02}") } else { value.to_string() }
}

/// Hours, minutes or seconds in all.
fn elapsed(moment: &Moment, letter: char, count: usize) -> String {
    let unit = match letter {
        'h' => 3_600.0,
        'm' => 60.0,
        _ => 1.0,
    };
    format!("{:0count$}", (moment.seconds / unit).floor() as u64)
}

/// `m` is a minute behind hours and before seconds, and a month elsewhere.
fn is_minute(tokens: &[Token], place: usize) -> bool {
    let is_time = |token: &&Token| matches!(token, Token::Date(..) | Token::Elapsed(..));
    let before = tokens[..place].iter().rev().find(is_time);
    let after = tokens[place + 1..].iter().find(is_time);
    matches!(before, Some(Token::Date('h', _) | Token::Elapsed('h', _)))
        || matches!(after, Some(Token::Date('s', _) | Token::Elapsed('s', _)))
}

/// A point behind seconds, with places for digits behind it.
fn is_fraction(tokens: &[Token], place: usize) -> bool {
    let before = place.checked_sub(1).and_then(|before| tokens.get(before));
    matches!(before, Some(Token::Date('s', _) | Token::Elapsed('s', _))) && places(tokens, place) > 0
}

fn places(tokens: &[Token], point: usize) -> usize {
    tokens[point + 1..].iter().take_while(|token| matches!(token, Token::Digit('0'))).count()
}

/// Digits of a second that are shown.
fn decimals(tokens: &[Token]) -> usize {
    (0..tokens.len())
        .filter(|place| tokens[*place] == Token::Point && is_fraction(tokens, *place))
        .map(|place| places(tokens, place))
        .max()
        .unwrap_or_default()
}
