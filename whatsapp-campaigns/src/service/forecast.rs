//! What would happen: the simulation, with what the store knows.
use std::collections::BTreeMap;

use whatsapp_store::{AccountId, CampaignState, LaneRecord, RecipientState};

use super::{CampaignService, CampaignView, ServiceError, freeze::FIRST};
use crate::{
    content::LooksLikePlaceholder,
    dispatch::Dispatch,
    model::LaneSpec,
    pacing::REMEMBERED,
    scheduler::Limits,
    simulate::{
        self, CanaryStage, Forecast, Incident, Prices, Ramp, Reached, Report, Transport, Trouble, Waiting,
    },
    stopped::stopped,
    window::Millis,
};

const MINUTE: Millis = 60_000;
/// Other campaigns in these states have their turns beside the one that is simulated.
const BESIDE: [CampaignState; 3] =
    [CampaignState::Scheduled, CampaignState::Running, CampaignState::Draining];

/// What the store does not know.
#[derive(Clone, Debug, Default)]
pub struct Assumptions {
    /// The limits of senders, by name; those of a linked device for others.
    pub limits: BTreeMap<String, Limits>,
    /// Warm-ups of senders, by name: their cap of different people grows in the time that is simulated.
    pub warm_ups: BTreeMap<String, Ramp>,
    /// How the runner works that will send: [`Runner::dispatch`](crate::runner::Runner::dispatch).
    pub dispatch: Dispatch,
    /// What is believed of the network.
    pub transport: Transport,
    /// What messages cost.
    pub prices: Option<Prices>,
    /// By whose clock the report has its days, such as `Europe/Berlin`; `None` for UTC.
    pub zone: Option<String>,
}

impl CampaignService {
    /// What would happen if it was started now, beside the campaigns that send already or wait for their time. A campaign cannot be started before
    /// somebody looked at this.
    ///
    /// # Errors
    /// When it has no recipients, or something of the assumptions does not work.
    pub async fn dry_run(&self, id: &str, assumptions: &Assumptions) -> Result<Report, ServiceError> {
        let shown = self.show(id).await?;
        if shown.document.kept.frozen.is_none() {
            return Err(ServiceError::NoRecipients);
        }
        let template = shown.document.settings.check()?.template;
        let mut report = self.simulated(shown, assumptions).await?;
        let warnings = template.placeholders().iter().cloned().map(|LooksLikePlaceholder { path, text }| {
            // It is the first of the forecast.
            simulate::Warning::Placeholder { campaign: 0, path, text }
        });
        report.warnings.extend(warnings);
        self.note_dry_run(id).await?;
        Ok(report)
    }

    /// When it will be over, from how far it is now.
    ///
    /// # Errors
    /// As [`CampaignService::dry_run`].
    pub async fn eta(&self, id: &str, assumptions: &Assumptions) -> Result<Report, ServiceError> {
        let shown = self.show(id).await?;
        let state = shown.record.state;
        if matches!(state, CampaignState::Finished | CampaignState::Cancelled) {
            return Err(ServiceError::State { state, todo: "there is nothing left to wait for" });
        }
        self.simulated(shown, assumptions).await
    }

    async fn simulated(
        &self,
        shown: CampaignView,
        assumptions: &Assumptions,
    ) -> Result<Report, ServiceError> {
        let admitted = self.simulations.admit(&self.workspace)?;
        let mut forecast = Forecast::new(self.clock.now());
        forecast.zone = assumptions.zone.clone();
        forecast.dispatch = assumptions.dispatch;
        forecast.transport = assumptions.transport.clone();
        forecast.prices = assumptions.prices.clone();
        if let Some(frozen) = &shown.document.kept.frozen {
            forecast.excluded = frozen.refused.clone();
        }
        let mut senders = BTreeMap::new();
        let id = shown.record.id.clone();
        self.add(&mut forecast, &mut senders, assumptions, shown).await?;
        for (workspace, other) in self.store.campaigns_in_state(&BESIDE).await? {
            if workspace == self.workspace && other != id {
                self.add_other(&mut forecast, &mut senders, assumptions, &other).await?;
            }
        }
        admitted.simulate(forecast).await
    }

    /// Adds a campaign that has its turns beside. One that is gone by now, whose runs are campaigns of their own, or that cannot be
    /// sent as it is stored takes no turns.
    async fn add_other(
        &self,
        forecast: &mut Forecast,
        senders: &mut BTreeMap<String, usize>,
        assumptions: &Assumptions,
        id: &str,
    ) -> Result<(), ServiceError> {
        let added = async {
            let other = self.show(id).await?;
            if other.document.settings.check()?.plan.is_recurring() {
                return Ok(());
            }
            self.add(forecast, senders, assumptions, other).await
        };
        match added.await {
            Err(ServiceError::NotFound | ServiceError::Stored | ServiceError::Settings(_)) => Ok(()),
            outcome => outcome,
        }
    }

    /// Adds what is left of a campaign.
    async fn add(
        &self,
        forecast: &mut Forecast,
        senders: &mut BTreeMap<String, usize>,
        assumptions: &Assumptions,
        shown: CampaignView,
    ) -> Result<(), ServiceError> {
        let CampaignView { record, document } = shown;
        let checked = document.settings.check()?;
        let audience = u16::try_from(forecast.campaigns.len()).unwrap_or(u16::MAX);
        let mut campaign = simulate::Campaign::new(record.id.clone(), checked.plan, audience);
        campaign.weight = document.settings.weight;
        campaign.rate = checked.rate;
        campaign.auto_pause = document.settings.auto_pause;
        campaign.category = document.settings.content.category;
        let lanes = self.lanes(&record.id).await?;
        campaign.canary = canary(&document, &lanes, self.clock.now());
        let counts = self.store.campaign_progress(&self.workspace, &record.id).await?;
        let unleased = |(lane, spec): &(LaneRecord, LaneSpec)| (FIRST + spec.rows).saturating_sub(lane.next);
        let behind: u64 = lanes.iter().map(|lane| u64::from(unleased(lane))).sum();
        // Those that a sender holds and has not sent yet wait, too.
        let held = counts.of(RecipientState::Pending).saturating_sub(behind);
        let mut waiting = counts.of(RecipientState::Retry) + counts.of(RecipientState::InDoubt) + held;
        for (lane, spec) in lanes {
            let sender = match senders.get(&spec.sender) {
                Some(sender) => *sender,
                None => self.sender(forecast, senders, assumptions, &spec.sender).await?,
            };
            let left = (FIRST + spec.rows).saturating_sub(lane.next);
            campaign.lane(sender, spec.zones, left);
            // Which lane they are in is not counted: those that were begun have them.
            let rows = u32::try_from(waiting).unwrap_or(u32::MAX).min(spec.rows - left);
            waiting -= u64::from(rows);
            if let Some(added) = campaign.lanes.last_mut().filter(|_| rows > 0) {
                added.waiting.push(Waiting { at: self.clock.now(), rows });
            }
        }
        forecast.campaigns.push(campaign);
        Ok(())
    }

    /// Adds a sender with whom it wrote to in the last day.
    async fn sender(
        &self,
        forecast: &mut Forecast,
        senders: &mut BTreeMap<String, usize>,
        assumptions: &Assumptions,
        name: &str,
    ) -> Result<usize, ServiceError> {
        let limits = assumptions.limits.get(name).copied().unwrap_or_default();
        let place = forecast.sender(name, limits);
        senders.insert(name.to_owned(), place);
        forecast.senders[place].warm_up = assumptions.warm_ups.get(name).copied();
        let now = self.clock.now();
        let mut minutes = BTreeMap::<Millis, u32>::new();
        for (_, at) in self.store.contacted_by(&self.workspace, name, now - REMEMBERED).await? {
            *minutes.entry(at - at.rem_euclid(MINUTE)).or_default() += 1;
        }
        forecast.senders[place].reached =
            minutes.into_iter().map(|(at, people)| Reached { at, people }).collect();
        if let Ok(account) = AccountId::new(self.workspace.clone(), name)
            && let Some(stopped) = stopped(&*self.store, &account).await?
        {
            let what = Trouble::Stop { until: stopped.until };
            forecast.transport.incidents.push(Incident { at: now, sender: Some(place), what });
        }
        Ok(place)
    }
}

/// Where the first part stands.
fn canary(
    document: &crate::model::Document,
    lanes: &[(LaneRecord, LaneSpec)],
    now: Millis,
) -> Option<CanaryStage> {
    let settings = document.settings.canary?;
    let hold = Millis::from(settings.hold_minutes) * 60_000;
    let whole: u64 = lanes.iter().map(|(_, spec)| u64::from(spec.rows)).sum();
    if document.kept.started_at.is_none() {
        return settings.size(whole).map(|rows| CanaryStage::First { rows, hold });
    }
    if let Some(until) = document.kept.canary_until {
        return (until > now).then_some(CanaryStage::Until(until));
    }
    let left: u64 = lanes.iter().map(|(lane, _)| u64::from(lane.end.saturating_sub(lane.next))).sum();
    let cut: u64 = lanes.iter().map(|(lane, _)| u64::from(lane.end - FIRST.min(lane.end))).sum();
    (cut < whole).then_some(CanaryStage::First { rows: left.max(1), hold })
}
