//! The process that is killed: this program itself, which runs one test that never ends.
use std::{
    env,
    hint::spin_loop,
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use crate::commits::{LANES, Numbers, changes, last};

const URL: &str = "WHATSAPP_STORE_TEST_URL";

/// Each lane commits as fast as it can and says so after each, until it is killed or its server is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "never ends: run and killed by others"]
async fn committing_until_killed() {
    let url = env::var(URL).unwrap();
    say("opening".into());
    let store = whatsapp_store::open(&url).await.unwrap();
    let mut lanes = Vec::new();
    for lane in 0..LANES {
        let store = store.clone();
        lanes.push(tokio::spawn(async move {
            for number in last(&*store, lane).await.map_or(0, |number| number + 1).. {
                if let Err(error) = store.commit(changes(lane, number)).await {
                    return say(format!("failed {} {error}", error.is_retryable()));
                }
                say(format!("confirmed {lane} {number}"));
            }
        }));
    }
    for lane in lanes {
        lane.await.unwrap();
    }
}

fn say(line: String) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

/// When to kill the process: after `lines` lines of output, and `spin` after the last of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) lines: u64,
    pub(crate) spin: Duration,
}

impl Moment {
    /// Waits without giving the processor away, which would be far longer.
    pub(crate) fn wait(self) {
        let heard = Instant::now();
        while heard.elapsed() < self.spin {
            spin_loop();
        }
    }
}

/// The process, seen from outside.
#[derive(Debug)]
pub(crate) struct Victim {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) confirmed: Numbers,
    pub(crate) failures: Vec<String>,
}

impl Victim {
    pub(crate) fn start(url: &str) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "victim::committing_until_killed", "--ignored", "--nocapture"])
            .env(URL, url)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines, confirmed: [None; LANES], failures: Vec::new() }
    }

    /// Waits for a line that the child wrote; the test harness writes lines too.
    fn hear(&mut self) -> Option<()> {
        loop {
            let line = self.lines.next()?.unwrap();
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match word {
                "opening" => return Some(()),
                "failed" => {
                    self.failures.push(rest.to_owned());
                    return Some(());
                }
                "confirmed" => {
                    let (lane, number) = rest.split_once(' ').unwrap();
                    self.confirmed[lane.parse::<usize>().unwrap()] = Some(number.parse().unwrap());
                    return Some(());
                }
                _ => {}
            }
        }
    }

    pub(crate) fn hear_lines(&mut self, lines: u64) {
        for _ in 0..lines {
            self.hear().expect("the child ended by itself");
        }
    }

    /// Kills the process at that moment. Returns the last number that each lane saw confirmed.
    pub(crate) fn kill_at(mut self, moment: Moment) -> Numbers {
        self.hear_lines(moment.lines);
        moment.wait();
        self.process.kill().unwrap();
        let status = self.end();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{status}");
        assert!(self.failures.is_empty(), "{:?}", self.failures);
        self.confirmed
    }

    /// Reads the rest of the output.
    pub(crate) fn end(&mut self) -> ExitStatus {
        while self.hear().is_some() {}
        self.process.wait().unwrap()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // It has ended already, unless the test failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
