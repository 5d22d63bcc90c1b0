//! Accounts that no campaign sends from.
use std::sync::Arc;

use whatsapp_store::{CampaignState, Lease, LeaseStore};

use super::bench::{Bench, Ledger, Running, settings, shop};
use crate::{
    outcome::Code,
    runner::{Clock, Submission},
};

const HOUR: i64 = 3_600_000;

/// The lease of the sender, while somebody holds it.
async fn lease(bench: &Bench) -> Option<Lease> {
    let name = crate::runner::lease_name(&shop());
    let last = bench.store.lease(shop().workspace(), &name).await.unwrap();
    last.filter(|lease| lease.until > bench.clock.now())
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_held_only_while_a_campaign_sends_from_it() {
    let bench = Bench::new();
    let ledger = Arc::new(Ledger::default());
    let running = bench.start("a", ledger.clone());
    bench.pass(60_000).await;
    assert_eq!(lease(&bench).await, None, "no campaign yet");
    for (run, id) in (1..).zip(["spring", "summer"]) {
        bench.campaign(id, settings(""), 80).await;
        running.runner.nudge();
        bench.pass(500).await;
        assert!(lease(&bench).await.is_some(), "{id} is sent");
        bench.until(id, CampaignState::Finished, HOUR).await;
        bench.pass(1_000).await;
        assert_eq!(lease(&bench).await, None, "{id} is over");
        assert_eq!(ledger.shown(), 80 * run);
    }
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_campaign_of_others_does_not_wake_a_sender() {
    let bench = Bench::new();
    let mut other = settings("");
    other.senders = vec!["branch".into()];
    let running = bench.start("a", Arc::new(Ledger::default()));
    bench.campaign("spring", other, 10).await;
    bench.pass(60_000).await;
    assert_eq!(bench.record("spring").await.state, CampaignState::Running);
    assert_eq!(lease(&bench).await, None);
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_was_told_to_slow_down_is_still_slow_after_a_pause() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 2_000).await;
    let ledger = Ledger::answering(|count, _| match count {
        1..=3 => Submission::Refused { code: Code::Web(429), until: None },
        _ => Submission::Accepted,
    });
    let running = bench.start("a", ledger.clone());
    bench.pass(10_000).await;
    bench.move_to("spring", CampaignState::Paused).await;
    bench.pass(5_000).await;
    assert_eq!(lease(&bench).await, None);
    let before = ledger.shown();
    bench.move_to("spring", CampaignState::Running).await;
    bench.pass(10_000).await;
    let after = ledger.shown() - before;
    assert!((20..=200).contains(&after), "{after} in 10 s: an eighth of 80 a second at first");
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_another_node_had_meanwhile_starts_as_after_a_restart() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 400).await;
    let (one, other) = (Arc::new(Ledger::default()), Arc::new(Ledger::default()));
    let first = bench.start("a", one.clone());
    bench.pass(1_000).await;
    bench.move_to("spring", CampaignState::Paused).await;
    bench.pass(1_000).await;
    let second: Running = bench.start("b", other.clone());
    first.runner.leave(&shop()).await;
    bench.move_to("spring", CampaignState::Running).await;
    bench.pass(1_000).await;
    assert!(other.shown() > 0, "the second node sends");
    bench.move_to("spring", CampaignState::Paused).await;
    bench.pass(1_000).await;
    first.runner.serve(shop(), one.clone());
    second.runner.leave(&shop()).await;
    bench.move_to("spring", CampaignState::Running).await;
    bench.until("spring", CampaignState::Finished, HOUR).await;
    assert_eq!(one.shown() + other.shown(), 400);
    first.shutdown().await;
    second.shutdown().await;
}
