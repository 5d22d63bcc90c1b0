use std::{pin::pin, sync::LazyLock};

use async_trait::async_trait;

use super::{Connection, Dialect, Row, Rows, Sql, Statement, damaged, sql};
use crate::{
    AccountId, Error, ErrorKind, EventChange, EventRecord, EventStore, NewEvent, Result, Scope, WorkspaceId,
};

/// The place of an event. On PostgreSQL the transaction comes first: numbers are assigned before transactions end, so by
/// number alone an event could appear behind one that was read already. SQLite has one writer, and `tx` is 0.
#[derive(Clone, Copy)]
struct Position {
    tx: i64,
    number: i64,
}

impl Position {
    /// Before all events: numbers begin with 1.
    const START: Self = Self { tx: 0, number: 0 };

    fn parse(text: &str) -> Result<Self> {
        if text == EventRecord::START {
            return Ok(Self::START);
        }
        let parts = text.split_once('-').and_then(|(tx, number)| {
            let part = |text| i64::from_str_radix(text, 16).ok();
            Some(Self { tx: part(tx)?, number: part(number)? })
        });
        parts.ok_or_else(|| {
            Error::new(ErrorKind::Invalid, "reading events").because("the position is none of this store's")
        })
    }

    fn read(row: &Row) -> Result<Self> {
        Ok(Self { tx: row.int(0)?, number: row.int(1)? })
    }

    fn to_text(self) -> String {
        format!("{:x}-{:x}", self.tx, self.number)
    }
}

pub(super) async fn apply(
    connection: &mut Connection<'_>,
    scope: &Scope,
    change: &EventChange,
) -> Result<()> {
    connection.execute(statement(scope, change)?).await.map(drop)
}

fn statement<'a>(scope: &'a Scope, change: &'a EventChange) -> Result<Statement<'a>> {
    Ok(match change {
        EventChange::Put(event) => values(scope, ROWS.len() - 1, &[event]),
        EventChange::Passed { consumer, position } => {
            let Position { tx, number } = Position::parse(position)?;
            sql("INSERT INTO consumer (name, tx, number) VALUES ($1, $2, $3) \
                 ON CONFLICT (name) DO UPDATE SET tx = excluded.tx, number = excluded.number")
            .text(&**consumer)
            .int(tx)
            .int(number)
        }
        EventChange::Forget { consumer } => sql("DELETE FROM consumer WHERE name = $1").text(&**consumer),
        EventChange::Trim { before } => {
            sql("DELETE FROM event WHERE at < $1 AND NOT EXISTS (SELECT 1 FROM consumer \
             WHERE (consumer.tx, consumer.number) < (event.tx, event.number))")
            .int(*before)
        }
    })
}

/// Rows in one statement. Each statement costs a way to the database and back, and few sizes keep each of them prepared.
const ROWS: [usize; 6] = [256, 32, 4, 3, 2, 1];
/// Up to here PostgreSQL takes rows as values, too; more go in as arrays, in one statement whatever their number.
#[cfg(feature = "postgres")]
const VALUES: usize = 4;

static INSERTS: LazyLock<[String; ROWS.len()]> = LazyLock::new(|| ROWS.map(insert));

fn insert(rows: usize) -> String {
    let row = |row: usize| format!("($1, $2, ${}, ${}, ${})", 3 + 3 * row, 4 + 3 * row, 5 + 3 * row);
    let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
    format!("INSERT INTO event (workspace, account, key, data, at) VALUES {rows}")
}

/// The transaction is asked for once: as the column's default, for each row, it costs as much as the row.
#[cfg(feature = "postgres")]
const ARRAYS: &str = "INSERT INTO event (tx, workspace, account, key, data, at) \
    SELECT (SELECT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)), $1, $2, key, data, at \
    FROM unnest($3, $4, $5) WITH ORDINALITY AS added (key, data, at, place) ORDER BY place";

/// Writes events in their order.
pub(super) async fn put(
    connection: &mut Connection<'_>,
    scope: &Scope,
    mut events: &[&NewEvent],
) -> Result<()> {
    while !events.is_empty() {
        let (statement, taken) = next(connection.dialect(), scope, events);
        connection.execute(statement).await?;
        events = &events[taken..];
    }
    Ok(())
}

/// The statement that writes the first of these events, and how many it writes.
fn next<'a>(dialect: Dialect, scope: &'a Scope, events: &[&'a NewEvent]) -> (Statement<'a>, usize) {
    match dialect {
        #[cfg(feature = "postgres")]
        Dialect::Postgres if events.len() > VALUES => (arrays(scope, events), events.len()),
        _ => {
            let size = ROWS.iter().position(|rows| *rows <= events.len()).unwrap_or(ROWS.len() - 1);
            (values(scope, size, &events[..ROWS[size]]), ROWS[size])
        }
    }
}

fn of_scope<'a>(text: &'static str, scope: &'a Scope) -> Statement<'a> {
    sql(text).text(scope.workspace().as_str()).opt_text(scope.account().map(AccountId::name))
}

fn values<'a>(scope: &'a Scope, size: usize, events: &[&'a NewEvent]) -> Statement<'a> {
    let inserts: &'static [String; ROWS.len()] = &INSERTS;
    let put = of_scope(inserts[size].as_str(), scope);
    events.iter().fold(put, |put, event| put.text(&*event.key).text(&*event.data).int(event.at))
}

#[cfg(feature = "postgres")]
fn arrays<'a>(scope: &'a Scope, events: &[&NewEvent]) -> Statement<'a> {
    of_scope(ARRAYS, scope)
        .texts(events.iter().map(|event| event.key.clone()).collect())
        .texts(events.iter().map(|event| event.data.clone()).collect())
        .ints(events.iter().map(|event| event.at).collect())
}

/// Only events that no open transaction can precede. In SQLite all events have one `tx`, and a comparison of both columns would read the
/// log from its beginning: it does not bind a row's number in one.
const ALL: (&str, &str) = (
    "SELECT tx, number, workspace, account, key, data, at FROM event \
     WHERE tx = $1 AND number > $2 ORDER BY tx, number LIMIT $3",
    "SELECT tx, number, workspace, account, key, data, at FROM event \
     WHERE (tx, number) > ($1, $2) AND tx < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) \
     ORDER BY tx, number LIMIT $3",
);
const OF_WORKSPACE: (&str, &str) = (
    "SELECT tx, number, workspace, account, key, data, at FROM event \
     WHERE workspace = $4 AND tx = $1 AND number > $2 ORDER BY tx, number LIMIT $3",
    "SELECT tx, number, workspace, account, key, data, at FROM event \
     WHERE workspace = $4 AND (tx, number) > ($1, $2) \
     AND tx < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) ORDER BY tx, number LIMIT $3",
);
const LAST: (&str, &str) = (
    "SELECT tx, number FROM event ORDER BY tx DESC, number DESC LIMIT 1",
    "SELECT tx, number FROM event \
     WHERE tx < CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) \
     ORDER BY tx DESC, number DESC LIMIT 1",
);

const REACHED: (&str, &str) = (
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM event WHERE tx = $1 AND number >= $2) \
     OR EXISTS (SELECT 1 FROM consumer WHERE (tx, number) >= ($1, $2))",
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM event WHERE (tx, number) >= ($1, $2)) \
     OR EXISTS (SELECT 1 FROM consumer WHERE (tx, number) >= ($1, $2))",
);

fn record(row: &Row) -> Result<EventRecord> {
    let workspace = WorkspaceId::try_from(row.text(2)?).map_err(|_| damaged("the workspace of an event"))?;
    let account = row.opt_text(3)?.map(|name| AccountId::new(workspace.clone(), &name)).transpose();
    Ok(EventRecord {
        position: Position::read(row)?.to_text(),
        account: account.map_err(|_| damaged("the account of an event"))?,
        workspace,
        key: row.text(4)?,
        data: row.text(5)?,
        at: row.int(6)?,
    })
}

fn page(
    dialect: Dialect,
    text: (&'static str, &'static str),
    after: Option<&str>,
    limit: u32,
) -> Result<Statement<'static>> {
    let Position { tx, number } = after.map_or(Ok(Position::START), Position::parse)?;
    Ok(sql(dialect.text(text.0, text.1)).int(tx).int(number).int(limit))
}

#[async_trait]
impl<S: Sql> EventStore for S {
    async fn all_events(&self, after: Option<&str>, limit: u32) -> Result<Vec<EventRecord>> {
        self.fetch(page(self.dialect(), ALL, after, limit)?).await?.all(record)
    }

    async fn events(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<EventRecord>> {
        let select = page(self.dialect(), OF_WORKSPACE, after, limit)?.text(workspace.as_str());
        self.fetch(select).await?.all(record)
    }

    async fn last_event(&self) -> Result<Option<String>> {
        let rows = self.fetch(sql(self.dialect().text(LAST.0, LAST.1))).await?;
        rows.one(|row| Ok(Position::read(row)?.to_text()))
    }

    async fn is_ahead(&self, position: &str) -> Result<bool> {
        let Position { tx, number } = Position::parse(position)?;
        Ok(self.fetch(sql(self.dialect().text(REACHED.0, REACHED.1)).int(tx).int(number)).await?.is_empty())
    }

    async fn passed(&self, consumer: &str) -> Result<Option<String>> {
        let rows = self.fetch(sql("SELECT tx, number FROM consumer WHERE name = $1").text(consumer)).await?;
        rows.one(|row| Ok(Position::read(row)?.to_text()))
    }

    async fn consumers(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        let text = "SELECT tx, number, name FROM consumer WHERE substr(name, 1, CAST($2 AS INTEGER)) = $1 \
            ORDER BY name";
        let length = i64::try_from(prefix.chars().count()).unwrap_or(i64::MAX);
        let select = sql(text).text(prefix).int(length);
        self.fetch(select).await?.all(|row| Ok((row.text(2)?, Position::read(row)?.to_text())))
    }

    async fn new_events(&self, after: Option<&str>) -> Result<()> {
        let mut hint = pin!(self.hints().notified());
        // From here on no hint is missed.
        hint.as_mut().enable();
        if self.all_events(after, 1).await?.is_empty() {
            hint.await;
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [(&str, &str); 2] = [ALL, OF_WORKSPACE];
