//! What the machine says of itself, by `/proc`. Elsewhere than on Linux there are no figures, and "-" is printed.
use std::{fs, path::Path};

/// Clock ticks per second, on every Linux this runs on.
const TICKS: f64 = 100.0;

/// Processes that ran on average during the last minute.
pub(crate) fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// Seconds of a processor used so far: by this process and those it waited for, and by the PostgreSQL servers of this
/// machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cpu {
    pub(crate) here: f64,
    pub(crate) servers: f64,
}

impl Cpu {
    pub(crate) fn now() -> Self {
        let here =
            fs::read_to_string("/proc/self/stat").ok().and_then(|stat| used(&stat)).unwrap_or_default();
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let stats = processes.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
        let servers = stats.filter(|stat| stat.contains("(postgres)")).filter_map(|stat| used(&stat)).sum();
        Self { here, servers }
    }

    pub(crate) fn since(self) -> Self {
        let now = Self::now();
        Self { here: now.here - self.here, servers: now.servers - self.servers }
    }
}

/// The process and its ended children, from its line in `/proc`. Its name, in brackets, may have spaces.
fn used(stat: &str) -> Option<f64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<f64>().ok()).sum::<f64>();
    Some(ticks / TICKS)
}

/// Memory of this process that is in RAM, in MiB.
pub(crate) fn resident() -> Option<f64> {
    status("VmRSS:")
}

/// The most that ever was, in MiB.
pub(crate) fn peak() -> Option<f64> {
    status("VmHWM:")
}

fn status(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

/// One line about the machine and the disk.
pub(crate) fn describe(folder: &Path) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = load().map_or("-".to_owned(), |load| format!("{load:.2}"));
    let (system, memory) = (file_system(folder), total_memory().unwrap_or_default());
    let warning = if system == "tmpfs" { " (THAT IS MEMORY: its syncs cost nothing)" } else { "" };
    format!("{cores} cores, {memory} GiB, load average {load}, SQLite files on {system}{warning}")
}

fn total_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kib: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib >> 20)
}

fn file_system(folder: &Path) -> String {
    let folder = fs::canonicalize(folder).unwrap_or_default();
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let parts = mounts.lines().filter_map(|line| {
        let mut parts = line.split_whitespace().skip(1);
        Some((parts.next()?, parts.next()?))
    });
    let holding = parts.filter(|(place, _)| folder.starts_with(place)).max_by_key(|(place, _)| place.len());
    holding.map_or("-".to_owned(), |(_, system)| system.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_may_have_spaces_and_brackets() {
        let stat = "1 (a) b (c)) S 1 1 1 0 -1 4194560 1 2 3 4 150 50 100 0 20 0 1 0 3 0 0";
        assert_eq!(used(stat), Some(3.0));
        assert_eq!(used("1 (a) S 1"), None);
    }
}
