//! How many messages go through the runner when nothing holds it back, beside the peers' queues.
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Plan, ground::Ground, sender::Counting};
use crate::storage::{
    Result, files,
    machine::{self, Cpu},
    place::{Place, Server},
    places,
    queue::Drain,
    table::{Table, count, median, or_none, quantile},
};

const ROUNDS: usize = 3;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// What one round came to, with the processor's seconds and the load average.
type Round = (Drain, f64, f64);

/// Who sends how.
#[derive(Clone, Debug)]
enum Way {
    Ours {
        place: Place,
        senders: usize,
        events: bool,
    },
    #[cfg(feature = "queues")]
    Peer(crate::storage::queue::peers::Peer),
}

impl Way {
    fn name(&self) -> String {
        match self {
            Self::Ours { place, senders, events } => format!(
                "{}, ours, {senders} sender{}{}",
                place.name(),
                if *senders == 1 { "" } else { "s" },
                if *events { ", an event for each" } else { "" }
            ),
            #[cfg(feature = "queues")]
            Self::Peer(peer) => peer.name().to_owned(),
        }
    }

    const fn is_on_server(&self) -> bool {
        match self {
            Self::Ours { place, .. } => matches!(place, Place::Postgres { .. }),
            #[cfg(feature = "queues")]
            Self::Peer(peer) => !matches!(peer, crate::storage::queue::peers::Peer::ApalisSqlite(_)),
        }
    }

    async fn drain(&self, jobs: u32) -> Result<Drain> {
        match self {
            Self::Ours { place, senders, events } => {
                let done = ours(place, &NAMES[..*senders], *events, jobs).await;
                place.remove().await?;
                done
            }
            #[cfg(feature = "queues")]
            Self::Peer(peer) => peer.drain(peer.share(jobs.into())).await,
        }
    }
}

async fn ours(place: &Place, senders: &[&str], events: bool, people: u32) -> Result<Drain> {
    let ground = Ground::open(&place.address()).await?;
    let begun = Instant::now();
    ground.campaign("send", senders, people).await?;
    let filled = begun.elapsed();
    let (begun, sender) = (Instant::now(), Arc::new(Counting::default()));
    let running = ground.runner(events);
    for name in senders {
        running.serve(name, sender.clone())?;
    }
    ground.until(async || Ok(ground.sent("send").await? == u64::from(people))).await?;
    let drained = begun.elapsed();
    running.end().await?;
    ground.store.close().await;
    if sender.count() != u64::from(people) {
        return Err("somebody was written to twice".into());
    }
    Ok(Drain { filled, drained, jobs: people.into() })
}

pub(super) async fn all(plan: &Plan) -> Result<Table> {
    let mut table = Table::new(&[
        "send: database, who",
        "jobs",
        "filled/s",
        "sent/s",
        "lowest",
        "highest",
        "CPU µs",
        "load",
    ]);
    let (files, mut made) = (files(&plan.folder)?, Vec::new());
    let done = rounds(plan, files.path(), &mut made, &mut table).await;
    for name in made {
        if let Some(server) = &plan.server {
            server.execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        }
    }
    done?;
    table.notes.push(format!(
        "Medians of {ROUNDS} rounds, all by turns. Ours: an upload fills; sent is from the start of the runner to when the store \
         counts all as\nhanded over, rendering, ids, leases and the screening of each included. Peers: a handler that does nothing. \
         CPU per job, filling included."
    ));
    Ok(table)
}

fn ways(files: &Path, server: Option<&Server>, round: usize) -> Vec<Way> {
    let kinds = [(1, false), (4, false), (4, true)];
    let named = kinds.into_iter().flat_map(|(senders, events)| {
        let name = format!("send_{senders}_{}_{round}", if events { "events" } else { "quiet" });
        places(files, server, &name).into_iter().map(move |place| Way::Ours { place, senders, events })
    });
    named.collect()
}

#[cfg_attr(not(feature = "queues"), allow(clippy::ptr_arg, reason = "peers make databases"))]
async fn rounds(plan: &Plan, files: &Path, made: &mut Vec<String>, table: &mut Table) -> Result<()> {
    let server = plan.server.as_ref();
    #[cfg(feature = "queues")]
    let peers = crate::storage::queue::peers::of_rust(files, server, made).await?;
    #[cfg(not(feature = "queues"))]
    let _ = made;
    let mut lines: Vec<(Way, Vec<Round>)> = Vec::new();
    for round in 0..ROUNDS {
        #[cfg_attr(not(feature = "queues"), allow(unused_mut, reason = "peers come on top"))]
        let mut ways = ways(files, server, round);
        #[cfg(feature = "queues")]
        ways.extend(peers.iter().cloned().map(Way::Peer));
        for (place, way) in ways.into_iter().enumerate() {
            let cpu = Cpu::now();
            let drain = way.drain(plan.jobs).await.map_err(|error| format!("{}: {error}", way.name()))?;
            let Cpu { here, servers } = cpu.since();
            let used = if way.is_on_server() { here + servers } else { here };
            if round == 0 {
                lines.push((way, Vec::new()));
            }
            lines[place].1.push((drain, used, machine::load().unwrap_or_default()));
        }
    }
    table.lines.extend(lines.iter().map(|(way, rounds)| line(&way.name(), rounds)));
    Ok(())
}

fn line(name: &str, rounds: &[Round]) -> Vec<String> {
    let rate = |of: fn(&Drain) -> Duration| {
        rounds.iter().map(|(drain, ..)| drain.jobs as f64 / of(drain).as_secs_f64()).collect::<Vec<f64>>()
    };
    let sent = rate(|drain| drain.drained);
    let used: Vec<f64> = rounds.iter().map(|(drain, used, _)| used / drain.jobs as f64 * 1e6).collect();
    let load: Vec<f64> = rounds.iter().map(|(.., load)| *load).collect();
    vec![
        name.to_owned(),
        count(rounds.first().map_or(0.0, |(drain, ..)| drain.jobs as f64)),
        count(median(&rate(|drain| drain.filled))),
        count(median(&sent)),
        count(quantile(&sent, 0.0)),
        count(quantile(&sent, 1.0)),
        count(median(&used)),
        or_none(Some(median(&load))),
    ]
}
