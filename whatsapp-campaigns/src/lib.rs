//! The campaign scheduler of a WhatsApp manager.
//!
//! **A stub:** the crate holds its place in the workspace; there is nothing to use in it yet. It will be a pure
//! scheduler with a small runner, over `whatsapp-store` and a port for sending, and know nothing of the protocol.
