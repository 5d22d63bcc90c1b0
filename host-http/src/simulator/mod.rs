//! The simulated network as a server: WebSocket and a small admin API on one port.
mod admin;
mod socket;
mod tls;

use std::net::SocketAddr;

use anyhow::Context;
use axum::{
    Router,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use whatsapp_core::sim::runtime::Simulator;

use crate::{
    announce,
    config::SimulatorOptions,
    error::{no_route, wrong_method},
    signal::StopSignal,
};

/// Where the WebSocket is.
pub const SOCKET_PATH: &str = "/ws/chat";

/// WebSocket and admin API of a simulated network.
pub fn router(simulator: Simulator) -> Router {
    Router::new()
        .route(SOCKET_PATH, get(socket::upgrade))
        .route("/admin/mock-phone/scan-qr", post(admin::scan_qr))
        .route("/admin/mock-phone/enter-code", post(admin::enter_code))
        .route("/admin/people", get(admin::people).post(admin::add_people))
        .route("/admin/people/behaviour", post(admin::behaviours))
        .route("/admin/people/{phone}/send", post(admin::send))
        .route("/admin/people/{phone}/tap", post(admin::tap))
        .route("/admin/people/{phone}/inbox", get(admin::inbox))
        .route("/admin/people/{phone}/behaviour", post(admin::behaviour))
        .route("/admin/ledger", get(admin::ledger))
        .route("/admin/devices", get(admin::devices))
        .route("/admin/devices/{jid}/unlink", post(admin::unlink))
        .route("/admin/faults", post(admin::faults))
        .route("/admin/unknown", get(admin::unknown))
        .route("/admin/unanswered", get(admin::unanswered))
        .route("/admin/events", get(admin::events))
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(simulator)
}

/// What a client needs to know of a network that listens on `address`: `url`, `trustRoot`, and `admin`.
pub fn whereabouts(simulator: &Simulator, address: SocketAddr, tls: bool) -> Value {
    let s = if tls { "s" } else { "" };
    json!({
        "url": format!("ws{s}://{address}{SOCKET_PATH}"),
        "trustRoot": simulator.trust_root().to_string(),
        "admin": format!("http{s}://{address}/admin"),
    })
}

/// Runs the simulated network alone until it is told to stop.
///
/// # Errors
/// When it cannot listen.
pub async fn run(options: SimulatorOptions) -> anyhow::Result<()> {
    let signal = StopSignal::catch().context("cannot catch signals")?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("cannot listen on {}: choose another with --listen", options.listen))?;
    let address = listener.local_addr()?;
    let simulator = Simulator::start(options.seed.unwrap_or_else(rand::random));
    let secure = if options.tls { Some(tls::Certificate::generate()?) } else { None };
    let mut line = whereabouts(&simulator, address, secure.is_some());
    if let Some(certificate) = &secure {
        line["certificate"] = certificate.pem.clone().into();
    }
    announce(&line)?;
    let service = router(simulator);
    let serve = async {
        match secure {
            Some(certificate) => {
                axum::serve(tls::TlsListener::new(listener, certificate.acceptor), service).await
            }
            None => axum::serve(listener, service).await,
        }
    };
    // Nothing here outlives the program, so nothing is waited for.
    tokio::select! {
        served = serve => Ok(served?),
        () = signal.wait() => Ok(()),
    }
}
