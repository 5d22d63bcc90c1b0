//! Freezes an audience of generated rows, and prints how fast that was and how much memory it took.
//!
//! `cargo run --example freeze_audience -- 1000000`; add `--profile bench` for figures that count.
#![allow(clippy::print_stdout, reason = "that is what it is for")]
use std::{
    collections::HashSet,
    env,
    error::Error,
    fs,
    io::{self, Read},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use whatsapp_campaigns::audience::{
    Batch, ConsentStamp, CsvSource, Freeze, Mapping, MissingValue, PortError, Screen, Sink,
};

/// A CSV of so many rows, made as it is read. One row in a hundred repeats an earlier number, one in two hundred is none.
struct Generated {
    next: u64,
    rows: u64,
    text: Vec<u8>,
    read: usize,
}

impl Read for Generated {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.read == self.text.len() && self.next < self.rows {
            self.text.clear();
            self.read = 0;
            for row in self.next..(self.next + 1_000).min(self.rows) {
                let who = if row % 100 == 99 { row / 2 } else { row };
                // Digits that are not in order, each number once: 10^8 and the factor have no divisor in common.
                let digits = who * 48_271 % 100_000_000;
                let line = match row % 200 {
                    7 => format!("n/a;Person {row};ES-{row}\n"),
                    _ if row % 3 == 0 => format!(
                        "+55 11 9{:04}-{:04};Person {row};ES-{row}\n",
                        digits / 10_000,
                        digits % 10_000
                    ),
                    _ => {
                        format!("(11) 9{:04}-{:04};Person {row};ES-{row}\n", digits / 10_000, digits % 10_000)
                    }
                };
                self.text.extend(line.into_bytes());
            }
            self.next = (self.next + 1_000).min(self.rows);
        }
        let length = bytes.len().min(self.text.len() - self.read);
        bytes[..length].copy_from_slice(&self.text[self.read..self.read + length]);
        self.read += length;
        Ok(length)
    }
}

/// Keeps one address in a thousand out.
struct Few;

#[async_trait]
impl Screen for Few {
    async fn suppressed(&self, addresses: &[String]) -> Result<HashSet<String>, PortError> {
        Ok(addresses.iter().filter(|address| address.ends_with("777")).cloned().collect())
    }

    async fn withdrawn(&self, _: &[String], _: &ConsentStamp) -> Result<HashSet<String>, PortError> {
        Ok(HashSet::new())
    }

    async fn excluded(&self, _: &[String]) -> Result<HashSet<String>, PortError> {
        Ok(HashSet::new())
    }
}

struct Counted(u64);

#[async_trait]
impl Sink for Counted {
    async fn add(&mut self, batch: Batch) -> Result<(), PortError> {
        self.0 += batch.rows.len() as u64;
        Ok(())
    }
}

/// A line of `/proc/self/status`, where there is one.
fn memory(name: &str) -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or(": unknown")
        .trim_start_matches(':')
        .trim()
        .to_owned()
}

/// Seconds of processor time, user and system.
fn processor() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // Two of the fields in front are no numbers.
    fields.get(11).zip(fields.get(12)).map_or(0.0, |(user, system)| (user + system) / 100.0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let rows = env::args().nth(1).map_or(Ok(1_000_000), |rows| rows.parse())?;
    let consent = ConsentStamp::new("marketing", "generated", 1_790_000_000_000, "made here")?;
    let mapping = Mapping::new("phone", consent)
        .region("BR".parse()?)
        .variable("name", "name", MissingValue::Exclude)
        .variable("code", "code", MissingValue::Exclude);
    let source = CsvSource::new(io::Cursor::new("phone;name;code\n").chain(Generated {
        next: 0,
        rows,
        text: Vec::new(),
        read: 0,
    }));
    let begun = Instant::now();
    let rejects = io::BufWriter::new(tempfile::tempfile()?);
    let gathered = Freeze::new(mapping, [7; 32]).rejects_to(rejects).gather(source)?;
    let read = begun.elapsed();
    let mut counted = Counted(0);
    let lane = |who: &whatsapp_campaigns::audience::Recipient<'_>| i32::from(who.address().ends_with('3'));
    let report = gathered.hand_out(&lane, &Few, &mut counted).await?;
    let all = begun.elapsed();
    let rate = |time: Duration| report.rows as f64 / time.as_secs_f64();
    println!("{} rows, {} handed on, {} lanes", report.rows, counted.0, report.lanes.len());
    report.refused.iter().for_each(|(reason, count)| println!("  {}: {count}", reason.code()));
    println!("first pass {:.1} s ({:.0} rows/s)", read.as_secs_f64(), rate(read));
    println!("both {:.1} s ({:.0} rows/s), processor {:.1} s", all.as_secs_f64(), rate(all), processor());
    println!("peak memory {}", memory("VmHWM"));
    Ok(())
}
