//! Bots as they were published, compiled once for all conversations.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use whatsapp_store::{Error as StoreError, FlowRecord, Store, WorkspaceId};

use crate::{Compiled, Definition};

/// Flows read at once.
const PAGE: u32 = 100;
/// Bots of one workspace that are asked whether they start.
const MOST: usize = 1_000;

/// Whose, and which.
type Place = (WorkspaceId, String);

/// A bot as it was last published.
pub(super) struct Published {
    pub(super) id: String,
    /// May it start conversations?
    pub(super) enabled: bool,
    pub(super) compiled: Arc<Compiled>,
}

/// The versions of bots that were compiled.
#[derive(Default)]
pub(super) struct Catalog(Mutex<HashMap<Place, Shelf>>);

/// The versions of one bot.
#[derive(Default)]
struct Shelf {
    /// When the bot was made: one that is made anew under the same name has other versions of the same numbers.
    made_at: Option<i64>,
    /// `None` of a version that does not compile any more.
    versions: HashMap<i64, Option<Arc<Compiled>>>,
}

impl Catalog {
    /// A version of a bot.
    pub(super) async fn bot(
        &self,
        store: &dyn Store,
        workspace: &WorkspaceId,
        bot: &str,
        version: i64,
    ) -> Result<Option<Arc<Compiled>>, StoreError> {
        let place = (workspace.clone(), bot.to_owned());
        let known = self.lock().get(&place).and_then(|shelf| shelf.versions.get(&version).cloned());
        if let Some(known) = known {
            return Ok(known);
        }
        // A version never changes.
        let Some(stored) = store.flow_version(workspace, bot, version).await? else { return Ok(None) };
        let compiled = Definition::from_json(&stored.definition).ok().and_then(|definition| {
            let compiled = Compiled::new(&definition, version);
            if let Err(findings) = &compiled {
                tracing::error!(bot, version, %findings, "a published bot does not work with this version of the program");
            }
            compiled.ok().map(Arc::new)
        });
        self.lock().entry(place).or_default().versions.insert(version, compiled.clone());
        Ok(compiled)
    }

    /// Forgets the versions of a bot that had this name before.
    fn know(&self, workspace: &WorkspaceId, bot: &FlowRecord) {
        let mut shelves = self.lock();
        let shelf = shelves.entry((workspace.clone(), bot.id.clone())).or_default();
        if shelf.made_at != Some(bot.created_at) {
            *shelf = Shelf { made_at: Some(bot.created_at), ..Shelf::default() };
        }
    }

    /// Bots that may start conversations, by id, with their published version.
    pub(super) async fn starting(
        &self,
        store: &dyn Store,
        workspace: &WorkspaceId,
    ) -> Result<Vec<(String, Arc<Compiled>)>, StoreError> {
        let published = self.published(store, workspace, |flow| flow.enabled).await?;
        Ok(published.into_iter().map(|bot| (bot.id, bot.compiled)).collect())
    }

    /// Those of the bots that were published that are wanted, the oldest first.
    pub(super) async fn published(
        &self,
        store: &dyn Store,
        workspace: &WorkspaceId,
        is_wanted: fn(&FlowRecord) -> bool,
    ) -> Result<Vec<Published>, StoreError> {
        let (mut found, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = store.flows(workspace, after.as_deref(), PAGE).await?;
            for flow in page.flows.into_iter().filter(is_wanted) {
                let Some(version) = flow.published else { continue };
                self.know(workspace, &flow);
                if let Some(compiled) = self.bot(store, workspace, &flow.id, version).await? {
                    found.push(Published { id: flow.id, enabled: flow.enabled, compiled });
                }
            }
            after = page.next;
            if after.is_none() || found.len() >= MOST {
                return Ok(found);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Shelf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
