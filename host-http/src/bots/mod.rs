//! Bots: the flow engine's runner, sessions as what it sends through, and what people write as its inputs.
mod fetch;
mod outlet;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle};
use whatsapp_bots::runner::{Bots, Menus};
use whatsapp_campaigns::runner::Ears;
use whatsapp_store::Store;

pub use self::fetch::Reach;
use self::{fetch::Fetch, outlet::Sessions as SessionOutlet};
use crate::{
    campaigns::Campaigns, consumer::Consumers, inbox::Inbox, session::Sessions, supervisor::supervise,
};

/// What bots of this host may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// Where their requests may go.
    pub reach: Reach,
    /// How their menus are shown.
    pub menus: Menus,
}

/// The consumer of what people write.
const INBOX: &str = "inbox";
/// Answers that are not sent this long after the host was told to stop are left to the next start.
const GRACE: Duration = Duration::from_secs(5);

/// What runs for bots on this node. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    bots: Bots,
    stop: watch::Sender<bool>,
    running: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Tasks {
    /// Hears nothing more, finishes the answers that are under way, and lets another node go on.
    pub(crate) async fn stop(&self) {
        self.stop.send_replace(true);
        self.bots.finish(GRACE).await;
        let running = std::mem::take(&mut *self.running.lock().unwrap_or_else(PoisonError::into_inner));
        for mut task in running {
            // A store that does not answer must not keep us from ending.
            if tokio::time::timeout(GRACE, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

/// Runs bots for as long as the host runs.
pub(crate) fn start(
    store: Arc<dyn Store>,
    node: &str,
    sessions: Sessions,
    campaigns: Campaigns,
    consumers: Consumers,
    manners: Manners,
) -> (Bots, Tasks) {
    let Manners { reach, menus } = manners;
    let outlet = SessionOutlet { store: store.clone(), sessions, campaigns, fetch: Fetch::new(reach), menus };
    let bots = Bots::new(store.clone(), Arc::new(outlet));
    let (stop, stopping) = watch::channel(false);
    consumers.register(INBOX, Inbox { ears: Ears::new(store.clone()), store, bots: bots.clone() });
    let (answering, scheduling, node) = (bots.clone(), bots.clone(), Arc::<str>::from(node));
    let running = vec![
        supervise("bots", move || {
            let bots = answering.clone();
            async move { bots.run().await }
        }),
        supervise("schedules of bots", move || {
            let (bots, node) = (scheduling.clone(), node.clone());
            async move { bots.run_schedules(&node).await }
        }),
        supervise("messages of people", move || {
            let mut stopping = stopping.clone();
            let stopped = async move { drop(stopping.wait_for(|stop| *stop).await) };
            consumers.clone().run(INBOX, stopped)
        }),
    ];
    let tasks = Tasks { bots: bots.clone(), stop, running: Arc::new(Mutex::new(running)) };
    (bots, tasks)
}
