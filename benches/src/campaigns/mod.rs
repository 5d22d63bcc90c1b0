//! Campaigns as a host runs them: the real runner over a real store, and a sender that notes when it was asked.
//!
//! `cargo bench -p benches --bench campaigns` runs it. The databases keep their default durability. One clock tells the time to
//! the runner and to the sender. What is large runs in a process of its own, whose memory is then its own, too.
#![allow(clippy::print_stdout, reason = "the tables are what it is for")]
pub(crate) mod child;
mod freeze;
mod ground;
mod latency;
mod memory;
mod pacing;
mod pause;
mod send;
mod sender;
mod simulate;
mod slow;

use std::path::PathBuf;

use crate::storage::{
    Error, Result, machine,
    place::Server,
    table::{Table, print},
};

/// What can be measured, in this order.
const WORKS: [&str; 8] = ["latency", "pause", "pacing", "slow", "freeze", "memory", "send", "simulate"];

/// What to measure, and how much of it.
#[derive(Clone, Debug)]
struct Plan {
    works: Vec<String>,
    /// Recipients of the large campaign.
    rows: u32,
    /// Recipients, and jobs of the peers, where these stand side by side.
    jobs: u32,
    server: Option<Server>,
    /// Where files go: a disk, and no memory that poses as one.
    folder: PathBuf,
}

impl Plan {
    fn parse(arguments: Vec<String>, folder: &str) -> Result<Self> {
        let server = std::env::var("TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty());
        let server = server.map(|url| Server::new(&url));
        let mut plan =
            Self { works: Vec::new(), rows: 10_000_000, jobs: 100_000, server, folder: folder.into() };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut number = || Ok::<u32, Error>(arguments.next().ok_or("a number is missing")?.parse()?);
            match &*argument {
                // Cargo says so to every bench.
                "--bench" => {}
                "--rows" => plan.rows = number()?,
                "--jobs" => plan.jobs = number()?,
                work if WORKS.contains(&work) => plan.works.push(argument),
                _ => return Err(format!("{argument}: there are {}", WORKS.join(", ")).into()),
            }
        }
        Ok(plan)
    }

    fn wants(&self, work: &str) -> bool {
        self.works.is_empty() || self.works.iter().any(|wanted| wanted == work)
    }
}

/// Measures what the words of a command line say, and prints a table per work.
///
/// # Errors
/// When a word is none, or something cannot be used.
pub fn run(arguments: Vec<String>, folder: &str) -> Result<()> {
    if let Some(work) = child::asked(&arguments) {
        return real(work);
    }
    let plan = Plan::parse(arguments, folder)?;
    println!("{}", machine::describe(&plan.folder));
    match &plan.server {
        Some(server) => println!("{}\n", real(server.describe())?),
        None => println!("TEST_POSTGRES_URL names no server, so PostgreSQL is left out.\n"),
    }
    for work in WORKS.into_iter().filter(|work| plan.wants(work)) {
        for table in measure(&plan, work)? {
            print(&table);
        }
    }
    Ok(())
}

fn measure(plan: &Plan, work: &str) -> Result<Vec<Table>> {
    let one = |table: Result<Table>| Ok(vec![table?]);
    match work {
        "latency" => one(real(latency::all(plan))),
        "pause" => one(real(pause::all(plan))),
        "pacing" => one(pacing::all(plan)),
        "slow" => one(real(slow::all(plan))),
        // One file serves both.
        "freeze" => one(real(memory::all(plan, plan.wants("memory")))),
        "memory" if plan.wants("freeze") => Ok(Vec::new()),
        "memory" => one(real(memory::all(plan, true))),
        "send" => one(real(send::all(plan))),
        _ => one(real(simulate::all(plan))),
    }
}

/// In real time, on all cores.
pub(crate) fn real<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str) -> Result<Plan> {
        Plan::parse(line.split_whitespace().map(str::to_owned).collect(), "target")
    }

    #[test]
    fn the_command_line_chooses() {
        let chosen = plan("pause --rows 1000 --bench").unwrap();
        assert_eq!((chosen.rows, chosen.wants("pause"), chosen.wants("send")), (1000, true, false));
        assert!(WORKS.iter().all(|work| plan("").unwrap().wants(work)));
        assert!(plan("paws").is_err() && plan("--rows").is_err() && plan("--jobs x").is_err());
    }
}
