//! Bots: the flow engine's runner, sessions as what it sends through, and what people write as its inputs.
mod ear;
mod fetch;
mod outlet;

use std::sync::Arc;

use whatsapp_bots::runner::{Bots, Menus};
use whatsapp_campaigns::runner::Ears;
use whatsapp_store::Store;

pub use self::fetch::Reach;
use self::{ear::BotEar, fetch::Fetch, outlet::Sessions as SessionOutlet};
use crate::{campaigns::Campaigns, consumer, session::Sessions};

/// What bots of this host may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manners {
    /// Where their requests may go.
    pub reach: Reach,
    /// How their menus are shown.
    pub menus: Menus,
}

/// Runs bots for as long as the host runs.
pub(crate) fn start(
    store: Arc<dyn Store>,
    node: &str,
    sessions: Sessions,
    campaigns: Campaigns,
    manners: Manners,
) -> Bots {
    let Manners { reach, menus } = manners;
    let outlet = SessionOutlet { sessions, campaigns, fetch: Fetch::new(reach), menus };
    let bots = Bots::new(store.clone(), Arc::new(outlet));
    let running = bots.clone();
    tokio::spawn(async move { running.run().await });
    let ear = BotEar { store: store.clone(), bots: bots.clone(), ears: Ears::new(store.clone()) };
    tokio::spawn(consumer::run(store, node.into(), "bots", ear));
    bots
}
