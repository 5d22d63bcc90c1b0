use async_trait::async_trait;

use super::{Rows, Sql, Statement, of};
use crate::{AccountId, LidMapping, LidStore, Result};

/// Both are unique: whatever has the same LID or the same number goes first. In two statements, since for "this or that" SQLite
/// goes through all of an account's rows.
pub(super) fn put<'a>(account: &'a AccountId, mapping: &'a LidMapping) -> [Statement<'a>; 3] {
    let with = |text| of(text, account);
    [
        with("DELETE FROM lid WHERE workspace = $1 AND account = $2 AND lid = $3").text(&*mapping.lid),
        with("DELETE FROM lid WHERE workspace = $1 AND account = $2 AND pn = $3").text(&*mapping.pn),
        with("INSERT INTO lid (workspace, account, lid, pn) VALUES ($1, $2, $3, $4)")
            .text(&*mapping.lid)
            .text(&*mapping.pn),
    ]
}

#[async_trait]
impl<S: Sql> LidStore for S {
    async fn by_lid(&self, account: &AccountId, lid: &str) -> Result<Option<LidMapping>> {
        let select = of("SELECT pn FROM lid WHERE workspace = $1 AND account = $2 AND lid = $3", account);
        let rows = self.fetch(select.text(lid)).await?;
        rows.one(|row| Ok(LidMapping { lid: lid.to_owned(), pn: row.text(0)? }))
    }

    async fn by_pn(&self, account: &AccountId, pn: &str) -> Result<Option<LidMapping>> {
        let select = of("SELECT lid FROM lid WHERE workspace = $1 AND account = $2 AND pn = $3", account);
        let rows = self.fetch(select.text(pn)).await?;
        rows.one(|row| Ok(LidMapping { lid: row.text(0)?, pn: pn.to_owned() }))
    }
}
