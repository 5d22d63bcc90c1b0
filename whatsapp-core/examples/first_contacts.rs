//! How fast people are written to for the first time: `cargo run --release -p whatsapp-core --all-features --example
//! first_contacts -- [people] [at once] [store URL]`.
//!
//! A client over a store and a simulated network in the same process, each in a thread of its own, so that the system
//! tells where time goes. `at once` is how many messages may be unacknowledged; 0 hands all of them over at once.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program that measures"
)]
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;
use whatsapp_core::{
    Config,
    client::{Client, CommitHook, Events},
    event::Event,
    jid::Jid,
    sim::{Behaviour, runtime::Simulator},
};
use whatsapp_store::{Changes, Content, MessageStatus};

const OWN: &str = "15550000001";
const FIRST: u64 = 15_551_000_000;

/// Counts what is committed.
#[derive(Default)]
struct Commits {
    commits: AtomicUsize,
    changes: AtomicUsize,
}

impl CommitHook for Commits {
    fn prepare(&self, _: &[Event], changes: &mut Changes) {
        self.commits.fetch_add(usize::from(!changes.is_empty()), Ordering::Relaxed);
        self.changes.fetch_add(changes.list.len(), Ordering::Relaxed);
    }
}

/// Stanzas of the network, by kind.
type Stanzas = Arc<Mutex<BTreeMap<String, usize>>>;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let people = arguments.next().map_or(5000, |text| text.parse().expect("a number"));
    let at_once = arguments.next().map_or(256, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().unwrap();
    let url = arguments.next().unwrap_or_else(|| format!("sqlite://{}/bot.db", folder.path().display()));
    let (ready, network) = std::sync::mpsc::channel();
    let stanzas = Stanzas::default();
    let counted = stanzas.clone();
    named("simulator", move || async move {
        let simulator = Simulator::start(1);
        let started = Instant::now();
        simulator.add_people(&FIRST.to_string(), people, "Person", Behaviour::Read).await.unwrap();
        println!("{people} people added in {:.2?}", started.elapsed());
        simulator.add_person(OWN, "Me", Behaviour::Silent).await.unwrap();
        let count = move |node: &mut whatsapp_core::binary::Node| {
            let child = match &node.content {
                whatsapp_core::binary::Content::Nodes(children) => children.first().map(|child| &*child.tag),
                _ => None,
            };
            let kind = format!("{} {}", node.tag, child.unwrap_or_default());
            *counted.lock().unwrap().entry(kind).or_default() += 1;
        };
        simulator.with(|network, _| network.mutate(Some(Box::new(count)))).await.unwrap();
        ready.send(simulator).unwrap();
        std::future::pending::<()>().await;
    });
    let simulator = network.recv().unwrap();
    let client = named("client", move || run(simulator, people, at_once, url, stanzas));
    client.join().unwrap();
}

/// A thread with a runtime.
fn named<F: Future<Output = ()>>(
    name: &str,
    work: impl FnOnce() -> F + Send + 'static,
) -> std::thread::JoinHandle<()> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    thread.spawn(move || runtime.block_on(work())).unwrap()
}

async fn run(simulator: Simulator, people: u32, at_once: usize, url: String, stanzas: Stanzas) {
    let store = whatsapp_store::open(&url).await.unwrap();
    let commits = Arc::new(Commits::default());
    let mut config = Config::default();
    config.trust_root = simulator.trust_root();
    let parts = Client::new(store, config)
        .with_connector(Arc::new(simulator.clone()))
        .with_commit_hook(commits.clone());
    let (client, mut events, driver) = parts.into_parts();
    let driver = tokio::spawn(driver.run());
    link(&simulator, &mut events).await;

    let (commits_before, changes_before) =
        (commits.commits.load(Ordering::Relaxed), commits.changes.load(Ordering::Relaxed));
    stanzas.lock().unwrap().clear();
    let before = cpu();
    let started = Instant::now();
    let room = Arc::new(Semaphore::new(if at_once == 0 { people as usize } else { at_once }));
    let (sender, made) = (client.clone(), room.clone());
    let sending = tokio::spawn(async move {
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..u64::from(people) {
            made.acquire().await.unwrap().forget();
            let client = sender.clone();
            tasks.spawn(async move {
                let (id, to) = (format!("3EB0{n:018X}"), Jid::pn((FIRST + n).to_string()));
                client.send_as(&id, &to, Content::text(format!("hello, number {n}"))).await.unwrap();
            });
        }
        tasks.join_all().await;
        println!("all accepted after {:.2?}", started.elapsed());
    });
    let (mut sent, mut read) = (0, 0);
    let mut sent_after = Duration::ZERO;
    while read < people {
        match events.next().await.unwrap() {
            Event::Status { status: MessageStatus::Sent, .. } => {
                sent += 1;
                sent_after = started.elapsed();
                room.add_permits(1);
            }
            Event::Status { status: MessageStatus::Read, .. } => read += 1,
            Event::Refused { reason, .. } => panic!("{reason}"),
            Event::Disconnected { reason, .. } => println!("disconnected: {reason}"),
            _ => {}
        }
    }
    let took = started.elapsed();
    sending.await.unwrap();
    println!(
        "{sent} acknowledged in {sent_after:.2?}: {:.0}/s; all read after {took:.2?}",
        f64::from(sent) / sent_after.as_secs_f64()
    );
    println!(
        "{} commits of {} changes",
        commits.commits.load(Ordering::Relaxed) - commits_before,
        commits.changes.load(Ordering::Relaxed) - changes_before
    );
    for (thread, seconds) in cpu() {
        let seconds = seconds - before.get(&thread).unwrap_or(&0.0);
        println!("{seconds:>7.2} s of processor in {thread}");
    }
    println!("to the client: {:?}", stanzas.lock().unwrap());
    println!("memory of the process at most: {}", peak());
    let ledger = simulator.ledger().await.unwrap();
    let once = ledger.iter().filter(|entry| (entry.shown, entry.delivered) == (1, 1)).count();
    println!("{once} of {} messages came and were shown exactly once", ledger.len());
    assert_eq!((once, ledger.len()), (people as usize, people as usize));
    client.shutdown().await;
    driver.await.unwrap().unwrap();
}

async fn link(simulator: &Simulator, events: &mut Events) {
    loop {
        match events.next().await.unwrap() {
            Event::Qr { text, .. } => drop(simulator.scan_qr(&text.0, Some(OWN)).await.unwrap()),
            Event::OfflineDone { .. } => return,
            _ => {}
        }
    }
}

/// Seconds of processor time by name of thread, where the system tells them.
fn cpu() -> BTreeMap<String, f64> {
    let mut times = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let Some((name, fields)) = stat.split_once(") ") else { continue };
        let name = name.split_once('(').map_or(name, |(_, name)| name);
        let ticks = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
        *times.entry(name.to_owned()).or_default() += ticks.sum::<f64>() / 100.0;
    }
    times
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}
