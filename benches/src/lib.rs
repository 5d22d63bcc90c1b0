//! This project and its peers on the same work, in one run.
//!
//! `cargo bench -p benches` measures ours; `cargo bench -p benches --features peers` measures the peers' crates beside
//! it and prints the ratio. Each piece of work is measured in many short rounds that alternate between the two, so
//! that whatever else the machine does hits both. A busy machine only ever adds time, so the figures are the fast
//! rounds (the tenth percentile). Where code and data come to lie in memory can cost either side a fifth and differs
//! from start to start of one program, so the whole is done in several starts: the figures are the medians over
//! these, and the lowest and highest ratio stand beside them. Compare figures of one run only.
pub mod campaigns;
pub mod codec;
pub mod flows;
pub mod noise;
#[cfg(feature = "peers")]
mod peers;
pub mod signal;
pub mod storage;
pub mod store;

use std::time::{Duration, Instant};

/// Rounds per piece of work and start.
const ROUNDS: usize = 201;
/// About how long one round takes: shorter than a scheduler's slice, so that many rounds are not interrupted.
const ROUND: Duration = Duration::from_millis(1);

/// Does something so many times, and says how long that took. What it needs is prepared outside of that time.
pub type Run = Box<dyn FnMut(u32) -> Duration>;

/// A piece of work.
pub struct Work {
    name: &'static str,
    ours: Run,
    peer: Option<Run>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What one start measured of a piece of work: nanoseconds per time it was done, the tenth percentile of the rounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// What was done.
    pub name: String,
    /// This project.
    pub ours: f64,
    /// The peer, if it was compiled in and does this work.
    pub peer: Option<f64>,
}

impl Work {
    /// Work that the peer does too, if it is compiled in.
    pub fn new(name: &'static str, ours: Run, peer: Option<Run>) -> Self {
        Self { name, ours, peer }
    }

    /// Measures both, by turns.
    pub fn measure(mut self) -> Figures {
        let our_times = calibrate(&mut self.ours);
        let peer_times = self.peer.as_mut().map(calibrate);
        let (mut ours, mut peer) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(per_time((self.ours)(our_times), our_times));
            if let (Some(run), Some(times)) = (&mut self.peer, peer_times) {
                peer.push(per_time(run(times), times));
            }
        }
        let peer = (!peer.is_empty()).then(|| fast(peer));
        Figures { name: self.name.to_owned(), ours: fast(ours), peer }
    }
}

fn calibrate(run: &mut Run) -> u32 {
    let mut times = 1;
    loop {
        let took = run(times);
        if took >= ROUND || times >= 1 << 20 {
            return times;
        }
        let factor = (ROUND.as_secs_f64() / took.as_secs_f64().max(1e-9)).clamp(1.5, 16.0);
        times = (f64::from(times) * factor).ceil() as u32;
    }
}

fn per_time(took: Duration, times: u32) -> f64 {
    took.as_nanos() as f64 / f64::from(times)
}

fn fast(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 10]
}

/// Times `work`, done `times` times on the same input.
pub fn repeat<T>(times: u32, mut work: impl FnMut() -> T) -> Duration {
    let start = Instant::now();
    for _ in 0..times {
        std::hint::black_box(work());
    }
    start.elapsed()
}

/// Times `work`, done once on each input.
pub fn each<I, T>(inputs: Vec<I>, mut work: impl FnMut(I) -> T) -> Duration {
    let mut results = Vec::with_capacity(inputs.len());
    let start = Instant::now();
    for input in inputs {
        results.push(std::hint::black_box(work(input)));
    }
    let took = start.elapsed();
    drop(results);
    took
}

/// All of it.
pub fn all() -> Vec<Work> {
    let mut all = codec::works();
    all.extend(signal::works());
    all.extend(noise::works());
    all
}

impl Figures {
    /// As one line, for the process that started this one.
    pub fn line(&self) -> String {
        format!(
            "{}\t{}\t{}",
            self.name,
            self.ours,
            self.peer.map_or_else(String::new, |peer| peer.to_string())
        )
    }

    /// From such a line.
    pub fn from_line(line: &str) -> Option<Self> {
        let mut parts = line.split('\t');
        let (name, ours, peer) = (parts.next()?, parts.next()?, parts.next()?);
        let peer = if peer.is_empty() { None } else { Some(peer.parse().ok()?) };
        Some(Self { name: name.to_owned(), ours: ours.parse().ok()?, peer })
    }

    fn ratio(&self) -> Option<f64> {
        self.peer.map(|peer| peer / self.ours)
    }
}

/// One line per piece of work, of all starts together. Every start did the same works in the same order.
pub fn table(starts: &[Vec<Figures>]) -> String {
    let mut out = format!(
        "{:<34} {:>12} {:>12} {:>7}  {}\n",
        "work", "ours", "wacore 0.7", "ratio", "(lowest to highest)"
    );
    for place in 0..starts.first().map_or(0, Vec::len) {
        let figures: Vec<&Figures> = starts.iter().map(|start| &start[place]).collect();
        let ours = time(middle(figures.iter().map(|figures| figures.ours)).unwrap_or_default());
        let theirs = middle(figures.iter().filter_map(|figures| figures.peer)).map_or("-".to_owned(), time);
        let ratios = || figures.iter().filter_map(|figures| figures.ratio());
        let ratio = middle(ratios()).map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let (lowest, highest) = (ratios().reduce(f64::min), ratios().reduce(f64::max));
        let spread =
            lowest.zip(highest).map_or_else(String::new, |(low, high)| format!("({low:.2} to {high:.2})"));
        let line = format!("{:<34} {ours:>12} {theirs:>12} {ratio:>7}  {spread}", figures[0].name);
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn time(nanos: f64) -> String {
    if nanos < 10_000.0 { format!("{nanos:.0} ns") } else { format!("{:.1} µs", nanos / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(ours: f64, peer: Option<f64>) -> Figures {
        Figures { name: "encrypt, 200 B".to_owned(), ours, peer }
    }

    #[test]
    fn figures_travel_between_processes() {
        for figures in [figures(1.5, Some(3.25)), figures(0.1, None)] {
            assert_eq!(Figures::from_line(&figures.line()), Some(figures));
        }
        assert_eq!(Figures::from_line("running 3 tests"), None);
    }

    #[test]
    fn a_line_of_the_table_is_the_median_of_the_starts() {
        let starts = [(100.0, 90.0), (100.0, 120.0), (80.0, 120.0)];
        let table = table(&starts.map(|(ours, peer)| vec![figures(ours, Some(peer))]));
        let line: Vec<&str> = table.lines().nth(1).unwrap_or_default().split_whitespace().collect();
        assert_eq!(line[3..], ["100", "ns", "120", "ns", "1.20", "(0.90", "to", "1.50)"]);
    }
}
