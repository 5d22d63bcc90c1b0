//! A contact as a row.
use std::collections::BTreeMap;

use crate::{
    Consent, ContactRecord, Error, ErrorKind, Result, WorkspaceId,
    sql::{Row, Statement, damaged, sql},
};

/// The columns that [`record`] reads, of `contact c`.
macro_rules! columns {
    () => {
        "c.id, c.phone, c.lid, c.name, c.tags, c.fields, c.consent_scope, c.consent_source, c.consent_at, \
         c.consent_evidence, c.opted_out_at, c.last_seen_at, c.time_zone, c.created_at, c.updated_at"
    };
}
pub(in crate::sql) use columns;

pub(in crate::sql) fn record(row: &Row) -> Result<ContactRecord> {
    let tags = serde_json::from_str(&row.text(4)?).map_err(|_| damaged("the tags of a contact"))?;
    Ok(ContactRecord {
        id: row.text(0)?,
        phone: row.opt_text(1)?,
        lid: row.opt_text(2)?,
        name: row.text(3)?,
        tags,
        fields: fields(&row.text(5)?)?,
        consent: consent(row)?,
        opted_out_at: row.opt_int(10)?,
        last_seen_at: row.opt_int(11)?,
        time_zone: row.opt_text(12)?,
        created_at: row.int(13)?,
        updated_at: row.int(14)?,
    })
}

fn consent(row: &Row) -> Result<Option<Consent>> {
    let Some(at) = row.opt_int(8)? else { return Ok(None) };
    Ok(Some(Consent { scope: row.text(6)?, source: row.text(7)?, at, evidence: row.opt_text(9)? }))
}

pub(super) const INSERT: &str = "INSERT INTO contact (workspace, id, phone, lid, name, words, tags, fields, \
    consent_scope, consent_source, consent_at, consent_evidence, opted_out_at, last_seen_at, time_zone, \
    updated_at, created_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING";
pub(super) const UPDATE: &str = "UPDATE contact SET phone = $3, lid = $4, name = $5, words = $6, tags = $7, \
    fields = $8, consent_scope = $9, consent_source = $10, consent_at = $11, consent_evidence = $12, \
    opted_out_at = $13, last_seen_at = $14, time_zone = $15, updated_at = $16 WHERE workspace = $1 AND id = $2";

/// With the arguments of [`UPDATE`], which are those of [`INSERT`] except the last.
pub(super) fn write<'a>(
    text: &'static str,
    workspace: &'a WorkspaceId,
    contact: &'a ContactRecord,
) -> Result<Statement<'a>> {
    let consent = contact.consent.as_ref();
    Ok(sql(text)
        .text(workspace.as_str())
        .text(&*contact.id)
        .opt_text(contact.phone.as_deref())
        .opt_text(contact.lid.as_deref())
        .text(&*contact.name)
        .text(starts(contact.words()).concat())
        .text(json(&contact.tags)?)
        .text(fields_json(&contact.fields)?)
        .opt_text(consent.map(|consent| &*consent.scope))
        .opt_text(consent.map(|consent| &*consent.source))
        .opt_int(consent.map(|consent| consent.at))
        .opt_text(consent.and_then(|consent| consent.evidence.as_deref()))
        .opt_int(contact.opted_out_at)
        .opt_int(contact.last_seen_at)
        .opt_text(contact.time_zone.as_deref())
        .int(contact.updated_at))
}

/// With a space before each word: the start of a word is then a place in the text. Words contain no space.
pub(super) fn starts(words: impl IntoIterator<Item = String>) -> Vec<String> {
    words.into_iter().map(|word| format!(" {word}")).collect()
}

fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::Invalid, "writing a contact").because(error))
}

/// Fields as JSON that both databases can look into: PostgreSQL takes no U+0000 in there, and SQLite may stop at it.
pub(in crate::sql) fn fields_json(fields: &BTreeMap<String, String>) -> Result<String> {
    let escaped = |text: &String| text.replace('\u{1}', "\u{1}\u{2}").replace('\0', "\u{1}\u{1}");
    let fields: BTreeMap<_, _> = fields.iter().map(|(name, value)| (escaped(name), escaped(value))).collect();
    json(&fields)
}

fn fields(json: &str) -> Result<BTreeMap<String, String>> {
    let plain = |text: String| text.replace("\u{1}\u{1}", "\0").replace("\u{1}\u{2}", "\u{1}");
    let fields: BTreeMap<String, String> =
        serde_json::from_str(json).map_err(|_| damaged("the fields of a contact"))?;
    Ok(fields.into_iter().map(|(name, value)| (plain(name), plain(value))).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fields_come_back(map in prop::collection::btree_map("[\0\u{1}\u{2}\"\\\\a]{0,5}", "[\0\u{1}\u{2}a]{0,5}", 0..5)) {
            let json = fields_json(&map).unwrap();
            prop_assert!(!json.contains("\\u0000"));
            prop_assert_eq!(fields(&json).unwrap(), map);
        }
    }
}
