use std::ops::Range;

use crate::{
    AudienceRow, CampaignRecord, CampaignState, ExportRow, FlagCounts, LaneRecord, RangeClaim, RangeLease,
    RecipientCounts, RecipientMinute, RecipientRecord, Result, RetryLease, WorkspaceId,
};

/// One page of campaigns, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignPage {
    /// The campaigns.
    pub campaigns: Vec<CampaignRecord>,
    /// Continues behind the last one; `None` at the end.
    pub next: Option<String>,
}

/// One page of an export, by lane and place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportPage {
    /// The rows.
    pub rows: Vec<ExportRow>,
    /// Continues behind the last one; `None` at the end.
    pub next: Option<String>,
}

#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
impl ExportPage {
    /// Before all lanes and places.
    pub(crate) const START: (i64, i64) = (i64::MIN, i64::MIN);

    /// The lane and the place that a cursor names.
    pub(crate) fn place(cursor: &str) -> Result<(i64, i64)> {
        let place = || {
            let (lane, seq) = cursor.split_once('.')?;
            Some((lane.parse::<i32>().ok()?.into(), seq.parse::<u32>().ok()?.into()))
        };
        place().ok_or_else(crate::Error::bad_cursor)
    }

    /// A page, behind which there is more or not.
    pub(crate) fn of(rows: Vec<ExportRow>, more: bool) -> Self {
        let last = rows.last().filter(|_| more);
        let next = last.map(|row| format!("{}.{}", row.lane, row.recipient.seq));
        Self { rows, next }
    }
}

store_trait! {
    forward_campaign;
    /// Campaigns: their audience, the state of each recipient, and which sender has which part.
    ///
    /// An absent campaign reads as empty.
    pub trait CampaignStore {
        /// A campaign.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn campaign(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<CampaignRecord>>;

        /// A page of campaigns, newest first: those before `before` (the `next` of a page), or the first page. For `limit` see
        /// [`page_limit`](crate::page_limit). An invalid cursor is [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
        ///
        /// # Errors
        /// When they cannot be read.
        async fn campaigns(
            &self,
            workspace: &WorkspaceId,
            before: Option<&str>,
            limit: u32,
        ) -> Result<CampaignPage>;

        /// The campaigns of all workspaces that are in one of these states, by workspace and number: for the node that runs them.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn campaigns_in_state(&self, states: &[CampaignState]) -> Result<Vec<(WorkspaceId, String)>>;

        /// The lanes of a campaign, by number.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn lanes(&self, workspace: &WorkspaceId, campaign: &str) -> Result<Vec<LaneRecord>>;

        /// The audience of a part of a lane, with places, in order. All of it is read at once: ask for a few thousand at most.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn audience(
            &self,
            workspace: &WorkspaceId,
            campaign: &str,
            lane: i32,
            range: Range<u32>,
        ) -> Result<Vec<(u32, AudienceRow)>>;

        /// The states of a part of a lane, in order. All of it is read at once: ask for a few thousand at most.
        ///
        /// # Errors
        /// When it cannot be read.
        async fn recipients(
            &self,
            workspace: &WorkspaceId,
            campaign: &str,
            lane: i32,
            range: Range<u32>,
        ) -> Result<Vec<RecipientRecord>>;

        /// The number of recipients in each state. Counted as they change, so this costs the same for any number of them.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn campaign_progress(&self, workspace: &WorkspaceId, campaign: &str) -> Result<RecipientCounts>;

        /// The number of recipients with each flag, without flags that no recipient has. Counted when a flag is set, once for each
        /// recipient.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn campaign_flags(&self, workspace: &WorkspaceId, campaign: &str) -> Result<FlagCounts>;

        /// The number of recipients that came into each state in each minute that begins at `from` or later and before `until`
        /// (milliseconds since the Unix epoch), by minute and state. Minutes without changes are left out.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn campaign_minutes(
            &self,
            workspace: &WorkspaceId,
            campaign: &str,
            from: i64,
            until: i64,
        ) -> Result<Vec<RecipientMinute>>;

        /// The leases of a campaign that have a holder, expired or not, by lane and epoch.
        ///
        /// # Errors
        /// When they cannot be read.
        async fn campaign_leases(&self, workspace: &WorkspaceId, campaign: &str) -> Result<Vec<RangeLease>>;

        /// A page of all there is to say about a campaign's recipients, by lane and place: those behind `after` (the `next` of a
        /// page), or the first page. For `limit` see [`page_limit`](crate::page_limit). An invalid cursor is
        /// [`ErrorKind::BadCursor`](crate::ErrorKind::BadCursor).
        ///
        /// # Errors
        /// When they cannot be read.
        async fn campaign_export(
            &self,
            workspace: &WorkspaceId,
            campaign: &str,
            after: Option<&str>,
            limit: u32,
        ) -> Result<ExportPage>;

        /// Leases a range of a lane: an expired one, which keeps its bounds; else one that was given back; else the next range that
        /// was never leased. `None` when there is none, or the campaign is in a state that does not send (see
        /// [`CampaignState`]). The range is leased when this returns, and stays leased if the answer is lost.
        ///
        /// # Errors
        /// When it cannot be read or written.
        async fn lease_range(&self, workspace: &WorkspaceId, claim: &RangeClaim) -> Result<Option<RangeLease>>;

        /// Leases recipients that are due for a retry: those of an expired lease, else those that are due, the
        /// longest due first. A [settled](crate::CampaignChange::Settle) one leaves the list, or gets its new time.
        /// `None` as for [`CampaignStore::lease_range`].
        ///
        /// # Errors
        /// When they cannot be read or written.
        async fn due_retries(&self, workspace: &WorkspaceId, claim: &RangeClaim) -> Result<Option<RetryLease>>;
    }
}
