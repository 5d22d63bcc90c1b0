//! Routes each stanza to its flow.
use super::{Engine, loads::Lookup, login, receipts, reconnect::Recovery};
use crate::{
    binary::{NodeRef, Stanza},
    event::DisconnectReason,
    jid::Jid,
    stanza::{
        ack::{self, Ack},
        connection::{self, Ib},
        iq,
        notification::{Notification, NotificationKind},
        receipt::Receipt,
    },
};

use super::Request;

impl Engine {
    /// One stanza, handled completely or, when a record must be loaded first, not at all.
    pub(super) fn on_stanza(&mut self, stanza: &Stanza) -> Lookup {
        let node = stanza.root();
        match node.tag() {
            "message" => self.receiver.on_message(&mut self.cx, &mut self.directory, node)?,
            "receipt" => self.on_receipt(node)?,
            "notification" => self.on_notification(node)?,
            "iq" => self.on_iq(node)?,
            _ => self.on_connection_stanza(node)?,
        }
        if node.attr("offline").is_some() {
            self.offline.on_stanza(&mut self.cx);
        }
        Ok(())
    }

    /// Acknowledges it once its effect is durable.
    fn on_receipt(&mut self, node: NodeRef<'_>) -> Lookup {
        let cx = &mut self.cx;
        match Receipt::parse(node) {
            Ok(receipt) => match &receipt.retry {
                // Answered when the message has been sent again.
                Some(request) => {
                    let answer = ack::ack_for(node, None);
                    return self.resends.on_retry(cx, &self.sends.outbox, &receipt, request, answer);
                }
                None => receipts::on_receipt(cx, &receipt)?,
            },
            Err(error) => tracing::warn!(%error, "a receipt is not readable"),
        }
        cx.acknowledge(node, None);
        Ok(())
    }

    /// Acknowledges it, whatever its content.
    fn on_notification(&mut self, node: NodeRef<'_>) -> Lookup {
        let cx = &mut self.cx;
        match Notification::parse(node) {
            Ok(notification) => match &notification.kind {
                NotificationKind::LowPreKeys { .. } => self.pre_keys.refill(cx),
                NotificationKind::IdentityChange => {
                    self.directory.on_identity_change(cx, &notification.from)?
                }
                NotificationKind::Devices => self.directory.on_devices_changed(cx, &notification.from)?,
                NotificationKind::LinkCode => self.pairing.on_link_code(cx, node),
                _ => {}
            },
            Err(error) => tracing::warn!(%error, "a notification is not readable"),
        }
        cx.acknowledge(node, None);
        Ok(())
    }

    fn on_iq(&mut self, node: NodeRef<'_>) -> Lookup {
        let Some(id) = node.attr_text("id") else { return Ok(()) };
        match node.attr_text("type") {
            Some("result" | "error") => self.on_reply(id, node),
            _ => {
                if !self.pairing.on_iq(&mut self.cx, id, node)? {
                    // Pings, also those without a type, and unknown requests: every request gets an answer.
                    self.cx.transmit(&iq::result(id, Jid::SERVICE));
                }
                Ok(())
            }
        }
    }

    /// Stanzas that speak of the connection itself.
    fn on_connection_stanza(&mut self, node: NodeRef<'_>) -> Lookup {
        let cx = &mut self.cx;
        match node.tag() {
            "success" => {
                login::on_success(cx, node)?;
                self.offline.disconnected();
                self.pre_keys.rotate_if_due(cx);
            }
            "failure" => cx.on_failure(&connection::parse_failure(node)),
            "stream:error" => cx.on_stream_error(&connection::parse_stream_error(node)),
            "ib" => self.on_ib(node),
            "ack" => self.on_ack(node)?,
            "call" => cx.acknowledge(node, None),
            "xmlstreamend" => cx.end(DisconnectReason::StreamEnded(0), Recovery::Passing),
            // Presence and chat states need no answer.
            "presence" | "chatstate" => {}
            tag => {
                tracing::debug!(tag, "an unknown stanza");
                cx.acknowledge(node, None);
            }
        }
        Ok(())
    }

    fn on_ack(&mut self, node: NodeRef<'_>) -> Lookup {
        let Ok(ack) = Ack::parse(node) else { return Ok(()) };
        if ack.class == "message" && !self.resends.acknowledged(&ack.id, &ack.from) {
            self.sends.on_ack(&mut self.cx, &mut self.directory, &ack)?;
        }
        Ok(())
    }

    fn on_ib(&mut self, node: NodeRef<'_>) {
        let cx = &mut self.cx;
        for child in connection::parse_ib(node) {
            match child {
                Ib::EdgeRouting(routing) => login::on_edge_routing(cx, &routing),
                Ib::OfflinePreview { count } => self.offline.on_preview(cx, count),
                Ib::Offline { count } => self.offline.on_done(cx, count),
                Ib::Dirty { kind, timestamp } => {
                    let clean = connection::clean_dirty(&kind, timestamp.as_deref());
                    cx.request(clean, Request::Active);
                }
                _ => {}
            }
        }
    }
}
