//! What the server refuses with, and which class of refusals that is.
use std::fmt;

/// Who refused, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// An error code of the Cloud API.
    Cloud(u32),
    /// The error of a nack on the web protocol.
    Web(u32),
    /// The number has no account, as a look-up says.
    NoAccount,
    /// The connection was gone before the message was given to it.
    Unsent,
}

/// Where the numbers of [`Code::Cloud`] are put among 16 bits: those of a first to a last number, from a place on. What is below
/// is of the web; the highest are the two without a number, and all that has no place. These are stored: add, and never change.
const STORED: [(u32, u32, u16); 3] =
    [(130_000, 139_999, 10_000), (80_000, 80_999, 20_000), (0, 9_999, 30_000)];
const WEB: u16 = 9_999;
const NO_ACCOUNT: u16 = u16::MAX - 2;
const UNSENT: u16 = u16::MAX - 1;

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cloud(code) | Self::Web(code) => write!(f, "error {code}"),
            Self::NoAccount => f.write_str("no account"),
            Self::Unsent => f.write_str("not sent"),
        }
    }
}

impl Code {
    /// For the recipient's record. Above 0. Codes that have no place share one.
    pub fn stored(self) -> u16 {
        let place = match self {
            Self::NoAccount => Some(NO_ACCOUNT),
            Self::Unsent => Some(UNSENT),
            Self::Web(code) => u16::try_from(code).ok().filter(|code| (1..=WEB).contains(code)),
            Self::Cloud(code) => STORED
                .iter()
                .find(|(first, last, _)| (*first..=*last).contains(&code))
                .and_then(|(first, _, from)| Some(from + u16::try_from(code - first).ok()?)),
        };
        place.unwrap_or(u16::MAX)
    }

    /// What [`Code::stored`] was made of; `None` of 0 and of codes that have no place.
    pub fn from_stored(stored: u16) -> Option<Self> {
        match stored {
            0 => None,
            1..=WEB => Some(Self::Web(u32::from(stored))),
            NO_ACCOUNT => Some(Self::NoAccount),
            UNSENT => Some(Self::Unsent),
            _ => STORED.iter().find_map(|(first, last, from)| {
                let code = first + u32::from(stored.checked_sub(*from)?);
                (code <= *last).then_some(Self::Cloud(code))
            }),
        }
    }
}

/// What a refusal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The sender is too fast.
    SlowDown,
    /// Too many to this person in a short time.
    Pair,
    /// This person has had enough marketing from anybody.
    UserMarketing,
    /// The sender may not send now.
    Sender,
    /// This person cannot be written to.
    Recipient,
    /// This person wants no marketing from this sender.
    OptedOut,
    /// It is too long since they wrote.
    Window,
    /// The template is wrong, paused or disabled.
    Template,
    /// The account cannot pay.
    Money,
    /// Something that passes; also all that nobody knows.
    Transient,
    /// An experiment of the server.
    Experiment,
}

/// Codes that are known. Sources: the server's list of error codes (June 2026), and nacks as clients of the web report them.
pub(super) const CLASSES: [(Code, Class); 35] = [
    (Code::Cloud(4), Class::SlowDown),
    (Code::Cloud(429), Class::SlowDown),
    (Code::Cloud(80_007), Class::SlowDown),
    (Code::Cloud(130_429), Class::SlowDown),
    (Code::Web(429), Class::SlowDown),
    (Code::Cloud(131_056), Class::Pair),
    (Code::Cloud(131_049), Class::UserMarketing),
    (Code::Cloud(368), Class::Sender),
    (Code::Cloud(131_031), Class::Sender),
    (Code::Cloud(131_048), Class::Sender),
    (Code::Web(463), Class::Sender),
    (Code::Web(475), Class::Sender),
    (Code::Cloud(131_026), Class::Recipient),
    (Code::Cloud(131_030), Class::Recipient),
    (Code::Cloud(131_050), Class::OptedOut),
    (Code::Cloud(470), Class::Window),
    (Code::Cloud(131_047), Class::Window),
    (Code::Web(470), Class::Window),
    (Code::Cloud(132_000), Class::Template),
    (Code::Cloud(132_001), Class::Template),
    (Code::Cloud(132_005), Class::Template),
    (Code::Cloud(132_007), Class::Template),
    (Code::Cloud(132_012), Class::Template),
    (Code::Cloud(132_015), Class::Template),
    (Code::Cloud(132_016), Class::Template),
    (Code::Cloud(131_042), Class::Money),
    (Code::Cloud(130_472), Class::Experiment),
    (Code::Cloud(1), Class::Transient),
    (Code::Cloud(2), Class::Transient),
    (Code::Cloud(131_000), Class::Transient),
    (Code::Cloud(131_016), Class::Transient),
    (Code::Cloud(131_053), Class::Transient),
    (Code::Cloud(133_016), Class::SlowDown),
    (Code::NoAccount, Class::Recipient),
    (Code::Unsent, Class::Transient),
];

impl Class {
    /// Of a code. One that nobody knows is taken as something that passes, and like that has an end.
    pub fn of(code: Code) -> Self {
        CLASSES.iter().find(|(known, _)| *known == code).map_or(Self::Transient, |(_, class)| *class)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_names_each_code_once() {
        let codes: HashSet<_> = CLASSES.iter().map(|(code, _)| code).collect();
        assert_eq!(codes.len(), CLASSES.len());
    }

    #[test]
    fn codes_fit_into_the_record() {
        for (code, stored) in [
            (Code::Web(463), 463),
            (Code::Cloud(131_049), 11_049),
            (Code::Cloud(80_007), 20_007),
            (Code::Cloud(368), 30_368),
            (Code::Unsent, 65_534),
        ] {
            assert_eq!((code.stored(), Code::from_stored(stored)), (stored, Some(code)));
        }
        for (code, _) in CLASSES {
            assert_eq!(Code::from_stored(code.stored()), Some(code));
        }
        for none in [Code::Web(0), Code::Web(10_000), Code::Cloud(10_000), Code::Cloud(u32::MAX)] {
            assert_eq!((none.stored(), Code::from_stored(none.stored())), (u16::MAX, None));
        }
        let back = (0..=u16::MAX).filter_map(|stored| Some((stored, Code::from_stored(stored)?)));
        for (stored, code) in back {
            assert_eq!(code.stored(), stored);
        }
    }
}
