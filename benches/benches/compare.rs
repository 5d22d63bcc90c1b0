//! Prints the table. Words on the command line choose works by their names.
#![allow(clippy::print_stdout, reason = "the table is what it is for")]
use std::{
    env, io,
    process::{Command, Stdio},
};

use benches::Figures;

/// The program starts itself so often.
const STARTS: usize = 7;
/// Says that this process is one of those.
const START: &str = "--one-start";

fn main() -> io::Result<()> {
    if env::args().any(|word| word == START) {
        measure();
        return Ok(());
    }
    let starts: Vec<_> = (0..STARTS).map(|_| start()).collect::<io::Result<_>>()?;
    println!("{}", benches::table(&starts));
    println!("Medians of {STARTS} starts; ratio is the peer's time by ours, above 1 when we are faster.");
    Ok(())
}

fn measure() {
    let wanted: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for work in benches::all() {
        let name = format!("{work:?}");
        if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
            println!("{}", work.measure().line());
        }
    }
}

fn start() -> io::Result<Vec<Figures>> {
    let mut process = Command::new(env::current_exe()?);
    process.args(env::args().skip(1)).arg(START).stderr(Stdio::inherit());
    let output = process.output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("a start ended with {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().filter_map(Figures::from_line).collect())
}
