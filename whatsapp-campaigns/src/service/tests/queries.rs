use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use whatsapp_store::{
    CampaignChange, CampaignMove, CampaignState, CampaignStore, Changes, RangeClaim, RecipientState, Store,
    WorkspaceId,
};

use super::bench::{Bench, SETTINGS, people};
use crate::{
    model::Settings,
    pacing::{Rate, SECOND},
    runner::{Clock, Message, Options, Runner, Sender, Submission},
    scheduler::Limits,
    service::{Assumptions, ExportFormat, ServiceError},
};

struct Swift;

#[async_trait]
impl Sender for Swift {
    async fn submit(&self, _: Message) -> Submission {
        Submission::Acked
    }

    fn limits(&self) -> Limits {
        Limits { rate: Rate::per(10_000, SECOND, 1), reserve: 0.0, ..Limits::default() }
    }
}

async fn finished(bench: &Bench, rows: u32) {
    bench.draft("spring").await;
    bench.upload("spring", people(rows)).await.unwrap();
    bench.service.note_dry_run("spring").await.unwrap();
    bench.service.start("spring", "ana").await.unwrap();
    let runner = Runner::with_clock(bench.store.clone(), Options::new("a"), Arc::new(bench.clock.clone()));
    for sender in ["shop", "branch"] {
        runner.serve(sender.parse().unwrap(), Arc::new(Swift));
    }
    let running = tokio::spawn({
        let runner = runner.clone();
        async move { runner.run().await }
    });
    while bench.service.show("spring").await.unwrap().record.state != CampaignState::Finished {
        *bench.clock.0.lock().unwrap() += 50;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    runner.shutdown().await;
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn from_a_file_to_an_export() {
    let bench = Bench::new();
    finished(&bench, 700).await;
    let progress = bench.service.progress("spring").await.unwrap();
    assert_eq!((progress.recipients, progress.left, progress.counts[&RecipientState::Acked]), (700, 0, 700));
    let (mut csv, mut after) = (String::new(), None);
    loop {
        let (part, next) = bench.service.export("spring", ExportFormat::Csv, after.as_deref()).await.unwrap();
        csv.push_str(&part);
        after = next;
        if after.is_none() {
            break;
        }
    }
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 701);
    assert!(lines[0].starts_with("lane,place,address,variant,messageId,state"));
    let ids: std::collections::BTreeSet<&str> =
        lines[1..].iter().map(|line| line.split(',').nth(4).unwrap()).collect();
    assert!(ids.len() == 700 && ids.iter().all(|id| id.starts_with("3EB0") && id.len() == 22));
    assert!(lines[1..].iter().all(|line| line.contains(",a,3EB0") && line.contains(",acked,")));
    let (ndjson, _) = bench.service.export("spring", ExportFormat::Ndjson, None).await.unwrap();
    let first: serde_json::Value = serde_json::from_str(ndjson.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["state"], &first["consent"]),
        (&"acked".into(), &"news/form:shop/1789999999999".into())
    );
    let now = bench.clock.now();
    let minutes = bench.service.minutes("spring", 0, now + 60_000).await.unwrap();
    let acked: u64 = minutes
        .iter()
        .filter(|minute| minute.state == RecipientState::Acked)
        .map(|minute| minute.count)
        .sum();
    assert_eq!(acked, 700);
}

#[tokio::test]
async fn previews_and_test_messages() {
    let bench = Bench::new();
    bench.draft("spring").await;
    assert!(matches!(bench.service.preview("spring", 5).await, Err(ServiceError::NoRecipients)));
    bench.upload("spring", people(50)).await.unwrap();
    let preview = bench.service.preview("spring", 10).await.unwrap();
    assert_eq!(preview.len(), 10);
    assert!(preview.iter().all(|row| row.contents[0].as_text().unwrap().starts_with("Hello Person ")));
    let values = BTreeMap::from([("name".to_owned(), "me".to_owned())]);
    assert_eq!(bench.service.test_message("spring", &values, 0).await.unwrap().as_text(), Some("Hello me"));
    assert!(bench.service.test_message("spring", &BTreeMap::new(), 0).await.is_err());
    assert!(bench.service.test_message("spring", &values, 7).await.is_err());
}

#[tokio::test]
async fn a_placeholder_of_another_program_is_warned_of() {
    let bench = Bench::new();
    let text = SETTINGS.replace("Hello {{ name }}", "Hello {{ name }}, dear [NAME]");
    bench.service.create("spring", "Spring", Settings::from_json(&text).unwrap(), "ana").await.unwrap();
    bench.upload("spring", people(3)).await.unwrap();
    let rows = bench.service.preview("spring", 1).await.unwrap();
    assert!(rows[0].warnings[0].contains("`[NAME]` looks like a placeholder"), "{:?}", rows[0].warnings);
    let report = bench.service.dry_run("spring", &Assumptions::default()).await.unwrap();
    assert!(report.to_string().contains("`[NAME]` looks like a placeholder"), "{report}");
    let json = serde_json::to_value(&report.warnings).unwrap();
    assert!(json.as_array().unwrap().iter().any(|found| found["type"] == "placeholder"), "{json}");
}

#[tokio::test]
async fn leased_rows_count_as_unsent_in_a_forecast() {
    let bench = Bench::new();
    bench.draft("spring").await;
    bench.upload("spring", people(40)).await.unwrap();
    bench.service.note_dry_run("spring").await.unwrap();
    bench.service.start("spring", "ana").await.unwrap();
    let mut running = Changes::new(WorkspaceId::default());
    running.push(CampaignChange::SetState(CampaignMove {
        campaign: "spring".into(),
        state: CampaignState::Running,
        reason: None,
        from: CampaignState::bits(&[CampaignState::Scheduled]),
        at: bench.clock.now(),
    }));
    bench.store.commit(running).await.unwrap();
    let whole = bench.service.eta("spring", &Assumptions::default()).await.unwrap();
    let (workspace, now) = (WorkspaceId::default(), bench.clock.now());
    for lane in bench.store.lanes(&workspace, "spring").await.unwrap() {
        let (campaign, owner) = ("spring".to_owned(), "a".to_owned());
        let claim = RangeClaim { campaign, lane: lane.lane, owner, now, until: now + 60_000, limit: 1_000 };
        bench.store.lease_range(&workspace, &claim).await.unwrap().unwrap();
    }
    let held = bench.service.eta("spring", &Assumptions::default()).await.unwrap();
    assert_eq!((held.all.counts.sent, held.warnings), (whole.all.counts.sent, whole.warnings));
    assert!(held.all.counts.sent > 0);
}
