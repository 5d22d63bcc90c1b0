//! Pages out of tables that grow: they must not take longer, and must not take more memory.
//!
//! A process of its own reads, so that what it has in memory is the store's alone.
use std::{
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{process::Command, time::timeout};
use whatsapp_store::{AccountId, MessagePage, MessageQuery, Store};

use super::{
    Plan, Result, files, fill, machine,
    place::{Place, Server},
    places,
    sample::{CHATS, IN_ALL, IN_FEW, IN_SOME, account, chat, sample},
    table::{Table, count, or_none, quantile},
};

/// The largest table, and these parts of it.
const PARTS: [u64; 3] = [100, 10, 1];
/// Calls of each kind, unless they take longer than that together.
const CALLS: u64 = 500;
const LONGEST: Duration = Duration::from_secs(5);
/// A call that takes longer is given up, and so is its kind.
const PATIENCE: Duration = Duration::from_secs(20);
const PAGE: u64 = 50;
/// How deep the deep page is.
const DEPTH: u64 = 1_000;

/// Says to the bench that this process is the one that reads.
const READ: &str = "--read";

pub(super) async fn all(plan: &Plan, server: Option<&Server>) -> Result<Table> {
    let mut table = Table::new(&[
        "pages: database, messages, what",
        "median ms",
        "p99 ms",
        "calls",
        "MiB before",
        "after",
        "load",
    ]);
    let files = files(&plan.folder)?;
    for place in places(files.path(), server, "pages") {
        let done = measure(&place, plan.rows, &mut table).await;
        place.remove().await?;
        done?;
    }
    table.notes.push(format!(
        "{CHATS} chats. Filled by the bench's own statements, which make the same rows. Memory is that of the process \
         that reads, before\nand after all reads of a table; a page has {PAGE} messages or chats; the deep one is \
         {DEPTH} pages down by cursor."
    ));
    Ok(table)
}

async fn measure(place: &Place, rows: u64, table: &mut Table) -> Result<()> {
    // Makes the tables.
    whatsapp_store::open(&place.address()).await?.close().await;
    let mut filled = 0;
    for part in PARTS {
        let size = rows / part;
        let start = Instant::now();
        fill::grow(place, filled, size).await?;
        let took = start.elapsed().as_secs_f64();
        table.notes.push(format!(
            "{}: {} to {} messages in {took:.0} s",
            place.name(),
            count(filled as f64),
            count(size as f64)
        ));
        filled = size;
        let output = Command::new(env::current_exe()?)
            .args([READ, &place.address(), &size.to_string()])
            .output()
            .await?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        for line in String::from_utf8(output.stdout)?.lines() {
            let mut cells: Vec<String> = line.split('\t').map(str::to_owned).collect();
            cells[0] = format!("{}, {}, {}", place.name(), count(size as f64), cells[0]);
            table.lines.push(cells);
        }
    }
    Ok(())
}

/// The store that is read, and how far it is.
struct Reader {
    store: Arc<dyn Store>,
    account: AccountId,
    rows: u64,
    lines: Vec<[String; 4]>,
}

/// If the command line asks this process to read, it reads, prints, and answers `true`.
///
/// # Errors
/// When the store cannot be read, or has other messages than it was filled with.
pub async fn read(arguments: &[String]) -> Result<bool> {
    let [option, address, rows] = arguments else { return Ok(false) };
    if option != READ {
        return Ok(false);
    }
    let store = whatsapp_store::open(address).await?;
    let mut reader = Reader { store, account: account()?, rows: rows.parse()?, lines: Vec::new() };
    reader.verify().await?;
    let before = machine::resident();
    reader.all().await?;
    let after = machine::resident();
    for line in &reader.lines {
        println!("{}\t{}\t{}\t{}", line[..3].join("\t"), or_none(before), or_none(after), line[3]);
    }
    // Not closed: a call that was given up may be under way, and would be waited for.
    Ok(true)
}

impl Reader {
    /// The newest messages and chats are those that the numbers say.
    async fn verify(&self) -> Result<()> {
        let found = self.page(MessageQuery::default()).await?.messages;
        let expected: Vec<_> = (0..self.rows).rev().take(PAGE as usize).map(|n| sample(n).message).collect();
        let chats = self.store.chats(&self.account, None, 1).await?.chats;
        let last = chats.first().and_then(|chat| chat.last.as_ref());
        if found != expected || last != expected.first() {
            return Err("the table was filled with other messages".into());
        }
        Ok(())
    }

    async fn page(&self, query: MessageQuery) -> Result<MessagePage> {
        Ok(self.store.messages(&self.account, &query).await?)
    }

    async fn all(&mut self) -> Result<()> {
        self.query("newest page", |_| MessageQuery::default()).await?;
        let mut before = None;
        for _ in 0..DEPTH.min(self.rows / PAGE) - 1 {
            before = self.page(MessageQuery { before, ..MessageQuery::default() }).await?.next;
        }
        self.query("1,000 pages down", |_| MessageQuery {
            before: before.clone(),
            ..MessageQuery::default()
        })
        .await?;
        let of_chat = |call| MessageQuery { chat: Some(chat(call * 7)), ..MessageQuery::default() };
        self.query("newest page of a chat", of_chat).await?;
        self.chats().await?;
        for (what, word) in [
            ("search, 1 in 50,000", IN_FEW),
            ("search, 1 in 500", IN_SOME),
            ("search, in every message", IN_ALL),
        ] {
            self.query(what, |_| MessageQuery { words: Some(word.to_owned()), ..MessageQuery::default() })
                .await?;
        }
        Ok(())
    }

    async fn query(&mut self, what: &str, query: impl Fn(u64) -> MessageQuery) -> Result<()> {
        let (start, mut times, mut found) = (Instant::now(), Vec::new(), 0);
        for call in 0..CALLS {
            if start.elapsed() > LONGEST {
                break;
            }
            let (query, start) = (query(call), Instant::now());
            let Ok(page) = timeout(PATIENCE, self.store.messages(&self.account, &query)).await else {
                times.push(f64::INFINITY);
                break;
            };
            times.push(start.elapsed().as_secs_f64() * 1e3);
            found += page?.messages.len();
        }
        if found == 0 && times.iter().all(|time| time.is_finite()) {
            return Err(format!("{what}: nothing found").into());
        }
        self.push(what, &times);
        Ok(())
    }

    async fn chats(&mut self) -> Result<()> {
        let mut times = Vec::new();
        for _ in 0..CALLS {
            let start = Instant::now();
            let page = self.store.chats(&self.account, None, PAGE as u32).await?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
            if page.chats.is_empty() {
                return Err("no chats found".into());
            }
        }
        self.push("chats", &times);
        Ok(())
    }

    fn push(&mut self, what: &str, times: &[f64]) {
        let figure = |part| match quantile(times, part) {
            time if time.is_finite() => format!("{time:.2}"),
            _ => format!("> {} s", PATIENCE.as_secs()),
        };
        let calls = times.len().to_string();
        self.lines.push([
            what.to_owned(),
            figure(0.5),
            format!("{}\t{calls}", figure(0.99)),
            or_none(machine::load()),
        ]);
    }
}
