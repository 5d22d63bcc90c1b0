//! Why something was not done, and what to do.
use std::collections::BTreeMap;

use whatsapp_store::{CampaignState, Error as StoreError, ErrorKind};

use crate::{
    audience::{AudienceError, ConsentError},
    consent::RuleError,
    content::{BindError, RenderError},
    model::SettingsError,
    person::PhoneError,
    simulate::ForecastError,
};

/// Why something was not done. All texts are for the person who asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// No such campaign.
    #[error("there is no such campaign")]
    NotFound,
    /// The id is taken.
    #[error("there is a campaign of that id already: choose another")]
    Exists,
    /// No id.
    #[error("the id of a campaign has 1 to 64 letters, digits, hyphens and underscores")]
    Id,
    /// It cannot be done in that state.
    #[error("the campaign is {}: {todo}", word(*state))]
    State {
        /// The state that it is in.
        state: CampaignState,
        /// What to do.
        todo: &'static str,
    },
    /// The settings do not work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// What is stored cannot be used.
    #[error("what is stored of the campaign cannot be used: change its settings")]
    Stored,
    /// Nobody would be written to.
    #[error("nobody is among the recipients yet: upload some first")]
    NoRecipients,
    /// The recipients are for something else.
    #[error("the content or the senders changed since the recipients were uploaded: upload them again")]
    OutOfDate,
    /// Nobody looked at what would happen.
    #[error("look at a dry run of this audience first")]
    NoDryRun,
    /// A second person has to agree.
    #[error("a second person has to approve the campaign first")]
    NotApproved,
    /// It has to be another person.
    #[error("whoever made a campaign does not approve it: another person has to")]
    SamePerson,
    /// The audience is a filter, or a file.
    #[error("{0}")]
    WrongAudience(&'static str),
    /// Nobody of a file would be written to.
    #[error("nobody in the file can be written to, and the earlier recipients stay: {}", told(*rows, refused))]
    NobodyLeft {
        /// Rows of the file.
        rows: u64,
        /// Why, and how many.
        refused: BTreeMap<String, u64>,
    },
    /// The consent of a file lacks something, or cannot be.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// The consent is to something else.
    #[error(
        "consentScope: a consent to `{scope}` does not cover this campaign; what does: {known}, or what a contact agreed to"
    )]
    Scope {
        /// To what.
        scope: String,
        /// What would do.
        known: String,
    },
    /// The rules for replies do not work.
    #[error(transparent)]
    Rules(#[from] RuleError),
    /// Somebody changed the campaign since it was read.
    #[error("somebody changed the campaign since you read it: read it again, and repeat what you did")]
    ChangedSince,
    /// Somebody changed the rules for replies since they were read.
    #[error("somebody changed the rules since you read them: read them again, and repeat what you changed")]
    RulesChanged,
    /// Somebody changed the campaign while a file was read.
    #[error("the campaign was changed while the file was read: upload it again")]
    Changed,
    /// Somebody to leave out cannot be found by what is written.
    #[error("exclude: `{text}` is no number that can be found: {why}")]
    Exclude {
        /// What is written.
        text: String,
        /// What is wrong with it.
        why: PhoneError,
    },
    /// Somebody else is writing its recipients.
    #[error("somebody is uploading recipients of this campaign right now: try again later")]
    Uploading,
    /// The audience cannot be read.
    #[error(transparent)]
    Audience(#[from] AudienceError),
    /// Values do not fit.
    #[error(transparent)]
    Values(#[from] BindError),
    /// The content does not work with these values.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Too many simulations of the workspace run.
    #[error("other dry runs or forecasts of this workspace are being worked out: try again in a moment")]
    WorkspaceSimulates,
    /// Too many simulations of the node run.
    #[error("this node is working out other dry runs and forecasts: try again in a moment")]
    NodeSimulates,
    /// It cannot be simulated.
    #[error(transparent)]
    Forecast(#[from] ForecastError),
    /// Something went wrong in the program.
    #[error("an internal error: try again")]
    Internal,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error.kind() {
            ErrorKind::Fenced => Self::Uploading,
            _ => Self::Store(error),
        }
    }
}

/// Rows and reasons.
fn told(rows: u64, refused: &BTreeMap<String, u64>) -> String {
    let reasons: Vec<String> = refused.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    match rows {
        0 => "it has no row but the names of its columns".to_owned(),
        _ => format!("{rows} rows, of which {}", reasons.join(", ")),
    }
}

/// A state as people call it.
pub(super) fn word(state: CampaignState) -> &'static str {
    match state {
        CampaignState::Draft => "a draft",
        CampaignState::Approved => "approved",
        CampaignState::Freezing => "taking its recipients in",
        CampaignState::Scheduled => "scheduled",
        CampaignState::Running => "running",
        CampaignState::Paused => "paused",
        CampaignState::Draining => "about to end",
        CampaignState::Finished => "finished",
        CampaignState::Cancelled => "cancelled",
        _ => "in a state of a newer version",
    }
}
