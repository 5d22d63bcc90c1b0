//! Whoever feeds the scheduler by hand gets the same moments.
use proptest::prelude::*;

use super::*;
use crate::{
    pacing::UniqueCap,
    scheduler::{Next, QueuedRow, Scheduler},
    window::When,
};

/// All that a scheduler sends before a time, and when it would go on.
fn send(scheduler: &mut Scheduler, mut now: u64, end: u64, sent: &mut Vec<(u64, u64)>) {
    loop {
        match scheduler.next(now) {
            Next::Send { queue, .. } => sent.push((now, queue)),
            Next::Wait(at) if at < end => now = at,
            _ => return,
        }
    }
}

fn rows(audience: u64, rows: u32) -> impl Iterator<Item = QueuedRow> {
    (0..rows).map(move |seq| QueuedRow { seq, person: audience << 32 | u64::from(seq) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn two_campaigns_at_once(
        interval in 1_000..90_000_000_u64,
        burst in 1..5_u32,
        cap in prop::option::of(3..80_usize),
        reserve in 0..9_u32,
        weights in (1..5_u32, 1..5_u32),
        rate in prop::option::of(1_000..200_000_000_u64),
        counts in (0..400_u32, 0..400_u32),
    ) {
        let limits = Limits {
            rate: Rate { interval, burst },
            people: cap,
            reserve: f64::from(reserve) / 10.0,
            ..SIMPLE
        };
        let mut forecast = simple(limits, 1, counts.0);
        let mut other = forecast.campaigns[0].clone();
        forecast.campaigns[0].weight = weights.0;
        (other.weight, other.audience, other.lanes[0].rows) = (weights.1, 2, counts.1);
        other.rate = rate.map(|interval| Rate { interval, burst: 1 });
        let mut hand = Scheduler::new(limits, UniqueCap::default());
        hand.open(0, weights.0, None);
        hand.open(1, weights.1, other.rate);
        forecast.campaigns.push(other);
        hand.offer(0, rows(1, counts.0));
        hand.offer(1, rows(2, counts.1));
        let mut by_hand = Vec::new();
        send(&mut hand, START.unsigned_abs() * 1_000, u64::MAX, &mut by_hand);
        let mut simulated = Vec::new();
        simulate_with(&forecast, |sent| simulated.push((sent.at, sent.campaign as u64))).unwrap();
        prop_assert_eq!(simulated, by_hand);
    }

    #[test]
    fn one_lane_with_quiet_hours(
        interval in 1..7_000_u64,
        burst in 1..4_u32,
        cap in prop::option::of(5..60_usize),
        count in 1..150_u32,
        from in 0..24_u32,
        hours in 1..24_u32,
    ) {
        let limits = Limits { rate: Rate { interval: interval * SECOND, burst }, people: cap, ..SIMPLE };
        let mut forecast = simple(limits, 1, count);
        let quiet = [from, (from + hours) % 24].map(|hour| format!("{hour:02}:00"));
        let plan = plan(Some((&quiet[0], &quiet[1])), None);
        forecast.campaigns[0].plan = plan.clone();
        let (mut hand, mut by_hand) = (Scheduler::new(limits, UniqueCap::default()), Vec::new());
        hand.open(0, 1, None);
        let (mut left, mut now): (Vec<QueuedRow>, _) = (rows(1, count).collect(), START);
        while !left.is_empty() {
            let When::Open(window) = plan.next(zone("Europe/Berlin"), now) else { unreachable!() };
            hand.offer(0, left);
            let micros = |at: Millis| at.unsigned_abs() * 1_000;
            send(&mut hand, micros(window.opens), micros(window.closes), &mut by_hand);
            left = hand.take_out(0);
            now = window.closes;
        }
        let mut simulated = Vec::new();
        simulate_with(&forecast, |sent| simulated.push((sent.at, sent.campaign as u64))).unwrap();
        prop_assert_eq!(simulated, by_hand);
    }
}
