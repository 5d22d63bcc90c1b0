use std::sync::{Arc, atomic::Ordering};

use whatsapp_store::{
    CampaignState, Changes, ContactChange, RecipientState, Store, Suppression, WorkspaceId,
};

use super::bench::{Bench, Ledger, START, address, settings, shop};
use crate::{
    outcome::Code,
    pacing::{Rate, SECOND},
    runner::{Clock, Submission},
    scheduler::Limits,
};

const HOUR: i64 = 3_600_000;

#[tokio::test(start_paused = true)]
async fn everybody_gets_one_message_at_the_senders_pace() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 900).await;
    let ledger = Arc::new(Ledger::default());
    let running = bench.start("a", ledger.clone());
    bench.until("spring", CampaignState::Finished, HOUR).await;
    assert_eq!(ledger.shown(), 900);
    assert_eq!(bench.count("spring", RecipientState::Submitted).await, 900);
    let took = bench.clock.now() - START;
    assert!((11_200..12_500).contains(&took), "900 at 80 a second took {took} ms");
    {
        let shown = ledger.shown.lock().unwrap();
        let theirs = (address(0, 7), "Hello number 7".to_owned());
        assert!(shown.values().any(|seen| *seen == theirs));
    }
    assert_eq!(bench.events("campaign.started").await.len(), 1);
    assert_eq!(bench.events("campaign.message.sent").await.len(), 900);
    assert_eq!(bench.events("campaign.completed").await[0]["counts"]["submitted"], 900);
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_anywhere_nobody_is_skipped_and_nobody_sees_it_twice() {
    for dies_at in (1..=120).step_by(7) {
        let bench = Bench::new();
        bench.campaign("spring", settings(""), 120).await;
        let dying = Arc::new(Ledger { dies_at, ..Ledger::default() });
        let running = bench.start("a", dying.clone());
        dying.died.notified().await;
        running.kill();
        // The same people, in another process of the same node, or of another one.
        let ledger = Arc::new(Ledger::default());
        *ledger.shown.lock().unwrap() = dying.shown.lock().unwrap().clone();
        let running = bench.start(if dies_at % 2 == 0 { "a" } else { "b" }, ledger.clone());
        bench.until("spring", CampaignState::Finished, HOUR).await;
        assert_eq!(ledger.shown(), 120, "killed at {dies_at}");
        assert_eq!(bench.count("spring", RecipientState::Submitted).await, 120);
        running.shutdown().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_graceful_end_leaves_nothing_in_doubt() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 300).await;
    let ledger = Arc::new(Ledger::default());
    let running = bench.start("a", ledger.clone());
    bench.pass(1_000).await;
    running.shutdown().await;
    let sent = ledger.shown();
    assert!((60..=90).contains(&sent), "{sent}");
    assert_eq!(bench.count("spring", RecipientState::Submitted).await, sent as u64);
    let running = bench.start("b", ledger.clone());
    bench.until("spring", CampaignState::Finished, HOUR).await;
    assert_eq!(ledger.count.load(Ordering::Relaxed), 300, "nobody was handed over twice");
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn refusals_are_tried_again_or_given_up_and_the_unknown_goes_out_under_its_id() {
    let bench = Bench::new();
    bench.campaign("spring", settings(r#""autoPause":{"minSample":1000},"#), 30).await;
    let ledger = Ledger::answering(|count, message| match (message.to.as_str(), count) {
        (to, _) if to == address(0, 3) => Submission::Refused { code: Code::NoAccount, until: None },
        (to, 1..=30) if to == address(0, 5) => Submission::Unknown,
        (to, _) if to == address(0, 6) => Submission::Refused { code: Code::Cloud(131_000), until: None },
        _ => Submission::Acked,
    });
    let running = bench.start("a", ledger.clone());
    bench.until("spring", CampaignState::Finished, 24 * HOUR).await;
    let counts = bench.counts("spring").await;
    assert_eq!((counts.of(RecipientState::Acked), counts.of(RecipientState::Failed)), (28, 2));
    assert_eq!(ledger.tries_of(&address(0, 3)), 1);
    assert_eq!(ledger.tries_of(&address(0, 5)), 2);
    assert_eq!(ledger.tries_of(&address(0, 6)), 5, "what passes is tried five times and then given up");
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn people_who_opt_out_get_no_message_after_one_tick() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 400).await;
    let ledger = Arc::new(Ledger::default());
    let running = bench.start("a", ledger.clone());
    bench.pass(1_000).await;
    // All that is left, a moment before it is their turn.
    let mut changes = Changes::new(WorkspaceId::default());
    for seq in 1..=400 {
        let (address, reason) = (address(0, seq), "stop".to_owned());
        changes.push(ContactChange::Suppress(Suppression { address, reason, at: bench.clock.now() }));
    }
    bench.store.commit(changes).await.unwrap();
    let before = ledger.shown();
    bench.until("spring", CampaignState::Finished, HOUR).await;
    let after = ledger.shown();
    assert!(after - before <= 21, "{} more: 80 a second for one tick", after - before);
    assert_eq!(bench.count("spring", RecipientState::Suppressed).await, 400 - after as u64);
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_takes_effect_within_a_tick_and_the_rest_is_sent_later() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 400).await;
    let ledger = Arc::new(Ledger::default());
    let running = bench.start("a", ledger.clone());
    bench.pass(1_000).await;
    bench.move_to("spring", CampaignState::Paused).await;
    let before = ledger.shown();
    bench.pass(60_000).await;
    let more = ledger.shown() - before;
    assert!(more <= 21, "{more} more: 80 a second for one tick");
    bench.move_to("spring", CampaignState::Running).await;
    bench.until("spring", CampaignState::Finished, HOUR).await;
    assert_eq!((ledger.shown(), ledger.count.load(Ordering::Relaxed)), (400, 400));
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn two_campaigns_on_one_sender_are_level_and_replies_go_first() {
    let bench = Bench::new();
    bench.campaign("one", settings(""), 600).await;
    bench.campaign("two", settings(r#""weight":2,"#), 600).await;
    let ledger = Arc::new(Ledger {
        limits: Limits {
            rate: Rate::per(20, SECOND, 1),
            pair: Rate::per(1, SECOND / 1000, 1),
            reserve: 0.0,
            ..Limits::default()
        },
        ..Ledger::default()
    });
    let running = bench.start("a", ledger.clone());
    bench.pass(20_000).await;
    let (one, two) = (
        bench.count("one", RecipientState::Submitted).await,
        bench.count("two", RecipientState::Submitted).await,
    );
    assert!(two.abs_diff(2 * one) <= 8 && one > 100, "{one} and {two}");
    let before = ledger.shown();
    (0..100).for_each(|_| running.runner.interactive(&shop()));
    bench.pass(5_000).await;
    let more = ledger.shown() - before;
    assert!(more <= 2, "{more} while a hundred replies took five seconds");
    bench.until("one", CampaignState::Finished, HOUR).await;
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_is_not_connected_waits() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 50).await;
    let ledger = Arc::new(Ledger::default());
    ledger.ready.store(false, Ordering::Relaxed);
    let running = bench.start("a", ledger.clone());
    bench.pass(120_000).await;
    assert_eq!(ledger.count.load(Ordering::Relaxed), 0);
    ledger.ready.store(true, Ordering::Relaxed);
    bench.until("spring", CampaignState::Finished, HOUR).await;
    assert_eq!(ledger.shown(), 50);
    running.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn the_cap_of_people_survives_a_restart() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 30).await;
    let capped = || {
        Arc::new(Ledger {
            limits: Limits { people: Some(10), ..Ledger::default().limits },
            ..Ledger::default()
        })
    };
    let first = capped();
    let running = bench.start("a", first.clone());
    bench.pass(60_000).await;
    assert_eq!(first.shown(), 10);
    running.kill();
    let second = capped();
    let running = bench.start("a", second.clone());
    bench.pass(23 * 3_600_000).await;
    assert_eq!(second.shown(), 0, "the day is not over");
    bench.pass(2 * 3_600_000).await;
    assert_eq!(second.shown(), 10);
    running.shutdown().await;
}

/// Answers only after a while.
struct Slow(Arc<Ledger>);

#[async_trait::async_trait]
impl crate::runner::Sender for Slow {
    async fn submit(&self, message: crate::runner::Message) -> Submission {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        self.0.submit(message).await
    }

    fn limits(&self) -> Limits {
        self.0.limits
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_taken_back_while_messages_are_under_way_loses_nobody() {
    let bench = Bench::new();
    bench.campaign("spring", settings(""), 60).await;
    let ledger = Arc::new(Ledger::default());
    let runner = bench.runner("a");
    runner.serve(shop(), Arc::new(Slow(ledger.clone())));
    let running = super::bench::Running::of(runner);
    bench.pass(1_000).await;
    bench.move_to("spring", CampaignState::Paused).await;
    bench.pass(1_000).await;
    bench.move_to("spring", CampaignState::Running).await;
    bench.until("spring", CampaignState::Finished, HOUR).await;
    assert_eq!((ledger.shown(), ledger.count.load(Ordering::Relaxed)), (60, 60));
    running.shutdown().await;
}
