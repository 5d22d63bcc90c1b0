use std::sync::Arc;

use whatsapp_store::{AccountId, CampaignState, RecipientState};

use super::bench::{Bench, Ledger, Running, settings, shop};

const HOUR: i64 = 3_600_000;

#[tokio::test(start_paused = true)]
async fn another_node_takes_over_when_one_dies() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 800).await;
    let ledger = Arc::new(Ledger::default());
    let first = bench.start("a", ledger.clone());
    bench.pass(500).await;
    let second = bench.start("b", ledger.clone());
    bench.pass(2_000).await;
    first.kill();
    bench.until("spring", CampaignState::Finished, HOUR).await;
    assert_eq!(ledger.shown(), 800);
    second.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn two_nodes_never_send_from_one_account_at_once() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 400).await;
    let (one, other) = (Arc::new(Ledger::default()), Arc::new(Ledger::default()));
    let first = bench.start("a", one.clone());
    bench.pass(300).await;
    let second = bench.start("b", other.clone());
    bench.pass(2_000).await;
    assert_eq!(other.shown(), 0);
    first.shutdown().await;
    bench.until("spring", CampaignState::Finished, HOUR).await;
    assert_eq!(one.shown() + other.shown(), 400);
    second.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn senders_on_two_nodes_share_a_campaign_and_its_limit() {
    let bench = Bench::new();
    let mut shared = settings(r#""perMinute":600,"#);
    shared.senders.push("branch".into());
    bench.campaign("spring", shared, 300).await;
    let branch: AccountId = "branch".parse().unwrap();
    let (one, other) = (Arc::new(Ledger::default()), Arc::new(Ledger::default()));
    let (first, second) = (bench.runner("a"), bench.runner("b"));
    first.serve(shop(), one.clone());
    second.serve(branch, other.clone());
    let (first, second) = (Running::of(first), Running::of(second));
    bench.pass(30_500).await;
    let sent = one.shown() + other.shown();
    assert!((290..=306).contains(&sent), "{sent} in half a minute");
    bench.until("spring", CampaignState::Finished, HOUR).await;
    assert_eq!((one.shown(), other.shown()), (300, 300));
    assert_eq!(bench.count("spring", RecipientState::Submitted).await, 600);
    first.shutdown().await;
    second.shutdown().await;
}
