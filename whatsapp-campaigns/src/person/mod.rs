//! Who is who: from any spelling of a number to a person, and to every address under which WhatsApp may know them.
//!
//! Two things are told apart. A *number* is what the numbering plan of a country says today. An *address* is what an
//! account was registered with, and WhatsApp keeps it when the plan changes: a person in Brazil may be `553187654321` there
//! and write their number as `+55 31 98765-4321`. A [`Phone`] is the person: it is identified by the number of today, and
//! [`Phone::forms`] gives the addresses. Whoever looks somebody up (a suppression, a contact, an exclusion) asks for all
//! of them, and whoever sends tries them in order.
//!
//! ```
//! use whatsapp_campaigns::person::{self, PhoneError};
//!
//! let brazil = "BR".parse()?;
//! let phone = person::parse("(31) 98765-4321", Some(brazil))?;
//! assert_eq!(phone.to_string(), "5531987654321");
//! assert_eq!(phone.forms(), ["5531987654321", "553187654321"]);
//! assert_eq!(person::parse("553187654321", None)?, phone, "the address of an old account");
//! assert_eq!(person::parse("0176 04069010", None), Err(PhoneError::NoCountry), "of which country?");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
mod error;
mod forms;
mod lookup;
mod region;
mod text;

use std::fmt;

use rlibphonenumber::{
    NumberLengthType, PHONE_NUMBER_UTIL, ParseError, PhoneNumber, PhoneNumberFormat, PhoneNumberType,
    ValidationError,
};

pub(crate) use self::lookup::{contacts, new_contact, opted_out, suppressed};
use self::text::Dialled;
pub use self::{
    error::PhoneError,
    region::{Region, UnknownRegion},
};

/// What is dialled to leave a country, where it cannot be the beginning of a number: `00` nearly everywhere, `011` in North
/// America, `0011` in Australia, `810` in countries of the former Soviet Union.
const EXITS: [&str; 4] = ["0011", "011", "00", "810"];

/// A person, by the number that the plan of their country gives them today. It prints as digits without `+`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(u64);

impl Phone {
    /// The digits as a number: no two people have the same.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// From [`Phone::number`].
    pub(crate) const fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Every address under which WhatsApp may know the person, the number of today first. Look people up by all of them.
    pub fn forms(self) -> Vec<String> {
        forms::all(&self.to_string())
    }

    /// The country, as far as the digits say.
    pub fn region(self) -> Option<Region> {
        let number = PHONE_NUMBER_UTIL.parse(format!("+{self}"), None).ok()?;
        PHONE_NUMBER_UTIL.get_region_for_number(&number).and_then(|plan| plan.as_region_str().parse().ok())
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Numbers of people stay out of logs.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone")
    }
}

/// Every address of the person who has this address, the number of today first. An address that is no number, such as a
/// LID, is alone. Nothing is checked: this is for addresses that are stored or come from the server.
pub fn forms(address: &str) -> Vec<String> {
    let digits = address.strip_prefix('+').unwrap_or(address);
    if digits.is_empty() || digits.len() > 18 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return vec![address.to_owned()];
    }
    forms::all(digits)
}

/// Are these two addresses of one person?
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || forms(one).first() == forms(other).first()
}

/// The person whom a text means. `region` is the country of numbers without a country's code; without it, every number
/// has one, with `+` or not. All ways to write a number give the same person; what could be meant in two ways is refused.
///
/// # Errors
/// When it is no number, or not known whose. The error says what to do.
pub fn parse(text: &str, region: Option<Region>) -> Result<Phone, PhoneError> {
    let dialled = text::dial(text)?;
    if let Some(digits) = &dialled.without_zero
        && let Ok(found) = read(&Dialled { digits: digits.clone(), without_zero: None, ..dialled }, region)
    {
        return Ok(found);
    }
    read(&dialled, region)
}

fn read(dialled: &Dialled, region: Option<Region>) -> Result<Phone, PhoneError> {
    let digits = dialled.digits.as_str();
    if dialled.is_international {
        // `+0049…` is a plus and what it stands for.
        return international(digits.strip_prefix("00").unwrap_or(digits)).map(|found| found.phone);
    }
    match region {
        Some(home) => at_home(digits, home),
        None if digits.starts_with('0') => from_abroad(digits).unwrap_or(Err(PhoneError::NoCountry)),
        None => international(digits).map(|found| found.phone),
    }
}

/// A number behind what is dialled to leave a country; `None` when it begins with nothing of the kind.
fn from_abroad(digits: &str) -> Option<Result<Phone, PhoneError>> {
    let rests = EXITS.iter().filter_map(|exit| digits.strip_prefix(exit));
    let mut found: Vec<_> = rests.map(international).collect();
    let good = found.iter().position(Result::is_ok).unwrap_or(found.len().saturating_sub(1));
    (!found.is_empty()).then(|| found.swap_remove(good).map(|found| found.phone))
}

/// A number that was written in a country, with its code or without.
fn at_home(digits: &str, home: Region) -> Result<Phone, PhoneError> {
    let national = valid(digits, Some(home));
    // Digits that begin with the country's own code may have it or not: `4915...` is written for `+49 15...`, and yet
    // Germany's plan has room for `+49 4915...`.
    let has_code = home.country_code().is_some_and(|code| digits.starts_with(&code));
    let whole = if has_code { international(digits).ok() } else { None };
    match (national, whole) {
        (Ok(national), Some(whole)) if national.phone != whole.phone => {
            match (national.is_mobile, whole.is_mobile) {
                (true, false) => Ok(national.phone),
                (false, true) => Ok(whole.phone),
                _ => Err(PhoneError::Ambiguous),
            }
        }
        (Err(_), Some(whole)) => Ok(whole.phone),
        (Err(why), None) => from_abroad(digits).and_then(Result::ok).ok_or(why),
        (Ok(national), _) => Ok(national.phone),
    }
}

fn international(digits: &str) -> Result<Found, PhoneError> {
    valid(&format!("+{digits}"), None)
}

struct Found {
    phone: Phone,
    is_mobile: bool,
}

/// The number that was dialled in a country. It is right if the plan has it in one of its forms.
fn valid(dialled: &str, home: Option<Region>) -> Result<Found, PhoneError> {
    let number = library(dialled, home)?;
    let digits = e164(&number);
    let forms = forms::all(&digits);
    let right = |form: &String| library(&format!("+{form}"), None).ok().filter(is_valid);
    let phone = forms[0].parse().map(Phone).map_err(|_| PhoneError::TooLong)?;
    // The longest that a number may be.
    if forms[0].len() > 15 {
        return Err(PhoneError::TooLong);
    }
    match Some(number.clone()).filter(is_valid).or_else(|| forms.iter().find_map(right)) {
        Some(found) => Ok(Found { phone, is_mobile: is_mobile(&found) }),
        None => Err(refusal(&number)),
    }
}

fn library(dialled: &str, home: Option<Region>) -> Result<PhoneNumber, PhoneError> {
    PHONE_NUMBER_UTIL.parse(dialled, home.and_then(Region::plan)).map_err(|why| match why {
        ParseError::InvalidCountryCode => PhoneError::UnknownCountry,
        ParseError::TooLongNsn => PhoneError::TooLong,
        ParseError::NotANumber(_) if dialled.len() > 17 => PhoneError::TooLong,
        ParseError::NotANumber(_) | ParseError::TooShortAfterIdd | ParseError::TooShortNsn => {
            PhoneError::TooShort
        }
    })
}

fn is_valid(number: &PhoneNumber) -> bool {
    PHONE_NUMBER_UTIL.is_valid_number(number)
}

fn refusal(number: &PhoneNumber) -> PhoneError {
    match PHONE_NUMBER_UTIL.is_possible_number_with_reason(number) {
        Ok(NumberLengthType::IsPossibleLocalOnly) | Err(ValidationError::TooShort) => PhoneError::TooShort,
        Err(ValidationError::TooLong) => PhoneError::TooLong,
        Err(ValidationError::InvalidCountryCode) => PhoneError::UnknownCountry,
        Ok(NumberLengthType::IsPossible) | Err(ValidationError::InvalidLength) => PhoneError::NotAssigned,
    }
}

fn is_mobile(number: &PhoneNumber) -> bool {
    matches!(
        PHONE_NUMBER_UTIL.get_number_type(number),
        PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile
    )
}

/// Digits without the plus.
fn e164(number: &PhoneNumber) -> String {
    let written = PHONE_NUMBER_UTIL.format(number, PhoneNumberFormat::E164);
    written.trim_start_matches('+').to_owned()
}

#[cfg(test)]
mod tests;
