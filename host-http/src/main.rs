//! The WhatsApp manager as one binary. Composition only: what it does is in the libraries and in `host_http`.
use clap::Parser;
use host_http::config::{Cli, Command};
use tracing_subscriber::EnvFilter;

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match cli.command {
            Some(Command::Simulator(options)) => host_http::simulator::run(options).await,
            None => host_http::run(cli.host).await,
        }
    })
}
