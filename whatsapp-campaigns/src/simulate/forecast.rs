//! What is to be simulated.
use std::collections::BTreeMap;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use super::{prices::Prices, transport::Transport};
use crate::{
    content::Category,
    dispatch::Dispatch,
    model::AutoPause,
    pacing::{DAY, Micros, Rate, WarmUp},
    scheduler::Limits,
    window::{Millis, Plan, ZoneGroup},
};

/// Lanes of a campaign, at most.
const MOST_LANES: usize = 4_096;
/// Campaigns and senders, at most.
const MOST: usize = 1_000;
/// Until then the calendar surely reaches: the year 3000.
const LATEST: Millis = 32_503_680_000_000;

/// What is to be simulated: who sends what to how many, and what is believed of the network.
///
/// For a dry run, `start` is now and the lanes have all their rows. For an ETA, the lanes have the rows that are left.
#[derive(Clone, Debug)]
pub struct Forecast {
    /// Now, milliseconds since the Unix epoch.
    pub start: Millis,
    /// By whose clock the report has its days, such as `Europe/Berlin`; `None` for UTC.
    pub zone: Option<String>,
    /// Who sends.
    pub senders: Vec<SimulatedSender>,
    /// What they send.
    pub campaigns: Vec<Campaign>,
    /// How the runner leases rows and hands messages over.
    pub dispatch: Dispatch,
    /// Rows that are not part of any audience, by reason: they only stand in the report.
    pub excluded: BTreeMap<String, u64>,
    /// What the network does.
    pub transport: Transport,
    /// What a message costs.
    pub prices: Option<Prices>,
    /// The same forecast with the same seed gives the same report.
    pub seed: u64,
    /// It is given up after so many days.
    pub most_days: u32,
}

/// An account that sends.
#[derive(Clone, Debug)]
pub struct SimulatedSender {
    /// For the report.
    pub name: String,
    /// Its limits.
    pub limits: Limits,
    /// If it is new: its cap is the lower one of this day's and that of the limits.
    pub warm_up: Option<Ramp>,
    /// Different people whom it wrote to in the 24 hours before the start: when, and how many.
    pub reached: Vec<Reached>,
}

/// A warm-up that is under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ramp {
    /// How it grows, every 24 hours.
    pub warm_up: WarmUp,
    /// When it began, milliseconds since the Unix epoch.
    pub began_at: Millis,
}

/// People who were written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// When, milliseconds since the Unix epoch.
    pub at: Millis,
    /// How many of them.
    pub people: u32,
}

/// What is sent.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// For the report.
    pub name: String,
    /// Its turns, compared with other campaigns of the same sender; at least 1.
    pub weight: u32,
    /// Its own rate, over all its senders; each has an equal part.
    pub rate: Option<Rate>,
    /// When it is sent. Of a recurring one: [`Plan::run`].
    pub plan: Plan,
    /// A first part and a pause; `None` for none.
    pub canary: Option<CanaryStage>,
    /// When it pauses by itself. That is not simulated; a warning says when it would.
    pub auto_pause: AutoPause,
    /// What kind of message it is, for the price.
    pub category: Category,
    /// Campaigns with the same number write to the same people, lane by lane and row by row; below 60,000.
    pub audience: u16,
    /// Its rows.
    pub lanes: Vec<Lane>,
}

/// Where the first part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CanaryStage {
    /// So many rows go first. Once all of them have an answer, nothing goes for a while.
    First {
        /// How many, of all lanes together.
        rows: u64,
        /// How long nothing goes, milliseconds.
        hold: Millis,
    },
    /// The first part was sent: the others go from then on, milliseconds since the Unix epoch.
    Until(Millis),
}

/// Rows of one sender for the clocks of one group.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Its place in [`Forecast::senders`].
    pub sender: usize,
    /// The recipients' clocks.
    pub zones: ZoneGroup,
    /// Rows that were never tried.
    pub rows: u32,
    /// Rows that were tried, and wait to be tried again.
    pub waiting: Vec<Waiting>,
    /// Where they live, for the price. Those not named here live somewhere else.
    pub countries: Vec<Country>,
}

/// Rows that wait to be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// From when on, milliseconds since the Unix epoch.
    pub at: Millis,
    /// How many.
    pub rows: u32,
}

/// People of one country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Country {
    /// What their numbers begin with, such as `49`.
    pub prefix: String,
    /// How many they are.
    pub rows: u32,
}

/// Why something cannot be simulated. Places are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForecastError {
    /// The start.
    #[error("start: a time in milliseconds since 1970 and before the year 3000 is needed")]
    Start,
    /// The zone.
    #[error("zone: no such time zone; they are called like `Europe/Berlin`")]
    Zone,
    /// Too many parts.
    #[error("at most {MOST} senders, {MOST} campaigns and {MOST_LANES} lanes in each can be simulated")]
    TooMany,
    /// A lane without sender.
    #[error("campaigns[{campaign}].lanes[{lane}].sender: no such place among the senders")]
    Sender {
        /// Of which campaign.
        campaign: usize,
        /// Which lane.
        lane: usize,
    },
    /// More rows than a lane can have.
    #[error("campaigns[{campaign}].lanes[{lane}]: it has more than 16,777,215 rows; spread them over more")]
    Rows {
        /// Of which campaign.
        campaign: usize,
        /// Which lane.
        lane: usize,
    },
    /// More people in countries than rows.
    #[error("campaigns[{campaign}].lanes[{lane}].countries: they have more rows than the lane")]
    Countries {
        /// Of which campaign.
        campaign: usize,
        /// Which lane.
        lane: usize,
    },
    /// A plan with runs.
    #[error("campaigns[{campaign}].plan: it has runs; simulate one of them")]
    Recurring {
        /// Which campaign.
        campaign: usize,
    },
    /// A number for the audience that is taken.
    #[error("campaigns[{campaign}].audience: a number below 60,000 is needed")]
    Audience {
        /// Which campaign.
        campaign: usize,
    },
    /// The network.
    #[error("transport.{0}")]
    Transport(&'static str),
}

impl Forecast {
    /// Nothing to send yet, from `start` on: UTC, the usual transport, no prices, given up after a year.
    pub fn new(start: Millis) -> Self {
        Self {
            start,
            zone: None,
            senders: Vec::new(),
            campaigns: Vec::new(),
            dispatch: Dispatch::default(),
            excluded: BTreeMap::new(),
            transport: Transport::default(),
            prices: None,
            seed: 0,
            most_days: 366,
        }
    }

    /// Adds a sender; gives its place.
    pub fn sender(&mut self, name: impl Into<String>, limits: Limits) -> usize {
        self.senders.push(SimulatedSender { name: name.into(), limits, warm_up: None, reached: Vec::new() });
        self.senders.len() - 1
    }

    /// Can it be simulated?
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(&self) -> Result<(), ForecastError> {
        if !(0..LATEST).contains(&self.start) {
            return Err(ForecastError::Start);
        }
        self.clock()?;
        self.transport.check(self.senders.len())?;
        let lanes = self.campaigns.iter().map(|campaign| campaign.lanes.len()).max().unwrap_or_default();
        if self.senders.len() > MOST || self.campaigns.len() > MOST || lanes > MOST_LANES {
            return Err(ForecastError::TooMany);
        }
        for (place, campaign) in self.campaigns.iter().enumerate() {
            campaign.check(place, self.senders.len())?;
        }
        Ok(())
    }

    /// The clock by which the report has its days.
    pub(super) fn clock(&self) -> Result<TimeZone, ForecastError> {
        let Some(name) = &self.zone else { return Ok(TimeZone::UTC) };
        TimeZoneDatabase::bundled().get(name).map_err(|_| ForecastError::Zone)
    }

    /// When it is given up.
    pub(super) fn horizon(&self) -> Micros {
        micros(self.start) + u64::from(self.most_days) * DAY
    }
}

impl SimulatedSender {
    /// It wrote to so many different people in the last 24 hours, and nobody knows when: they are spread over that time.
    #[must_use]
    pub fn with_reached(mut self, people: u32, start: Millis) -> Self {
        let parts = 24_u32;
        self.reached = (0..parts)
            .map(|hour| Reached {
                at: start - Millis::from(parts - hour) * 3_600_000,
                people: people / parts + u32::from(hour < people % parts),
            })
            .collect();
        self
    }

    /// The cap at a time.
    pub(super) fn cap(&self, at: Micros) -> Option<usize> {
        let ramp = self.warm_up.map(|ramp| ramp.warm_up.cap(ramp.day(at)) as usize);
        match (self.limits.people, ramp) {
            (Some(cap), Some(ramp)) => Some(cap.min(ramp)),
            (cap, ramp) => cap.or(ramp),
        }
    }
}

impl Ramp {
    /// Which day a time is in; the first is 0.
    fn day(self, at: Micros) -> u32 {
        u32::try_from(at.saturating_sub(micros(self.began_at)) / DAY).unwrap_or(u32::MAX)
    }

    /// When the next day begins after a time.
    pub(super) fn next_day(self, at: Micros) -> Micros {
        micros(self.began_at) + (u64::from(self.day(at)) + 1) * DAY
    }
}

impl Campaign {
    /// One that is sent by a plan: weight 1, no rate of its own, no canary, marketing, an audience of its own.
    pub fn new(name: impl Into<String>, plan: Plan, audience: u16) -> Self {
        Self {
            name: name.into(),
            weight: 1,
            rate: None,
            plan,
            canary: None,
            auto_pause: AutoPause::default(),
            category: Category::Marketing,
            audience,
            lanes: Vec::new(),
        }
    }

    /// Adds rows of a sender.
    pub fn lane(&mut self, sender: usize, zones: ZoneGroup, rows: u32) {
        self.lanes.push(Lane { sender, zones, rows, waiting: Vec::new(), countries: Vec::new() });
    }

    fn check(&self, campaign: usize, senders: usize) -> Result<(), ForecastError> {
        if self.plan.is_recurring() {
            return Err(ForecastError::Recurring { campaign });
        }
        if self.audience >= 60_000 {
            return Err(ForecastError::Audience { campaign });
        }
        for (lane, spec) in self.lanes.iter().enumerate() {
            if spec.sender >= senders {
                return Err(ForecastError::Sender { campaign, lane });
            }
            if spec.all_rows() >= 1 << 24 {
                return Err(ForecastError::Rows { campaign, lane });
            }
            if spec.countries.iter().map(|country| u64::from(country.rows)).sum::<u64>() > spec.all_rows() {
                return Err(ForecastError::Countries { campaign, lane });
            }
        }
        Ok(())
    }
}

impl Lane {
    /// Rows that were never tried and those that wait.
    pub(super) fn all_rows(&self) -> u64 {
        u64::from(self.rows) + self.waiting.iter().map(|waiting| u64::from(waiting.rows)).sum::<u64>()
    }
}

/// Of milliseconds; 0 before 1970.
pub(super) fn micros(at: Millis) -> Micros {
    Micros::try_from(at).unwrap_or_default().saturating_mul(1_000)
}

/// To milliseconds, rounded up: not before its time.
pub(super) fn millis(at: Micros) -> Millis {
    Millis::try_from(at.div_ceil(1_000)).unwrap_or(Millis::MAX)
}
