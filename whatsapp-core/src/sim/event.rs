//! Events inside the network, for observers.
use serde::Serialize;

use super::phone::Shown;

/// An event. Addresses are by number unless stated otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", tag = "type")]
#[non_exhaustive]
pub enum SimEvent {
    /// A device that is not linked connected; it may show codes now.
    Registering {
        /// The push name that it registered under, if any.
        push_name: Option<String>,
    },
    /// A device was linked to a person's phone.
    Paired {
        /// The device by number.
        jid: String,
        /// The device by LID.
        lid: String,
    },
    /// A device is no longer linked.
    Unlinked {
        /// The device.
        jid: String,
    },
    /// A linked device logged in.
    Online {
        /// The device.
        jid: String,
    },
    /// A linked device disconnected.
    Offline {
        /// The device.
        jid: String,
    },
    /// A phone shows a message that it did not show before.
    Message {
        /// The phone, by number.
        phone: String,
        /// The message.
        message: Shown,
    },
    /// A phone learned that its messages were delivered or read.
    Receipt {
        /// The phone, by number.
        phone: String,
        /// The recipient.
        from: String,
        /// `delivery`, `read`, `played`, …
        kind: String,
        /// The messages.
        ids: Vec<String>,
    },
    /// A client requested or sent something that the simulation does not know.
    Unknown {
        /// Its description.
        what: String,
    },
}
