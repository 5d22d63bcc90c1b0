//! All senders together, in the order of time.
use std::collections::BTreeSet;

use super::{
    budget::Budget,
    cost::{Mix, cost},
    forecast::{CanaryStage, Forecast, ForecastError, micros, millis},
    lane::{Gate, Lane},
    report::{CampaignReport, Counts, Course, LaneReport, Report, SenderDay, SenderReport},
    sender::{See, SenderRun},
    tally::{Calendar, Tally},
    warnings::warnings,
};
use crate::pacing::{Micros, Rate};

/// What all senders have in common.
#[derive(Debug)]
pub(super) struct Shared<'b> {
    /// By campaign.
    pub(super) gates: Vec<Gate>,
    /// What each sender of a campaign may take of its rate.
    pub(super) rates: Vec<Option<Rate>>,
    /// Campaigns whose first part was done a moment ago.
    pub(super) opened: Vec<usize>,
    pub(super) tally: Tally,
    pub(super) budget: Budget<'b>,
}

impl<'b> Shared<'b> {
    fn new(forecast: &Forecast, budget: Budget<'b>) -> Self {
        let all = senders(forecast.campaigns.iter().flat_map(|campaign| &campaign.lanes));
        let rates = forecast
            .campaigns
            .iter()
            .map(|campaign| forecast.dispatch.share(campaign.rate, senders(&campaign.lanes), all));
        Self {
            gates: forecast
                .campaigns
                .iter()
                .map(|campaign| gate(campaign.canary, first_rows(campaign)))
                .collect(),
            rates: rates.collect(),
            opened: Vec::new(),
            tally: Tally::new(forecast.start),
            budget,
        }
    }

    /// A row of a campaign's first part has an answer.
    pub(super) fn answered_first(&mut self, campaign: usize, at: Micros) {
        if let Gate::First(left, hold) = &mut self.gates[campaign] {
            *left -= 1;
            if *left == 0 {
                self.gates[campaign] = Gate::Until(at + *hold);
                self.opened.push(campaign);
            }
        }
    }
}

/// How many senders the lanes have.
fn senders<'a>(lanes: impl IntoIterator<Item = &'a super::forecast::Lane>) -> usize {
    lanes.into_iter().map(|lane| lane.sender).collect::<BTreeSet<_>>().len()
}

/// How many rows of a campaign go first; 0 when all may go.
fn first_rows(campaign: &super::forecast::Campaign) -> u64 {
    let all: u64 = campaign.lanes.iter().map(|lane| u64::from(lane.rows)).sum();
    match campaign.canary {
        Some(CanaryStage::First { rows, .. }) if rows < all => rows,
        _ => 0,
    }
}

fn gate(canary: Option<CanaryStage>, first: u64) -> Gate {
    match canary {
        Some(CanaryStage::First { hold, .. }) if first > 0 => Gate::First(first, micros(hold)),
        Some(CanaryStage::Until(at)) => Gate::Until(micros(at)),
        _ => Gate::Until(0),
    }
}

/// A forecast on its way.
#[derive(Debug)]
pub(super) struct World<'a> {
    forecast: &'a Forecast,
    pub(super) lines: Vec<SenderRun<'a>>,
    shared: Shared<'a>,
    /// Sender and place of each lane of each campaign.
    places: Vec<Vec<(usize, usize)>>,
    /// How far it came before the budget was spent.
    simulated_until: Option<Micros>,
}

impl<'a> World<'a> {
    pub(super) fn new(forecast: &'a Forecast, budget: Budget<'a>) -> Result<Self, ForecastError> {
        forecast.check()?;
        let calendar = Calendar::new(forecast.clock()?);
        let lines =
            (0..forecast.senders.len()).map(|place| SenderRun::new(forecast, place, calendar.clone()));
        let shared = Shared::new(forecast, budget);
        let mut world =
            Self { forecast, lines: lines.collect(), shared, places: Vec::new(), simulated_until: None };
        for campaign in 0..forecast.campaigns.len() {
            world.open(campaign);
        }
        Ok(world)
    }

    /// Gives each sender its lanes of a campaign.
    fn open(&mut self, campaign: usize) {
        let (spec, start) = (&self.forecast.campaigns[campaign], micros(self.forecast.start));
        let all: u64 = spec.lanes.iter().map(|lane| u64::from(lane.rows)).sum();
        // As the real lanes are cut: shares that add up.
        let first = u128::from(first_rows(spec));
        let part = |before: u64| (first * u128::from(before)).div_ceil(u128::from(all.max(1))).min(first);
        let (mut before, mut places) = (0, vec![(0, 0); spec.lanes.len()]);
        let mut lanes: Vec<Vec<Lane>> = self.lines.iter().map(|_| Vec::new()).collect();
        for (number, lane) in spec.lanes.iter().enumerate() {
            let rows = u64::from(lane.rows);
            let first = u32::try_from(part(before + rows) - part(before)).unwrap_or(u32::MAX);
            before += rows;
            let mix = Mix::new(&lane.countries, lane.all_rows());
            places[number] = (lane.sender, self.lines[lane.sender].lanes.len() + lanes[lane.sender].len());
            let number = u16::try_from(number).unwrap_or(u16::MAX);
            lanes[lane.sender].push(Lane::new(number, lane, first, mix, start));
        }
        for (line, lanes) in self.lines.iter_mut().zip(lanes).filter(|(_, lanes)| !lanes.is_empty()) {
            line.open(campaign, lanes, &self.shared);
        }
        self.places.push(places);
    }

    /// From the first moment to the last, or until it takes too long.
    pub(super) fn run(&mut self, see: &mut See<'_>) {
        let horizon = self.forecast.horizon();
        while !self.shared.budget.is_spent()
            && let Some((place, until)) =
                self.next().filter(|(place, _)| self.lines[*place].wake <= Some(horizon))
        {
            self.lines[place].run(until.min(horizon), &mut self.shared, see);
            for campaign in std::mem::take(&mut self.shared.opened) {
                let Some(at) = self.shared.gates[campaign].opens() else { continue };
                self.lines.iter_mut().for_each(|line| line.opens(campaign, at));
            }
        }
        self.simulated_until = self
            .shared
            .budget
            .is_spent()
            .then(|| self.next().map(|(place, _)| self.lines[place].wake))
            .flatten()
            .flatten();
        self.lines.iter_mut().for_each(|line| line.end(&mut self.shared));
    }

    /// The sender that is next, and when another one is.
    fn next(&self) -> Option<(usize, Micros)> {
        let (mut first, mut second) = (None, Micros::MAX);
        for (place, line) in self.lines.iter().enumerate() {
            let Some(at) = line.wake else { continue };
            match first {
                Some((_, earliest)) if at >= earliest => second = second.min(at),
                _ => {
                    second = first.map_or(second, |(_, former)| former);
                    first = Some((place, at));
                }
            }
        }
        first.map(|(place, _)| (place, second))
    }

    /// A campaign's lanes, in its order.
    pub(super) fn lanes(&self, campaign: usize) -> impl Iterator<Item = &Lane> {
        self.places[campaign].iter().map(|(line, place)| &self.lines[*line].lanes[*place])
    }

    pub(super) fn report(&self) -> Result<Report, ForecastError> {
        let campaigns: Vec<CampaignReport> =
            (0..self.places.len()).map(|place| self.campaign(place)).collect();
        let (days, hours) = self.shared.tally.tables(&self.forecast.clock()?);
        let mut report = Report {
            start: self.forecast.start,
            all: total(campaigns.iter().map(|campaign| &campaign.course)),
            campaigns,
            senders: self
                .lines
                .iter()
                .zip(&self.forecast.senders)
                .map(|(line, of)| sender(&of.name, line))
                .collect(),
            days,
            hours,
            excluded: self.forecast.excluded.clone(),
            cost: cost(self.forecast, self),
            simulated_until: self.simulated_until.map(millis),
            warnings: Vec::new(),
        };
        report.warnings = warnings(self.forecast, &report);
        Ok(report)
    }

    fn campaign(&self, place: usize) -> CampaignReport {
        let spec = &self.forecast.campaigns[place];
        let lane = |lane: &Lane| LaneReport {
            sender: lane.spec().sender,
            zones: lane.spec().zones,
            course: Course {
                first_sent_at: lane.first_sent.map(millis),
                last_sent_at: lane.last_sent.map(millis),
                finished_at: lane.finished.filter(|_| lane.is_done()).map(millis),
                counts: lane.counts,
            },
        };
        let lanes: Vec<LaneReport> = self.lanes(place).map(lane).collect();
        let has_canary = first_rows(spec) > 0 || matches!(spec.canary, Some(CanaryStage::Until(_)));
        CampaignReport {
            name: spec.name.clone(),
            course: total(lanes.iter().map(|lane| &lane.course)),
            canary_until: self.shared.gates[place].opens().filter(|_| has_canary).map(millis),
            lanes,
        }
    }
}

/// Of several together.
fn total<'a>(all: impl Iterator<Item = &'a Course> + Clone) -> Course {
    let mut counts = Counts::default();
    all.clone().for_each(|course| counts.add(&course.counts));
    let is_finished = all.clone().all(|course| course.finished_at.is_some());
    Course {
        first_sent_at: all.clone().filter_map(|course| course.first_sent_at).min(),
        last_sent_at: all.clone().filter_map(|course| course.last_sent_at).max(),
        finished_at: all.filter_map(|course| course.finished_at).max().filter(|_| is_finished),
        counts,
    }
}

fn sender(name: &str, line: &SenderRun<'_>) -> SenderReport {
    let days = line.days.iter().map(|used| SenderDay {
        date: line.calendar.date(used.day),
        tries: used.tries,
        people: used.people,
        cap: used.cap,
    });
    SenderReport {
        name: name.to_owned(),
        tries: line.days.iter().map(|used| used.tries).sum(),
        stopped: line.is_stopped,
        waits: line.waits,
        days: days.collect(),
    }
}
