//! The campaigns that send now, as all senders of a node see them.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use whatsapp_store::{AccountId, CampaignRecord, CampaignState, Error as StoreError, Store, WorkspaceId};

use crate::{
    content::{Arms, Template},
    keys::Keys,
    model::{Document, LaneSpec},
    pacing::Rate,
    window::Plan,
};

/// The states in which something is sent.
pub(super) const SENDING: [CampaignState; 2] = [CampaignState::Running, CampaignState::Draining];

/// A campaign that sends.
#[derive(Debug)]
pub(super) struct ActiveCampaign {
    pub(super) workspace: WorkspaceId,
    pub(super) record: CampaignRecord,
    pub(super) document: Document,
    pub(super) template: Arc<Template>,
    pub(super) arms: Arms,
    pub(super) keys: Keys,
    pub(super) plan: Plan,
    /// The limit of all its senders together.
    pub(super) rate: Option<Rate>,
    /// By number.
    pub(super) lanes: BTreeMap<i32, LaneSpec>,
    /// The accounts that send it.
    pub(super) senders: BTreeSet<String>,
}

/// Why a campaign cannot be sent as it is stored.
#[derive(Debug, thiserror::Error)]
pub(super) enum LoadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("what is stored of it cannot be used: {0}")]
    Stored(String),
}

impl ActiveCampaign {
    pub(super) async fn load(
        store: &dyn Store,
        workspace: &WorkspaceId,
        record: CampaignRecord,
    ) -> Result<Self, LoadError> {
        let stored = |error: &dyn std::fmt::Display| LoadError::Stored(error.to_string());
        let document = Document::from_json(&record.definition).map_err(|error| stored(&error))?;
        let checked = document.settings.check().map_err(|error| stored(&error))?;
        let key = document.kept.key_bytes().ok_or_else(|| stored(&"its key is missing"))?;
        let mut lanes = BTreeMap::new();
        for lane in store.lanes(workspace, &record.id).await? {
            lanes.insert(lane.lane, LaneSpec::from_json(&lane.definition).map_err(|error| stored(&error))?);
        }
        Ok(Self {
            workspace: workspace.clone(),
            record,
            document,
            template: checked.template,
            arms: Arms::new(&key),
            keys: Keys::of(store, workspace).await?,
            plan: checked.plan,
            rate: checked.rate,
            senders: lanes.values().map(|lane| lane.sender.clone()).collect(),
            lanes,
        })
    }

    /// Is it the campaign of that workspace and id?
    pub(super) fn is(&self, workspace: &WorkspaceId, id: &str) -> bool {
        self.workspace == *workspace && self.record.id == id
    }

    /// The lanes of one sender.
    pub(super) fn lanes_of(&self, sender: &str) -> impl Iterator<Item = (i32, &LaneSpec)> {
        self.lanes.iter().filter(move |(_, lane)| lane.sender == sender).map(|(number, lane)| (*number, lane))
    }
}

/// What sends at a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct ActiveCampaigns(pub(super) Vec<Arc<ActiveCampaign>>);

impl ActiveCampaigns {
    /// Reads what changed since the last look. Campaigns that cannot be read as they are stored come back beside it.
    pub(super) async fn look(&self, store: &dyn Store) -> Result<(Self, Vec<Broken>), StoreError> {
        let (mut live, mut broken) = (Vec::new(), Vec::new());
        for (workspace, id) in store.campaigns_in_state(&SENDING).await? {
            let Some(record) = store.campaign(&workspace, &id).await? else { continue };
            if !SENDING.contains(&record.state) {
                continue;
            }
            match self.0.iter().find(|live| live.is(&workspace, &id) && live.record == record) {
                Some(same) => live.push(same.clone()),
                None => match ActiveCampaign::load(store, &workspace, record).await {
                    Ok(new) => live.push(Arc::new(new)),
                    Err(LoadError::Store(error)) => return Err(error),
                    Err(error) => broken.push(Broken { workspace, id, why: error.to_string() }),
                },
            }
        }
        Ok((Self(live), broken))
    }

    /// Is it the same as another one?
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// How many different accounts of a workspace send anything.
    pub(super) fn senders(&self, workspace: &WorkspaceId) -> usize {
        let ours = self.0.iter().filter(|live| live.workspace == *workspace);
        ours.flat_map(|live| &live.senders).collect::<BTreeSet<_>>().len()
    }

    /// Does any campaign send from that account?
    pub(super) fn send_from(&self, account: &AccountId) -> bool {
        let mut ours = self.0.iter().filter(|live| live.workspace == *account.workspace());
        ours.any(|live| live.senders.contains(account.name()))
    }
}

/// A campaign that cannot go on.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) workspace: WorkspaceId,
    pub(super) id: String,
    pub(super) why: String,
}
