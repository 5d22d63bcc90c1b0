//! The host: sessions, an HTTP API and an event stream around the client library, and a simulated network to try
//! it all on.
//!
//! It holds no protocol logic: [`session`] runs one client per session, [`routes`] translates HTTP.
pub mod app;
pub mod bots;
pub mod campaigns;
pub mod config;
mod consumer;
pub mod data_folder;
pub mod error;
pub mod events;
pub mod extract;
pub mod housekeeping;
mod inbox;
mod message_id;
mod outbox;
pub mod qr;
mod router;
pub mod routes;
pub mod sandbox;
mod serve;
pub mod session;
mod signal;
pub mod simulator;
mod supervisor;
mod tenure;
pub mod time;
pub mod watched;

use std::{io::Write, time::Duration};

use anyhow::Context;
use tokio::net::TcpListener;

pub use router::router;

use crate::{app::App, config::HostOptions, signal::StopSignal};

/// Requests that are not over this long after the host was told to stop are abandoned.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the host until it is told to stop; what is in flight is finished then, within a few seconds.
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
    let mut stop = app.watch_stop();
    let overdue = async {
        // The sender lives as long as the host.
        drop(stop.wait_for(|stop| *stop).await);
        tokio::time::sleep(GRACE).await;
    };
    // A client that sends half a request and waits must not keep us from ending.
    tokio::select! {
        () = serve::serve(listener, router(app.clone()), stopped) => {}
        () = overdue => tracing::warn!("requests that were not over are abandoned"),
    }
    app.shutdown().await;
    // Nothing is written after this.
    app.store.close().await;
    Ok(())
}

/// One line of JSON on standard output, for whoever started us.
pub(crate) fn announce(line: &serde_json::Value) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
