//! What became of each recipient, for a file.
use serde_json::json;
use whatsapp_store::{ExportRow, RecipientFlag, RecipientRecord};

use super::{CampaignService, CampaignView, ServiceError, rfc3339};
use crate::{
    content::{Arm, Arms, Template},
    csv,
    id::RowId,
    keys::Keys,
    outcome::Code,
};

/// Rows read at once.
const PAGE: u32 = 500;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// With a first line of names.
    Csv,
    /// One JSON object on each line.
    Ndjson,
}

const COLUMNS: [&str; 13] = [
    "lane",
    "place",
    "address",
    "variant",
    "messageId",
    "state",
    "reason",
    "tries",
    "sentAt",
    "deliveredAt",
    "readAt",
    "flags",
    "consent",
];

impl CampaignService {
    /// A part of what became of the recipients, and where the next part begins: `None` at the end. The first part begins at
    /// `None`, and in CSV with the names of the columns.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn export(
        &self,
        id: &str,
        format: ExportFormat,
        after: Option<&str>,
    ) -> Result<(String, Option<String>), ServiceError> {
        let CampaignView { record, document } = self.show(id).await?;
        let template = document.settings.check()?.template;
        let arms = Arms::new(&document.kept.key_bytes().ok_or(ServiceError::Stored)?);
        let keys = Keys::of(&*self.store, &self.workspace).await?;
        let winner = document.kept.winner.as_ref().map(|chosen| chosen.variant);
        let page = self.store.campaign_export(&self.workspace, id, after, PAGE).await?;
        let mut text = String::new();
        if after.is_none() && format == ExportFormat::Csv {
            text.push_str(&csv::line(COLUMNS));
        }
        for row in page.rows {
            let row_id = RowId::new(record.number, row.lane, row.recipient.seq);
            let variant = row_id.and_then(|id| variant(&template, template.arm(&arms, id), winner));
            let message = row_id.map(|id| keys.ids.id(id)).unwrap_or_default();
            let values = values(row, variant, message);
            match format {
                ExportFormat::Csv => text.push_str(&csv::line(values.iter().map(String::as_str))),
                ExportFormat::Ndjson => text.push_str(&ndjson(&values)),
            }
        }
        Ok((text, page.next))
    }
}

fn variant(template: &Template, arm: Arm, winner: Option<usize>) -> Option<String> {
    arm.variant(winner).and_then(|variant| template.variant_name(variant)).map(str::to_owned)
}

/// In the order of the columns.
fn values(row: ExportRow, variant: Option<String>, message: String) -> [String; 13] {
    let RecipientRecord { seq, state, flags, tries, code, sent_at, delivered_at, read_at, .. } =
        row.recipient;
    let state = serde_json::to_value(state).ok().and_then(|state| state.as_str().map(str::to_owned));
    let time = |at: Option<i64>| at.map(rfc3339).unwrap_or_default();
    let flags: Vec<String> = RecipientFlag::ALL
        .into_iter()
        .filter(|flag| flags & flag.bit() != 0)
        .filter_map(|flag| serde_json::to_value(flag).ok()?.as_str().map(str::to_owned))
        .collect();
    [
        row.lane.to_string(),
        seq.to_string(),
        row.audience.address,
        variant.unwrap_or_default(),
        // Who was never written to has no message.
        if sent_at.is_some() || tries > 0 { message } else { String::new() },
        state.unwrap_or_default(),
        Code::from_stored(code).map(|code| code.to_string()).unwrap_or_default(),
        tries.to_string(),
        time(sent_at),
        time(delivered_at),
        time(read_at),
        flags.join(" "),
        row.audience.consent,
    ]
}

fn ndjson(values: &[String; 13]) -> String {
    let pairs = COLUMNS.iter().zip(values).filter(|(_, value)| !value.is_empty());
    let object: serde_json::Map<_, _> =
        pairs.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    format!("{}\n", serde_json::Value::Object(object))
}
