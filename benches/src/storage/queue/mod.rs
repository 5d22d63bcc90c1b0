//! A campaign's recipients from claimed to accepted, and the queues of the peers: filled first, then drained by a handler
//! that does nothing.
//!
//! Of ours, a recipient is drained when two transitions are stored (submitted, accepted) and the lease is given back. A
//! peer's drain ends when its table says so, not when the handler was called for the last time.
#[cfg(feature = "queues")]
pub(crate) mod peers;

use std::{path::Path, time::Duration};

use super::{
    Plan, Result, files,
    machine::{self, Cpu},
    place::{Place, Server},
    table::{Table, count, median, or_none, quantile},
};
use crate::store::{campaign_receipts, campaign_transitions};

const ROUNDS: usize = 3;

/// What one round of a queue took, with the processor's seconds and the load average.
type Round = (Drain, f64, f64);

/// What one round came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    pub(crate) filled: Duration,
    pub(crate) drained: Duration,
    /// What was done in that time.
    pub(crate) jobs: u64,
}

#[derive(Clone, Debug)]
enum Queue {
    /// Claimed, submitted, accepted.
    Sending(Place),
    /// Delivered and read, in random order.
    Receipts(Place),
    #[cfg(feature = "queues")]
    Peer(peers::Peer),
}

impl Queue {
    fn name(&self) -> String {
        match self {
            Self::Sending(place) => format!("{}, ours, recipients (2 transitions each)", place.name()),
            Self::Receipts(place) => format!("{}, ours, receipts in random order", place.name()),
            #[cfg(feature = "queues")]
            Self::Peer(peer) => peer.name().to_owned(),
        }
    }

    const fn share(&self, jobs: u64) -> u64 {
        match self {
            Self::Sending(_) | Self::Receipts(_) => jobs,
            #[cfg(feature = "queues")]
            Self::Peer(peer) => peer.share(jobs),
        }
    }

    const fn is_on_server(&self) -> bool {
        match self {
            Self::Sending(place) | Self::Receipts(place) => matches!(place, Place::Postgres { .. }),
            #[cfg(feature = "queues")]
            Self::Peer(peer) => !matches!(peer, peers::Peer::ApalisSqlite(_)),
        }
    }

    async fn drain(&self, jobs: u64) -> Result<Drain> {
        match self {
            Self::Sending(place) | Self::Receipts(place) => {
                let done = self.ours(place, jobs).await;
                place.remove().await?;
                done
            }
            #[cfg(feature = "queues")]
            Self::Peer(peer) => peer.drain(jobs).await,
        }
    }

    async fn ours(&self, place: &Place, jobs: u64) -> Result<Drain> {
        let store = whatsapp_store::open(&place.address()).await?;
        let (start, recipients) = (std::time::Instant::now(), u32::try_from(jobs)?);
        let (drained, jobs) = match self {
            Self::Receipts(_) => campaign_receipts(store.clone(), recipients).await,
            // Two transitions are one recipient, as one job is one.
            _ => {
                let (took, transitions) = campaign_transitions(store.clone(), recipients).await;
                (took, transitions / 2)
            }
        };
        let filled = start.elapsed().saturating_sub(drained);
        store.close().await;
        Ok(Drain { filled, drained, jobs })
    }
}

pub(crate) async fn all(plan: &Plan, server: Option<&Server>) -> Result<Table> {
    let mut table = Table::new(&[
        "queue: database, who",
        "jobs",
        "filled/s",
        "drained/s",
        "lowest",
        "highest",
        "CPU µs",
        "load",
    ]);
    let (files, mut made) = (files(&plan.folder)?, Vec::new());
    let done = rounds(plan, files.path(), server, &mut made, &mut table).await;
    for name in made {
        if let Some(server) = server {
            server.execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        }
    }
    done?;
    table.notes.push(format!(
        "Medians of {ROUNDS} rounds, all by turns. Drained when the table says so. CPU per job, filling included: of this \
         process and its children,\nand of the servers where there is one. A receipt is a transition; before receipts can \
         be, their recipients are made and sent to, which counts as filling."
    ));
    Ok(table)
}

#[cfg_attr(not(feature = "queues"), allow(clippy::ptr_arg, reason = "peers make databases"))]
async fn rounds(
    plan: &Plan,
    files: &Path,
    server: Option<&Server>,
    made: &mut Vec<String>,
    table: &mut Table,
) -> Result<()> {
    #[cfg(feature = "queues")]
    let peers = peers::all(files, server, made, &mut table.notes).await?;
    #[cfg(not(feature = "queues"))]
    let _ = made;
    let mut lines: Vec<(Queue, Vec<Round>)> = Vec::new();
    for round in 0..ROUNDS {
        let ours = |name: &str| super::places(files, server, &format!("{name}_{round}"));
        let mut queues: Vec<Queue> = ours("sending").into_iter().map(Queue::Sending).collect();
        queues.extend(ours("receipts").into_iter().map(Queue::Receipts));
        #[cfg(feature = "queues")]
        queues.extend(peers.iter().cloned().map(Queue::Peer));
        for (place, queue) in queues.into_iter().enumerate() {
            let cpu = Cpu::now();
            let drain = queue.drain(queue.share(plan.jobs)).await;
            let drain = drain.map_err(|error| format!("{}: {error}", queue.name()))?;
            let Cpu { here, servers } = cpu.since();
            let used = if queue.is_on_server() { here + servers } else { here };
            if round == 0 {
                lines.push((queue, Vec::new()));
            }
            lines[place].1.push((drain, used, machine::load().unwrap_or_default()));
        }
    }
    table.lines.extend(lines.iter().map(|(queue, rounds)| line(queue, rounds)));
    Ok(())
}

fn line(queue: &Queue, rounds: &[Round]) -> Vec<String> {
    let each = |of: fn(&(Drain, f64, f64)) -> f64| rounds.iter().map(of).collect::<Vec<f64>>();
    let filled = each(|(drain, ..)| drain.jobs as f64 / drain.filled.as_secs_f64());
    let drained = each(|(drain, ..)| drain.jobs as f64 / drain.drained.as_secs_f64());
    vec![
        queue.name(),
        count(median(&each(|(drain, ..)| drain.jobs as f64))),
        count(median(&filled)),
        count(median(&drained)),
        count(quantile(&drained, 0.0)),
        count(quantile(&drained, 1.0)),
        count(median(&each(|(drain, used, _)| used / drain.jobs as f64 * 1e6))),
        or_none(Some(median(&each(|(.., load)| *load)))),
    ]
}
