use async_trait::async_trait;

use super::{
    Rows, Sql, Statement,
    contact::{columns, fields_json, record},
    damaged, sql,
};
use crate::{AudienceCounts, AudienceFilter, AudienceStore, ContactRecord, Result, WorkspaceId};

/// The reason why a contact is left out, as a number; 0 if it is not. `$7` is the consent scope asked for.
macro_rules! reason {
    () => {
        "CASE WHEN c.phone IS NULL AND c.lid IS NULL THEN 1 \
         WHEN EXISTS (SELECT 1 FROM suppression s WHERE s.workspace = $1 AND s.address IN (c.phone, c.lid)) THEN 2 \
         WHEN c.opted_out_at IS NOT NULL THEN 3 \
         WHEN $7 IS NOT NULL AND (c.consent_scope IS NULL OR c.consent_scope <> $7) THEN 4 \
         ELSE 0 END"
    };
}

/// The rest of the filter: `$2` all tags, `$3` any tags, `$4` none of these tags, `$5` fields, `$6` last seen.
macro_rules! finds {
    ($all:literal, $any:literal, $any_given:literal, $none:literal, $fields:literal) => {
        concat!(
            " AND NOT EXISTS (SELECT 1 FROM ",
            $all,
            " WHERE NOT EXISTS (SELECT 1 FROM contact_tag t \
             WHERE t.workspace = $1 AND t.tag = wanted.value AND t.contact = c.id)) AND (",
            $any_given,
            " = 0 OR EXISTS (SELECT 1 FROM ",
            $any,
            " WHERE EXISTS (SELECT 1 FROM contact_tag t \
             WHERE t.workspace = $1 AND t.tag = wanted.value AND t.contact = c.id))) \
             AND NOT EXISTS (SELECT 1 FROM ",
            $none,
            " WHERE EXISTS (SELECT 1 FROM contact_tag t \
             WHERE t.workspace = $1 AND t.tag = wanted.value AND t.contact = c.id)) AND ($5 = '{}' OR ",
            $fields,
            ") AND ($6 IS NULL OR c.last_seen_at > $6)"
        )
    };
}

macro_rules! in_sqlite {
    () => {
        finds!(
            "json_each($2) AS wanted",
            "json_each($3) AS wanted",
            "json_array_length($3)",
            "json_each($4) AS wanted",
            "NOT EXISTS (SELECT 1 FROM json_each($5) AS wanted WHERE NOT EXISTS (SELECT 1 \
             FROM json_each(c.fields) AS wanted_of WHERE wanted_of.key = wanted.key AND wanted_of.value = wanted.value))"
        )
    };
}

macro_rules! in_postgres {
    () => {
        finds!(
            "unnest($2) AS wanted(value)",
            "unnest($3) AS wanted(value)",
            "cardinality($3)",
            "unnest($4) AS wanted(value)",
            "CAST(c.fields AS JSONB) @> CAST($5 AS JSONB)"
        )
    };
}

// CROSS: SQLite keeps that order then.
macro_rules! of_tag {
    ($tag:literal) => {
        concat!(
            "contact_tag d CROSS JOIN contact c WHERE d.workspace = $1 AND d.tag = ",
            $tag,
            " AND c.workspace = $1 AND c.id = d.contact"
        )
    };
}

/// `$8` is where it starts, `$9` 1 if that is the very beginning, `$10` the limit.
macro_rules! page {
    ($from:expr, $id:literal, $finds:expr) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM ",
            $from,
            " AND ",
            $id,
            " >= $8 AND (",
            $id,
            " > $8 OR $9 = 1)",
            $finds,
            " AND ",
            reason!(),
            " = 0 ORDER BY ",
            $id,
            " LIMIT $10"
        )
    };
}

macro_rules! counts {
    ($from:expr, $finds:expr) => {
        concat!(
            "SELECT left_out, count(*) FROM (SELECT ",
            reason!(),
            " AS left_out FROM ",
            $from,
            $finds,
            ") AS found GROUP BY left_out"
        )
    };
}

const PAGE: (&str, &str) = (
    page!("contact c WHERE c.workspace = $1", "c.id", in_sqlite!()),
    page!("contact c WHERE c.workspace = $1", "c.id", in_postgres!()),
);
const PAGE_OF_TAG: (&str, &str) =
    (page!(of_tag!("$11"), "d.contact", in_sqlite!()), page!(of_tag!("$11"), "d.contact", in_postgres!()));
const COUNTS: (&str, &str) = (
    counts!("contact c WHERE c.workspace = $1", in_sqlite!()),
    counts!("contact c WHERE c.workspace = $1", in_postgres!()),
);
const COUNTS_OF_TAG: (&str, &str) =
    (counts!(of_tag!("$8"), in_sqlite!()), counts!(of_tag!("$8"), in_postgres!()));

/// With the arguments of [`finds`] and [`reason`]. The leading tag is not checked again.
fn find<'a>(
    text: &'static str,
    workspace: &'a WorkspaceId,
    filter: &'a AudienceFilter,
) -> Result<Statement<'a>> {
    Ok(sql(text)
        .text(workspace.as_str())
        .texts(filter.all_tags.iter().skip(1).cloned().collect())
        .texts(filter.any_tags.iter().cloned().collect())
        .texts(filter.none_tags.iter().cloned().collect())
        .text(fields_json(&filter.fields)?)
        .opt_int(filter.last_seen_after)
        .opt_text(filter.consent_scope.as_deref()))
}

#[async_trait]
impl<S: Sql> AudienceStore for S {
    async fn audience_page(
        &self,
        workspace: &WorkspaceId,
        filter: &AudienceFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ContactRecord>> {
        let tag = filter.all_tags.first();
        let (sqlite, postgres) = if tag.is_some() { PAGE_OF_TAG } else { PAGE };
        let mut select = find(self.dialect().text(sqlite, postgres), workspace, filter)?
            .text(after.unwrap_or_default())
            .int(after.is_none())
            .int(limit);
        if let Some(tag) = tag {
            select = select.text(&**tag);
        }
        self.fetch(select).await?.all(record)
    }

    async fn audience_counts(
        &self,
        workspace: &WorkspaceId,
        filter: &AudienceFilter,
    ) -> Result<AudienceCounts> {
        let tag = filter.all_tags.first();
        let (sqlite, postgres) = if tag.is_some() { COUNTS_OF_TAG } else { COUNTS };
        let mut select = find(self.dialect().text(sqlite, postgres), workspace, filter)?;
        if let Some(tag) = tag {
            select = select.text(&**tag);
        }
        let mut counts = AudienceCounts::default();
        for row in self.fetch(select).await? {
            let place = match row.int(0)? {
                0 => &mut counts.eligible,
                1 => &mut counts.unreachable,
                2 => &mut counts.suppressed,
                3 => &mut counts.opted_out,
                4 => &mut counts.no_consent,
                _ => return Err(damaged("why a contact is left out")),
            };
            *place = row.small(1)?;
        }
        Ok(counts)
    }
}

/// Counting reads through all that is found, and sorts nothing but four reasons.
#[cfg(test)]
pub(super) const STATEMENTS: [&str; 2] = [PAGE.0, PAGE_OF_TAG.0];
