//! What a runner may use.
use super::lanes::Bounds;

/// Bounds of what a runner uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunnerSettings {
    /// Bytes of compiled bots that are kept in memory. A bot counts as four times the length of its definition; what finds no
    /// room is compiled again when it is needed.
    pub catalog_bytes: u64,
    /// Chats whose messages are handed over at once.
    pub deliveries: Bounds,
    /// Requests of flows that are made at once.
    pub requests: Bounds,
    /// Chats of one account that may wait in memory for their delivery. Others wait in the store.
    pub queue_of_account: usize,
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self {
            catalog_bytes: 256 << 20,
            deliveries: Bounds { shared: 512, of_account: 64 },
            requests: Bounds { shared: 64, of_account: 16 },
            queue_of_account: 1_000,
        }
    }
}
