//! What others tell of our messages, and what we tell of theirs.
use whatsapp_store::{Change, MessageKey, MessageStatus};

use super::{CommandError, Engine, Flow, Reply, Ticket, handover::Place};
use crate::{
    binary::NodeRef,
    jid::Jid,
    stanza::{
        ack,
        receipt::{self, Receipt, ReceiptKind},
    },
    time::Timestamp,
};

impl Engine {
    /// One receipt stanza; it is acknowledged once its effect is durable.
    pub(super) fn on_receipt(&mut self, now: Timestamp, node: NodeRef<'_>) -> Flow {
        let receipt = match Receipt::parse(node) {
            Ok(receipt) => receipt,
            Err(error) => {
                tracing::warn!(%error, "a receipt is not readable");
                self.acknowledge(now, node, None);
                return Flow::Done;
            }
        };
        if let Some(request) = &receipt.retry {
            return self.on_retry(now, &receipt, request, ack::ack_for(node, None));
        }
        let flow = match receipt.kind {
            ReceiptKind::Delivery | ReceiptKind::Inactive => {
                self.on_progress(&receipt, MessageStatus::Delivered)
            }
            ReceiptKind::Read | ReceiptKind::Played => self.on_progress(&receipt, MessageStatus::Read),
            _ => Flow::Done,
        };
        if let Flow::Done = flow {
            self.acknowledge(now, node, None);
        }
        flow
    }

    fn on_progress(&mut self, receipt: &Receipt, status: MessageStatus) -> Flow {
        // Receipts of our own devices say nothing about the recipient.
        let who = receipt.participant.as_ref().unwrap_or(&receipt.from);
        if self.device.is_own(who) {
            return Flow::Done;
        }
        if let Flow::Wait = self.know_person(&receipt.from) {
            return Flow::Wait;
        }
        let places: Vec<_> = receipt.ids.iter().map(|id| self.stored_place(&receipt.from, id)).collect();
        if places.iter().any(|place| matches!(place, Place::Unknown)) {
            return Flow::Wait;
        }
        for place in places {
            // A receipt can outrun the acknowledgement; for messages that are not ours it means nothing.
            if let Place::At(key) = place {
                self.raise(key, status);
            }
        }
        Flow::Done
    }

    /// The user read messages of one chat and sender.
    pub(super) fn mark_read(&mut self, now: Timestamp, ticket: Ticket, keys: &[MessageKey]) {
        let reply = match self.read_receipt(now, keys) {
            Ok(()) => Reply::Done,
            Err(error) => Reply::Failed(error),
        };
        self.step.replies.push((ticket, reply));
    }

    fn read_receipt(&mut self, now: Timestamp, keys: &[MessageKey]) -> Result<(), CommandError> {
        if !self.is_online() {
            return Err(CommandError::NotConnected);
        }
        let Some(first) = keys.first() else { return Ok(()) };
        let chat: Jid = first.chat.parse().map_err(|_| CommandError::NotAPerson)?;
        let sender: Jid = first.sender.parse().map_err(|_| CommandError::NotAPerson)?;
        let ids: Vec<&str> =
            keys.iter().filter(|key| key.chat == first.chat).map(|key| key.id.as_str()).collect();
        let to = if chat.is_group() { chat.clone() } else { self.wire_address(&self.peers.canonical(&chat)) };
        for node in receipt::read(&to, chat.is_group().then_some(&sender), &ids, now) {
            self.transmit(now, &node);
        }
        for key in keys {
            self.statuses.put(key.clone(), Some(MessageStatus::Read));
            self.step.change(Change::RaiseStatus(key.clone(), MessageStatus::Read));
        }
        Ok(())
    }
}
