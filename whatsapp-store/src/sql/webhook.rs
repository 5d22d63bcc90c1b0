use async_trait::async_trait;

use super::{
    Connection, Row, Rows, Sql, Statement, Vault, damaged,
    revision::{self, Revised, risen},
    sql, transact,
    vault::Column,
};
use crate::{
    AttemptOutcome, ClaimedDelivery, DeliveryPage, DeliveryQuery, DeliveryRecord, DeliveryState,
    EndpointBacklog, EndpointRecord, Error, ErrorKind, Result, Scope, UNDER_WAY, WebhookChange, WebhookStore,
    WorkspaceId, cursor, page_limit,
};

fn of<'a>(text: &'static str, workspace: &'a WorkspaceId) -> Statement<'a> {
    sql(text).text(workspace.as_str())
}

fn place(workspace: &WorkspaceId, id: &str) -> String {
    format!("webhook_endpoint/{workspace}/{id}")
}

pub(super) async fn apply(
    connection: &mut Connection<'_>,
    scope: &Scope,
    change: &WebhookChange,
) -> Result<()> {
    let workspace = scope.workspace();
    let statement = match change {
        WebhookChange::Expect { endpoint, updated_at } => {
            return revision::expect(connection, Revised::Endpoint, workspace, endpoint, *updated_at).await;
        }
        WebhookChange::PutEndpoint(endpoint) => put_endpoint(workspace, endpoint)?,
        WebhookChange::DeleteEndpoint { id } => {
            // The endpoint itself first: a concurrent insert of a delivery has locked the row, or finds it gone.
            let delete = of("DELETE FROM webhook_endpoint WHERE workspace = $1 AND id = $2", workspace);
            connection.execute(delete.text(&**id)).await?;
            of("DELETE FROM webhook_delivery WHERE workspace = $1 AND endpoint = $2", workspace).text(&**id)
        }
        WebhookChange::SetFailing { endpoint, since } => set_failing(workspace, endpoint, *since),
        WebhookChange::PutDelivery(delivery) => {
            let text = connection.dialect().text(PUT_DELIVERY.0, PUT_DELIVERY.1);
            put_delivery(text, workspace, delivery)
        }
        WebhookChange::Attempted { id, token, at, status, error, outcome } => {
            let (next_at, done_at) = match *outcome {
                AttemptOutcome::RetryAt(time) => (time, None),
                AttemptOutcome::Delivered | AttemptOutcome::Dead => (*at, Some(*at)),
            };
            of(
                "UPDATE webhook_delivery SET attempts = attempts + 1, claimed = 0, state = $4, next_at = $5, \
                 done_at = $6, last_status = $7, last_error = $8 \
                 WHERE workspace = $1 AND id = $2 AND token = $3 AND claimed = 1",
                workspace,
            )
            .text(&**id)
            .int(*token)
            .int(outcome.state().code())
            .int(next_at)
            .opt_int(done_at)
            .opt_int(*status)
            .opt_text(error.as_deref())
        }
        WebhookChange::Redeliver { id, at } => of(
            "UPDATE webhook_delivery SET state = 1, attempts = 0, claimed = 0, next_at = $3, done_at = NULL \
             WHERE workspace = $1 AND id = $2",
            workspace,
        )
        .text(&**id)
        .int(*at),
        WebhookChange::Trim { before } => {
            of("DELETE FROM webhook_delivery WHERE workspace = $1 AND done_at < $2", workspace).int(*before)
        }
    };
    connection.execute(statement).await.map(drop)
}

fn put_endpoint<'a>(workspace: &'a WorkspaceId, endpoint: &'a EndpointRecord) -> Result<Statement<'a>> {
    let topics = serde_json::to_string(&endpoint.topics)
        .map_err(|error| Error::new(ErrorKind::Invalid, "writing a webhook endpoint").because(error))?;
    let put = of(
        concat!(
            "INSERT INTO webhook_endpoint \
             (workspace, id, url, secret, topics, enabled, created_at, updated_at, description) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (workspace, id) DO UPDATE SET \
             url = excluded.url, secret = excluded.secret, topics = excluded.topics, enabled = excluded.enabled, \
             created_at = excluded.created_at, description = excluded.description, updated_at = ",
            risen!("webhook_endpoint", "excluded.updated_at")
        ),
        workspace,
    );
    Ok(put
        .text(&*endpoint.id)
        .text(&*endpoint.url)
        .sealed(&endpoint.secret[..], place(workspace, &endpoint.id))
        .text(topics)
        .int(endpoint.enabled)
        .int(endpoint.created_at)
        .int(endpoint.updated_at)
        .text(&*endpoint.description))
}

/// Writes the row only when something changes: a claim skips an endpoint that is being written.
fn set_failing<'a>(workspace: &'a WorkspaceId, endpoint: &'a str, since: Option<i64>) -> Statement<'a> {
    let text = match since {
        Some(_) => {
            "UPDATE webhook_endpoint SET failing_since = $3 \
             WHERE workspace = $1 AND id = $2 AND failing_since IS NULL"
        }
        None => {
            "UPDATE webhook_endpoint SET failing_since = $3 \
             WHERE workspace = $1 AND id = $2 AND failing_since IS NOT NULL"
        }
    };
    of(text, workspace).text(endpoint).opt_int(since)
}

macro_rules! put_delivery {
    ($lock:literal) => {
        concat!(
            "INSERT INTO webhook_delivery (workspace, id, endpoint, position, key, body, state, attempts, \
             next_at, last_status, last_error, created_at, done_at) \
             SELECT $1, $2, id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 \
             FROM webhook_endpoint WHERE workspace = $1 AND id = $3",
            $lock,
            " ON CONFLICT (workspace, id) DO NOTHING"
        )
    };
}
/// The lock keeps the endpoint from being deleted until the delivery is there to be deleted with it.
const PUT_DELIVERY: (&str, &str) = (put_delivery!(""), put_delivery!(" FOR KEY SHARE"));

fn put_delivery<'a>(
    text: &'static str,
    workspace: &'a WorkspaceId,
    delivery: &'a DeliveryRecord,
) -> Statement<'a> {
    of(text, workspace)
        .text(&*delivery.id)
        .text(&*delivery.endpoint)
        .text(&*delivery.position)
        .text(&*delivery.key)
        .text(&*delivery.body)
        .int(delivery.state.code())
        .int(delivery.attempts)
        .int(delivery.next_at)
        .opt_int(delivery.last_status)
        .opt_text(delivery.last_error.as_deref())
        .int(delivery.created_at)
        .opt_int(delivery.done_at)
}

macro_rules! endpoints {
    ($rest:literal) => {
        concat!(
            "SELECT id, url, secret, topics, enabled, created_at, updated_at, failing_since, description \
             FROM webhook_endpoint WHERE workspace = $1",
            $rest
        )
    };
}
const ENDPOINT: &str = endpoints!(" AND id = $2");
const ENDPOINTS: &str = endpoints!(" ORDER BY created_at, id");

fn endpoint(vault: &Vault, workspace: &WorkspaceId, row: &Row) -> Result<EndpointRecord> {
    let id = row.text(0)?;
    let topics = serde_json::from_str(&row.text(3)?).map_err(|_| damaged("the topics of an endpoint"))?;
    Ok(EndpointRecord {
        url: row.text(1)?,
        secret: vault.open(&row.bytes(2)?, &place(workspace, &id))?.into(),
        topics,
        enabled: row.flag(4)?,
        created_at: row.int(5)?,
        updated_at: row.int(6)?,
        failing_since: row.opt_int(7)?,
        description: row.text(8)?,
        id,
    })
}

/// The columns of [`delivery`], and a condition.
macro_rules! deliveries {
    ($($rest:tt)+) => {
        concat!(
            "SELECT number, token, id, endpoint, position, key, body, state, attempts, next_at, last_status, \
             last_error, created_at, done_at FROM webhook_delivery WHERE workspace = $1 AND ",
            $($rest)+
        )
    };
}
/// The newest of an endpoint's in one state.
macro_rules! newest {
    ($state:literal) => {
        deliveries!("endpoint = $2 AND state = ", $state, " AND number < $3 ORDER BY number DESC LIMIT $4")
    };
}
const DELIVERY: &str = deliveries!("id = $2");
const PAGE_OF_STATE: &str = newest!("$5");
/// The newest of each state hold the newest of all.
const PAGE: &str = concat!(
    "SELECT * FROM (",
    newest!("1"),
    ") AS pending UNION ALL SELECT * FROM (",
    newest!("2"),
    ") AS delivered UNION ALL SELECT * FROM (",
    newest!("3"),
    ") AS dead ORDER BY number DESC LIMIT $4"
);

fn delivery(row: &Row) -> Result<DeliveryRecord> {
    let state = DeliveryState::from_code(row.small(7)?);
    Ok(DeliveryRecord {
        id: row.text(2)?,
        endpoint: row.text(3)?,
        position: row.text(4)?,
        key: row.text(5)?,
        body: row.text(6)?,
        state: state.ok_or_else(|| damaged("the state of a delivery"))?,
        attempts: row.small(8)?,
        next_at: row.int(9)?,
        last_status: row.opt_int(10)?,
        last_error: row.opt_text(11)?,
        created_at: row.int(12)?,
        done_at: row.opt_int(13)?,
    })
}

const BACKLOG: &str = "SELECT id, \
    (SELECT count(*) FROM webhook_delivery d WHERE d.workspace = $1 AND d.endpoint = e.id AND d.state = 1), \
    (SELECT count(*) FROM webhook_delivery d WHERE d.workspace = $1 AND d.endpoint = e.id AND d.state = 3) \
    FROM webhook_endpoint e WHERE workspace = $1 ORDER BY id";

/// Endpoints of all workspaces with due deliveries and room for them, in their turn, each with the number that may be under
/// way. Reads one row of each endpoint, however many there are, and those under way.
macro_rules! waiting {
    ($lock:literal) => {
        concat!(
            "SELECT e.number, e.workspace, e.id, CASE WHEN e.failing_since IS NULL THEN $3 ELSE 1 END \
             FROM webhook_endpoint e WHERE e.enabled = 1 \
             AND (SELECT min(d.next_at) FROM webhook_delivery d \
             WHERE d.workspace = e.workspace AND d.endpoint = e.id AND d.state = 1) <= $1 \
             AND (SELECT count(*) FROM webhook_delivery d \
             WHERE d.workspace = e.workspace AND d.endpoint = e.id AND d.claimed = 1 AND d.next_at > $1) \
             < CASE WHEN e.failing_since IS NULL THEN $3 ELSE 1 END \
             ORDER BY e.turn, e.workspace, e.id LIMIT $2",
            $lock
        )
    };
}
/// Only the holder of an endpoint's lock serves it, and others skip it; deliveries can still be inserted.
const WAITING: (&str, &str) = (waiting!(""), waiting!(" FOR NO KEY UPDATE SKIP LOCKED"));

const _: () = assert!(UNDER_WAY == 16, "the statement below says it");
/// A number in place of an argument lets PostgreSQL see that the first rows of the index are enough.
const DUE: (&str, &str) = (
    deliveries!("endpoint = $2 AND state = 1 AND next_at <= $3 ORDER BY next_at, number LIMIT 16"),
    deliveries!(
        "endpoint = $2 AND state = 1 AND next_at <= $3 ORDER BY next_at, number LIMIT 16 FOR UPDATE SKIP LOCKED"
    ),
);
const COUNT_UNDER_WAY: &str = "SELECT count(*) FROM webhook_delivery \
    WHERE workspace = $1 AND endpoint = $2 AND claimed = 1 AND next_at > $3";
const TAKE: (&str, &str) = (
    "UPDATE webhook_delivery SET claimed = 1, token = token + 1, next_at = $1 \
     WHERE number IN (SELECT value FROM json_each($2))",
    "UPDATE webhook_delivery SET claimed = 1, token = token + 1, next_at = $1 WHERE number = ANY($2)",
);
const TURN: (&str, &str) = (
    "UPDATE webhook_endpoint SET turn = 1 + (SELECT max(turn) FROM webhook_endpoint) \
     WHERE number IN (SELECT value FROM json_each($1))",
    "UPDATE webhook_endpoint SET turn = 1 + (SELECT max(turn) FROM webhook_endpoint) WHERE number = ANY($1)",
);

/// The results of a claim so far: numbers of endpoints and of deliveries, and the deliveries themselves.
#[derive(Default)]
struct Claim {
    endpoints: Vec<i64>,
    numbers: Vec<i64>,
    claimed: Vec<ClaimedDelivery>,
}

async fn claim(
    connection: &mut Connection<'_>,
    now: i64,
    until: i64,
    limit: u32,
) -> Result<Vec<ClaimedDelivery>> {
    let dialect = connection.dialect();
    let waiting = sql(dialect.text(WAITING.0, WAITING.1)).int(now).int(limit).int(UNDER_WAY);
    let mut claim = Claim::default();
    for row in connection.fetch(waiting).await? {
        let room = limit as usize - claim.claimed.len();
        if room == 0 {
            break;
        }
        claim.serve(connection, &row, (now, until), room).await?;
    }
    if claim.claimed.is_empty() {
        return Ok(Vec::new());
    }
    connection.execute(sql(dialect.text(TAKE.0, TAKE.1)).int(until).ints(claim.numbers)).await?;
    connection.execute(sql(dialect.text(TURN.0, TURN.1)).ints(claim.endpoints)).await?;
    Ok(claim.claimed)
}

impl Claim {
    /// Takes an endpoint's due deliveries. Counts again: others may have claimed some before its lock was taken.
    async fn serve(
        &mut self,
        connection: &mut Connection<'_>,
        endpoint: &Row,
        (now, until): (i64, i64),
        room: usize,
    ) -> Result<()> {
        let workspace =
            WorkspaceId::try_from(endpoint.text(1)?).map_err(|_| damaged("the workspace of an endpoint"))?;
        let (id, most) = (endpoint.text(2)?, endpoint.int(3)?);
        let count = of(COUNT_UNDER_WAY, &workspace).text(&*id).int(now);
        let under_way = connection.fetch(count).await?.one(|row| row.int(0))?.unwrap_or_default();
        let room = room.min(usize::try_from(most - under_way).unwrap_or_default());
        let due = of(connection.dialect().text(DUE.0, DUE.1), &workspace).text(&*id).int(now);
        let found = connection.fetch(due).await?;
        for row in found.iter().take(room) {
            let delivery = DeliveryRecord { next_at: until, ..delivery(row)? };
            self.numbers.push(row.int(0)?);
            self.claimed.push(ClaimedDelivery {
                workspace: workspace.clone(),
                delivery,
                token: row.int(1)? + 1,
            });
        }
        if room > 0 && !found.is_empty() {
            self.endpoints.push(endpoint.int(0)?);
        }
        Ok(())
    }
}

pub(super) const SEALED: Column = Column {
    select: (
        "SELECT secret, workspace, id FROM webhook_endpoint WHERE substr(secret, 1, $1) <> $2 LIMIT $3",
        "SELECT secret, workspace, id FROM webhook_endpoint \
         WHERE substr(secret, 1, CAST($1 AS INTEGER)) <> $2 LIMIT $3 FOR UPDATE SKIP LOCKED",
    ),
    row: |row| {
        let workspace =
            WorkspaceId::try_from(row.text(1)?).map_err(|_| damaged("the workspace of an endpoint"))?;
        let id = row.text(2)?;
        let text = "UPDATE webhook_endpoint SET secret = $3 WHERE workspace = $1 AND id = $2";
        let place = place(&workspace, &id);
        Ok((place, sql(text).text(String::from(workspace)).text(id)))
    },
};

#[async_trait]
impl<S: Sql> WebhookStore for S {
    async fn endpoint(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<EndpointRecord>> {
        let select = of(ENDPOINT, workspace).text(id);
        self.fetch(select).await?.one(|row| endpoint(self.vault(), workspace, row))
    }

    async fn endpoints(&self, workspace: &WorkspaceId) -> Result<Vec<EndpointRecord>> {
        self.fetch(of(ENDPOINTS, workspace)).await?.all(|row| endpoint(self.vault(), workspace, row))
    }

    async fn delivery(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<DeliveryRecord>> {
        self.fetch(of(DELIVERY, workspace).text(id)).await?.one(delivery)
    }

    async fn deliveries(&self, workspace: &WorkspaceId, query: &DeliveryQuery) -> Result<DeliveryPage> {
        let before = cursor::number(query.before.as_deref(), i64::MAX)?;
        let limit = page_limit(query.limit);
        let text = if query.state.is_some() { PAGE_OF_STATE } else { PAGE };
        // One more than asked for shows whether there is a next page.
        let mut select = of(text, workspace).text(&*query.endpoint).int(before).int(limit + 1);
        if let Some(state) = query.state {
            select = select.int(state.code());
        }
        let mut rows = self.fetch(select).await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| row.int(0)).transpose()?;
        Ok(DeliveryPage { deliveries: rows.all(delivery)?, next: next.map(|number| number.to_string()) })
    }

    async fn webhook_backlog(&self, workspace: &WorkspaceId) -> Result<Vec<EndpointBacklog>> {
        let rows = self.fetch(of(BACKLOG, workspace)).await?;
        rows.all(|row| {
            Ok(EndpointBacklog { endpoint: row.text(0)?, pending: row.small(1)?, dead: row.small(2)? })
        })
    }

    async fn claim_deliveries(&self, now: i64, until: i64, limit: u32) -> Result<Vec<ClaimedDelivery>> {
        transact(self, move |connection| Box::pin(claim(connection, now, until, limit))).await
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 6] = [ENDPOINT, DELIVERY, PAGE_OF_STATE, BACKLOG, DUE.0, COUNT_UNDER_WAY];
