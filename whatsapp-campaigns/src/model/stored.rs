//! What the library keeps of a campaign beside its settings.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::settings::Settings;
use crate::{
    audience::FileReport,
    content::{JsonError, Version, read_json},
    window::Millis,
};

/// A record's `definition`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// What a person wrote.
    pub settings: Settings,
    /// What the library keeps.
    #[serde(default)]
    pub kept: StoredCampaign,
}

impl Document {
    /// Reads one as it was stored.
    ///
    /// # Errors
    /// When it is none.
    pub fn from_json(text: &str) -> Result<Self, JsonError> {
        read_json(text)
    }

    /// To be stored.
    pub fn to_json(&self) -> String {
        // Maps have texts as keys: there is nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the library keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct StoredCampaign {
    /// A random key of 64 hexadecimal digits: the order of the audience and the variants follow from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// The audience, once it is frozen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frozen: Option<Frozen>,
    /// The last dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<DryRun>,
    /// Has it ever sent?
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Millis>,
    /// When the hold behind the canary is over, or was ended by a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_until: Option<Millis>,
    /// Of a comparison: when the last message of the test was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tested_at: Option<Millis>,
    /// What was counted when it last paused by itself: only what comes on top counts against it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forgiven: Option<Counted>,
    /// The variant for those who wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub winner: Option<Chosen>,
    /// The campaign that this is a run of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_of: Option<String>,
    /// Of a recurring campaign: the last run that was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<Millis>,
}

impl StoredCampaign {
    /// The key; `None` when it is missing or no key.
    pub(crate) fn key_bytes(&self) -> Option<[u8; 32]> {
        let digits = self.key.as_deref().filter(|digits| digits.len() == 64 && digits.is_ascii())?;
        let mut key = [0; 32];
        for (place, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
        }
        Some(key)
    }
}

/// An audience that is written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Frozen {
    /// When.
    pub at: Millis,
    /// For this [version](crate::content::Template::version) of the content.
    pub version: String,
    /// Rows of the source.
    pub rows: u64,
    /// Those who will be written to.
    pub recipients: u64,
    /// Those who will not, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Columns that were asked for and are not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent_columns: Vec<String>,
    /// What says that they agreed: scope, source and time.
    pub consent: String,
    /// What proves it.
    pub evidence: String,
    /// How the file was read. It is part of the answer, and is not stored: it shows rows of people.
    #[serde(flatten, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileReport>,
}

impl Frozen {
    /// Is it for this content?
    pub fn fits(&self, version: Version) -> bool {
        self.version == version.to_string()
    }
}

/// That somebody looked at what would happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DryRun {
    /// When.
    pub at: Millis,
    /// Of this audience: the time at which it was frozen.
    pub frozen_at: Millis,
}

/// How a campaign went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    /// Messages sent.
    pub sent: u64,
    /// Messages that failed.
    pub failed: u64,
    /// People who want no more of it.
    pub opted_out: u64,
    /// People who complained.
    pub reported: u64,
}

/// The better variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chosen {
    /// Its place.
    pub variant: usize,
    /// When it was chosen.
    pub at: Millis,
    /// For people.
    pub why: String,
}
