//! What is stored, one file per domain.
mod account;
mod appstate;
mod audit;
mod campaign;
mod chat;
mod contact;
mod content;
mod counter;
mod device;
mod event;
mod flow;
mod lease;
mod lid;
mod message;
mod outgoing;
mod reach;
mod session;
mod setting;
mod signal;
mod team;
mod webhook;

pub use account::{AccountId, IdError, WorkspaceId};
pub use appstate::{AppStateChange, AppStateVersion};
pub use audit::*;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use campaign::groups;
pub use campaign::*;
#[cfg(any(feature = "memory", feature = "sqlite", feature = "postgres"))]
pub(crate) use campaign::{bits, offset};
pub use chat::{ChatChange, ChatRecord};
pub use contact::*;
pub use content::Content;
pub use counter::*;
pub use device::DeviceRecord;
pub use event::{EventChange, EventRecord, NewEvent};
pub use flow::*;
pub use lease::{Fence, Lease};
pub use lid::LidMapping;
pub use message::{MediaRef, MessageKey, MessageRecord, MessageStatus, Source};
pub use outgoing::{OutgoingMessage, OutgoingState};
pub use reach::ReachChange;
pub use session::{SeenState, SessionRecord, SessionSeen, WantedState};
pub use setting::SettingChange;
pub use signal::{SignalKey, SignalKind};
pub use team::*;
pub use webhook::*;
