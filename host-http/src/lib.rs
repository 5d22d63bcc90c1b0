//! The host: sessions, an HTTP API and an event stream around the client library, and a simulated network to try
//! it all on.
//!
//! It holds no protocol logic: [`session`] runs one client per session, [`routes`] translates HTTP.
pub mod app;
pub mod config;
pub mod error;
pub mod events;
pub mod qr;
mod router;
pub mod routes;
pub mod sandbox;
pub mod session;
mod signal;
pub mod simulator;

use std::io::Write;

use anyhow::Context;
use tokio::net::TcpListener;

pub use router::router;

use crate::{app::App, config::HostOptions, signal::StopSignal};

/// Runs the host until it is told to stop.
///
/// # Errors
/// When it cannot start; the error says what to do.
pub async fn run(options: HostOptions) -> anyhow::Result<()> {
    let signal = StopSignal::catch().context("cannot catch signals")?;
    let listener = TcpListener::bind(options.listen).await.with_context(|| {
        format!("cannot listen on {}: is it in use? Choose another with --listen", options.listen)
    })?;
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "listening beyond this machine, and there are no logins yet: keep it behind a firewall");
    }
    let app = App::start(&options).await?;
    announce(&serde_json::json!({ "listening": format!("http://{address}") }))?;
    if let Some(sandbox) = &app.sandbox {
        sandbox.introduce(&address.to_string());
    }
    let stopping = app.clone();
    let stopped = async move {
        signal.wait().await;
        stopping.stop();
    };
    let served = axum::serve(listener, router(app.clone())).with_graceful_shutdown(stopped).await;
    app.sessions.shutdown().await;
    app.store_closed().await;
    Ok(served?)
}

/// One line of JSON on standard output, for whoever started us.
pub(crate) fn announce(line: &serde_json::Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
