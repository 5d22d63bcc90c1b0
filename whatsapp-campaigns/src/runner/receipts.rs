//! Receipts back to their rows.
use std::collections::BTreeMap;

use whatsapp_store::{CampaignChange, Changes, Error as StoreError, Outcome, Settlement, Store, WorkspaceId};

use crate::{
    id::MessageIds,
    lattice::{RowEvent, effect},
};

/// How far a message is, as the service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptKind {
    /// The service has it.
    Sent,
    /// It reached a device.
    Delivered,
    /// It was read.
    Read,
}

/// Something that was heard of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The message's id.
    pub id: String,
    /// Whom it was sent to, as in the audience.
    pub to: String,
    /// How far it is.
    pub kind: ReceiptKind,
}

/// Brings receipts to the campaigns of a workspace.
#[derive(Debug)]
pub struct Receipts<'a> {
    ids: &'a MessageIds,
    workspace: WorkspaceId,
    /// Campaigns by number.
    campaigns: BTreeMap<u32, String>,
}

impl<'a> Receipts<'a> {
    /// Of these campaigns, by number and id.
    pub fn new(
        ids: &'a MessageIds,
        workspace: WorkspaceId,
        campaigns: impl IntoIterator<Item = (i64, String)>,
    ) -> Self {
        let numbered = |(number, id)| Some((u32::try_from(number).ok()?, id));
        Self { ids, workspace, campaigns: campaigns.into_iter().filter_map(numbered).collect() }
    }

    /// Writes down what was heard, in one commit. Receipts of messages that belong to none of these campaigns are passed
    /// over, and so are those that come again or too late. Says how many belonged to one.
    ///
    /// # Errors
    /// When the store fails; hand the same receipts in again then.
    pub async fn take(&self, store: &dyn Store, receipts: &[Receipt], at: i64) -> Result<usize, StoreError> {
        let mut lanes = BTreeMap::<(&str, i32), Vec<(u32, &Receipt)>>::new();
        for receipt in receipts {
            let Some(row) = self.ids.row(&receipt.id) else { continue };
            if let Some(campaign) = self.campaigns.get(&row.campaign) {
                lanes.entry((campaign, i32::from(row.lane))).or_default().push((row.seq, receipt));
            }
        }
        let mut changes = Changes::new(self.workspace.clone());
        let mut count = 0;
        for ((campaign, lane), rows) in lanes {
            let outcomes = self.outcomes(store, campaign, lane, rows).await?;
            count += outcomes.len();
            let campaign = campaign.to_owned();
            changes.push(CampaignChange::Settle(Settlement { campaign, lane, epoch: None, at, outcomes }));
        }
        store.commit(changes).await?;
        Ok(count)
    }

    /// Those whose row is really of that address: one foreign id in 4,096 looks like ours.
    async fn outcomes(
        &self,
        store: &dyn Store,
        campaign: &str,
        lane: i32,
        rows: Vec<(u32, &Receipt)>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let mut outcomes = Vec::with_capacity(rows.len());
        for (seq, receipt) in rows {
            let place = seq..seq.saturating_add(1);
            let found = store.audience(&self.workspace, campaign, lane, place).await?;
            if found.first().is_some_and(|(_, row)| row.address == receipt.to) {
                let event = match receipt.kind {
                    ReceiptKind::Sent => RowEvent::Acked,
                    ReceiptKind::Delivered => RowEvent::Delivered,
                    ReceiptKind::Read => RowEvent::Read,
                };
                outcomes.push(Outcome { seq, effect: effect(event), retry_at: None });
            }
        }
        Ok(outcomes)
    }
}
