//! The unit of work: what one commit writes.
use bytes::Bytes;

use crate::record::{
    AccountId, DeviceRecord, LidMapping, MessageKey, MessageRecord, MessageStatus, OutgoingMessage,
    OutgoingState, SessionRecord, SignalKey,
};

/// One write. Applied in the order given.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// Writes the account's device.
    PutDevice(DeviceRecord),
    /// Removes the device and all that hangs on it: Signal records, LID mappings, outgoing messages.
    /// Messages and the session record stay.
    DeleteDevice,
    /// Writes a Signal record.
    PutSignal(SignalKey, Bytes),
    /// Removes a Signal record; absent is fine.
    DeleteSignal(SignalKey),
    /// Writes a mapping; one of the same LID or the same number is replaced.
    PutLid(LidMapping),
    /// Writes an outgoing message.
    PutOutgoing(OutgoingMessage),
    /// Moves an outgoing message; absent is fine.
    SetOutgoingState(String, OutgoingState),
    /// Removes outgoing messages in state [`OutgoingState::Sent`] made before that time (milliseconds).
    ExpireOutgoing(i64),
    /// Inserts a message; one with the same key stays as it is.
    PutMessage(MessageRecord),
    /// Raises the status of a message; absent is fine, and a lower or equal status changes nothing.
    /// [`MessageStatus::Failed`] is applied only over [`MessageStatus::Queued`].
    RaiseStatus(MessageKey, MessageStatus),
    /// Writes the account's session record.
    PutSession(SessionRecord),
    /// Removes the session and everything else of the account.
    DeleteSession,
}

/// What one commit writes, for one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// Whose.
    pub account: AccountId,
    /// In order.
    pub list: Vec<Change>,
}

impl Changes {
    /// Nothing yet.
    pub const fn new(account: AccountId) -> Self {
        Self { account, list: Vec::new() }
    }

    /// Adds a write.
    pub fn push(&mut self, change: Change) -> &mut Self {
        self.list.push(change);
        self
    }

    /// Nothing to write?
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes what is there, leaving nothing.
    pub fn take(&mut self) -> Self {
        Self { account: self.account.clone(), list: std::mem::take(&mut self.list) }
    }
}
