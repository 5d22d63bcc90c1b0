//! How many simulations run at once, and how much work each may be.
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use whatsapp_store::WorkspaceId;

use super::ServiceError;
use crate::simulate::{Budget, Forecast, Report, simulate_within};

/// Bounds of the simulations of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulationLimits {
    /// At once on the node.
    pub per_node: usize,
    /// At once in a workspace.
    pub per_workspace: usize,
    /// Messages and waits of one simulation.
    pub steps: u64,
    /// How long one simulation may take. What it does not come to is left, and the report says so.
    pub time: Duration,
}

impl Default for SimulationLimits {
    /// Four at once, two of them of one workspace, and as much as ten million recipients are.
    fn default() -> Self {
        Self { per_node: 4, per_workspace: 2, steps: 40_000_000, time: Duration::from_secs(20) }
    }
}

/// The simulations of one node. All services of the node share it. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Simulations {
    limits: SimulationLimits,
    /// How many run, by workspace.
    running: Arc<Mutex<HashMap<WorkspaceId, usize>>>,
}

impl Simulations {
    /// Under other limits.
    pub fn new(limits: SimulationLimits) -> Self {
        Self { limits, running: Arc::default() }
    }

    /// Takes a place; it is free again when the answer is dropped.
    pub(super) fn admit(&self, workspace: &WorkspaceId) -> Result<Admitted, ServiceError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, ours) = (running.values().sum::<usize>(), running.get(workspace).copied().unwrap_or(0));
        if ours >= self.limits.per_workspace {
            return Err(ServiceError::WorkspaceSimulates);
        }
        if all >= self.limits.per_node {
            return Err(ServiceError::NodeSimulates);
        }
        running.insert(workspace.clone(), ours + 1);
        Ok(Admitted { limits: self.limits, running: self.running.clone(), workspace: workspace.clone() })
    }
}

/// The right to simulate once.
#[derive(Debug)]
pub(super) struct Admitted {
    limits: SimulationLimits,
    running: Arc<Mutex<HashMap<WorkspaceId, usize>>>,
    workspace: WorkspaceId,
}

impl Admitted {
    /// On a thread for work that takes long. It ends soon after nobody waits for the report any more, and only then its place is
    /// free.
    pub(super) async fn simulate(self, forecast: Forecast) -> Result<Report, ServiceError> {
        let abandoned = Abandoned(Arc::default());
        let is_abandoned = abandoned.0.clone();
        let simulated = tokio::task::spawn_blocking(move || {
            let deadline = Instant::now() + self.limits.time;
            let budget = Budget::steps(self.limits.steps)
                .and_while(|| Instant::now() < deadline && !is_abandoned.load(Ordering::Relaxed));
            simulate_within(&forecast, budget)
        });
        Ok(simulated.await.map_err(|_| ServiceError::Internal)??)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = running.get_mut(&self.workspace) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.workspace);
            }
        }
    }
}

/// Says that nobody waits any more.
struct Abandoned(Arc<AtomicBool>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
