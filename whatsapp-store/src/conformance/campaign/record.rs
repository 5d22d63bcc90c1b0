use std::sync::Arc;

use tokio::task::JoinSet;

use super::{
    BASE, audience, campaign, claim, lane, outcome, refused, release, retry, running, settle, workspace,
    write,
};
use crate::{
    CampaignChange, CampaignMove, CampaignRecord, CampaignState, ErrorKind, LaneRecord, Outcome,
    RecipientState, Result, Store, conformance::samples::ODD_TEXTS,
};

fn step(campaign: &str, state: CampaignState, from: &[CampaignState]) -> CampaignChange {
    CampaignChange::SetState(CampaignMove {
        campaign: campaign.into(),
        state,
        reason: Some("asked".into()),
        from: CampaignState::bits(from),
        at: BASE + 9,
    })
}

/// Every field. A campaign that does not exist reads as empty.
pub async fn campaign_comes_back_as_written(store: Arc<dyn Store>) {
    let w = workspace("w");
    assert_eq!(store.campaign(&w, "").await.unwrap(), None);
    assert_eq!(store.lanes(&w, "").await.unwrap(), []);
    for (number, text) in (1..).zip(ODD_TEXTS) {
        let record = CampaignRecord {
            name: format!("{text}1"),
            state: CampaignState::from_code(u8::try_from(number % 9 + 1).unwrap()).unwrap(),
            reason: Some(text.into()),
            definition: format!("{text}2"),
            base_at: i64::MIN,
            created_at: -1,
            updated_at: i64::MAX,
            ..campaign(text)
        };
        write(&*store, &w, [CampaignChange::Put(record.clone())]).await.unwrap();
        let written = CampaignRecord { number, ..record };
        assert_eq!(store.campaign(&w, text).await.unwrap(), Some(written));
        let lane =
            LaneRecord { lane: i32::MIN, next: 3, end: 7, definition: text.into(), ..lane(text, 0, 0) };
        write(&*store, &w, [CampaignChange::PutLane(lane.clone())]).await.unwrap();
        assert_eq!(store.lanes(&w, text).await.unwrap(), [lane]);
    }
}

/// Of an existing campaign, only the name and the definition change.
pub async fn campaign_put_again_keeps_its_state(store: Arc<dyn Store>) {
    let w = workspace("w");
    let first = CampaignRecord { reason: Some("r".into()), ..campaign("c") };
    write(&*store, &w, [CampaignChange::Put(first.clone())]).await.unwrap();
    let again = CampaignRecord {
        number: 77,
        name: "B".into(),
        state: CampaignState::Draft,
        reason: None,
        definition: "[]".into(),
        base_at: 1,
        created_at: 2,
        updated_at: 3,
        ..campaign("c")
    };
    write(&*store, &w, [CampaignChange::Put(again.clone())]).await.unwrap();
    let (name, definition) = (again.name, again.definition);
    let expected = CampaignRecord { number: 1, name, definition, updated_at: BASE + 1, ..first };
    assert_eq!(store.campaign(&w, "c").await.unwrap(), Some(expected));
}

/// The ids of messages are made from them, and a late receipt must not find another campaign.
pub async fn campaign_numbers_are_never_given_twice(store: Arc<dyn Store>) {
    let (w, v) = (workspace("w"), workspace("v"));
    write(&*store, &w, ["a", "b"].map(|id| CampaignChange::Put(campaign(id)))).await.unwrap();
    write(&*store, &w, [CampaignChange::Delete { campaign: "b".into() }]).await.unwrap();
    write(&*store, &w, [CampaignChange::Put(campaign("b"))]).await.unwrap();
    write(&*store, &v, [CampaignChange::Put(campaign("b"))]).await.unwrap();
    let mut numbers = Vec::new();
    for (workspace, id) in [(&w, "a"), (&w, "b"), (&v, "b")] {
        numbers.push(store.campaign(workspace, id).await.unwrap().unwrap().number);
    }
    assert_eq!(numbers, [1, 3, 1]);
}

/// With a cursor that new and deleted campaigns do not disturb.
pub async fn campaign_pages_are_newest_first(store: Arc<dyn Store>) {
    let (w, v) = (workspace("w"), workspace("v"));
    write(&*store, &v, [CampaignChange::Put(campaign("other"))]).await.unwrap();
    write(&*store, &w, ["a", "b", "c", "d", "e"].map(|id| CampaignChange::Put(campaign(id)))).await.unwrap();
    let ids = |page: crate::CampaignPage| -> (Vec<String>, Option<String>) {
        (page.campaigns.into_iter().map(|campaign| campaign.id).collect(), page.next)
    };
    let (first, next) = ids(store.campaigns(&w, None, 2).await.unwrap());
    assert_eq!(first, ["e", "d"]);
    let changes = [CampaignChange::Put(campaign("f")), CampaignChange::Delete { campaign: "d".into() }];
    write(&*store, &w, changes).await.unwrap();
    let (second, next) = ids(store.campaigns(&w, next.as_deref(), 2).await.unwrap());
    assert_eq!(second, ["c", "b"]);
    let (third, next) = ids(store.campaigns(&w, next.as_deref(), 2).await.unwrap());
    assert_eq!((third, next), (vec!["a".to_owned()], None));
    super::super::samples::bad_cursor(store.campaigns(&w, Some("x"), 5)).await;
}

/// By workspace and number.
pub async fn campaigns_are_found_by_state(store: Arc<dyn Store>) {
    use CampaignState::{Draft, Finished, Paused, Running};
    for (name, id, state) in [("w", "z", Running), ("w", "a", Paused), ("v", "y", Running), ("w", "d", Draft)]
    {
        let put = CampaignChange::Put(CampaignRecord { state, ..campaign(id) });
        write(&*store, &workspace(name), [put]).await.unwrap();
    }
    let named = |list: &[(&str, &str)]| -> Vec<_> {
        list.iter().map(|(name, id)| (workspace(name), (*id).to_owned())).collect()
    };
    let found = store.campaigns_in_state(&[Running, Paused]).await.unwrap();
    assert_eq!(found, named(&[("v", "y"), ("w", "z"), ("w", "a")]));
    assert_eq!(store.campaigns_in_state(&[Draft, Finished]).await.unwrap(), named(&[("w", "d")]));
    assert_eq!(store.campaigns_in_state(&[]).await.unwrap(), []);
}

/// Two people press two buttons: the second one gets an error.
pub async fn campaign_moves_only_from_named_states(store: Arc<dyn Store>) {
    use CampaignState::{Draft, Paused, Running, Scheduled};
    let w = workspace("w");
    let started = [
        CampaignChange::Put(CampaignRecord { state: Draft, ..campaign("c") }),
        step("c", Scheduled, &[Draft]),
        step("c", Running, &[Scheduled]),
    ];
    write(&*store, &w, started).await.unwrap();
    let running =
        CampaignRecord { number: 1, reason: Some("asked".into()), updated_at: BASE + 10, ..campaign("c") };
    assert_eq!(store.campaign(&w, "c").await.unwrap(), Some(running.clone()));
    for (id, state, from) in [("c", Paused, Draft), ("none", Paused, Running)] {
        let put = CampaignChange::Put(campaign("late"));
        let error = write(&*store, &w, [put, step(id, state, &[from])]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    assert_eq!(store.campaign(&w, "c").await.unwrap(), Some(running.clone()));
    assert_eq!(store.campaign(&w, "late").await.unwrap(), None, "nothing of a commit that failed");
    let already = CampaignChange::SetState(CampaignMove {
        campaign: "c".into(),
        state: Running,
        reason: None,
        from: CampaignState::bits(&[Running, Draft]),
        at: 0,
    });
    write(&*store, &w, [already]).await.unwrap();
    assert_eq!(store.campaign(&w, "c").await.unwrap(), Some(running), "it was there already");
    write(&*store, &w, [step("c", Paused, &[Draft, Running])]).await.unwrap();
    assert_eq!(store.campaign(&w, "c").await.unwrap().unwrap().state, Paused);
}

/// Whatever is stored.
pub async fn wrong_campaign_changes_are_refused(store: Arc<dyn Store>) {
    let w = workspace("w");
    running(&*store, &w, 2).await;
    let high = i32::MAX as u32;
    let without_time = Outcome { retry_at: None, ..retry(0, 0) };
    let with_time = Outcome { retry_at: Some(0), ..outcome(0, RecipientState::Acked) };
    let wrong = [
        settle(None, [outcome(1, RecipientState::Acked), without_time]),
        settle(None, [with_time]),
        settle(None, [outcome(high, RecipientState::Acked)]),
        CampaignChange::AddAudience(audience("c", 1, high - 1, 2)),
        CampaignChange::PutLane(lane("c", 1, high + 1)),
    ];
    for change in wrong {
        assert_eq!(refused(&*store, &w, change.clone()).await, ErrorKind::Invalid, "{change:?}");
    }
    write(&*store, &w, [CampaignChange::AddAudience(audience("c", 1, high - 1, 1))]).await.unwrap();
    write(&*store, &w, [settle(None, [outcome(high - 1, RecipientState::Acked)])]).await.unwrap();
    assert_eq!(super::states(&*store, &w).await[2], RecipientState::Acked, "the last place there is");
}

/// Nothing of it, also not for a campaign that gets its id later.
pub async fn deleted_campaign_leaves_nothing(store: Arc<dyn Store>) {
    let (w, v) = (workspace("w"), workspace("v"));
    for workspace in [&w, &v] {
        running(&*store, workspace, 10).await;
        let lease = store.lease_range(workspace, &claim("o", 0, 5)).await.unwrap().unwrap();
        let outcomes = [outcome(0, RecipientState::Acked), retry(1, 50)];
        write(&*store, workspace, [settle(Some(lease.epoch), outcomes)]).await.unwrap();
    }
    let epoch = store.campaign_leases(&w, "c").await.unwrap()[0].epoch;
    write(&*store, &w, [CampaignChange::Delete { campaign: "c".into() }]).await.unwrap();
    assert_eq!(store.campaign(&w, "c").await.unwrap(), None);
    assert_eq!(refused(&*store, &w, settle(Some(epoch), [])).await, ErrorKind::Fenced);
    for change in [settle(None, [outcome(0, RecipientState::Read)]), CampaignChange::PutLane(lane("c", 2, 5))]
    {
        write(&*store, &w, [change]).await.unwrap();
    }
    for again in [false, true] {
        if again {
            let changes = [CampaignChange::Put(campaign("c")), CampaignChange::PutLane(lane("c", 1, 0))];
            write(&*store, &w, changes).await.unwrap();
        }
        assert_eq!(store.lanes(&w, "c").await.unwrap().len(), usize::from(again));
        assert_eq!(store.audience(&w, "c", 1, 0..100).await.unwrap(), []);
        assert_eq!(store.recipients(&w, "c", 1, 0..100).await.unwrap(), []);
        assert_eq!(store.campaign_progress(&w, "c").await.unwrap().total(), 0);
        assert_eq!(store.campaign_minutes(&w, "c", i64::MIN, i64::MAX).await.unwrap(), []);
        assert_eq!(store.campaign_leases(&w, "c").await.unwrap(), []);
        assert_eq!(store.campaign_export(&w, "c", None, 10).await.unwrap().rows, []);
        assert_eq!(store.due_retries(&w, &claim("o", 1000, 10)).await.unwrap(), None);
        assert_eq!(store.lease_range(&w, &claim("o", 1000, 10)).await.unwrap(), None);
    }
    assert_eq!(store.campaign_progress(&v, "c").await.unwrap().total(), 10, "another workspace");
    assert_eq!(store.campaign_leases(&v, "c").await.unwrap().len(), 1);
}

/// A campaign of the same name is another one.
pub async fn campaigns_of_workspaces_are_separate(store: Arc<dyn Store>) {
    let (w, v, none) = (workspace("w"), workspace("v"), workspace("none"));
    running(&*store, &w, 3).await;
    running(&*store, &v, 5).await;
    let lease = store.lease_range(&w, &claim("o", 0, 2)).await.unwrap().unwrap();
    write(&*store, &w, [settle(None, [outcome(1, RecipientState::Read)])]).await.unwrap();
    write(&*store, &none, [settle(None, [outcome(0, RecipientState::Read)])]).await.unwrap();
    for (workspace, pending, leases) in [(&w, 2, 1), (&v, 5, 0), (&none, 0, 0)] {
        let progress = store.campaign_progress(workspace, "c").await.unwrap();
        assert_eq!(progress.of(RecipientState::Pending), pending);
        assert_eq!(store.campaign_leases(workspace, "c").await.unwrap().len(), leases);
        let minutes = store.campaign_minutes(workspace, "c", i64::MIN, i64::MAX).await.unwrap();
        assert_eq!(minutes.len(), leases);
    }
    assert_eq!(refused(&*store, &v, release(&lease, 0)).await, ErrorKind::Fenced);
    assert_eq!(store.lease_range(&none, &claim("o", 0, 2)).await.unwrap(), None);
    assert_eq!(store.audience(&none, "c", 1, 0..9).await.unwrap(), []);
}

/// Of two who read the same and write, the second is told; and so is who makes what was made meanwhile.
pub async fn a_campaign_is_changed_as_it_was_read(store: Arc<dyn Store>) {
    let w = workspace("w");
    let expect = |updated_at| CampaignChange::Expect { campaign: "c".into(), updated_at };
    let conflict = |outcome: Result<()>| assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Conflict);
    write(&*store, &w, [expect(None), CampaignChange::Put(campaign("c"))]).await.unwrap();
    conflict(write(&*store, &w, [expect(None), CampaignChange::Put(campaign("c"))]).await);
    let read = store.campaign(&w, "c").await.unwrap().unwrap();
    // The same time, and even an earlier one, is another revision.
    for at in [read.updated_at, 1] {
        let before = store.campaign(&w, "c").await.unwrap().unwrap().updated_at;
        let put = CampaignChange::Put(CampaignRecord { name: "n".into(), updated_at: at, ..campaign("c") });
        write(&*store, &w, [expect(Some(before)), put]).await.unwrap();
        assert!(store.campaign(&w, "c").await.unwrap().unwrap().updated_at > before);
    }
    let now = store.campaign(&w, "c").await.unwrap().unwrap();
    let put = CampaignChange::Put(CampaignRecord { name: "lost".into(), ..campaign("c") });
    conflict(write(&*store, &w, [expect(Some(read.updated_at)), put]).await);
    conflict(
        write(&*store, &w, [expect(Some(read.updated_at)), CampaignChange::Delete { campaign: "c".into() }])
            .await,
    );
    assert_eq!(store.campaign(&w, "c").await.unwrap(), Some(now.clone()));
    write(&*store, &w, [expect(Some(now.updated_at)), CampaignChange::Delete { campaign: "c".into() }])
        .await
        .unwrap();
    conflict(write(&*store, &w, [expect(Some(now.updated_at)), CampaignChange::Put(campaign("c"))]).await);
}

/// Each of these reads and writes at once with the others: each that succeeds built on what it read.
pub async fn concurrent_changes_of_a_campaign_build_on_each_other(store: Arc<dyn Store>) {
    const TASKS: usize = 8;
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            let w = workspace("w");
            loop {
                let read = store.campaign(&w, "c").await.unwrap();
                let expect = CampaignChange::Expect {
                    campaign: "c".into(),
                    updated_at: read.as_ref().map(|read| read.updated_at),
                };
                let definition = format!("{}x", read.map(|read| read.definition).unwrap_or_default());
                let put = CampaignChange::Put(CampaignRecord { definition, ..campaign("c") });
                match write(&*store, &w, [expect, put]).await {
                    Ok(()) => break,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict),
                }
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.campaign(&workspace("w"), "c").await.unwrap().unwrap().definition, "x".repeat(TASKS));
}
