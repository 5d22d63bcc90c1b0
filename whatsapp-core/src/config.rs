//! The configuration of a client. Trust root, address and clock are values here, never features.
use whatsapp_store::AccountId;

pub use crate::noise::TrustRoot;

/// The production server.
pub const PRODUCTION_URL: &str = "wss://web.whatsapp.com/ws/chat";

/// Everything a [`crate::engine::Engine`] or client needs to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The account whose records in the store it uses.
    pub account: AccountId,
    /// WebSocket address of the server.
    pub server_url: String,
    /// The key that the server's certificates must lead to.
    pub trust_root: TrustRoot,
    /// How the client presents itself.
    pub profile: Profile,
    /// The account's own name, shown to recipients. Without one it is learnt from the phone's own messages; presence is sent only
    /// once it is known.
    pub push_name: Option<String>,
    /// Announce presence after login. When `false`, receipts are of the invisible "inactive" kind.
    pub available: bool,
    /// How many people, sessions and message statuses each are kept in memory between commits, approximately; other records are
    /// read from the store again. A smaller number saves memory in a process with many accounts. The minimum is 1.
    pub cached_records: usize,
}

impl Config {
    /// The production server, for one account.
    pub fn new(account: AccountId) -> Self {
        Self {
            account,
            server_url: PRODUCTION_URL.to_owned(),
            trust_root: TrustRoot::default(),
            profile: Profile::default(),
            push_name: None,
            available: true,
            cached_records: 4096,
        }
    }
}

impl Default for Config {
    /// The production server, for an account named `default`.
    fn default() -> Self {
        Self::new("default".to_owned().try_into().expect("a valid account id"))
    }
}

/// How the client presents itself. Where public clients differ, it behaves as one of them in every respect: no server sees a
/// mix of two.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Profile {
    /// Version of the web client; an outdated one is refused with failure 405. Replace it at run time when it ages.
    pub version: [u32; 3],
    /// Name shown in the phone's list of linked devices.
    pub os: String,
    /// ISO 639-1 language.
    pub language: String,
    /// ISO 3166-1 country.
    pub country: String,
    family: Family,
}

/// The client whose behaviour a profile has (protocol notes 2.3, 2.5 and 2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Whatsmeow,
    WhatsappRust,
    Baileys,
}

impl Profile {
    /// As whatsmeow in 2026-08, the default, for it is the one that is furthest in the move to linked ids: chats are addressed by
    /// LID with the number beside it (`peer_recipient_pn`), and the login says `passive`, `lidDbMigrated` and `lc` 1.
    pub fn whatsmeow() -> Self {
        Self::new(Family::Whatsmeow, 1_045_649_367)
    }

    /// As whatsapp-rust in 2026-08 with an account that is not migrated: chats are addressed by number, the login is not passive
    /// and counts itself in `lc`, and the offline queue comes in batches of 200.
    pub fn whatsapp_rust() -> Self {
        Self::new(Family::WhatsappRust, 1_045_368_834)
    }

    /// As Baileys 7: chats are addressed by number, the login is passive and has no `lc`, and the offline queue comes in batches
    /// of 100.
    pub fn baileys() -> Self {
        Self::new(Family::Baileys, 1_035_194_821)
    }

    fn new(family: Family, build: u32) -> Self {
        Self {
            version: [2, 3000, build],
            os: "WhatsApp Manager".to_owned(),
            language: "en".to_owned(),
            country: "US".to_owned(),
            family,
        }
    }

    /// `passive` at login.
    pub const fn passive(&self) -> bool {
        !matches!(self.family, Family::WhatsappRust)
    }

    /// `lidDbMigrated` at login.
    pub const fn lid_db_migrated(&self) -> bool {
        matches!(self.family, Family::Whatsmeow)
    }

    /// `lc` at login, where `logins` is how often this device has logged in.
    pub fn login_counter(&self, logins: u32) -> Option<i32> {
        match self.family {
            Family::Whatsmeow => Some(1),
            Family::WhatsappRust => Some(i32::try_from(logins).unwrap_or(i32::MAX)),
            Family::Baileys => None,
        }
    }

    /// How one-to-one chats are addressed on the wire.
    pub const fn addressing(&self) -> Addressing {
        match self.family {
            Family::Whatsmeow => Addressing::Lid,
            Family::WhatsappRust | Family::Baileys => Addressing::Number,
        }
    }

    /// Stanzas asked for at once from the offline queue.
    pub const fn offline_batch(&self) -> u32 {
        match self.family {
            Family::Baileys => 100,
            Family::Whatsmeow | Family::WhatsappRust => 200,
        }
    }
}

impl Default for Profile {
    /// [`Profile::whatsmeow`].
    fn default() -> Self {
        Self::whatsmeow()
    }
}

/// How one-to-one chats are addressed on the wire when both addresses of the person are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Addressing {
    /// By linked id, with the number in `peer_recipient_pn`.
    Lid,
    /// By phone number.
    Number,
}
