use std::sync::Arc;

use tokio::task::JoinSet;

use super::samples::{ODD_TEXTS, commit, workspace};
use crate::{ContactedChange, Store, WorkspaceId};

/// Numbers that break code that reads them as signed, or as fractions.
const PEOPLE: [u64; 6] = [0, 1, i64::MAX as u64, 1 << 63, (1 << 63) + 1, u64::MAX];

fn note(sender: &str, people: impl Into<Vec<(u64, i64)>>) -> ContactedChange {
    ContactedChange::Note { sender: sender.into(), people: people.into() }
}

fn trim(before: i64, limit: u32) -> ContactedChange {
    ContactedChange::Trim { before, limit }
}

async fn by(store: &dyn Store, workspace: &WorkspaceId, sender: &str, since: i64) -> Vec<(u64, i64)> {
    store.contacted_by(workspace, sender, since).await.unwrap()
}

async fn times(store: &dyn Store, workspace: &WorkspaceId, people: &[u64], since: i64) -> Vec<(u64, i64)> {
    store.times_contacted(workspace, people, since).await.unwrap()
}

/// Each person once, by number, with the last time.
pub async fn people_contacted_by_a_sender_come_with_the_last_time(store: Arc<dyn Store>) {
    let w = workspace("w");
    assert_eq!(by(&*store, &w, "a", i64::MIN).await, []);
    commit(&*store, &w, [note("a", [(7, 30), (5, 10), (7, 20)]), note("b", [(9, 40), (7, 50)])]).await;
    commit(&*store, &w, [note("a", [(5, 5), (6, 20)]), note("a", [])]).await;
    assert_eq!(by(&*store, &w, "a", i64::MIN).await, [(5, 10), (6, 20), (7, 30)]);
    assert_eq!(by(&*store, &w, "a", 20).await, [(6, 20), (7, 30)]);
    assert_eq!(by(&*store, &w, "a", 31).await, []);
    assert_eq!(by(&*store, &w, "b", 0).await, [(7, 50), (9, 40)]);
    assert_eq!(by(&*store, &w, "A", 0).await, [], "senders differ by case");
    assert_eq!(by(&*store, &workspace("v"), "a", 0).await, []);
}

/// By any sender, and by person and time.
pub async fn times_of_people_come_from_all_senders(store: Arc<dyn Store>) {
    let w = workspace("w");
    commit(&*store, &w, [note("a", [(7, 30), (5, 10), (7, 20)]), note("b", [(7, 25), (8, 1), (7, 30)])])
        .await;
    commit(&*store, &workspace("v"), [note("a", [(7, 26)])]).await;
    assert_eq!(times(&*store, &w, &[7, 9, 5, 7], 0).await, [(5, 10), (7, 20), (7, 25), (7, 30), (7, 30)]);
    assert_eq!(times(&*store, &w, &[7], 25).await, [(7, 25), (7, 30), (7, 30)]);
    assert_eq!(times(&*store, &w, &[7], 31).await, []);
    assert_eq!(times(&*store, &w, &[], i64::MIN).await, []);
    assert_eq!(times(&*store, &workspace("v"), &[5, 7], 0).await, [(7, 26)]);
}

/// In one batch, in two batches, and in many at once.
pub async fn contacted_people_are_noted_once(store: Arc<dyn Store>) {
    let w = workspace("w");
    let people: Vec<_> = (0..50).map(|person| (person, 9)).collect();
    let mut nodes = JoinSet::new();
    for node in 0..8 {
        let (store, mut people) = (store.clone(), people.clone());
        people.rotate_left(5 * node);
        people.extend_from_within(..10);
        nodes.spawn(async move { commit(&*store, &workspace("w"), [note("a", people)]).await });
    }
    nodes.join_all().await;
    commit(&*store, &w, [note("a", people.clone()), note("a", people.clone())]).await;
    assert_eq!(by(&*store, &w, "a", 0).await, people);
    let numbers: Vec<_> = (0..50).collect();
    assert_eq!(times(&*store, &w, &numbers, 0).await, people);
}

/// The highest numbers, the first moment and the last, and senders of any name.
pub async fn contacted_notes_hold_any_person_time_and_sender(store: Arc<dyn Store>) {
    let w = workspace("w");
    for sender in ODD_TEXTS {
        let at = |person: u64| if person.is_multiple_of(2) { i64::MIN } else { i64::MAX };
        let people = PEOPLE.map(|person| (person, at(person)));
        commit(&*store, &w, [note(sender, people)]).await;
        assert_eq!(by(&*store, &w, sender, i64::MIN).await, people, "{sender:?}");
        let late = by(&*store, &w, sender, i64::MAX).await;
        assert_eq!(late, [PEOPLE[1], PEOPLE[2], PEOPLE[4], PEOPLE[5]].map(|person| (person, i64::MAX)));
    }
    let all = times(&*store, &w, &PEOPLE, i64::MIN).await;
    assert_eq!(all.len(), PEOPLE.len() * ODD_TEXTS.len());
    assert!(all.is_sorted());
}

/// A campaign writes down a thousand at a time.
pub async fn contacted_in_large_batches(store: Arc<dyn Store>) {
    let w = workspace("w");
    // Spread over all numbers, and no two the same.
    let person = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut all: Vec<_> = (0..5_000_u64).map(|number| (person(number), number.cast_signed())).collect();
    for batch in all.chunks(1_000) {
        commit(&*store, &w, [note("a", batch)]).await;
    }
    let people: Vec<_> = all.iter().map(|(person, _)| *person).collect();
    all.sort_unstable();
    assert_eq!(by(&*store, &w, "a", 0).await, all);
    assert_eq!(times(&*store, &w, &people, 0).await, all);
    all.retain(|(_, at)| *at >= 4_000);
    assert_eq!(by(&*store, &w, "a", 4_000).await, all);
}

/// The oldest first, no more than asked for, and of this workspace alone.
pub async fn old_contacted_are_trimmed(store: Arc<dyn Store>) {
    let (w, v) = (workspace("w"), workspace("v"));
    assert_eq!(store.outdated_contacted(i64::MAX).await.unwrap(), []);
    let people: Vec<_> = (0..10_u64).map(|person| (person, 100 - person.cast_signed())).collect();
    for workspace in [&w, &v] {
        commit(&*store, workspace, [note("a", people.clone())]).await;
    }
    commit(&*store, &workspace("young"), [note("a", [(1, 98)])]).await;
    assert_eq!(store.outdated_contacted(91).await.unwrap(), []);
    assert_eq!(store.outdated_contacted(92).await.unwrap(), [v.clone(), w.clone()]);
    commit(&*store, &w, [trim(97, 0)]).await;
    assert_eq!(by(&*store, &w, "a", 0).await, people);
    commit(&*store, &w, [trim(97, 4)]).await;
    assert_eq!(by(&*store, &w, "a", 0).await, people[..6], "the four that are oldest went");
    commit(&*store, &w, [trim(97, 4)]).await;
    assert_eq!(by(&*store, &w, "a", 0).await, people[..4], "no more than what is old");
    assert_eq!(times(&*store, &w, &[3, 4, 5, 9], 0).await, [(3, 97)]);
    assert_eq!(store.outdated_contacted(97).await.unwrap(), std::slice::from_ref(&v));
    assert_eq!(by(&*store, &v, "a", 0).await, people, "another workspace");
    commit(&*store, &v, [trim(i64::MAX, u32::MAX), note("a", [(3, 5)])]).await;
    assert_eq!(by(&*store, &v, "a", 0).await, [(3, 5)]);
    assert_eq!(store.outdated_contacted(i64::MAX).await.unwrap(), [v, w, workspace("young")]);
}

/// Several nodes trim at once: none stops another, and all old notes go.
pub async fn concurrent_trims_of_contacted_do_not_block(store: Arc<dyn Store>) {
    let w = workspace("w");
    let people: Vec<_> = (0..600).map(|person| (person, 1)).collect();
    commit(&*store, &w, [note("a", people)]).await;
    let mut nodes = JoinSet::new();
    for _ in 0..4 {
        let store = store.clone();
        nodes.spawn(async move {
            let w = workspace("w");
            while !store.outdated_contacted(2).await.unwrap().is_empty() {
                commit(&*store, &w, [trim(2, 50)]).await;
            }
        });
    }
    nodes.join_all().await;
    assert_eq!(by(&*store, &w, "a", 0).await, []);
}
