//! Changes of contacts. [`crate::contacts`] has the rules: a contact is read, changed and written back, with its row
//! locked from the first step to the last.
use super::row::{INSERT, UPDATE, columns, record, write};
use crate::{
    ContactChange, ContactRecord, Error, ErrorKind, Result, Scope, Suppression, WorkspaceId,
    contacts::{BothAddresses, taken},
    sql::{
        Connection, Rows,
        revision::{self, Revised},
        sql,
    },
};

pub(in crate::sql) async fn apply(
    connection: &mut Connection<'_>,
    scope: &Scope,
    change: &ContactChange,
) -> Result<()> {
    change.check()?;
    let workspace = scope.workspace();
    match change {
        ContactChange::Expect { id, updated_at } => {
            revision::expect(connection, Revised::Contact, workspace, id, *updated_at).await
        }
        ContactChange::Put(contact) => put(connection, workspace, contact).await,
        ContactChange::Delete { id } => delete(connection, workspace, id).await,
        ContactChange::Seen { id, at } => seen(connection, workspace, id, *at).await,
        ContactChange::AddTags { id, .. }
        | ContactChange::RemoveTags { id, .. }
        | ContactChange::SetField { id, .. }
        | ContactChange::RecordConsent { id, .. }
        | ContactChange::OptOut { id, .. } => {
            let Some(earlier) = locked(connection, workspace, id).await? else { return Ok(()) };
            let mut contact = earlier.clone();
            contact.apply(change);
            replace(connection, workspace, &earlier, &contact).await
        }
        ContactChange::Suppress(suppression) => suppress(connection, workspace, suppression).await,
        ContactChange::Unsuppress { address, consent } => {
            let text = connection.dialect().text(
                "SELECT at FROM suppression WHERE workspace = $1 AND address = $2",
                "SELECT at FROM suppression WHERE workspace = $1 AND address = $2 FOR UPDATE",
            );
            let select = sql(text).text(workspace.as_str()).text(&**address);
            let Some(since) = connection.fetch(select).await?.one(|row| row.int(0))? else { return Ok(()) };
            Suppression::check_end(since, consent)?;
            let delete = sql("DELETE FROM suppression WHERE workspace = $1 AND address = $2");
            connection.execute(delete.text(workspace.as_str()).text(&**address)).await.map(drop)
        }
    }
}

/// The contact, locked until the transaction ends.
async fn locked(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    id: &str,
) -> Result<Option<ContactRecord>> {
    let text = connection.dialect().text(
        concat!("SELECT ", columns!(), " FROM contact c WHERE c.workspace = $1 AND c.id = $2"),
        concat!("SELECT ", columns!(), " FROM contact c WHERE c.workspace = $1 AND c.id = $2 FOR UPDATE"),
    );
    connection.fetch(sql(text).text(workspace.as_str()).text(id)).await?.one(record)
}

async fn put(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    contact: &ContactRecord,
) -> Result<()> {
    let new = contact.clone().settled();
    let insert = write(INSERT, workspace, &new)?.int(new.created_at);
    if connection.execute(insert).await? > 0 {
        return tag(connection, workspace, &new, &new.tags).await;
    }
    // Either it is there, or another has an address of it.
    let earlier = locked(connection, workspace, &contact.id).await?.ok_or_else(taken)?;
    replace(connection, workspace, &earlier, &contact.clone().over(&earlier)).await
}

async fn replace(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    earlier: &ContactRecord,
    contact: &ContactRecord,
) -> Result<()> {
    if earlier == contact {
        return Ok(());
    }
    let written = connection.execute(write(UPDATE, workspace, contact)?).await;
    written.map_err(|error: Error| match error.kind() {
        ErrorKind::Conflict => taken(),
        _ => error,
    })?;
    untag(connection, workspace, contact, earlier.tags.difference(&contact.tags)).await?;
    tag(connection, workspace, contact, contact.tags.difference(&earlier.tags)).await
}

async fn tag(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    contact: &ContactRecord,
    tags: impl IntoIterator<Item = &String>,
) -> Result<()> {
    let tags: Vec<String> = tags.into_iter().cloned().collect();
    if tags.is_empty() {
        return Ok(());
    }
    let text = connection.dialect().text(
        "INSERT INTO contact_tag (workspace, tag, contact, created_at) SELECT $1, value, $2, $3 FROM json_each($4)",
        "INSERT INTO contact_tag (workspace, tag, contact, created_at) SELECT $1, unnest($4), $2, $3",
    );
    let insert = sql(text).text(workspace.as_str()).text(&*contact.id).int(contact.created_at);
    connection.execute(insert.texts(tags)).await.map(drop)
}

async fn untag(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    contact: &ContactRecord,
    tags: impl IntoIterator<Item = &String>,
) -> Result<()> {
    let tags: Vec<String> = tags.into_iter().cloned().collect();
    if tags.is_empty() {
        return Ok(());
    }
    let text = connection.dialect().text(
        "DELETE FROM contact_tag WHERE workspace = $1 AND contact = $2 AND tag IN (SELECT value FROM json_each($3))",
        "DELETE FROM contact_tag WHERE workspace = $1 AND contact = $2 AND tag = ANY ($3)",
    );
    let delete = sql(text).text(workspace.as_str()).text(&*contact.id).texts(tags);
    connection.execute(delete).await.map(drop)
}

async fn delete(connection: &mut Connection<'_>, workspace: &WorkspaceId, id: &str) -> Result<()> {
    let Some(contact) = locked(connection, workspace, id).await? else { return Ok(()) };
    for suppression in contact.suppressions() {
        suppress(connection, workspace, &suppression).await?;
    }
    remove(connection, workspace, &contact).await
}

async fn remove(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    contact: &ContactRecord,
) -> Result<()> {
    untag(connection, workspace, contact, &contact.tags).await?;
    let delete = sql("DELETE FROM contact WHERE workspace = $1 AND id = $2");
    connection.execute(delete.text(workspace.as_str()).text(&*contact.id)).await.map(drop)
}

/// Both addresses are one person's: their contacts become one, and a suppression is of both.
pub(in crate::sql) async fn merge(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    both: BothAddresses<'_>,
) -> Result<()> {
    let text = connection.dialect().text(
        concat!("SELECT ", columns!(), " FROM contact c WHERE c.workspace = $1 AND c.phone = $2"),
        concat!("SELECT ", columns!(), " FROM contact c WHERE c.workspace = $1 AND c.phone = $2 FOR UPDATE"),
    );
    let select = sql(text).text(workspace.as_str()).text(both.phone);
    let by_phone = connection.fetch(select).await?.one(record)?;
    let text = connection.dialect().text(
        concat!("SELECT ", columns!(), " FROM contact c WHERE c.workspace = $1 AND c.lid = $2"),
        concat!("SELECT ", columns!(), " FROM contact c WHERE c.workspace = $1 AND c.lid = $2 FOR UPDATE"),
    );
    let by_lid = connection.fetch(sql(text).text(workspace.as_str()).text(both.lid)).await?.one(record)?;
    let (joined, removed) = both.join(by_phone.clone(), by_lid.clone());
    if let Some(joined) = joined {
        let (stays, goes) = if removed.is_some() { (by_phone, by_lid) } else { (by_phone.or(by_lid), None) };
        if let Some(goes) = goes {
            remove(connection, workspace, &goes).await?;
        }
        if let Some(earlier) = stays {
            replace(connection, workspace, &earlier, &joined).await?;
        }
    }
    let select =
        sql("SELECT address, reason, at FROM suppression WHERE workspace = $1 AND address IN ($2, $3)");
    let select = select.text(workspace.as_str()).text(both.phone).text(both.lid);
    let known = connection
        .fetch(select)
        .await?
        .all(|row| Ok(Suppression { address: row.text(0)?, reason: row.text(1)?, at: row.int(2)? }))?;
    match both.shared_suppression(&known) {
        Some(suppression) => suppress(connection, workspace, &suppression).await,
        None => Ok(()),
    }
}

/// The most frequent change, in one statement.
async fn seen(connection: &mut Connection<'_>, workspace: &WorkspaceId, id: &str, at: i64) -> Result<()> {
    let update = sql("UPDATE contact SET last_seen_at = $3 WHERE workspace = $1 AND id = $2 \
         AND (last_seen_at IS NULL OR last_seen_at < $3)");
    connection.execute(update.text(workspace.as_str()).text(id).int(at)).await.map(drop)
}

async fn suppress(
    connection: &mut Connection<'_>,
    workspace: &WorkspaceId,
    suppression: &Suppression,
) -> Result<()> {
    let put = sql("INSERT INTO suppression (workspace, address, reason, at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (workspace, address) DO UPDATE SET reason = excluded.reason, at = excluded.at \
         WHERE suppression.at < excluded.at");
    let Suppression { address, reason, at } = suppression;
    connection.execute(put.text(workspace.as_str()).text(&**address).text(&**reason).int(*at)).await.map(drop)
}
