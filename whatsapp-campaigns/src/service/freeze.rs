//! From a file or the contacts to numbered recipients in the store, as one call.
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::PathBuf,
    sync::Arc,
};

use serde_json::json;
use whatsapp_store::{CampaignChange, CampaignRecord, CampaignState, Change, ContactRecord, LaneRecord};

use super::{
    CampaignService, CampaignView, ServiceError,
    lanes::{LaneBook, ZONE},
    replaced_by,
    sink::StoreSink,
};
use crate::{
    audience::{
        AudienceError, AudienceReport, Column, ConsentStamp, FIRST_SEQ, Freeze, Gathered, Mapping,
        MissingValue, Row, Rows, Source, StoreScreen,
    },
    changes::expect,
    content::Template,
    model::{Document, Frozen, LaneSpec, StoredCampaign},
    person::{self, Phone, Region},
};

/// Contacts read at once.
const PAGE: u32 = 500;
/// Pages that wait to be taken in.
const AHEAD: usize = 4;

/// What the columns of a file mean.
#[derive(Clone, Debug)]
pub struct Upload {
    /// What says that they agreed.
    pub consent: ConsentStamp,
    /// The column of the numbers; `phone` unless said otherwise.
    pub address: Column,
    /// The country of numbers without a country's code.
    pub region: Option<Region>,
    /// Columns of variables that are not called like them.
    pub columns: BTreeMap<String, Column>,
    /// The column of time zones such as `Europe/Berlin`, if there is one; else the number's country says.
    pub zone: Option<Column>,
    /// A column that says whether they agreed, and the words that mean yes.
    pub agreed: Option<(Column, Vec<String>)>,
    /// People to leave out, in any spelling of their numbers; `region` is the country of those without a country's code.
    pub exclude: BTreeSet<String>,
    /// Where temporary files go; the system's folder for them unless said otherwise.
    pub temporary: Option<PathBuf>,
}

impl Upload {
    /// Numbers in the column `phone`, each variable in the column of its name.
    pub fn new(consent: ConsentStamp) -> Self {
        Self {
            consent,
            address: "phone".into(),
            region: None,
            columns: BTreeMap::new(),
            zone: None,
            agreed: None,
            exclude: BTreeSet::new(),
            temporary: None,
        }
    }

    /// The people to leave out. One that cannot be read is not passed over: they would be written to.
    fn excluded(&self) -> Result<Vec<Phone>, ServiceError> {
        let parse = |text: &String| {
            person::parse(text, self.region).map_err(|why| ServiceError::Exclude { text: text.clone(), why })
        };
        self.exclude.iter().map(parse).collect()
    }

    fn mapping(&self, template: &Template) -> Mapping {
        let mut mapping = Mapping::new(self.address.clone(), self.consent.clone());
        if let Some(region) = self.region {
            mapping = mapping.region(region);
        }
        for name in template.variables() {
            let column = self.columns.get(name).cloned().unwrap_or_else(|| name.into());
            // What is missing is decided by the variable's own rule.
            mapping = mapping.variable(name, column, MissingValue::Leave);
        }
        if let Some(zone) = &self.zone {
            mapping = mapping.variable(ZONE, zone.clone(), MissingValue::Leave);
        }
        if let Some((column, words)) = &self.agreed {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            mapping = mapping.agreed(column.clone(), &words);
        }
        mapping
    }
}

impl CampaignService {
    /// Takes the recipients of a draft from a file, in place of those it had. Rows that are not written to are listed in
    /// `rejects` as CSV, with their reason, and counted.
    ///
    /// # Errors
    /// When it is no draft, somebody else uploads, or the file cannot be used; then the campaign has the recipients that it had.
    pub async fn upload(
        &self,
        id: &str,
        source: impl Source + Send + 'static,
        upload: Upload,
        rejects: impl Write + Send + 'static,
        actor: &str,
    ) -> Result<Frozen, ServiceError> {
        let shown = self.show(id).await?;
        if shown.document.settings.audience.is_some() {
            return Err(ServiceError::WrongAudience(
                "the recipients of this campaign are a filter of contacts",
            ));
        }
        self.covers(&upload.consent, shown.document.settings.content.category).await?;
        let intake = Intake { source, upload, rejects: Box::new(rejects), may_be_empty: false };
        self.freeze(shown, intake, actor).await
    }

    /// Takes the recipients of a draft from the contacts that its filter finds and that agreed.
    ///
    /// # Errors
    /// As [`CampaignService::upload`].
    pub async fn freeze_contacts(&self, id: &str, actor: &str) -> Result<Frozen, ServiceError> {
        let shown = self.show(id).await?;
        let Some(audience) = shown.document.settings.audience.clone() else {
            return Err(ServiceError::WrongAudience(
                "this campaign has no filter of contacts: upload a file",
            ));
        };
        let scope = audience.filter.consent_scope.clone().unwrap_or_default();
        let consent = ConsentStamp::new(&scope, "contacts", self.clock.now(), "noted at each contact");
        let consent = consent.map_err(|_| ServiceError::Stored)?;
        // A run of a day may find nobody; a person who asks is told that a scope is none.
        if shown.document.kept.run_of.is_none() {
            self.covers(&consent, shown.document.settings.content.category).await?;
        }
        let upload =
            Upload { exclude: audience.exclude.clone(), zone: Some(ZONE.into()), ..Upload::new(consent) };
        let (pages, source) = std::sync::mpsc::sync_channel(AHEAD);
        let variables = shown.document.settings.content.variables.keys().cloned().collect();
        let (store, workspace, filter) = (self.store.clone(), self.workspace.clone(), audience.filter);
        // Reads ahead in a task of its own; it ends when the other side is gone.
        let reading = tokio::spawn(async move {
            let mut after: Option<String> = None;
            loop {
                let page = store.audience_page(&workspace, &filter, after.as_deref(), PAGE).await?;
                after = page.last().map(|contact| contact.id.clone());
                let is_last = after.is_none();
                let pages = pages.clone();
                let sent = tokio::task::spawn_blocking(move || pages.send(page)).await;
                if is_last || !matches!(sent, Ok(Ok(()))) {
                    return Ok::<(), whatsapp_store::Error>(());
                }
            }
        });
        let source = Contacts { pages: source, variables };
        let intake = Intake { source, upload, rejects: Box::new(std::io::sink()), may_be_empty: true };
        let frozen = self.freeze(shown, intake, actor).await;
        match reading.await {
            Ok(Ok(())) => frozen,
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(ServiceError::Internal),
        }
    }

    /// Until the first recipient is written, the earlier audience is as it was: a file that breaks off, is no table, or has
    /// nobody to write to changes nothing.
    async fn freeze<S: Source + Send + 'static>(
        &self,
        shown: CampaignView,
        intake: Intake<S>,
        actor: &str,
    ) -> Result<Frozen, ServiceError> {
        let CampaignView { record, mut document } = shown;
        self.is_draft(&record)?;
        let excluded = intake.upload.excluded()?;
        let sink = StoreSink::open(&self.store, &self.clock, &self.workspace, &record.id).await?;
        let mut sink = sink.ok_or(ServiceError::Uploading)?;
        document.kept = StoredCampaign { frozen: None, dry_run: None, ..document.kept };
        let fresh = self.fresh(&record, &record.name, &document, CampaignState::Freezing);
        // What it is once the first recipient is written: somebody may change it while the file is read.
        let begun = expect(&fresh);
        sink.begin_with(self.emptied(&record, fresh));
        let done = match self.take_in(&mut sink, &record, &document, intake, excluded).await {
            Ok((frozen, lanes)) => {
                document.kept.frozen = Some(Frozen { file: None, ..frozen.clone() });
                let details = json!({ "rows": frozen.rows, "recipients": frozen.recipients, "consent": frozen.consent });
                let mut list = vec![begun];
                list.extend(lanes);
                list.extend(self.drafted(&record, &document));
                list.push(self.audit(actor, "campaign.recipients", &record.id, details));
                sink.commit(list).await.map(|()| frozen).map_err(ServiceError::from)
            }
            Err(error) if !sink.has_begun() => Err(error),
            Err(error) => {
                // Without recipients, and without half of them.
                let mut list = vec![begun];
                list.extend(self.anew(&record, &record.name, &document, CampaignState::Draft));
                sink.commit(list).await.map_err(ServiceError::from).and(Err(error))
            }
        };
        sink.close().await;
        done
    }

    /// The campaign without its earlier audience, if it is a draft still.
    fn emptied(&self, record: &CampaignRecord, fresh: CampaignRecord) -> Vec<Change> {
        let drafts = [CampaignState::Draft, CampaignState::Approved, CampaignState::Freezing];
        let from = CampaignState::bits(&drafts);
        let mut list = vec![expect(record), self.moved_from(&record.id, CampaignState::Freezing, None, from)];
        list.extend(replaced_by(fresh));
        list
    }

    fn drafted(&self, record: &CampaignRecord, document: &Document) -> [Change; 2] {
        let from = CampaignState::bits(&[CampaignState::Freezing]);
        let drafted = self.moved_from(&record.id, CampaignState::Draft, None, from);
        [drafted, CampaignChange::Put(self.with(record, document)).into()]
    }

    async fn take_in<S: Source + Send + 'static>(
        &self,
        sink: &mut StoreSink<'_>,
        record: &CampaignRecord,
        document: &Document,
        intake: Intake<S>,
        excluded: Vec<Phone>,
    ) -> Result<(Frozen, Vec<Change>), ServiceError> {
        let key = document.kept.key_bytes().ok_or(ServiceError::Stored)?;
        let template = document.settings.check()?.template;
        let version = template.version();
        let may_be_empty = intake.may_be_empty;
        let gathered = gathered(intake, template, key).await?;
        self.is_unchanged(record).await?;
        let book = LaneBook::new(document.settings.senders.clone());
        let screen = StoreScreen::new(&*self.store, self.workspace.clone()).excluding(excluded);
        let report = gathered.hand_out(&|recipient| book.lane(recipient), &screen, sink).await;
        let report = report.map_err(unwrapped)?;
        let frozen = self.frozen(&report, version.to_string());
        if frozen.recipients == 0 && !may_be_empty {
            return Err(ServiceError::NobodyLeft { rows: frozen.rows, refused: frozen.refused });
        }
        let id = sink.campaign().to_owned();
        let lanes = report.lanes.iter().filter_map(|size| {
            let (sender, zones) = book.of(size.lane)?;
            let definition = LaneSpec { sender, zones, rows: size.rows }.to_json();
            let places = size.places();
            let lane = LaneRecord {
                campaign: id.clone(),
                lane: size.lane,
                next: places.start,
                end: places.end,
                definition,
            };
            Some(CampaignChange::PutLane(lane).into())
        });
        Ok((frozen, lanes.collect()))
    }

    /// To read a file takes a while: has somebody changed or started the campaign meanwhile?
    async fn is_unchanged(&self, record: &CampaignRecord) -> Result<(), ServiceError> {
        let now = self.show(&record.id).await?.record;
        self.is_draft(&now)?;
        let same = now.number == record.number && now.definition == record.definition;
        same.then_some(()).ok_or(ServiceError::Changed)
    }

    fn frozen(&self, report: &AudienceReport, version: String) -> Frozen {
        Frozen {
            at: self.clock.now(),
            version,
            rows: report.rows,
            recipients: report.accepted,
            refused: report.refused.iter().map(|(reason, count)| (reason.code().to_owned(), count)).collect(),
            absent_columns: report.absent_columns.clone(),
            consent: report.consent.reference(),
            evidence: report.consent.evidence().to_owned(),
            file: Some(report.file.clone()),
        }
    }
}

/// What recipients are taken from.
struct Intake<S> {
    source: S,
    upload: Upload,
    rejects: Box<dyn Write + Send>,
    /// Contacts of a day may be none; a file of none is a mistake.
    may_be_empty: bool,
}

async fn gathered<S: Source + Send + 'static>(
    intake: Intake<S>,
    template: Arc<Template>,
    key: [u8; 32],
) -> Result<Gathered, ServiceError> {
    let Intake { source, upload, rejects, .. } = intake;
    let mut freeze = Freeze::new(upload.mapping(&template), key)
        .template(template)
        .rejects_to(std::io::BufWriter::new(rejects));
    if let Some(folder) = upload.temporary {
        freeze = freeze.temporary_files_in(folder);
    }
    let gathered = tokio::task::spawn_blocking(move || freeze.gather(source)).await;
    Ok(gathered.map_err(|_| ServiceError::Internal)??)
}

/// The store's own error, if it was one.
fn unwrapped(error: AudienceError) -> ServiceError {
    match error {
        AudienceError::Sink(inner) | AudienceError::Screen(inner) => {
            match inner.downcast::<whatsapp_store::Error>() {
                Ok(error) => (*error).into(),
                Err(inner) => AudienceError::Sink(inner).into(),
            }
        }
        error => error.into(),
    }
}

/// Contacts as rows.
struct Contacts {
    pages: std::sync::mpsc::Receiver<Vec<ContactRecord>>,
    variables: Vec<String>,
}

impl Source for Contacts {
    fn read(self: Box<Self>, rows: &mut dyn Rows) -> Result<(), AudienceError> {
        let mut names = vec!["phone".to_owned(), ZONE.to_owned()];
        names.extend(self.variables.iter().filter(|name| *name != ZONE && *name != "phone").cloned());
        rows.header(&names)?;
        let mut row = Row::default();
        for contact in self.pages.iter().take_while(|page| !page.is_empty()).flatten() {
            row.line += 1;
            row.clear();
            row.push(contact.phone.as_deref().unwrap_or_default());
            row.push(contact.time_zone.as_deref().unwrap_or_default());
            for name in &names[2..] {
                let field = contact.fields.get(name).map(String::as_str);
                row.push(
                    field.or_else(|| (name == "name").then_some(contact.name.as_str())).unwrap_or_default(),
                );
            }
            rows.row(&row)?;
        }
        Ok(())
    }
}

/// The first place of every lane.
pub(super) const FIRST: u32 = FIRST_SEQ;
