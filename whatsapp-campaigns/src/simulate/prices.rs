//! What messages cost: exact, in millionths of a currency, and never in floating point.
use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::content::{Category, JsonError, read_json};

/// In a whole unit of a currency.
const PARTS: u128 = 1_000_000;
/// Digits behind the point.
const DIGITS: usize = 6;

/// An amount in millionths of some currency. In JSON a text such as `"0.0625"`, so that no number of JavaScript rounds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Money(u128);

/// It is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an amount is written like 0.0625: up to 12 digits, a point, and up to 6 more; nothing else")]
pub struct NoMoney;

impl Money {
    /// Of millionths.
    pub const fn of_millionths(millionths: u64) -> Self {
        Self(millionths as u128)
    }

    /// In millionths.
    pub const fn millionths(self) -> u128 {
        self.0
    }

    /// So many times.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count as u128))
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        Self(all.fold(0, |sum, money| sum.saturating_add(money.0)))
    }
}

impl FromStr for Money {
    type Err = NoMoney;

    fn from_str(text: &str) -> Result<Self, NoMoney> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(part) || whole.len() > 12 || part.len() > DIGITS {
            return Err(NoMoney);
        }
        let whole: u128 = whole.parse().map_err(|_| NoMoney)?;
        let part: u128 = format!("{part:0<DIGITS$}").parse().map_err(|_| NoMoney)?;
        Ok(Self(whole * PARTS + part))
    }
}

impl fmt::Display for Money {
    /// With two digits behind the point, or as many as it has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = format!("{:0DIGITS$}", self.0 % PARTS);
        let used = part.trim_end_matches('0').len().max(2);
        write!(f, "{}.{}", self.0 / PARTS, &part[..used])
    }
}

impl From<Money> for String {
    fn from(money: Money) -> Self {
        money.to_string()
    }
}

impl TryFrom<String> for Money {
    type Error = NoMoney;

    fn try_from(text: String) -> Result<Self, NoMoney> {
        text.parse()
    }
}

/// A price list of the user, for messages delivered. In JSON:
/// `{"currency": "EUR", "prices": [{"category": "marketing", "prefix": "49", "each": "0.1131"}, {"each": "0.05"}]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prices {
    /// For people, such as `EUR`.
    pub currency: String,
    /// The longest prefix wins; of two as long, the one with a category; of two alike, the first.
    pub prices: Vec<Price>,
}

/// One price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// For messages of this kind; of all kinds without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// For numbers that begin like this, such as `49`; everywhere without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// For one message delivered.
    pub each: Money,
}

impl Prices {
    /// Reads a list. The errors say where in the JSON, and never what stands there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        read_json(text)
    }

    /// One price for all.
    pub fn flat(currency: impl Into<String>, each: Money) -> Self {
        Self { currency: currency.into(), prices: vec![Price { category: None, prefix: None, each }] }
    }

    /// The place of the price for such a message; without a country, of those for everywhere.
    pub(super) fn of(&self, category: Category, country: Option<&str>) -> Option<usize> {
        let rank = |price: &Price| {
            let prefix = price.prefix.as_deref().unwrap_or_default();
            let is_right = price.category.is_none_or(|of| of == category)
                && country.unwrap_or_default().starts_with(prefix);
            is_right.then_some((prefix.len(), price.category.is_some()))
        };
        let ranked = self.prices.iter().enumerate().filter_map(|(place, price)| Some((rank(price)?, place)));
        ranked.max_by_key(|(rank, place)| (*rank, std::cmp::Reverse(*place))).map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, millionths, shown) in [
            ("0.0625", 62_500, "0.0625"),
            ("12", 12_000_000, "12.00"),
            ("0.1", 100_000, "0.10"),
            ("0.000001", 1, "0.000001"),
            ("999999999999.999999", 999_999_999_999_999_999, "999999999999.999999"),
        ] {
            let money: Money = text.parse().unwrap();
            assert_eq!((money.millionths(), money.to_string().as_str()), (millionths, shown));
        }
        for wrong in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "0.0000001", "1000000000000", " 1", "٣"]
        {
            assert_eq!(wrong.parse::<Money>(), Err(NoMoney), "{wrong}");
        }
        // A tenth ten million times is what it is on paper.
        assert_eq!("0.1".parse::<Money>().unwrap().times(10_000_000).to_string(), "1000000.00");
        assert_eq!(Money::of_millionths(u64::MAX).times(u64::MAX).millionths(), u128::from(u64::MAX).pow(2));
    }

    #[test]
    fn the_nearest_price_counts() {
        let prices = Prices::from_json(
            r#"{"currency":"EUR","prices":[
                {"each":"0.05"},
                {"category":"marketing","prefix":"1","each":"0.03"},
                {"prefix":"1","each":"0.02"},
                {"prefix":"1876","each":"0.09"}
            ]}"#,
        )
        .unwrap();
        let each = |category, country| {
            prices.of(category, country).map(|place| prices.prices[place].each.to_string())
        };
        assert_eq!(each(Category::Marketing, Some("1555")).as_deref(), Some("0.03"));
        assert_eq!(each(Category::Utility, Some("1")).as_deref(), Some("0.02"));
        assert_eq!(each(Category::Marketing, Some("1876")).as_deref(), Some("0.09"));
        assert_eq!(each(Category::Utility, Some("49")).as_deref(), Some("0.05"));
        assert_eq!(each(Category::Utility, None).as_deref(), Some("0.05"));
        assert_eq!(Prices { prices: Vec::new(), ..prices }.of(Category::Utility, None), None);
        let wrong = Prices::from_json(r#"{"currency":"EUR","prices":[{"each":"5 secret"}]}"#).unwrap_err();
        assert!(wrong.path == "prices[0].each" && !wrong.to_string().contains("secret"), "{wrong}");
    }
}
