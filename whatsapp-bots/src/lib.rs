//! The flow engine of a WhatsApp manager: a pure function of flow, conversation and input.
//!
//! It knows no socket, no clock and no protocol. What is sent is [`whatsapp_store::Content`].
pub mod definition;
#[cfg(any(feature = "import-rapidpro", feature = "import-typebot"))]
pub mod import;
pub mod nodes;
