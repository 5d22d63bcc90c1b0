//! Published versions of bots, compiled once for all conversations and kept within a bound of bytes.
//!
//! What is published, and whether it may start, is read for each message that starts something: another node may have changed it a
//! moment ago. That read is of heads, without drafts and definitions. A version never changes, so a compiled one stays right for as
//! long as it is kept.
use std::sync::Arc;

use quick_cache::{OptionsBuilder, Weighter, sync::Cache};
use tokio::sync::Semaphore;
use whatsapp_store::{ConversationRecord, Error as StoreError, FlowHead, Store, WorkspaceId};

use super::envelope::Envelope;
use crate::{Compiled, Definition};

/// Heads read at once.
const PAGE: u32 = 200;
/// Bots of one workspace that are asked whether they start.
const MOST: usize = 1_000;
/// Definitions that are read and compiled at once.
const LOADS: usize = 2;
/// Versions that are expected to be kept.
const EXPECTED: usize = 256;

/// A published version of a bot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Published {
    pub(super) bot: String,
    pub(super) version: i64,
    /// When the bot was made: one that is made anew under the id of a deleted one numbers its versions anew.
    pub(super) made_at: i64,
}

/// A published version of a workspace's bot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    workspace: WorkspaceId,
    published: Published,
}

#[derive(Clone)]
struct Kept {
    /// `None` of a version that does not compile any more.
    compiled: Option<Arc<Compiled>>,
    bytes: u64,
}

/// By the memory that a version takes.
#[derive(Clone, Copy, Debug)]
struct Bytes;

impl Weighter<Key, Kept> for Bytes {
    fn weight(&self, _: &Key, kept: &Kept) -> u64 {
        kept.bytes
    }
}

/// What a compiled version counts as: an estimate by the length of its definition.
fn bytes(definition: &str) -> u64 {
    definition.len() as u64 * 4 + 16 * 1024
}

/// Why a version was not loaded.
enum NotLoaded {
    /// It is not there: the bot was deleted.
    Gone,
    Store(StoreError),
}

impl From<StoreError> for NotLoaded {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The versions of bots that were compiled.
pub(super) struct Catalog {
    /// Those used once leave before those used again, so that a workspace with more bots than there is room for does not empty it.
    kept: Cache<Key, Kept, Bytes>,
    loads: Semaphore,
}

impl Catalog {
    /// Keeps so many bytes of compiled versions at most.
    pub(super) fn new(capacity: u64) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(EXPECTED)
            .weight_capacity(capacity)
            // A share of the capacity for each shard would be too small for a large bot.
            .shards(1)
            .build();
        let kept = match options {
            Ok(options) => Cache::with_options(options, Bytes, Default::default(), Default::default()),
            Err(_) => Cache::with_weighter(EXPECTED, capacity, Bytes),
        };
        Self { kept, loads: Semaphore::new(LOADS) }
    }

    /// Bytes of what is kept.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.kept.weight()
    }

    /// Those of the bots that were published that are wanted, the oldest first.
    pub(super) async fn heads(
        &self,
        store: &dyn Store,
        workspace: &WorkspaceId,
        is_wanted: fn(&FlowHead) -> bool,
    ) -> Result<Vec<FlowHead>, StoreError> {
        let (mut found, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = store.flow_heads(workspace, after.as_deref(), PAGE).await?;
            found.extend(page.flows.into_iter().filter(|head| head.published.is_some() && is_wanted(head)));
            after = page.next;
            if after.is_none() || found.len() >= MOST {
                found.truncate(MOST);
                return Ok(found);
            }
        }
    }

    /// Versions that may start conversations now, those of the oldest bot first.
    pub(super) async fn starting(
        &self,
        store: &dyn Store,
        workspace: &WorkspaceId,
    ) -> Result<Vec<Published>, StoreError> {
        let heads = self.heads(store, workspace, |head| head.enabled).await?;
        Ok(heads.iter().filter_map(Published::of).collect())
    }

    /// The version that a conversation follows; `None` when it is gone or does not compile.
    pub(super) async fn followed(
        &self,
        store: &dyn Store,
        record: &ConversationRecord,
        envelope: &Envelope,
    ) -> Result<Option<Arc<Compiled>>, StoreError> {
        let workspace = record.account.workspace();
        let made_at = match envelope.made_at {
            Some(made_at) => made_at,
            // It began before that was noted.
            None => match store.flow_head(workspace, &record.flow).await? {
                Some(head) => head.created_at,
                None => return Ok(None),
            },
        };
        let published = Published { bot: record.flow.clone(), version: record.version, made_at };
        self.compiled(store, workspace, &published).await
    }

    /// A published version, compiled; `None` when it is gone or does not compile.
    pub(super) async fn compiled(
        &self,
        store: &dyn Store,
        workspace: &WorkspaceId,
        published: &Published,
    ) -> Result<Option<Arc<Compiled>>, StoreError> {
        let key = Key { workspace: workspace.clone(), published: published.clone() };
        match self.kept.get_or_insert_async(&key, self.load(store, &key)).await {
            Ok(kept) => Ok(kept.compiled),
            Err(NotLoaded::Gone) => Ok(None),
            Err(NotLoaded::Store(error)) => Err(error),
        }
    }

    async fn load(&self, store: &dyn Store, key: &Key) -> Result<Kept, NotLoaded> {
        let Key { workspace, published: Published { bot, version, made_at } } = key;
        // Nobody closes it.
        let _turn = self.loads.acquire().await;
        let stored = store.flow_version(workspace, bot, *version).await?.ok_or(NotLoaded::Gone)?;
        // Looked at after the version: it is then that bot's.
        let head = store.flow_head(workspace, bot).await?;
        if head.is_none_or(|head| head.created_at != *made_at) {
            return Err(NotLoaded::Gone);
        }
        let (bytes, version) = (bytes(&stored.definition), *version);
        let compiling = tokio::task::spawn_blocking(move || compile(&stored.definition, version));
        let compiled = compiling.await.unwrap_or_else(|error| Err(error.to_string()));
        if let Err(why) = &compiled {
            tracing::error!(
                bot,
                version,
                why,
                "a published bot does not work with this version of the program"
            );
        }
        Ok(Kept { bytes: if compiled.is_ok() { bytes } else { 1 }, compiled: compiled.ok().map(Arc::new) })
    }
}

fn compile(definition: &str, version: i64) -> Result<Compiled, String> {
    let definition = Definition::from_json(definition).map_err(|error| error.to_string())?;
    Compiled::new(&definition, version).map_err(|findings| findings.to_string())
}

impl Published {
    /// The version that new conversations follow, if there is one.
    pub(super) fn of(head: &FlowHead) -> Option<Self> {
        Some(Self { bot: head.id.clone(), version: head.published?, made_at: head.created_at })
    }
}
