//! From what somebody wrote to a value of the wanted type, or to nothing.
use jiff::civil::Date;
use regex::Regex;
use serde_json::{Value as Json, json};

use super::{Answer, DateOrder, Style, menu::MenuPlan};
use crate::{
    compile::Compiler,
    engine::Turn,
    input::{Body, Message},
    validate::Code,
};

/// Characters of an answer, unless the definition says another number.
const TEXT: u32 = 4_096;
/// Characters of an address of the web.
const URL: usize = 2_048;

/// An answer's type, compiled.
#[derive(Debug)]
pub(super) enum Parser {
    Text { min: u32, max: u32, pattern: Option<Regex> },
    Number { min: f64, max: f64, whole: bool },
    Email,
    Phone(Option<String>),
    Url,
    Date { min: Option<Limit>, max: Option<Limit>, order: DateOrder },
    Choice(MenuPlan),
    Location,
    File { kinds: Vec<String>, mimes: Vec<String>, max: u64 },
}

/// A date that others are compared with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    Today,
    Day(Date),
}

impl Parser {
    pub(super) fn compile(compiler: &mut Compiler<'_>, answer: &Answer) -> Self {
        match answer {
            Answer::Text { min, max, pattern } => {
                let (min, max) = (min.unwrap_or(1).max(1), max.unwrap_or(TEXT).min(TEXT));
                if min > max {
                    compiler.find(Code::E001, "answer", "no text is that long: `min` is above `max`");
                }
                let whole = pattern.as_ref().map(|pattern| format!("^(?:{pattern})$"));
                let pattern = whole.and_then(|pattern| compiler.regex("answer/pattern", &pattern));
                Self::Text { min, max, pattern }
            }
            Answer::Number { min, max, whole } => {
                let (min, max) = (min.unwrap_or(f64::MIN), max.unwrap_or(f64::MAX));
                if min > max {
                    compiler.find(Code::E001, "answer", "there is no such number: `min` is above `max`");
                }
                Self::Number { min, max, whole: *whole }
            }
            Answer::Email => Self::Email,
            Answer::Phone { country_code } => {
                let is_code = |code: &String| {
                    (1..=3).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit())
                };
                if country_code.as_ref().is_some_and(|code| !is_code(code)) {
                    compiler.find(
                        Code::E001,
                        "answer/countryCode",
                        "a calling code is 1 to 3 digits, such as 55",
                    );
                }
                Self::Phone(country_code.clone())
            }
            Answer::Url => Self::Url,
            Answer::Date { min, max, order } => {
                let min = min.as_ref().and_then(|text| limit(compiler, "answer/min", text));
                let max = max.as_ref().and_then(|text| limit(compiler, "answer/max", text));
                Self::Date { min, max, order: *order }
            }
            Answer::Choice { options } => Self::Choice(MenuPlan::compile(compiler, options, Style::Auto)),
            Answer::Location => Self::Location,
            Answer::File { kinds, mimes, max_bytes } => {
                Self::File { kinds: kinds.clone(), mimes: mimes.clone(), max: max_bytes.unwrap_or(u64::MAX) }
            }
        }
    }

    pub(super) fn menu(&self) -> Option<&MenuPlan> {
        match self {
            Self::Choice(menu) => Some(menu),
            _ => None,
        }
    }

    /// The value of an answer; `None` when it is none.
    pub(super) fn parse(&self, turn: &Turn<'_>, message: &Message) -> Option<Json> {
        let text = message.seen().trim();
        match self {
            Self::Text { min, max, pattern } => {
                let characters = text.chars().take(*max as usize + 1).count();
                let fits = (*min as usize..=*max as usize).contains(&characters);
                let matches = pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
                (fits && matches).then(|| json!(text))
            }
            Self::Number { min, max, whole } => {
                let number = number(text)?;
                let fits = number >= *min && number <= *max && (!whole || number.fract() == 0.0);
                let is_int = number.fract() == 0.0 && number.abs() < 9e15;
                fits.then(|| if is_int { json!(number as i64) } else { json!(number) })
            }
            Self::Email => email(text).map(Json::String),
            Self::Phone(code) => phone(text, code.as_deref()).map(Json::String),
            Self::Url => url(text).map(Json::String),
            Self::Date { min, max, order } => {
                let date = date(text, *order)?;
                let today = || turn.today();
                let day = |limit: &Limit| match limit {
                    Limit::Today => today(),
                    Limit::Day(day) => *day,
                };
                let fits = min.as_ref().is_none_or(|min| date >= day(min))
                    && max.as_ref().is_none_or(|max| date <= day(max));
                fits.then(|| json!(date.to_string()))
            }
            Self::Choice(menu) => menu.chosen(turn, message).map(|id| json!(id)),
            Self::Location => match &message.body {
                Body::Location { latitude, longitude, name } => {
                    let is_place = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
                    let name = &name[..name.floor_char_boundary(TEXT as usize)];
                    is_place.then(|| json!({"latitude": latitude, "longitude": longitude, "name": name}))
                }
                _ => None,
            },
            Self::File { kinds, mimes, max } => file(message, kinds, mimes, *max),
        }
    }
}

fn limit(compiler: &mut Compiler<'_>, field: &str, text: &str) -> Option<Limit> {
    let limit = match text {
        "today" => Some(Limit::Today),
        text => text.parse().ok().map(Limit::Day),
    };
    if limit.is_none() {
        compiler.find(Code::E001, field, "a date is like 2026-11-24, or `today`");
    }
    limit
}

/// `12`, `-1,5`, `1.234,5`, `1,234.5`, `1 234`: a mark that stands once is the decimal one, unless three digits follow it.
fn number(text: &str) -> Option<f64> {
    if text.len() > 40 {
        return None;
    }
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'')).collect();
    let below = digits.strip_prefix(['-', '\u{2212}']);
    let digits = below.unwrap_or(digits.strip_prefix('+').unwrap_or(&digits));
    let is_known = |c: char| c.is_ascii_digit() || c == '.' || c == ',';
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || !digits.chars().all(is_known) {
        return None;
    }
    let (decimal, group) = match (digits.rfind('.'), digits.rfind(',')) {
        (Some(point), Some(comma)) if point > comma => (Some('.'), Some(',')),
        (Some(_), Some(_)) => (Some(','), Some('.')),
        (Some(_), None) if digits.matches('.').count() > 1 => (None, Some('.')),
        (None, Some(_)) if digits.matches(',').count() > 1 => (None, Some(',')),
        (Some(_), None) => (Some('.'), None),
        // 1,234 is as good as never 1.234.
        (None, Some(comma)) if digits.len() - comma == 4 && !digits.starts_with('0') => (None, Some(',')),
        (None, Some(_)) => (Some(','), None),
        (None, None) => (None, None),
    };
    let whole = decimal.map_or(digits, |mark| digits.rsplit_once(mark).map_or(digits, |(whole, _)| whole));
    if let Some(group) = group {
        let mut groups = whole.split(group);
        let first = groups.next()?;
        if first.is_empty() || first.len() > 3 || groups.any(|group| group.len() != 3) {
            return None;
        }
    }
    let plain: String = digits.chars().filter(|c| Some(*c) != group).collect();
    let number: f64 = plain.replace(',', ".").parse().ok().filter(|number: &f64| number.is_finite())?;
    Some(if below.is_some() { -number } else { number })
}

fn email(text: &str) -> Option<String> {
    let text = text.trim_start_matches("mailto:").to_lowercase();
    let (local, host) = text.rsplit_once('@')?;
    let is_local = |c: char| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c);
    let fits = text.len() <= 254 && (1..=64).contains(&local.len()) && local.chars().all(is_local);
    let dots = !local.starts_with('.') && !local.ends_with('.') && !text.contains("..");
    (fits && dots && is_host(host)).then_some(text)
}

/// Names with at least one point, the last without digits alone.
fn is_host(host: &str) -> bool {
    let mut labels = host.split('.');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = host.rsplit('.').next().unwrap_or_default();
    host.len() <= 253
        && host.contains('.')
        && labels.all(is_label)
        && top.chars().count() >= 2
        && !top.bytes().all(|byte| byte.is_ascii_digit())
}

/// As `+` and 8 to 15 digits. Whether there is such a number, only who calls it finds out.
fn phone(text: &str, code: Option<&str>) -> Option<String> {
    let mut digits = String::new();
    let is_international = text.starts_with('+') || text.starts_with("00");
    for c in text.strip_prefix('+').unwrap_or(text).chars() {
        match c {
            '0'..='9' => digits.push(c),
            ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' => {}
            _ => return None,
        }
        if digits.len() > 20 {
            return None;
        }
    }
    let digits = match (is_international, code) {
        (true, _) => digits.trim_start_matches('0').to_owned(),
        (false, Some(code)) => format!("{code}{}", digits.trim_start_matches('0')),
        (false, None) => return None,
    };
    (8..=15).contains(&digits.len()).then(|| format!("+{digits}"))
}

fn url(text: &str) -> Option<String> {
    if text.len() > URL || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let scheme = scheme.to_ascii_lowercase();
    let host = rest.split(['/', '?', '#']).next()?;
    let host = host
        .split_once(':')
        .map_or(Some(host), |(host, port)| port.parse::<u16>().is_ok().then_some(host))?;
    (matches!(&*scheme, "http" | "https") && is_host(host)).then(|| format!("{scheme}://{rest}"))
}

fn date(text: &str, order: DateOrder) -> Option<Date> {
    if text.len() > 12 {
        return None;
    }
    let mut parts = text.split(['-', '/', '.', ' ']).filter(|part| !part.is_empty());
    let (one, two, three) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) = match order {
        _ if one.len() == 4 => (one, two, three),
        DateOrder::DayFirst => (three, two, one),
        DateOrder::MonthFirst => (three, one, two),
    };
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if ![year, month, day].into_iter().all(is_number) {
        return None;
    }
    let year: i16 = match year.len() {
        2 => 2000 + year.parse::<i16>().ok()?,
        4 => year.parse().ok()?,
        _ => return None,
    };
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

fn file(message: &Message, kinds: &[String], mimes: &[String], max: u64) -> Option<Json> {
    let Body::Media(media) = &message.body else { return None };
    let mime = media.mime.split(';').next().unwrap_or_default().trim();
    let is_mime = |wanted: &String| match wanted.strip_suffix("/*") {
        Some(family) => mime.split('/').next() == Some(family),
        None => wanted.eq_ignore_ascii_case(mime),
    };
    let fits = (kinds.is_empty() || kinds.contains(&media.kind))
        && (mimes.is_empty() || mimes.iter().any(is_mime))
        && media.size <= max;
    let short = |text: &str| text[..text.floor_char_boundary(TEXT as usize)].to_owned();
    fits.then(|| {
        json!({
            "kind": short(&media.kind), "mime": short(mime), "size": media.size, "name": short(&media.name),
            "caption": short(message.seen()), "reference": short(&media.reference),
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers() {
        for (text, expected) in [
            ("12", 12.0),
            ("-1,5", -1.5),
            ("12.5", 12.5),
            ("1.234,5", 1234.5),
            ("1,234.5", 1234.5),
            ("1,234", 1234.0),
            ("0,125", 0.125),
            ("1.234.567", 1_234_567.0),
            ("1 234", 1234.0),
            ("+7", 7.0),
        ] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        for text in
            ["", "-", "twelve", "1e9", "inf", "NaN", "1.2.3", "1,23,4", "12 years", ".5", &"9".repeat(41)]
        {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(email(" ").or(email("Ana.B+x@Example.ORG")), Some("ana.b+x@example.org".into()));
        for text in ["ana", "a@b", "a@@b.org", ".a@b.org", "a b@c.org", "a@b..org", "a@-b.org", "a@1.2.3.4"] {
            assert_eq!(email(text), None, "{text}");
        }
        assert_eq!(url("example.org/a?b"), Some("https://example.org/a?b".into()));
        assert_eq!(url("HTTP://example.org:80"), Some("http://example.org:80".into()));
        for text in [
            "localhost",
            "javascript:alert(1)",
            "ftp://example.org",
            "https://a b.org",
            "https://ana@example.org",
        ] {
            assert_eq!(url(text), None, "{text}");
        }
        assert_eq!(phone("(11) 91234-5678", Some("55")), Some("+5511912345678".into()));
        assert_eq!(phone("+44 20 7946 0000", Some("55")), Some("+442079460000".into()));
        assert_eq!(phone("0049 170 1234567", None), Some("+491701234567".into()));
        for text in ["12", "call me", "1234567890", "+1234567890123456"] {
            assert_eq!(phone(text, None), None, "{text}");
        }
    }

    #[test]
    fn dates() {
        for (text, order, expected) in [
            ("2026-11-24", DateOrder::DayFirst, "2026-11-24"),
            ("1/2/2026", DateOrder::DayFirst, "2026-02-01"),
            ("1/2/26", DateOrder::MonthFirst, "2026-01-02"),
            ("24. 11. 2026", DateOrder::DayFirst, "2026-11-24"),
        ] {
            assert_eq!(date(text, order).map(|date| date.to_string()), Some(expected.to_owned()), "{text}");
        }
        for text in ["", "31/2/2026", "2026", "24/13/2026", "a/b/c", "1/2/3", "1/2/2026/4", "+1/2/2026"] {
            assert_eq!(date(text, DateOrder::DayFirst), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,24}|[-+0-9.,/ @:]{0,16}") {
            let _ = (number(&text), email(&text), url(&text), phone(&text, Some("55")));
            let _ = (date(&text, DateOrder::DayFirst), date(&text, DateOrder::MonthFirst));
        }
    }
}
