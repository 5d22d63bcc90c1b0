//! The flow engine of a WhatsApp manager.
//!
//! **A stub:** the crate holds its place in the workspace; there is nothing to use in it yet. It will be a pure
//! function of flow, conversation and input, with a small runner, and know nothing of the protocol.
