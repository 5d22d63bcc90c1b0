//! Why something was not done with a bot, and what to do.
use whatsapp_store::{Error as StoreError, ErrorKind as StoreErrorKind};

#[cfg(any(feature = "import-rapidpro", feature = "import-typebot"))]
use crate::import::ImportError;
use crate::{
    Findings,
    definition::{BadId, JsonError},
};

/// Why something was not done. All texts are for the person who asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// There is no such bot.
    #[error("there is no chatbot {0}")]
    NotFound(String),
    /// The id is taken.
    #[error("there is a chatbot {0} already: choose another id")]
    Exists(String),
    /// It is no id.
    #[error(transparent)]
    Id(#[from] BadId),
    /// Another person or node changed the bot since it was read.
    #[error("somebody changed the chatbot {0} meanwhile: read it again, and repeat what you changed")]
    Changed(String),
    /// There is no draft.
    #[error("the chatbot {0} has no draft: send one")]
    NoDraft(String),
    /// A definition cannot be read.
    #[error("definition: {0}")]
    Definition(#[from] JsonError),
    /// The draft has errors.
    #[error("the draft cannot be published: {0}")]
    Unpublishable(Findings),
    /// The document of another program cannot be read.
    #[cfg(any(feature = "import-rapidpro", feature = "import-typebot"))]
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The kinds of [`ServiceError`], by what the caller does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceErrorKind {
    /// What was given is wrong: correct it.
    Invalid,
    /// There is no such bot.
    NotFound,
    /// The bot is not as the call needs it: look at it again.
    Conflict,
    /// The store failed.
    Store,
}

impl ServiceError {
    /// Its kind.
    pub fn kind(&self) -> ServiceErrorKind {
        match self {
            Self::NotFound(_) => ServiceErrorKind::NotFound,
            Self::Id(_) | Self::Definition(_) => ServiceErrorKind::Invalid,
            #[cfg(any(feature = "import-rapidpro", feature = "import-typebot"))]
            Self::Import(_) => ServiceErrorKind::Invalid,
            Self::Exists(_) | Self::Changed(_) | Self::NoDraft(_) | Self::Unpublishable(_) => {
                ServiceErrorKind::Conflict
            }
            Self::Store(_) => ServiceErrorKind::Store,
        }
    }

    /// May the same call succeed later without a change?
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_retryable())
    }

    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.kind() == StoreErrorKind::Conflict)
    }
}
