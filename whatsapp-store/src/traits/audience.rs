use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{ContactRecord, Result, WorkspaceId};

/// Whom a campaign is for. What is not given does not matter; what is given holds together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AudienceFilter {
    /// Those with all of these tags.
    pub all_tags: BTreeSet<String>,
    /// Those with one of these tags or more.
    pub any_tags: BTreeSet<String>,
    /// Those with none of these tags.
    pub none_tags: BTreeSet<String>,
    /// Those with exactly these values in these fields.
    pub fields: BTreeMap<String, String>,
    /// Those seen later than that, milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_after: Option<i64>,
    /// Those who agreed to this. Others are counted as [`AudienceCounts::no_consent`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consent_scope: Option<String>,
}

/// What becomes of the contacts that a filter finds. Each is counted once, for the first reason that holds, in this
/// order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AudienceCounts {
    /// Has neither a number nor a LID.
    pub unreachable: u64,
    /// An address of it is suppressed.
    pub suppressed: u64,
    /// Has opted out.
    pub opted_out: u64,
    /// Has not agreed to [`AudienceFilter::consent_scope`].
    pub no_consent: u64,
    /// Can be written to: so many the [`audience`](AudienceStore::audience_page) has.
    pub eligible: u64,
}

store_trait! {
    forward_audience;
    /// Whom a campaign may write to.
    pub trait AudienceStore {
        /// Contacts that the filter finds and that may be written to, by id in byte order, those behind `after`, at most
        /// `limit`. Read it to the end by passing the last id: memory is as large as one page, and each page is read at its
        /// own time.
        ///
        /// With `all_tags` it goes by an index of tags, for the first of them; without, through the workspace's contacts.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn audience_page(
            &self,
            workspace: &WorkspaceId,
            filter: &AudienceFilter,
            after: Option<&str>,
            limit: u32,
        ) -> Result<Vec<ContactRecord>>;

        /// How many the audience has, and how many are left out of it for which reason. Reads through all that the filter
        /// finds.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn audience_counts(
            &self,
            workspace: &WorkspaceId,
            filter: &AudienceFilter,
        ) -> Result<AudienceCounts>;
    }
}
