//! Events as a stream (server-sent events), with resumption by event id.
use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt, future, stream};
use whatsapp_store::{ErrorKind, WorkspaceId};

use super::Id;
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    events::{EVENTS_RESET, Told},
};

/// `GET /api/events`: of all sessions.
pub async fn all(
    State(app): State<App>,
    headers: HeaderMap,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    stream_of(&app, &headers, None).await
}

/// `GET /api/sessions/{id}/events`: of one session.
pub async fn of_session(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    app.sessions.record(&id).await?;
    stream_of(&app, &headers, Some(id.to_string())).await
}

async fn stream_of(
    app: &App,
    headers: &HeaderMap,
    session: Option<String>,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>> {
    let last = match headers.get("last-event-id").map(|value| value.to_str()) {
        None => None,
        Some(Ok(last)) => Some(last),
        Some(Err(_)) => return Err(no_such_event()),
    };
    if app.events.is_full() {
        return Err(ApiError::unavailable(
            "too many listen to events on this node: close streams that nobody reads",
        ));
    }
    let listener = app.events.listen(WorkspaceId::default(), last).await;
    let listener = listener.map_err(|error| match error.kind() {
        ErrorKind::Invalid => no_such_event(),
        _ => error.into(),
    })?;
    let mut stop = app.watch_stop();
    let told = stream::unfold(listener, |mut listener| async { Some((listener.next().await?, listener)) });
    // What is no session's own concerns all.
    let wanted =
        move |told: &Told| session.is_none() || told.session_id == session || told.event == EVENTS_RESET;
    let events = told.filter(move |told| future::ready(wanted(told))).map(|told| {
        let event = Event::default().id(&told.event_id).event(&told.event);
        Ok(event.json_data(&told).unwrap_or_default())
    });
    // The sender lives as long as the host; both outcomes mean the end.
    let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
    let events = events.take_until(Box::pin(stopped));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

fn no_such_event() -> ApiError {
    ApiError::bad_request("Last-Event-ID is the eventId of an event, or 0 for all that are kept")
}
