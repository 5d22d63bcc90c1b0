use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{ContactRecord, Result, WorkspaceId};

/// Selects the audience of a campaign. A condition that is not set matches everyone; all set conditions must match.
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

/// How many of the filter's contacts are in the audience or left out. Each is counted once, for the first reason that holds, in
/// this order.
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
    /// Can be written to: the size of the [`audience`](AudienceStore::audience_page).
    pub eligible: u64,
}

store_trait! {
    forward_audience;
    /// Whom a campaign may write to.
    pub trait AudienceStore {
        /// Contacts that the filter finds and that may be written to, by id in byte order, behind `after`, at most
        /// `limit`. To read all of them, pass the last id of each page: memory then holds one page. Each page is read at its
        /// own time.
        ///
        /// With `all_tags` it uses an index of tags, for the first of them. Without, it reads the workspace's contacts.
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

        /// The size of the audience, and how many contacts are left out for each reason. Reads all contacts that the filter
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
