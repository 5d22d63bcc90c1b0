//! Cases of other programs, run through the importers and the engine.
//!
//! The cases are not part of this repository. They are looked for where `BOTS_CONFORMANCE` says, else in
//! `../shared/conformance` from the workspace. Where they are not, nothing is run and nothing counts as passed:
//! this says so and lists no tests.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the counts are for who runs it")]

mod compare;
mod differences;
mod rapidpro;
mod run;
mod scripts;
mod typebot;

use std::{path::PathBuf, process::ExitCode};

type Run = fn(&std::path::Path) -> Result<(), String>;

const TESTS: [(&str, Run); 2] = [("rapidpro", rapidpro::all), ("typebot", typebot::all)];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = folder();
    let has_cases = TESTS.iter().all(|(name, _)| folder.join(name).is_dir());
    if !has_cases {
        eprintln!(
            "CONFORMANCE NOT RUN, NOTHING PASSED: no cases in {}; set BOTS_CONFORMANCE",
            folder.display()
        );
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        if !arguments.iter().any(|argument| argument == "--ignored") {
            TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        }
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let mut code = ExitCode::SUCCESS;
    for (name, run) in TESTS {
        if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        if let Err(why) = run(&folder.join(name)) {
            println!("{name}: FAILED: {why}");
            code = ExitCode::FAILURE;
        }
    }
    code
}

fn folder() -> PathBuf {
    match std::env::var_os("BOTS_CONFORMANCE") {
        Some(folder) => folder.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance"),
    }
}
