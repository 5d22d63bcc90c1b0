//! Whom a campaign is sent to: from a file or a list to numbered rows, and a reason for each row that is not among them.
//!
//! A file is read twice on the way, once from where it comes and once from the disk, and takes the same few tens of megabytes of
//! memory whatever its length:
//!
//! 1. [`Freeze::gather`] reads the source. Each number is brought into its one international form, and each row that
//!    cannot be written to is listed with its reason.
//! 2. [`Gathered::hand_out`] takes out duplicates (the first row stays) and those who must not be written to, and hands the
//!    others on, a thousand at a time. In each lane they are numbered in an order that only the campaign's key decides: a
//!    campaign that is stopped early has reached a random sample of the lane.
//!
//! There is no way in without a [`ConsentStamp`], and none past the [`Screen`].
//!
//! ```
//! use std::collections::HashSet;
//!
//! use whatsapp_campaigns::audience::{
//!     Batch, ConsentStamp, CsvSource, Freeze, Mapping, MissingValue, PortError, Screen, Sink,
//! };
//!
//! struct Nobody;
//!
//! #[async_trait::async_trait]
//! impl Screen for Nobody {
//!     async fn suppressed(&self, _: &[String]) -> Result<HashSet<String>, PortError> {
//!         Ok(HashSet::new())
//!     }
//!     async fn withdrawn(&self, _: &[String], _: &ConsentStamp) -> Result<HashSet<String>, PortError> {
//!         Ok(HashSet::new())
//!     }
//!     async fn excluded(&self, _: &[String]) -> Result<HashSet<String>, PortError> {
//!         Ok(HashSet::new())
//!     }
//! }
//!
//! struct Kept(Vec<Batch>);
//!
//! #[async_trait::async_trait]
//! impl Sink for Kept {
//!     async fn add(&mut self, batch: Batch) -> Result<(), PortError> {
//!         self.0.push(batch);
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = "phone;name\n0151 23456789;Ada\n+49 151 23456789;Ada again\n12;Bob\n";
//! let consent = ConsentStamp::new("marketing", "form:spring", 1_790_000_000_000, "https://example.org/form")?;
//! let mapping = Mapping::new("phone", consent).region("DE".parse()?).variable("name", "name", MissingValue::Exclude);
//! let gathered = Freeze::new(mapping, [7; 32]).gather(CsvSource::new(file.as_bytes()))?;
//! let mut kept = Kept(Vec::new());
//! let report = gathered.hand_out(&|_| 0, &Nobody, &mut kept).await?;
//! assert_eq!((report.rows, report.accepted), (3, 1));
//! assert_eq!(kept.0[0].rows[0].address, "4915123456789");
//! # Ok(())
//! # }
//! ```
mod consent;
mod error;
mod file;
mod gather;
mod hand_out;
mod mapping;
mod order;
mod permutation;
mod port;
mod reason;
mod rejects;
mod runs;
mod source;
mod store;

use std::collections::BTreeMap;

#[cfg(feature = "xlsx")]
pub use self::source::XlsxSource;
pub use self::{
    consent::{ConsentError, ConsentStamp},
    error::{AudienceError, FileError, PortError},
    file::{FileReport, Note},
    gather::{Freeze, Gathered},
    hand_out::{AudienceReport, LaneSize},
    mapping::{Column, Mapping, MissingValue},
    port::{Batch, Recipient, Screen, Sink},
    reason::{Reason, Refusals, Unreadable},
    source::{CsvSource, Encoding, ListSource, Row, Rows, Source, UnknownEncoding},
    store::StoreScreen,
};

/// Rows come so many at a time.
pub const BATCH: usize = 1_000;
/// The place of a lane's first row.
pub const FIRST_SEQ: u32 = 1;
/// An audience has no more lanes.
pub const MAX_LANES: usize = 4_096;

/// The variables of an [`AudienceRow`](whatsapp_store::AudienceRow) that was frozen here: a JSON object of texts.
/// `None` when it is something else.
pub fn variables(bytes: &[u8]) -> Option<BTreeMap<String, String>> {
    serde_json::from_slice(bytes).ok()
}
