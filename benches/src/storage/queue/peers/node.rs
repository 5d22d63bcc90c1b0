//! graphile-worker of npm, in a process of its own.
use std::{path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use super::{Drain, Result};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers-node");

/// Installs what `package-lock.json` names, unless something is installed. Answers with why it cannot be, if so.
pub(super) async fn install() -> Result<Option<String>> {
    for program in ["node", "npm"] {
        let there = Command::new(program).arg("--version").stdout(Stdio::null()).status().await;
        if !there.is_ok_and(|status| status.success()) {
            return Ok(Some(format!("graphile-worker of npm is not measured: there is no {program} here.")));
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
    let failed = || format!("graphile-worker of npm is not measured: npm ci ended with {status}.");
    Ok((!status.success()).then(failed))
}

/// The script prints two numbers, in milliseconds: how long it took to fill the queue, and to drain it.
pub(super) async fn drain(url: &str, jobs: u64) -> Result<Drain> {
    let output = Command::new("node")
        .args(["graphile-worker.mjs", url, &jobs.to_string()])
        .current_dir(FOLDER)
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await?;
    if !output.status.success() {
        return Err(format!("node ended with {}", output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let mut times =
        text.split_whitespace().map(|word| word.parse().map(|ms: f64| Duration::from_secs_f64(ms / 1e3)));
    match (times.next(), times.next()) {
        (Some(filled), Some(drained)) => Ok(Drain { filled: filled?, drained: drained?, jobs }),
        _ => Err("the script printed no times".into()),
    }
}
