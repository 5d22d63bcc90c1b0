use std::{fmt, str::FromStr};

use rlibphonenumber::PHONE_NUMBER_UTIL;

/// A country, by the two letters of ISO 3166, such as `BR`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Region([u8; 2]);

/// Not the letters of a country whose numbers are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a country: give the two letters of ISO 3166, such as `BR`")]
pub struct UnknownRegion;

impl FromStr for Region {
    type Err = UnknownRegion;

    fn from_str(code: &str) -> Result<Self, UnknownRegion> {
        let letters = code.to_ascii_uppercase().as_bytes().try_into().map_err(|_| UnknownRegion)?;
        let region = Self(letters);
        region.country_code().ok_or(UnknownRegion)?;
        Ok(region)
    }
}

impl Region {
    /// The two letters.
    pub fn code(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    /// As the library knows it.
    pub(super) fn plan(self) -> Option<rlibphonenumber::Region> {
        rlibphonenumber::Region::from_code(self.code()).ok()
    }

    /// The country's code, such as `55`.
    pub(super) fn country_code(self) -> Option<String> {
        let code = self.plan().and_then(|plan| PHONE_NUMBER_UTIL.get_country_code_for_region(plan));
        code.map(|code| code.to_string())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
