//! Reads what sessions tell, from the outbox, and brings it to the campaigns. One node does, by a lease; where it has come to is
//! stored, so that nothing is missed over a crash, and what is read twice has no further effect.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::Deserialize;
use tokio::time::{sleep, timeout};
use whatsapp_campaigns::{
    outcome::Code,
    runner::{Ears, Incoming, Receipt, ReceiptKind},
};
use whatsapp_core::jid::{Jid, Server};
use whatsapp_store::{
    AccountId, Changes, Error, EventChange, EventRecord, Lease, MessageKey, MessageQuery, MessageRecord,
    Store, WorkspaceId,
};

use crate::time::now_millis;

const CONSUMER: &str = "campaigns";
const LEASE: &str = "campaigns/ears";
const TERM: i64 = 15_000;
/// Read at once.
const PAGE: u32 = 500;
/// How long it waits for a hint before it looks again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A reply is to one of so many last messages of the chat.
const LAST: u32 = 10;

/// Follows for as long as the host runs.
pub(super) async fn run(store: Arc<dyn Store>, owner: Arc<str>) {
    let mut follower = Follower { ears: Ears::new(store.clone()), store, owner, lease: None, after: None };
    loop {
        if let Err(error) = follower.round().await {
            tracing::warn!(%error, "receipts and replies of campaigns wait: it is tried again");
            follower.lease = None;
            sleep(LOOK_AGAIN).await;
        }
    }
}

struct Follower {
    store: Arc<dyn Store>,
    ears: Ears,
    owner: Arc<str>,
    lease: Option<Lease>,
    after: Option<String>,
}

/// Something about a message.
#[derive(Deserialize)]
struct Refused {
    message: MessageKey,
    #[serde(default)]
    code: Option<u16>,
}

#[derive(Deserialize)]
struct Received {
    message: MessageRecord,
}

impl Follower {
    /// Reads a page, and waits when there is nothing.
    async fn round(&mut self) -> Result<(), Error> {
        if !self.hold().await? {
            sleep(LOOK_AGAIN).await;
            return Ok(());
        }
        let events = self.store.all_events(self.after.as_deref(), PAGE).await?;
        let Some(last) = events.last().map(|event| event.position.clone()) else {
            // A hint, and no more.
            return match timeout(LOOK_AGAIN, self.store.new_events(self.after.as_deref())).await {
                Ok(hint) => hint,
                Err(_) => Ok(()),
            };
        };
        self.take(events).await?;
        let mut changes = Changes::new(WorkspaceId::default());
        changes.fence = self.lease.as_ref().map(Lease::fence);
        changes.push(EventChange::Passed { consumer: CONSUMER.to_owned(), position: last.clone() });
        self.store.commit(changes).await?;
        self.after = Some(last);
        Ok(())
    }

    async fn hold(&mut self) -> Result<bool, Error> {
        let now = now_millis();
        if self.lease.as_ref().is_some_and(|lease| lease.until - now > TERM / 2) {
            return Ok(true);
        }
        let former = self.lease.take().map(|lease| lease.token);
        self.lease =
            self.store.acquire_lease(&WorkspaceId::default(), LEASE, &self.owner, now, now + TERM).await?;
        let token = self.lease.as_ref().map(|lease| lease.token);
        if token.is_some() && token != former {
            self.after = self.store.passed(CONSUMER).await?;
        }
        Ok(token.is_some())
    }

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

    /// A message from a person, with what it may be an answer to.
    async fn incoming(&self, account: &AccountId, message: MessageRecord) -> Result<Option<Incoming>, Error> {
        let Some(from) = number(&message.key.chat).filter(|_| !message.from_me) else { return Ok(None) };
        let query =
            MessageQuery { chat: Some(message.key.chat.clone()), limit: LAST, ..MessageQuery::default() };
        let last = self.store.messages(account, &query).await?.messages;
        let ours = last.into_iter().filter(|message| message.from_me).map(|message| message.key.id);
        let text = message.content.as_text().map(str::to_owned);
        let answers = message.quoted.into_iter().chain(ours).collect();
        let account = account.to_string();
        Ok(Some(Incoming { id: message.key.id, account, from, text, answers, at: message.timestamp }))
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
