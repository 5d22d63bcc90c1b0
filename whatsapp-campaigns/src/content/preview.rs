//! What a campaign would say to some of its recipients, and what is wrong with their values.
use std::{collections::BTreeMap, fmt};

use whatsapp_store::Content;

use super::{
    problem::{BindError, RenderError},
    split::{Arm, Arms},
    template::Template,
    values::NamedValues,
};
use crate::id::RowId;

/// What a preview found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// Recipient by recipient.
    pub samples: Vec<Sample>,
    /// How many would get something.
    pub sendable: usize,
    /// By variable: how many would be skipped, or fail the campaign, because they have no value.
    pub missing: BTreeMap<String, usize>,
    /// By variable: of how many the value is not right.
    pub invalid: BTreeMap<String, usize>,
    /// Variables of which not one of the recipients has a value, whatever the policy. Probably a column has another name.
    pub nobody_has: Vec<String>,
    /// One of them would fail the campaign.
    pub stops_campaign: bool,
}

/// What one recipient would get.
#[derive(Clone, PartialEq)]
pub struct Sample {
    /// Who.
    pub row: RowId,
    /// Of the comparison.
    pub arm: Arm,
    /// By place of the variant: who waits for the winner sees every variant, the hold-out none.
    pub rendered: Vec<(usize, Content)>,
    /// Why nothing is sent.
    pub refused: Option<Refused>,
}

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sample").field("row", &self.row).field("arm", &self.arm).finish_non_exhaustive()
    }
}

/// Why a recipient would get nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A value.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// What comes of the values.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// Renders for a sample of the recipients. Take it from all over the audience: a file may change in its middle.
pub fn preview<'r, R: NamedValues + ?Sized + 'r>(
    template: &Template,
    arms: &Arms,
    rows: impl IntoIterator<Item = (RowId, &'r R)>,
) -> Preview {
    let mut found = Preview::default();
    let mut have: BTreeMap<&str, usize> = template.variables().map(|name| (name, 0)).collect();
    for (id, row) in rows {
        for (name, count) in &mut have {
            *count += usize::from(row.value(name).is_some_and(|value| !value.trim().is_empty()));
        }
        let sample = sample(template, arms, id, row);
        match &sample.refused {
            Some(Refused::Bind(error)) => {
                let counts = match error {
                    BindError::Missing { .. } => &mut found.missing,
                    BindError::Invalid { .. } => &mut found.invalid,
                };
                *counts.entry(error.variable().to_owned()).or_default() += 1;
                found.stops_campaign |= error.stops_campaign();
            }
            Some(Refused::Render(_)) => {}
            None => found.sendable += usize::from(sample.arm != Arm::HoldOut),
        }
        found.samples.push(sample);
    }
    if !found.samples.is_empty() {
        found.nobody_has =
            have.into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name.to_owned()).collect();
    }
    found
}

fn sample<R: NamedValues + ?Sized>(template: &Template, arms: &Arms, id: RowId, row: &R) -> Sample {
    let arm = template.arm(arms, id);
    let variants = match arm {
        Arm::Variant(variant) => variant..variant + 1,
        Arm::Waits => 0..template.variants(),
        Arm::HoldOut => 0..0,
    };
    let render = || -> Result<Vec<_>, Refused> {
        let values = template.bind(row)?;
        variants.map(|variant| Ok((variant, template.render(&values, variant)?))).collect()
    };
    match render() {
        Ok(rendered) => Sample { row: id, arm, rendered, refused: None },
        Err(refused) => Sample { row: id, arm, rendered: Vec::new(), refused: Some(refused) },
    }
}
