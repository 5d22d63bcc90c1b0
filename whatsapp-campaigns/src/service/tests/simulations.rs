//! Simulations are bounded, and know what the runner knows.
use std::time::Duration;

use whatsapp_store::{AccountId, CampaignChange, Changes, Store, WorkspaceId};

use super::bench::{Bench, START, people};
use crate::{
    pacing::WarmUp,
    scheduler::Limits,
    service::{Assumptions, ServiceError, SimulationLimits, Simulations},
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
    bench.service = bench.service.clone().simulating(simulations.clone());
    uploaded(&bench, "spring", 20).await;
    let assumptions = Assumptions::default();
    let ours = simulations.admit(&WorkspaceId::default()).unwrap();
    let full = bench.service.eta("spring", &assumptions).await;
    assert!(matches!(full, Err(ServiceError::WorkspaceSimulates)), "{full:?}");
    drop(ours);
    let [one, other] = ["one", "other"].map(|name| name.parse::<WorkspaceId>().unwrap());
    let others = [simulations.admit(&one).unwrap(), simulations.admit(&other).unwrap()];
    let full = bench.service.dry_run("spring", &assumptions).await;
    assert!(matches!(full, Err(ServiceError::NodeSimulates)), "{full:?}");
    drop(others);
    bench.service.dry_run("spring", &assumptions).await.unwrap();
    // A place is free again after each, also after one that failed.
    bench.draft("empty").await;
    assert!(bench.service.dry_run("empty", &assumptions).await.is_err());
    bench.service.eta("spring", &assumptions).await.unwrap();
}

#[tokio::test]
async fn one_that_is_too_much_work_says_how_far_it_came() {
    for limits in [
        SimulationLimits { steps: 50, ..SimulationLimits::default() },
        SimulationLimits { time: Duration::ZERO, ..SimulationLimits::default() },
    ] {
        let mut bench = Bench::new();
        bench.service = bench.service.clone().simulating(Simulations::new(limits));
        uploaded(&bench, "spring", 400).await;
        let report = bench.service.dry_run("spring", &Assumptions::default()).await.unwrap();
        let until = report.simulated_until.unwrap();
        let left = report.all.counts.left;
        assert!(until > START && left > 200 && left < 400, "{left} left at {until}");
        assert_eq!(report.eta(), None);
        assert_eq!(report.warnings, [Warning::Incomplete { until, rows: left }]);
        // Somebody looked at it: a campaign that is too large to simulate can still be started.
        bench.service.start("spring", "ana").await.unwrap();
    }
}

#[tokio::test]
async fn a_stopped_sender_is_known_to_be_stopped() {
    let bench = Bench::new();
    uploaded(&bench, "spring", 20).await;
    let account = AccountId::new(WorkspaceId::default(), "shop").unwrap();
    let stopped = StoppedSender { reason: "463".into(), at: START, until: None };
    keep(&*bench.store, &account, &stopped).await.unwrap();
    let report = bench.service.dry_run("spring", &Assumptions::default()).await.unwrap();
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
    let assumptions = Assumptions {
        limits: ["shop", "branch"].map(|name| (name.to_owned(), Limits::default())).into(),
        warm_ups: ["shop", "branch"].map(|name| (name.to_owned(), ramp)).into(),
        ..Assumptions::default()
    };
    let report = bench.service.dry_run("spring", &assumptions).await.unwrap();
    let caps: Vec<_> = report.senders[0].days.iter().map(|day| day.cap).collect();
    assert_eq!(caps.first(), Some(&Some(20)));
    assert!(caps.contains(&Some(40)), "{caps:?}");
}

#[tokio::test]
async fn campaigns_that_wait_for_their_time_have_their_turns_and_broken_ones_have_none() {
    let bench = Bench::new();
    uploaded(&bench, "spring", 100).await;
    let alone = bench.service.dry_run("spring", &Assumptions::default()).await.unwrap();
    uploaded(&bench, "summer", 100).await;
    bench.service.dry_run("summer", &Assumptions::default()).await.unwrap();
    bench.service.start("summer", "ana").await.unwrap();
    let beside = bench.service.dry_run("spring", &Assumptions::default()).await.unwrap();
    assert_eq!(beside.campaigns.len(), 2);
    let end = |report: &crate::simulate::Report| report.campaigns[0].course.last_sent_at.unwrap() - START;
    assert!(end(&beside) > end(&alone) * 3 / 2, "{} and {}", end(&beside), end(&alone));
    let record = bench.service.show("summer").await.unwrap().record;
    let mut changes = Changes::new(WorkspaceId::default());
    changes.push(CampaignChange::Put(whatsapp_store::CampaignRecord { definition: "{".into(), ..record }));
    bench.store.commit(changes).await.unwrap();
    let beside = bench.service.dry_run("spring", &Assumptions::default()).await.unwrap();
    assert_eq!((beside.campaigns.len(), end(&beside)), (1, end(&alone)));
}
