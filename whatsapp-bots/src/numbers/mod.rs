//! Numbers as people write them: digits of every script, the marks of a language, and a currency beside them.
//!
//! Which of `50.000` and `50,000` is fifty thousand, the language says. A mark that stands once, with exactly three digits behind it, is
//! between thousands when it is not the language's decimal mark; each other single mark is the decimal one. Two kinds of marks explain
//! themselves: the last one is decimal.
mod currency;
mod digits;
mod locale;

use serde_json::{Value as Json, json};

use self::currency::without_currency;
pub(crate) use self::{
    digits::{ascii_digit, is_invisible, readable},
    locale::DecimalMark,
};

/// Bytes of the longest text that may be a number.
const LONGEST: usize = 64;
/// The marks between thousands that are no decimal mark in any language: spaces, apostrophes, and the Arabic one.
const GROUPING: [char; 7] = [' ', '\'', '’', '‘', 'ʼ', '´', '٬'];

/// The number that a text is, with a currency before or behind it and nothing else.
pub(crate) fn number(text: &str, mark: DecimalMark) -> Option<f64> {
    if text.len() > LONGEST {
        return None;
    }
    let text = readable(text);
    // A sentence may end behind it.
    let text = text.trim().trim_end_matches(['.', '!', '?', ',', ';', '。', '،', '।', '؟']);
    let (sign, text) = signed(text);
    let text = without_currency(text)?;
    // The sign may stand behind the currency, too: `$-5`.
    let (inner, text) = if sign == 0 { signed(text.trim()) } else { (0, text.trim()) };
    let number = magnitude(text, mark)?;
    Some(if sign < 0 || inner < 0 { -number } else { number })
}

/// The first number in a text, whatever stands around it.
pub(crate) fn first_number(text: &str, mark: DecimalMark) -> Option<f64> {
    number(text, mark).or_else(|| numbers(&readable(text), mark).next())
}

/// A number as a flow keeps it: whole ones as integers.
pub(crate) fn to_json(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

/// The numbers of a text that [`readable`] gave, in order.
fn numbers(text: &str, mark: DecimalMark) -> impl Iterator<Item = f64> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find(|c: char| c.is_ascii_digit())?;
        let end = token_end(text, start, mark);
        from = end;
        let value = magnitude(&text[start..end], mark)?;
        Some(if has_minus(&text[..start]) { -value } else { value })
    })
}

/// Is there a minus directly before a number? One that hangs on a word or another number is a hyphen.
fn has_minus(before: &str) -> bool {
    let mut last = before.chars().rev();
    last.next().is_some_and(is_minus) && !last.next().is_some_and(char::is_alphanumeric)
}

/// Where the longest number ends that begins there.
fn token_end(text: &str, start: usize, mark: DecimalMark) -> usize {
    let run = text[start..].char_indices().find(|(_, c)| !c.is_ascii_digit() && !is_mark(*c));
    let mut end = run.map_or(text.len(), |(place, _)| start + place);
    loop {
        let candidate = text[start..end].trim_end_matches(is_mark);
        end = start + candidate.len();
        // Without what hangs at its end: `1, 2` is 1, and then 2.
        match candidate.rfind(is_mark) {
            Some(last) if magnitude(candidate, mark).is_none() => end = start + last,
            _ => return end,
        }
    }
}

fn is_mark(c: char) -> bool {
    matches!(c, '.' | ',' | '٫') || GROUPING.contains(&c)
}

fn is_minus(c: char) -> bool {
    matches!(c, '-' | '\u{2212}' | '\u{2010}' | '\u{2011}' | '\u{2012}' | '\u{2013}' | '\u{fe63}')
}

fn signed(text: &str) -> (i8, &str) {
    let mut rest = text.chars();
    match rest.next() {
        Some(c) if is_minus(c) => (-1, rest.as_str()),
        Some('+') => (1, rest.as_str()),
        _ => (0, text),
    }
}

/// A number without a sign.
fn magnitude(text: &str, mark: DecimalMark) -> Option<f64> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) || !text.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if !text.chars().all(|c| c.is_ascii_digit() || is_mark(c)) {
        return None;
    }
    let (whole, fraction) = match decimal_mark(text, mark) {
        Some(place) => {
            let (whole, rest) = text.split_at(place);
            let fraction = &rest[rest.chars().next()?.len_utf8()..];
            (whole, fraction)
        }
        None => (text, ""),
    };
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) || !is_grouped(whole) {
        return None;
    }
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    format!("{whole}.{fraction}0").parse().ok().filter(|number: &f64| number.is_finite())
}

/// Where the decimal mark of a number is.
fn decimal_mark(text: &str, mark: DecimalMark) -> Option<usize> {
    if let Some(place) = text.find('٫') {
        return Some(place);
    }
    let last = text.rfind(['.', ','])?;
    let found = text[last..].chars().next()?;
    let other = if found == '.' { ',' } else { '.' };
    if text[..last].contains(found) {
        // It stands twice: between thousands.
        return None;
    }
    if text.contains(other) || text[..last].contains(|c| GROUPING.contains(&c)) {
        return Some(last);
    }
    let is_decimal = (found == '.') == (mark == DecimalMark::Point);
    let is_group = text.len() - last == 4 && last <= 3 && !text.starts_with('0');
    (is_decimal || !is_group).then_some(last)
}

/// Are the digits in groups, with one kind of mark: by three, or as in India the last three and else by two?
fn is_grouped(whole: &str) -> bool {
    let Some(mark) = whole.chars().find(|c| !c.is_ascii_digit()) else { return true };
    let groups: Vec<&str> = whole.split(mark).collect();
    let [first, middle @ .., last] = &groups[..] else { return false };
    let are_digits = groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_digit()));
    let are_long = |length: usize| {
        (1..=length).contains(&first.len()) && middle.iter().all(|group| group.len() == length)
    };
    are_digits && last.len() == 3 && (are_long(3) || are_long(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    use DecimalMark::{Comma, Point};

    #[test]
    fn marks_follow_the_language() {
        for (text, mark, expected) in [
            ("50.000", Comma, 50_000.0),
            ("50.000", Point, 50.0),
            ("50,000", Point, 50_000.0),
            ("50,000", Comma, 50.0),
            ("50.5", Point, 50.5),
            ("50.5", Comma, 50.5),
            ("50,5", Point, 50.5),
            ("1.250,50", Point, 1250.5),
            ("1,250.50", Comma, 1250.5),
            ("1,50,000", Point, 150_000.0),
            ("12,34,567.5", Point, 1_234_567.5),
            ("1.234.567", Point, 1_234_567.0),
            ("1 234,5", Point, 1234.5),
            ("1\u{202f}234\u{a0}567", Comma, 1_234_567.0),
            ("1'234.50", Point, 1234.5),
            ("1’234’567", Comma, 1_234_567.0),
            ("١٬٢٣٤٫٥", Point, 1234.5),
            ("٥٠٬٠٠٠", Point, 50_000.0),
            ("１，２３４．５", Point, 1234.5),
            ("0.125", Comma, 0.125),
            ("1234.567", Comma, 1234.567),
            ("-1,5", Point, -1.5),
            ("−12", Point, -12.0),
            ("+7", Point, 7.0),
            ("25.", Point, 25.0),
            ("25!", Comma, 25.0),
            ("२५।", Point, 25.0),
        ] {
            assert_eq!(number(text, mark), Some(expected), "{text} {mark:?}");
        }
    }

    #[test]
    fn a_currency_may_stand_beside_it() {
        for (text, mark, expected) in [
            ("Rp 50.000", Comma, 50_000.0),
            ("Rp50.000,-", Comma, 50_000.0),
            ("Rp. 50.000", Comma, 50_000.0),
            ("$250", Point, 250.0),
            ("US$ 1,000", Point, 1000.0),
            ("250 €", Comma, 250.0),
            ("1.250,50 TL", Comma, 1250.5),
            ("R$ 1.000", Comma, 1000.0),
            ("₹ 1,50,000", Point, 150_000.0),
            ("Rs. 500/-", Point, 500.0),
            ("EUR 12,50", Comma, 12.5),
            ("1 200 kr", Comma, 1200.0),
            ("500 руб.", Comma, 500.0),
            ("-$5", Point, -5.0),
            ("$-5", Point, -5.0),
            ("CHF 1'250.50", Point, 1250.5),
            ("50.000₫", Comma, 50_000.0),
            ("￥３００", Point, 300.0),
            ("300円", Point, 300.0),
            ("5000원", Point, 5000.0),
        ] {
            assert_eq!(number(text, mark), Some(expected), "{text} {mark:?}");
        }
    }

    #[test]
    fn what_is_no_number() {
        for text in [
            "",
            "-",
            "twelve",
            "1e9",
            "inf",
            "NaN",
            "1.2.3",
            "1,23,4",
            "12 years",
            ".5",
            "1 3",
            "1 2 3",
            "--5",
            "$",
            "5 $ 5",
            "٫",
            &"9".repeat(65),
        ] {
            assert_eq!(number(text, Point), None, "{text}");
            assert_eq!(number(text, Comma), None, "{text}");
        }
    }

    #[test]
    fn the_first_number_of_a_text() {
        for (text, expected) in [
            ("I am 25", Some(25.0)),
            ("$250", Some(250.0)),
            ("I paid $1,250.50, thanks", Some(1250.5)),
            ("it is -3 today", Some(-3.0)),
            ("covid-19", Some(19.0)),
            ("2, 3", Some(2.0)),
            ("1.2.3", Some(1.2)),
            ("v2.", Some(2.0)),
            ("عمري ٢٥ سنة", Some(25.0)),
            ("none", None),
        ] {
            assert_eq!(first_number(text, Point), expected, "{text}");
        }
        let all: Vec<f64> = numbers("1,3 and 5", Comma).collect();
        assert_eq!(all, [1.3, 5.0]);
    }
}
