//! Tells somebody who said STOP that it was heard: once, by the node that has the session.
use whatsapp_core::jid::Jid;
use whatsapp_store::{AccountId, Content, WorkspaceId};

use crate::{events::Events, message_id, session::Sessions};

/// Follows for as long as the host runs. What happened while it did not run is not confirmed late.
pub(super) async fn run(events: Events, sessions: Sessions, text: String) {
    loop {
        match events.listen(WorkspaceId::default(), None).await {
            Ok(mut listener) => {
                while let Some(told) = listener.next().await {
                    if told.event == "campaign.opted.out" && told.data["again"] != true {
                        confirm(&sessions, &told.data, &text).await;
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "opt-outs are not confirmed for a moment"),
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

async fn confirm(sessions: &Sessions, data: &serde_json::Value, text: &str) {
    let (Some(session), Some(to), Some(reply)) =
        (data["sessionId"].as_str(), data["from"].as_str(), data["replyId"].as_str())
    else {
        return;
    };
    let Ok(account) = session.parse::<AccountId>() else { return };
    // Of a session that runs on another node, that node tells.
    let Ok(client) = sessions.client(&account) else { return };
    if let Err(error) = client.send_as(&message_id::of(reply), &Jid::pn(to), Content::text(text)).await {
        tracing::warn!(%account, %error, "an opt-out was not confirmed");
    }
}
