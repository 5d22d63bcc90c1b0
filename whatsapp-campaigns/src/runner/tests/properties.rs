//! Whatever happens to a campaign: no row has two ids, nobody is shown it twice or skipped, and who is suppressed gets nothing.
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use tokio::time::Instant;
use whatsapp_store::{
    CampaignState, CampaignStore, Changes, ContactChange, RecipientState, Store, Suppression, WorkspaceId,
};

use super::bench::{Bench, Ledger, START, address, settings};
use crate::{outcome::Code, runner::Submission};

const ROWS: u32 = 60;
const HOUR: i64 = 3_600_000;

/// Something that happens while it is sent.
#[derive(Clone, Debug)]
enum Blow {
    Pass(u64),
    /// The process dies, and starts again under the same name or another.
    Kill(bool),
    Pause,
    Resume,
    Suppress(u32),
}

fn blow() -> impl Strategy<Value = Blow> {
    prop_oneof![
        4 => (1..900_u64).prop_map(Blow::Pass),
        2 => any::<bool>().prop_map(Blow::Kill),
        1 => Just(Blow::Pause),
        2 => Just(Blow::Resume),
        2 => (1..=ROWS).prop_map(Blow::Suppress),
    ]
}

/// An answer that depends on the submission alone, so that a case can be repeated.
fn answer(chances: u8) -> impl Fn(i64, &crate::runner::Message) -> Submission {
    move |count, _| match (count * 7 + i64::from(chances)) % 11 {
        0 if chances > 80 => Submission::Refused { code: Code::Cloud(131_000), until: None },
        1 if chances > 80 => Submission::Refused { code: Code::Web(429), until: None },
        2 if chances > 40 => Submission::Unknown,
        3 => Submission::Acked,
        _ => Submission::Accepted,
    }
}

async fn suppress(bench: &Bench, seq: u32) {
    let mut changes = Changes::new(WorkspaceId::default());
    let suppression = Suppression { address: address(0, seq), reason: "stop".into(), at: START };
    changes.push(ContactChange::Suppress(suppression));
    bench.store.commit(changes).await.unwrap();
}

async fn survives(blows: Vec<Blow>, chances: u8) -> Result<(), TestCaseError> {
    let bench = Bench::new();
    let calm = settings(r#""autoPause":{"minSample":100000},"#);
    bench.campaign("spring", calm, ROWS).await;
    let ledger = Ledger::answering(answer(chances));
    let mut running = Some(bench.start("a", ledger.clone()));
    let mut suppressed = BTreeMap::<String, Instant>::new();
    for (place, blow) in blows.into_iter().enumerate() {
        match blow {
            Blow::Pass(millis) => bench.pass(millis).await,
            Blow::Kill(same) => {
                running.take().unwrap().kill();
                let name = if same { "a".to_owned() } else { format!("node {place}") };
                running = Some(bench.start(&name, ledger.clone()));
            }
            Blow::Pause if bench.record("spring").await.state == CampaignState::Running => {
                bench.move_to("spring", CampaignState::Paused).await;
            }
            Blow::Resume if bench.record("spring").await.state == CampaignState::Paused => {
                bench.move_to("spring", CampaignState::Running).await;
            }
            Blow::Suppress(seq) => {
                suppress(&bench, seq).await;
                suppressed.entry(address(0, seq)).or_insert_with(Instant::now);
            }
            Blow::Pause | Blow::Resume => {}
        }
    }
    if bench.record("spring").await.state == CampaignState::Paused {
        bench.move_to("spring", CampaignState::Running).await;
    }
    bench.until("spring", CampaignState::Finished, 48 * HOUR).await;
    running.take().unwrap().shutdown().await;

    let shown = ledger.shown.lock().unwrap().clone();
    let people: BTreeSet<_> = shown.values().map(|(to, _)| to.clone()).collect();
    prop_assert_eq!(people.len(), shown.len(), "somebody has two ids");
    for (when, to) in ledger.sent.lock().unwrap().iter() {
        // One tick, and what is leased and under way in that moment.
        let late =
            suppressed.get(to).is_some_and(|since| *when > *since + std::time::Duration::from_millis(600));
        prop_assert!(!late, "{to} was written to after they were suppressed");
    }
    let records = bench.store.recipients(&WorkspaceId::default(), "spring", 0, 0..ROWS + 1).await.unwrap();
    for record in records {
        let was_shown = people.contains(&address(0, record.seq));
        match record.state {
            RecipientState::Submitted | RecipientState::Acked => prop_assert!(was_shown, "{record:?}"),
            RecipientState::Suppressed => prop_assert!(suppressed.contains_key(&address(0, record.seq))),
            RecipientState::Failed => prop_assert!(record.tries >= 5, "{record:?}"),
            state => prop_assert!(false, "{state:?} is no end"),
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn nobody_is_skipped_or_written_to_twice(
        blows in prop::collection::vec(blow(), 0..24),
        chances in 0..100_u8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(survives(blows, chances))?;
    }
}
