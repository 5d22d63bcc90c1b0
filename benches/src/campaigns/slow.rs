//! What many careful senders cost while each sends a message now and then.
use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use whatsapp_campaigns::pacing::{Rate, SECOND};

use super::{Plan, ground::Ground, sender::Noting};
use crate::storage::{
    Result, files,
    machine::{self, Cpu},
    place::Place,
    places,
    table::{Table, count, or_none},
};

const SENDERS: usize = 64;
/// Each has more than it leases at once.
const PEOPLE: u32 = 64 * 100;
/// Until all have leased.
const BEGINNING: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(20);

pub(super) async fn all(plan: &Plan) -> Result<Table> {
    let mut table =
        Table::new(&["slow: database", "senders", "messages", "cores", "CPU ms per message", "load"]);
    let files = files(&plan.folder)?;
    for place in places(files.path(), plan.server.as_ref(), "slow") {
        let measured = measured(&place).await;
        place.remove().await?;
        let (messages, cpu) = measured?;
        table.lines.push(vec![
            place.name().to_owned(),
            count(SENDERS as f64),
            count(messages as f64),
            format!("{:.3}", cpu / MEASURED.as_secs_f64()),
            format!("{:.2}", cpu * 1_000.0 / messages.max(1) as f64),
            or_none(machine::load()),
        ]);
    }
    table.notes.push(format!(
        "{SENDERS} senders of one campaign, each with ten messages in a minute, for {} s after the first {} s; the server's time \
         included.",
        MEASURED.as_secs(),
        BEGINNING.as_secs()
    ));
    Ok(table)
}

/// Messages, and seconds of a processor.
async fn measured(place: &Place) -> Result<(usize, f64)> {
    let ground = Ground::open(&place.address()).await?;
    let names: Vec<String> = (0..SENDERS).map(|number| format!("s{number}")).collect();
    let senders: Vec<&str> = names.iter().map(String::as_str).collect();
    ground.campaign("slow", &senders, PEOPLE).await?;
    let running = ground.runner(false);
    let sender = Noting::new(ground.beat.clone(), Rate::per(10, 60 * SECOND, 3));
    for name in senders {
        running.serve(name, Arc::clone(&sender) as _)?;
    }
    sleep(BEGINNING).await;
    let (before, cpu) = (sender.notes().len(), Cpu::now());
    sleep(MEASURED).await;
    let (messages, Cpu { here, servers }) = (sender.notes().len() - before, cpu.since());
    running.end().await?;
    ground.store.close().await;
    Ok((messages, if matches!(place, Place::Postgres { .. }) { here + servers } else { here }))
}
