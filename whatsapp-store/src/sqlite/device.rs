use async_trait::async_trait;

use super::{SqliteStore, commit::Statement, error::reading};
use crate::{AccountId, DeviceRecord, DeviceStore, Result};

pub(super) fn put<'a>(account: &'a str, device: &'a DeviceRecord) -> Statement<'a> {
    sqlx::query(
        "INSERT INTO device (account, jid, lid, state) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (account) DO UPDATE SET jid = excluded.jid, lid = excluded.lid, state = excluded.state",
    )
    .bind(account)
    .bind(device.jid.as_deref())
    .bind(device.lid.as_deref())
    .bind(&device.state[..])
}

#[async_trait]
impl DeviceStore for SqliteStore {
    async fn device(&self, account: &AccountId) -> Result<Option<DeviceRecord>> {
        let row: Option<(Option<String>, Option<String>, Vec<u8>)> =
            sqlx::query_as("SELECT jid, lid, state FROM device WHERE account = ?1")
                .bind(account.as_str())
                .fetch_optional(&self.readers)
                .await
                .map_err(reading)?;
        Ok(row.map(|(jid, lid, state)| DeviceRecord { jid, lid, state: state.into() }))
    }
}
