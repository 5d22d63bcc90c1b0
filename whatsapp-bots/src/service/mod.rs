//! What a person does with bots: write drafts, try them out, publish them, enable and disable them, and remove them. The
//! [runner](crate::runner) lets published ones talk.
//!
//! Each write is one commit with its entry in the audit log, and names what it replaces: of two people who change the same bot, the
//! second is told.
//!
//! ```
//! use std::sync::Arc;
//!
//! use whatsapp_bots::service::{BotService, Draft};
//! use whatsapp_store::{WorkspaceId, memory::MemoryStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = BotService::new(Arc::new(MemoryStore::new()), WorkspaceId::default());
//! let draft = Draft::from_json(r#"{
//!     "format": 1, "bot": {"id": "greeter", "language": "en"},
//!     "flows": [{"id": "f", "entry": "hello", "nodes": [
//!         {"id": "hello", "kind": "say", "config": {"text": "Hello!"}, "exits": [{"id": "next"}]}]}],
//!     "triggers": [{"id": "any", "on": "anyMessage", "flow": "f"}]
//! }"#)?;
//! let saved = service.create(&"greeter".parse()?, Some("Greeter"), draft, "ana").await?;
//! assert_eq!(saved.bot.published, None);
//! let published = service.publish("greeter", None, "ana").await?;
//! assert_eq!((published.bot.published, published.bot.enabled), (Some(1), true));
//! # Ok(())
//! # }
//! ```
mod draft;
mod error;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use serde::Serialize;
use whatsapp_store::{
    AuditChange, AuditEntry, Change, Changes, FlowChange, FlowHead, FlowHeadPage, FlowRecord,
    FlowVersionPage, NodeCount, SettingChange, Store, WorkspaceId,
};

pub use self::{
    draft::Draft,
    error::{ServiceError, ServiceErrorKind},
};
pub use crate::definition::{BadId, BotId};
use crate::{
    Compiled, Finding, Findings,
    clock::{Clock, SystemClock},
    schedule::setting,
    tester::{Report, Transcript},
    validate,
};

/// The bots of a workspace, as a person handles them. Cheap to clone.
#[derive(Clone)]
pub struct BotService {
    store: Arc<dyn Store>,
    workspace: WorkspaceId,
    clock: Arc<dyn Clock>,
}

/// Which state of a bot somebody has read: [`FlowHead::updated_at`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision(pub i64);

/// A bot as it was written, with what is wrong with its draft.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Saved {
    /// The bot.
    pub bot: FlowHead,
    /// What is wrong with the draft, and what might be.
    pub findings: Vec<Finding>,
}

/// Counts of the nodes of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionCounts {
    /// The version.
    pub version: i64,
    /// By node.
    pub counts: Vec<NodeCount>,
}

impl fmt::Debug for BotService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BotService").field("workspace", &self.workspace).finish_non_exhaustive()
    }
}

impl BotService {
    /// Of a workspace, by the clock of this machine.
    pub fn new(store: Arc<dyn Store>, workspace: WorkspaceId) -> Self {
        Self::with_clock(store, workspace, Arc::new(SystemClock))
    }

    /// By another clock.
    pub fn with_clock(store: Arc<dyn Store>, workspace: WorkspaceId, clock: Arc<dyn Clock>) -> Self {
        Self { store, workspace, clock }
    }

    /// A page of bots, the oldest first, without their drafts.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn list(&self, after: Option<&str>, limit: u32) -> Result<FlowHeadPage, ServiceError> {
        Ok(self.store.flow_heads(&self.workspace, after, limit).await?)
    }

    /// A bot with its draft.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn show(&self, id: &str) -> Result<FlowRecord, ServiceError> {
        let record = self.store.flow(&self.workspace, id).await?;
        record.ok_or_else(|| ServiceError::NotFound(id.to_owned()))
    }

    /// A bot without its draft.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn head(&self, id: &str) -> Result<FlowHead, ServiceError> {
        let head = self.store.flow_head(&self.workspace, id).await?;
        head.ok_or_else(|| ServiceError::NotFound(id.to_owned()))
    }

    /// A page of the versions of a bot, the newest first.
    ///
    /// # Errors
    /// When there is no such bot, or they cannot be read.
    pub async fn versions(
        &self,
        id: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<FlowVersionPage, ServiceError> {
        self.head(id).await?;
        Ok(self.store.flow_versions(&self.workspace, id, before, limit).await?)
    }

    /// The counts of a version's nodes, of the published one unless another is named; `None` if none was published.
    ///
    /// # Errors
    /// When there is no such bot, or they cannot be read.
    pub async fn counts(
        &self,
        id: &str,
        version: Option<i64>,
    ) -> Result<Option<VersionCounts>, ServiceError> {
        let published = self.head(id).await?.published;
        let Some(version) = version.or(published) else { return Ok(None) };
        let counts = self.store.node_counts(&self.workspace, id, version).await?;
        Ok(Some(VersionCounts { version, counts }))
    }

    /// Makes a bot with a draft, which may be half done. Without a name it is called by its id.
    ///
    /// # Errors
    /// When the id is taken, or it cannot be stored.
    pub async fn create(
        &self,
        id: &BotId,
        name: Option<&str>,
        draft: Draft,
        actor: &str,
    ) -> Result<Saved, ServiceError> {
        let name = name.unwrap_or(id.as_str());
        match self.put(id.as_str(), name, draft, None, (actor, "chatbot.created")).await {
            Err(ServiceError::Changed(id)) => Err(ServiceError::Exists(id)),
            made => made,
        }
    }

    /// Makes a bot of another program's document, with a report of what could not be carried over. What needs attention keeps it from
    /// being published.
    ///
    /// # Errors
    /// When the document cannot be read, the id is taken, or it cannot be stored.
    #[cfg(any(feature = "import-rapidpro", feature = "import-typebot"))]
    pub async fn import(
        &self,
        id: &BotId,
        name: Option<&str>,
        format: crate::import::Format,
        document: &[u8],
        actor: &str,
    ) -> Result<(Saved, crate::import::Report), ServiceError> {
        let imported = crate::import::import(format, document)?;
        let draft = Draft::try_from(imported.definition)?;
        Ok((self.create(id, name, draft, actor).await?, imported.report))
    }

    /// Changes the draft of a bot, and its name if one is given; what is published stays. With a revision, only the state that it
    /// names is replaced.
    ///
    /// # Errors
    /// When there is no such bot, somebody changed it meanwhile, or it cannot be stored.
    pub async fn change(
        &self,
        id: &str,
        name: Option<&str>,
        draft: Draft,
        read: Option<Revision>,
        actor: &str,
    ) -> Result<Saved, ServiceError> {
        let head = self.head(id).await?;
        let revision = read.unwrap_or(Revision(head.updated_at));
        let name = name.unwrap_or(&head.name);
        self.put(id, name, draft, Some(revision), (actor, "chatbot.changed")).await
    }

    /// Makes the draft a version, which new conversations follow. The first one enables the bot. `read` is the state of the bot that
    /// the person has seen: a draft that somebody else put meanwhile is not published. Without it, the draft is the present one.
    ///
    /// # Errors
    /// When there is no such bot or no draft, the draft has errors, somebody changed it meanwhile, or it cannot be stored.
    pub async fn publish(
        &self,
        id: &str,
        read: Option<Revision>,
        actor: &str,
    ) -> Result<Saved, ServiceError> {
        let record = self.show(id).await?;
        if read.is_some_and(|read| read != Revision(record.updated_at)) {
            return Err(ServiceError::Changed(id.to_owned()));
        }
        let draft = draft(&record)?;
        let findings = validate(draft.definition());
        let errors: Vec<_> = findings.iter().filter(|finding| finding.is_error()).cloned().collect();
        if !errors.is_empty() {
            return Err(ServiceError::Unpublishable(Findings(errors)));
        }
        let (at, by, flow) = (self.clock.now(), actor.to_owned(), id.to_owned());
        // What was validated is what is published.
        let publish = FlowChange::Publish { flow: flow.clone(), definition: draft.into_json(), at, by };
        let mut list: Vec<Change> = vec![publish.into()];
        if record.published.is_none() {
            list.push(FlowChange::SetEnabled { flow, enabled: true, at }.into());
        }
        self.write(id, Some(Revision(record.updated_at)), list, (actor, "chatbot.published")).await?;
        Ok(Saved { bot: self.head(id).await?, findings })
    }

    /// Lets a bot start conversations, or not; those that are live go on.
    ///
    /// # Errors
    /// When there is no such bot, somebody changed it meanwhile, or it cannot be stored.
    pub async fn set_enabled(&self, id: &str, enabled: bool, actor: &str) -> Result<FlowHead, ServiceError> {
        let head = self.head(id).await?;
        let (flow, at) = (id.to_owned(), self.clock.now());
        let change = FlowChange::SetEnabled { flow, enabled, at };
        let action = if enabled { "chatbot.enabled" } else { "chatbot.disabled" };
        self.write(id, Some(Revision(head.updated_at)), vec![change.into()], (actor, action)).await?;
        self.head(id).await
    }

    /// Removes a bot with its versions, its counts and the progress of its schedules; its conversations end.
    ///
    /// # Errors
    /// When there is no such bot, somebody changed it meanwhile, or it cannot be stored.
    pub async fn delete(&self, id: &str, read: Option<Revision>, actor: &str) -> Result<(), ServiceError> {
        let head = self.head(id).await?;
        let read = read.unwrap_or(Revision(head.updated_at));
        let delete = FlowChange::Delete { flow: id.to_owned(), at: self.clock.now() };
        let schedules = SettingChange::Delete { name: setting(id) };
        let list = vec![delete.into(), schedules.into()];
        self.write(id, Some(read), list, (actor, "chatbot.deleted")).await
    }

    /// What is wrong with the draft of a bot, and what might be.
    ///
    /// # Errors
    /// When there is no such bot or no draft, or it cannot be read.
    pub async fn findings(&self, id: &str) -> Result<Vec<Finding>, ServiceError> {
        Ok(validate(draft(&self.show(id).await?)?.definition()))
    }

    /// Replays a chat with the draft of a bot: nothing is sent or stored.
    ///
    /// # Errors
    /// When there is no such bot or no draft, or the draft has errors.
    pub async fn try_out(&self, id: &str, transcript: &Transcript) -> Result<Report, ServiceError> {
        let draft = draft(&self.show(id).await?)?;
        let bot = Compiled::new(draft.definition(), 1).map_err(ServiceError::Unpublishable)?;
        Ok(transcript.run(&bot))
    }

    /// Writes a draft in the place of what was read, or of nothing.
    async fn put(
        &self,
        id: &str,
        name: &str,
        draft: Draft,
        read: Option<Revision>,
        by: (&str, &str),
    ) -> Result<Saved, ServiceError> {
        let findings = validate(draft.definition());
        let (flow, name, at) = (id.to_owned(), name.to_owned(), self.clock.now());
        let put = FlowChange::PutDraft { flow, name, draft: Some(draft.into_json()), at };
        self.write(id, read, vec![put.into()], by).await?;
        Ok(Saved { bot: self.head(id).await?, findings })
    }

    /// Commits changes of a bot that is still as it was read, or not there, with their entry in the audit log.
    async fn write(
        &self,
        id: &str,
        read: Option<Revision>,
        list: Vec<Change>,
        (actor, action): (&str, &str),
    ) -> Result<(), ServiceError> {
        let expect = FlowChange::Expect { flow: id.to_owned(), updated_at: read.map(|Revision(at)| at) };
        let audit = AuditChange::Append(AuditEntry {
            at: self.clock.now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: format!("chatbot/{id}"),
            details: "{}".to_owned(),
        });
        let mut changes = Changes::new(self.workspace.clone());
        changes.push(expect);
        changes.list.extend(list);
        changes.push(audit);
        match self.store.commit(changes).await.map_err(ServiceError::from) {
            Err(error) if error.is_conflict() => Err(ServiceError::Changed(id.to_owned())),
            done => done,
        }
    }
}

/// The draft of a bot.
fn draft(record: &FlowRecord) -> Result<Draft, ServiceError> {
    let json = record.draft.as_deref().ok_or_else(|| ServiceError::NoDraft(record.id.clone()))?;
    Ok(Draft::from_json(json)?)
}
