//! Of which country the people of a file are: short names in an old encoding can be read in many ways.
use std::collections::BTreeMap;

use crate::person::{self, Region};

/// So many numbers are looked at.
const NUMBERS: usize = 50;

/// The domain of the country that most numbers of a text are of.
pub(super) fn country(text: &[u8]) -> Option<String> {
    let mut countries = BTreeMap::<String, usize>::new();
    for number in numbers(text).take(NUMBERS) {
        if let Some(region) = person::parse(&number, None).ok().and_then(person::Phone::region) {
            *countries.entry(domain(region)).or_default() += 1;
        }
    }
    countries.into_iter().max_by_key(|(_, count)| *count).map(|(country, _)| country)
}

/// As the last part of a host's name.
pub(super) fn domain(region: Region) -> String {
    match region.code() {
        "GB" => "uk".to_owned(),
        code => code.to_ascii_lowercase(),
    }
}

/// What looks like a number: ten digits or more, with what may stand between them.
fn numbers(text: &[u8]) -> impl Iterator<Item = String> {
    let is_between = |byte: &u8| matches!(byte, b' ' | b'-' | b'(' | b')' | b'.' | b'/');
    let parts = text.split(move |byte| !(byte.is_ascii_digit() || *byte == b'+' || is_between(byte)));
    let digits = |part: &&[u8]| part.iter().filter(|byte| byte.is_ascii_digit()).count() >= 10;
    parts.filter(digits).map(|part| String::from_utf8_lossy(part).into_owned())
}
