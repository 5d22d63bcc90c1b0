//! Conversations that wait: W6 of the study.
use std::{
    fs,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use whatsapp_bots::{Contact, Input, Message, State, Status, step};
use whatsapp_store::{Changes, ConversationRecord, FlowChange};

use super::{
    Plan,
    ground::{Ground, account, chat},
    twins::{NOW, QUESTIONS, Twin, ada, compiled, ctx, survey},
};
use crate::{
    campaigns::child::{self, Told},
    storage::{
        Result, files,
        machine::{self, Cpu},
        place::{Place, Raw},
        table::{Table, count, or_none, quantile},
    },
};

/// Rows of one commit.
const PAGE: usize = 1_000;
/// Questions that somebody has answered who stands in the middle.
const ANSWERED: usize = QUESTIONS / 2;
/// How long the runner runs before and after its turns.
const SPAN: Duration = Duration::from_secs(5);
/// Conversations that are begun beside those that wait.
const MORE: usize = 2_000;

/// Bytes of all states that wait, of a bot and texts.
fn waiting(bot: &whatsapp_bots::Compiled, from: &State, inputs: &[Input], contact: &Contact) -> Vec<f64> {
    let (mut state, mut sizes) = (from.clone(), Vec::new());
    for input in inputs {
        state = step(bot, state, input, &ctx(contact)).state;
        if state.status() == Status::Waiting {
            sizes.push(state.to_bytes().len() as f64);
        }
    }
    sizes
}

pub(super) fn sizes() -> Result<Table> {
    let mut table = Table::new(&["idle: bytes of a state that waits", "states", "least", "median", "most"]);
    let contact = ada();
    let mut all = Vec::new();
    for twin in Twin::all()? {
        let sizes = waiting(&twin.bot, &twin.from, &twin.inputs, &contact);
        table.lines.push(line(twin.name, &sizes));
        all.extend(sizes);
    }
    for (name, expires) in [("survey of ten questions", false), ("the same, with a timer", true)] {
        let (definition, said) = survey(expires);
        let texts = std::iter::once("survey").chain(said);
        let inputs: Vec<Input> = texts.map(|text| Input::Message(Message::text(text))).collect();
        let sizes = waiting(&compiled(&definition)?, &State::default(), &inputs, &contact);
        table.lines.push(line(name, &sizes));
        all.extend(sizes);
    }
    table.lines.push(line("W6: all", &all));
    table.notes.push("The store keeps 13 bytes more of each, and what is still to be sent.".to_owned());
    Ok(table)
}

fn line(name: &str, sizes: &[f64]) -> Vec<String> {
    let mut line = vec![name.to_owned(), sizes.len().to_string()];
    line.extend([0.0, 0.5, 1.0].map(|part| count(quantile(sizes, part))));
    line
}

pub(super) async fn all(plan: &Plan) -> Result<(Table, Table)> {
    let mut rows = Table::new(&[
        "idle: SQLite, what",
        "rows",
        "state B",
        "B a row",
        "file MiB",
        "rows/s",
        "CPU s",
        "load",
    ]);
    let mut memory = Table::new(&[
        "idle: memory of a runner, beside",
        "MiB opened",
        "running",
        "after turns",
        "peak",
        "turns/s",
        "CPU s",
        "load",
    ]);
    let files = files(&plan.folder)?;
    for (name, expires, rows_of) in
        [("none", false, 0), ("no timer", false, plan.rows), ("a timer each", true, plan.rows)]
    {
        let file = files.path().join(format!("idle_{}_{expires}.db", rows_of > 0));
        let place = Place::sqlite(&file);
        let (cpu, begun) = (Cpu::now(), Instant::now());
        let size = fill(&place, expires, rows_of as usize).await?;
        let (used, seconds) = (cpu.since().here, begun.elapsed().as_secs_f64());
        let bytes = fs::metadata(&file)?.len();
        if rows_of > 0 {
            let number = f64::from(rows_of);
            rows.lines.push(vec![
                format!("five of ten answered, {name}"),
                count(number),
                count(size as f64),
                count(bytes as f64 / number),
                count((bytes >> 20) as f64),
                count(number / seconds),
                format!("{used:.1}"),
                or_none(machine::load()),
            ]);
            rows.notes.push(parts(&place, rows_of).await?);
        }
        let told = child::ask("idle", &[&place.address(), if expires { "timer" } else { "none" }]).await?;
        memory.lines.push(resident(&format!("{} conversations, {name}", count(f64::from(rows_of))), &told));
        fs::remove_file(&file)?;
    }
    memory.notes.push(format!(
        "A process of its own with nothing but a store and a runner, which looks after conversations for {} s, and then begins {MORE} more.",
        SPAN.as_secs()
    ));
    Ok((rows, memory))
}

fn resident(name: &str, told: &Told) -> Vec<String> {
    let mut line = vec![name.to_owned()];
    line.extend(["opened", "running", "after", "peak"].map(|name| format!("{:.1}", child::of(told, name))));
    line.extend([
        count(child::of(told, "rate")),
        format!("{:.1}", child::of(told, "cpu")),
        or_none(machine::load()),
    ]);
    line
}

/// Where the bytes of a row are.
async fn parts(place: &Place, rows: u32) -> Result<String> {
    let Some(mut raw) = Raw::connect(place).await? else { return Ok(String::new()) };
    let parts = raw
        .texts("SELECT name || ' ' || sum(pgsize) FROM dbstat WHERE name LIKE '%conversation%' GROUP BY name ORDER BY sum(pgsize) DESC")
        .await?;
    raw.close().await?;
    let parts = parts.iter().filter_map(|part| {
        let (name, bytes) = part.split_once(' ')?;
        let each = bytes.parse::<f64>().ok()? / f64::from(rows);
        (each >= 0.5).then(|| format!("{name} {each:.0}"))
    });
    Ok(format!("Bytes a row: {}.", parts.collect::<Vec<_>>().join(", ")))
}

/// Rows as the runner writes them, of people who stand in the middle of the survey. Gives the bytes of each state.
async fn fill(place: &Place, expires: bool, rows: usize) -> Result<usize> {
    let record = sample(expires).await?;
    let ground = Ground::open(&place.address(), &survey(expires).0, 0).await?;
    for first in (0..rows).step_by(PAGE) {
        let mut changes = Changes::new(account()?);
        for person in first..rows.min(first + PAGE) {
            // Not in order, and each number once.
            let number = person * 48_271 % 100_000_000;
            let record = ConversationRecord { chat: chat(number), ..record.clone() };
            changes.push(FlowChange::PutConversation { record, expected: None });
        }
        ground.store.commit(changes).await?;
    }
    ground.store.close().await;
    Ok(record.state.len())
}

/// What the runner stores of somebody in the middle of the survey.
async fn sample(expires: bool) -> Result<ConversationRecord> {
    let (definition, said) = survey(expires);
    let ground = Ground::open("memory:", &definition, 1).await?;
    for (turn, text) in std::iter::once("survey").chain(said).take(ANSWERED + 1).enumerate() {
        ground.write(0, turn, text).await?;
        ground.rest(0, |stored| stored.revision >= 2 * (turn as i64 + 1)).await?;
    }
    let stored = ground.store.conversation(&account()?, &chat(0)).await?.ok_or("nothing was stored")?;
    // Those with a timer wait for a long time yet.
    let wake_at = stored.wake_at.map(|at| at + 86_400_000_000);
    Ok(ConversationRecord { wake_at, updated_at: NOW, ..stored })
}

/// In a process of its own: a runner over what is there.
pub(super) async fn child(address: &str, expires: &str) -> Result<()> {
    let cpu = Cpu::now();
    let ground = Ground::open(address, &survey(expires == "timer").0, MORE).await?;
    child::tell("opened", machine::resident().unwrap_or(f64::NAN));
    let running = tokio::spawn({
        let bots = ground.bots.clone();
        async move { bots.run().await }
    });
    sleep(SPAN).await;
    child::tell("running", machine::resident().unwrap_or(f64::NAN));
    let begun = Instant::now();
    for person in 0..MORE {
        ground.write(person, 99, "survey").await?;
        ground.phones.read(person, 1).await?;
    }
    child::tell("rate", MORE as f64 / begun.elapsed().as_secs_f64());
    sleep(SPAN).await;
    child::tell("after", machine::resident().unwrap_or(f64::NAN));
    child::tell("peak", machine::peak().unwrap_or(f64::NAN));
    child::tell("cpu", cpu.since().here);
    ground.bots.shutdown();
    running.await?;
    ground.store.close().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sample_stands_in_the_middle() {
        for expires in [false, true] {
            let stored = sample(expires).await.unwrap();
            assert_eq!((stored.revision, stored.wake_at.is_some()), (2 * (ANSWERED as i64 + 1), expires));
        }
    }

    #[test]
    fn what_waits_has_a_size() {
        let table = sizes().unwrap();
        assert_eq!(table.lines.len(), 7);
    }
}
