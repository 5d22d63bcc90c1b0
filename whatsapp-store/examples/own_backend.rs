//! A backend of one's own, on one page: it stands on another store, keeps devices in memory, and counts commits.
//!
//! `cargo run -p whatsapp-store --example own_backend --features memory`; `tests/own_backend.rs` runs the conformance list
//! on it.
#![allow(missing_docs, unreachable_pub, clippy::print_stdout, reason = "an example")]
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use whatsapp_store::{
    AccountId, Change, Changes, DeviceRecord, DeviceStore, Result, Store, TeamChange, delegate_store,
};

#[derive(Debug)]
pub struct Cached {
    inner: Arc<dyn Store>,
    devices: Mutex<Devices>,
    commits: AtomicU64,
}

#[derive(Debug, Default)]
struct Devices {
    known: HashMap<AccountId, Option<DeviceRecord>>,
    /// Rises with every change of a device, so that what was read before one is not taken for what came after it.
    changes: u64,
}

impl Cached {
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, devices: Mutex::default(), commits: AtomicU64::new(0) }
    }

    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    fn devices(&self) -> MutexGuard<'_, Devices> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// What is not our own goes to the store below, domain by domain.
delegate_store!(Cached => inner, except DeviceStore);

#[async_trait]
impl DeviceStore for Cached {
    async fn device(&self, account: &AccountId) -> Result<Option<DeviceRecord>> {
        let before = {
            let devices = self.devices();
            if let Some(device) = devices.known.get(account) {
                return Ok(device.clone());
            }
            devices.changes
        };
        // An error is passed on, and never remembered as "there is none".
        let device = self.inner.device(account).await?;
        let mut devices = self.devices();
        if devices.changes == before {
            devices.known.insert(account.clone(), device.clone());
        }
        Ok(device)
    }
}

#[async_trait]
impl Store for Cached {
    async fn commit(&self, changes: Changes) -> Result<()> {
        let changes_devices = changes.list.iter().any(|change| {
            matches!(
                change,
                Change::PutDevice(_)
                    | Change::DeleteDevice
                    | Change::DeleteSession
                    | Change::Team(TeamChange::DeleteWorkspace)
            )
        });
        let result = self.inner.commit(changes).await;
        self.commits.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
        if changes_devices {
            // Also after an error: a connection that breaks in the moment of the commit leaves it open.
            let mut devices = self.devices();
            devices.changes += 1;
            devices.known.clear();
        }
        result
    }

    async fn reseal(&self, limit: u32) -> Result<u64> {
        self.inner.reseal(limit).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[allow(dead_code, reason = "the conformance test takes this file without its main")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let store = Cached::new(whatsapp_store::open("memory:").await?);
    let shop: AccountId = "shop".parse()?;
    assert_eq!(store.device(&shop).await?, None);
    let mut changes = Changes::new(shop.clone());
    changes.push(Change::PutDevice(DeviceRecord { jid: None, lid: None, state: "keys".into() }));
    store.commit(changes).await?;
    println!("{:?} after {} commit", store.device(&shop).await?, store.commits());
    Ok(())
}
