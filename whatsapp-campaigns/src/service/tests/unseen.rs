//! Nobody replaces, approves, starts or deletes what they have not seen.
use super::bench::{Bench, START, people, settings};
use crate::{
    consent::{AmbiguousWords, ReplyRules},
    service::{ServiceError, Target},
};

/// Each act on a campaign as it was read, after somebody else's change in the same millisecond, and then as it is.
#[tokio::test]
async fn an_act_on_a_campaign_that_changed_since_it_was_read_fails() {
    let bench = Bench::new();
    let service = &bench.service;
    bench.draft("spring").await;
    let read = service.show("spring").await.unwrap().record.updated_at;
    let mut content = settings();
    content.content.variants[0].content = whatsapp_store::Content::text("Bye {{ name }}");
    service.change("spring", None, content.clone(), "ben").await.unwrap();

    let stale = || Target::new("spring").as_read_at(Some(read));
    let before = service.show("spring").await.unwrap();
    for (act, done) in [
        ("change", service.change(stale(), None, settings(), "ana").await.map(drop)),
        ("approve", service.approve(stale(), "cem").await.map(drop)),
        ("start", service.start(stale(), "ana").await.map(drop)),
        ("delete", service.delete(stale(), "ana").await),
    ] {
        assert!(matches!(done, Err(ServiceError::ChangedSince)), "{act}: {done:?}");
    }
    assert_eq!(service.show("spring").await.unwrap(), before, "what was there stays");

    bench.upload("spring", people(3)).await.unwrap();
    service.note_dry_run("spring").await.unwrap();
    let now = service.show("spring").await.unwrap().record.updated_at;
    service.start(Target::new("spring").as_read_at(Some(now)), "ana").await.unwrap();
}

#[tokio::test]
async fn every_change_of_a_campaign_has_another_time() {
    let bench = Bench::new();
    let service = &bench.service;
    bench.draft("spring").await;
    let mut times = vec![service.show("spring").await.unwrap().record.updated_at];
    for senders in [["shop"], ["branch"], ["shop"]] {
        let mut others = settings();
        others.senders = senders.map(str::to_owned).to_vec();
        times.push(service.change("spring", None, others, "ana").await.unwrap().record.updated_at);
    }
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}: the clock stands still");
}

#[tokio::test]
async fn rules_for_replies_replace_only_those_that_were_read() {
    let bench = Bench::new();
    let service = &bench.service;
    let rules = |ambiguous, updated_at| ReplyRules { ambiguous, updated_at, ..ReplyRules::default() };
    let first = service.set_reply_rules(&rules(AmbiguousWords::AskPerson, None), "ana").await.unwrap();
    assert_eq!(first.updated_at, Some(START));
    let second =
        service.set_reply_rules(&rules(AmbiguousWords::Stop, first.updated_at), "ben").await.unwrap();
    assert_eq!(second.updated_at, Some(START + 1), "the clock stands still, and yet it is another one");
    let late = service.set_reply_rules(&rules(AmbiguousWords::AskPerson, first.updated_at), "ana").await;
    assert!(matches!(late, Err(ServiceError::RulesChanged)), "{late:?}");
    assert_eq!(service.reply_rules().await.unwrap(), second);
    let unseen = service.set_reply_rules(&rules(AmbiguousWords::AskPerson, None), "ana").await.unwrap();
    assert_eq!(service.reply_rules().await.unwrap(), unseen);
}

#[tokio::test]
async fn two_who_change_the_rules_at_once_do_not_both_succeed() {
    let bench = Bench::new();
    let read = bench.service.set_reply_rules(&ReplyRules::default(), "ana").await.unwrap();
    let (ana, ben) = tokio::join!(
        bench.service.set_reply_rules(&read, "ana"),
        bench.service.set_reply_rules(&read, "ben")
    );
    assert_eq!([&ana, &ben].iter().filter(|done| done.is_ok()).count(), 1, "{ana:?} {ben:?}");
}
