use whatsapp_store::{
    CampaignChange, CampaignState, CampaignStore, Changes, Consent, ContactChange, ContactRecord, Store,
    WorkspaceId,
};

use super::bench::{Bench, START, people, settings};
use crate::{
    model::{LaneSpec, Settings},
    service::{ServiceError, begin_run},
    window::Schedule,
};

fn state_of(error: &ServiceError) -> Option<CampaignState> {
    match error {
        ServiceError::State { state, .. } => Some(*state),
        _ => None,
    }
}

#[tokio::test]
async fn a_life_from_draft_to_the_end_with_who_did_what() {
    let bench = Bench::new();
    let service = &bench.service;
    bench.draft("spring").await;
    assert!(matches!(service.start("spring", "ana").await, Err(ServiceError::NoRecipients)));
    let frozen = bench.upload("spring", people(40)).await.unwrap();
    assert_eq!(
        (frozen.rows, frozen.recipients, frozen.consent.as_str()),
        (40, 40, "news/form:shop/1789999999999")
    );
    assert!(matches!(service.start("spring", "ana").await, Err(ServiceError::NoDryRun)));
    service.note_dry_run("spring").await.unwrap();
    assert_eq!(service.start("spring", "ana").await.unwrap().record.state, CampaignState::Scheduled);
    assert_eq!(state_of(&service.start("spring", "ana").await.unwrap_err()), Some(CampaignState::Scheduled));
    assert_eq!(service.pause("spring", "wait", "ben").await.unwrap().record.reason.as_deref(), Some("wait"));
    assert_eq!(service.resume("spring", "ben").await.unwrap().record.state, CampaignState::Scheduled);
    assert_eq!(state_of(&service.delete("spring", "ben").await.unwrap_err()), Some(CampaignState::Scheduled));
    service.cancel("spring", "no more", "ben").await.unwrap();
    assert_eq!(
        state_of(&service.cancel("spring", "", "ben").await.unwrap_err()),
        Some(CampaignState::Cancelled)
    );
    service.delete("spring", "ben").await.unwrap();
    assert!(matches!(service.show("spring").await, Err(ServiceError::NotFound)));
    let acts: Vec<String> =
        bench.acts().await.into_iter().map(|(actor, action)| format!("{actor} {action}")).collect();
    assert_eq!(
        acts,
        [
            "ana campaign.created",
            "ana campaign.recipients",
            "ana campaign.started",
            "ben campaign.paused",
            "ben campaign.resumed",
            "ben campaign.cancelled",
            "ben campaign.deleted"
        ]
    );
}

#[tokio::test]
async fn lanes_by_sender_and_clock() {
    let bench = Bench::new();
    bench.draft("spring").await;
    let mut file = people(400);
    for n in 0..400 {
        file.push_str(&format!("+81 90 {:08};Person {n}\n", 10_000_000 + n * 7));
    }
    bench.upload("spring", file).await.unwrap();
    let lanes = bench.store.lanes(&WorkspaceId::default(), "spring").await.unwrap();
    assert_eq!(lanes.len(), 4);
    for lane in lanes {
        let spec = LaneSpec::from_json(&lane.definition).unwrap();
        assert!((150..250).contains(&spec.rows), "{spec:?}");
        assert_eq!((lane.next, lane.end), (1, 1 + spec.rows));
        let rows =
            bench.store.audience(&WorkspaceId::default(), "spring", lane.lane, 1..lane.end).await.unwrap();
        let country = if spec.zones.to_string().contains("Tokyo") { "81" } else { "49" };
        assert!(rows.iter().all(|(_, row)| row.address.starts_with(country)));
    }
}

#[tokio::test]
async fn the_first_part_of_many_goes_first() {
    let bench = Bench::new();
    bench.draft("spring").await;
    bench.upload("spring", people(1_500)).await.unwrap();
    bench.service.note_dry_run("spring").await.unwrap();
    bench.service.start("spring", "ana").await.unwrap();
    let ends = || async {
        let lanes = bench.store.lanes(&WorkspaceId::default(), "spring").await.unwrap();
        lanes.iter().map(|lane| lane.end - 1).sum::<u32>()
    };
    assert_eq!(ends().await, 100);
    assert_eq!(bench.service.progress("spring").await.unwrap().canary.unwrap().first, 100);
    bench.service.end_canary("spring", "ana").await.unwrap();
    assert_eq!(ends().await, 1_500);
}

#[tokio::test]
async fn recipients_are_for_one_content_and_its_senders() {
    let bench = Bench::new();
    bench.draft("spring").await;
    bench.upload("spring", people(10)).await.unwrap();
    // Another time is not another audience.
    let mut later = settings();
    later.timing.schedule = Schedule::Once { at: START + 1 };
    let kept = bench.service.change("spring", Some("Later"), later.clone(), "ana").await.unwrap();
    assert_eq!(kept.document.kept.frozen.unwrap().recipients, 10);
    let mut other = later;
    other.senders = vec!["shop".into()];
    let changed = bench.service.change("spring", None, other, "ana").await.unwrap();
    assert_eq!((changed.document.kept.frozen, changed.record.name.as_str()), (None, "Later"));
    let counts = bench.store.campaign_progress(&WorkspaceId::default(), "spring").await.unwrap();
    assert_eq!(counts.total(), 0);
    // And a new upload takes the place of the one before.
    bench.upload("spring", people(10)).await.unwrap();
    bench.upload("spring", people(3)).await.unwrap();
    assert_eq!(bench.service.progress("spring").await.unwrap().recipients, 3);
}

#[tokio::test]
async fn a_second_person_approves() {
    let bench = Bench::new();
    let careful = Settings { needs_approval: true, ..settings() };
    bench.service.create("spring", "Spring", careful, "ana").await.unwrap();
    bench.upload("spring", people(2)).await.unwrap();
    bench.service.note_dry_run("spring").await.unwrap();
    assert!(matches!(bench.service.start("spring", "ana").await, Err(ServiceError::NotApproved)));
    assert!(matches!(bench.service.approve("spring", "ana").await, Err(ServiceError::SamePerson)));
    bench.service.approve("spring", "ben").await.unwrap();
    bench.service.start("spring", "ana").await.unwrap();
}

#[tokio::test]
async fn of_two_people_who_start_it_one_does() {
    let bench = Bench::new();
    bench.draft("spring").await;
    bench.upload("spring", people(2)).await.unwrap();
    bench.service.note_dry_run("spring").await.unwrap();
    let (one, other) =
        tokio::join!(bench.service.start("spring", "ana"), bench.service.start("spring", "ben"));
    assert_eq!(u32::from(one.is_ok()) + u32::from(other.is_ok()), 1);
    assert_eq!(bench.acts().await.iter().filter(|(_, action)| action == "campaign.started").count(), 1);
}

#[tokio::test]
async fn an_unfinished_upload_is_replaced_by_the_next() {
    let bench = Bench::new();
    bench.draft("spring").await;
    bench.upload("spring", people(20)).await.unwrap();
    let record = bench.store.campaign(&WorkspaceId::default(), "spring").await.unwrap().unwrap();
    let mut changes = Changes::new(WorkspaceId::default());
    // As a crash leaves it: rows, and no lanes.
    changes.push(CampaignChange::Delete { campaign: "spring".into() });
    changes.push(CampaignChange::Put(whatsapp_store::CampaignRecord {
        state: CampaignState::Freezing,
        ..record
    }));
    bench.store.commit(changes).await.unwrap();
    assert_eq!(bench.upload("spring", people(5)).await.unwrap().recipients, 5);
    assert_eq!(bench.service.show("spring").await.unwrap().record.state, CampaignState::Draft);
}

async fn contact(bench: &Bench, n: u32, consent: bool) {
    let scope = "news".to_owned();
    let consent = consent.then(|| Consent { scope, source: "form".into(), at: START - 10, evidence: None });
    let record = ContactRecord {
        id: format!("c{n}"),
        phone: Some(format!("49151{:08}", 10_000_000 + n)),
        name: format!("Person {n}"),
        tags: ["vip".to_owned()].into(),
        consent,
        created_at: START,
        updated_at: START,
        ..ContactRecord::default()
    };
    let mut changes = Changes::new(WorkspaceId::default());
    changes.push(ContactChange::Put(Box::new(record)));
    bench.store.commit(changes).await.unwrap();
}

fn filtered(schedule: &str) -> Settings {
    Settings::from_json(&format!(
        r#"{{"senders":["shop"],"audience":{{"filter":{{"allTags":["vip"],"consentScope":"news"}},"exclude":["4915110000003"]}},
            "content":{{"category":"utility","variables":{{"name":{{"type":"text","missing":{{"policy":"skip"}}}}}},
                "variants":[{{"name":"a","content":{{"type":"text","text":"Hello {{{{ name }}}}"}}}}]}},
            "timing":{{"schedule":{schedule},"quietHours":null}}}}"#
    ))
    .unwrap()
}

#[tokio::test]
async fn contacts_that_agreed_are_the_audience_of_a_filter() {
    let bench = Bench::new();
    for n in 0..1_200 {
        contact(&bench, n, n % 10 != 0).await;
    }
    let once = filtered(r#"{"type":"once","at":1790000000000}"#);
    bench.service.create("vip", "VIP", once, "ana").await.unwrap();
    assert!(matches!(bench.upload("vip", people(1)).await, Err(ServiceError::WrongAudience(_))));
    let frozen = bench.service.freeze_contacts("vip", "ana").await.unwrap();
    assert_eq!((frozen.recipients, frozen.refused["excluded"]), (1_079, 1));
    let preview = bench.service.preview("vip", 5).await.unwrap();
    assert!(preview[0].contents[0].as_text().unwrap().starts_with("Hello Person "));
}

#[tokio::test]
async fn each_run_is_a_campaign_with_the_contacts_of_its_day() {
    let bench = Bench::new();
    contact(&bench, 1, true).await;
    let weekly = filtered(r#"{"type":"recurring","cron":"0 9 * * MON","zone":"Europe/Berlin"}"#);
    bench.service.create("vip", "VIP", weekly, "ana").await.unwrap();
    bench.service.start("vip", "ana").await.unwrap();
    let parent = || async { bench.service.show("vip").await.unwrap().record };
    for _ in 0..2 {
        begin_run(&bench.service, &parent().await, START).await.unwrap();
    }
    contact(&bench, 2, true).await;
    begin_run(&bench.service, &parent().await, START + 7 * 86_400_000).await.unwrap();
    let page = bench.service.list(None, 10).await.unwrap();
    let mut runs = Vec::new();
    for run in page.campaigns.iter().filter(|campaign| campaign.id != "vip") {
        runs.push((run.id.clone(), run.state, bench.service.progress(&run.id).await.unwrap().recipients));
    }
    runs.sort();
    assert_eq!(
        runs,
        [
            ("vip-20260921T1413".to_owned(), CampaignState::Scheduled, 1),
            ("vip-20260928T1413".to_owned(), CampaignState::Scheduled, 2)
        ]
    );
}
