//! Simulates a campaign to so many recipients over three days: eight senders, 24 zones, caps, retries, receipts and a price list.
//! Prints the report, the time and the memory it took.
//!
//! ```text
//! cargo run --release --example simulate -- 1000000
//! ```
#![allow(clippy::print_stdout, reason = "its output")]
use std::{env, error::Error, fs, time::Instant};

use whatsapp_campaigns::{
    content::Category,
    pacing::{Rate, SECOND},
    scheduler::Limits,
    simulate::{Campaign, CanaryStage, Country, Forecast, Prices, simulate},
    window::{Timing, ZoneGroup},
};

const SENDERS: u32 = 8;
const ZONES: usize = 24;
/// Monday, 11 January 2027, 06:00.
const START: i64 = 1_799_647_200_000;

/// Two campaigns, the second with a third of the recipients and twice the weight; a third of all is sent on each day.
fn forecast(recipients: u32) -> Result<Forecast, Box<dyn Error>> {
    let mut forecast = Forecast::new(START);
    let a_day = recipients.div_ceil(3 * SENDERS);
    let rate = Rate::per((a_day / 20_000).max(1) * 2, SECOND, 3);
    let limits = Limits { rate, people: Some(a_day as usize), reserve: 0.2, ..Limits::default() };
    let senders: Vec<usize> =
        (1..=SENDERS).map(|number| forecast.sender(format!("line {number}"), limits)).collect();
    let zones: Vec<ZoneGroup> = ZoneGroup::all().take(ZONES).collect();
    let plan = Timing::from_json(&format!(r#"{{"schedule":{{"type":"once","at":{START}}}}}"#))?.plan()?;
    for (place, (category, share)) in
        [(Category::Marketing, recipients - recipients / 3), (Category::Utility, recipients / 3)]
            .into_iter()
            .enumerate()
    {
        let mut campaign =
            Campaign::new(format!("{category:?}").to_lowercase(), plan.clone(), u16::try_from(place)?);
        campaign.category = category;
        campaign.weight = u32::try_from(place)? + 1;
        campaign.canary =
            Some(CanaryStage::First { rows: u64::from(share / 100).max(100), hold: 15 * 60_000 });
        let lanes = SENDERS * u32::try_from(ZONES)?;
        for number in 0..lanes {
            let upto = |number: u32| u64::from(share) * u64::from(number) / u64::from(lanes);
            let rows = u32::try_from(upto(number + 1) - upto(number))?;
            let zone = zones[number as usize % ZONES];
            campaign.lane(senders[number as usize / ZONES], zone, rows);
            if let Some(lane) = campaign.lanes.last_mut() {
                lane.countries = vec![Country { prefix: "49".to_owned(), rows: rows / 2 }];
            }
        }
        forecast.campaigns.push(campaign);
    }
    forecast.prices = Some(Prices::from_json(
        r#"{"currency":"EUR","prices":[{"each":"0.0425"},{"prefix":"49","each":"0.1131"}]}"#,
    )?);
    forecast.excluded = [("duplicate".to_owned(), 12_345), ("suppressed".to_owned(), 678)].into();
    Ok(forecast)
}

/// A line of `/proc/self/status`, where there is one.
fn memory(name: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or(": unknown").trim_start_matches(':').trim().to_owned()
}

fn main() -> Result<(), Box<dyn Error>> {
    let recipients = env::args().nth(1).map_or(Ok(1_000_000), |recipients| recipients.parse())?;
    let forecast = forecast(recipients)?;
    let begun = Instant::now();
    let report = simulate(&forecast)?;
    let took = begun.elapsed();
    println!("{report}");
    println!(
        "{recipients} recipients simulated in {:.2} s, peak memory {}",
        took.as_secs_f64(),
        memory("VmHWM")
    );
    Ok(())
}
