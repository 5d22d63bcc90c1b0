mod row;
mod write;

use std::collections::HashMap;

use async_trait::async_trait;

pub(super) use self::{
    row::{columns, fields_json, record},
    write::{apply, merge},
};
use super::{Dialect, Rows, Sql, Statement, sql};
use crate::{
    ContactPage, ContactQuery, ContactRecord, ContactStore, Result, Suppression, TagCount, WorkspaceId,
    contacts::wanted, cursor, page_limit,
};

macro_rules! select {
    ($where:literal) => {
        concat!("SELECT ", columns!(), " FROM contact c WHERE c.workspace = $1 AND ", $where)
    };
}

/// `$4` are the starts of words, `$5` 0 or 1 for those that have not opted out or have, `$6` the limit.
macro_rules! page {
    ($from:literal, $at:literal, $id:literal, $lacks:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            $from,
            " AND (",
            $at,
            ", ",
            $id,
            ") < ($2, $3) AND NOT EXISTS (SELECT 1 FROM ",
            $lacks,
            " = 0) AND ($5 IS NULL OR CASE WHEN c.opted_out_at IS NULL THEN 0 ELSE 1 END = $5) ORDER BY ",
            $at,
            " DESC, ",
            $id,
            " DESC LIMIT $6"
        )
    };
}

macro_rules! page_of_all {
    ($lacks:literal) => {
        page!("contact c WHERE c.workspace = $1", "c.created_at", "c.id", $lacks)
    };
}

// CROSS: SQLite keeps that order then.
macro_rules! page_of_tag {
    ($lacks:literal) => {
        page!(
            "contact_tag d CROSS JOIN contact c WHERE d.workspace = $1 AND d.tag = $7 \
             AND c.workspace = $1 AND c.id = d.contact",
            "d.created_at",
            "d.contact",
            $lacks
        )
    };
}

const ONE: &str = select!("c.id = $2");
const BY_PHONE: &str = select!("c.phone = $2");
const BY_LID: &str = select!("c.lid = $2");
const BY_PHONES: (&str, &str) =
    (select!("c.phone IN (SELECT value FROM json_each($2) AS wanted)"), select!("c.phone = ANY ($2)"));
const PAGE: (&str, &str) = (
    page_of_all!("json_each($4) AS wanted WHERE instr(c.words, wanted.value)"),
    page_of_all!("unnest($4) AS wanted(value) WHERE strpos(c.words, wanted.value)"),
);
const PAGE_OF_TAG: (&str, &str) = (
    page_of_tag!("json_each($4) AS wanted WHERE instr(c.words, wanted.value)"),
    page_of_tag!("unnest($4) AS wanted(value) WHERE strpos(c.words, wanted.value)"),
);
const TAGS: &str = "SELECT tag, count(*) FROM contact_tag WHERE workspace = $1 GROUP BY workspace, tag ORDER BY workspace, tag";
const SUPPRESSED: (&str, &str) = (
    "SELECT address FROM suppression WHERE workspace = $1 \
     AND address IN (SELECT value FROM json_each($2) AS wanted) ORDER BY address",
    "SELECT address FROM suppression WHERE workspace = $1 AND address = ANY ($2) ORDER BY address",
);
// No address is empty.
const SUPPRESSIONS: &str = "SELECT address, reason, at FROM suppression WHERE workspace = $1 AND address > $2 \
    ORDER BY address LIMIT $3";

/// Where a page starts: "time.id".
fn page<'a>(
    dialect: Dialect,
    workspace: &'a WorkspaceId,
    query: &'a ContactQuery,
    (at, id): (i64, &'a str),
    starts: Vec<String>,
) -> Statement<'a> {
    let (sqlite, postgres) = if query.tag.is_some() { PAGE_OF_TAG } else { PAGE };
    let select = sql(dialect.text(sqlite, postgres))
        .text(workspace.as_str())
        .int(at)
        .text(id)
        .texts(starts)
        .opt_int(query.opted_out.map(i64::from))
        .int(page_limit(query.limit) + 1);
    match &query.tag {
        Some(tag) => select.text(&**tag),
        None => select,
    }
}

#[async_trait]
impl<S: Sql> ContactStore for S {
    async fn contact(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<ContactRecord>> {
        self.fetch(sql(ONE).text(workspace.as_str()).text(id)).await?.one(record)
    }

    async fn contact_by_phone(&self, workspace: &WorkspaceId, phone: &str) -> Result<Option<ContactRecord>> {
        self.fetch(sql(BY_PHONE).text(workspace.as_str()).text(phone)).await?.one(record)
    }

    async fn contact_by_lid(&self, workspace: &WorkspaceId, lid: &str) -> Result<Option<ContactRecord>> {
        self.fetch(sql(BY_LID).text(workspace.as_str()).text(lid)).await?.one(record)
    }

    async fn contacts_by_phone(
        &self,
        workspace: &WorkspaceId,
        phones: &[String],
    ) -> Result<Vec<Option<ContactRecord>>> {
        let text = self.dialect().text(BY_PHONES.0, BY_PHONES.1);
        let rows = self.fetch(sql(text).text(workspace.as_str()).texts(phones.to_vec())).await?;
        let found = rows.all(record)?;
        let by_phone: HashMap<_, _> = found.iter().map(|contact| (contact.phone.as_ref(), contact)).collect();
        Ok(phones.iter().map(|phone| by_phone.get(&Some(phone)).copied().cloned()).collect())
    }

    async fn contacts(&self, workspace: &WorkspaceId, query: &ContactQuery) -> Result<ContactPage> {
        let place = query.before.as_deref().map_or(Ok((i64::MAX, "\u{10ffff}")), cursor::place)?;
        let starts = match query.words.as_deref().map(wanted) {
            None => Vec::new(),
            Some(Some(starts)) => row::starts(starts),
            Some(None) => return Ok(ContactPage::default()),
        };
        let mut rows = self.fetch(page(self.dialect(), workspace, query, place, starts)).await?;
        let limit = page_limit(query.limit) as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let contacts = rows.all(record)?;
        let last = contacts.last().filter(|_| more);
        let next = last.map(|contact| format!("{}.{}", contact.created_at, contact.id));
        Ok(ContactPage { contacts, next })
    }

    async fn contact_tags(&self, workspace: &WorkspaceId) -> Result<Vec<TagCount>> {
        let rows = self.fetch(sql(TAGS).text(workspace.as_str())).await?;
        rows.all(|row| Ok(TagCount { tag: row.text(0)?, contacts: row.small(1)? }))
    }

    async fn suppressed(&self, workspace: &WorkspaceId, addresses: &[String]) -> Result<Vec<String>> {
        let text = self.dialect().text(SUPPRESSED.0, SUPPRESSED.1);
        let select = sql(text).text(workspace.as_str()).texts(addresses.to_vec());
        self.fetch(select).await?.all(|row| row.text(0))
    }

    async fn suppressions(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Suppression>> {
        let select = sql(SUPPRESSIONS).text(workspace.as_str()).text(after.unwrap_or_default());
        self.fetch(select.int(page_limit(limit)))
            .await?
            .all(|row| Ok(Suppression { address: row.text(0)?, reason: row.text(1)?, at: row.int(2)? }))
    }
}

#[cfg(test)]
pub(super) const STATEMENTS: [&str; 9] =
    [ONE, BY_PHONE, BY_LID, BY_PHONES.0, PAGE.0, PAGE_OF_TAG.0, TAGS, SUPPRESSED.0, SUPPRESSIONS];
