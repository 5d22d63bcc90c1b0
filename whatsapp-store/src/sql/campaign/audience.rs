#[cfg(feature = "sqlite")]
use std::sync::LazyLock;

use super::{Connection, Lane, find, lane, settle, sql};
#[cfg(feature = "sqlite")]
use crate::AudienceRow;
use crate::{AudienceBatch, RecipientState, Result, WorkspaceId, sql::Dialect};

pub(super) async fn add(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    batch: &AudienceBatch,
) -> Result<()> {
    let place = (&*batch.campaign, batch.lane);
    let Some(found) = find(connection, workspace, place).await? else { return Ok(()) };
    let lane = lane::make(connection, &found, batch.lane).await?;
    match connection.dialect() {
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => insert_row_by_row(connection, lane, batch.first_seq, &batch.rows).await?,
        #[cfg(feature = "postgres")]
        Dialect::Postgres => insert_arrays(connection, lane, batch).await?,
    }
    let recipients = sql(
        "INSERT INTO campaign_recipient (id) SELECT id FROM campaign_audience WHERE id >= $1 AND id < $2 \
         ON CONFLICT (id) DO NOTHING",
    );
    let start = lane.id(batch.first_seq);
    let end = start + i64::try_from(batch.rows.len()).unwrap_or_default();
    let added = connection.execute(recipients.int(start).int(end)).await?;
    settle::count(connection, found.key, &[(RecipientState::Pending.code(), added.cast_signed())]).await
}

#[cfg(feature = "postgres")]
async fn insert_arrays(connection: &mut Connection<'_>, lane: Lane, batch: &AudienceBatch) -> Result<()> {
    let insert = sql("INSERT INTO campaign_audience (id, address, consent, variables) \
         SELECT $1 + number - 1, address, consent, variables \
         FROM unnest($2, $3, $4) WITH ORDINALITY AS added (address, consent, variables, number) \
         ON CONFLICT (id) DO NOTHING");
    let insert = insert
        .int(lane.id(batch.first_seq))
        .texts(batch.rows.iter().map(|row| row.address.clone()).collect())
        .texts(batch.rows.iter().map(|row| row.consent.clone()).collect())
        .many_bytes(batch.rows.iter().map(|row| row.variables.to_vec()).collect());
    connection.execute(insert).await.map(drop)
}

/// Rows in one statement: SQLite has no lists of bytes, and each statement costs a way to its thread and back.
#[cfg(feature = "sqlite")]
const ROWS: [usize; 4] = [256, 32, 4, 1];

#[cfg(feature = "sqlite")]
static INSERTS: LazyLock<[String; ROWS.len()]> = LazyLock::new(|| ROWS.map(insert));

#[cfg(feature = "sqlite")]
fn insert(rows: usize) -> String {
    let row = |row: usize| format!("($1 + {row}, ${}, ${}, ${})", 2 + 3 * row, 3 + 3 * row, 4 + 3 * row);
    let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO campaign_audience (id, address, consent, variables) VALUES {rows} ON CONFLICT (id) DO NOTHING"
    )
}

#[cfg(feature = "sqlite")]
async fn insert_row_by_row(
    connection: &mut Connection<'_>,
    lane: Lane,
    first_seq: u32,
    mut rows: &[AudienceRow],
) -> Result<()> {
    let inserts: &'static [String; ROWS.len()] = &INSERTS;
    let mut id = lane.id(first_seq);
    while let Some(size) = ROWS.iter().position(|size| *size <= rows.len()) {
        let (first, others) = rows.split_at(ROWS[size]);
        let mut statement = sql(inserts[size].as_str()).int(id);
        for row in first {
            statement = statement.text(&*row.address).text(&*row.consent).bytes(&row.variables[..]);
        }
        connection.execute(statement).await?;
        id += i64::try_from(first.len()).unwrap_or_default();
        rows = others;
    }
    Ok(())
}
