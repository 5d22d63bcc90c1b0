//! Which variant those get who wait for the better one: asked once, and written down.
use whatsapp_store::{Error as StoreError, RecipientCounts, RecipientFlag, RecipientRecord, RecipientState};

use super::{
    active::ActiveCampaign,
    conductor::{Conductor, keep},
};
use crate::{
    content::{Arm, Count, Decision, Metric, WinnerRule},
    id::RowId,
    model::Chosen,
    window::Millis,
};

/// Rows read at once.
const PAGE: u32 = 1_000;

impl Conductor {
    /// When all of the test is sent, its messages get their time; then it is decided.
    pub(super) async fn look_after_test(
        &self,
        live: &ActiveCampaign,
        counts: &RecipientCounts,
        now: Millis,
    ) -> Result<(), StoreError> {
        let content = &live.document.settings.content;
        let Some(rule) = content.winner.filter(|_| live.document.kept.winner.is_none()) else {
            return Ok(());
        };
        // Those who wait are rows to be tried again.
        let is_over = counts.of(RecipientState::Pending) == 0 && counts.of(RecipientState::Retry) > 0;
        let list = match live.document.kept.tested_at {
            None if is_over => keep(&live.record, now, |kept| kept.tested_at = Some(now)),
            Some(at) if now - at >= Millis::from(rule.after_minutes) * 60_000 => {
                let chosen = self.choose(live, rule, now).await?;
                keep(&live.record, now, |kept| kept.winner = Some(chosen))
            }
            _ => return Ok(()),
        };
        self.commit(&live.workspace, list).await
    }

    async fn choose(
        &self,
        live: &ActiveCampaign,
        rule: WinnerRule,
        now: Millis,
    ) -> Result<Chosen, StoreError> {
        let mut counts = vec![Count { sent: 0, hits: 0 }; live.template.variants()];
        let (mut after, store) = (None, &self.shared.store);
        loop {
            let page =
                store.campaign_export(&live.workspace, &live.record.id, after.as_deref(), PAGE).await?;
            for row in &page.rows {
                let id = RowId::new(live.record.number, row.lane, row.recipient.seq);
                let arm = id.map(|id| live.template.arm(&live.arms, id));
                if let Some(Arm::Variant(variant)) = arm
                    && let Some(count) = counts.get_mut(variant)
                {
                    add(count, rule.metric, &row.recipient);
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let name = |variant| live.template.variant_name(variant).unwrap_or_default().to_owned();
        let (variant, why) = match rule.decide(&counts) {
            Decision::Winner { variant, .. } => (variant, format!("{} is better", name(variant))),
            // They do not wait for ever: the first one is the usual one.
            Decision::NotYet(why) => (0, format!("no winner: {why}; the first variant is sent")),
        };
        Ok(Chosen { variant, at: now, why })
    }
}

fn add(count: &mut Count, metric: Metric, recipient: &RecipientRecord) {
    use RecipientState::{Acked, Delivered, Read, Submitted};
    if !matches!(recipient.state, Submitted | Acked | Delivered | Read) {
        return;
    }
    let has = |flag: RecipientFlag| recipient.flags & flag.bit() != 0;
    let is_hit = match metric {
        Metric::Read => recipient.state == Read,
        Metric::Replied => has(RecipientFlag::Replied),
        Metric::Clicked => has(RecipientFlag::Clicked),
        Metric::OptedOut => has(RecipientFlag::OptedOut),
    };
    count.sent += 1;
    count.hits += u64::from(is_hit);
}
