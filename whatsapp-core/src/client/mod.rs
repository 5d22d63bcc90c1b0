//! The tokio shell around the engine: a handle to clone, events to read, a driver to spawn.
//!
//! ```no_run
//! use std::sync::Arc;
//! use whatsapp_core::{Config, client::Client, event::Event};
//!
//! # async fn run(store: Arc<dyn whatsapp_store::Store>) -> Result<(), whatsapp_core::Error> {
//! let (client, mut events, driver) = Client::new(store, Config::default()).into_parts();
//! tokio::spawn(driver.run());
//! while let Some(event) = events.next().await {
//!     match event {
//!         Event::Qr { text, .. } => println!("{}", text.0),
//!         Event::Message(m) if m.content.as_text() == Some("ping") => {
//!             client.reply(&m, "pong").await?;
//!         }
//!         Event::LoggedOut { .. } => break,
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The driver never waits for the reader of events. While many events are unread it stops reading from the server and continues
//! all other work; see [`Events`].
pub(crate) mod clock;
mod driver;
mod events;
mod handle;
mod hook;
mod socket;
mod stop;
mod storage;
mod transport;
mod websocket;

pub use driver::Driver;
pub use events::Events;
pub use handle::{Client, Parts, Status};
pub use hook::CommitHook;
pub use transport::{Connector, Link, TransportError};
pub use websocket::{WebSocket, WebSocketError};
