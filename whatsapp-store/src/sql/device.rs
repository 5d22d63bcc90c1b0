use async_trait::async_trait;

use super::{Rows, Sql, Statement, account_at, of, owned, vault::Column};
use crate::{AccountId, DeviceRecord, DeviceStore, Result};

fn place(account: &AccountId) -> String {
    format!("device/{}/{}", account.workspace(), account.name())
}

pub(super) fn put<'a>(account: &'a AccountId, device: &'a DeviceRecord) -> Statement<'a> {
    of(
        "INSERT INTO device (workspace, account, jid, lid, state) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (workspace, account) \
         DO UPDATE SET jid = excluded.jid, lid = excluded.lid, state = excluded.state",
        account,
    )
    .opt_text(device.jid.as_deref())
    .opt_text(device.lid.as_deref())
    .sealed(&device.state[..], place(account))
}

pub(super) const SEALED: Column = Column {
    select: (
        "SELECT state, workspace, account FROM device WHERE substr(state, 1, $1) <> $2 LIMIT $3",
        "SELECT state, workspace, account FROM device WHERE substr(state, 1, CAST($1 AS INTEGER)) <> $2 \
         LIMIT $3 FOR UPDATE SKIP LOCKED",
    ),
    row: |row| {
        let account = account_at(row, 1)?;
        let update = owned("UPDATE device SET state = $3 WHERE workspace = $1 AND account = $2", &account);
        Ok((place(&account), update))
    },
};

#[async_trait]
impl<S: Sql> DeviceStore for S {
    async fn device(&self, account: &AccountId) -> Result<Option<DeviceRecord>> {
        let select = of("SELECT jid, lid, state FROM device WHERE workspace = $1 AND account = $2", account);
        self.fetch(select).await?.one(|row| {
            let state = self.vault().open(&row.bytes(2)?, &place(account))?;
            Ok(DeviceRecord { jid: row.opt_text(0)?, lid: row.opt_text(1)?, state: state.into() })
        })
    }
}
