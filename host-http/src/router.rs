//! Every route, in one table.
use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};

use crate::{
    app::App,
    error::{no_route, wrong_method},
    routes::{events, health, messages, sandbox, sessions},
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
        .route("/api/sessions/{id}/qr", get(sessions::qr))
        .route("/api/sessions/{id}/pair-code", post(sessions::pair_code))
        .route("/api/sessions/{id}/messages", get(messages::list).post(messages::send))
        .route("/api/sessions/{id}/messages/read", post(messages::mark_read))
        .route("/api/sessions/{id}/events", get(events::of_session))
        .route("/api/events", get(events::all))
        .route("/api/sandbox", get(sandbox::people))
        .route("/api/sessions/{id}/sandbox-link", post(sandbox::link))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(correlate))
        .with_state(app)
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
