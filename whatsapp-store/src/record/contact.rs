//! People who can be written to, their consent, and suppressed addresses.
//!
//! Two things keep a person from being written to. An **opt-out** is a property of a contact and ends by a newer consent. A
//! **suppression** is of an address, holds in the whole workspace, and outlives the contact.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

/// A person's consent to be written to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    /// Its scope, such as `marketing`.
    pub scope: String,
    /// How it was given, such as `form:spring` or `import:customers.csv`.
    pub source: String,
    /// When it was given, milliseconds since the Unix epoch.
    pub at: i64,
    /// The evidence: a link, a message id, a quotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consent").field("scope", &self.scope).field("at", &self.at).finish_non_exhaustive()
    }
}

/// A person who can be written to. `Debug` shows the id alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactRecord {
    /// Its id in the workspace.
    pub id: String,
    /// The number: 1 to 15 digits with the country's code and without `+`. No other contact of the workspace has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The hidden id: digits and `@lid`, so that it is never taken for a number. No other contact of the workspace has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lid: Option<String>,
    /// A name for people.
    #[serde(default)]
    pub name: String,
    /// Tags for sorting.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// The workspace's own fields.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// The newest consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// Since when it does not want to be written to, milliseconds since the Unix epoch. Never older than the consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opted_out_at: Option<i64>,
    /// When it last gave a sign of life, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<i64>,
    /// Its time zone, such as `Europe/Berlin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// When it was made, milliseconds since the Unix epoch; orders lists.
    pub created_at: i64,
    /// When it was last changed, milliseconds since the Unix epoch. Rises with every change, by one at least, and so names what was
    /// read: see [`ContactChange::Expect`]. A sign of life is no change.
    pub updated_at: i64,
}

impl fmt::Debug for ContactRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContactRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An address that must not be written to, whoever owns it.
///
/// It stays when its contact is deleted, and it stays readable. A keyed hash would not protect a number from an attacker with
/// the key: all numbers can be tried, and the key would have to lie beside it. The bare address, kept only for
/// suppression, is the simpler choice.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suppression {
    /// As in [`ContactRecord::phone`] or [`ContactRecord::lid`].
    pub address: String,
    /// Why, such as `stop` or `complaint`.
    pub reason: String,
    /// Since when, milliseconds since the Unix epoch.
    pub at: i64,
}

impl Suppression {
    /// The reason of a suppression that a deleted contact leaves behind.
    pub const OPTED_OUT: &str = "opted out";
}

impl fmt::Debug for Suppression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suppression")
            .field("reason", &self.reason)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Writes to contacts and suppressions. A change of a contact that is not there is fine and does nothing. A number or LID
/// that is not of the right form makes the commit fail with [`ErrorKind::Invalid`](crate::ErrorKind::Invalid).
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum ContactChange {
    /// Makes the commit fail with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict) unless the contact is still the one that was
    /// read, as the changes before it in the commit leave things.
    Expect {
        /// The contact.
        id: String,
        /// The [`ContactRecord::updated_at`] that was read; `None` if there was no contact.
        updated_at: Option<i64>,
    },
    /// Writes a contact. Over one of the same id it keeps the older `created_at`, the later `last_seen_at`, and the newer of
    /// consent and opt-out. So an import never cancels an opt-out.
    ///
    /// When another contact has its number or LID, as the changes before it in the commit leave things, the commit fails
    /// with [`ErrorKind::Conflict`](crate::ErrorKind::Conflict): two people are never made one silently.
    Put(Box<ContactRecord>),
    /// Removes a contact; an absent one is accepted. If it had opted out, its addresses are suppressed from then on.
    Delete {
        /// The contact.
        id: String,
    },
    /// Adds tags.
    AddTags {
        /// The contact.
        id: String,
        /// The tags.
        tags: BTreeSet<String>,
        /// Now, milliseconds since the Unix epoch.
        at: i64,
    },
    /// Takes tags away.
    RemoveTags {
        /// The contact.
        id: String,
        /// The tags.
        tags: BTreeSet<String>,
        /// Now, milliseconds since the Unix epoch.
        at: i64,
    },
    /// Sets one field, or takes it away.
    SetField {
        /// The contact.
        id: String,
        /// The field.
        name: String,
        /// `None` removes it.
        value: Option<String>,
        /// Now, milliseconds since the Unix epoch.
        at: i64,
    },
    /// Notes a consent unless a newer one is there; ends an opt-out that is older than it.
    RecordConsent {
        /// The contact.
        id: String,
        /// The consent.
        consent: Consent,
    },
    /// Notes that it does not want to be written to, unless a consent is newer.
    OptOut {
        /// The contact.
        id: String,
        /// When it said so, milliseconds since the Unix epoch.
        at: i64,
    },
    /// Notes a sign of life; an older one changes nothing.
    Seen {
        /// The contact.
        id: String,
        /// Milliseconds since the Unix epoch.
        at: i64,
    },
    /// Suppresses an address; of two suppressions of one address the newer stays.
    Suppress(Suppression),
    /// Ends a suppression; an absent one is accepted. The consent that permits it is not stored here: note it for the contact in
    /// the same commit. If it is not newer than the suppression, the commit fails with
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid).
    Unsuppress {
        /// The address.
        address: String,
        /// Given after the suppression.
        consent: Consent,
    },
}

impl fmt::Debug for ContactChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expect { .. } => "Expect",
            Self::Put(_) => "Put",
            Self::Delete { .. } => "Delete",
            Self::AddTags { .. } => "AddTags",
            Self::RemoveTags { .. } => "RemoveTags",
            Self::SetField { .. } => "SetField",
            Self::RecordConsent { .. } => "RecordConsent",
            Self::OptOut { .. } => "OptOut",
            Self::Seen { .. } => "Seen",
            Self::Suppress(_) => "Suppress",
            Self::Unsuppress { .. } => "Unsuppress",
        })
    }
}
