//! A forecast of three days, in a process of its own.
use std::time::Instant;

use whatsapp_campaigns::{
    pacing::{Rate, SECOND},
    scheduler::Limits,
    simulate::{Campaign, Forecast, simulate},
    window::{Millis, Timing, ZoneGroup},
};

use super::{Plan, child};
use crate::storage::{
    Result, machine,
    table::{Table, count, median, or_none, quantile},
};

const SENDERS: u32 = 8;
const DAYS: u32 = 3;
/// The zones that they are spread over evenly.
const ZONES: usize = 24;
/// Monday, 11 January 2027, 06:00.
const START: Millis = 1_799_647_200_000;
const TIMES: usize = 3;

pub(super) async fn all(plan: &Plan) -> Result<Table> {
    let mut table =
        Table::new(&["simulate: recipients", "seconds", "lowest", "highest", "peak MiB", "days", "load"]);
    for people in [plan.rows / 10, plan.rows] {
        let (mut took, mut last) = (Vec::new(), child::Told::new());
        for _ in 0..TIMES {
            last = child::ask("simulate", &[&people.to_string()]).await?;
            took.push(child::of(&last, "seconds"));
        }
        table.lines.push(vec![
            count(f64::from(people)),
            format!("{:.2}", median(&took)),
            format!("{:.2}", quantile(&took, 0.0)),
            format!("{:.2}", quantile(&took, 1.0)),
            format!("{:.1}", child::of(&last, "peak")),
            format!("{:.1}", child::of(&last, "days")),
            or_none(machine::load()),
        ]);
    }
    table.notes.push(format!(
        "{SENDERS} senders, {ZONES} zones, quiet hours, a cap of different people a day, retries and receipts. Medians of {TIMES} \
         processes, each of\nwhich simulates once."
    ));
    Ok(table)
}

pub(super) fn child(people: u32) -> Result<()> {
    let forecast = forecast(people)?;
    let begun = Instant::now();
    let report = simulate(&forecast)?;
    child::tell("seconds", begun.elapsed().as_secs_f64());
    child::tell("peak", machine::peak().unwrap_or(f64::NAN));
    child::tell("days", report.eta().map_or(f64::NAN, |eta| eta as f64 / 86_400_000.0));
    Ok(())
}

/// A third of them may be written to on each day.
fn forecast(people: u32) -> Result<Forecast> {
    let mut forecast = Forecast::new(START);
    let a_day = people.div_ceil(DAYS * SENDERS);
    // All of a day's within some five hours.
    let rate = Rate::per(a_day.div_ceil(20_000) * 2, SECOND, 3);
    let limits = Limits { rate, people: Some(a_day as usize), reserve: 0.2, ..Limits::default() };
    let senders: Vec<usize> =
        (0..SENDERS).map(|number| forecast.sender(format!("line {number}"), limits)).collect();
    let plan = Timing::from_json(&format!(r#"{{"schedule":{{"type":"once","at":{START}}}}}"#))?.plan()?;
    let mut campaign = Campaign::new("large", plan, 0);
    let lanes = SENDERS * ZONES as u32;
    for lane in 0..lanes {
        let rows = people / lanes + u32::from(lane < people % lanes);
        let zones = ZoneGroup::all().nth(lane as usize % ZONES).ok_or("fewer zones than that")?;
        campaign.lane(senders[lane as usize / ZONES], zones, rows);
    }
    forecast.campaigns.push(campaign);
    Ok(forecast)
}
