use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{Connection, Rows, Sql, account_at, account_of, of, owned, vault::Column};
use crate::{AccountId, MAX_NOTICES, NoticeChange, NoticeRecord, NoticeStore, Result, Scope, page_limit};

fn place(account: &AccountId, kind: &str, id: &str) -> String {
    format!("notice/{}/{}/{}:{kind}/{id}", account.workspace(), account.name(), kind.len())
}

/// A single change; notices to keep go to [`put`] together.
pub(super) async fn apply(
    connection: &mut Connection<'_>,
    scope: &Scope,
    change: &NoticeChange,
) -> Result<()> {
    let account = account_of(scope)?;
    match change {
        NoticeChange::Put(notice) => put(connection, account, &[notice]).await,
        NoticeChange::Delete { kind, id } => {
            let delete = of(
                "DELETE FROM notice WHERE workspace = $1 AND account = $2 AND kind = $3 AND id = $4",
                account,
            );
            connection.execute(delete.text(&**kind).text(&**id)).await.map(drop)
        }
    }
}

/// Writes notices, and removes the surplus of each of their kinds once.
pub(super) async fn put(
    connection: &mut Connection<'_>,
    account: &AccountId,
    notices: &[&NoticeRecord],
) -> Result<()> {
    for NoticeRecord { kind, id, received_at, payload } in notices {
        let insert = of(PUT, account)
            .text(&**kind)
            .text(&**id)
            .int(*received_at)
            .sealed(&payload[..], place(account, kind, id));
        connection.execute(insert).await?;
    }
    let kinds: BTreeSet<_> = notices.iter().map(|notice| &*notice.kind).collect();
    for kind in kinds {
        connection.execute(of(BOUND, account).text(kind).int(MAX_NOTICES)).await?;
    }
    Ok(())
}

const PUT: &str = "INSERT INTO notice (workspace, account, kind, id, received_at, payload) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace, account, kind, id) \
    DO UPDATE SET received_at = excluded.received_at, payload = excluded.payload";
/// All but the newest `$4`. SQLite has no `OFFSET` without a `LIMIT`.
const BOUND: &str = "DELETE FROM notice WHERE workspace = $1 AND account = $2 AND kind = $3 AND id IN \
    (SELECT id FROM notice WHERE workspace = $1 AND account = $2 AND kind = $3 \
    ORDER BY received_at DESC, id DESC LIMIT 1000000000 OFFSET $4)";
const FIRST_PAGE: &str = "SELECT id, received_at, payload FROM notice \
    WHERE workspace = $1 AND account = $2 AND kind = $3 ORDER BY received_at, id LIMIT $4";
const PAGE: &str = "SELECT id, received_at, payload FROM notice \
    WHERE workspace = $1 AND account = $2 AND kind = $3 AND (received_at, id) > \
    ((SELECT n.received_at FROM notice n WHERE n.workspace = $1 AND n.account = $2 AND n.kind = $3 AND n.id = $5), $5) \
    ORDER BY received_at, id LIMIT $4";

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 3] = [BOUND, FIRST_PAGE, PAGE];

pub(super) const SEALED: Column = Column {
    select: (
        "SELECT payload, workspace, account, kind, id FROM notice WHERE substr(payload, 1, $1) <> $2 LIMIT $3",
        "SELECT payload, workspace, account, kind, id FROM notice \
         WHERE substr(payload, 1, CAST($1 AS INTEGER)) <> $2 LIMIT $3 FOR UPDATE SKIP LOCKED",
    ),
    row: |row| {
        let (account, kind, id) = (account_at(row, 1)?, row.text(3)?, row.text(4)?);
        let text = "UPDATE notice SET payload = $5 \
            WHERE workspace = $1 AND account = $2 AND kind = $3 AND id = $4";
        Ok((place(&account, &kind, &id), owned(text, &account).text(kind).text(id)))
    },
};

#[async_trait]
impl<S: Sql> NoticeStore for S {
    async fn notices(
        &self,
        account: &AccountId,
        kind: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<NoticeRecord>> {
        let text = if after.is_some() { PAGE } else { FIRST_PAGE };
        let mut select = of(text, account).text(kind).int(page_limit(limit));
        if let Some(after) = after {
            select = select.text(after);
        }
        self.fetch(select).await?.all(|row| {
            let id = row.text(0)?;
            let payload = self.vault().open(&row.bytes(2)?, &place(account, kind, &id))?.into();
            Ok(NoticeRecord { kind: kind.to_owned(), id, received_at: row.int(1)?, payload })
        })
    }
}
