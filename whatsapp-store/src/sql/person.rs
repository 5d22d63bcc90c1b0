use std::sync::LazyLock;

use async_trait::async_trait;

use super::{Row, Sql, Statement, account_at, damaged, of, owned, vault::Column};
use crate::{AccountId, PersonAddress, PersonRecord, PersonStore, Result};

/// The place that a sealed state is bound to. The length marks the end of the number and tells an absent address from an empty one.
fn place(account: &AccountId, pn: Option<&str>, lid: Option<&str>) -> String {
    let part =
        |address: Option<&str>| address.map_or_else(|| "-".into(), |text| format!("{}:{text}", text.len()));
    format!("person/{}/{}/{}/{}", account.workspace(), account.name(), part(pn), part(lid))
}

fn place_of(account: &AccountId, person: &PersonRecord) -> String {
    place(account, person.pn.as_deref(), person.lid.as_deref())
}

pub(super) fn delete<'a>(account: &'a AccountId, address: &'a PersonAddress) -> Statement<'a> {
    let (text, address) = match address {
        PersonAddress::Pn(pn) => (DELETE_BY_PN, pn),
        PersonAddress::Lid(lid) => (DELETE_BY_LID, lid),
    };
    of(text, account).text(&**address)
}

const DELETE_BY_PN: &str = "DELETE FROM person WHERE workspace = $1 AND account = $2 AND pn = $3";
const DELETE_BY_LID: &str = "DELETE FROM person WHERE workspace = $1 AND account = $2 AND lid = $3";

/// Rows in one statement, as of Signal records: an answer about devices changes hundreds of people.
const ROWS: [usize; 3] = [64, 8, 1];

static DELETES: LazyLock<[[String; ROWS.len()]; 2]> =
    LazyLock::new(|| ["pn", "lid"].map(|column| ROWS.map(|rows| delete_many(column, rows))));
static INSERTS: LazyLock<[String; ROWS.len()]> = LazyLock::new(|| ROWS.map(insert));

fn delete_many(column: &str, rows: usize) -> String {
    let list = (0..rows).map(|row| format!("${}", 3 + row)).collect::<Vec<_>>().join(", ");
    format!("DELETE FROM person WHERE workspace = $1 AND account = $2 AND {column} IN ({list})")
}

fn insert(rows: usize) -> String {
    let row = |row: usize| format!("($1, $2, ${}, ${}, ${})", 3 + 3 * row, 4 + 3 * row, 5 + 3 * row);
    let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
    format!("INSERT INTO person (workspace, account, pn, lid, state) VALUES {rows}")
}

/// Takes the first items, as many as fit into one statement. Returns that statement's index.
fn batch<'i, T>(items: &mut &'i [T]) -> Option<(usize, &'i [T])> {
    let size = ROWS.iter().position(|rows| *rows <= items.len())?;
    let (first, others) = items.split_at(ROWS[size]);
    *items = others;
    Some((size, first))
}

/// The statements that write these records in order: records with one of their addresses are removed, and of records that
/// share an address the last is written.
pub(super) fn put<'a>(account: &'a AccountId, people: &[&'a PersonRecord]) -> Vec<Statement<'a>> {
    let (deletes, inserts): (&'static [[String; ROWS.len()]; 2], &'static [String; ROWS.len()]) =
        (&DELETES, &INSERTS);
    let pns: Vec<&str> = people.iter().filter_map(|person| person.pn.as_deref()).collect();
    let lids: Vec<&str> = people.iter().filter_map(|person| person.lid.as_deref()).collect();
    let mut statements = Vec::new();
    for (texts, addresses) in deletes.iter().zip([pns, lids]) {
        let mut addresses = &addresses[..];
        while let Some((size, addresses)) = batch(&mut addresses) {
            let delete = of(texts[size].as_str(), account);
            statements.push(addresses.iter().fold(delete, |delete, address| delete.text(*address)));
        }
    }
    let last = last_of_each(people);
    let mut last = &last[..];
    while let Some((size, people)) = batch(&mut last) {
        let mut insert = of(inserts[size].as_str(), account);
        for person in people {
            insert = insert.opt_text(person.pn.as_deref()).opt_text(person.lid.as_deref());
            insert = insert.sealed(&person.state[..], place_of(account, person));
        }
        statements.push(insert);
    }
    statements
}

/// The records that are left when each replaces those before it that share an address.
fn last_of_each<'a>(people: &[&'a PersonRecord]) -> Vec<&'a PersonRecord> {
    let mut taken = std::collections::HashSet::new();
    let mut left = Vec::with_capacity(people.len());
    for person in people.iter().rev() {
        let addresses: Vec<_> = person.addresses().collect();
        if !addresses.iter().any(|address| taken.contains(address)) {
            left.push(*person);
        }
        taken.extend(addresses);
    }
    left
}

/// The addresses of one statement; unused places ask for nothing. There are few sizes, so that each statement stays
/// prepared.
const ROOMS: [usize; 5] = [1, 4, 16, 64, 256];

static SELECTS: LazyLock<[String; ROOMS.len()]> = LazyLock::new(|| ROOMS.map(select));

/// Finds each address by its index entry.
fn select(room: usize) -> String {
    let asked = |place: usize| {
        format!("({place}, CAST(${} AS TEXT), CAST(${} AS TEXT))", 3 + 2 * place, 4 + 2 * place)
    };
    let asked = (0..room).map(asked).collect::<Vec<_>>().join(", ");
    let found = |column: &str| {
        format!(
            "SELECT wanted.place, person.pn, person.lid, person.state FROM wanted CROSS JOIN person \
             WHERE person.workspace = $1 AND person.account = $2 AND person.{column} = wanted.{column}"
        )
    };
    format!("WITH wanted (place, pn, lid) AS (VALUES {asked}) {} UNION ALL {}", found("pn"), found("lid"))
}

#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static str> {
    let deletes = DELETES.iter().flatten().map(String::as_str);
    SELECTS.iter().map(String::as_str).chain(deletes).chain([DELETE_BY_PN, DELETE_BY_LID])
}

/// Writes who is found under at most 256 addresses to the same places of `people`.
async fn find<S: Sql>(
    store: &S,
    account: &AccountId,
    addresses: &[PersonAddress],
    people: &mut [Option<PersonRecord>],
) -> Result<()> {
    let size = ROOMS.iter().position(|room| *room >= addresses.len()).unwrap_or(ROOMS.len() - 1);
    let selects: &'static [String; ROOMS.len()] = &SELECTS;
    let mut select = of(selects[size].as_str(), account);
    for address in addresses {
        select = match address {
            PersonAddress::Pn(pn) => select.text(&**pn).opt_text(None),
            PersonAddress::Lid(lid) => select.opt_text(None).text(&**lid),
        };
    }
    for _ in addresses.len()..ROOMS[size] {
        select = select.opt_text(None).opt_text(None);
    }
    for row in store.fetch(select).await? {
        let slot = people.get_mut(row.small::<usize>(0)?).ok_or_else(|| damaged("a batch"))?;
        *slot = Some(read(store, account, &row)?);
    }
    Ok(())
}

fn read<S: Sql>(store: &S, account: &AccountId, row: &Row) -> Result<PersonRecord> {
    let (pn, lid) = (row.opt_text(1)?, row.opt_text(2)?);
    let state = store.vault().open(&row.bytes(3)?, &place(account, pn.as_deref(), lid.as_deref()))?;
    Ok(PersonRecord { pn, lid, state: state.into() })
}

pub(super) const SEALED: Column = Column {
    select: (
        "SELECT state, workspace, account, pn, lid FROM person WHERE substr(state, 1, $1) <> $2 LIMIT $3",
        "SELECT state, workspace, account, pn, lid FROM person \
         WHERE substr(state, 1, CAST($1 AS INTEGER)) <> $2 LIMIT $3 FOR UPDATE SKIP LOCKED",
    ),
    row: |row| {
        let (account, pn, lid) = (account_at(row, 1)?, row.opt_text(3)?, row.opt_text(4)?);
        let place = place(&account, pn.as_deref(), lid.as_deref());
        // Each address belongs to one record only.
        let (text, address) = match (pn, lid) {
            (Some(pn), _) => {
                ("UPDATE person SET state = $4 WHERE workspace = $1 AND account = $2 AND pn = $3", pn)
            }
            (None, Some(lid)) => {
                ("UPDATE person SET state = $4 WHERE workspace = $1 AND account = $2 AND lid = $3", lid)
            }
            (None, None) => return Err(damaged("a person without an address")),
        };
        Ok((place, owned(text, &account).text(address)))
    },
};

#[async_trait]
impl<S: Sql> PersonStore for S {
    async fn people(
        &self,
        account: &AccountId,
        addresses: &[PersonAddress],
    ) -> Result<Vec<Option<PersonRecord>>> {
        let mut people = vec![None; addresses.len()];
        let most = ROOMS[ROOMS.len() - 1];
        for (addresses, people) in addresses.chunks(most).zip(people.chunks_mut(most)) {
            find(self, account, addresses, people).await?;
        }
        Ok(people)
    }
}
