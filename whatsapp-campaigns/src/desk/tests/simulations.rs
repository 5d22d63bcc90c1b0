//! Simulations are bounded, and know what the runner knows.
use std::time::Duration;

use whatsapp_store::{AccountId, CampaignChange, Changes, Store, WorkspaceId};

use super::bench::{Bench, START, people};
use crate::{
    desk::{DeskError, Outlook, SimulationLimits, Simulations},
    pacing::WarmUp,
    scheduler::Limits,
    simulate::{Ramp, Warning},
    stopped::{StoppedSender, keep},
};

async fn uploaded(bench: &Bench, id: &str, rows: u32) {
    bench.draft(id).await;
    bench.upload(id, people(rows)).await.unwrap();
}

#[tokio::test]
async fn a_workspace_and_a_node_have_so_many_at_once() {
    let limits = SimulationLimits { per_node: 2, per_workspace: 1, ..SimulationLimits::default() };
    let simulations = Simulations::new(limits);
    let mut bench = Bench::new();
    bench.desk = bench.desk.clone().simulating(simulations.clone());
    uploaded(&bench, "spring", 20).await;
    let outlook = Outlook::default();
    let ours = simulations.admit(&WorkspaceId::default()).unwrap();
    let full = bench.desk.eta("spring", &outlook).await;
    assert!(matches!(full, Err(DeskError::WorkspaceSimulates)), "{full:?}");
    drop(ours);
    let [one, other] = ["one", "other"].map(|name| name.parse::<WorkspaceId>().unwrap());
    let others = [simulations.admit(&one).unwrap(), simulations.admit(&other).unwrap()];
    let full = bench.desk.dry_run("spring", &outlook).await;
    assert!(matches!(full, Err(DeskError::NodeSimulates)), "{full:?}");
    drop(others);
    bench.desk.dry_run("spring", &outlook).await.unwrap();
    // A place is free again after each, also after one that failed.
    bench.draft("empty").await;
    assert!(bench.desk.dry_run("empty", &outlook).await.is_err());
    bench.desk.eta("spring", &outlook).await.unwrap();
}

#[tokio::test]
async fn one_that_is_too_much_work_says_how_far_it_came() {
    for limits in [
        SimulationLimits { steps: 50, ..SimulationLimits::default() },
        SimulationLimits { time: Duration::ZERO, ..SimulationLimits::default() },
    ] {
        let mut bench = Bench::new();
        bench.desk = bench.desk.clone().simulating(Simulations::new(limits));
        uploaded(&bench, "spring", 400).await;
        let report = bench.desk.dry_run("spring", &Outlook::default()).await.unwrap();
        let until = report.simulated_until.unwrap();
        let left = report.all.counts.left;
        assert!(until > START && left > 200 && left < 400, "{left} left at {until}");
        assert_eq!(report.eta(), None);
        assert_eq!(report.warnings, [Warning::Incomplete { until, rows: left }]);
        // Somebody looked at it: a campaign that is too large to simulate can still be started.
        bench.desk.start("spring", "ana").await.unwrap();
    }
}

#[tokio::test]
async fn a_stopped_sender_is_known_to_be_stopped() {
    let bench = Bench::new();
    uploaded(&bench, "spring", 20).await;
    let account = AccountId::new(WorkspaceId::default(), "shop").unwrap();
    let stopped = StoppedSender { reason: "463".into(), at: START, until: None };
    keep(&*bench.store, &account, &stopped).await.unwrap();
    let report = bench.desk.dry_run("spring", &Outlook::default()).await.unwrap();
    let place = report.senders.iter().position(|sender| sender.name == "shop").unwrap();
    assert!(report.senders[place].stopped && report.senders[place].tries == 0);
    assert!(report.warnings.contains(&Warning::Stopped { sender: place }), "{:?}", report.warnings);
}

#[tokio::test]
async fn the_cap_of_a_new_sender_grows() {
    let bench = Bench::new();
    uploaded(&bench, "spring", 200).await;
    let warm_up = WarmUp { start: 20, growth: 2.0, ceiling: 1_000 };
    let ramp = Ramp { warm_up, began_at: START };
    let outlook = Outlook {
        limits: ["shop", "branch"].map(|name| (name.to_owned(), Limits::default())).into(),
        warm_ups: ["shop", "branch"].map(|name| (name.to_owned(), ramp)).into(),
        ..Outlook::default()
    };
    let report = bench.desk.dry_run("spring", &outlook).await.unwrap();
    let caps: Vec<_> = report.senders[0].days.iter().map(|day| day.cap).collect();
    assert_eq!(caps.first(), Some(&Some(20)));
    assert!(caps.contains(&Some(40)), "{caps:?}");
}

#[tokio::test]
async fn campaigns_that_wait_for_their_time_have_their_turns_and_broken_ones_have_none() {
    let bench = Bench::new();
    uploaded(&bench, "spring", 100).await;
    let alone = bench.desk.dry_run("spring", &Outlook::default()).await.unwrap();
    uploaded(&bench, "summer", 100).await;
    bench.desk.dry_run("summer", &Outlook::default()).await.unwrap();
    bench.desk.start("summer", "ana").await.unwrap();
    let beside = bench.desk.dry_run("spring", &Outlook::default()).await.unwrap();
    assert_eq!(beside.campaigns.len(), 2);
    let end = |report: &crate::simulate::Report| report.campaigns[0].course.last_sent_at.unwrap() - START;
    assert!(end(&beside) > end(&alone) * 3 / 2, "{} and {}", end(&beside), end(&alone));
    let record = bench.desk.show("summer").await.unwrap().record;
    let mut changes = Changes::new(WorkspaceId::default());
    changes.push(CampaignChange::Put(whatsapp_store::CampaignRecord { definition: "{".into(), ..record }));
    bench.store.commit(changes).await.unwrap();
    let beside = bench.desk.dry_run("spring", &Outlook::default()).await.unwrap();
    assert_eq!((beside.campaigns.len(), end(&beside)), (1, end(&alone)));
}
