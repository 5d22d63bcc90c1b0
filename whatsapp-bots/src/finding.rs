//! What can be found about a bot, with codes and paths.
use std::fmt;

use serde::Serialize;

/// Nodes of one flow.
pub const MAX_NODES: usize = 1_000;
/// Exits of one node.
pub const MAX_EXITS: usize = 100;
/// Flows of one bot.
pub const MAX_FLOWS: usize = 500;

/// Something about a bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What kind of thing.
    pub code: Code,
    /// Where: `flow/node/field`, `flow`, `triggers/id/field`, `commands/id/field`, or `bot/field`.
    pub path: String,
    /// What it is and what to do about it. It never holds what people wrote to the bot.
    pub message: String,
}

impl Finding {
    pub(crate) fn new(code: Code, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, path: path.into(), message: message.into() }
    }

    /// Does it keep the bot from being published?
    pub fn is_error(&self) -> bool {
        self.code.is_error()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.code, self.path, self.message)
    }
}

/// What keeps a bot from being published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings(pub Vec<Finding>);

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, finding) in self.0.iter().enumerate() {
            write!(f, "{}{finding}", if place == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Findings {}

macro_rules! codes {
    ($($(#[$doc:meta])* $Code:ident)*) => {
        /// The kinds of findings. Those with an E are errors, those with a W warnings.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $Code,)* }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$Code),*];
        }

        impl fmt::Display for Code {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$Code => stringify!($Code),)* })
            }
        }
    };
}

codes! {
    /// A setting that does not work.
    E001
    /// An id that is there twice, or is none.
    E002
    /// The entry is missing.
    E003
    /// An exit, or another reference, to a node that is not there.
    E004
    /// A flow that is not there.
    E005
    /// A kind of node that this version does not know.
    E006
    /// A loop without a wait.
    E007
    /// Flows that call each other without a wait.
    E008
    /// A pattern that is none, or too large.
    E009
    /// A template, a path or an expression that is none.
    E010
    /// A field, tag, queue or campaign that is not there.
    E011
    /// A case or an option that never gets its turn.
    E012
    /// More than WhatsApp shows.
    E013
    /// A question without an exit for answers that are none, or for a timeout.
    E014
    /// A call with params, or a return with values, that the flow does not have.
    E015
    /// Weights that leave nothing to choose from.
    E016
    /// More than a bot may have.
    E017
    /// A content that cannot be sent.
    E018
    /// A schedule that is for nobody.
    E019
    /// A node that nothing leads to.
    W101
    /// An exit that the node takes and does not have: the flow is over there.
    W102
    /// A variable that is read and never set.
    W103
    /// A variable that is set and never read.
    W104
    /// A text without one of the languages.
    W105
    /// Triggers that fit the same, with the same priority.
    W106
    /// A trigger that never gets its turn, since one for any message comes first.
    W107
    /// No way to a person.
    W108
    /// No word to stop it.
    W109
    /// A wait of more than a day: some accounts may only send templates then.
    W110
    /// An exit that the node never takes.
    W113
    /// An agreement that does not say to what.
    W114
}

impl Code {
    /// Does it keep the bot from being published?
    pub const fn is_error(self) -> bool {
        (self as u8) < (Self::W101 as u8)
    }
}
