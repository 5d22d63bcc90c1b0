//! Events from outside, which start flows and end waits.
use axum::{Json, extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use whatsapp_bots::{Input, runner::Heard};
use whatsapp_core::jid::Jid;
use whatsapp_store::{AccountId, PersonAddress};

use super::{
    super::{person, session_id},
    conversations::shown,
};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::Body,
};

/// Bytes of a name or an id.
const LONGEST: usize = 200;

/// Body of `POST /api/chatbots/events`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Happening {
    name: String,
    #[serde(default)]
    data: Value,
    session_id: String,
    to: String,
    id: Option<String>,
}

/// `POST /api/chatbots/events`: tells a chat's bot what happened. Heard once for each `id` or header `Idempotency-Key`; nobody is
/// written to who did not agree, unless the conversation waits for it.
pub async fn tell(
    State(app): State<App>,
    headers: HeaderMap,
    Body(happening): Body<Happening>,
) -> ApiResult<Json<Value>> {
    let account = session_id(&happening.session_id)?;
    app.sessions.record(&account).await?;
    let chat = chat(&app, &account, person::chat(&app, &account, "to", &happening.to).await?).await?;
    let id = named(&headers, happening.id.as_deref())?;
    if !(1..=LONGEST).contains(&happening.name.len()) {
        return Err(ApiError::bad_request(format!("name: 1 to {LONGEST} bytes")));
    }
    let input = Input::Event { name: happening.name, data: happening.data };
    let outcome = match app.bots.hear(&account, &chat, &format!("event/{id}"), &input, "").await? {
        Heard::Answered => "answered",
        Heard::Again => "again",
        Heard::Nobody => "nobody",
        Heard::Refused(why) => return Err(ApiError::conflict(why.to_string())),
    };
    let stored = app.store.conversation(&account, &chat).await?;
    let conversation = stored.as_ref().map(shown).unwrap_or_default();
    Ok(Json(json!({ "id": id, "outcome": outcome, "conversation": conversation })))
}

/// What the event is known by; without a name it is one of its own each time.
fn named(headers: &HeaderMap, id: Option<&str>) -> ApiResult<String> {
    let header = headers.get("idempotency-key").map(|key| key.to_str().unwrap_or_default());
    let id = match (id, header) {
        (Some(id), Some(key)) if id != key => {
            return Err(ApiError::bad_request("id and Idempotency-Key name two events: give one of them"));
        }
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => return Ok(format!("{:016x}", rand::random::<u64>())),
    };
    if !(1..=LONGEST).contains(&id.len()) {
        return Err(ApiError::bad_request(format!("id, or Idempotency-Key: 1 to {LONGEST} bytes")));
    }
    Ok(id.to_owned())
}

/// The chat with a person: by the number where it is known.
async fn chat(app: &App, account: &AccountId, to: Jid) -> ApiResult<String> {
    let to = to.to_non_device();
    if !to.is_pn() && !to.is_lid() {
        return Err(ApiError::bad_request("to: bots talk with people, and this is the address of no person"));
    }
    if !to.is_lid() {
        return Ok(to.to_string());
    }
    let people = app.store.people(account, &[PersonAddress::Lid(to.user.to_string())]).await?;
    let number = people.into_iter().flatten().find_map(|person| person.pn);
    Ok(number.map_or(to, Jid::pn).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_one_name() {
        let mut headers = HeaderMap::new();
        assert_eq!(named(&headers, Some("a")).unwrap(), "a");
        assert_ne!(named(&headers, None).unwrap(), named(&headers, None).unwrap());
        headers.insert("idempotency-key", "b".parse().unwrap());
        assert_eq!(named(&headers, None).unwrap(), "b");
        assert_eq!(named(&headers, Some("b")).unwrap(), "b");
        assert!(named(&headers, Some("a")).is_err());
        assert!(named(&HeaderMap::new(), Some("")).is_err());
        assert!(named(&HeaderMap::new(), Some(&"x".repeat(201))).is_err());
    }
}
