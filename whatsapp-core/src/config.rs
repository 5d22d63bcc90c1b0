//! What a client is told before it starts. Trust root, address and clock are values here, never features.
use whatsapp_store::AccountId;

use crate::noise::TrustRoot;

/// The production service.
pub const PRODUCTION_URL: &str = "wss://web.whatsapp.com/ws/chat";

/// Everything a [`crate::engine::Engine`] or client needs to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Whose records in the store.
    pub account: AccountId,
    /// WebSocket address of the service.
    pub server_url: String,
    /// The key that the service's certificates must lead to.
    pub trust_root: TrustRoot,
    /// What the client says of itself.
    pub profile: Profile,
    /// The account's own name, shown to recipients; without one (and before the phone told it) presence is not sent.
    pub push_name: Option<String>,
    /// Announce presence after login. When `false`, receipts are of the invisible "inactive" kind.
    pub available: bool,
    /// About how many people, sessions and message statuses each are kept in memory between commits; what is not there is read
    /// from the store again. Fewer save memory where a process has many accounts. At least 1 counts.
    pub cached_records: usize,
}

impl Config {
    /// The production service, for one account.
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
    /// The production service, for an account named `default`.
    fn default() -> Self {
        Self::new("default".to_owned().try_into().expect("a valid account id"))
    }
}

/// What the client says of itself, and the points on which public clients differ (protocol notes, section 2.3).
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
    /// `passive` at login: Baileys and whatsmeow say true, whatsapp-rust false.
    pub passive: bool,
    /// `lidDbMigrated` at login: whatsmeow says true, the others false.
    pub lid_db_migrated: bool,
    /// How one-to-one chats are addressed on the wire.
    pub addressing: Addressing,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            version: [2, 3000, 1_045_649_367],
            os: "WhatsApp Manager".to_owned(),
            language: "en".to_owned(),
            country: "US".to_owned(),
            passive: true,
            lid_db_migrated: false,
            addressing: Addressing::Lid,
        }
    }
}

/// How one-to-one chats are addressed on the wire when both addresses of the person are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Addressing {
    /// By linked id, as whatsmeow does since 2026-07.
    Lid,
    /// By phone number.
    Number,
}
