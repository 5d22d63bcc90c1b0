use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{
    AttemptOutcome, Change, ClaimedDelivery, DeliveryPage, DeliveryQuery, DeliveryRecord, DeliveryState,
    EndpointBacklog, EndpointRecord, Result, Scope, UNDER_WAY, WebhookChange, WebhookStore, WorkspaceId,
    page_limit,
    revision::{self, risen},
};

/// A workspace's endpoints and deliveries; these by number, in the order of insertion.
#[derive(Default)]
pub(super) struct Webhooks {
    endpoints: BTreeMap<String, Endpoint>,
    deliveries: BTreeMap<u64, Delivery>,
    numbers: HashMap<String, u64>,
    last_number: u64,
}

struct Endpoint {
    record: EndpointRecord,
    /// Rises with each claim that gives out a delivery. The endpoint with the lowest value comes first.
    turn: u64,
}

struct Delivery {
    record: DeliveryRecord,
    /// A worker attempts it, until its `next_at` at most.
    claimed: bool,
    /// Rises with each claim.
    token: i64,
}

/// What can make a commit fail, asked before anything of it is applied.
pub(super) fn check(state: &State, scope: &Scope, list: &[Change]) -> Result<()> {
    let stored = |id: &str| Some(state.webhooks.get(scope.workspace())?.endpoints.get(id)?.record.updated_at);
    let mut ahead: HashMap<&str, Option<i64>> = HashMap::new();
    for change in list {
        let Change::Webhook(change) = change else { continue };
        let now = |id: &str| ahead.get(id).copied().unwrap_or_else(|| stored(id));
        match change {
            WebhookChange::Expect { endpoint, updated_at } => {
                revision::check(now(endpoint), *updated_at, "changing a webhook endpoint")?;
            }
            WebhookChange::PutEndpoint(endpoint) => {
                let at = endpoint.updated_at;
                let written = now(&endpoint.id).map_or(at, |last| risen(last, at));
                ahead.insert(&endpoint.id, Some(written));
            }
            WebhookChange::DeleteEndpoint { id } => drop(ahead.insert(id, None)),
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn apply(state: &mut State, scope: &Scope, change: WebhookChange) {
    state.webhooks.entry(scope.workspace().clone()).or_default().apply(change);
}

impl Webhooks {
    fn apply(&mut self, change: WebhookChange) {
        match change {
            WebhookChange::Expect { .. } => {}
            WebhookChange::PutEndpoint(record) => self.put_endpoint(record),
            WebhookChange::DeleteEndpoint { id } => {
                self.endpoints.remove(&id);
                self.retain(|delivery| delivery.endpoint != id);
            }
            WebhookChange::SetFailing { endpoint, since } => {
                if let Some(endpoint) = self.endpoints.get_mut(&endpoint) {
                    let known = endpoint.record.failing_since;
                    endpoint.record.failing_since = since.map(|since| known.unwrap_or(since));
                }
            }
            WebhookChange::PutDelivery(record) => self.put_delivery(record),
            WebhookChange::Attempted { id, token, at, status, error, outcome } => {
                if let Some(delivery) = self.delivery_mut(&id)
                    && delivery.claimed
                    && delivery.token == token
                {
                    delivery.record.last_status = status;
                    delivery.record.last_error = error;
                    delivery.finish(at, outcome);
                }
            }
            WebhookChange::Redeliver { id, at } => {
                if let Some(delivery) = self.delivery_mut(&id) {
                    let record = &mut delivery.record;
                    (record.state, record.attempts) = (DeliveryState::Pending, 0);
                    (record.next_at, record.done_at) = (at, None);
                    delivery.claimed = false;
                }
            }
            WebhookChange::Trim { before } => {
                self.retain(|delivery| delivery.done_at.is_none_or(|done_at| done_at >= before));
            }
        }
    }

    fn put_endpoint(&mut self, mut record: EndpointRecord) {
        let known = self.endpoints.get(&record.id);
        record.failing_since = known.and_then(|endpoint| endpoint.record.failing_since);
        let last = known.map(|endpoint| endpoint.record.updated_at);
        record.updated_at = last.map_or(record.updated_at, |last| risen(last, record.updated_at));
        let turn = known.map_or(0, |endpoint| endpoint.turn);
        self.endpoints.insert(record.id.clone(), Endpoint { record, turn });
    }

    fn put_delivery(&mut self, record: DeliveryRecord) {
        if self.numbers.contains_key(&record.id) || !self.endpoints.contains_key(&record.endpoint) {
            return;
        }
        self.last_number += 1;
        self.numbers.insert(record.id.clone(), self.last_number);
        self.deliveries.insert(self.last_number, Delivery { record, claimed: false, token: 0 });
    }

    fn retain(&mut self, stays: impl Fn(&DeliveryRecord) -> bool) {
        let Self { deliveries, numbers, .. } = self;
        deliveries.retain(|_, delivery| {
            let stays = stays(&delivery.record);
            if !stays {
                numbers.remove(&delivery.record.id);
            }
            stays
        });
    }

    fn delivery(&self, id: &str) -> Option<&Delivery> {
        self.deliveries.get(self.numbers.get(id)?)
    }

    fn delivery_mut(&mut self, id: &str) -> Option<&mut Delivery> {
        self.deliveries.get_mut(self.numbers.get(id)?)
    }

    fn page(&self, query: &DeliveryQuery, before: u64) -> DeliveryPage {
        let limit = page_limit(query.limit) as usize;
        let newest_first = self.deliveries.range(..before).rev();
        let mut found: Vec<(u64, &DeliveryRecord)> = newest_first
            .map(|(number, delivery)| (*number, &delivery.record))
            .filter(|(_, record)| record.endpoint == query.endpoint)
            .filter(|(_, record)| query.state.is_none_or(|state| record.state == state))
            .take(limit + 1)
            .collect();
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|(number, _)| number.to_string());
        DeliveryPage { deliveries: found.into_iter().map(|(_, record)| record.clone()).collect(), next }
    }

    fn count(&self, endpoint: &str, fits: impl Fn(&Delivery) -> bool) -> usize {
        let of_endpoint = self.deliveries.values().filter(|delivery| delivery.record.endpoint == endpoint);
        of_endpoint.filter(|delivery| fits(delivery)).count()
    }

    /// How many deliveries of an endpoint may be given out.
    fn room(&self, Endpoint { record, .. }: &Endpoint, now: i64) -> usize {
        let most = if record.failing_since.is_none() { UNDER_WAY } else { 1 };
        let under_way = self.count(&record.id, |delivery| delivery.claimed && delivery.record.next_at > now);
        (most as usize).saturating_sub(under_way)
    }

    /// An endpoint's due deliveries, oldest first.
    fn due(&self, endpoint: &str, now: i64) -> Vec<u64> {
        let due = self.deliveries.iter().filter(|(_, delivery)| {
            let record = &delivery.record;
            record.endpoint == endpoint && record.state == DeliveryState::Pending && record.next_at <= now
        });
        let mut due: Vec<_> = due.map(|(number, delivery)| (delivery.record.next_at, *number)).collect();
        due.sort_unstable();
        due.into_iter().map(|(_, number)| number).collect()
    }
}

impl Delivery {
    fn finish(&mut self, at: i64, outcome: AttemptOutcome) {
        let record = &mut self.record;
        record.state = outcome.state();
        record.attempts = record.attempts.saturating_add(1);
        (record.next_at, record.done_at) = match outcome {
            AttemptOutcome::RetryAt(time) => (time, None),
            AttemptOutcome::Delivered | AttemptOutcome::Dead => (at, Some(at)),
        };
        self.claimed = false;
    }

    fn claim(&mut self, workspace: &WorkspaceId, until: i64) -> ClaimedDelivery {
        self.record.next_at = until;
        self.claimed = true;
        self.token += 1;
        ClaimedDelivery { workspace: workspace.clone(), delivery: self.record.clone(), token: self.token }
    }
}

/// Endpoints of all workspaces with due deliveries and room for them, in their turn, and those deliveries.
type Waiting = BTreeMap<(u64, WorkspaceId, String), Vec<u64>>;

fn waiting(all: &BTreeMap<WorkspaceId, Webhooks>, now: i64) -> Waiting {
    let mut waiting = Waiting::new();
    for (workspace, webhooks) in all {
        for endpoint in webhooks.endpoints.values().filter(|endpoint| endpoint.record.enabled) {
            let mut due = webhooks.due(&endpoint.record.id, now);
            due.truncate(webhooks.room(endpoint, now));
            if !due.is_empty() {
                waiting.insert((endpoint.turn, workspace.clone(), endpoint.record.id.clone()), due);
            }
        }
    }
    waiting
}

impl MemoryStore {
    fn webhooks<T: Default>(&self, workspace: &WorkspaceId, read: impl FnOnce(&Webhooks) -> T) -> T {
        self.state.read().webhooks.get(workspace).map(read).unwrap_or_default()
    }
}

#[async_trait]
impl WebhookStore for MemoryStore {
    async fn endpoint(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<EndpointRecord>> {
        Ok(self.webhooks(workspace, |all| all.endpoints.get(id).map(|endpoint| endpoint.record.clone())))
    }

    async fn endpoints(&self, workspace: &WorkspaceId) -> Result<Vec<EndpointRecord>> {
        let mut endpoints: Vec<EndpointRecord> = self.webhooks(workspace, |all| {
            all.endpoints.values().map(|endpoint| endpoint.record.clone()).collect()
        });
        endpoints.sort_by_key(|endpoint| endpoint.created_at);
        Ok(endpoints)
    }

    async fn delivery(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<DeliveryRecord>> {
        Ok(self.webhooks(workspace, |all| all.delivery(id).map(|delivery| delivery.record.clone())))
    }

    async fn deliveries(&self, workspace: &WorkspaceId, query: &DeliveryQuery) -> Result<DeliveryPage> {
        let before = crate::cursor::number(query.before.as_deref(), u64::MAX)?;
        Ok(self.webhooks(workspace, |all| all.page(query, before)))
    }

    async fn webhook_backlog(&self, workspace: &WorkspaceId) -> Result<Vec<EndpointBacklog>> {
        Ok(self.webhooks(workspace, |all| {
            let of_endpoint = |endpoint: &String| {
                let count = |state| all.count(endpoint, |delivery| delivery.record.state == state) as u64;
                let (pending, dead) = (count(DeliveryState::Pending), count(DeliveryState::Dead));
                EndpointBacklog { endpoint: endpoint.clone(), pending, dead }
            };
            all.endpoints.keys().map(of_endpoint).collect()
        }))
    }

    async fn claim_deliveries(&self, now: i64, until: i64, limit: u32) -> Result<Vec<ClaimedDelivery>> {
        let all = &mut self.state.write().webhooks;
        let endpoints = all.values().flat_map(|webhooks| webhooks.endpoints.values());
        let next_turn = 1 + endpoints.map(|endpoint| endpoint.turn).max().unwrap_or_default();
        let mut claimed = Vec::new();
        for ((_, workspace, id), due) in waiting(all, now) {
            let room = limit as usize - claimed.len();
            if room == 0 {
                break;
            }
            let Some(webhooks) = all.get_mut(&workspace) else { continue };
            for number in due.into_iter().take(room) {
                let delivery = webhooks.deliveries.get_mut(&number);
                claimed.extend(delivery.map(|delivery| delivery.claim(&workspace, until)));
            }
            if let Some(endpoint) = webhooks.endpoints.get_mut(&id) {
                endpoint.turn = next_turn;
            }
        }
        Ok(claimed)
    }
}
