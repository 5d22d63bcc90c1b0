//! Protocol messages between our own devices. Those that this version does not use yet are kept for a later version.
use bytes::Bytes;
use prost::Message as _;
use whatsapp_store::{AppStateChange, NoticeChange, NoticeRecord};

use super::context::Context;
use crate::{
    event::{Event, PushName},
    proto::message::{AppStateSyncKeyShare, ProtocolMessage},
    stanza::connection,
};

/// The location of a history. The whole message is kept, since it holds the location and the key.
const HISTORY: &str = "history_sync_notification";

/// The phone's own messages carry its push name. The client learns the name from them until app state is read.
pub(super) fn learn_push_name(cx: &mut Context, name: &str) {
    let name = name.trim();
    if name.is_empty() || cx.own.device.push_name.as_deref() == Some(name) {
        return;
    }
    cx.own.device.push_name = Some(name.to_owned());
    cx.own.save();
    cx.tell(Event::PushName { name: PushName(name.to_owned()) });
    // Visible from now on, and not only after the next login.
    if cx.link.is_online() && cx.own.is_available() {
        let presence = connection::presence(true, cx.own.push_name());
        cx.transmit(&presence);
    }
}

/// A protocol message. Only our own devices may send us keys and histories; from others they are ignored.
pub(super) fn on_message(
    cx: &mut Context,
    id: &str,
    protocol: &ProtocolMessage,
    plaintext: &[u8],
    is_ours: bool,
) {
    tracing::debug!(kind = protocol.r#type.unwrap_or_default(), is_ours, id, "protocol message");
    if !is_ours {
        return;
    }
    if let Some(share) = &protocol.app_state_sync_key_share {
        keep_keys(cx, share);
    }
    if protocol.history_sync_notification.is_some() {
        keep(cx, HISTORY, id, plaintext);
    }
}

fn keep_keys(cx: &mut Context, share: &AppStateSyncKeyShare) {
    for key in &share.keys {
        let id = key.key_id.as_ref().and_then(|id| id.key_id.clone());
        let (Some(id), Some(data)) = (id.filter(|id| !id.is_empty()), &key.key_data) else { continue };
        cx.change(AppStateChange::PutKey { id, key: data.encode_to_vec().into() });
    }
}

/// Keeps a plaintext as it came.
pub(super) fn keep(cx: &mut Context, kind: &str, id: &str, plaintext: &[u8]) {
    cx.change(NoticeChange::Put(NoticeRecord {
        kind: kind.to_owned(),
        id: id.to_owned(),
        received_at: cx.now.as_millis() as i64,
        payload: Bytes::copy_from_slice(plaintext),
    }));
}
