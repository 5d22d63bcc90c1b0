//! Events as a stream (server-sent events), with resumption by event id.
use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt, future, stream};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::Id;
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    events::Told,
};

/// `GET /api/events`: of all sessions.
pub async fn all(
    State(app): State<App>,
    headers: HeaderMap,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    stream_of(&app, &headers, None)
}

/// `GET /api/sessions/{id}/events`: of one session.
pub async fn of_session(
    State(app): State<App>,
    Id(id): Id,
    headers: HeaderMap,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    app.sessions.record(&id).await?;
    stream_of(&app, &headers, Some(id.to_string()))
}

fn stream_of(
    app: &App,
    headers: &HeaderMap,
    session: Option<String>,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>> {
    let last = match headers.get("last-event-id") {
        None => None,
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.parse().ok());
            Some(number.ok_or_else(|| ApiError::bad_request("Last-Event-ID is the eventId of an event"))?)
        }
    };
    let (missed, live) = app.events.listen(last);
    let mut stop = app.watch_stop();
    let told = stream::iter(missed).chain(stream::unfold(live, next));
    let told =
        told.filter(move |told| future::ready(session.as_ref().is_none_or(|id| told.session_id == *id)));
    let events = told.map(|told| {
        let event = Event::default().id(told.event_id.to_string()).event(told.event);
        Ok(event.json_data(&*told).unwrap_or_default())
    });
    // The sender lives as long as the host; both outcomes mean the end.
    let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
    let events = events.take_until(Box::pin(stopped));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// The next live event. Who is too slow is cut off, and comes back by the id of the last event seen.
async fn next(mut live: Receiver<Arc<Told>>) -> Option<(Arc<Told>, Receiver<Arc<Told>>)> {
    match live.recv().await {
        Ok(told) => Some((told, live)),
        Err(RecvError::Lagged(_) | RecvError::Closed) => None,
    }
}
