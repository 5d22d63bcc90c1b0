//! What a caller does about an error.
use crate::{
    audience::{AudienceError, ConsentError, FileError},
    consent::RuleError,
    content::{BindError, JsonError, Problems, RenderError},
    model::SettingsError,
    person::PhoneError,
    simulate::{ForecastError, NoMoney},
    window::{ScheduleError, TimeError},
};

/// What a caller does about an error. Every public error of this crate has one: `error.kind()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such campaign: ask for another.
    NotFound,
    /// The campaign is in a state in which that cannot be done, or somebody changed it meanwhile: read it again.
    Conflict,
    /// What was given is wrong: the text says where, and what is needed instead.
    Invalid,
    /// A file of a kind that is never read.
    UnsupportedFile,
    /// The workspace uses all that it may at once: try again later.
    WorkspaceBusy,
    /// The node uses all that it may at once: try again later.
    NodeBusy,
    /// The database, a disk or a port of the caller failed; the source says how.
    Failed,
    /// A mistake in the program.
    Internal,
}

impl ErrorKind {
    /// May the same call succeed later, without being changed?
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::WorkspaceBusy | Self::NodeBusy | Self::Failed)
    }
}

/// Errors of what was given.
macro_rules! invalid {
    ($($error:ty),+ $(,)?) => {
        $(impl $error {
            /// What to do about it.
            pub const fn kind(&self) -> ErrorKind {
                ErrorKind::Invalid
            }
        })+
    };
}

invalid!(
    BindError,
    ConsentError,
    ForecastError,
    JsonError,
    NoMoney,
    PhoneError,
    Problems,
    RenderError,
    RuleError,
    ScheduleError,
    SettingsError,
    TimeError,
);

impl FileError {
    /// What to do about it.
    pub const fn kind(self) -> ErrorKind {
        match self {
            Self::NoTable(_) | Self::Form | Self::Binary | Self::Archive | Self::Workbook => {
                ErrorKind::UnsupportedFile
            }
            Self::Empty | Self::Unpacked | Self::Header | Self::Sheet | Self::AmbiguousColumn => {
                ErrorKind::Invalid
            }
        }
    }
}

impl AudienceError {
    /// What to do about it.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Read(_) | Self::Rejects(_) | Self::Temporary(_) | Self::Screen(_) | Self::Sink(_) => {
                ErrorKind::Failed
            }
            Self::NoColumn { .. }
            | Self::NoSheet { .. }
            | Self::Variable { .. }
            | Self::TooManyRows
            | Self::TooManyLanes => ErrorKind::Invalid,
        }
    }
}

#[cfg(feature = "runner")]
impl crate::service::ServiceError {
    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::Exists
            | Self::State { .. }
            | Self::NoRecipients
            | Self::OutOfDate
            | Self::NoDryRun
            | Self::NotApproved
            | Self::SamePerson
            | Self::Changed
            | Self::ChangedSince
            | Self::RulesChanged
            | Self::Uploading => ErrorKind::Conflict,
            Self::WorkspaceSimulates => ErrorKind::WorkspaceBusy,
            Self::NodeSimulates => ErrorKind::NodeBusy,
            Self::Audience(error) => error.kind(),
            Self::Stored | Self::Internal => ErrorKind::Internal,
            Self::Store(error) => match error.kind() {
                whatsapp_store::ErrorKind::Conflict => ErrorKind::Conflict,
                whatsapp_store::ErrorKind::BadCursor | whatsapp_store::ErrorKind::Invalid => {
                    ErrorKind::Invalid
                }
                _ => ErrorKind::Failed,
            },
            Self::Id
            | Self::Settings(_)
            | Self::WrongAudience(_)
            | Self::NobodyLeft { .. }
            | Self::Consent(_)
            | Self::Scope { .. }
            | Self::Rules(_)
            | Self::Exclude { .. }
            | Self::Values(_)
            | Self::Render(_)
            | Self::Forecast(_) => ErrorKind::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_know_what_to_do() {
        assert_eq!(AudienceError::from(FileError::Form).kind(), ErrorKind::UnsupportedFile);
        assert_eq!(AudienceError::from(FileError::Empty).kind(), ErrorKind::Invalid);
        let read = AudienceError::Read(std::io::ErrorKind::BrokenPipe.into());
        assert!(read.kind().is_retryable());
        assert_eq!(SettingsError::Senders.kind(), ErrorKind::Invalid);
    }

    #[cfg(feature = "runner")]
    #[test]
    fn a_conflict_of_the_store_is_one() {
        use crate::service::ServiceError;
        let of = |kind| ServiceError::Store(whatsapp_store::Error::new(kind, "writing")).kind();
        assert_eq!(of(whatsapp_store::ErrorKind::Conflict), ErrorKind::Conflict);
        assert_eq!(of(whatsapp_store::ErrorKind::Busy), ErrorKind::Failed);
        assert!(
            ServiceError::NodeSimulates.kind().is_retryable() && !ServiceError::Exists.kind().is_retryable()
        );
    }
}
