//! Whole forecasts.
mod by_hand;
mod cases;
mod inputs;
mod properties;

use super::*;
use crate::{
    pacing::{Rate, SECOND},
    scheduler::Limits,
    window::{Millis, Plan, Timing, ZoneGroup},
};

/// Monday, 11 January 2027, 06:30 of UTC: in Berlin, quiet hours are over in half an hour.
const START: Millis = 1_799_649_000_000;

/// One message a second, and no other limit that matters.
const SIMPLE: Limits = Limits {
    rate: Rate { interval: SECOND, burst: 1 },
    pair: Rate { interval: SECOND, burst: 1 },
    people: None,
    reserve: 0.0,
};

fn zone(name: &str) -> ZoneGroup {
    ZoneGroup::of_zone(name).unwrap()
}

/// Sent from the start on, with or without quiet hours, up to an end in seconds from the start.
fn plan(quiet: Option<(&str, &str)>, ends: Option<i64>) -> Plan {
    let quiet = quiet.map_or("null".to_owned(), |(from, to)| format!(r#"{{"from":"{from}","to":"{to}"}}"#));
    let ends = ends.map_or("null".to_owned(), |seconds| (START + seconds * 1_000).to_string());
    let json =
        format!(r#"{{"schedule":{{"type":"once","at":{START}}},"quietHours":{quiet},"endsAt":{ends}}}"#);
    Timing::from_json(&json).unwrap().plan().unwrap()
}

/// So many rows of one campaign, split over senders of one kind.
fn simple(limits: Limits, senders: u32, rows: u32) -> Forecast {
    let mut forecast = Forecast::new(START);
    forecast.transport = Transport::perfect();
    let mut campaign = Campaign::new("news", plan(None, None), 1);
    for number in 0..senders {
        let sender = forecast.sender(format!("s{number}"), limits);
        campaign.lane(sender, zone("Europe/Berlin"), rows / senders + u32::from(number < rows % senders));
    }
    forecast.campaigns.push(campaign);
    forecast
}

/// When messages were taken, in seconds from the start, and what came out.
fn seconds(forecast: &Forecast) -> (Vec<u64>, Report) {
    let mut moments = Vec::new();
    let report = simulate_with(forecast, |sent| {
        if sent.accepted {
            moments.push((sent.at - START.unsigned_abs() * 1_000) / SECOND);
        }
    })
    .unwrap();
    (moments, report)
}
