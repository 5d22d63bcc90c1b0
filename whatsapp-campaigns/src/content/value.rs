//! The types of variables: what a value must look like, and how it is shown.
use jiff::{civil::DateTime, fmt::strtime};
use minijinja::Value;

use super::{
    definition::{Kind, Variable},
    problem::What,
};

/// A text's length, in characters, unless the definition says less.
const TEXT: usize = 1_024;
/// An address's length, in bytes.
const URL: usize = 2_048;
/// A number's digits: as many as a binary fraction keeps.
const DIGITS: usize = 15;

/// Why a value is not one of its type. It never holds the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// Not a number.
    #[error("a number is digits with at most one point, such as 12.5, and at most 15 digits")]
    Number,
    /// Not a date.
    #[error("a date is 2026-11-24 or 2026-11-24T18:30")]
    Date,
    /// Not an amount of money.
    #[error(
        "an amount is digits with a point before the smaller unit, such as 12.50, with or without the declared currency behind"
    )]
    Money,
    /// Not an address of the web.
    #[error("an address begins with https:// or http://, names a host, and has no spaces")]
    Url,
    /// An address elsewhere than declared.
    #[error("the host of the address is none of those declared")]
    Host,
    /// Too long.
    #[error("too long")]
    TooLong,
    /// Characters that are no text.
    #[error("control characters do not belong into a message")]
    Control,
}

/// A variable's type with all that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Text { most: usize },
    Number,
    Date { format: String },
    Money { currency: String, decimals: usize, mark: char, group: Option<char> },
    Url { hosts: Vec<String> },
}

impl Typed {
    /// Of a declaration, or what is wrong with its settings.
    pub(super) fn of(variable: &Variable) -> Result<Self, (&'static str, What)> {
        for (name, is_set, kind) in variable.settings() {
            if is_set && kind != variable.kind {
                return Err((name, What::Setting(name)));
            }
        }
        match variable.kind {
            Kind::Text => match variable.max_length.unwrap_or(TEXT) {
                most if (1..=TEXT).contains(&most) => Ok(Self::Text { most }),
                _ => Err(("maxLength", What::SettingValue("a text has 1 to 1024 characters"))),
            },
            Kind::Number => Ok(Self::Number),
            Kind::Date => Self::date(variable.format.as_deref().unwrap_or("%Y-%m-%d")),
            Kind::Money => Self::money(variable),
            Kind::Url => {
                let hosts = variable.hosts.iter().flatten().map(|host| host.to_lowercase()).collect();
                Ok(Self::Url { hosts })
            }
        }
    }

    fn date(format: &str) -> Result<Self, (&'static str, What)> {
        let wrong = "a date's format is of %Y, %m, %d, %H, %M and the like, without a time zone, and at most 64 characters";
        let trial = (format.len() <= 64)
            .then(|| strtime::format(format, DateTime::constant(2026, 11, 24, 18, 30, 0, 0)));
        match trial {
            Some(Ok(shown)) if !shown.trim().is_empty() => Ok(Self::Date { format: format.to_owned() }),
            _ => Err(("format", What::SettingValue(wrong))),
        }
    }

    fn money(variable: &Variable) -> Result<Self, (&'static str, What)> {
        let currency = variable.currency.clone().unwrap_or_default();
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err((
                "currency",
                What::SettingValue("money needs a currency of three capital letters, such as EUR"),
            ));
        }
        let decimals = usize::from(variable.decimals.unwrap_or(2));
        if decimals > 4 {
            return Err(("decimals", What::SettingValue("money has at most 4 decimals")));
        }
        let mark = variable.decimal_mark.unwrap_or('.');
        let group = variable.group_mark;
        let is_mark = |mark: char| matches!(mark, '.' | ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}');
        if !is_mark(mark) || group.is_some_and(|group| !is_mark(group) || group == mark) {
            return Err((
                "decimalMark",
                What::SettingValue("the marks are two different ones of point, comma, apostrophe, space"),
            ));
        }
        Ok(Self::Money { currency, decimals, mark, group })
    }

    /// A value for trying a template out.
    pub(super) fn sample(&self) -> &'static str {
        match self {
            Self::Text { .. } => "A",
            Self::Number => "7",
            Self::Date { .. } => "2026-11-24",
            Self::Money { .. } => "12",
            // Declared hosts do not matter here: only the form does.
            Self::Url { .. } => "https://example.org/",
        }
    }

    /// What a template sees of a sample.
    pub(super) fn sample_value(&self) -> Result<Value, Invalid> {
        match self {
            Self::Url { .. } => Ok(Value::from_safe_string(self.sample().to_owned())),
            _ => self.value(self.sample()),
        }
    }

    /// What a template sees of a value.
    pub(super) fn value(&self, raw: &str) -> Result<Value, Invalid> {
        match self {
            Self::Text { most } => text(raw, *most),
            Self::Number => number(raw),
            Self::Date { format } => date(raw, format),
            Self::Money { currency, decimals, mark, group } => {
                let amount = raw.strip_suffix(currency.as_str()).unwrap_or(raw).trim_end();
                let shown = money(amount, *decimals, *mark, *group).ok_or(Invalid::Money)?;
                Ok(Value::from(format!("{shown}\u{a0}{currency}")))
            }
            Self::Url { hosts } => url(raw, hosts),
        }
    }
}

fn text(raw: &str, most: usize) -> Result<Value, Invalid> {
    if raw.chars().nth(most).is_some() {
        return Err(Invalid::TooLong);
    }
    if raw.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Invalid::Control);
    }
    Ok(Value::from(raw))
}

/// The digits before and behind the point, and whether it is below zero.
fn decimal(raw: &str) -> Option<(bool, &str, &str)> {
    let (below, rest) = raw.strip_prefix('-').map_or((false, raw), |rest| (true, rest));
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(whole, rest)| (whole, Some(rest)));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_digits(whole) && fraction.is_none_or(is_digits)).then_some((
        below,
        whole,
        fraction.unwrap_or_default(),
    ))
}

fn number(raw: &str) -> Result<Value, Invalid> {
    let (_, whole, fraction) = decimal(raw).ok_or(Invalid::Number)?;
    if whole.len() + fraction.len() > DIGITS {
        return Err(Invalid::Number);
    }
    if fraction.is_empty() {
        return raw.parse::<i64>().map(Value::from).map_err(|_| Invalid::Number);
    }
    raw.parse::<f64>().map(Value::from).map_err(|_| Invalid::Number)
}

fn date(raw: &str, format: &str) -> Result<Value, Invalid> {
    // Only the year first: a parser that takes more forms takes the day for the month one day.
    if raw.len() < 10 || !raw.as_bytes()[..4].iter().all(u8::is_ascii_digit) || raw.as_bytes()[4] != b'-' {
        return Err(Invalid::Date);
    }
    let at: DateTime = raw.parse().map_err(|_| Invalid::Date)?;
    strtime::format(format, at).map(Value::from).map_err(|_| Invalid::Date)
}

/// An amount as it is shown; no binary fraction ever touches it.
fn money(raw: &str, decimals: usize, mark: char, group: Option<char>) -> Option<String> {
    let (below, whole, fraction) = decimal(raw)?;
    if fraction.len() > decimals || whole.len() > DIGITS {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let mut shown = String::from(if below { "-" } else { "" });
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            shown.extend(group);
        }
        shown.push(digit);
    }
    if decimals > 0 {
        shown.push(mark);
        shown.push_str(fraction);
        shown.extend(std::iter::repeat_n('0', decimals - fraction.len()));
    }
    Some(shown)
}

fn url(raw: &str, hosts: &[String]) -> Result<Value, Invalid> {
    if raw.len() > URL {
        return Err(Invalid::TooLong);
    }
    let lower = raw.get(..8).unwrap_or(raw).to_ascii_lowercase();
    let scheme =
        ["https://", "http://"].into_iter().find(|scheme| lower.starts_with(scheme)).ok_or(Invalid::Url)?;
    // Browsers read a backslash as a slash, and hide a user's name in front of the host.
    if raw.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '<' | '>' | '"')) {
        return Err(Invalid::Url);
    }
    let authority = raw[scheme.len()..].split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_lowercase();
    if host.is_empty() || authority.contains('@') {
        return Err(Invalid::Url);
    }
    if !hosts.is_empty() && !hosts.contains(&host) {
        return Err(Invalid::Host);
    }
    Ok(Value::from_safe_string(raw.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(typed: &Typed, raw: &str) -> Result<String, Invalid> {
        typed.value(raw).map(|value| value.to_string())
    }

    #[test]
    fn numbers_are_exact_and_have_one_form() {
        for (raw, is) in
            [("7", "7"), ("-12.5", "-12.5"), ("0012", "12"), ("123456789012345", "123456789012345")]
        {
            assert_eq!(shown(&Typed::Number, raw).as_deref(), Ok(is));
        }
        for raw in ["", "-", "1,5", "1.", ".5", "1.2.3", "1e9", "NaN", "+1", "1234567890123456", "٣"] {
            assert_eq!(shown(&Typed::Number, raw), Err(Invalid::Number), "{raw}");
        }
    }

    #[test]
    fn money_is_shown_with_its_marks() {
        let euro = Typed::Money { currency: "EUR".into(), decimals: 2, mark: ',', group: Some('.') };
        for (raw, is) in [
            ("1234567.5", "1.234.567,50"),
            ("-0.05", "-0,05"),
            ("000", "0,00"),
            ("12 EUR", "12,00"),
            ("100.00EUR", "100,00"),
        ] {
            assert_eq!(shown(&euro, raw), Ok(format!("{is}\u{a0}EUR")));
        }
        for raw in ["1.234", "12 USD", "€12", "", "EUR", "1,50"] {
            assert_eq!(shown(&euro, raw), Err(Invalid::Money), "{raw}");
        }
        let yen = Typed::Money { currency: "JPY".into(), decimals: 0, mark: '.', group: None };
        assert_eq!(shown(&yen, "5000"), Ok("5000\u{a0}JPY".into()));
    }

    #[test]
    fn dates_are_years_first() {
        let typed = Typed::Date { format: "%d.%m.%Y %H:%M".into() };
        assert_eq!(shown(&typed, "2026-11-24"), Ok("24.11.2026 00:00".into()));
        assert_eq!(shown(&typed, "2026-11-24T18:30"), Ok("24.11.2026 18:30".into()));
        for raw in
            ["24.11.2026", "2026-13-01", "2026-02-30", "", "tomorrow", "2026-11-24T18:30Z", "20261124T18"]
        {
            assert_eq!(shown(&typed, raw), Err(Invalid::Date), "{raw}");
        }
    }

    #[test]
    fn addresses_lead_where_they_say() {
        let typed = Typed::Url { hosts: vec!["shop.example".into()] };
        assert!(shown(&typed, "https://SHOP.example:8443/a?b=c#d").is_ok());
        assert_eq!(shown(&typed, "https://shop.example.evil.test/"), Err(Invalid::Host));
        for raw in [
            "shop.example",
            "javascript:alert(1)",
            "https://",
            "https://shop.example@evil.test/",
            "https://shop.example\\@evil.test",
            "https://a b",
        ] {
            assert_eq!(shown(&typed, raw), Err(Invalid::Url), "{raw}");
        }
        assert_eq!(shown(&typed, &format!("https://{}", "a".repeat(URL))), Err(Invalid::TooLong));
    }

    #[test]
    fn texts_have_a_length_and_no_control_characters() {
        let typed = Typed::Text { most: 3 };
        assert_eq!(shown(&typed, "äöü"), Ok("äöü".into()));
        assert_eq!(shown(&typed, "äöüa"), Err(Invalid::TooLong));
        assert_eq!(shown(&typed, "a\u{7}"), Err(Invalid::Control));
    }

    proptest! {
        #[test]
        fn no_value_panics(raw in "\\PC{0,20}|[-0-9.:TEUR]{0,14}|https?://[a-z@:/\\\\ é]{0,12}") {
            let money = Typed::Money { currency: "EUR".into(), decimals: 2, mark: ',', group: Some('.') };
            let date = Typed::Date { format: "%Y".into() };
            for typed in [Typed::Text { most: 9 }, Typed::Number, date, money, Typed::Url { hosts: vec![] }] {
                let _ = typed.value(&raw);
            }
        }
    }
}
