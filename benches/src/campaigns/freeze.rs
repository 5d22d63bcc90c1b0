//! A file becomes the recipients of a campaign, in a process of its own.
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    path::Path,
    time::Instant,
};

use async_trait::async_trait;
use whatsapp_campaigns::{
    audience::{
        AudienceReport, BATCH, Batch, ConsentStamp, CsvSource, Freeze, Mapping, MissingValue, PortError,
        Recipient, Sink, StoreScreen,
    },
    model::{Document, LaneSpec, StoredCampaign},
    window::ZoneGroup,
};
use whatsapp_store::{
    CampaignChange, CampaignRecord, CampaignState, Change, Changes, LaneRecord, Store, WorkspaceId,
};

use super::{
    child,
    ground::{Ground, People, settings},
    memory::{CAMPAIGN, SENDERS},
};
use crate::storage::{
    Result,
    machine::{self, Cpu},
};

/// Rows in one commit, as an upload writes them.
const STEP: usize = 5 * BATCH;
const KEY: [u8; 32] = [7; 32];

/// Writes such a file.
pub(super) fn write(file: &Path, people: u32) -> Result<u64> {
    let mut out = BufWriter::new(File::create(file)?);
    out.write_all(b"phone;name\n")?;
    let length = io::copy(&mut People::new(people), &mut out)?;
    out.flush()?;
    Ok(length)
}

pub(super) async fn child(address: &str, file: &str) -> Result<()> {
    let ground = Ground::open(address).await?;
    let store = &*ground.store;
    let settings = settings(&SENDERS)?;
    let template = settings.check()?.template;
    commit(store, vec![draft(Document { settings, kept: kept() }).into()]).await?;
    let consent = ConsentStamp::new("news", "generated", 1_780_000_000_000, "made for this bench")?;
    let mapping =
        Mapping::new("phone", consent).region("BR".parse()?).variable("name", "name", MissingValue::Leave);
    let mut freeze = Freeze::new(mapping, KEY).template(template);
    if let Some(folder) = Path::new(file).parent() {
        freeze = freeze.temporary_files_in(folder);
    }
    let source = CsvSource::new(BufReader::new(File::open(file)?));
    let (begun, cpu, before) = (Instant::now(), Cpu::now(), machine::resident());
    let gathered = tokio::task::spawn_blocking(move || freeze.gather(source)).await??;
    let first_pass = begun.elapsed();
    let screen = StoreScreen::new(store, WorkspaceId::default());
    let mut sink = Stored { store, pending: Vec::new(), rows: 0 };
    let report = gathered.hand_out(&lane, &screen, &mut sink).await?;
    let mut rest = std::mem::take(&mut sink.pending);
    rest.extend(lanes(&report)?);
    commit(store, rest).await?;
    child::tell("seconds", begun.elapsed().as_secs_f64());
    child::tell("first pass", first_pass.as_secs_f64());
    child::tell("cpu", cpu.since().here);
    child::tell("recipients", report.accepted as f64);
    child::tell("before", before.unwrap_or(f64::NAN));
    child::tell("after", machine::resident().unwrap_or(f64::NAN));
    child::tell("peak", machine::peak().unwrap_or(f64::NAN));
    ground.store.close().await;
    Ok(())
}

fn kept() -> StoredCampaign {
    let key = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
    StoredCampaign { key: Some(key), ..StoredCampaign::default() }
}

/// A campaign that begins as soon as somebody looks.
fn draft(document: Document) -> CampaignChange {
    CampaignChange::Put(CampaignRecord {
        id: CAMPAIGN.to_owned(),
        number: 0,
        name: CAMPAIGN.to_owned(),
        state: CampaignState::Scheduled,
        reason: None,
        definition: document.to_json(),
        base_at: 1_790_000_000_000,
        created_at: 1_790_000_000_000,
        updated_at: 1_790_000_000_000,
    })
}

/// By the last digit: one of as many as there are senders.
fn lane(recipient: &Recipient<'_>) -> i32 {
    let last = recipient.address().bytes().last().unwrap_or_default();
    i32::from(last) % SENDERS.len() as i32
}

fn lanes(report: &AudienceReport) -> Result<Vec<Change>> {
    let zones = ZoneGroup::of_zone("America/Sao_Paulo").ok_or("no such zone")?;
    let lanes = report.lanes.iter().zip(SENDERS).map(|(size, sender)| {
        let definition = LaneSpec { sender: sender.to_owned(), zones, rows: size.rows }.to_json();
        let (places, campaign) = (size.places(), CAMPAIGN.to_owned());
        let lane = LaneRecord { campaign, lane: size.lane, next: places.start, end: places.end, definition };
        CampaignChange::PutLane(lane).into()
    });
    Ok(lanes.collect())
}

async fn commit(store: &dyn Store, list: Vec<Change>) -> std::result::Result<(), whatsapp_store::Error> {
    let mut changes = Changes::new(WorkspaceId::default());
    changes.list = list;
    store.commit(changes).await
}

/// Writes rows into the store, some batches at once.
struct Stored<'a> {
    store: &'a dyn Store,
    pending: Vec<Change>,
    rows: usize,
}

#[async_trait]
impl Sink for Stored<'_> {
    async fn add(&mut self, batch: Batch) -> std::result::Result<(), PortError> {
        self.rows += batch.rows.len();
        self.pending.push(batch.change(CAMPAIGN).into());
        if self.rows >= STEP {
            self.rows = 0;
            commit(self.store, std::mem::take(&mut self.pending)).await?;
        }
        Ok(())
    }
}
