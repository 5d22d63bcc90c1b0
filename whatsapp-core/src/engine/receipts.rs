//! Receipts of others for our messages, and ours for theirs.
use std::collections::BTreeMap;

use whatsapp_store::{Change, MessageKey, MessageStatus};

use super::{CommandError, Reply, RequestId, context::Context, loads::Lookup};
use crate::{
    jid::Jid,
    stanza::receipt::{self, Receipt, ReceiptKind},
};

/// A receipt other than a request to send again.
pub(super) fn on_receipt(cx: &mut Context, receipt: &Receipt) -> Lookup {
    let status = match receipt.kind {
        ReceiptKind::Delivery | ReceiptKind::Inactive => MessageStatus::Delivered,
        ReceiptKind::Read | ReceiptKind::Played => MessageStatus::Read,
        _ => return Ok(()),
    };
    // Receipts of our own devices say nothing about the recipient.
    let who = receipt.participant.as_ref().unwrap_or(&receipt.from);
    if cx.own.is_own(who) {
        return Ok(());
    }
    let keys = receipt.ids.iter().map(|id| cx.key_of_own(&receipt.from, id)).collect::<Lookup<Vec<_>>>()?;
    // All questions at once.
    let known: Vec<_> = keys.iter().map(|key| cx.loads.status(key)).collect();
    let known = known.into_iter().collect::<Lookup<Vec<_>>>()?;
    for (key, known) in keys.into_iter().zip(known) {
        // A receipt can outrun the acknowledgement; for messages that are not ours it means nothing.
        if known.is_some() {
            cx.raise(key, status)?;
        }
    }
    Ok(())
}

/// Messages that the user read, until the people in them are known.
#[derive(Debug, Default)]
pub(super) struct ReadRequests(Vec<(RequestId, Vec<MessageKey>)>);

impl ReadRequests {
    /// The user read messages, of any chats and senders.
    pub(super) fn mark_read(&mut self, request_id: RequestId, keys: Vec<MessageKey>) {
        self.0.push((request_id, keys));
    }

    pub(super) fn pump(&mut self, cx: &mut Context) {
        for (request_id, keys) in std::mem::take(&mut self.0) {
            match read_receipts(cx, &keys) {
                Ok(Ok(())) => cx.reply(request_id, Reply::Done),
                Ok(Err(error)) => cx.reply(request_id, Reply::Failed(error)),
                Err(_) => self.0.push((request_id, keys)),
            }
        }
    }
}

/// Tells each sender which messages were read, and raises the status of those.
fn read_receipts(cx: &mut Context, keys: &[MessageKey]) -> Lookup<Result<(), CommandError>> {
    if !cx.link.is_online() {
        return Ok(Err(CommandError::NotConnected));
    }
    let mut by_sender: BTreeMap<(&str, &str), Vec<&MessageKey>> = BTreeMap::new();
    for key in keys {
        by_sender.entry((&key.chat, &key.sender)).or_default().push(key);
    }
    let mut nodes = Vec::new();
    for ((chat, sender), keys) in by_sender {
        let (Ok(chat), Ok(sender)) = (chat.parse::<Jid>(), sender.parse::<Jid>()) else {
            return Ok(Err(CommandError::NotAPerson));
        };
        let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
        let is_shared = !(chat.is_pn() || chat.is_lid());
        let to = if is_shared { chat } else { cx.wire_address(&chat)? };
        // Groups name their members by LID where they have one.
        let participant = if is_shared { Some(cx.loads.canonical(&sender)?) } else { None };
        nodes.extend(receipt::read(&to, participant.as_ref(), &ids, cx.now));
    }
    nodes.iter().for_each(|node| cx.transmit(node));
    for key in keys {
        cx.loads.put_status(key.clone(), MessageStatus::Read);
        cx.change(Change::RaiseStatus(key.clone(), MessageStatus::Read));
    }
    Ok(Ok(()))
}
