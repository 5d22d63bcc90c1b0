//! From due to handed over, one by one.
use std::time::Duration;

use tokio::time::sleep;
use whatsapp_campaigns::pacing::{Gcra, Rate, SECOND};

use super::{
    Plan,
    ground::{ACTOR, Ground},
    sender::{Note, Noting},
};
use crate::storage::{
    Result, files,
    machine::{self, Cpu},
    place::Place,
    places,
    table::{Table, count, or_none, quantile},
};

/// Messages in a second.
const RATE: u32 = 50;
/// How many in all: 20 seconds.
const MESSAGES: u32 = 20 * RATE;
/// Campaigns that are let go one by one.
const BEGINS: usize = 20;

pub(super) async fn all(plan: &Plan) -> Result<Table> {
    let mut table =
        Table::new(&["latency: database, what", "times", "p50 ms", "p99 ms", "most ms", "CPU s", "load"]);
    let files = files(&plan.folder)?;
    // In memory: what the machine and the runner alone take.
    let stored = places(files.path(), plan.server.as_ref(), "latency");
    for place in std::iter::once(Place::Memory).chain(stored) {
        let cpu = Cpu::now();
        let late = slots(&place).await;
        add(&mut table, &format!("{}, after its turn", place.name()), &late?, &place, cpu);
        let cpu = Cpu::now();
        let late = begins(&place).await;
        place.remove().await?;
        add(&mut table, &format!("{}, from let go to the first message", place.name()), &late?, &place, cpu);
    }
    peers(plan, &mut table).await?;
    table.notes.push(format!(
        "A message's turn is when the sender's limit allows it: {RATE} a second, burst 1, counted from the turn of the one \
         before.\nLet go: from the commit that starts a campaign to one person, with a nudge, to the message. \
         CPU is of this process, and of the servers\nwhere there is one."
    ));
    Ok(table)
}

fn add(table: &mut Table, name: &str, late: &[f64], place: &Place, cpu: Cpu) {
    let Cpu { here, servers } = cpu.since();
    let used = if matches!(place, Place::Postgres { .. }) { here + servers } else { here };
    table.lines.push(line(name, late, used));
}

fn line(name: &str, late: &[f64], used: f64) -> Vec<String> {
    let figure = |part| format!("{:.2}", quantile(late, part));
    vec![
        name.to_owned(),
        count(late.len() as f64),
        figure(0.5),
        figure(0.99),
        figure(1.0),
        format!("{used:.2}"),
        or_none(machine::load()),
    ]
}

/// How late each message is, milliseconds.
async fn slots(place: &Place) -> Result<Vec<f64>> {
    let ground = Ground::open(&place.address()).await?;
    ground.campaign("slots", &["slots"], MESSAGES).await?;
    let running = ground.runner(true);
    let rate = Rate::per(RATE, SECOND, 1);
    let sender = Noting::new(ground.beat.clone(), rate);
    running.serve("slots", sender.clone())?;
    ground.until(async || Ok(ground.sent("slots").await? == u64::from(MESSAGES))).await?;
    running.end().await?;
    ground.store.close().await;
    Ok(lateness(&sender.notes(), rate))
}

/// Against the turn that the limit gives each, milliseconds. The first one's turn is not known.
///
/// When the machine stands still, the time of a decision may be noted after the next one was made. Nobody sends before their
/// turn, so whoever seems to shows that the turns were taken for later than they are.
fn lateness(notes: &[Note], rate: Rate) -> Vec<f64> {
    let mut limit = Gcra::default();
    let mut late = Vec::new();
    for note in notes {
        if limit != Gcra::default() {
            limit.tat = limit.tat.min(note.decided.unsigned_abs());
            late.push((note.at - limit.tat.cast_signed()) as f64 / 1_000.0);
        }
        limit.take_late(rate, note.decided.unsigned_abs());
    }
    late
}

/// From the commit that lets a campaign go to its message.
async fn begins(place: &Place) -> Result<Vec<f64>> {
    let ground = Ground::open(&place.address()).await?;
    let running = ground.runner(true);
    let sender = Noting::new(ground.beat.clone(), Rate::per(1_000, SECOND, 1));
    running.serve("begins", sender.clone())?;
    let mut late = Vec::new();
    for number in 0..BEGINS {
        let id = format!("begins-{number}");
        ground.draft(&id, &["begins"], 1).await?;
        // Not in step with the runner's rounds.
        sleep(Duration::from_millis(100 + 37 * (number as u64 % 7))).await;
        ground.service.start(&id, ACTOR).await?;
        let begun = ground.beat.since_epoch();
        running.runner.nudge();
        ground.until(async || Ok(sender.notes().len() > number)).await?;
        late.extend(sender.notes().last().map(|note| (note.at - begun) as f64 / 1_000.0));
    }
    running.end().await?;
    ground.store.close().await;
    Ok(late)
}

#[cfg(not(feature = "queues"))]
#[allow(clippy::unused_async, reason = "as with the peers")]
async fn peers(_: &Plan, table: &mut Table) -> Result<()> {
    table.notes.push("The peer needs `--features queues`.".to_owned());
    Ok(())
}

/// Jobs that are added one by one, at the same rate, to a worker that listens.
#[cfg(feature = "queues")]
async fn peers(plan: &Plan, table: &mut Table) -> Result<()> {
    use crate::storage::queue::peers::{graphile, pool};

    let Some(server) = &plan.server else { return Ok(()) };
    let mut made = Vec::new();
    let pool = pool(server, &mut made, "latency").await?;
    let cpu = Cpu::now();
    let late = graphile::latency(&pool, MESSAGES.into(), Duration::from_secs(1) / RATE).await;
    pool.close().await;
    for name in made {
        server.execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
    }
    let (late, Cpu { here, servers }) = (late?, cpu.since());
    table.lines.push(line("PostgreSQL, graphile_worker 0.14.1, added to run", &late, here + servers));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_late_against_its_turn() {
        let note = |at, decided| Note { at, decided };
        let notes = [
            note(1_000_300, 1_000_000),
            note(1_020_500, 1_020_400),
            note(1_047_000, 1_046_900),
            note(1_060_000, 1_060_000),
        ];
        assert_eq!(lateness(&notes, Rate::per(50, SECOND, 1)), [0.5, 7.0, 0.0]);
        // One that misses its turn altogether: the next one's counts from then.
        let notes = [note(1_000_000, 1_000_000), note(1_090_000, 1_090_000), note(1_110_250, 1_110_250)];
        assert_eq!(lateness(&notes, Rate::per(50, SECOND, 1)), [70.0, 0.25]);
    }
}
