//! Tells somebody who said STOP that it was heard: once, by the node that has the session.
use whatsapp_core::jid::Jid;
use whatsapp_store::{AccountId, Content, WorkspaceId};

use crate::{events::Events, session::Sessions};

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
    if let Err(error) = client.send_as(&id(reply), &Jid::pn(to), Content::text(text)).await {
        tracing::warn!(%account, %error, "an opt-out was not confirmed");
    }
}

/// An id that follows from the message that is answered: told twice, it is sent once. FNV-1a, from two ends.
fn id(reply: &str) -> String {
    let hash = |bytes: &mut dyn Iterator<Item = u8>| {
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    };
    let (forwards, backwards) = (hash(&mut reply.bytes()), hash(&mut reply.bytes().rev()));
    format!("3EB0{forwards:016X}{:02X}", backwards & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_answer_has_one_id_of_the_right_shape() {
        assert_eq!(id("A1"), id("A1"));
        assert_ne!(id("A1"), id("A2"));
        assert!(id("").len() == 22 && id("x").starts_with("3EB0"));
    }
}
