use async_trait::async_trait;

use super::{SqliteStore, commit::Statement, error::reading};
use crate::{AccountId, LidMapping, LidStore, Result};

pub(super) fn put<'a>(account: &'a str, mapping: &'a LidMapping) -> Statement<'a> {
    // Both are unique: whatever has the same LID or the same number goes.
    sqlx::query("INSERT OR REPLACE INTO lid (account, lid, pn) VALUES (?1, ?2, ?3)")
        .bind(account)
        .bind(&*mapping.lid)
        .bind(&*mapping.pn)
}

#[async_trait]
impl LidStore for SqliteStore {
    async fn by_lid(&self, account: &AccountId, lid: &str) -> Result<Option<LidMapping>> {
        let pn: Option<String> = sqlx::query_scalar("SELECT pn FROM lid WHERE account = ?1 AND lid = ?2")
            .bind(account.as_str())
            .bind(lid)
            .fetch_optional(&self.readers)
            .await
            .map_err(reading)?;
        Ok(pn.map(|pn| LidMapping { lid: lid.to_owned(), pn }))
    }

    async fn by_pn(&self, account: &AccountId, pn: &str) -> Result<Option<LidMapping>> {
        let lid: Option<String> = sqlx::query_scalar("SELECT lid FROM lid WHERE account = ?1 AND pn = ?2")
            .bind(account.as_str())
            .bind(pn)
            .fetch_optional(&self.readers)
            .await
            .map_err(reading)?;
        Ok(lid.map(|lid| LidMapping { lid, pn: pn.to_owned() }))
    }
}
