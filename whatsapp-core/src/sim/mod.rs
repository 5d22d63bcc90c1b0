//! The other side of the wire: a simulated WhatsApp network, network-free like the engine.
//!
//! [`Network`] is the server with the phones of a few simulated people. It answers handshakes under its own root,
//! pairs companions, keeps prekeys and device lists, routes messages per device, and keeps unanswered stanzas. Its
//! phones are true Signal endpoints. Its inputs are bytes, time and a seed; its outputs are bytes and reports. The same seed
//! gives the same run. [`pair::World`] steps it together with engines in virtual time. `runtime::Simulator` (with feature
//! `client`) runs it in real time, and `listen` puts it behind a WebSocket.
//!
//! It parses and builds stanzas and messages itself and does not share the client's [`crate::stanza`] and
//! [`crate::message`]. So a mistake of one side is not repeated by the other. Nothing here weakens a client: a client trusts
//! the root that it is configured with.
mod accounts;
mod answers;
mod bootstrap;
mod contents;
mod delivery;
mod edits;
mod event;
mod faults;
mod forgery;
mod groups;
mod iq;
mod ledger;
mod link;
#[cfg(feature = "client")]
pub mod listen;
mod mailbox;
mod network;
mod offline;
pub mod pair;
mod pairing;
mod payload;
mod people;
mod phone;
mod population;
mod prekeys;
#[doc(hidden)]
pub mod primary;
mod reading;
mod receipts;
mod replies;
mod report;
#[doc(hidden)]
pub mod responder;
mod routing;
#[cfg(feature = "client")]
pub mod runtime;
mod usync;
mod wire;

pub use accounts::{Behaviour, DeviceAddress};
pub use answers::{BundleAnswer, DeviceListAnswer, RequestKind};
pub use event::SimEvent;
pub use faults::{Fault, Faults, Mutation, Side, StanzaKinds};
pub use forgery::{Encryption, RawMessage};
pub use ledger::LedgerEntry;
pub use network::{ConnectionId, Network, Output, SimConfig, SimError};
pub use offline::OfflineQueue;
pub use phone::Shown;
pub use report::{DeviceReport, Inbox, Unanswered};
pub use responder::CertificateFlaw;
