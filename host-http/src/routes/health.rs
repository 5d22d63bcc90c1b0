//! Is it running?
use axum::{Json, extract::State};
use serde_json::{Value, json};

use crate::{
    app::App,
    time::{now_millis, rfc3339},
};

/// `GET /health`: status, time, uptime in seconds, and the state of the parts.
pub async fn health(State(app): State<App>) -> Json<Value> {
    let store = app.store.all_sessions().await;
    let status = if store.is_ok() { "healthy" } else { "degraded" };
    Json(json!({
        "status": status,
        "timestamp": rfc3339(now_millis()),
        "uptime": app.started.elapsed().as_secs(),
        "services": {
            "store": if store.is_ok() { "healthy" } else { "unhealthy" },
            "sessions": { "running": app.sessions.count() },
        },
    }))
}
