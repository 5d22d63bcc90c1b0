//! The engine's questions to the store, and its commits; each has an end.
use std::{future::Future, time::Duration};

use tokio::time::{sleep, timeout};
use whatsapp_store::{AccountId, Changes, DeviceRecord, Error, ErrorKind, Store};

use crate::engine::{Loaded, Query};

/// How often the driver retries a busy store before it gives up.
const ATTEMPTS: u32 = 6;
/// A store that takes longer for one answer is given up.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) async fn device(store: &dyn Store, account: &AccountId) -> Result<Option<DeviceRecord>, Error> {
    in_time("reading the device", store.device(account)).await
}

/// Writes the changes; a busy store is asked again a few times.
pub(super) async fn commit(store: &dyn Store, changes: Changes) -> Result<(), Error> {
    const DOING: &str = "writing what happened";
    if changes.is_empty() {
        return Ok(());
    }
    let mut pause = Duration::from_millis(20);
    for _ in 1..ATTEMPTS {
        match in_time(DOING, store.commit(changes.clone())).await {
            Err(error) if error.is_retryable() => sleep(pause).await,
            outcome => return outcome,
        }
        pause *= 3;
    }
    in_time(DOING, store.commit(changes)).await
}

pub(super) async fn load(store: &dyn Store, account: &AccountId, query: Query) -> Result<Loaded, Error> {
    in_time("reading what a stanza needs", read(store, account, query)).await
}

async fn read(store: &dyn Store, account: &AccountId, query: Query) -> Result<Loaded, Error> {
    Ok(match query {
        Query::Signal(keys) => {
            let values = store.signal(account, &keys).await?;
            Loaded::Signal(keys.into_iter().zip(values).collect())
        }
        Query::People(addresses) => {
            let records = store.people(account, &addresses).await?;
            Loaded::People(addresses.into_iter().zip(records).collect())
        }
        Query::Message(key) => {
            let status = store.message(account, &key).await?.map(|message| message.status);
            Loaded::Message(key, status)
        }
        Query::Record(key) => {
            let record = store.message(account, &key).await?.map(Box::new);
            Loaded::Record(key, record)
        }
        Query::Outgoing(id) => {
            let outgoing = store.outgoing(account, &id).await?;
            Loaded::Outgoing(id, outgoing)
        }
        Query::Queued(limit) => Loaded::Queued(store.queued(account, limit).await?),
    })
}

/// Not retryable, since a commit without an answer may have been made: the driver ends, and starts from what is stored.
async fn in_time<T>(doing: &'static str, asked: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let answered = timeout(PATIENCE, asked).await;
    answered.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Unreachable, doing).because("the store did not answer within a minute"))
    })
}
