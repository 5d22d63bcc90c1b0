//! Files become audiences: what is right is numbered and handed on, what is wrong is counted and listed.
#![allow(clippy::unwrap_used)]
mod bad_input;
mod order;
mod ports;
mod properties;
mod store;
mod template;
#[cfg(feature = "xlsx")]
mod workbook;

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, BufWriter, Write},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use whatsapp_campaigns::audience::{
    AudienceError, AudienceReport, BATCH, Batch, ConsentStamp, CsvSource, FIRST_SEQ, Freeze, Gathered,
    Mapping, MissingValue, PortError, Recipient, Screen, Sink, Source, variables,
};

/// Lists of addresses.
#[derive(Clone, Debug, Default)]
struct Lists {
    suppressed: HashSet<String>,
    withdrawn: HashSet<String>,
    excluded: HashSet<String>,
}

#[async_trait]
impl Screen for Lists {
    async fn suppressed(&self, addresses: &[String]) -> Result<HashSet<String>, PortError> {
        assert!(addresses.len() <= BATCH, "{} at once", addresses.len());
        Ok(self.suppressed.clone())
    }

    async fn withdrawn(&self, _: &[String], consent: &ConsentStamp) -> Result<HashSet<String>, PortError> {
        assert_eq!(consent.scope(), "marketing");
        Ok(self.withdrawn.clone())
    }

    async fn excluded(&self, _: &[String]) -> Result<HashSet<String>, PortError> {
        Ok(self.excluded.clone())
    }
}

/// Keeps what it is given, and looks at its places.
#[derive(Default)]
struct Kept(Vec<Batch>);

#[async_trait]
impl Sink for Kept {
    async fn add(&mut self, batch: Batch) -> Result<(), PortError> {
        assert!((1..=BATCH).contains(&batch.rows.len()));
        let next = match self.0.last().filter(|last| last.lane == batch.lane) {
            Some(last) => last.first_seq + u32::try_from(last.rows.len()).unwrap(),
            None => FIRST_SEQ,
        };
        assert_eq!(batch.first_seq, next, "places follow each other");
        self.0.push(batch);
        Ok(())
    }
}

/// A file that two have.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What came of a freeze.
struct Frozen {
    report: AudienceReport,
    batches: Vec<Batch>,
    /// The list of refused rows.
    rejects: String,
}

impl Frozen {
    /// Address and variables of all rows, in the order they came in.
    fn rows(&self) -> Vec<(String, BTreeMap<String, String>)> {
        let rows = self.batches.iter().flat_map(|batch| &batch.rows);
        rows.map(|row| (row.address.clone(), variables(&row.variables).unwrap())).collect()
    }

    fn addresses(&self) -> Vec<String> {
        self.rows().into_iter().map(|(address, _)| address).collect()
    }

    /// Code and count of each reason.
    fn reasons(&self) -> Vec<(&'static str, u64)> {
        self.report.refused.iter().map(|(reason, count)| (reason.code(), count)).collect()
    }

    /// Lines of the list of refused rows, without its first one.
    fn lines(&self) -> Vec<&str> {
        self.rejects.split_terminator("\r\n").skip(1).collect()
    }
}

fn consent() -> ConsentStamp {
    ConsentStamp::new("marketing", "form:spring", 1_790_000_000_000, "https://example.org/form").unwrap()
}

/// The columns `phone` and `name`, in Germany.
fn mapping() -> Mapping {
    Mapping::new("phone", consent()).region("DE".parse().unwrap()).variable(
        "name",
        "name",
        MissingValue::Leave,
    )
}

fn freeze_with(
    source: impl Source,
    mapping: Mapping,
    lane: &(dyn Fn(&Recipient<'_>) -> i32 + Sync),
    lists: &Lists,
) -> Result<Frozen, AudienceError> {
    let rejects = Shared::default();
    let freeze = Freeze::new(mapping, [7; 32]).rejects_to(BufWriter::new(rejects.clone()));
    finish(freeze.gather(source)?, lane, lists, &rejects)
}

fn finish(
    gathered: Gathered,
    lane: &(dyn Fn(&Recipient<'_>) -> i32 + Sync),
    screen: &dyn Screen,
    rejects: &Shared,
) -> Result<Frozen, AudienceError> {
    let mut kept = Kept::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let report = runtime.block_on(gathered.hand_out(lane, screen, &mut kept))?;
    let rejects = String::from_utf8(rejects.0.lock().unwrap().clone()).unwrap();
    let frozen = Frozen { report, batches: kept.0, rejects };
    // Whatever came in: every row has one fate.
    assert_eq!(frozen.report.rows, frozen.report.accepted + frozen.report.refused.total());
    assert_eq!(
        frozen.report.accepted,
        frozen.batches.iter().map(|batch| batch.rows.len() as u64).sum::<u64>()
    );
    let lanes = frozen.report.lanes.iter();
    assert_eq!(frozen.report.accepted, lanes.map(|lane| lane.places().len() as u64).sum::<u64>());
    Ok(frozen)
}

fn freeze(source: impl Source, mapping: Mapping) -> Result<Frozen, AudienceError> {
    freeze_with(source, mapping, &|_| 0, &Lists::default())
}

fn freeze_csv(text: &[u8]) -> Result<Frozen, AudienceError> {
    freeze(CsvSource::new(text), mapping())
}
