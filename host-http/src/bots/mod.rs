//! Bots: the flow engine's runner, sessions as what it sends through, and what people write as its inputs.
mod ear;
mod fetch;
mod outlet;

use std::sync::Arc;

use whatsapp_bots::runner::Bots;
use whatsapp_campaigns::runner::Ears;
use whatsapp_store::Store;

pub use self::fetch::Reach;
use self::{ear::BotEar, fetch::Fetch, outlet::Sessions as SessionOutlet};
use crate::{campaigns::Campaigns, consumer, session::Sessions};

/// Runs bots for as long as the host runs.
pub(crate) fn start(
    store: Arc<dyn Store>,
    node: &str,
    sessions: Sessions,
    campaigns: Campaigns,
    reach: Reach,
) -> Bots {
    let outlet = SessionOutlet { sessions, campaigns, fetch: Fetch::new(reach) };
    let bots = Bots::new(store.clone(), Arc::new(outlet));
    let running = bots.clone();
    tokio::spawn(async move { running.run().await });
    let ear = BotEar { store: store.clone(), bots: bots.clone(), ears: Ears::new(store.clone()) };
    tokio::spawn(consumer::run(store, node.into(), "bots", ear));
    bots
}
