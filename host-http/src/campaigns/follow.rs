//! Receipts, refusals and replies of sessions, from the outbox to the campaigns.
use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use serde::Deserialize;
use whatsapp_campaigns::{
    outcome::Code,
    runner::{Ears, Incoming, Receipt, ReceiptKind},
};
use whatsapp_core::jid::{Jid, Server};
use whatsapp_store::{
    AccountId, Error, EventRecord, MessageKey, MessageQuery, MessageRecord, Store, WorkspaceId,
};

use crate::{consumer::Ear, time::now_millis};

/// A reply is to one of so many last messages of the chat.
const LAST: u32 = 10;

/// Brings what happened to the campaigns.
pub(super) struct Follower {
    pub(super) store: Arc<dyn Store>,
    pub(super) ears: Ears,
}

/// Something about a message.
#[derive(Deserialize)]
struct Refused {
    message: MessageKey,
    #[serde(default)]
    code: Option<u16>,
}

/// The data of `message.received`.
#[derive(Deserialize)]
pub(crate) struct Received {
    pub(crate) message: MessageRecord,
}

#[async_trait]
impl Ear for Follower {
    /// Receipts of a workspace together, replies one by one.
    async fn take(&self, events: Vec<EventRecord>) -> Result<(), Error> {
        let mut receipts = BTreeMap::<WorkspaceId, Vec<Receipt>>::new();
        for event in events {
            if let Some(receipt) = receipt(&event) {
                receipts.entry(event.workspace).or_default().push(receipt);
            } else if event.key == "message.received"
                && let Some(account) = &event.account
                && let Ok(Received { message }) = serde_json::from_str(&event.data)
                && let Some(incoming) = self.incoming(account, message).await?
            {
                self.ears.incoming(&event.workspace, &incoming).await?;
            }
        }
        for (workspace, receipts) in receipts {
            self.ears.receipts(&workspace, &receipts, now_millis()).await?;
        }
        Ok(())
    }
}

impl Follower {
    /// A message from a person, with what it may be an answer to.
    async fn incoming(&self, account: &AccountId, message: MessageRecord) -> Result<Option<Incoming>, Error> {
        let Some(from) = number(&message.key.chat).filter(|_| !message.from_me) else { return Ok(None) };
        let last = last_of(&*self.store, account, &message).await?;
        let answers = answers(&message, &last);
        let text = message.content.as_text().map(str::to_owned);
        let account = account.to_string();
        Ok(Some(Incoming { id: message.key.id, account, from, text, answers, at: message.timestamp }))
    }
}

/// The last messages of a message's chat.
///
/// # Errors
/// When they cannot be read.
pub(crate) async fn last_of(
    store: &dyn Store,
    account: &AccountId,
    message: &MessageRecord,
) -> Result<Vec<MessageRecord>, Error> {
    let query = MessageQuery { chat: Some(message.key.chat.clone()), limit: LAST, ..MessageQuery::default() };
    Ok(store.messages(account, &query).await?.messages)
}

/// What a message may be an answer to, of the last ones of its chat: the one it quotes, then our own.
pub(crate) fn answers(message: &MessageRecord, last: &[MessageRecord]) -> Vec<String> {
    let ours = last.iter().filter(|other| other.from_me).map(|other| other.key.id.clone());
    message.quoted.iter().cloned().chain(ours).collect()
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
pub(crate) fn number(chat: &str) -> Option<String> {
    let jid: Jid = chat.parse().ok()?;
    (jid.server == Server::User).then(|| jid.user.to_string())
}
