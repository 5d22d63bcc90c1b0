//! This project and its peers on the same work, in one run.
//!
//! `cargo bench -p benches` measures ours; `cargo bench -p benches --features peers` measures the peers' crates beside
//! it and prints the ratio. Each piece of work is measured in many short rounds that alternate between the two, so
//! that whatever else the machine does hits both. A busy machine only ever adds time, so the figures are the fast
//! rounds (the tenth percentile); the ratio of the medians is printed beside them, and where the two ratios differ
//! much, the machine was too busy to tell. Compare figures of one run only.
pub mod codec;
pub mod noise;
#[cfg(feature = "peers")]
mod peers;
pub mod signal;

use std::time::{Duration, Instant};

/// Rounds per piece of work.
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

/// How long one run's rounds took, in nanoseconds per time the work was done.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The tenth percentile.
    pub fast: f64,
    /// The median.
    pub median: f64,
}

/// What was measured of a piece of work.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// What was done.
    pub name: &'static str,
    /// This project.
    pub ours: Times,
    /// The peer, if it was compiled in and does this work.
    pub peer: Option<Times>,
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
        Figures { name: self.name, ours: Times::of(ours), peer: (!peer.is_empty()).then(|| Times::of(peer)) }
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

impl Times {
    fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        Self { fast: rounds[rounds.len() / 10], median: rounds[rounds.len() / 2] }
    }
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

/// One line per piece of work.
pub fn table(figures: &[Figures]) -> String {
    let mut out =
        format!("{:<34} {:>12} {:>12} {:>7} {:>8}\n", "work", "ours", "wacore 0.7", "ratio", "(median)");
    for Figures { name, ours, peer } in figures {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let theirs = or_dash(peer.map(|peer| time(peer.fast)));
        let ratio = or_dash(peer.map(|peer| format!("{:.2}", peer.fast / ours.fast)));
        let of_medians = or_dash(peer.map(|peer| format!("{:.2}", peer.median / ours.median)));
        let ours = time(ours.fast);
        out.push_str(&format!("{name:<34} {ours:>12} {theirs:>12} {ratio:>7} {of_medians:>8}\n"));
    }
    out
}

fn time(nanos: f64) -> String {
    if nanos < 10_000.0 { format!("{nanos:.0} ns") } else { format!("{:.1} µs", nanos / 1000.0) }
}
