//! Every route, in one table.
use std::net::IpAddr;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};

use crate::{
    app::App,
    error::{ApiError, no_route, wrong_method},
    extract::json_errors,
    routes::{
        campaigns, chatbots, chats, events, failed_events, health, messages, reply_rules, sandbox, sessions,
    },
};

const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// The whole API.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/health", get(health::health))
        .route("/api/sessions", get(sessions::list).post(sessions::create))
        .route("/api/sessions/{id}", get(sessions::show).delete(sessions::delete))
        .route("/api/sessions/{id}/start", post(sessions::start))
        .route("/api/sessions/{id}/stop", post(sessions::stop))
        .route("/api/sessions/{id}/restart", post(sessions::restart))
        .route("/api/sessions/{id}/restore", post(sessions::restore))
        .route("/api/sessions/{id}/qr", get(sessions::qr))
        .route("/api/sessions/{id}/pair-code", post(sessions::pair_code))
        .route("/api/sessions/{id}/messages", get(messages::list).post(messages::send))
        .route("/api/sessions/{id}/messages/read", post(messages::mark_read))
        .route("/api/sessions/{id}/chats", get(chats::list))
        .route("/api/sessions/{id}/events", get(events::of_session))
        .route("/api/sessions/{id}/campaign-sender", get(campaigns::steps::sender))
        .route("/api/sessions/{id}/campaign-sender/release", post(campaigns::steps::release))
        .route("/api/campaigns", get(campaigns::list).post(campaigns::create))
        .route("/api/campaigns/{id}", get(campaigns::show).put(campaigns::change).delete(campaigns::delete))
        .route(
            "/api/campaigns/{id}/recipients",
            post(campaigns::recipients::upload).layer(DefaultBodyLimit::disable()),
        )
        .route("/api/campaigns/{id}/contacts", post(campaigns::recipients::contacts))
        .route("/api/campaigns/{id}/rejects", get(campaigns::recipients::rejects))
        .route("/api/campaigns/{id}/preview", get(campaigns::reports::preview))
        .route("/api/campaigns/{id}/dry-run", post(campaigns::reports::dry_run))
        .route("/api/campaigns/{id}/eta", get(campaigns::reports::eta))
        .route("/api/campaigns/{id}/test", post(campaigns::steps::test))
        .route("/api/campaigns/{id}/approve", post(campaigns::steps::approve))
        .route("/api/campaigns/{id}/start", post(campaigns::steps::start))
        .route("/api/campaigns/{id}/pause", post(campaigns::steps::pause))
        .route("/api/campaigns/{id}/resume", post(campaigns::steps::resume))
        .route("/api/campaigns/{id}/cancel", post(campaigns::steps::cancel))
        .route("/api/campaigns/{id}/end-canary", post(campaigns::steps::end_canary))
        .route("/api/campaigns/{id}/progress", get(campaigns::reports::progress))
        .route("/api/campaigns/{id}/minutes", get(campaigns::reports::minutes))
        .route("/api/campaigns/{id}/export", get(campaigns::reports::export))
        .route("/api/chatbots", get(chatbots::list).post(chatbots::create))
        .route("/api/chatbots/import", post(chatbots::import))
        .route("/api/chatbots/schema", get(chatbots::schema))
        .route("/api/chatbots/conversations", get(chatbots::conversations::list))
        .route("/api/chatbots/events", post(chatbots::happenings::tell))
        .route("/api/chatbots/{id}", get(chatbots::show).put(chatbots::change).delete(chatbots::delete))
        .route("/api/chatbots/{id}/validate", post(chatbots::check))
        .route("/api/chatbots/{id}/publish", post(chatbots::publish))
        .route("/api/chatbots/{id}/enable", post(chatbots::enable))
        .route("/api/chatbots/{id}/disable", post(chatbots::disable))
        .route("/api/chatbots/{id}/versions", get(chatbots::versions))
        .route("/api/chatbots/{id}/analytics", get(chatbots::analytics::show))
        .route("/api/chatbots/{id}/test", post(chatbots::test))
        .route("/api/sessions/{id}/conversations/{chat}/{act}", post(chatbots::conversations::act))
        .route("/api/events/failed", get(failed_events::list))
        .route("/api/events/failed/{consumer}/{event}", delete(failed_events::remove))
        .route("/api/events/failed/{consumer}/{event}/replay", post(failed_events::replay))
        .route("/api/reply-rules", get(reply_rules::show).put(reply_rules::change))
        .route("/api/events", get(events::all))
        .route("/api/sandbox", get(sandbox::people))
        .route("/api/sandbox/people/{phone}/messages", get(sandbox::shown).post(sandbox::say))
        .route("/api/sandbox/recipients.csv", get(sandbox::recipients))
        .route("/api/sessions/{id}/sandbox-link", post(sandbox::link))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(json_errors))
        .layer(middleware::from_fn_with_state(app.local, refuse_strangers))
        .layer(middleware::from_fn(correlate))
        .with_state(app)
}

/// There are no logins yet, so a web page must not reach the API through the browser of somebody on this machine: neither
/// by asking from another site, nor by having its own name point here.
async fn refuse_strangers(State(local): State<bool>, request: Request, next: Next) -> Response {
    match stranger(local, request.headers()) {
        Some(why) => ApiError::forbidden(why).into_response(),
        None => next.run(request).await,
    }
}

fn stranger(local: bool, headers: &HeaderMap) -> Option<&'static str> {
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = header(header::HOST);
    let of_this_site = |origin: &str| origin.split_once("://").is_some_and(|(_, site)| Some(site) == host);
    if header(header::ORIGIN).is_some_and(|origin| !of_this_site(origin)) {
        Some("web pages of other sites may not ask")
    } else if local && host.is_some_and(|host| !names_this_machine(host)) {
        Some("ask for localhost, or for an IP address")
    } else {
        None
    }
}

/// Is the host of a `Host` header one that nobody else can give out? Addresses are, and so is `localhost`.
fn names_this_machine(host: &str) -> bool {
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}

/// Each answer carries the request's correlation id, or one made for it.
async fn correlate(request: Request, next: Next) -> Response {
    let id = request.headers().get(&CORRELATION).cloned().unwrap_or_else(|| {
        let id = format!("{:016x}", rand::random::<u64>());
        HeaderValue::from_str(&id).expect("hexadecimal digits are a header value")
    });
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    tracing::debug!(%method, path, status = response.status().as_u16(), ?id, "answered");
    response.headers_mut().insert(CORRELATION, id);
    response
}

#[cfg(test)]
mod tests {
    use super::names_this_machine;

    #[test]
    fn names_of_this_machine() {
        for name in [
            "localhost",
            "localhost:8000",
            "LOCALHOST:1",
            "127.0.0.1",
            "127.0.0.1:8000",
            "[::1]:8000",
            "[::1]",
        ] {
            assert!(names_this_machine(name), "{name}");
        }
        for name in
            ["", "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example:80"]
        {
            assert!(!names_this_machine(name), "{name}");
        }
    }
}
