//! What a test may do with the simulated network.
use std::convert::Infallible;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{
        IntoResponse,
        sse::{Event, Sse},
    },
};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use whatsapp_core::{
    jid::Jid,
    sim::{
        Behaviour, Fault, SimError,
        runtime::{Ended, Simulator, SimulatorError},
    },
};
use whatsapp_store::Content;

use crate::{
    error::{ApiError, ApiResult},
    extract::Body,
};

impl From<SimulatorError> for ApiError {
    fn from(error: SimulatorError) -> Self {
        match error {
            SimulatorError::Refused(
                refused
                @ (SimError::UnknownPerson(_) | SimError::UnknownMenu(_) | SimError::UnknownChoice(_)),
            ) => Self::not_found(refused.to_string()),
            SimulatorError::Refused(refused) => Self::bad_request(refused.to_string()),
            error => Self::unavailable(error.to_string()),
        }
    }
}

impl From<Ended> for ApiError {
    fn from(error: Ended) -> Self {
        Self::unavailable(error.to_string())
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ScanQuery {
    phone: Option<String>,
}

/// `POST /admin/mock-phone/scan-qr[?phone=]`: the body is the QR text. Without a number, the push name that the device
/// registered under names the phone.
pub(super) async fn scan_qr(
    State(simulator): State<Simulator>,
    Query(query): Query<ScanQuery>,
    text: String,
) -> ApiResult<Json<Value>> {
    let jid = simulator.scan_qr(&text, query.phone.as_deref()).await?;
    Ok(Json(json!({ "jid": jid.to_string(), "phone": jid.user.as_str() })))
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct EnterCode {
    phone: String,
    code: String,
}

/// `POST /admin/mock-phone/enter-code`: a pair code is typed on a phone.
pub(super) async fn enter_code(
    State(simulator): State<Simulator>,
    Body(typed): Body<EnterCode>,
) -> ApiResult<StatusCode> {
    simulator.enter_pair_code(&typed.phone, &typed.code).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody with `phone` and `name`, or `count` people with numbers in a row.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPeople {
    phone: Option<String>,
    from: Option<String>,
    count: Option<u32>,
    name: Option<String>,
    #[serde(default)]
    behaviour: Behaviour,
}

/// `POST /admin/people`.
pub(super) async fn add_people(
    State(simulator): State<Simulator>,
    Body(new): Body<NewPeople>,
) -> ApiResult<(StatusCode, Json<Value>)> {
    let NewPeople { phone, from, count, name, behaviour } = new;
    let answer = match (phone, from, count) {
        (Some(phone), None, None) => {
            let name = name.ok_or_else(|| ApiError::bad_request("name: what is this person called?"))?;
            add_person(&simulator, phone, &name, behaviour).await?
        }
        (None, Some(from), Some(count)) => {
            let name = name.as_deref().unwrap_or("Person");
            simulator.add_people(&from, count, name, behaviour).await?;
            json!({ "from": from, "count": count })
        }
        _ => return Err(ApiError::bad_request("give either phone and name, or from and count")),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn add_person(
    simulator: &Simulator,
    phone: String,
    name: &str,
    behaviour: Behaviour,
) -> ApiResult<Value> {
    let jid = simulator.add_person(&phone, name, behaviour).await?;
    let lid =
        simulator.with(move |network, _| network.lid_of(&phone)).await?.map_err(SimulatorError::from)?;
    Ok(json!({ "jid": jid.to_string(), "lid": lid.to_string() }))
}

/// `GET /admin/people`.
pub(super) async fn people(State(simulator): State<Simulator>) -> ApiResult<Json<Value>> {
    let people = simulator
        .with(|network, _| {
            let people = network.people().into_iter();
            let lid = |phone: &str| network.lid_of(phone).map(|lid| lid.to_string()).ok();
            people
                .map(|(phone, name)| json!({ "lid": lid(&phone), "phone": phone, "name": name }))
                .collect::<Vec<_>>()
        })
        .await?;
    Ok(Json(json!({ "people": people })))
}

/// Either a text or any content.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Say {
    to: String,
    text: Option<String>,
    content: Option<Content>,
}

/// `POST /admin/people/{phone}/send`: somebody writes, to a number or an address. A file is described alone: nobody has its
/// bytes.
pub(super) async fn send(
    State(simulator): State<Simulator>,
    Path(phone): Path<String>,
    Body(say): Body<Say>,
) -> ApiResult<Json<Value>> {
    let to = if say.to.contains('@') { address(&say.to)? } else { Jid::pn(say.to.trim_start_matches('+')) };
    let id = match (say.text, say.content) {
        (Some(text), None) => simulator.send_as(&phone, &to, &text).await?,
        (None, Some(content)) => simulator.send_content_as(&phone, &to, content).await?,
        _ => return Err(ApiError::bad_request("give either text or content")),
    };
    Ok(Json(json!({ "id": id })))
}

/// A choice of a menu, by the ids of the menu's message and of the button or row.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tap {
    message: String,
    choice: String,
}

/// `POST /admin/people/{phone}/tap`: somebody taps on a button or a row.
pub(super) async fn tap(
    State(simulator): State<Simulator>,
    Path(phone): Path<String>,
    Body(tap): Body<Tap>,
) -> ApiResult<Json<Value>> {
    let id = simulator.tap(&phone, &tap.message, &tap.choice).await?;
    Ok(Json(json!({ "id": id })))
}

/// `GET /admin/people/{phone}/inbox`.
pub(super) async fn inbox(
    State(simulator): State<Simulator>,
    Path(phone): Path<String>,
) -> ApiResult<Json<Value>> {
    Ok(Json(json!(simulator.inbox(&phone).await?)))
}

/// `POST /admin/people/{phone}/behaviour`.
pub(super) async fn behaviour(
    State(simulator): State<Simulator>,
    Path(phone): Path<String>,
    Body(behaviour): Body<Behaviour>,
) -> ApiResult<StatusCode> {
    let set = simulator.with(move |network, _| network.set_behaviour(&phone, behaviour)).await?;
    set.map_err(SimulatorError::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What people with numbers in a row do.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Behaviours {
    from: String,
    count: u32,
    behaviour: Behaviour,
}

/// `POST /admin/people/behaviour`.
pub(super) async fn behaviours(
    State(simulator): State<Simulator>,
    Body(Behaviours { from, count, behaviour }): Body<Behaviours>,
) -> ApiResult<StatusCode> {
    let set = simulator.with(move |network, _| network.set_behaviours(&from, count, &behaviour)).await?;
    set.map_err(SimulatorError::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /admin/ledger`: what people were shown by others, one JSON object a line.
pub(super) async fn ledger(State(simulator): State<Simulator>) -> ApiResult<impl IntoResponse> {
    let entries = simulator.ledger().await?;
    let mut lines = Vec::new();
    for entry in &entries {
        serde_json::to_writer(&mut lines, entry)
            .map_err(|error| ApiError::internal(format!("the ledger cannot be written: {error}")))?;
        lines.push(b'\n');
    }
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], lines))
}

/// `GET /admin/devices`: public keys and signatures, and the certificate chain that clients are shown.
pub(super) async fn devices(State(simulator): State<Simulator>) -> ApiResult<Json<Value>> {
    let answer = simulator.with(|network, _| {
        let chain = data_encoding::BASE64.encode(&network.certificate_chain());
        json!({ "devices": network.devices(), "certificateChain": chain })
    });
    Ok(Json(answer.await?))
}

/// `POST /admin/devices/{jid}/unlink`: the phone unlinks a device.
pub(super) async fn unlink(
    State(simulator): State<Simulator>,
    Path(jid): Path<String>,
) -> ApiResult<StatusCode> {
    let jid = address(&jid)?;
    let unlinked = simulator.with(move |network, now| network.unlink_device(now, &jid)).await?;
    unlinked.map_err(SimulatorError::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /admin/faults`: something goes wrong.
pub(super) async fn faults(
    State(simulator): State<Simulator>,
    Body(fault): Body<Fault>,
) -> ApiResult<StatusCode> {
    let done = simulator.with(move |network, _| network.inject(fault)).await?;
    done.map_err(SimulatorError::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /admin/unknown`: what was asked and not understood.
pub(super) async fn unknown(State(simulator): State<Simulator>) -> ApiResult<Json<Value>> {
    let unknown = simulator.unknown_requests().await?;
    let unknown: Vec<_> =
        unknown.iter().map(|(what, count)| json!({ "what": what, "count": count })).collect();
    Ok(Json(json!({ "unknown": unknown })))
}

/// `GET /admin/unanswered`: what devices were handed and have not answered.
pub(super) async fn unanswered(State(simulator): State<Simulator>) -> ApiResult<Json<Value>> {
    Ok(Json(json!({ "unanswered": simulator.unanswered().await? })))
}

/// `GET /admin/events`: everything that happens, as server-sent events.
pub(super) async fn events(
    State(simulator): State<Simulator>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = stream::unfold(simulator.events(), async |mut events| {
        let event = events.recv().await.ok()?;
        Some((Ok(Event::default().json_data(&event).unwrap_or_default()), events))
    });
    Sse::new(events)
}

fn address(text: &str) -> ApiResult<Jid> {
    text.parse().map_err(|error| ApiError::bad_request(format!("{error}")))
}
