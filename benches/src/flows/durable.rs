//! The runner as a host runs it: each turn is one commit, and what was handed over after it is taken off by another. W7 of
//! the study.
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Plan,
    ground::{Ground, messages},
    twins::{Said, quiz, quiz_turns},
};
use crate::storage::{
    Result, files,
    machine::{self, Cpu},
    place::Place,
    places,
    table::{Table, count, median, or_none, quantile},
};

const ROUNDS: usize = 3;
/// People who write at once.
const AT_ONCE: [usize; 3] = [1, 16, 64];

/// What one round came to.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) turns: usize,
    pub(super) took: Duration,
    /// From an input to its durable commit, milliseconds.
    heard: Vec<f64>,
    /// From an input to its last message, milliseconds.
    answered: Vec<f64>,
    pub(super) cpu: f64,
    load: f64,
}

/// All conversations of one round: so many people write at once, each of them for a share of the chats, turn after turn.
pub(super) async fn round(place: &Place, people: usize, at_once: usize) -> Result<Round> {
    let ground = Ground::open(&place.address(), &quiz(), people).await?;
    let turns: Arc<Vec<Said>> = Arc::new(quiz_turns()?);
    let (cpu, begun) = (Cpu::now(), Instant::now());
    let writers = (0..at_once).map(|first| {
        let (ground, turns) = (ground.clone(), turns.clone());
        tokio::spawn(async move { write(&ground, &turns, first, at_once, people).await })
    });
    let (mut heard, mut answered) = (Vec::new(), Vec::new());
    for writer in writers.collect::<Vec<_>>() {
        let (one, other) = writer.await??;
        heard.extend(one);
        answered.extend(other);
    }
    let took = begun.elapsed();
    for person in 0..people {
        // Without a timer, only what is to be done wakes it.
        ground.rest(person, |stored| stored.wake_at.is_none()).await?;
    }
    let Cpu { here, servers } = cpu.since();
    let is_on_server = matches!(place, Place::Postgres { .. });
    if ground.phones.sent() != (people * messages(&turns)) as u64 {
        return Err("something was said twice, or not at all".into());
    }
    ground.store.close().await;
    Ok(Round {
        turns: people * turns.len(),
        took,
        heard,
        answered,
        cpu: if is_on_server { here + servers } else { here },
        load: machine::load().unwrap_or_default(),
    })
}

/// Writes to a share of the chats, and waits for each turn's messages before the next.
async fn write(
    ground: &Ground,
    turns: &[Said],
    first: usize,
    at_once: usize,
    people: usize,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut heard, mut answered) = (Vec::new(), Vec::new());
    for person in (first..people).step_by(at_once) {
        for (turn, Said { heard: text, said }) in turns.iter().enumerate() {
            let begun = Instant::now();
            heard.push(ground.write(person, turn, text).await?.as_secs_f64() * 1e3);
            ground.phones.read(person, said.len()).await?;
            answered.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok((heard, answered))
}

pub(super) async fn all(plan: &Plan) -> Result<Table> {
    let mut table = Table::new(&[
        "durable: database, people at once",
        "turns",
        "turns/s",
        "lowest",
        "highest",
        "heard p50 ms",
        "p99",
        "answered p50",
        "p99",
        "CPU µs",
        "CPU s",
        "load",
    ]);
    let files = files(&plan.folder)?;
    let mut lines: Vec<(String, Vec<Round>)> = Vec::new();
    for number in 0..ROUNDS {
        let mut next = 0;
        for at_once in AT_ONCE {
            let mut all = vec![Place::Memory];
            all.extend(places(files.path(), plan.server.as_ref(), &format!("bots_{at_once}_{number}")));
            for place in all {
                let people = if at_once == 1 { plan.people / 4 } else { plan.people };
                let done = round(&place, people.max(at_once), at_once).await;
                place.remove().await?;
                let name = format!("{}, {at_once}", place.name());
                let done = done.map_err(|error| format!("{name}: {error}"))?;
                if number == 0 {
                    lines.push((name, Vec::new()));
                }
                lines[next].1.push(done);
                next += 1;
            }
        }
    }
    table.lines.extend(lines.iter().map(|(name, rounds)| line(name, rounds)));
    table.notes.push(format!(
        "The quiz: four turns with seven messages; a turn is a commit, and its messages are taken off with another. Medians of {ROUNDS}\nrounds, all by turns. \"Heard\" is from an \
         input to its durable commit, \"answered\" to its last message; a person writes again when that is there. CPU per turn, and of all rounds; of the \
         servers, too, where\nthere is one."
    ));
    Ok(table)
}

fn line(name: &str, rounds: &[Round]) -> Vec<String> {
    let rates: Vec<f64> = rounds.iter().map(|round| round.turns as f64 / round.took.as_secs_f64()).collect();
    let heard: Vec<f64> = rounds.iter().flat_map(|round| &round.heard).copied().collect();
    let answered: Vec<f64> = rounds.iter().flat_map(|round| &round.answered).copied().collect();
    let used: Vec<f64> = rounds.iter().map(|round| round.cpu / round.turns as f64 * 1e6).collect();
    let load: Vec<f64> = rounds.iter().map(|round| round.load).collect();
    vec![
        name.to_owned(),
        count(rounds.first().map_or(0.0, |round| round.turns as f64)),
        count(median(&rates)),
        count(quantile(&rates, 0.0)),
        count(quantile(&rates, 1.0)),
        format!("{:.2}", median(&heard)),
        format!("{:.2}", quantile(&heard, 0.99)),
        format!("{:.2}", median(&answered)),
        format!("{:.2}", quantile(&answered, 0.99)),
        count(median(&used)),
        format!("{:.1}", rounds.iter().map(|round| round.cpu).sum::<f64>()),
        or_none(Some(median(&load))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn everybody_is_answered_once() {
        let round = round(&Place::Memory, 20, 4).await.unwrap();
        assert_eq!((round.turns, round.heard.len(), round.answered.len()), (80, 80, 80));
    }
}
