//! Campaigns: their audience, the state of each recipient, and which sender has which part.
mod lane;
mod recipient;
mod state;

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use self::recipient::groups;
#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
pub(crate) use self::recipient::{bits, offset};
pub use self::{
    lane::{LaneRecord, RangeClaim, RangeLease, RetryLease},
    recipient::{
        Effect, FlagCounts, Outcome, RecipientCounts, RecipientFlag, RecipientMinute, RecipientRecord,
        RecipientState, Stamp,
    },
    state::CampaignState,
};
#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
use crate::error::{Error, ErrorKind, Result};

/// A campaign.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CampaignRecord {
    /// Its id, unique in the workspace.
    pub id: String,
    /// Its number in the workspace, from 1 to [`CampaignRecord::LAST_NUMBER`], from which message ids are made. The store gives
    /// it when the campaign is first put, and gives none twice; the value that is put is ignored.
    #[serde(default)]
    pub number: i64,
    /// A name for people.
    pub name: String,
    /// Its state. Written when the campaign is first put; then [`CampaignChange::SetState`] changes it.
    pub state: CampaignState,
    /// Why it is in that state, if there is something to say. Written together with the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What is sent, to whom and when: JSON, which the store does not look into.
    pub definition: String,
    /// What the stored times of recipients count from, milliseconds since the Unix epoch; they reach 68 years to either
    /// side. Written when the campaign is first put.
    pub base_at: i64,
    /// When it was made, milliseconds since the Unix epoch. Written when it is first put.
    pub created_at: i64,
    /// When it was last changed by a person or moved to another state, milliseconds since the Unix epoch. It rises with every such
    /// write, by one at least, and so names what was read: see [`CampaignChange::Expect`].
    pub updated_at: i64,
}

impl CampaignRecord {
    /// The highest number: 24 bits, less 0.
    pub const LAST_NUMBER: i64 = (1 << 24) - 1;
}

impl fmt::Debug for CampaignRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CampaignRecord")
            .field("id", &self.id)
            .field("number", &self.number)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// A campaign's way from one state to another.
#[derive(Clone, PartialEq, Eq)]
pub struct CampaignMove {
    /// The campaign.
    pub campaign: String,
    /// The new state.
    pub state: CampaignState,
    /// The reason, if there is one; replaces the earlier reason.
    pub reason: Option<String>,
    /// The states in which the change is allowed, by their [bits](CampaignState::bits).
    pub from: u64,
    /// When, milliseconds since the Unix epoch.
    pub at: i64,
}

impl fmt::Debug for CampaignMove {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CampaignMove")
            .field("campaign", &self.campaign)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The unchanging part of a recipient. `Debug` shows nothing of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AudienceRow {
    /// The address, such as `15550001234`.
    pub address: String,
    /// The proof of consent: an id, or the evidence itself.
    pub consent: String,
    /// The values of the template's variables, in the sender's own encoding.
    pub variables: Bytes,
}

impl fmt::Debug for AudienceRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AudienceRow")
    }
}

/// One row of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRow {
    /// The lane.
    pub lane: i32,
    /// The recipient.
    pub audience: AudienceRow,
    /// The outcome.
    pub recipient: RecipientRecord,
}

/// Rows to add to a lane's audience.
#[derive(Clone, PartialEq, Eq)]
pub struct AudienceBatch {
    /// The campaign.
    pub campaign: String,
    /// The lane.
    pub lane: i32,
    /// The place of the first row; the others follow. The last one is below `i32::MAX`.
    pub first_seq: u32,
    /// The rows.
    pub rows: Vec<AudienceRow>,
}

impl fmt::Debug for AudienceBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AudienceBatch")
            .field("campaign", &self.campaign)
            .field("lane", &self.lane)
            .field("first_seq", &self.first_seq)
            .field("rows", &self.rows.len())
            .finish()
    }
}

/// What became of some recipients of a lane. A batch of about 1,000 costs least for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The campaign.
    pub campaign: String,
    /// The lane.
    pub lane: i32,
    /// The epoch of the lease that it is written under, for outcomes of sending; `None` for receipts, which any node may
    /// write.
    pub epoch: Option<i64>,
    /// When, milliseconds since the Unix epoch. Stored to the second.
    pub at: i64,
    /// Applied in the order given.
    pub outcomes: Vec<Outcome>,
}

/// Writes of this domain. One that names a campaign that is not there has no effect, unless it says something else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CampaignChange {
    /// Writes a campaign. Of one that is there, only the name, the definition and `updated_at` change. When the workspace has
    /// used up its numbers, the commit fails with [`ErrorKind::Invalid`](crate::ErrorKind::Invalid).
    Put(CampaignRecord),
    /// The campaign is still as it was read; otherwise the commit fails with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict). Let it
    /// come before the other changes of that campaign.
    Expect {
        /// The campaign.
        campaign: String,
        /// Its `updated_at`, or `None` if there was no such campaign.
        updated_at: Option<i64>,
    },
    /// Moves a campaign to another state. If it is in that state already, nothing happens. If it is absent or in a state that does
    /// not allow the change, the commit fails with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict).
    SetState(CampaignMove),
    /// Writes a lane. Of an existing one, `next` stays as it is: only a lease moves it.
    PutLane(LaneRecord),
    /// Adds rows to a lane's audience, pending. A place that is taken stays as it is. Ranges are leased up to the `end` of
    /// the lane, which this does not touch.
    AddAudience(AudienceBatch),
    /// Writes outcomes where the recipients' states permit it, and counts them. Without the lease that it names, the commit
    /// fails with [`ErrorKind::Fenced`](crate::ErrorKind::Fenced); with a place outside of the lease, with
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid). An expired lease still counts until another sender takes it over.
    Settle(Settlement),
    /// Prolongs a lease. An absent one makes the commit fail with [`ErrorKind::Fenced`](crate::ErrorKind::Fenced).
    RenewLease {
        /// The campaign.
        campaign: String,
        /// The lane.
        lane: i32,
        /// The lease's epoch.
        epoch: i64,
        /// The new end, milliseconds since the Unix epoch.
        until: i64,
    },
    /// Ends a lease; put it last of the changes under that lease. An absent one makes the commit fail with
    /// [`ErrorKind::Fenced`](crate::ErrorKind::Fenced).
    ReleaseLease {
        /// The campaign.
        campaign: String,
        /// The lane.
        lane: i32,
        /// The lease's epoch.
        epoch: i64,
        /// Nothing was sent from this place to the end of the range: that part is leased next. The `hi` of the lease if
        /// everything was sent. Retries that have no outcome are always given back.
        unsent: u32,
    },
    /// Removes a campaign and all that belongs to it.
    Delete {
        /// The campaign.
        campaign: String,
    },
}

#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
impl CampaignChange {
    /// Errors of the change itself, whatever is stored.
    pub(crate) fn check(&self) -> Result<()> {
        let high = |seq: u32| i32::try_from(seq).is_err();
        let why = match self {
            Self::PutLane(lane) if high(lane.next) || high(lane.end) => {
                "the range of a lane ends at i32::MAX at most"
            }
            Self::AddAudience(batch)
                if u32::try_from(batch.rows.len())
                    .ok()
                    .and_then(|rows| batch.first_seq.checked_add(rows))
                    .is_none_or(high) =>
            {
                "the places of an audience are below i32::MAX"
            }
            Self::Settle(settlement) if !settlement.outcomes.iter().all(Outcome::is_sound) => {
                "the state Retry goes with a time to retry at, and no other state does"
            }
            Self::Settle(settlement)
                if settlement.outcomes.iter().any(|outcome| high(outcome.seq.saturating_add(1))) =>
            {
                "no recipient has such a place"
            }
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Invalid, "writing to a campaign").because(why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_people_or_texts() {
        let hidden = || "hidden".to_owned();
        let row = AudienceRow { address: hidden(), consent: hidden(), variables: "hidden".into() };
        let campaign = CampaignRecord {
            id: "c".into(),
            number: 1,
            name: hidden(),
            state: CampaignState::Draft,
            reason: Some(hidden()),
            definition: hidden(),
            base_at: 0,
            created_at: 0,
            updated_at: 0,
        };
        let changes = [
            CampaignChange::Put(campaign),
            CampaignChange::PutLane(LaneRecord {
                campaign: "c".into(),
                lane: 1,
                next: 0,
                end: 1,
                definition: hidden(),
            }),
            CampaignChange::SetState(CampaignMove {
                campaign: "c".into(),
                state: CampaignState::Paused,
                reason: Some(hidden()),
                from: 0,
                at: 0,
            }),
            CampaignChange::AddAudience(AudienceBatch {
                campaign: "c".into(),
                lane: 1,
                first_seq: 0,
                rows: vec![row.clone()],
            }),
        ];
        let shown = format!("{changes:?} {row:?}");
        assert!(!shown.contains("hidden") && shown.contains("Draft") && shown.contains("rows: 1"), "{shown}");
    }
}
