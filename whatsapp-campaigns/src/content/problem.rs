//! What can be wrong with a definition, a recipient's values, or a rendering. None of these carries a value.
use std::fmt;

use whatsapp_store::NotSendable;

use super::value::Invalid;

/// Everything that is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if place == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// One thing that is wrong with a definition, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct Problem {
    /// Where in the JSON, such as `variants[0].content.text`.
    pub path: String,
    /// What.
    pub what: What,
}

impl Problem {
    pub(super) fn new(path: impl Into<String>, what: What) -> Self {
        Self { path: path.into(), what }
    }
}

/// What can be wrong with a definition. `Display` says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum What {
    /// There is no variant.
    #[error("at least one variant is needed")]
    NoVariant,
    /// Two variants have one name, or a variant has none.
    #[error("every variant needs a name of its own")]
    VariantName,
    /// No variant has any weight.
    #[error("at least one variant needs a weight above 0")]
    NoWeight,
    /// A share with which nobody would get anything, or more than all.
    #[error("shares are thousandths: the hold-out is from 0 to 999, the test from 1 to 1000")]
    Share,
    /// The rule for the winner does not work.
    #[error("{0}")]
    Winner(&'static str),
    /// Content that cannot be sent.
    #[error("content of this type cannot be sent; choose another type")]
    NotSendable,
    /// Content that no message can have.
    #[error("{0}")]
    Unsendable(NotSendable),
    /// A number that JSON does not know.
    #[error("a number of this content is not finite")]
    NotFinite,
    /// A name that cannot stand in a placeholder.
    #[error(
        "a variable's name is a letter, then letters, digits and _, at most 64, and no word of the template language"
    )]
    Name,
    /// A setting that this type does not have.
    #[error("a variable of this type has no {0}; remove it")]
    Setting(&'static str),
    /// A setting that does not work.
    #[error("{0}")]
    SettingValue(&'static str),
    /// The value used when one is missing is itself none.
    #[error("the default is not right for the type: {0}")]
    Default(Invalid),
    /// A placeholder that nobody declared.
    #[error("the variable {name} is not declared; declare it under `variables`, or correct the name")]
    Unknown {
        /// As it stands in the template.
        name: String,
    },
    /// A declared variable that no variant uses.
    #[error("this variable is declared and used nowhere; use it, or remove it")]
    Unused,
    /// A statement other than a condition.
    #[error("line {line}: of the statements only if, elif, else and endif are allowed")]
    Statement {
        /// In the field.
        line: usize,
    },
    /// `*` or `**`.
    #[error(
        "line {line}: `*` is not allowed in a template; compute the value beforehand and declare a variable for it"
    )]
    Repetition {
        /// In the field.
        line: usize,
    },
    /// A filter that there is not.
    #[error(
        "line {line}: there are the filters upper, lower, title, capitalize, trim, length, abs and round"
    )]
    Filter {
        /// In the field.
        line: usize,
    },
    /// `is`.
    #[error("line {line}: there are no tests with `is`; compare with ==, !=, <, > and `in`")]
    Test {
        /// In the field.
        line: usize,
    },
    /// Too many `~` and `+`.
    #[error("line {line}: more than 64 of ~ and + in one text; write the parts one after the other")]
    Joins {
        /// In the field.
        line: usize,
    },
    /// A brace within an expression.
    #[error("line {line}: a brace within a placeholder; put it into quotes")]
    Braces {
        /// In the field.
        line: usize,
    },
    /// The end of a placeholder is missing.
    #[error("line {line}: this placeholder, statement or comment is not closed")]
    Unclosed {
        /// In the field.
        line: usize,
    },
    /// The template language does not know this.
    #[error("line {line}: {why}")]
    Syntax {
        /// In the field.
        line: usize,
        /// What it is.
        why: &'static str,
    },
    /// A field that is too long.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// It could not be rendered with values of the declared types.
    #[error("does not render with values of the declared types: {0}")]
    Trial(Fault),
    /// Marketing that does not say how to stop it.
    #[error(
        "marketing says how to stop it, such as \"Reply STOP to unsubscribe\", outside of any condition; add that, or record \
         in `optOutOverride` why not"
    )]
    NoOptOutHint,
    /// An override without a reason or without who decided it.
    #[error("an override names its reason and who decided it")]
    Override,
}

/// Why a recipient's values do not do. What follows of it, [`BindError::stops_campaign`] says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// There is none.
    #[error("the variable {variable} has no value")]
    Missing {
        /// Which.
        variable: String,
        /// The whole campaign fails.
        stops_campaign: bool,
    },
    /// There is one of another type.
    #[error("the value of the variable {variable} is not right: {why}")]
    Invalid {
        /// Which.
        variable: String,
        /// Why, without the value.
        why: Invalid,
        /// The whole campaign fails.
        stops_campaign: bool,
    },
}

impl BindError {
    /// Which variable.
    pub fn variable(&self) -> &str {
        match self {
            Self::Missing { variable, .. } | Self::Invalid { variable, .. } => variable,
        }
    }

    /// The policy of the variable is to fail the campaign; otherwise this recipient is skipped.
    pub const fn stops_campaign(&self) -> bool {
        match self {
            Self::Missing { stops_campaign, .. } | Self::Invalid { stops_campaign, .. } => *stops_campaign,
        }
    }
}

/// Why something was not rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The values were bound to another version of the template.
    #[error("the values belong to another version of the template; render with the version that was pinned")]
    OtherVersion,
    /// There is no such variant.
    #[error("the template has no variant {0}")]
    NoVariant(usize),
    /// A stored value is not right any more. It was when it was bound: what was stored is damaged.
    #[error("the stored value of the variable {0} is not right")]
    Value(String),
    /// What was stored of the values cannot be read.
    #[error("the stored values cannot be read")]
    Stored,
    /// A field does not render.
    #[error("{path}: {fault}")]
    Field {
        /// Where, such as `content.text`.
        path: String,
        /// Why.
        fault: Fault,
    },
}

/// Why a field does not render.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// More than a message can hold.
    #[error("longer than a message can be")]
    TooLong,
    /// It takes too many steps.
    #[error("it takes too many steps")]
    TooMuchWork,
    /// It had something to render, and nothing came out.
    #[error("it is empty")]
    Empty,
    /// Two choices of a poll are the same.
    #[error("two choices are the same")]
    SameTwice,
    /// What comes out cannot be sent.
    #[error("with these values it cannot be sent")]
    NotSendable,
    /// An operation that these types do not have.
    #[error("line {0}: an operation that these types do not have")]
    Operation(usize),
}

impl Fault {
    /// Whatever the values are. Emptiness and sameness may be of the values alone.
    pub(super) const fn is_of_the_template(self) -> bool {
        !matches!(self, Self::Empty | Self::SameTwice | Self::NotSendable)
    }
}
