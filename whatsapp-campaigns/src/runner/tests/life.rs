use std::sync::Arc;

use whatsapp_store::{
    CampaignChange, CampaignState, CampaignStore, Changes, Consent, ContactChange, ContactRecord, Outcome,
    RecipientFlag, RecipientState, Settlement, Store, WorkspaceId,
};

use super::bench::{Bench, Ledger, START, address, settings, shop};
use crate::{
    lattice::flagged,
    outcome::Code,
    runner::{Clock, Submission},
    service::CampaignService,
};

const HOUR: i64 = 3_600_000;

async fn flag(bench: &Bench, id: &str, flag: RecipientFlag, seqs: impl IntoIterator<Item = u32>) {
    let outcomes =
        seqs.into_iter().map(|seq| Outcome { seq, effect: flagged(flag), retry_at: None }).collect();
    let mut changes = Changes::new(WorkspaceId::default());
    let (campaign, at) = (id.to_owned(), bench.clock.now());
    changes.push(CampaignChange::Settle(Settlement { campaign, lane: 0, epoch: None, at, outcomes }));
    bench.store.commit(changes).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_campaign_starts_at_its_time() {
    let bench = Bench::new();
    let mut later = settings("");
    later.timing.schedule = crate::window::Schedule::Once { at: START + 90_000 };
    bench.campaign("spring", later, 5).await;
    let running = bench.start("a", Arc::new(Ledger::default()));
    bench.pass(89_000).await;
    assert_eq!(bench.record("spring").await.state, CampaignState::Scheduled);
    bench.until("spring", CampaignState::Finished, 5_000).await;
    assert!(
        bench
            .kept("spring")
            .await
            .started_at
            .is_some_and(|at| (START + 90_000..START + 90_100).contains(&at))
    );
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_canary_goes_first_and_the_others_after_the_hold() {
    let bench = Bench::new();
    let canary = settings(r#""canary":{"first":40,"holdMinutes":15,"over":0},"#);
    bench.campaign_of("spring", canary, 400, 40).await;
    let ledger = Arc::new(Ledger::default());
    let running = bench.start("a", ledger.clone());
    bench.pass(14 * 60_000).await;
    assert_eq!(ledger.shown(), 40);
    assert!(bench.kept("spring").await.canary_until.is_some());
    bench.until("spring", CampaignState::Finished, HOUR).await;
    assert_eq!(ledger.shown(), 400);
    assert!(bench.clock.now() - START > 15 * 60_000);
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn too_many_failures_pause_a_campaign_with_a_reason() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 1_000).await;
    let ledger = Ledger::answering(|count, _| match count % 5 {
        0 => Submission::Refused { code: Code::NoAccount, until: None },
        _ => Submission::Accepted,
    });
    let running = bench.start("a", ledger.clone());
    bench.until("spring", CampaignState::Paused, HOUR).await;
    let record = bench.record("spring").await;
    let reason = record.reason.unwrap();
    assert!(reason.contains("messages failed within 60 minutes"), "{reason}");
    let sent = ledger.sent.lock().unwrap().len();
    assert!((50..150).contains(&sent), "{sent}");
    assert_eq!(bench.events("campaign.failed").await[0]["reason"], reason);
    // What was forgiven does not count again.
    bench.move_to("spring", CampaignState::Running).await;
    bench.pass(400).await;
    assert_eq!(bench.record("spring").await.state, CampaignState::Running);
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn too_many_opt_outs_pause_it() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 1_000).await;
    let running = bench.start("a", Arc::new(Ledger::default()));
    bench.pass(2_000).await;
    flag(&bench, "spring", RecipientFlag::OptedOut, 1..=9).await;
    bench.until("spring", CampaignState::Paused, 1_000).await;
    assert!(bench.record("spring").await.reason.unwrap().contains("want no more"));
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_restricted_sender_stops_until_a_person_releases_it_restart_or_not() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 100).await;
    let ledger = Ledger::answering(|count, _| match count {
        10 => Submission::Refused { code: Code::Web(463), until: None },
        _ => Submission::Accepted,
    });
    let running = bench.start("a", ledger.clone());
    bench.until("spring", CampaignState::Paused, HOUR).await;
    assert!(bench.record("spring").await.reason.unwrap().contains("463"));
    let sent = ledger.sent.lock().unwrap().len();
    assert!(sent <= 10 + 16, "{sent}: only what was under way");
    running.kill();
    let running = bench.start("a", ledger.clone());
    assert!(running.runner.stopped(&shop()).await.unwrap().unwrap().reason.contains("463"));
    bench.move_to("spring", CampaignState::Running).await;
    bench.pass(60_000).await;
    assert_eq!(ledger.sent.lock().unwrap().len(), sent);
    running.runner.release(&shop()).await.unwrap();
    bench.until("spring", CampaignState::Finished, 24 * HOUR).await;
    assert_eq!(ledger.shown(), 100);
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn unsent_rows_expire_at_the_end_of_the_campaign() {
    let bench = Bench::new();
    let mut short = settings("");
    short.timing.ends_at = Some(START + 2_000);
    bench.campaign("spring", short, 1_000).await;
    let ledger = Ledger::answering(|count, message| match count {
        1..=3 => {
            assert!(message.to < address(0, 9_000));
            Submission::Unknown
        }
        _ => Submission::Accepted,
    });
    let running = bench.start("a", ledger.clone());
    bench.until("spring", CampaignState::Finished, HOUR).await;
    let counts = bench.counts("spring").await;
    let sent = counts.of(RecipientState::Submitted);
    assert!((100..=180).contains(&sent), "{counts:?}");
    assert_eq!(counts.of(RecipientState::Expired) + sent, 1_000);
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_better_variant_is_sent_to_those_who_wait() {
    let bench = Bench::new();
    let mut compared = settings("");
    let variant = |name: &str| crate::content::Variant {
        name: name.into(),
        weight: 1,
        content: whatsapp_store::Content::text(format!("variant {name} for {{{{ name }}}}")),
    };
    compared.content.variants = vec![variant("a"), variant("b")];
    compared.content.split.test = 400;
    compared.content.winner =
        serde_json::from_str(r#"{"metric":"replied","minSample":100,"afterMinutes":60}"#).unwrap();
    bench.campaign("spring", compared, 1_000).await;
    let ledger = Arc::new(Ledger::default());
    let running = bench.start("a", ledger.clone());
    bench.pass(10 * 60_000).await;
    let tested = ledger.shown();
    assert!((330..470).contains(&tested), "{tested}");
    let of_b: Vec<u32> = {
        let shown = ledger.shown.lock().unwrap();
        shown
            .values()
            .filter(|(_, text)| text.starts_with("variant b"))
            .map(|(to, _)| to[5..].parse().unwrap())
            .collect()
    };
    flag(&bench, "spring", RecipientFlag::Replied, of_b.iter().copied().take(40)).await;
    bench.until("spring", CampaignState::Finished, 24 * HOUR).await;
    let chosen = bench.kept("spring").await.winner.unwrap();
    assert_eq!((chosen.variant, chosen.why.as_str()), (1, "b is better"));
    running.shutdown().await;
    let shown = ledger.shown.lock().unwrap();
    assert_eq!(shown.len(), 1_000);
    let later = shown.values().filter(|(_, text)| text.starts_with("variant b")).count();
    assert_eq!(later, of_b.len() + 1_000 - tested);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_cannot_be_read_is_paused_and_says_so() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 5).await;
    let mut changes = Changes::new(WorkspaceId::default());
    let record = bench.record("spring").await;
    changes.push(CampaignChange::Put(whatsapp_store::CampaignRecord { definition: "{".into(), ..record }));
    bench.store.commit(changes).await.unwrap();
    let running = bench.start("a", Arc::new(Ledger::default()));
    bench.until("spring", CampaignState::Paused, 1_000).await;
    assert!(bench.record("spring").await.reason.unwrap().contains("cannot be used"));
    assert!(bench.store.campaign_leases(&WorkspaceId::default(), "spring").await.unwrap().is_empty());
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_recurring_campaign_sends_to_the_contacts_of_each_run() {
    let bench = Bench::new();
    let mut hourly = settings("");
    hourly.timing.schedule =
        crate::window::Schedule::Recurring { cron: "0 * * * *".into(), zone: "Europe/Berlin".into() };
    hourly.timing.ends_at = Some(START + 3 * HOUR);
    hourly.audience = serde_json::from_str(r#"{"filter":{"consentScope":"news"}}"#).unwrap();
    let workspace = WorkspaceId::default();
    let service =
        CampaignService::with_clock(bench.store.clone(), workspace.clone(), Arc::new(bench.clock.clone()));
    service.create("hourly", "Hourly", hourly, "ana").await.unwrap();
    service.start("hourly", "ana").await.unwrap();
    let contact = |n: u32| {
        let consent = Consent { scope: "news".into(), source: "form".into(), at: START - 1, evidence: None };
        let mut changes = Changes::new(WorkspaceId::default());
        changes.push(ContactChange::Put(Box::new(ContactRecord {
            id: format!("c{n}"),
            phone: Some(format!("49151{:08}", 10_000_000 + n)),
            name: format!("Person {n}"),
            consent: Some(consent),
            ..ContactRecord::default()
        })));
        changes
    };
    bench.store.commit(contact(1)).await.unwrap();
    let ledger = Arc::new(Ledger::default());
    let running = bench.start("a", ledger.clone());
    bench.pass(3_600_000).await;
    assert_eq!(ledger.shown(), 1, "the first run");
    bench.store.commit(contact(2)).await.unwrap();
    bench.pass(3_600_000).await;
    assert_eq!(ledger.shown(), 3, "both in the second");
    bench.until("hourly", CampaignState::Finished, 2 * HOUR).await;
    bench.pass(5_000).await;
    assert_eq!((ledger.shown(), bench.events("campaign.completed").await.len()), (5, 4));
    running.shutdown().await;
}
