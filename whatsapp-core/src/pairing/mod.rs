//! Linking this device to a phone: QR and pair codes, and what must be verified before the link is believed
//! (protocol notes 2.4).
pub mod adv;
pub mod code;
pub mod qr;
pub mod stanza;

#[cfg(test)]
#[cfg(feature = "sim")]
mod tests;
