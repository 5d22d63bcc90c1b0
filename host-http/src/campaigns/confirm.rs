//! Tells somebody who asked for no more messages, or for messages, that it was heard: once, by the node that has the session.
use serde_json::Value;
use whatsapp_core::jid::Jid;
use whatsapp_store::{AccountId, Content, WorkspaceId};

use crate::{
    events::{Events, Told},
    message_id,
    session::Sessions,
};

/// Follows for as long as the host runs. What happened while it did not run is not confirmed late. `goodbye` is told to whoever
/// opted out, unless it is empty; whoever opted in is told what the workspace says.
pub(super) async fn run(events: Events, sessions: Sessions, goodbye: String) {
    loop {
        match events.listen(WorkspaceId::default(), None).await {
            Ok(mut listener) => {
                while let Some(told) = listener.next().await {
                    if let Some(text) = confirmation(&told, &goodbye) {
                        confirm(&sessions, &told.data, text).await;
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "opt-outs are not confirmed for a moment"),
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

fn confirmation<'a>(told: &'a Told, goodbye: &'a str) -> Option<&'a str> {
    let text = match told.event.as_str() {
        "campaign.opted.out" => goodbye,
        "campaign.opted.in" => told.data["confirmation"].as_str()?,
        _ => return None,
    };
    (!text.is_empty() && told.data["again"] != true).then_some(text)
}

/// The address of a person, as campaigns know people.
fn address(person: &str) -> Option<Jid> {
    if person.contains('@') { person.parse().ok() } else { Some(Jid::pn(person)) }
}

async fn confirm(sessions: &Sessions, data: &Value, text: &str) {
    let (Some(session), Some(to), Some(reply)) =
        (data["sessionId"].as_str(), data["from"].as_str().and_then(address), data["replyId"].as_str())
    else {
        return;
    };
    let Ok(account) = session.parse::<AccountId>() else { return };
    // Of a session that runs on another node, that node tells.
    let Ok(client) = sessions.client(&account) else { return };
    // A message and its edits may each ask for something else.
    let asked = match data["editedAt"].as_i64() {
        Some(at) => format!("{reply}/{at}"),
        None => reply.to_owned(),
    };
    if let Err(error) = client.send_as(&message_id::of(&asked), &to, Content::text(text)).await {
        tracing::warn!(%account, %error, "an opt-out or opt-in was not confirmed");
    }
}
