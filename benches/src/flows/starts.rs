//! A message of a chat without a live conversation, where people work on large drafts: every bot is asked whether it starts, and no draft
//! is read.
use std::time::Instant;

use whatsapp_store::{Changes, FlowChange, Store, WorkspaceId};

use super::{
    Plan,
    ground::Ground,
    twins::{NOW, quiz},
};
use crate::storage::{
    Result, files,
    machine::{self, Cpu},
    place::Place,
    places,
    table::{Table, count, median, or_none, quantile},
};

const ROUNDS: usize = 3;
/// Bots beside the one that starts, and bytes of the draft of each.
const OTHERS: usize = 8;
const DRAFT: usize = 4 << 20;
/// Messages of one round, each of another person.
const MESSAGES: usize = 200;
/// How often the drafts are read, for comparison.
const READS: usize = 10;

/// What one round came to, milliseconds each.
struct Round {
    /// A message, until it is durable that a conversation began.
    starts: Vec<f64>,
    heads: Vec<f64>,
    drafts: Vec<f64>,
    cpu: f64,
    load: f64,
}

/// Bots with large drafts, of which no version starts by what people write here.
async fn drafts(store: &dyn Store) -> Result<()> {
    let mut bot = quiz();
    bot["triggers"] = serde_json::json!([]);
    let draft = serde_json::json!({ "format": 1, "meta": "x".repeat(DRAFT) }).to_string();
    for number in 0..OTHERS {
        let (flow, by) = (format!("other{number}"), "bench".to_owned());
        let mut changes = Changes::new(WorkspaceId::default());
        let (name, draft) = (flow.clone(), Some(draft.clone()));
        changes.push(FlowChange::PutDraft { flow: flow.clone(), name, draft, at: NOW });
        changes.push(FlowChange::Publish { flow: flow.clone(), definition: bot.to_string(), at: NOW, by });
        changes.push(FlowChange::SetEnabled { flow, enabled: true, at: NOW });
        store.commit(changes).await?;
    }
    Ok(())
}

async fn round(place: &Place, messages: usize) -> Result<Round> {
    let ground = Ground::open(&place.address(), &quiz(), messages + 1).await?;
    drafts(&*ground.store).await?;
    let text = super::twins::quiz_turns()?.first().ok_or("a quiz has a first turn")?.heard.clone();
    // The first one compiles them all.
    ground.write(messages, 0, &text).await?;
    let (cpu, mut starts) = (Cpu::now(), Vec::new());
    for person in 0..messages {
        starts.push(ground.write(person, 0, &text).await?.as_secs_f64() * 1e3);
    }
    let Cpu { here, .. } = cpu.since();
    let workspace = WorkspaceId::default();
    let (mut heads, mut drafts) = (Vec::new(), Vec::new());
    for _ in 0..READS {
        let begun = Instant::now();
        let page = ground.store.flow_heads(&workspace, None, 100).await?;
        heads.push(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        let whole = ground.store.flows(&workspace, None, 100).await?;
        drafts.push(begun.elapsed().as_secs_f64() * 1e3);
        if page.flows.len() != OTHERS + 1 || whole.flows.len() != page.flows.len() {
            return Err("a bot is missing".into());
        }
    }
    ground.store.close().await;
    Ok(Round { starts, heads, drafts, cpu: here, load: machine::load().unwrap_or_default() })
}

pub(super) async fn all(plan: &Plan) -> Result<Table> {
    let mut table = Table::new(&[
        "starts: database",
        "starts/s",
        "p50 ms",
        "p99",
        "CPU µs",
        "heads p50 ms",
        "drafts p50 ms",
        "load",
    ]);
    let files = files(&plan.folder)?;
    for number in 0..ROUNDS {
        let mut all = vec![Place::Memory];
        all.extend(places(files.path(), plan.server.as_ref(), &format!("starts_{number}")));
        for place in all {
            let done = round(&place, MESSAGES).await;
            place.remove().await?;
            table.lines.push(line(place.name(), &done?));
        }
    }
    table.lines.sort();
    table.notes.push(format!(
        "{ROUNDS} rounds of {MESSAGES} people, one after the other, who write for the first time; {} bots are enabled, and {OTHERS} of them have a draft of {} \
         MiB. \"Heads\" and \"drafts\" are one\nread of all bots without and with their drafts: the runner reads heads for each such message.",
        OTHERS + 1,
        DRAFT >> 20
    ));
    Ok(table)
}

fn line(name: &str, round: &Round) -> Vec<String> {
    let seconds = round.starts.iter().sum::<f64>() / 1e3;
    vec![
        name.to_owned(),
        count(round.starts.len() as f64 / seconds),
        format!("{:.2}", median(&round.starts)),
        format!("{:.2}", quantile(&round.starts, 0.99)),
        count(round.cpu / round.starts.len() as f64 * 1e6),
        format!("{:.2}", median(&round.heads)),
        format!("{:.2}", median(&round.drafts)),
        or_none(Some(round.load)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn everybody_starts_a_conversation() {
        let round = round(&Place::Memory, 5).await.unwrap();
        assert_eq!((round.starts.len(), round.heads.len(), round.drafts.len()), (5, READS, READS));
    }
}
