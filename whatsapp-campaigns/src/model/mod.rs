//! What a campaign is, and what is stored of it.
//!
//! A record's `definition` is a [`Document`]: the [`Settings`] that a person wrote, and what the library [keeps](StoredCampaign) beside
//! them. A lane's `definition` is a [`LaneSpec`].
//!
//! ```
//! use whatsapp_campaigns::model::Settings;
//!
//! let settings = Settings::from_json(r#"{
//!     "senders": ["shop"],
//!     "content": {
//!         "category": "marketing",
//!         "variants": [{"name": "a", "content": {"type": "text", "text": "New in. Reply STOP to unsubscribe."}}]
//!     },
//!     "timing": {"schedule": {"type": "once", "at": 1790000000000}}
//! }"#)?;
//! let checked = settings.check()?;
//! assert_eq!(checked.template.variants(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
mod builder;
mod lane;
mod settings;
mod stored;

pub use self::{
    builder::SettingsBuilder,
    lane::LaneSpec,
    settings::{AutoPause, Canary, Checked, Settings, SettingsError, SourceFilter},
    stored::{Chosen, Counted, Document, DryRun, Frozen, StoredCampaign},
};
