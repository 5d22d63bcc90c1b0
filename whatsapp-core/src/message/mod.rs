//! The inside of a message: content, padding, ids, recipients.
pub mod content;
pub mod device_sent;
pub mod edit;
pub mod id;
pub mod media;
pub mod menu;
pub mod padding;
pub mod phash;
pub mod plan;
mod unknown;

#[cfg(test)]
mod tests;
