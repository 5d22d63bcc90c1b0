//! What it would say, and how far it is.
use std::collections::BTreeMap;

use serde::Serialize;
use whatsapp_store::{CampaignState, Content, RecipientFlag, RecipientMinute, RecipientState};

use super::{CampaignService, CampaignView, ServiceError, freeze::FIRST};
use crate::{
    content::{Arm, Arms, LooksLikePlaceholder, RenderError, Template, Values},
    id::RowId,
    model::Chosen,
    window::Millis,
};

/// The rate is taken from so many minutes.
const LATELY: Millis = 5 * 60_000;

/// How far a campaign is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The state.
    pub state: CampaignState,
    /// Why it is in that state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// All that are to be written to.
    pub recipients: u64,
    /// How many are in which state.
    pub counts: BTreeMap<RecipientState, u64>,
    /// How many did what besides.
    pub flags: BTreeMap<RecipientFlag, u64>,
    /// Those of whom it is not decided what becomes of them.
    pub left: u64,
    /// Messages in a minute, over the last five.
    pub per_minute: f64,
    /// The first part and its hold, while there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryView>,
    /// The better variant, once it is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub winner: Option<Chosen>,
}

/// A first part that goes before the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CanaryView {
    /// How many come first.
    pub first: u64,
    /// When the others follow; not known before the first part is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}

/// What one recipient would get.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PreviewRow {
    /// Whom.
    pub address: String,
    /// The variant's name; `None` for those who get nothing, or wait for the better one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// What it says, for each variant that they may get.
    pub contents: Vec<Content>,
    /// Why it cannot be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// What looks wrong in the text of its variants, for people.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl CampaignService {
    /// How far it is. Costs the same for any number of recipients.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn progress(&self, id: &str) -> Result<Progress, ServiceError> {
        let CampaignView { record, document } = self.show(id).await?;
        let counts = self.store.campaign_progress(&self.workspace, id).await?;
        let flags = self.store.campaign_flags(&self.workspace, id).await?;
        let now = self.clock.now();
        let minutes = self.store.campaign_minutes(&self.workspace, id, now - LATELY, now + 60_000).await?;
        let of = |state| -> u64 {
            minutes.iter().filter(|minute| minute.state == state).map(|minute| minute.count).sum()
        };
        // A receipt may be here before the sender has told that it sent.
        let sent = of(RecipientState::Submitted).max(of(RecipientState::Acked));
        let open = [RecipientState::Pending, RecipientState::Retry, RecipientState::InDoubt];
        let is_over = matches!(record.state, CampaignState::Finished | CampaignState::Cancelled);
        let left = if is_over { 0 } else { open.iter().map(|state| counts.of(*state)).sum() };
        let lanes = self.lanes(id).await?;
        let first: u64 = lanes.iter().map(|(lane, _)| u64::from(lane.end - FIRST.min(lane.end))).sum();
        let whole: u64 = lanes.iter().map(|(_, spec)| u64::from(spec.rows)).sum();
        let canary = (first < whole).then_some(CanaryView { first, until: document.kept.canary_until });
        Ok(Progress {
            state: record.state,
            reason: record.reason,
            recipients: counts.total(),
            left,
            per_minute: sent as f64 / (LATELY / 60_000) as f64,
            canary,
            winner: document.kept.winner,
            counts: counts.0,
            flags: flags.0,
        })
    }

    /// How many came into which state in each minute, from the first time up to but without the second.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn minutes(
        &self,
        id: &str,
        from: Millis,
        until: Millis,
    ) -> Result<Vec<RecipientMinute>, ServiceError> {
        Ok(self.store.campaign_minutes(&self.workspace, id, from, until).await?)
    }

    /// What so many recipients would get, from all over the audience.
    ///
    /// # Errors
    /// When there are none, or they cannot be read.
    pub async fn preview(&self, id: &str, count: u32) -> Result<Vec<PreviewRow>, ServiceError> {
        let CampaignView { record, document } = self.show(id).await?;
        let template = document.settings.check()?.template;
        let arms = Arms::new(&document.kept.key_bytes().ok_or(ServiceError::Stored)?);
        let lanes = self.lanes(id).await?;
        let rows: u64 = lanes.iter().map(|(_, spec)| u64::from(spec.rows)).sum();
        let mut shown = Vec::new();
        for (lane, spec) in lanes {
            // Rows of a lane are in random order: the first ones are a sample.
            let share = u64::from(spec.rows) * u64::from(count.min(200));
            let share = u32::try_from(share.div_ceil(rows.max(1))).unwrap_or(u32::MAX);
            for (seq, row) in
                self.store.audience(&self.workspace, id, lane.lane, FIRST..FIRST + share).await?
            {
                let row_id = RowId::new(record.number, lane.lane, seq).ok_or(ServiceError::Stored)?;
                shown.push(preview(&template, template.arm(&arms, row_id), row));
            }
        }
        shown.truncate(count.min(200) as usize);
        if shown.is_empty() { Err(ServiceError::NoRecipients) } else { Ok(shown) }
    }

    /// What a variant says with these values: for a message to oneself.
    ///
    /// # Errors
    /// When the values do not fit, or there is no such variant.
    pub async fn test_message(
        &self,
        id: &str,
        values: &BTreeMap<String, String>,
        variant: usize,
    ) -> Result<Content, ServiceError> {
        let template = self.show(id).await?.document.settings.check()?.template;
        let values = template.bind(values)?;
        Ok(template.render(&values, variant)?)
    }
}

fn preview(template: &Template, arm: Arm, row: whatsapp_store::AudienceRow) -> PreviewRow {
    let variants = match arm {
        Arm::Variant(variant) => variant..variant + 1,
        Arm::Waits => 0..template.variants(),
        Arm::HoldOut => 0..0,
    };
    let names: Vec<String> = variants.clone().map(|variant| format!("variants[{variant}].")).collect();
    let is_shown = |found: &&LooksLikePlaceholder| names.iter().any(|name| found.path.starts_with(name));
    let warnings = template.placeholders().iter().filter(is_shown).map(ToString::to_string).collect();
    let render = || -> Result<Vec<Content>, RenderError> {
        let values = Values::from_bytes(&row.variables)?;
        variants.map(|variant| template.render(&values, variant)).collect()
    };
    let (contents, problem) = match render() {
        Ok(contents) => (contents, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let variant = arm.variant(None).and_then(|variant| template.variant_name(variant)).map(str::to_owned);
    PreviewRow { address: row.address, variant, contents, problem, warnings }
}
