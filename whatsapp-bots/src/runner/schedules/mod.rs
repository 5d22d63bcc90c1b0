//! Lets bots write by themselves when their time has come: one node for each workspace, by a lease.
//!
//! ```text
//!   a time is due ─► a run: page by page of those it is for ─► hear `schedule/BOT/TRIGGER/TIME` in the chat of each
//!                        │                                          (at the account's pace; noted there, so once for ever)
//!                        └── how far it has come is a setting, written under the lease
//! ```
mod page;
mod plans;
mod progress;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use whatsapp_store::{Changes, Error as StoreError, Lease, SettingChange, WorkspaceId};

use self::{
    page::{Candidate, Page},
    plans::{Plan, Plans},
    progress::{Place, Progress},
};
use super::{Bots, Heard, Hearing, TurnError};
use crate::{Input, Schedule};

pub use crate::schedule::setting;

const LEASE: &str = "bots/schedules";
/// How long a lease lasts that nobody prolongs, milliseconds.
const TERM: i64 = 30_000;
/// How often it is looked for bots with schedules, milliseconds.
const LOOK: i64 = 5_000;
/// What is written by others all the time is tried again after this time, milliseconds.
const AGAIN: i64 = 1_000;

/// Keeps the times of bots.
pub(super) struct Schedules {
    bots: Bots,
    owner: String,
    held: HashMap<WorkspaceId, Held>,
    plans: Plans,
    pace: Pace,
}

/// A workspace whose times this node keeps.
struct Held {
    lease: Lease,
    asked_at: i64,
    /// By bot, as stored.
    progress: HashMap<String, Progress>,
    /// By bot and trigger.
    pages: HashMap<(String, String), Page>,
}

/// When each account may write again of its own accord, milliseconds since the Unix epoch.
type Pace = HashMap<whatsapp_store::AccountId, i64>;

impl Schedules {
    pub(super) fn new(bots: Bots, owner: &str) -> Self {
        let (held, plans, pace) = Default::default();
        Self { bots, owner: owner.to_owned(), held, plans, pace }
    }

    pub(super) async fn run(mut self) {
        let mut stop = self.bots.shared.stop.subscribe();
        while !self.bots.shared.is_stopping() {
            let wait = self.round().await;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        for (workspace, held) in self.held.drain() {
            give_back(&self.bots, &workspace, &held.lease).await;
        }
    }

    /// Does what is due; gives how long until there may be more.
    async fn round(&mut self) -> Duration {
        let start = self.bots.shared.clock.now();
        let mut next = start + LOOK;
        match self.workspaces().await {
            Ok(workspaces) => {
                self.plans.keep_only(&workspaces);
                for workspace in workspaces {
                    match self.look_after(&workspace).await {
                        Ok(at) => next = next.min(at),
                        Err(error) => {
                            tracing::warn!(%error, "times of bots wait: it is tried again");
                            // What is known of it may not be so any more.
                            self.held.remove(&workspace);
                        }
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "times of bots wait: it is tried again"),
        }
        let wait = next.saturating_sub(self.bots.shared.clock.now()).max(0);
        Duration::from_millis(wait.unsigned_abs())
    }

    /// Those that have sessions: nobody else can write.
    async fn workspaces(&self) -> Result<BTreeSet<WorkspaceId>, StoreError> {
        let sessions = self.bots.shared.store.all_sessions().await?;
        Ok(sessions.into_iter().map(|session| session.id.workspace().clone()).collect())
    }

    /// Gives when there is more to do.
    async fn look_after(&mut self, workspace: &WorkspaceId) -> Result<i64, StoreError> {
        let shared = self.bots.shared.clone();
        let bots = self.plans.of(&shared, workspace).await?;
        if bots.is_empty() {
            if let Some(held) = self.held.remove(workspace) {
                give_back(&self.bots, workspace, &held.lease).await;
            }
            return Ok(i64::MAX);
        }
        if !self.hold(workspace).await? {
            return Ok(i64::MAX);
        }
        let Some(held) = self.held.get_mut(workspace) else { return Ok(i64::MAX) };
        held.pages.retain(|(id, _), _| bots.iter().any(|bot| bot.enabled && bot.bot == *id));
        let mut keeper = Keeper { bots: &self.bots, workspace, held, pace: &mut self.pace };
        let mut next = i64::MAX;
        for bot in &bots {
            next = next.min(keeper.keep(bot).await?);
        }
        Ok(next)
    }

    /// Is this the node that keeps the workspace's times?
    async fn hold(&mut self, workspace: &WorkspaceId) -> Result<bool, StoreError> {
        let shared = &self.bots.shared;
        let now = shared.clock.now();
        let held = self.held.get(workspace);
        if held.is_some_and(|held| (0..TERM / 3).contains(&(now - held.asked_at))) {
            return Ok(true);
        }
        let lease = shared.store.acquire_lease(workspace, LEASE, &self.owner, now, now + TERM).await?;
        let Some(lease) = lease else {
            self.held.remove(workspace);
            return Ok(false);
        };
        match self.held.get_mut(workspace) {
            Some(held) if held.lease.token == lease.token => (held.lease, held.asked_at) = (lease, now),
            _ => {
                let (progress, pages) = Default::default();
                self.held.insert(workspace.clone(), Held { lease, asked_at: now, progress, pages });
            }
        }
        Ok(true)
    }
}

/// Lets another node go on at once.
async fn give_back(bots: &Bots, workspace: &WorkspaceId, lease: &Lease) {
    if let Err(error) = bots.shared.store.release_lease(workspace, lease).await {
        tracing::info!(%error, "the times of bots were not given back: the lease ends by itself");
    }
}

/// Keeps the times of one workspace.
struct Keeper<'a> {
    bots: &'a Bots,
    workspace: &'a WorkspaceId,
    held: &'a mut Held,
    pace: &'a mut Pace,
}

impl Keeper<'_> {
    /// One round for a bot; gives when there is more to do.
    async fn keep(&mut self, bot: &Plan) -> Result<i64, StoreError> {
        let now = self.bots.shared.clock.now();
        let stored = self.progress(&bot.bot).await?;
        let mut progress = stored.clone();
        // One that is disabled counts anew when it is enabled.
        progress.settle(&bot.bot, bot.schedules.iter().filter(|_| bot.enabled), now);
        if progress != stored {
            self.note(&bot.bot, progress.clone()).await?;
        }
        let mut next = i64::MAX;
        for schedule in bot.schedules.iter() {
            let Some(place) = progress.0.get_mut(schedule.trigger()) else { continue };
            if place.run.is_some() {
                next = next.min(self.go_on(bot, schedule, place).await?);
            } else {
                next = next.min(schedule.next(now).unwrap_or(i64::MAX));
            }
        }
        if self.held.progress.get(&bot.bot) != Some(&progress) {
            self.note(&bot.bot, progress).await?;
        }
        Ok(next)
    }

    async fn progress(&mut self, bot: &str) -> Result<Progress, StoreError> {
        if let Some(known) = self.held.progress.get(bot) {
            return Ok(known.clone());
        }
        let stored = self.bots.shared.store.setting(self.workspace, &setting(bot)).await?;
        let progress = stored.map(|json| Progress::from_json(&json)).unwrap_or_default();
        self.held.progress.insert(bot.to_owned(), progress.clone());
        Ok(progress)
    }

    /// Writes down how far it has come, unless another node keeps the times by now.
    async fn note(&mut self, bot: &str, progress: Progress) -> Result<(), StoreError> {
        let mut changes = Changes::new(self.workspace.clone());
        changes.fence = Some(self.held.lease.fence());
        let name = setting(bot);
        changes.push(match progress.0.is_empty() {
            true => SettingChange::Delete { name },
            false => SettingChange::Put { name, value: progress.to_json().into() },
        });
        self.bots.shared.store.commit(changes).await?;
        self.held.progress.insert(bot.to_owned(), progress);
        Ok(())
    }

    /// Goes on with a run by a page at most; gives when there is more to do.
    async fn go_on(&mut self, bot: &Plan, schedule: &Schedule, place: &mut Place) -> Result<i64, StoreError> {
        let Some(run) = &mut place.run else { return Ok(i64::MAX) };
        let name = (bot.bot.clone(), schedule.trigger().to_owned());
        let mut page = match self.held.pages.remove(&name).filter(|page| page.due == run.due) {
            Some(page) => page,
            None => Page::load(&self.bots.shared, self.workspace, schedule, run).await?,
        };
        let next = self.write_to(bot, schedule, run.due, &mut page).await?;
        let now = self.bots.shared.clock.now();
        if let Some(waiting) = page.waiting.first() {
            run.come_to(&waiting.behind, now);
            self.held.pages.insert(name, page);
            return Ok(next);
        }
        match page.end {
            Some(end) => run.end_of_page(end, now),
            None => place.run = None,
        }
        Ok(now)
    }

    /// Writes to those of a page whose account may write now; gives when the next of the others may.
    async fn write_to(
        &mut self,
        bot: &Plan,
        schedule: &Schedule,
        due: i64,
        page: &mut Page,
    ) -> Result<i64, StoreError> {
        let (mut waiting, mut next) = (Vec::new(), i64::MAX);
        let mut all = std::mem::take(&mut page.waiting).into_iter();
        let mut outcome = Ok(());
        for candidate in all.by_ref() {
            if self.bots.shared.is_stopping() {
                waiting.push(candidate);
                break;
            }
            match self.begin(bot, schedule, due, &candidate).await {
                Ok(Some(at)) => {
                    next = next.min(at);
                    waiting.push(candidate);
                }
                Ok(None) => {}
                Err(error) => {
                    waiting.push(candidate);
                    outcome = Err(error);
                    break;
                }
            }
        }
        waiting.extend(all);
        page.waiting = waiting;
        outcome.map(|()| next)
    }

    /// Begins with one contact, if its account may write now; else gives when.
    async fn begin(
        &mut self,
        bot: &Plan,
        schedule: &Schedule,
        due: i64,
        candidate: &Candidate,
    ) -> Result<Option<i64>, StoreError> {
        let Candidate { account, chat, name, .. } = candidate;
        let now = self.bots.shared.clock.now();
        if let Some(at) = self.pace.get(account).filter(|at| **at > now) {
            return Ok(Some(*at));
        }
        let Some(interval) = self.bots.shared.outlet.interval(account).await? else { return Ok(None) };
        let interval = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX).min(TERM * 100);
        if interval > 0 && !self.pace.contains_key(account) {
            // Nothing is known of what it sent a moment ago.
            self.pace.insert(account.clone(), now + interval);
            return Ok(Some(now + interval));
        }
        let trigger = schedule.trigger();
        let id = format!("schedule/{}/{trigger}/{due}", bot.bot);
        let input = Input::Schedule { trigger: trigger.to_owned() };
        let hearing =
            Hearing { account, chat, id: &id, input: &input, name, bot: Some(&bot.bot), also: None };
        match self.bots.heard(hearing).await {
            Ok((Heard::Answered, says)) => {
                let messages = i64::try_from(says).unwrap_or(i64::MAX);
                self.pace.insert(account.clone(), now.saturating_add(interval.saturating_mul(messages)));
                Ok(None)
            }
            Ok(_) => Ok(None),
            Err(TurnError::Store(error)) => Err(error),
            Err(TurnError::Busy) => Ok(Some(now + AGAIN)),
        }
    }
}
