//! What happens inside the network, for whoever watches it.
use serde::Serialize;

use super::phone::Shown;

/// Something happened. Addresses are by number unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", rename_all_fields = "camelCase", tag = "type")]
#[non_exhaustive]
pub enum SimEvent {
    /// A device that is not linked connected; it may show codes now.
    Registering {
        /// The push name that it registered under, if any.
        push_name: Option<String>,
    },
    /// A device was linked to somebody's phone.
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
    /// A linked device is gone.
    Offline {
        /// The device.
        jid: String,
    },
    /// A phone shows a message that it did not show before.
    Message {
        /// Whose phone, by number.
        phone: String,
        /// What it shows.
        message: Shown,
    },
    /// A phone learned that its messages were delivered or read.
    Receipt {
        /// Whose phone, by number.
        phone: String,
        /// Who received or read.
        from: String,
        /// `delivery`, `read`, `played`, …
        kind: String,
        /// Which messages.
        ids: Vec<String>,
    },
    /// A client asked for, or sent, something that the simulation does not know.
    Unknown {
        /// What it was.
        what: String,
    },
}
