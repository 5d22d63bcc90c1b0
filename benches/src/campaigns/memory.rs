//! What a large campaign takes: written down by one process, sent by another.
use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::{Plan, child, freeze, ground::Ground, sender::Counting};
use crate::storage::{
    Result, files,
    machine::{self, Cpu},
    place::Place,
    table::{Table, count, or_none},
};

pub(super) const CAMPAIGN: &str = "large";
/// Each sends as fast as it can.
pub(super) const SENDERS: [&str; 4] = ["a", "b", "c", "d"];
/// How long it sends.
const SPAN: Duration = Duration::from_secs(30);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(100);

pub(super) async fn all(plan: &Plan, sends: bool) -> Result<Table> {
    let mut table = Table::new(&[
        "large: SQLite, what",
        "people",
        "seconds",
        "per second",
        "MiB before",
        "after",
        "peak",
        "CPU s",
        "load",
    ]);
    let files = files(&plan.folder)?;
    let (file, csv) = (files.path().join("large.db"), files.path().join("large.csv"));
    let length = freeze::write(&csv, plan.rows)?;
    let address = Place::sqlite(&file).address();
    let told = child::ask("freeze", &[&address, &csv.to_string_lossy()]).await?;
    table.lines.push(line("a CSV becomes recipients", &told, "recipients"));
    let size = fs::metadata(&file)?.len();
    table.notes.push(format!(
        "The CSV has {} MiB, the database {} MiB afterwards; the first pass took {:.1} s. Each process does one of these and \
         nothing else.\n\"After\" of who sends is the most of all looks at it.",
        length >> 20,
        size >> 20,
        child::of(&told, "first pass")
    ));
    if sends {
        let told = child::ask("memory", &[&address]).await?;
        table.lines.push(line("sent at full speed, 4 senders", &told, "sent"));
    }
    Ok(table)
}

fn line(name: &str, told: &child::Told, people: &str) -> Vec<String> {
    let figure = |name| child::of(told, name);
    vec![
        name.to_owned(),
        count(figure(people)),
        format!("{:.1}", figure("seconds")),
        count(figure(people) / figure("seconds")),
        format!("{:.1}", figure("before")),
        format!("{:.1}", figure("after")),
        format!("{:.1}", figure("peak")),
        format!("{:.1}", figure("cpu")),
        or_none(machine::load()),
    ]
}

pub(super) async fn child(address: &str) -> Result<()> {
    let ground = Ground::open(address).await?;
    let (begun, cpu, before) = (Instant::now(), Cpu::now(), machine::resident());
    let (running, sender) = (ground.runner(true), Arc::new(Counting::default()));
    for name in SENDERS {
        running.serve(name, sender.clone())?;
    }
    let mut most = 0.0_f64;
    while begun.elapsed() < SPAN {
        sleep(LOOK).await;
        most = most.max(machine::resident().unwrap_or(f64::NAN));
    }
    child::tell("sent", sender.count() as f64);
    child::tell("seconds", begun.elapsed().as_secs_f64());
    child::tell("cpu", cpu.since().here);
    child::tell("before", before.unwrap_or(f64::NAN));
    child::tell("after", most);
    child::tell("peak", machine::peak().unwrap_or(f64::NAN));
    running.end().await?;
    ground.store.close().await;
    Ok(())
}
