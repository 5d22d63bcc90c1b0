//! The engine alone, on one core: W1 to W4 of the study.
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use whatsapp_bots::{State, step};

use super::twins::{Tally, Twin, ada, ctx};
use crate::storage::{
    Result,
    machine::{self, Cpu},
    table::{Table, count, median, or_none, quantile},
};

const ROUNDS: usize = 15;
/// About how long a round takes.
const ROUND: Duration = Duration::from_millis(200);
/// Turns that are timed one by one.
const TIMED: usize = 20_000;

impl Twin {
    /// One conversation.
    pub(super) fn talk(&self) {
        let contact = ada();
        if self.stored {
            let mut bytes = self.from.to_bytes();
            for input in &self.inputs {
                let state = State::from_bytes(&bytes).unwrap_or_default();
                let taken = black_box(step(&self.bot, state, input, &ctx(&contact)));
                bytes = taken.state.to_bytes();
            }
            black_box(bytes);
        } else {
            let mut state = self.from.clone();
            for input in &self.inputs {
                state = black_box(step(&self.bot, state, input, &ctx(&contact))).state;
            }
        }
    }

    /// Conversations a second, for a while.
    fn round(&self, times: usize) -> f64 {
        let begun = Instant::now();
        for _ in 0..times {
            self.talk();
        }
        times as f64 / begun.elapsed().as_secs_f64()
    }

    /// Conversations that take about a round. It warms up, too.
    fn calibrate(&self) -> usize {
        let (begun, mut times) = (Instant::now(), 0);
        while begun.elapsed() < ROUND {
            self.talk();
            times += 1;
        }
        times
    }

    /// Nanoseconds of each of many turns, the clock's own included.
    fn turns(&self) -> Vec<f64> {
        let (contact, mut times) = (ada(), Vec::with_capacity(TIMED));
        while times.len() < TIMED {
            let mut bytes = self.from.to_bytes();
            let mut state = self.from.clone();
            for input in &self.inputs {
                let begun = Instant::now();
                if self.stored {
                    state = State::from_bytes(&bytes).unwrap_or_default();
                }
                let taken = black_box(step(&self.bot, state, input, &ctx(&contact)));
                if self.stored {
                    bytes = taken.state.to_bytes();
                }
                times.push(begun.elapsed().as_nanos() as f64);
                state = taken.state;
            }
        }
        times
    }
}

pub(super) fn all() -> Result<Table> {
    let mut table = Table::new(&[
        "engine: a turn",
        "turns/s",
        "lowest",
        "highest",
        "steps/s",
        "sends/s",
        "p50 µs",
        "p99 µs",
        "CPU s",
        "seconds",
        "load",
    ]);
    let twins = Twin::all()?;
    let times: Vec<usize> = twins.iter().map(Twin::calibrate).collect();
    let mut rates = vec![Vec::new(); twins.len()];
    let mut used = vec![(0.0, 0.0); twins.len()];
    for _ in 0..ROUNDS {
        for (place, twin) in twins.iter().enumerate() {
            let (cpu, begun) = (Cpu::now(), Instant::now());
            rates[place].push(twin.round(times[place]));
            used[place].0 += cpu.since().here;
            used[place].1 += begun.elapsed().as_secs_f64();
        }
    }
    for ((twin, rates), (cpu, seconds)) in twins.iter().zip(&rates).zip(used) {
        table.lines.push(line(twin, rates, cpu, seconds));
    }
    table.notes.push(format!(
        "Medians of {ROUNDS} rounds by turns. A step is a node that was entered. W3 and W4 read the state from its bytes before each turn and \
         write it after;\nW1 and W2 keep it. p50 and p99 are of {} turns timed one by one in another pass.",
        count(TIMED as f64)
    ));
    Ok(table)
}

fn line(twin: &Twin, rates: &[f64], cpu: f64, seconds: f64) -> Vec<String> {
    let Tally { turns, steps, sends } = twin.tally();
    let (turns, rate) = (turns as f64, median(rates));
    let single = twin.turns();
    vec![
        twin.name.to_owned(),
        count(rate * turns),
        count(quantile(rates, 0.0) * turns),
        count(quantile(rates, 1.0) * turns),
        count(rate * steps as f64),
        count(rate * sends as f64),
        format!("{:.2}", median(&single) / 1e3),
        format!("{:.2}", quantile(&single, 0.99) / 1e3),
        format!("{cpu:.2}"),
        format!("{seconds:.2}"),
        or_none(machine::load()),
    ]
}

/// Does something, and says how many allocations that took, and of how many bytes.
pub type Counter = dyn Fn(&mut dyn FnMut()) -> (u64, u64);

/// Allocations and bytes of the same turns, counted by whoever owns the allocator of the program.
///
/// # Errors
/// When a bot does not do what it has to.
pub fn allocations(counted: &Counter) -> Result<()> {
    let mut table = Table::new(&["allocations", "a turn", "a step", "bytes a turn"]);
    for twin in Twin::all()? {
        let Tally { turns, steps, .. } = twin.tally();
        twin.talk();
        let (times, bytes) = counted(&mut || twin.talk());
        let (times, turns) = (times as f64, turns as f64);
        table.lines.push(vec![
            twin.name.to_owned(),
            format!("{:.1}", times / turns),
            format!("{:.2}", times / steps as f64),
            count(bytes as f64 / turns),
        ]);
    }
    crate::storage::table::print(&table);
    Ok(())
}
