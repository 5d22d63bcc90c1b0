//! Receipts and refusals of sessions, from the outbox to the campaigns.
use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::Deserialize;
use whatsapp_campaigns::{
    outcome::Code,
    runner::{Ears, Receipt, ReceiptKind},
};
use whatsapp_core::jid::{Jid, Server};
use whatsapp_store::{Error, EventRecord, MessageKey, WorkspaceId};

use crate::{consumer::Ear, time::now_millis};

/// Brings what happened to the campaigns.
pub(super) struct Follower {
    pub(super) ears: Ears,
}

/// Something about a message.
#[derive(Deserialize)]
struct Refused {
    message: MessageKey,
    #[serde(default)]
    code: Option<u16>,
}

#[async_trait]
impl Ear for Follower {
    /// Those of a workspace together.
    async fn take(&self, events: Vec<EventRecord>) -> Result<(), Error> {
        let mut receipts = BTreeMap::<WorkspaceId, Vec<Receipt>>::new();
        for event in events {
            if let Some(receipt) = receipt(&event) {
                receipts.entry(event.workspace).or_default().push(receipt);
            }
        }
        for (workspace, receipts) in receipts {
            self.ears.receipts(&workspace, &receipts, now_millis()).await?;
        }
        Ok(())
    }
}

/// What an event says of a message of ours.
fn receipt(event: &EventRecord) -> Option<Receipt> {
    let of = |key: MessageKey, kind| Some(Receipt { to: number(&key.chat)?, id: key.id, kind });
    let kind = match event.key.as_str() {
        "message.sent" => ReceiptKind::Sent,
        "message.delivered" => ReceiptKind::Delivered,
        "message.read" => ReceiptKind::Read,
        "message.refused" => {
            let refused: Refused = serde_json::from_str(&event.data).ok()?;
            let code = Code::from_stored(refused.code?)?;
            return of(refused.message, ReceiptKind::Refused(code));
        }
        _ => return None,
    };
    of(serde_json::from_str(&event.data).ok()?, kind)
}

/// The number of a chat with one person.
fn number(chat: &str) -> Option<String> {
    let jid: Jid = chat.parse().ok()?;
    (jid.server == Server::User).then(|| jid.user.to_string())
}
