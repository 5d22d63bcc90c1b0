//! The quiz in builderbot and in xstate, which run on Node.js, and ours beside them in the same run.
use std::{path::Path, process::Stdio};

use tokio::process::Command;

use super::{
    Plan, durable,
    twins::{Tally, Twin},
};
use crate::storage::{
    Result,
    machine::{self, Cpu},
    place::Place,
    table::{Table, count, median, or_none, quantile},
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers-flows");
const ROUNDS: usize = 5;
/// Conversations of a round of builderbot, whose history it searches from end to end at each message.
const FEW: usize = 500;
/// Conversations of a round of xstate and of our runner.
const MANY: usize = 5_000;
/// Of our engine, which would be done too soon to be timed.
const VERY_MANY: usize = 100_000;

#[derive(Clone, Copy, Debug)]
enum Who {
    Engine,
    Xstate,
    /// People at once.
    Runner(usize),
    Builderbot(usize),
}

const ALL: [Who; 6] =
    [Who::Engine, Who::Xstate, Who::Runner(1), Who::Builderbot(1), Who::Runner(100), Who::Builderbot(100)];

/// Turns, seconds, processor seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Took {
    turns: f64,
    seconds: f64,
    cpu: f64,
}

impl Took {
    fn rate(self) -> f64 {
        self.turns / self.seconds
    }

    fn cpu_each(self) -> f64 {
        self.cpu / self.turns * 1e6
    }
}

impl Who {
    fn name(self) -> String {
        match self {
            Self::Engine => "ours, engine, the state as bytes".to_owned(),
            Self::Xstate => "xstate 5.33.3, the state as JSON".to_owned(),
            Self::Runner(at_once) => format!("ours, runner, store in memory, {at_once} at once"),
            Self::Builderbot(at_once) => format!("builderbot 1.3.13, in memory, {at_once} at once"),
        }
    }

    /// The one that it stands beside.
    const fn ours(place: usize) -> usize {
        place - place % 2
    }

    /// One round; of a peer, with the bytes of its waiting states, if it says them.
    async fn round(self) -> Result<(Took, Vec<f64>)> {
        match self {
            Self::Engine => Ok((engine()?, Vec::new())),
            Self::Runner(at_once) => {
                let round = durable::round(&Place::Memory, MANY, at_once).await?;
                let (turns, seconds) = (round.turns as f64, round.took.as_secs_f64());
                Ok((Took { turns, seconds, cpu: round.cpu }, Vec::new()))
            }
            Self::Xstate => node("xstate.mjs", &[MANY, 1]).await,
            Self::Builderbot(at_once) => node("builderbot.mjs", &[FEW, at_once, 1]).await,
        }
    }
}

fn engine() -> Result<Took> {
    let quiz = Twin::quiz()?;
    let Tally { turns, .. } = quiz.tally();
    (0..MANY).for_each(|_| quiz.talk());
    let (cpu, begun) = (Cpu::now(), std::time::Instant::now());
    (0..VERY_MANY).for_each(|_| quiz.talk());
    Ok(Took {
        turns: (VERY_MANY * turns) as f64,
        seconds: begun.elapsed().as_secs_f64(),
        cpu: cpu.since().here,
    })
}

/// Installs what `package-lock.json` names, unless something is installed. Answers with why it cannot be, if so.
async fn install() -> Result<Option<String>> {
    for program in ["node", "npm"] {
        let there = Command::new(program).arg("--version").stdout(Stdio::null()).status().await;
        if !there.is_ok_and(|status| status.success()) {
            return Ok(Some(format!("THE PEERS WERE NOT MEASURED: there is no {program} here.")));
        }
    }
    if Path::new(FOLDER).join("node_modules").exists() {
        return Ok(None);
    }
    println!("npm ci in {FOLDER}");
    let status = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(FOLDER)
        .stdout(Stdio::null())
        .status()
        .await?;
    let failed = || format!("THE PEERS WERE NOT MEASURED: npm ci ended with {status}.");
    Ok((!status.success()).then(failed))
}

async fn node(script: &str, arguments: &[usize]) -> Result<(Took, Vec<f64>)> {
    let output = Command::new("node")
        .arg(script)
        .args(arguments.iter().map(usize::to_string))
        .current_dir(FOLDER)
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    if !output.status.success() {
        return Err(format!("{script} ended with {}", output.status).into());
    }
    read(&String::from_utf8(output.stdout)?).ok_or_else(|| format!("{script} printed no figures").into())
}

/// A line with a round, and one with bytes where there is one.
fn read(text: &str) -> Option<(Took, Vec<f64>)> {
    let mut lines = text.lines().map(|line| line.split_whitespace().map(str::parse).collect());
    let round: std::result::Result<Vec<f64>, _> = lines.next()?;
    let [turns, seconds, cpu] = *round.ok()? else { return None };
    let sizes = lines.next().and_then(std::result::Result::ok).unwrap_or_default();
    Some((Took { turns, seconds, cpu }, sizes))
}

pub(super) async fn all(_: &Plan) -> Result<Table> {
    let mut table = Table::new(&[
        "peers: the quiz",
        "turns",
        "turns/s",
        "lowest",
        "highest",
        "CPU µs a turn",
        "ours is, by CPU",
        "waiting state B",
        "load",
    ]);
    let missing = install().await?;
    let all: Vec<Who> = match &missing {
        None => ALL.to_vec(),
        Some(_) => ALL.into_iter().step_by(2).collect(),
    };
    let mut rounds = vec![Vec::new(); all.len()];
    let mut sizes = vec![Vec::new(); all.len()];
    let mut loads = vec![Vec::new(); all.len()];
    for _ in 0..ROUNDS {
        for (place, who) in all.iter().enumerate() {
            let (took, bytes) = who.round().await.map_err(|error| format!("{}: {error}", who.name()))?;
            rounds[place].push(took);
            sizes[place] = bytes;
            loads[place].push(machine::load().unwrap_or_default());
        }
    }
    sizes[0] = ours()?;
    for (place, who) in all.iter().enumerate() {
        let beside = (missing.is_none() && place % 2 == 1).then(|| &rounds[Who::ours(place)]);
        table.lines.push(line(*who, &rounds[place], beside, &sizes[place], &loads[place]));
    }
    table.notes.extend(missing);
    table.notes.push(format!(
        "Medians of {ROUNDS} rounds by turns, each in a process of its own for the peers, whose first round is not counted. All said the same {} \
         texts before\nanything was timed. CPU of all threads, the collection of garbage included.",
        super::ground::messages(&super::twins::quiz_turns()?)
    ));
    Ok(table)
}

/// Bytes of our states that wait.
fn ours() -> Result<Vec<f64>> {
    let steps = Twin::quiz()?.steps();
    let waiting = steps.iter().filter(|step| step.state.status() == whatsapp_bots::Status::Waiting);
    Ok(waiting.map(|step| step.state.to_bytes().len() as f64).collect())
}

fn line(who: Who, rounds: &[Took], beside: Option<&Vec<Took>>, sizes: &[f64], loads: &[f64]) -> Vec<String> {
    let rates: Vec<f64> = rounds.iter().map(|took| took.rate()).collect();
    let used = |rounds: &[Took]| median(&rounds.iter().map(|took| took.cpu_each()).collect::<Vec<f64>>());
    let times = beside.map(|ours| format!("{:.1}×", used(rounds) / used(ours)));
    vec![
        who.name(),
        count(rounds.first().map_or(0.0, |took| took.turns)),
        count(median(&rates)),
        count(quantile(&rates, 0.0)),
        count(quantile(&rates, 1.0)),
        format!("{:.2}", used(rounds)),
        times.unwrap_or_else(|| "-".to_owned()),
        if sizes.is_empty() { "-".to_owned() } else { count(median(sizes)) },
        or_none(Some(median(loads))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_scripts_print_is_read() {
        let took = Took { turns: 400.0, seconds: 0.5, cpu: 0.25 };
        assert_eq!(read("400 0.5 0.25\n"), Some((took, Vec::new())));
        assert_eq!(read("400 0.5 0.25\n102 113\n"), Some((took, vec![102.0, 113.0])));
        assert_eq!((read(""), read("hello")), (None, None));
        assert_eq!((took.rate(), took.cpu_each()), (800.0, 625.0));
    }
}
