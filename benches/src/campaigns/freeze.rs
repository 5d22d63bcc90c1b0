//! A file becomes the recipients of a campaign, in a process of its own.
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    path::Path,
    time::Instant,
};

use whatsapp_campaigns::audience::CsvSource;

use super::{
    child,
    ground::{ACTOR, Ground, People, settings, upload},
    memory::{CAMPAIGN, SENDERS},
};
use crate::storage::{
    Result,
    machine::{self, Cpu},
};

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
    ground.desk.create(CAMPAIGN, CAMPAIGN, settings(&SENDERS)?, ACTOR).await?;
    let mut upload = upload()?;
    upload.temporary = Path::new(file).parent().map(Path::to_owned);
    let source = CsvSource::new(BufReader::new(File::open(file)?));
    let (begun, cpu, before) = (Instant::now(), Cpu::now(), machine::resident());
    let frozen = ground.desk.upload(CAMPAIGN, source, upload, io::sink(), ACTOR).await?;
    child::tell("seconds", begun.elapsed().as_secs_f64());
    child::tell("cpu", cpu.since().here);
    child::tell("recipients", frozen.recipients as f64);
    child::tell("before", before.unwrap_or(f64::NAN));
    child::tell("after", machine::resident().unwrap_or(f64::NAN));
    child::tell("peak", machine::peak().unwrap_or(f64::NAN));
    ground.desk.note_dry_run(CAMPAIGN).await?;
    ground.desk.start(CAMPAIGN, ACTOR).await?;
    ground.store.close().await;
    Ok(())
}
