//! What freezing an audience asks of its surroundings.
use std::{collections::HashSet, fmt};

use async_trait::async_trait;
use whatsapp_store::{AudienceBatch, AudienceRow, CampaignChange};

use super::{consent::ConsentStamp, error::PortError};
use crate::person::{Phone, Region};

/// Knows who must not be written to. It is asked about some hundred addresses at a time; what it answers about others has
/// no effect. When it cannot say, nobody is written to.
#[async_trait]
pub trait Screen: Send + Sync {
    /// Those on the list of those not to be written to.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn suppressed(&self, addresses: &[String]) -> Result<HashSet<String>, PortError>;

    /// Those who have opted out after they gave this consent.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn withdrawn(
        &self,
        addresses: &[String],
        consent: &ConsentStamp,
    ) -> Result<HashSet<String>, PortError>;

    /// Those whom this campaign leaves out.
    ///
    /// # Errors
    /// When it cannot be found out.
    async fn excluded(&self, addresses: &[String]) -> Result<HashSet<String>, PortError>;
}

/// Takes the audience in.
#[async_trait]
pub trait Sink: Send {
    /// Some rows of a lane. They come lane by lane and in the order of their places; each place comes once.
    ///
    /// # Errors
    /// When they cannot be stored. Nothing more comes then.
    async fn add(&mut self, batch: Batch) -> Result<(), PortError>;
}

/// Rows of a lane that follow each other. `Debug` shows how many.
#[derive(Clone, PartialEq, Eq)]
pub struct Batch {
    /// The lane.
    pub lane: i32,
    /// The place of the first row; places begin at [`FIRST_SEQ`](super::FIRST_SEQ).
    pub first_seq: u32,
    /// From one to [`BATCH`](super::BATCH) rows.
    pub rows: Vec<AudienceRow>,
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("lane", &self.lane)
            .field("first_seq", &self.first_seq)
            .field("rows", &self.rows.len())
            .finish()
    }
}

impl Batch {
    /// What stores it.
    pub fn change(self, campaign: &str) -> CampaignChange {
        let Self { lane, first_seq, rows } = self;
        CampaignChange::AddAudience(AudienceBatch { campaign: campaign.to_owned(), lane, first_seq, rows })
    }
}

/// Somebody who will be written to: what their lane depends on.
#[derive(Clone, Copy)]
pub struct Recipient<'a> {
    pub(super) address: &'a str,
    pub(super) variables: &'a [u8],
}

impl fmt::Debug for Recipient<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient")
    }
}

impl Recipient<'_> {
    /// The digits of the number, such as `15550001234`.
    pub const fn address(&self) -> &str {
        self.address
    }

    /// The country of the number.
    pub fn region(&self) -> Option<Region> {
        self.address.parse().ok().and_then(|number| Phone::from_number(number).region())
    }

    /// The value of a variable, if it has one.
    pub fn variable(&self, name: &str) -> Option<String> {
        let mut variables = super::variables(self.variables)?;
        variables.remove(name)
    }
}
