//! What is stored, one file per domain.
mod account;
mod content;
mod device;
mod lid;
mod message;
mod outgoing;
mod session;
mod signal;

pub use account::{AccountId, AccountIdError};
pub use content::Content;
pub use device::DeviceRecord;
pub use lid::LidMapping;
pub use message::{MessageKey, MessageRecord, MessageStatus, Source};
pub use outgoing::{OutgoingMessage, OutgoingState};
pub use session::{SessionRecord, WantedState};
pub use signal::{SignalKey, SignalKind};
