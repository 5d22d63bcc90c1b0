//! Small cases that were worked out on paper.
use super::*;
use crate::pacing::WarmUp;

const HOUR: Millis = 3_600_000;

/// A day, and the five minutes by which people are counted longer.
const DAY: u64 = 86_700;

#[test]
fn rates() {
    let burst = Limits { rate: Rate { interval: SECOND, burst: 3 }, ..SIMPLE };
    let half = Limits { reserve: 0.5, ..SIMPLE };
    for (limits, senders, expected) in [
        (SIMPLE, 1, vec![0, 1, 2, 3, 4, 5]),
        (burst, 1, vec![0, 0, 0, 1, 2, 3]),
        (half, 1, vec![0, 2, 4, 6, 8, 10]),
        (SIMPLE, 2, vec![0, 0, 1, 1, 2, 2]),
        (SIMPLE, 6, vec![0; 6]),
    ] {
        let (moments, report) = seconds(&simple(limits, senders, 6));
        assert_eq!(moments, expected);
        assert_eq!(report.eta(), Some(i64::try_from(expected[5]).unwrap() * 1_000));
        assert_eq!(report.senders[0].waits.longest().len(), usize::from(expected[5] > 0));
    }
}

#[test]
fn a_campaigns_rate_is_split_over_its_senders() {
    let mut forecast = simple(SIMPLE, 1, 4);
    forecast.campaigns[0].rate = Some(Rate::per(1, 2 * SECOND, 1));
    let (moments, report) = seconds(&forecast);
    assert_eq!((moments, report.senders[0].waits.of(Wait::Campaign)), (vec![0, 2, 4, 6], 6_000));
    let mut forecast = simple(SIMPLE, 2, 4);
    forecast.dispatch.workspace_rate = Some(Rate::per(1, 2 * SECOND, 1));
    assert_eq!(seconds(&forecast).0, [0, 0, 4, 4]);
}

#[test]
fn a_cap_of_people_and_those_reached_before() {
    let limits = Limits { people: Some(4), ..SIMPLE };
    let mut forecast = simple(limits, 1, 10);
    let (moments, report) = seconds(&forecast);
    assert_eq!(moments, [0, 1, 2, 3, DAY, DAY + 1, DAY + 2, DAY + 3, 2 * DAY, 2 * DAY + 1]);
    assert_eq!(report.senders[0].waits.of(Wait::People), 2 * (i64::try_from(DAY).unwrap() - 4) * 1_000);
    assert!(matches!(report.warnings[..], [Warning::CapBinds { sender: 0, .. }]));
    let days: Vec<_> = report.senders[0].days.iter().map(|day| (day.tries, day.people, day.cap)).collect();
    assert_eq!(days, [(4, Some(4), Some(4)), (4, Some(4), Some(4)), (2, Some(2), Some(4))]);
    // Three were written to an hour before: one may be now, three in 23 hours, and the next when that one is forgotten.
    forecast.senders[0].reached = vec![Reached { at: START - HOUR, people: 3 }];
    forecast.campaigns[0].lanes[0].rows = 5;
    assert_eq!(seconds(&forecast).0, [0, DAY - 3_600, DAY - 3_599, DAY - 3_598, DAY]);
}

#[test]
fn a_warm_up_raises_the_cap_every_day() {
    let mut forecast = simple(SIMPLE, 1, 8);
    let warm_up = WarmUp { start: 1, growth: 2.0, ceiling: 100 };
    forecast.senders[0].warm_up = Some(Ramp { warm_up, began_at: START - 24 * HOUR });
    // 2 people; 4 from 24 hours on, of whom the first are forgotten five minutes later; 8 from 48 hours on.
    let day = 86_400;
    assert_eq!(seconds(&forecast).0, [0, 1, day, day + 1, DAY, DAY + 1, 2 * day, 2 * day + 1]);
}

#[test]
fn the_same_people_twice() {
    let mut forecast = simple(Limits { pair: Rate::per(1, 10 * SECOND, 1), ..SIMPLE }, 1, 2);
    let mut again = forecast.campaigns[0].clone();
    forecast.campaigns.push(again.clone());
    let (moments, report) = seconds(&forecast);
    assert_eq!(moments, [0, 1, 10, 11]);
    assert_eq!(report.senders[0].waits.of(Wait::Pair), 8_000);
    again.audience = 2;
    forecast.campaigns[1] = again;
    assert_eq!(seconds(&forecast).0, [0, 1, 2, 3]);
}

#[test]
fn quiet_hours_and_the_end() {
    let mut forecast = simple(SIMPLE, 1, 3);
    forecast.campaigns[0].plan = plan(Some(("21:00", "08:00")), None);
    let (moments, report) = seconds(&forecast);
    assert_eq!(moments, [1_800, 1_801, 1_802]);
    assert_eq!(report.senders[0].waits.of(Wait::Windows), HOUR / 2);
    // Closed from 08:00:02 on in effect: the window has two seconds, and the next one comes 23 hours later.
    let slow = Limits { rate: Rate::per(1, 1_800 * SECOND, 1), ..SIMPLE };
    let mut forecast = simple(slow, 1, 4);
    forecast.campaigns[0].plan = plan(Some(("09:00", "08:00")), None);
    let day = 86_400;
    assert_eq!(seconds(&forecast).0, [1_800, 3_600, day + 1_800, day + 3_600]);
    forecast.campaigns[0].plan = plan(Some(("09:00", "08:00")), Some(i64::try_from(day).unwrap() + 2_000));
    let (moments, report) = seconds(&forecast);
    assert_eq!(moments, [1_800, 3_600, day + 1_800]);
    assert_eq!(
        (report.all.counts.expired, report.warnings),
        (1, vec![Warning::EndsBefore { campaign: 0, rows: 1 }])
    );
    assert_eq!(report.all.finished_at, Some(START + 86_400_000 + 2_000_000));
}

#[test]
fn an_end_comes_between_two_messages() {
    let mut forecast = simple(SIMPLE, 2, 20);
    forecast.campaigns[0].plan = plan(None, Some(5));
    let (moments, report) = seconds(&forecast);
    assert_eq!(moments, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
    assert_eq!((report.all.counts.expired, report.eta()), (10, Some(5_000)));
    forecast.start += 60_000;
    let report = simulate(&forecast).unwrap();
    assert_eq!((report.all.counts.expired, report.eta()), (20, Some(0)), "it has ended");
}

#[test]
fn a_first_part_and_the_pause_behind_it() {
    let mut forecast = simple(SIMPLE, 1, 5);
    forecast.campaigns[0].canary = Some(CanaryStage::First { rows: 2, hold: 60_000 });
    let (moments, report) = seconds(&forecast);
    assert_eq!(moments, [0, 1, 61, 62, 63]);
    assert_eq!(report.campaigns[0].canary_until, Some(START + 61_000));
    assert_eq!(report.senders[0].waits.of(Wait::CanaryStage), 60_000);
    // Three rows of two senders: the slower one makes both wait. An answer takes half a second.
    let mut forecast = simple(SIMPLE, 2, 6);
    forecast.senders[1].limits.rate.interval = 7 * SECOND;
    forecast.transport.answer = Delay { from: 500, to: 500 };
    forecast.campaigns[0].canary = Some(CanaryStage::First { rows: 4, hold: 59_500 });
    let (moments, report) = seconds(&forecast);
    assert_eq!(moments, [0, 0, 1, 7, 67, 67]);
    assert_eq!(report.eta(), Some(67_500));
    forecast.campaigns[0].canary = Some(CanaryStage::Until(START + 100_000));
    assert_eq!(seconds(&forecast).0, [100, 100, 101, 102, 107, 114]);
    forecast.campaigns[0].canary = Some(CanaryStage::First { rows: 6, hold: 60_000 });
    assert_eq!(seconds(&forecast).0, [0, 0, 1, 2, 7, 14], "all of them are no first part");
}

#[test]
fn a_first_part_that_cannot_be_sent_holds_the_rest() {
    let mut forecast = simple(SIMPLE, 1, 10);
    forecast.most_days = 7;
    forecast.campaigns[0].plan = plan(Some(("14:00", "12:00")), None);
    forecast.campaigns[0].lane(0, ZoneGroup::of_phone("7916").unwrap(), 10);
    forecast.campaigns[0].canary = Some(CanaryStage::First { rows: 4, hold: 0 });
    let report = simulate(&forecast).unwrap();
    let counts = report.all.counts;
    assert_eq!((counts.sent, counts.never, counts.left, report.eta()), (2, 10, 8, None));
    let (never, stuck) =
        (Warning::NeverOpen { campaign: 0, rows: 10 }, Warning::CanaryStuck { campaign: 0, rows: 8 });
    assert_eq!(report.warnings, [never, stuck]);
}

#[test]
fn refusals() {
    let mut forecast = simple(SIMPLE, 1, 1);
    forecast.transport.retry_permille = 1_000;
    let report = simulate(&forecast).unwrap();
    let counts = report.all.counts;
    assert_eq!((counts.failed, counts.retried, report.senders[0].tries), (1, 4, 5));
    // 5, 20, 80 and 320 seconds, and up to a quarter more of each.
    assert!((425_000..=531_250).contains(&report.eta().unwrap()));
    let mut forecast = simple(SIMPLE, 1, 60);
    forecast.transport.failed_permille = 1_000;
    let report = simulate(&forecast).unwrap();
    assert_eq!((report.all.counts.failed, report.eta()), (60, Some(59_000)));
    assert_eq!(
        report.warnings,
        [Warning::ManyFail { campaign: 0, permille: 1_000, limit_permille: 100, window_minutes: 60 }]
    );
}

#[test]
fn rows_that_wait_go_when_their_time_has_come() {
    let mut forecast = simple(SIMPLE, 1, 2);
    forecast.campaigns[0].lanes[0].waiting =
        vec![Waiting { at: START + 50_000, rows: 2 }, Waiting { at: START - HOUR, rows: 1 }];
    let (moments, report) = seconds(&forecast);
    assert_eq!((moments, report.all.counts.rows), (vec![0, 1, 2, 50, 51], 5));
    assert_eq!(report.senders[0].waits.of(Wait::Retries), 48_000);
}

#[test]
fn what_the_service_says() {
    let at = |seconds: i64, what| vec![Incident { at: START + seconds * 1_000, sender: None, what }];
    let mut forecast = simple(SIMPLE, 1, 5);
    forecast.transport.incidents = at(0, Trouble::SlowDown);
    assert_eq!(seconds(&forecast).0, [0, 2, 4, 6, 8]);
    forecast.transport.incidents = at(2, Trouble::Stop { until: Some(START + 90_000) });
    let (moments, report) = seconds(&forecast);
    assert_eq!((moments, report.senders[0].stopped), (vec![0, 1, 90, 91, 92], false));
    forecast.transport.incidents = at(2, Trouble::Stop { until: None });
    let (moments, report) = seconds(&forecast);
    assert_eq!((moments, report.all.counts.left, report.eta()), (vec![0, 1], 3, None));
    assert_eq!(report.warnings, [Warning::Stopped { sender: 0 }]);
}

#[test]
fn answers_that_take_long() {
    let mut forecast = simple(SIMPLE, 1, 5);
    forecast.transport.answer = Delay { from: 3_000, to: 3_000 };
    forecast.dispatch.in_flight = 1;
    let (moments, report) = seconds(&forecast);
    assert_eq!((moments, report.eta()), (vec![0, 3, 6, 9, 12], Some(15_000)));
    assert_eq!(report.senders[0].waits.of(Wait::Answers), 15_000);
}

#[test]
fn it_is_given_up_after_a_time() {
    let mut forecast = simple(Limits { people: Some(1), ..SIMPLE }, 1, 20);
    forecast.most_days = 10;
    let report = simulate(&forecast).unwrap();
    assert_eq!((report.all.counts.sent, report.all.counts.left, report.eta()), (10, 10, None));
    assert!(report.warnings.contains(&Warning::TooLong { campaign: 0, rows: 10, days: 10 }));
    forecast.senders[0].limits.people = Some(0);
    assert_eq!(simulate(&forecast).unwrap().all.counts.left, 20, "a cap of nobody");
}

#[test]
fn two_weights() {
    let mut forecast = simple(SIMPLE, 1, 30);
    let mut other = Campaign::new("other", plan(None, None), 2);
    other.weight = 2;
    other.lane(0, zone("Asia/Tokyo"), 60);
    forecast.campaigns.push(other);
    let report = simulate(&forecast).unwrap();
    let last = [0, 1].map(|place| (report.campaigns[place].course.last_sent_at.unwrap() - START) / 1_000);
    assert!(last.iter().all(|last| (87..90).contains(last)), "both end together: {last:?}");
}
