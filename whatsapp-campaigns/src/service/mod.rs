//! All that a person does with campaigns: make them, give them recipients, look at what would happen, start, pause, and see
//! how they went. The [`runner`](crate::runner) does the rest.
//!
//! ```
//! use std::sync::Arc;
//!
//! use whatsapp_campaigns::{
//!     audience::{ConsentStamp, CsvSource},
//!     service::{CampaignService, Upload},
//!     model::Settings,
//! };
//! use whatsapp_store::{WorkspaceId, memory::MemoryStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = CampaignService::new(Arc::new(MemoryStore::new()), WorkspaceId::default());
//! let settings = Settings::from_json(r#"{
//!     "senders": ["shop"],
//!     "content": {"category": "utility", "variants": [{"name": "a", "content": {"type": "text", "text": "We moved."}}]},
//!     "timing": {"schedule": {"type": "once", "at": 1790000000000}}
//! }"#)?;
//! service.create("moved", "We moved", settings, "ana").await?;
//! let consent = ConsentStamp::new("news", "form:shop", 1_780_000_000_000, "https://example.org/form")?;
//! let file = CsvSource::new("phone\n+49 151 23456789\n12\n".as_bytes());
//! let frozen = service.upload("moved", file, Upload::new(consent), std::io::sink(), "ana").await?;
//! assert_eq!((frozen.rows, frozen.recipients), (2, 1));
//! # Ok(())
//! # }
//! ```
mod agreed;
mod error;
mod export;
mod forecast;
mod freeze;
mod lanes;
mod queries;
mod runs;
mod simulations;
mod sink;
mod steps;
mod target;

use std::{fmt, sync::Arc};

use rand::RngExt;
use serde_json::json;
use whatsapp_store::{
    AuditChange, AuditEntry, CampaignChange, CampaignMove, CampaignPage, CampaignRecord, CampaignState,
    Change, Changes, Error as StoreError, ErrorKind, Store, WorkspaceId,
};

pub(crate) use self::runs::begin_run;
pub use self::{
    error::ServiceError,
    export::ExportFormat,
    forecast::Assumptions,
    freeze::Upload,
    queries::{CanaryView, PreviewRow, Progress},
    simulations::{SimulationLimits, Simulations},
    target::Target,
};
use crate::{
    changes::expect,
    clock::{Clock, SystemClock},
    lattice::predecessors,
    model::{Document, Settings, StoredCampaign},
    window::Millis,
};

/// The campaigns of a workspace, as a person handles them. Cheap to clone.
#[derive(Clone)]
pub struct CampaignService {
    store: Arc<dyn Store>,
    workspace: WorkspaceId,
    clock: Arc<dyn Clock>,
    simulations: Simulations,
}

impl fmt::Debug for CampaignService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CampaignService").field("workspace", &self.workspace).finish_non_exhaustive()
    }
}

/// A campaign as it is stored, read.
#[derive(Clone, Debug, PartialEq)]
pub struct CampaignView {
    /// The record.
    pub record: CampaignRecord,
    /// What its definition says.
    pub document: Document,
}

impl CampaignService {
    /// Of a workspace, by the clock of this machine.
    pub fn new(store: Arc<dyn Store>, workspace: WorkspaceId) -> Self {
        Self::with_clock(store, workspace, Arc::new(SystemClock))
    }

    /// By another clock.
    pub fn with_clock(store: Arc<dyn Store>, workspace: WorkspaceId, clock: Arc<dyn Clock>) -> Self {
        Self { store, workspace, clock, simulations: Simulations::default() }
    }

    /// Shares the bounds of simulations with the other services of the node.
    #[must_use]
    pub fn simulating(self, simulations: Simulations) -> Self {
        Self { simulations, ..self }
    }

    /// Makes a campaign, as a draft.
    ///
    /// # Errors
    /// When the settings do not work, the id is taken or none, or it cannot be stored.
    pub async fn create(
        &self,
        id: &str,
        name: &str,
        settings: Settings,
        actor: &str,
    ) -> Result<CampaignView, ServiceError> {
        settings.check()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(1..=64).contains(&id.len()) || !id.bytes().all(is_plain) {
            return Err(ServiceError::Id);
        }
        if self.store.campaign(&self.workspace, id).await?.is_some() {
            return Err(ServiceError::Exists);
        }
        let kept = StoredCampaign {
            key: Some(random_key()),
            created_by: Some(actor.to_owned()),
            ..StoredCampaign::default()
        };
        let record = self.record(id, name, &Document { settings, kept });
        let absent = CampaignChange::Expect { campaign: id.to_owned(), updated_at: None };
        let audit = self.audit(actor, "campaign.created", id, json!({}));
        let list = vec![absent.into(), CampaignChange::Put(record).into(), audit];
        self.commit_unless(list, ServiceError::Exists).await?;
        self.show(id).await
    }

    /// Changes the settings of a draft. Recipients who were uploaded for another content or other senders are forgotten.
    ///
    /// # Errors
    /// When the settings do not work, it is no draft any more, or somebody else changed it.
    pub async fn change<'a>(
        &self,
        target: impl Into<Target<'a>>,
        name: Option<&str>,
        settings: Settings,
        actor: &str,
    ) -> Result<CampaignView, ServiceError> {
        let checked = settings.check()?;
        let (id, CampaignView { record, document }) = self.target(target.into()).await?;
        self.is_draft(&record)?;
        let former = &document.settings;
        let fits =
            document.kept.frozen.as_ref().is_some_and(|frozen| frozen.fits(checked.template.version()));
        let stays = fits && former.senders == settings.senders && former.audience == settings.audience;
        let kept =
            StoredCampaign { frozen: document.kept.frozen.filter(|_| stays), dry_run: None, ..document.kept };
        let document = Document { settings, kept };
        let name = name.unwrap_or(&record.name);
        let audit = self.audit(actor, "campaign.changed", id, json!({ "recipientsForgotten": !stays }));
        let mut list = vec![expect(&record)];
        if stays {
            list.push(
                CampaignChange::Put(CampaignRecord {
                    name: name.to_owned(),
                    ..self.with(&record, &document)
                })
                .into(),
            );
            if record.state == CampaignState::Approved {
                list.push(self.moved(id, CampaignState::Draft, None));
            }
        } else {
            list.extend(self.anew(&record, name, &document, CampaignState::Draft));
        }
        list.push(audit);
        self.commit_unless(list, ServiceError::ChangedSince).await?;
        self.show(id).await
    }

    /// A page of campaigns, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn list(&self, before: Option<&str>, limit: u32) -> Result<CampaignPage, ServiceError> {
        Ok(self.store.campaigns(&self.workspace, before, limit).await?)
    }

    /// A campaign.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub async fn show(&self, id: &str) -> Result<CampaignView, ServiceError> {
        let record = self.store.campaign(&self.workspace, id).await?.ok_or(ServiceError::NotFound)?;
        let document = Document::from_json(&record.definition).map_err(|_| ServiceError::Stored)?;
        Ok(CampaignView { record, document })
    }

    /// Removes a campaign with all that belongs to it.
    ///
    /// # Errors
    /// When there is none, it sends, or somebody else changed it.
    pub async fn delete<'a>(&self, target: impl Into<Target<'a>>, actor: &str) -> Result<(), ServiceError> {
        let target = target.into();
        let id = target.id;
        // Not its document: also what cannot be read can be deleted.
        let record = self.store.campaign(&self.workspace, id).await?.ok_or(ServiceError::NotFound)?;
        target.check(&record)?;
        if matches!(record.state, CampaignState::Running | CampaignState::Draining | CampaignState::Scheduled)
        {
            return Err(ServiceError::State { state: record.state, todo: "cancel it first" });
        }
        let audit = self.audit(actor, "campaign.deleted", id, json!({ "name": record.name }));
        let delete = CampaignChange::Delete { campaign: id.to_owned() };
        self.commit(vec![expect(&record), delete.into(), audit]).await
    }

    fn is_draft(&self, record: &CampaignRecord) -> Result<(), ServiceError> {
        match record.state {
            CampaignState::Draft | CampaignState::Approved => Ok(()),
            // Of somebody who did not come to the end; a lease says whether somebody is still at it.
            CampaignState::Freezing => Ok(()),
            state => Err(ServiceError::State { state, todo: "make another one, or cancel it" }),
        }
    }

    fn record(&self, id: &str, name: &str, document: &Document) -> CampaignRecord {
        let now = self.clock.now();
        CampaignRecord {
            id: id.to_owned(),
            number: 0,
            name: name.to_owned(),
            state: CampaignState::Draft,
            reason: None,
            definition: document.to_json(),
            base_at: now,
            created_at: now,
            updated_at: now,
        }
    }

    /// A record with another document.
    fn with(&self, record: &CampaignRecord, document: &Document) -> CampaignRecord {
        CampaignRecord { definition: document.to_json(), updated_at: self.clock.now(), ..record.clone() }
    }

    /// The campaign without its audience: a place that was given once stays as it is.
    fn anew(
        &self,
        record: &CampaignRecord,
        name: &str,
        document: &Document,
        state: CampaignState,
    ) -> [Change; 2] {
        replaced_by(self.fresh(record, name, document, state))
    }

    fn fresh(
        &self,
        record: &CampaignRecord,
        name: &str,
        document: &Document,
        state: CampaignState,
    ) -> CampaignRecord {
        let created_at = record.created_at;
        let fresh = self.record(&record.id, name, document);
        // The former record is deleted, so that the store does not see to it that the time rises.
        let updated_at = fresh.updated_at.max(record.updated_at + 1);
        CampaignRecord { state, reason: None, created_at, updated_at, ..fresh }
    }

    fn moved(&self, id: &str, state: CampaignState, reason: Option<&str>) -> Change {
        self.moved_from(id, state, reason, predecessors(state))
    }

    fn moved_from(&self, id: &str, state: CampaignState, reason: Option<&str>, from: u64) -> Change {
        let (campaign, at) = (id.to_owned(), self.clock.now());
        let reason = reason.map(str::to_owned);
        CampaignChange::SetState(CampaignMove { campaign, state, reason, from, at }).into()
    }

    fn audit(&self, actor: &str, action: &str, id: &str, details: serde_json::Value) -> Change {
        AuditChange::Append(AuditEntry {
            at: self.clock.now(),
            actor: actor.to_owned(),
            action: action.to_owned(),
            subject: format!("campaign/{id}"),
            details: details.to_string(),
        })
        .into()
    }

    async fn commit(&self, list: Vec<Change>) -> Result<(), ServiceError> {
        let mut changes = Changes::new(self.workspace.clone());
        changes.list = list;
        Ok(self.store.commit(changes).await?)
    }

    /// Commits; fails with `conflict` when somebody else was first.
    async fn commit_unless(&self, list: Vec<Change>, conflict: ServiceError) -> Result<(), ServiceError> {
        match self.commit(list).await {
            Err(ServiceError::Store(error)) if is_conflict(&error) => Err(conflict),
            done => done,
        }
    }

    /// Commits a move; when somebody else moved the campaign first, says where to.
    async fn step(&self, id: &str, list: Vec<Change>) -> Result<CampaignView, ServiceError> {
        match self.commit(list).await {
            Err(ServiceError::Store(error)) if is_conflict(&error) => {
                let state = self.show(id).await?.record.state;
                Err(ServiceError::State { state, todo: "somebody changed it meanwhile: look at it again" })
            }
            Err(error) => Err(error),
            Ok(()) => self.show(id).await,
        }
    }
}

/// The campaign with all that belongs to it makes room for this one.
fn replaced_by(fresh: CampaignRecord) -> [Change; 2] {
    [CampaignChange::Delete { campaign: fresh.id.clone() }.into(), CampaignChange::Put(fresh).into()]
}

fn is_conflict(error: &StoreError) -> bool {
    error.kind() == ErrorKind::Conflict
}

/// 64 hexadecimal digits.
fn random_key() -> String {
    let mut key = [0_u8; 32];
    rand::rng().fill(&mut key[..]);
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// When something happened, for people.
fn rfc3339(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
