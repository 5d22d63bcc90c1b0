use std::sync::Arc;

use bytes::Bytes;

use super::samples::{account, commit, lid, person, pn, try_commit};
use crate::{AccountId, Change, ErrorKind, PersonAddress, PersonRecord, Store};

async fn one(store: &dyn Store, account: &AccountId, address: PersonAddress) -> Option<PersonRecord> {
    let mut found = store.people(account, &[address]).await.unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn with_state(person: PersonRecord, state: &'static str) -> PersonRecord {
    PersonRecord { state: Bytes::from(state), ..person }
}

/// And a number is not looked for among the linked ids. Empty text is an address like any other.
pub async fn person_is_found_by_either_address(store: Arc<dyn Store>) {
    let (store, a) = (&*store, account("a"));
    assert_eq!(store.people(&a, &[]).await.unwrap(), []);
    assert_eq!(store.people(&a, &[pn("1"), lid("1")]).await.unwrap(), [None, None]);
    let people = [
        with_state(person("1", "2"), "both"),
        PersonRecord { lid: None, ..with_state(person("3", ""), "by number") },
        PersonRecord { pn: None, ..with_state(person("", "4"), "by linked id") },
        with_state(person("", ""), ""),
    ];
    commit(store, &a, people.clone().map(Change::PutPerson)).await;
    let asked = [pn("1"), lid("2"), pn("3"), lid("4"), pn(""), lid("")];
    let [both, number, linked, empty] = people.map(Some);
    let expected = [&both, &both, &number, &linked, &empty, &empty].map(Clone::clone);
    assert_eq!(store.people(&a, &asked).await.unwrap(), expected);
    assert_eq!(store.people(&a, &[pn("2"), lid("1"), pn("4"), lid("3")]).await.unwrap(), [const { None }; 4]);
}

/// A record replaces each that has one of its addresses, in one commit and in several.
pub async fn person_replaces_those_with_an_address_of_it(store: Arc<dyn Store>) {
    let steps = [
        person("a", "1"),
        person("b", "2"),
        person("c", "1"), // the same linked id
        person("b", "3"), // the same number
        with_state(person("b", "3"), "new"),
    ];
    for together in [true, false] {
        let (store, a) = (&*store, account(if together { "one" } else { "many" }));
        let changes = steps.clone().map(Change::PutPerson);
        if together {
            commit(store, &a, changes).await;
        } else {
            for change in changes {
                commit(store, &a, [change]).await;
            }
        }
        let asked = [pn("a"), pn("b"), pn("c"), lid("1"), lid("2"), lid("3")];
        let (b, c) = (Some(with_state(person("b", "3"), "new")), Some(person("c", "1")));
        let expected = [None, b.clone(), c.clone(), c, None, b];
        assert_eq!(store.people(&a, &asked).await.unwrap(), expected, "together: {together}");
    }
}

/// A person known by number and a person known by linked id turn out to be one.
pub async fn person_with_both_addresses_joins_two(store: Arc<dyn Store>) {
    let (store, a) = (&*store, account("a"));
    let by_number = PersonRecord { lid: None, ..with_state(person("1", ""), "by number") };
    let by_lid = PersonRecord { pn: None, ..with_state(person("", "2"), "by linked id") };
    commit(store, &a, [Change::PutPerson(by_number.clone()), Change::PutPerson(by_lid.clone())]).await;
    let joined = with_state(person("1", "2"), "joined");
    commit(store, &a, [Change::PutPerson(joined.clone())]).await;
    let found = store.people(&a, &[lid("2"), pn("1")]).await.unwrap();
    assert_eq!(found, [Some(joined.clone()), Some(joined)]);
    // And apart again: what has one of the two addresses replaces the whole.
    commit(store, &a, [Change::PutPerson(by_lid.clone())]).await;
    assert_eq!(store.people(&a, &[lid("2"), pn("1")]).await.unwrap(), [Some(by_lid), None]);
}

/// More than any backend asks for or writes at once, some of them twice and some absent.
pub async fn people_come_in_the_order_asked(store: Arc<dyn Store>) {
    const MANY: usize = 600;
    let (store, a) = (&*store, account("a"));
    let of = |number: usize| with_state(person(&format!("4{number}"), &format!("7{number}")), "s");
    commit(store, &a, (0..MANY).map(|number| Change::PutPerson(of(number)))).await;
    let mut asked = Vec::new();
    let mut expected = Vec::new();
    for number in (0..MANY + 3).rev() {
        let known = (number < MANY).then(|| of(number));
        asked.extend([lid(&format!("7{number}")), pn(&format!("4{number}"))]);
        expected.extend([known.clone(), known]);
    }
    asked.push(asked[10].clone());
    expected.push(expected[10].clone());
    for size in [1, 2, 5, 17, 255, 256, 257, asked.len()] {
        assert_eq!(store.people(&a, &asked[..size]).await.unwrap(), expected[..size], "{size} addresses");
    }
    let shown = asked.iter().rev().take(300).cloned().collect::<Vec<_>>();
    let reversed = expected.iter().rev().take(300).cloned().collect::<Vec<_>>();
    assert_eq!(store.people(&a, &shown).await.unwrap(), reversed);
}

/// By either address. An unknown address is accepted.
pub async fn deleted_person_is_absent_by_both_addresses(store: Arc<dyn Store>) {
    let (store, a) = (&*store, account("a"));
    let people = [person("1", "10"), person("2", "20"), person("3", "30")];
    commit(store, &a, people.clone().map(Change::PutPerson)).await;
    let deletes = [pn("1"), lid("20"), lid("1"), pn("20"), pn("absent")];
    commit(store, &a, deletes.map(Change::DeletePerson)).await;
    let asked = [pn("1"), lid("10"), pn("2"), lid("20"), pn("3")];
    let expected = [None, None, None, None, Some(person("3", "30"))];
    assert_eq!(store.people(&a, &asked).await.unwrap(), expected);
    // In order within a commit.
    let list = [Change::PutPerson(person("1", "11")), Change::DeletePerson(lid("11"))];
    commit(store, &a, list).await;
    assert_eq!(one(store, &a, pn("1")).await, None);
    let list = [Change::DeletePerson(lid("30")), Change::PutPerson(person("3", "31"))];
    commit(store, &a, list).await;
    assert_eq!(one(store, &a, lid("31")).await, Some(person("3", "31")));
}

/// And nothing of its commit is written.
pub async fn person_without_address_is_refused(store: Arc<dyn Store>) {
    let (store, a) = (&*store, account("a"));
    let nobody = PersonRecord { pn: None, lid: None, state: Bytes::new() };
    let list = [Change::PutPerson(person("1", "2")), Change::PutPerson(nobody)];
    assert_eq!(try_commit(store, &a, list).await.unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(one(store, &a, pn("1")).await, None);
}
