//! What holds for every forecast.
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::{pacing::DAY, window::When};

const ZONES: [&str; 4] = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"];

fn limits() -> impl Strategy<Value = Limits> {
    (1..400_u64, 1..4_u32, prop::option::of(4..60_usize), 0..8_u32).prop_map(
        |(interval, burst, people, reserve)| Limits {
            rate: Rate { interval: interval * SECOND, burst },
            pair: Rate { interval: 6 * SECOND, burst: 1 },
            people,
            reserve: f64::from(reserve) / 10.0,
        },
    )
}

fn campaign() -> impl Strategy<Value = Campaign> {
    let lanes = prop::collection::vec((0..3_usize, 0..4_usize, 0..80_u32, 0..5_u32), 0..6);
    let quiet = prop::option::of((0..24_u32, 1..23_u32));
    let canary = prop::option::of((1..100_u64, 0..3_600_000_i64));
    let (ends, rate) = (prop::option::of(60..400_000_i64), prop::option::of(1..600_u64));
    (lanes, quiet, canary, ends, rate, 1..4_u32, 0..3_u16).prop_map(
        |(lanes, quiet, canary, ends, rate, weight, audience)| {
            let quiet =
                quiet.map(|(from, hours)| [from, (from + hours) % 24].map(|hour| format!("{hour:02}:00")));
            let quiet = quiet.as_ref().map(|[from, to]| (from.as_str(), to.as_str()));
            let mut campaign = Campaign::new("a", plan(quiet, ends), audience);
            campaign.canary = canary.map(|(rows, hold)| CanaryStage::First { rows, hold });
            (campaign.weight, campaign.rate) = (weight, rate.map(|rate| Rate::per(1, rate * SECOND, 1)));
            for (sender, place, rows, waiting) in lanes {
                campaign.lane(sender, zone(ZONES[place]), rows);
                let lane = campaign.lanes.last_mut().unwrap();
                lane.waiting.push(Waiting { at: START + i64::from(rows) * 60_000, rows: waiting });
            }
            campaign
        },
    )
}

fn forecast() -> impl Strategy<Value = Forecast> {
    let senders = prop::collection::vec((limits(), 0..40_u32), 3);
    let chances = (0..200_u32, 0..300_u32, 0..20_u32, any::<u64>(), prop::option::of(0..100_000_i64));
    (senders, prop::collection::vec(campaign(), 1..4), chances).prop_map(|(senders, campaigns, chances)| {
        let mut forecast = Forecast::new(START);
        for (limits, reached) in senders {
            let place = forecast.sender("s", limits);
            let sender = forecast.senders[place].clone();
            forecast.senders[place] = sender.with_reached(reached, START);
        }
        let (failed_permille, retry_permille, throttle_permille, seed, stop) = chances;
        forecast.transport =
            Transport { failed_permille, retry_permille, throttle_permille, ..Transport::default() };
        forecast.transport.incidents.extend(stop.map(|at| Incident {
            at: START + at * 1_000,
            sender: Some(0),
            what: Trouble::Stop { until: (at % 2 == 0).then_some(START + at * 2_000) },
        }));
        (forecast.campaigns, forecast.seed) = (campaigns, seed);
        forecast.most_days = 30;
        forecast
    })
}

fn run(forecast: &Forecast) -> (Vec<Sent>, Report) {
    let mut all = Vec::new();
    let report = simulate_with(forecast, |sent| all.push(*sent)).unwrap();
    (all, report)
}

/// The moments of those that are so.
fn moments(all: &[Sent], is_so: impl Fn(&Sent) -> bool) -> Vec<u64> {
    all.iter().filter(|sent| is_so(sent)).map(|sent| sent.at).collect()
}

/// Any stretch of time has at most what the rate and its burst allow.
fn keeps(rate: Rate, moments: &[u64]) -> bool {
    let burst = rate.burst.max(1) as usize;
    moments.iter().enumerate().all(|(place, first)| {
        let later = moments[place..].iter().enumerate().skip(burst);
        later.into_iter().all(|(count, at)| at - first >= (count + 1 - burst) as u64 * rate.interval)
    })
}

/// The people that a sender reached in the 24 hours before each of its messages, that one included.
fn most_people(forecast: &Forecast, all: &[Sent], sender: usize) -> usize {
    let before = forecast.senders[sender].reached.iter().enumerate().flat_map(|(place, reached)| {
        let at = reached.at.unsigned_abs() * 1_000;
        (0..reached.people as usize).map(move |person| (at, (usize::MAX, place, person as u32)))
    });
    let audience = |sent: &Sent| (forecast.campaigns[sent.campaign].audience.into(), sent.lane, sent.seq);
    let ours = all.iter().filter(|sent| sent.sender == sender).map(|sent| (sent.at, audience(sent)));
    let reached: Vec<_> = before.chain(ours).collect();
    let within = |place: usize| {
        let of_day = reached[..=place].iter().rev().take_while(|(at, _)| at + DAY > reached[place].0);
        of_day.map(|(_, person)| *person).collect::<BTreeSet<(usize, usize, u32)>>().len()
    };
    let first = reached.len() - all.iter().filter(|sent| sent.sender == sender).count();
    (first..reached.len()).map(within).max().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_window_and_no_limit_is_ever_broken(forecast in forecast()) {
        let (all, _) = run(&forecast);
        prop_assert!(all.windows(2).all(|pair| pair[0].at <= pair[1].at));
        for sent in &all {
            let campaign = &forecast.campaigns[sent.campaign];
            let (zones, at) = (campaign.lanes[sent.lane].zones, i64::try_from(sent.at / 1_000).unwrap());
            let is_open = matches!(campaign.plan.next(zones, at), When::Open(window) if window.opens <= at);
            prop_assert!(is_open, "{sent:?}");
        }
        for (place, sender) in forecast.senders.iter().enumerate() {
            prop_assert!(keeps(sender.limits.rate, &moments(&all, |sent| sent.sender == place)));
            if let Some(cap) = sender.limits.people {
                prop_assert!(most_people(&forecast, &all, place) <= cap);
            }
        }
        for (place, campaign) in forecast.campaigns.iter().enumerate() {
            if let Some(rate) = campaign.rate {
                // Each sender has its part; all that are idle may begin at once.
                let senders: BTreeSet<usize> = campaign.lanes.iter().map(|lane| lane.sender).collect();
                let burst = u32::try_from(senders.len()).unwrap();
                let all = moments(&all, |sent| sent.campaign == place);
                let is_kept = keeps(Rate { burst, ..rate }, &all);
                prop_assert!(is_kept);
            }
        }
    }

    #[test]
    fn every_row_is_counted_once(forecast in forecast()) {
        let (all, report) = run(&forecast);
        let mut tries: BTreeMap<(usize, usize, u32), Vec<&Sent>> = BTreeMap::new();
        all.iter().for_each(|sent| tries.entry((sent.campaign, sent.lane, sent.seq)).or_default().push(sent));
        for ((campaign, lane, seq), tries) in &tries {
            let spec = &forecast.campaigns[*campaign].lanes[*lane];
            // Those that waited were tried before.
            let first = u8::from(*seq >= spec.rows);
            prop_assert!(tries.iter().zip(first..).all(|(sent, number)| sent.tries == number));
            prop_assert!(tries.iter().rev().skip(1).all(|sent| !sent.accepted), "sent twice");
        }
        for (place, campaign) in report.campaigns.iter().enumerate() {
            for (number, lane) in campaign.lanes.iter().enumerate() {
                let (counts, spec) = (lane.course.counts, &forecast.campaigns[place].lanes[number]);
                let rows = spec.rows + spec.waiting.iter().map(|waiting| waiting.rows).sum::<u32>();
                prop_assert_eq!(counts.rows, u64::from(rows));
                prop_assert_eq!(counts.sent + counts.failed + counts.expired + counts.never + counts.left, counts.rows);
                prop_assert_eq!(counts.delivered + counts.undelivered, counts.sent);
                prop_assert!(counts.read <= counts.delivered);
                let ours = |sent: &&Sent| sent.campaign == place && sent.lane == number;
                let accepted = all.iter().filter(ours).filter(|sent| sent.accepted).count();
                prop_assert_eq!(accepted as u64, counts.sent);
                prop_assert_eq!(lane.course.finished_at.is_some(), counts.never + counts.left == 0);
            }
        }
        let hours = report.hours.iter().map(|hour| hour.done.sent).sum::<u64>();
        let days: u64 = report.days.iter().map(|day| day.done.read).sum();
        prop_assert_eq!((hours, days), (report.all.counts.sent, report.all.counts.read));
        prop_assert_eq!(report.senders.iter().map(|sender| sender.tries).sum::<u64>(), all.len() as u64);
    }

    #[test]
    fn the_same_comes_out_again(forecast in forecast()) {
        prop_assert_eq!(simulate(&forecast).unwrap(), run(&forecast).1);
    }

    #[test]
    fn more_senders_are_never_later(limits in limits(), senders in 1..6_u32, rows in 0..300_u32, quiet in any::<bool>()) {
        let plan = plan(quiet.then_some(("21:00", "08:00")), None);
        let [fewer, more] = [senders, senders + 1].map(|senders| {
            let mut forecast = simple(limits, senders, rows);
            forecast.campaigns[0].plan = plan.clone();
            simulate(&forecast).unwrap().all.finished_at
        });
        prop_assert!(more.unwrap() <= fewer.unwrap());
    }

    #[test]
    fn equal_weights_stay_level(limits in limits(), rows in 1..300_u32, split in 1..4_u32) {
        let mut forecast = simple(limits, 1, rows);
        let mut other = Campaign::new("b", plan(None, None), 2);
        (0..split).for_each(|part| other.lane(0, zone("Asia/Kolkata"), rows / split + u32::from(part < rows % split)));
        forecast.campaigns.push(other);
        let mut ahead = 0_i32;
        for sent in run(&forecast).0 {
            ahead += if sent.campaign == 0 { 1 } else { -1 };
            prop_assert!(ahead.abs() <= 1, "{ahead} ahead");
        }
        prop_assert_eq!(ahead, 0);
    }
}
