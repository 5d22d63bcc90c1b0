//! Storage on real databases: commits, pages of large tables, and queues beside those of the peers.
//!
//! `cargo bench -p benches --bench store` runs it. The databases keep their default durability: SQLite syncs every
//! commit (`synchronous = FULL`), PostgreSQL too (`fsync` and `synchronous_commit` on). What is compared alternates
//! within one run; figures are medians, and the machine's load stands beside each.
#![allow(clippy::print_stdout, reason = "the tables are what it is for")]
mod fill;
mod floor;
mod insert;
pub(crate) mod machine;
mod pages;
pub(crate) mod place;
pub(crate) mod queue;
mod sample;
pub(crate) mod table;

use std::path::{Path, PathBuf};

pub use self::pages::read;
use self::{
    place::{Place, Server},
    table::print,
};

/// Whatever went wrong.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// What to measure, and how much of it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Only works whose name has one of these words; all if there are none.
    pub words: Vec<String>,
    /// Messages in the largest table.
    pub rows: u64,
    /// Jobs in a queue.
    pub jobs: u64,
    /// The PostgreSQL server, if there is one. A schema and databases of this bench's own are made there, and dropped.
    pub server: Option<String>,
    /// Where SQLite's files go: a disk, and no memory that poses as one.
    pub folder: PathBuf,
}

impl Plan {
    /// From the words of a command line.
    ///
    /// # Errors
    /// When one of them is no option, or its value no number.
    pub fn parse(arguments: impl IntoIterator<Item = String>, folder: &str) -> Result<Self> {
        let server = std::env::var("TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty());
        let mut plan =
            Self { words: Vec::new(), rows: 5_000_000, jobs: 50_000, server, folder: folder.into() };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let mut number = || Ok::<u64, Error>(arguments.next().ok_or("a number is missing")?.parse()?);
            match &*argument {
                // Cargo says so to every bench.
                "--bench" => {}
                "--rows" => plan.rows = number()?,
                "--jobs" => plan.jobs = number()?,
                option if option.starts_with('-') => return Err(format!("no option: {option}").into()),
                _ => plan.words.push(argument),
            }
        }
        Ok(plan)
    }

    fn wants(&self, name: &str) -> bool {
        self.words.is_empty() || self.words.iter().any(|word| name.contains(word.as_str()))
    }
}

/// Measures, and prints a table per work.
///
/// # Errors
/// When a database cannot be used.
pub async fn run(plan: &Plan) -> Result<()> {
    println!("{}", machine::describe(&plan.folder));
    let server = match &plan.server {
        Some(url) => {
            let server = Server::new(url);
            println!("{}", server.describe().await?);
            Some(server)
        }
        None => {
            println!(
                "TEST_POSTGRES_URL is not set, so SQLite and memory alone are measured. It names a server:"
            );
            println!("  TEST_POSTGRES_URL=postgres://postgres@127.0.0.1:5432/postgres cargo bench ...");
            None
        }
    };
    println!();
    if plan.wants("insert") {
        print(&insert::all(&plan.folder, server.as_ref()).await?);
    }
    if plan.wants("pages") {
        print(&pages::all(plan, server.as_ref()).await?);
    }
    if plan.wants("queue") {
        print(&queue::all(plan, server.as_ref()).await?);
    }
    Ok(())
}

/// SQLite's files, gone when this is dropped.
pub(crate) fn files(folder: &Path) -> Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("bench-store-").tempdir_in(folder)?)
}

/// Places to measure at: SQLite, and PostgreSQL if there is a server.
pub(crate) fn places(files: &Path, server: Option<&Server>, name: &str) -> Vec<Place> {
    let sqlite = Place::sqlite(&files.join(format!("{name}.db")));
    std::iter::once(sqlite).chain(server.map(|server| server.schema(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(line: &str) -> Result<Plan> {
        Plan::parse(line.split_whitespace().map(str::to_owned), "target")
    }

    #[test]
    fn the_command_line_chooses() {
        let chosen = plan("insert --rows 1000 --bench").unwrap();
        assert_eq!((chosen.rows, chosen.wants("insert"), chosen.wants("pages")), (1000, true, false));
        assert!(plan("").unwrap().wants("pages"));
        assert!(plan("--rows").is_err() && plan("--rows x").is_err() && plan("--row 1").is_err());
    }
}
