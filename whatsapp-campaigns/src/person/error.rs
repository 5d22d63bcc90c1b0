/// Why a text is not the number of a person. `Display` says what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PhoneError {
    /// Nothing is there.
    #[error("there is no number")]
    Empty,
    /// Letters are not turned into digits: a word would be the number of a stranger.
    #[error("there are letters in it: give the digits alone, one number without an extension")]
    Letters,
    /// There are characters in it that no number has.
    #[error("there are characters in it that no number has")]
    Characters,
    /// An address of a program, such as `4915123456789@s.whatsapp.net`.
    #[error("this is an address and not a phone number: give the number itself")]
    Address,
    /// There is more than one number.
    #[error("there is more than one number: give one")]
    Several,
    /// It can be meant with the country's code or without it.
    #[error("it can be read with the country's code or without it: write + in front of the country's code")]
    Ambiguous,
    /// A spreadsheet has rounded it, as in `4.91512E+11`.
    #[error("a spreadsheet has rounded it, and digits are lost: format the column as text and save again")]
    Rounded,
    /// It is written as people dial it within a country, and no country is named.
    #[error("it has no country's code: write it as +49…, or name the country with region, such as region=DE")]
    NoCountry,
    /// It begins with no country's code that exists.
    #[error(
        "it begins with no country's code that exists: write it as +49…, or name the country with region"
    )]
    UnknownCountry,
    /// Too few digits for its country.
    #[error("it has too few digits for its country")]
    TooShort,
    /// Too many digits for its country.
    #[error("it has too many digits for its country")]
    TooLong,
    /// The numbering plan of its country has no such number.
    #[error("the numbering plan of its country has no such number")]
    NotAssigned,
}

impl PhoneError {
    /// Can the same number be written so that it is found? Then `Display` says how.
    pub const fn has_remedy(self) -> bool {
        matches!(
            self,
            Self::NoCountry | Self::UnknownCountry | Self::Ambiguous | Self::Rounded | Self::Address
        )
    }

    /// What programs know it by.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "invalid_number.empty",
            Self::Letters => "invalid_number.letters",
            Self::Characters => "invalid_number.characters",
            Self::Address => "invalid_number.address",
            Self::Several => "invalid_number.several",
            Self::Ambiguous => "invalid_number.ambiguous",
            Self::Rounded => "invalid_number.rounded",
            Self::NoCountry => "invalid_number.no_country",
            Self::UnknownCountry => "invalid_number.unknown_country",
            Self::TooShort => "invalid_number.too_short",
            Self::TooLong => "invalid_number.too_long",
            Self::NotAssigned => "invalid_number.not_assigned",
        }
    }
}
