//! Bots: the engine alone, the runner over real stores, and two engines of others on the same conversation.
//!
//! `cargo bench -p benches --bench flows` runs it; `--bench flow_allocations` counts allocations, in a program of its own, since
//! counting takes time. What is large runs in a process of its own, whose memory is then its own, too.
#![allow(clippy::print_stdout, reason = "the tables are what it is for")]
mod build;
mod durable;
mod engine;
mod ground;
mod idle;
mod peers;
mod starts;
mod triggers;
mod twins;

use std::path::PathBuf;

pub use self::engine::{Counter, allocations};
use crate::{
    campaigns::{child, real},
    storage::{
        Error, Result, machine,
        place::Server,
        table::{Table, print},
    },
};

/// What can be measured, in this order.
const WORKS: [&str; 7] = ["engine", "triggers", "build", "peers", "idle", "starts", "durable"];

/// What to measure, and how much of it.
#[derive(Clone, Debug)]
struct Plan {
    works: Vec<String>,
    /// Conversations that wait.
    rows: u32,
    /// People who talk with the runner.
    people: usize,
    server: Option<Server>,
    /// Where files go: a disk, and no memory that poses as one.
    folder: PathBuf,
}

impl Plan {
    fn parse(arguments: Vec<String>, folder: &str) -> Result<Self> {
        let server = std::env::var("TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty());
        let server = server.map(|url| Server::new(&url));
        let mut plan =
            Self { works: Vec::new(), rows: 1_000_000, people: 1_000, server, folder: folder.into() };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut number = || Ok::<u32, Error>(arguments.next().ok_or("a number is missing")?.parse()?);
            match &*argument {
                // Cargo says so to every bench.
                "--bench" => {}
                "--rows" => plan.rows = number()?,
                "--people" => plan.people = number()? as usize,
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
    if let [child, work, address, expires] = &*arguments
        && child == child::CHILD
        && work == "idle"
    {
        return real(idle::child(address, expires));
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
    Ok(match work {
        "engine" => vec![engine::all()?],
        "triggers" => vec![triggers::all()?],
        "build" => vec![build::all()?],
        "peers" => vec![real(peers::all(plan))?],
        "idle" => {
            let (rows, memory) = real(idle::all(plan))?;
            vec![idle::sizes()?, rows, memory]
        }
        "starts" => vec![real(starts::all(plan))?],
        _ => vec![real(durable::all(plan))?],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str) -> Result<Plan> {
        Plan::parse(line.split_whitespace().map(str::to_owned).collect(), "target")
    }

    #[test]
    fn the_command_line_chooses() {
        let chosen = plan("engine --rows 1000 --people 8 --bench").unwrap();
        assert_eq!((chosen.rows, chosen.people), (1000, 8));
        assert!(chosen.wants("engine") && !chosen.wants("idle"));
        assert!(WORKS.iter().all(|work| plan("").unwrap().wants(work)));
        assert!(plan("engines").is_err() && plan("--rows").is_err() && plan("--people x").is_err());
    }
}
