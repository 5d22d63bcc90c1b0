//! Campaigns: the runner, the protocol client as its sender, and what comes back.
mod confirm;
mod follow;
mod rejects;
mod sender;

use std::{fmt, sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use whatsapp_campaigns::{
    dispatch::Dispatch,
    pacing::{Rate, SECOND, WarmUp},
    runner::{Ears, Options, Runner},
    scheduler::Limits,
    service::{Assumptions, CampaignService, Simulations},
    simulate::Ramp,
};
use whatsapp_store::{SessionRecord, Store, WorkspaceId};

use self::follow::Follower;
use crate::{
    consumer::Consumers, events::Events, session::Sessions, supervisor::supervise, time::now_millis,
};

pub use self::rejects::Rejects;
pub(crate) use self::sender::{Answers, SessionSender, code};

const DAY: i64 = 24 * 3_600_000;

/// How fast sessions send campaigns.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Messages in a minute, of which people and bots have the reserve.
    pub per_minute: u32,
    /// The part that campaigns leave to people and bots, in percent.
    pub reserve: u8,
    /// Different people in a day, once a session is old enough; `None` for no limit.
    pub people: Option<u32>,
}

impl Default for Pace {
    /// What suits a linked device: careful.
    fn default() -> Self {
        Self { per_minute: 10, reserve: 50, people: Some(1_000) }
    }
}

impl Pace {
    /// In the sandbox there is nobody to be careful with.
    pub const SANDBOX: Self = Self { per_minute: 1_200, reserve: 10, people: None };

    /// The limits of a session that was made then, milliseconds since the Unix epoch, as they are now.
    pub fn limits_since(&self, made_at: i64) -> Limits {
        let days = (now_millis() - made_at).max(0) / DAY;
        self.limits(u32::try_from(days).unwrap_or(u32::MAX))
    }

    /// How the cap of a session grows that was made then, milliseconds since the Unix epoch.
    pub fn warm_up_since(&self, made_at: i64) -> Option<Ramp> {
        Some(Ramp { warm_up: self.warm_up()?, began_at: made_at })
    }

    fn warm_up(&self) -> Option<WarmUp> {
        self.people.map(|ceiling| WarmUp { ceiling, ..WarmUp::default() })
    }

    /// The limits of a session that is so many days old.
    pub fn limits(&self, days: u32) -> Limits {
        let rate = Rate::per(self.per_minute, 60 * SECOND, if self.per_minute > 60 { 1 } else { 3 });
        let pair = Rate { interval: rate.interval.min(6 * SECOND), burst: 1 };
        let people = self.warm_up().map(|warm_up| warm_up.cap(days) as usize);
        Limits { rate, pair, people, reserve: f64::from(self.reserve) / 100.0 }
    }
}

/// The campaigns of this node. Cheap to clone.
#[derive(Clone)]
pub struct Campaigns {
    /// Sends them.
    pub runner: Runner,
    /// How fast.
    pub pace: Pace,
    /// How long what this node has stays its own without being renewed.
    pub term: Duration,
    /// Lists of rows that were refused.
    pub rejects: Rejects,
    simulations: Simulations,
    store: Arc<dyn Store>,
    tasks: Arc<std::sync::Mutex<Vec<JoinHandle<()>>>>,
}

impl fmt::Debug for Campaigns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Campaigns").field("pace", &self.pace).finish_non_exhaustive()
    }
}

impl Campaigns {
    /// On a store; `node` is a name that no other node has. Nothing runs yet.
    pub fn new(store: Arc<dyn Store>, node: &str, pace: Pace, term: Duration, rejects: Rejects) -> Self {
        let mut options = Options::new(node);
        let lease_term = i64::try_from(term.as_millis()).unwrap_or(i64::MAX);
        options.dispatch = Dispatch { lease_term, in_flight: 64, ..Dispatch::default() };
        let runner = Runner::new(store.clone(), options);
        let (simulations, tasks) = Default::default();
        Self { runner, pace, term, rejects, simulations, store, tasks }
    }

    /// The campaigns of a workspace, as a person handles them.
    pub fn service(&self, workspace: WorkspaceId) -> CampaignService {
        CampaignService::new(self.store.clone(), workspace).simulating(self.simulations.clone())
    }

    /// How these sessions send, as a dry run has to know it.
    pub fn assumptions(&self, sessions: &[SessionRecord]) -> Assumptions {
        let named = |session: &SessionRecord| session.id.name().to_owned();
        // The warm-up says what the cap is on which day.
        let people = self.pace.people.map(|people| people as usize);
        let limits = |session| Limits { people, ..self.limits(session) };
        let warm_up = |session: &SessionRecord| self.pace.warm_up_since(session.created_at);
        Assumptions {
            limits: sessions.iter().map(|session| (named(session), limits(session))).collect(),
            warm_ups: sessions
                .iter()
                .filter_map(|session| Some((named(session), warm_up(session)?)))
                .collect(),
            dispatch: self.runner.dispatch(),
            ..Assumptions::default()
        }
    }

    /// The limits of a session as they are now.
    pub fn limits(&self, session: &SessionRecord) -> Limits {
        self.pace.limits_since(session.created_at)
    }

    /// Starts to look after them. Whoever says STOP is told `confirmation`, unless that is empty.
    pub(crate) fn start(
        &self,
        sessions: Sessions,
        consumers: Consumers,
        events: Events,
        confirmation: String,
    ) {
        let runner = self.runner.clone();
        consumers.register("campaigns", Follower { ears: Ears::new(self.store.clone()) });
        let following = move || consumers.clone().run("campaigns", std::future::pending());
        let mut tasks = self.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let running = move || {
            let runner = runner.clone();
            async move { runner.run().await }
        };
        tasks.push(supervise("campaigns", running));
        tasks.push(supervise("receipts of campaigns", following));
        let confirming = move || confirm::run(events.clone(), sessions.clone(), confirmation.clone());
        tasks.push(supervise("confirmations of opt-outs and opt-ins", confirming));
    }

    /// Finishes what is under way, and gives everything back.
    pub async fn shutdown(&self) {
        self.runner.shutdown().await;
        let mut tasks =
            std::mem::take(&mut *self.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        // Those who follow have nothing to finish: what the first did not note as passed is read again.
        tasks.drain(1.min(tasks.len())..).for_each(|following| following.abort());
        futures_util::future::join_all(tasks).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_session_starts_slowly() {
        let limits = Pace::default().limits(0);
        assert_eq!((limits.people, limits.rate.interval, limits.rate.burst), (Some(20), 6 * SECOND, 3));
        assert_eq!(Pace::default().limits(30).people, Some(1_000));
        assert_eq!(Pace::SANDBOX.limits(0).people, None);
    }
}
