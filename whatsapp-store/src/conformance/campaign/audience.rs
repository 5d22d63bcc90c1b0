use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use super::super::samples::bad_cursor;
use super::{audience, campaign, lane, outcome, running, settle, workspace, write};
use crate::{
    AudienceBatch, AudienceRow, CampaignChange, RecipientRecord, RecipientState, Store,
    conformance::samples::{ODD_TEXTS, bytes},
};

/// Any text and any bytes, in batches of any size, by range and lane.
pub async fn audience_comes_back_as_written(store: Arc<dyn Store>) {
    let w = workspace("w");
    let odd = ODD_TEXTS.iter().zip([Bytes::new(), bytes(), bytes().repeat(40).into()].into_iter().cycle());
    let rows: Vec<_> = odd
        .map(|(text, variables)| AudienceRow {
            address: (*text).into(),
            consent: format!("{text}!"),
            variables,
        })
        .collect();
    let batch = AudienceBatch { campaign: "c".into(), lane: -1, first_seq: 5, rows: rows.clone() };
    let changes = [
        CampaignChange::Put(campaign("c")),
        CampaignChange::AddAudience(batch),
        CampaignChange::AddAudience(audience("c", 7, 0, 1301)),
        CampaignChange::AddAudience(audience("c", 8, 0, 0)),
    ];
    write(&*store, &w, changes).await.unwrap();
    let expected: Vec<_> = (5..).zip(rows).collect();
    assert_eq!(store.audience(&w, "c", -1, 0..1000).await.unwrap(), expected);
    assert_eq!(store.audience(&w, "c", -1, 6..8).await.unwrap(), expected[1..3]);
    let many: Vec<_> = (0..).zip(audience("c", 7, 0, 1301).rows).collect();
    assert_eq!(store.audience(&w, "c", 7, 0..u32::MAX).await.unwrap(), many);
    for nothing in [3..3, Range { start: 7, end: 2 }, 5000..6000] {
        assert_eq!(store.audience(&w, "c", 7, nothing.clone()).await.unwrap(), []);
        assert_eq!(store.recipients(&w, "c", 7, nothing).await.unwrap(), []);
    }
    assert_eq!(store.audience(&w, "c", 8, 0..9).await.unwrap(), []);
    let pending = expected.len() + many.len();
    let progress = store.campaign_progress(&w, "c").await.unwrap();
    assert_eq!((progress.of(RecipientState::Pending), progress.total()), (pending as u64, pending as u64));
}

/// A commit is repeated when its confirmation was lost. A place that is taken stays as it is.
pub async fn audience_is_added_once(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 4).await;
    write(&*store, &w, [settle(None, [outcome(2, RecipientState::Read)])]).await.unwrap();
    let mut again = audience("c", 1, 2, 4);
    again.rows.iter_mut().for_each(|row| row.consent = "other".into());
    for _ in 0..2 {
        write(&*store, &w, [CampaignChange::AddAudience(again.clone())]).await.unwrap();
    }
    let consents = store.audience(&w, "c", 1, 0..100).await.unwrap();
    let consents: Vec<_> = consents.into_iter().map(|(_, row)| row.consent).collect();
    assert_eq!(consents, ["form", "form", "form", "form", "other", "other"]);
    let progress = store.campaign_progress(&w, "c").await.unwrap();
    assert_eq!((progress.of(RecipientState::Pending), progress.of(RecipientState::Read)), (5, 1));
    assert_eq!(super::states(&*store, &w).await[2], RecipientState::Read);
}

/// By lane and place, page after page. Settling in between moves nothing.
pub async fn campaign_export_pages_by_lane_and_place(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 5).await;
    let more = [
        CampaignChange::AddAudience(audience("c", -3, 8, 2)),
        CampaignChange::AddAudience(audience("c", 2, 0, 1)),
        CampaignChange::PutLane(lane("c", 9, 10)),
    ];
    write(&*store, &w, more).await.unwrap();
    let (mut found, mut next) = (Vec::new(), None);
    loop {
        let page = store.campaign_export(&w, "c", next.as_deref(), 3).await.unwrap();
        assert!(page.rows.len() == 3 || page.next.is_none());
        found.extend(page.rows);
        write(&*store, &w, [settle(None, [outcome(4, RecipientState::Read)])]).await.unwrap();
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let places: Vec<_> = found.iter().map(|row| (row.lane, row.recipient.seq)).collect();
    assert_eq!(places, [(-3, 8), (-3, 9), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 0)]);
    assert!(found.iter().all(|row| row.audience.address == format!("{}/{}", row.lane, row.recipient.seq)));
    assert_eq!(found[6].recipient.state, RecipientState::Read);
    let other = RecipientRecord { state: RecipientState::Pending, ..found[6].recipient };
    assert_eq!(found[5].recipient, RecipientRecord { seq: 3, ..other });
    for cursor in ["", "1", "a.b"] {
        bad_cursor(store.campaign_export(&w, "c", Some(cursor), 3)).await;
    }
}
