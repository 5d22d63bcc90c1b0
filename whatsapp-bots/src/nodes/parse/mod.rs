//! From what somebody wrote to a value of the wanted type, or to nothing.
mod address;
mod calendar;
mod phone;

use jiff::civil::{Date, Time};
use regex::Regex;
use serde_json::{Value as Json, json};

use self::{
    address::{email, url},
    calendar::{date, time},
    phone::phone,
};
use super::{
    answer::{Answer, DateOrder},
    menu::{MenuPlan, Offers},
};
use crate::{
    compile::Compiler,
    effect::Style,
    finding::Code,
    input::{Body, Message},
    numbers::{self, number},
    turn::Turn,
};

/// Characters of an answer, unless the definition says another number.
const TEXT: u32 = 4_096;

/// An answer's type, compiled.
#[derive(Debug)]
pub(super) enum Parser {
    Text { min: u32, max: u32, pattern: Option<Regex> },
    Number { min: f64, max: f64, whole: bool },
    Email,
    Phone(Option<rlibphonenumber::Region>),
    Url,
    Date { min: Option<Limit>, max: Option<Limit>, order: DateOrder },
    Time { min: Time, max: Time },
    Choice(MenuPlan),
    Choices { menu: MenuPlan, min: usize, max: usize },
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
                let home = country_code.as_ref().and_then(|code| phone::region(code));
                if country_code.is_some() && home.is_none() {
                    let why = "this is no calling code of a country; one is like 55";
                    compiler.find(Code::E001, "answer/countryCode", why);
                }
                Self::Phone(home)
            }
            Answer::Url => Self::Url,
            Answer::Date { min, max, order } => {
                let min = min.as_ref().and_then(|text| limit(compiler, "answer/min", text));
                let max = max.as_ref().and_then(|text| limit(compiler, "answer/max", text));
                Self::Date { min, max, order: *order }
            }
            Answer::Time { min, max } => {
                let min = min.as_ref().and_then(|text| time_limit(compiler, "answer/min", text));
                let max = max.as_ref().and_then(|text| time_limit(compiler, "answer/max", text));
                let (min, max) = (min.unwrap_or(Time::MIN), max.unwrap_or(Time::MAX));
                if min > max {
                    compiler.find(Code::E001, "answer", "there is no such time: `min` is after `max`");
                }
                Self::Time { min, max }
            }
            Answer::Choices { options, min, max } => {
                let most = max.map_or(options.len(), usize::from).min(options.len());
                let least = usize::from(min.unwrap_or(1));
                if least > most || least == 0 {
                    let why =
                        "nobody can choose so many: `min` is at least 1, and at most `max` and all options";
                    compiler.find(Code::E001, "answer", why);
                }
                // Buttons and rows of lists give one alone.
                let menu = MenuPlan::compile(compiler, options, Style::Numbers);
                Self::Choices { menu, min: least, max: most }
            }
            Answer::Choice { options } => Self::Choice(MenuPlan::compile(compiler, options, Style::Auto)),
            Answer::Location => Self::Location,
            Answer::File { kinds, mimes, max_bytes } => {
                Self::File { kinds: kinds.clone(), mimes: mimes.clone(), max: max_bytes.unwrap_or(u64::MAX) }
            }
        }
    }

    pub(super) fn menu(&self) -> Option<&dyn Offers> {
        match self {
            Self::Choice(menu) | Self::Choices { menu, .. } => Some(menu),
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
                let number = number(text, turn.decimal_mark())?;
                let fits = number >= *min && number <= *max && (!whole || number.fract() == 0.0);
                fits.then(|| numbers::to_json(number))
            }
            Self::Email => email(text).map(Json::String),
            Self::Phone(home) => match &message.body {
                Body::Contact { phones, .. } => phones.iter().find_map(|number| phone(number, *home)),
                _ => phone(text, *home),
            }
            .map(Json::String),
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
            Self::Time { min, max } => {
                let time = time(text).filter(|time| (min..=max).contains(&time))?;
                Some(json!(time.strftime("%H:%M").to_string()))
            }
            Self::Choice(menu) => menu.chosen(turn, message).map(|id| json!(id)),
            Self::Choices { menu, min, max } => {
                let all = menu.all_chosen(turn, message)?;
                (*min..=*max).contains(&all.len()).then(|| json!(all))
            }
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

fn time_limit(compiler: &mut Compiler<'_>, field: &str, text: &str) -> Option<Time> {
    let limit = time(text);
    if limit.is_none() {
        compiler.find(Code::E001, field, "a time is like 09:30");
    }
    limit
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
    use crate::numbers::DecimalMark;

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,24}|[-+0-9.,/ @:]{0,16}") {
            let _ = (number(&text, DecimalMark::Comma), email(&text), url(&text), time(&text));
            let _ = phone(&text, phone::region("55"));
            let _ = (date(&text, DateOrder::DayFirst), date(&text, DateOrder::MonthFirst));
        }
    }
}
