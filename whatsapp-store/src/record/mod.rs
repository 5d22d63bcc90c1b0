//! What is stored, one file per domain.
mod account;
mod appstate;
mod chat;
mod content;
mod device;
mod event;
mod lease;
mod lid;
mod message;
mod outgoing;
mod session;
mod signal;

pub use account::{AccountId, IdError, WorkspaceId};
pub use appstate::{AppStateChange, AppStateVersion};
pub use chat::{ChatChange, ChatRecord};
pub use content::Content;
pub use device::DeviceRecord;
pub use event::{EventChange, EventRecord, NewEvent};
pub use lease::{Fence, Lease};
pub use lid::LidMapping;
pub use message::{MediaRef, MessageKey, MessageRecord, MessageStatus, Source};
pub use outgoing::{OutgoingMessage, OutgoingState};
pub use session::{SeenState, SessionRecord, SessionSeen, WantedState};
pub use signal::{SignalKey, SignalKind};
