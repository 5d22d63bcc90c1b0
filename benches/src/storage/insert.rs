//! A message with its outbox event and its chat in one commit, by one or many committers at once.
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use whatsapp_store::{AccountId, Store};

use super::{
    Result, files,
    floor::Floor,
    machine::{self, Cpu},
    place::{Place, Server},
    places,
    sample::{account, changes},
    table::{Table, count, median, or_none, spread},
};

const COMMITTERS: [usize; 3] = [1, 16, 64];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

/// Who writes.
#[derive(Debug)]
struct Writer {
    to: To,
    account: AccountId,
    next: AtomicU64,
}

#[derive(Debug)]
enum To {
    Store(Arc<dyn Store>),
    Floor(Floor),
}

/// What one round came to.
#[derive(Clone, Copy, Debug)]
struct Round {
    per_second: f64,
    /// Microseconds of a processor per commit, and in the server too where there is one.
    cpu: f64,
}

impl Writer {
    fn new(to: To, account: AccountId) -> Arc<Self> {
        Arc::new(Self { to, account, next: AtomicU64::new(0) })
    }

    async fn write(&self) -> Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        match &self.to {
            To::Store(store) => Ok(store.commit(changes(&self.account, number)).await?),
            To::Floor(floor) => floor.insert(&self.account, number).await,
        }
    }

    async fn round(self: &Arc<Self>, place: &Place, committers: usize) -> Result<Round> {
        let (cpu, start) = (Cpu::now(), Instant::now());
        let tasks: Vec<_> = (0..committers)
            .map(|_| {
                let writer = self.clone();
                tokio::spawn(async move {
                    let mut written = 0_u32;
                    while start.elapsed() < ROUND {
                        writer.write().await?;
                        written += 1;
                    }
                    Result::Ok(written)
                })
            })
            .collect();
        let mut written = 0;
        for task in tasks {
            written += task.await??;
        }
        let (took, written) = (start.elapsed().as_secs_f64(), f64::from(written));
        let Cpu { here, servers } = cpu.since();
        let cpu = if let Place::Postgres { .. } = place { here + servers } else { here };
        Ok(Round { per_second: written / took, cpu: cpu / written * 1e6 })
    }
}

pub(super) async fn all(folder: &Path, server: Option<&Server>) -> Result<Table> {
    let mut table = Table::new(&[
        "insert: message, event, chat; committers",
        "ours/s",
        "floor/s",
        "ratio (lowest to highest)",
        "CPU µs ours",
        "floor",
        "load",
    ]);
    let files = files(folder)?;
    for place in places(files.path(), server, "insert").into_iter().chain([Place::Memory]) {
        let done = measure(&place, &mut table).await;
        place.remove().await?;
        done?;
    }
    table.notes.push(format!(
        "Medians of {ROUNDS} rounds of {} s that alternate; above 1 when ours is faster. Each commit is durable when \
         it returns, but in memory.\nThe floor is no peer: two plain INSERTs in a transaction, without chats and \
         search. It does not group commits on SQLite.",
        ROUND.as_secs()
    ));
    Ok(table)
}

async fn measure(place: &Place, table: &mut Table) -> Result<()> {
    let store = whatsapp_store::open(&place.address()).await?;
    let floor = Floor::open(place).await?;
    let ours = Writer::new(To::Store(store.clone()), account()?);
    let plain = match &floor {
        Some(floor) => Some(Writer::new(To::Floor(floor.clone()), account()?)),
        None => None,
    };
    let mut done = Ok(());
    for committers in COMMITTERS {
        done = line(place, &ours, plain.as_ref(), committers).await.map(|line| table.lines.push(line));
        if done.is_err() {
            break;
        }
    }
    store.close().await;
    if let Some(floor) = floor {
        floor.remove(place).await?;
    }
    done
}

async fn line(
    place: &Place,
    ours: &Arc<Writer>,
    floor: Option<&Arc<Writer>>,
    committers: usize,
) -> Result<Vec<String>> {
    let (mut our_rounds, mut floor_rounds) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_rounds.push(ours.round(place, committers).await?);
        if let Some(floor) = floor {
            floor_rounds.push(floor.round(place, committers).await?);
        }
    }
    let rate = |rounds: &[Round]| median(&rounds.iter().map(|round| round.per_second).collect::<Vec<_>>());
    let cpu = |rounds: &[Round]| median(&rounds.iter().map(|round| round.cpu).collect::<Vec<_>>());
    let ratios: Vec<f64> = our_rounds
        .iter()
        .zip(&floor_rounds)
        .map(|(ours, floor)| ours.per_second / floor.per_second)
        .collect();
    let known = |text: String| if floor.is_some() { text } else { "-".to_owned() };
    Ok(vec![
        format!("{}, {committers}", place.name()),
        count(rate(&our_rounds)),
        known(count(rate(&floor_rounds))),
        known(spread(&ratios)),
        count(cpu(&our_rounds)),
        known(count(cpu(&floor_rounds))),
        or_none(machine::load()),
    ])
}
