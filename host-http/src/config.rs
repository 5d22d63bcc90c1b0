//! Flags, each also an environment variable.
use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, builder::BoolishValueParser};
use whatsapp_core::{config::PRODUCTION_URL, noise::TrustRoot};

/// WhatsApp sessions over HTTP.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Something else than the host.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The host's options.
    #[command(flatten)]
    pub host: HostOptions,
}

/// Other things this program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the simulated WhatsApp network alone, for any client.
    Simulator(SimulatorOptions),
}

/// Options of the host.
#[derive(Args, Clone, Debug)]
pub struct HostOptions {
    /// Start with a simulated network, a phone that links on request, and people who answer. No phone and no internet
    /// are needed; everything starts afresh each time.
    #[arg(long, env = "SANDBOX", value_parser = BoolishValueParser::new())]
    pub sandbox: bool,
    /// Address to listen on. There are no logins yet: keep it on this machine.
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8000")]
    pub listen: SocketAddr,
    /// Where everything is stored: sqlite://PATH or memory: [default: a SQLite file in the data folder]
    #[arg(long, env = "DATABASE_URL")]
    pub database_url: Option<String>,
    /// Folder for the database.
    #[arg(long, env = "DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// WebSocket address of the service.
    #[arg(long, env = "SERVER_URL", default_value = PRODUCTION_URL)]
    pub server_url: String,
    /// Key that the service's certificates must lead to, 64 hexadecimal digits [default: the production root]
    #[arg(long, env = "TRUST_ROOT", value_name = "HEX")]
    pub trust_root: Option<TrustRoot>,
    /// File with a certificate (PEM) to trust for wss://, besides the public ones.
    #[arg(long, env = "TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
}

/// Options of the simulated network.
#[derive(Args, Clone, Debug)]
pub struct SimulatorOptions {
    /// Address to listen on; port 0 for any free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Serve wss:// and https:// with a certificate made for this run.
    #[arg(long)]
    pub tls: bool,
    /// All keys and chances come from it [default: random]
    #[arg(long)]
    pub seed: Option<u64>,
}
