//! After the handshake: the server's `success`, and what a client does then.
//!
//! ```text
//!   success ──► active ──► prekeys (count, upload, digest) ──► offline queue ──► presence
//! ```
//! No step waits for the one before it, so an unanswered step stops nothing.
use bytes::Bytes;

use super::{
    Request,
    context::Context,
    loads::Lookup,
    trust::{self, Source},
};
use crate::{
    binary::NodeRef,
    event::Event,
    jid::Jid,
    stanza::{connection, prekeys},
};

/// The server accepted our login.
pub(super) fn on_success(cx: &mut Context, node: NodeRef<'_>) -> Lookup {
    // Seen by others before pairing was complete; it means nothing then.
    let Some(own) = cx.own.device.jid.clone() else { return Ok(()) };
    let success = connection::parse_success(node);
    // Once it is known, another one is not ours.
    let known = cx.own.device.lid.clone();
    let is_ours = |lid: &Jid| lid.is_person_lid() && known.as_ref().is_none_or(|known| known.same_user(lid));
    if let Some(lid) = success.lid.filter(is_ours) {
        trust::learn(cx, &own, &lid, Source::Phone)?;
        cx.own.device.lid = Some(lid.with_device(own.device));
    }
    if let Some(t) = success.t {
        cx.own.server_clock.set(t, cx.now);
    }
    cx.link.reconnect.connected(cx.now);
    cx.own.logged_in();
    cx.link.go_online();
    greet(cx);
    let lid = cx.own.device.lid.clone();
    cx.tell(Event::Connected { jid: own, lid });
    Ok(())
}

fn greet(cx: &mut Context) {
    cx.request(prekeys::count_query(), Request::PreKeyCount);
    cx.request(connection::passive_iq(false), Request::Active);
    cx.transmit(&connection::unified_session(&unified_session_id(cx)));
    if cx.own.is_available() {
        let presence = connection::presence(true, cx.own.push_name());
        cx.transmit(&presence);
    }
}

/// `(now + skew + 3 days) mod 7 days`, in milliseconds (protocol notes 2.5).
fn unified_session_id(cx: &Context) -> String {
    const DAY: i128 = 86_400_000;
    (cx.own.server_clock.millis(cx.now) + 3 * DAY).rem_euclid(7 * DAY).to_string()
}

/// Bytes for the pre-intro of the next connection.
pub(super) fn on_edge_routing(cx: &mut Context, routing: &Bytes) {
    cx.own.device.edge_routing = Some(routing.to_vec());
    cx.own.save();
}
