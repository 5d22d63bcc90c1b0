//! What a backend can do, one small trait per domain.
mod device;
mod lid;
mod message;
mod outgoing;
mod session;
mod signal;

use async_trait::async_trait;
pub use device::DeviceStore;
pub use lid::LidStore;
pub use message::{MessagePage, MessageQuery, MessageStore};
pub use outgoing::OutgoingStore;
pub use session::SessionStore;
pub use signal::SignalStore;

use crate::{Changes, Result};

/// A whole backend: all reads, and the one write.
#[async_trait]
pub trait Store:
    DeviceStore
    + SignalStore
    + LidStore
    + OutgoingStore
    + MessageStore
    + SessionStore
    + std::fmt::Debug
    + Send
    + Sync
{
    /// Writes all of `changes` in one transaction; when this returns `Ok` they survive a crash.
    ///
    /// # Errors
    /// Then nothing of it was written.
    async fn commit(&self, changes: Changes) -> Result<()>;

    /// Finishes what is under way and lets go of files and connections. Nothing may be asked of the store afterwards.
    async fn close(&self) {}
}
