//! Is it running?
use std::time::Duration;

use axum::{Json, extract::State};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    app::App,
    time::{now_millis, rfc3339},
    watched::Ailment,
};

/// A store that does not answer in this time is not well.
const PATIENCE: Duration = Duration::from_secs(5);

/// `GET /health`: status, time, uptime in seconds, and the state of the parts. A store that was found full or damaged is told with the
/// reason until a write succeeds.
pub async fn health(State(app): State<App>) -> Json<Value> {
    let reads = timeout(PATIENCE, app.store.last_event()).await;
    let ailment: Option<Ailment> = app.health.ailment();
    let is_well = matches!(reads, Ok(Ok(_))) && ailment.is_none();
    let store = if is_well { "healthy" } else { "unhealthy" };
    let mut services = json!({ "store": store, "sessions": { "running": app.sessions.count() } });
    if let Some(ailment) = ailment {
        services["reason"] = json!(ailment.reason);
    }
    Json(json!({
        "status": if is_well { "healthy" } else { "degraded" },
        "timestamp": rfc3339(now_millis()),
        "uptime": app.started.elapsed().as_secs(),
        "services": services,
    }))
}
