//! That the server stopped a sender.
use serde::{Deserialize, Serialize};
use whatsapp_store::{AccountId, Changes, Error, SettingChange, Store};

use crate::window::Millis;

/// That the server stopped a sender: kept until a person [releases](crate::runner::Runner::release) it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoppedSender {
    /// Why, for people.
    pub reason: String,
    /// When it was stopped, milliseconds since the Unix epoch.
    pub at: Millis,
    /// Until when the server lets it send nothing, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
}

/// The setting that holds it.
fn setting(account: &AccountId) -> String {
    format!("campaigns/stopped/{}", account.name())
}

/// Was the sender stopped, and not released since?
pub(crate) async fn stopped(store: &dyn Store, account: &AccountId) -> Result<Option<StoppedSender>, Error> {
    let stored = store.setting(account.workspace(), &setting(account)).await?;
    Ok(stored.and_then(|json| serde_json::from_slice(&json).ok()))
}

/// Keeps that the sender was stopped, until a person releases it.
pub(crate) async fn keep(
    store: &dyn Store,
    account: &AccountId,
    stopped: &StoppedSender,
) -> Result<(), Error> {
    let value = serde_json::to_vec(stopped).unwrap_or_default().into();
    write(store, account, SettingChange::Put { name: setting(account), value }).await
}

/// Lets the sender go on.
pub(crate) async fn release(store: &dyn Store, account: &AccountId) -> Result<(), Error> {
    write(store, account, SettingChange::Delete { name: setting(account) }).await
}

async fn write(store: &dyn Store, account: &AccountId, change: SettingChange) -> Result<(), Error> {
    let mut changes = Changes::new(account.workspace().clone());
    changes.push(change);
    store.commit(changes).await
}
