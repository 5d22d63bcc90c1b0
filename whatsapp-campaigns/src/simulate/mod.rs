//! What will happen, before it does: the scheduler that really sends, under a clock that does not wait.
//!
//! A [`Forecast`] says who sends what to how many, and what is believed of the network. [`simulate`] gives it to one
//! [`Scheduler`](crate::scheduler::Scheduler) for each sender, leases rows in windows as the runner does, and lets the time jump
//! from one moment to the next. What comes out is a [`Report`]: when it is over, what it waits for, what it costs. It is the dry
//! run before the start; with the rows that are left, it is the ETA.
//!
//! Nothing is read, nothing is random: the same forecast gives the same report. Memory does not grow with the audience, but with
//! those who wait to be tried again, and with the people that a cap has to remember.
//!
//! ```
//! use whatsapp_campaigns::{
//!     pacing::{Rate, SECOND},
//!     scheduler::Limits,
//!     simulate::{Campaign, Forecast, Money, Prices, Transport, Wait, simulate},
//!     window::{Timing, ZoneGroup},
//! };
//!
//! // Monday, 07:30 in Berlin.
//! let start = 1_800_253_800_000;
//! let timing = Timing::from_json(&format!(r#"{{"schedule": {{"type": "once", "at": {start}}}}}"#))?;
//! let mut forecast = Forecast::new(start);
//! forecast.transport = Transport::perfect();
//! forecast.prices = Some(Prices::flat("EUR", "0.1131".parse()?));
//! let rate = Rate::per(1, 6 * SECOND, 1);
//! let shop = forecast.sender("shop", Limits { rate, reserve: 0.0, ..Limits::default() });
//! let mut news = Campaign::new("news", timing.plan()?, 1);
//! news.lane(shop, ZoneGroup::of_zone("Europe/Berlin").ok_or("a zone")?, 601);
//! forecast.campaigns.push(news);
//!
//! let report = simulate(&forecast)?;
//! // Half an hour until quiet hours are over, then one message in six seconds.
//! assert_eq!(report.eta(), Some((30 + 60) * 60_000));
//! assert_eq!(report.senders[0].waits.of(Wait::Windows), 30 * 60_000);
//! assert_eq!(report.cost.ok_or("a price")?.total.to_string(), "67.9731");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How exact it is
//!
//! Leases, rates, caps, the turns of campaigns and the windows are those of the runner that has the same
//! [`Dispatch`](crate::dispatch::Dispatch), to the microsecond. A test simulates campaigns, runs them, and finds end, rate and counts
//! within 2 %. Not simulated: the runner's [tick](crate::dispatch::Dispatch::tick); replies of people and bots, beyond the reserve
//! that is kept for them; a comparison of variants; a pause that a person or the campaign itself makes; and that a sender's
//! part of the workspace's rate grows once other campaigns are over.
mod budget;
mod cost;
mod forecast;
mod lane;
mod message;
mod prices;
mod print;
mod queue;
mod report;
mod run;
mod sender;
mod tally;
#[cfg(test)]
mod tests;
mod transport;
mod warnings;

pub use self::{
    budget::Budget,
    forecast::{
        Campaign, CanaryStage, Country, Forecast, ForecastError, Lane, Ramp, Reached, SimulatedSender,
        Waiting,
    },
    prices::{Money, NoMoney, Price, Prices},
    report::{
        CampaignReport, CategoryCost, Cost, CostLine, Counts, Course, Day, Done, Hour, LaneReport, Report,
        SenderDay, SenderReport, Wait, Waits,
    },
    transport::{Delay, Incident, Transport, Trouble},
    warnings::Warning,
};
use crate::pacing::Micros;

/// A message that is handed over. Places are those in the forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When.
    pub at: Micros,
    /// By whom.
    pub sender: usize,
    /// Of which campaign.
    pub campaign: usize,
    /// Of which lane.
    pub lane: usize,
    /// Which row, from 0.
    pub seq: u32,
    /// How often it was tried before.
    pub tries: u8,
    /// The server takes it.
    pub accepted: bool,
}

/// What will happen.
///
/// # Errors
/// When the forecast cannot be simulated.
pub fn simulate(forecast: &Forecast) -> Result<Report, ForecastError> {
    simulate_with(forecast, |_| {})
}

/// What will happen; tells of each message, in the order of time.
///
/// # Errors
/// When the forecast cannot be simulated.
pub fn simulate_with(forecast: &Forecast, mut see: impl FnMut(&Sent)) -> Result<Report, ForecastError> {
    let mut world = run::World::new(forecast, Budget::default())?;
    world.run(&mut see);
    world.report()
}

/// What will happen, as far as a budget reaches.
///
/// # Errors
/// When the forecast cannot be simulated.
pub fn simulate_within(forecast: &Forecast, budget: Budget<'_>) -> Result<Report, ForecastError> {
    let mut world = run::World::new(forecast, budget)?;
    world.run(&mut |_| {});
    world.report()
}

/// What becomes of a try of the first campaign's row, and after which time: for a test that plays the network.
#[cfg(test)]
pub(crate) fn answer(
    transport: &Transport,
    lane: u16,
    seq: u32,
    tries: u8,
) -> (Option<crate::outcome::Code>, Micros) {
    let mut dice = transport::Dice::new(0, 0, lane, seq, tries);
    let refusal = transport.refusal(&mut dice);
    (refusal, transport.answer.draw(&mut dice))
}
