//! From the commit that pauses a campaign to its last message.
use std::time::Duration;

use tokio::time::sleep;
use whatsapp_campaigns::pacing::{Rate, SECOND};

use super::{
    Plan, child,
    ground::{ACTOR, Ground, Running},
    sender::{Noting, system_micros},
};
use crate::storage::{
    Result, files, machine,
    place::Place,
    places,
    table::{Table, count, or_none, quantile},
};

/// Messages in a second.
const RATE: u32 = 200;
const TIMES: usize = 20;
const PEOPLE: u32 = 60_000;
/// After this, nothing comes any more: four rounds of the runner.
const QUIET: Duration = Duration::from_secs(1);

/// Who pauses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    /// The node that sends, which tells its runner.
    Same,
    /// The same process, which tells nobody.
    Silent,
    /// Another process, which can tell nobody.
    Other,
}

impl By {
    /// As a part of a file's name, and for people.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Same => ("same", "the node that sends"),
            Self::Silent => ("silent", "the same, and the runner is not told"),
            Self::Other => ("other", "another process"),
        }
    }

    /// One process at a time has a file of SQLite.
    const fn can(self, place: &Place) -> bool {
        !matches!((self, place), (Self::Other, Place::Sqlite { .. }))
    }
}

pub(super) async fn all(plan: &Plan) -> Result<Table> {
    let mut table =
        Table::new(&["pause: database, by whom", "times", "median ms", "most ms", "after", "load"]);
    let files = files(&plan.folder)?;
    for by in [By::Same, By::Silent, By::Other] {
        let (name, who) = by.names();
        let places = places(files.path(), plan.server.as_ref(), &format!("pause_{name}"));
        for place in places.into_iter().filter(|place| by.can(place)) {
            let measured = pauses(&place, by).await;
            place.remove().await?;
            let (late, after) = measured?;
            table.lines.push(vec![
                format!("{}, {who}", place.name()),
                count(late.len() as f64),
                format!("{:.1}", quantile(&late, 0.5)),
                format!("{:.1}", quantile(&late, 1.0)),
                count(after as f64),
                or_none(machine::load()),
            ]);
        }
    }
    table.notes.push(format!(
        "From when the commit returned to the last message that was handed over, at {RATE} a second; 0 when there was none \
         after it.\n\"After\" is how many messages that were, of all times together. Who is not told sees it at the \
         next look, every 150 ms. SQLite has no other process: a file belongs to one."
    ));
    Ok(table)
}

/// How long messages came after each pause, milliseconds, and how many of them there were in all.
async fn pauses(place: &Place, by: By) -> Result<(Vec<f64>, usize)> {
    let (address, ground) = (place.address(), Ground::open(&place.address()).await?);
    ground.campaign("pause", &["pause"], PEOPLE).await?;
    let running = ground.runner(true);
    let sender = Noting::new(ground.beat.clone(), Rate::per(RATE, SECOND, 1));
    running.serve("pause", sender.clone())?;
    let (mut late, mut after) = (Vec::new(), 0);
    for time in 0..TIMES {
        let before = sender.notes().len();
        ground.until(async || Ok(sender.notes().len() > before + 20)).await?;
        // Not in step with the runner's rounds.
        sleep(Duration::from_millis(61 * time as u64 % 250)).await;
        let at = paused(&ground, &running, &address, by).await?;
        sleep(QUIET).await;
        let notes = sender.notes();
        let later: Vec<i64> = notes.iter().map(|note| note.at).filter(|sent| *sent > at).collect();
        late.push(later.last().map_or(0.0, |last| (last - at) as f64 / 1_000.0));
        after += later.len();
        ground.service.resume("pause", ACTOR).await?;
        running.runner.nudge();
    }
    running.end().await?;
    ground.store.close().await;
    Ok((late, after))
}

/// Pauses, and says when that was stored, microseconds.
async fn paused(ground: &Ground, running: &Running, address: &str, by: By) -> Result<i64> {
    if by == By::Other {
        let told = child::ask("pause", &[address, "pause"]).await?;
        return Ok(child::of(&told, "at") as i64);
    }
    ground.service.pause("pause", "measured", ACTOR).await?;
    let at = ground.beat.since_epoch();
    if by == By::Same {
        running.runner.nudge();
    }
    Ok(at)
}

pub(super) async fn child(address: &str, id: &str) -> Result<()> {
    let ground = Ground::open(address).await?;
    ground.service.pause(id, "measured", ACTOR).await?;
    child::tell("at", system_micros() as f64);
    Ok(())
}
