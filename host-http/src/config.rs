//! Flags, each also an environment variable.
use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use anyhow::Context;
use axum::http::Uri;
use clap::{Args, Parser, Subcommand, builder::BoolishValueParser};
use whatsapp_bots::runner::Menus;
use whatsapp_core::config::{PRODUCTION_URL, TrustRoot};
use whatsapp_store::Keyring;

use crate::{
    bots::{Manners, Reach},
    campaigns::Pace,
    housekeeping::Retention,
};

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
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:8000", value_parser = listen_address)]
    pub listen: SocketAddr,
    /// Where everything is stored: sqlite://PATH, postgres://USER:PASSWORD@HOST/DATABASE or memory:
    /// [default: a SQLite file in the data folder]
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// File with the keys that secrets are sealed with in the database: one of 64 hexadecimal digits per line, the first
    /// one seals, all of them open. `openssl rand -hex 32` makes one [default: secrets are stored as they are]
    #[arg(long, env = "STORAGE_KEY_FILE", value_name = "FILE")]
    pub storage_key_file: Option<PathBuf>,
    /// The same, without a file; for the environment, since others can see the flags of a program.
    #[arg(
        long,
        env = "STORAGE_KEY",
        value_name = "HEX",
        hide_env_values = true,
        conflicts_with = "storage_key_file"
    )]
    pub storage_key: Option<String>,
    /// Folder for the database, and for what is this node's own.
    #[arg(long, env = "DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// Days that events are kept for those who come back.
    #[arg(long, env = "KEEP_EVENTS_DAYS", value_name = "DAYS", default_value = "7", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_events_days: u32,
    /// Days that messages are kept [default: for ever]
    #[arg(long, env = "KEEP_MESSAGES_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub keep_messages_days: Option<u32>,
    /// Days that conversations of bots are kept that are over, and that it is known which inputs were answered. Never less
    /// than two: messages of the last day may be read again after a crash.
    #[arg(long, env = "CONVERSATION_DAYS", value_name = "DAYS", default_value = "30", value_parser = clap::value_parser!(u32).range(2..=36_500))]
    pub conversation_days: u32,
    /// Messages that a session sends in a minute for campaigns and replies together [default: 10; in the sandbox 1200]
    #[arg(long, env = "CAMPAIGN_RATE", value_name = "PER_MINUTE", value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub campaign_rate: Option<u32>,
    /// Different people that a session writes to for campaigns in 24 hours, once it is old enough; 0 for no limit. A new
    /// session begins with 20, half as many more each day [default: 1000; in the sandbox 0]
    #[arg(long, env = "CAMPAIGN_PEOPLE", value_name = "PER_DAY")]
    pub campaign_people: Option<u32>,
    /// Let flows ask also this machine and its networks, and not only public addresses.
    #[arg(long, env = "BOTS_REACH_PRIVATE", value_parser = BoolishValueParser::new())]
    pub bots_reach_private: bool,
    /// Let bots show menus as buttons and lists, and not as numbered text. The service takes these from some accounts only, and not
    /// every phone shows them: try it with your own before anybody waits for an answer.
    #[arg(long, env = "NATIVE_MENUS", value_parser = BoolishValueParser::new())]
    pub native_menus: bool,
    /// What somebody is told who says STOP to a campaign; empty for nothing.
    #[arg(
        long,
        env = "STOP_CONFIRMATION",
        value_name = "TEXT",
        default_value = "You will get no more messages from us."
    )]
    pub stop_confirmation: String,
    /// Seconds after which another node takes over what a node had that died.
    #[arg(long, env = "LEASE_SECONDS", value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u32).range(2..=600))]
    pub lease_seconds: u32,
    /// WebSocket address of the server.
    #[arg(long, env = "SERVER_URL", default_value = PRODUCTION_URL, value_parser = server_url)]
    pub server_url: String,
    /// Key that the server's certificates must lead to, 64 hexadecimal digits [default: the production root]
    #[arg(long, env = "TRUST_ROOT", value_name = "HEX")]
    pub trust_root: Option<TrustRoot>,
    /// File with a certificate (PEM) to trust for wss://, besides the public ones.
    #[arg(long, env = "TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
}

impl HostOptions {
    /// How fast campaigns are sent.
    pub fn pace(&self) -> Pace {
        let usual = if self.sandbox { Pace::SANDBOX } else { Pace::default() };
        Pace {
            per_minute: self.campaign_rate.unwrap_or(usual.per_minute),
            people: self.campaign_people.map_or(usual.people, |people| (people > 0).then_some(people)),
            ..usual
        }
    }

    /// What bots may do.
    pub const fn manners(&self) -> Manners {
        Manners {
            reach: if self.bots_reach_private { Reach::Anywhere } else { Reach::Public },
            menus: if self.native_menus { Menus::Native } else { Menus::Text },
        }
    }

    /// How long what a node has stays its own without being renewed.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(u64::from(self.lease_seconds))
    }

    /// How long things are kept.
    pub const fn retention(&self) -> Retention {
        Retention {
            events: self.keep_events_days,
            messages: self.keep_messages_days,
            conversations: self.conversation_days,
        }
    }

    /// The keys to seal secrets with, if any were given.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn keyring(&self) -> anyhow::Result<Option<Keyring>> {
        let keyring = match (&self.storage_key_file, &self.storage_key) {
            (Some(path), _) => Keyring::from_file(path).with_context(|| path.display().to_string()),
            (None, Some(keys)) => Keyring::parse(keys).context("cannot use STORAGE_KEY"),
            (None, None) => return Ok(None),
        };
        keyring.map(Some)
    }

    /// A name that no other node on the same database has. On a server, that is one made at the first start and kept in
    /// the data folder; in other cases there is only this node.
    ///
    /// # Errors
    /// When the data folder cannot be used.
    pub fn node(&self, database_url: &str) -> anyhow::Result<String> {
        if !database_url.starts_with("postgres") {
            return Ok("this".to_owned());
        }
        let path = self.data_dir.join("node-id");
        let failed =
            || format!("cannot keep this node's name in {}: choose another --data-dir", path.display());
        match std::fs::read_to_string(&path) {
            Ok(name) if !name.trim().is_empty() => return Ok(name.trim().to_owned()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(failed);
            }
            _ => {}
        }
        let name = format!("node-{:016x}", rand::random::<u64>());
        std::fs::write(&path, &name).with_context(failed)?;
        Ok(name)
    }
}

/// An address with a port; a name is looked up.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let all: Vec<SocketAddr> = match text.to_socket_addrs() {
        Ok(all) => all.collect(),
        Err(_) => {
            return Err("give an address and a port, such as 127.0.0.1:8000 or localhost:8000".to_owned());
        }
    };
    // A name for both versions is the old one first: clients that know one alone know that.
    let found = all.iter().find(|address| address.is_ipv4()).or(all.first()).copied();
    found.ok_or_else(|| format!("{text} has no address"))
}

/// A WebSocket address. What is none would be tried for ever.
fn server_url(text: &str) -> Result<String, String> {
    let wrong = || {
        "give a WebSocket address, such as wss://example.org/ws/chat or ws://127.0.0.1:9000/ws/chat"
            .to_owned()
    };
    let address: Uri = text.parse().map_err(|_| wrong())?;
    let is_socket = matches!(address.scheme_str(), Some("ws" | "wss"));
    if is_socket && address.host().is_some_and(|host| !host.is_empty()) {
        Ok(text.to_owned())
    } else {
        Err(wrong())
    }
}

/// Options of the simulated network.
#[derive(Args, Clone, Debug)]
pub struct SimulatorOptions {
    /// Address to listen on; port 0 for any free one.
    #[arg(long, default_value = "127.0.0.1:0", value_parser = listen_address)]
    pub listen: SocketAddr,
    /// Serve wss:// and https:// with a certificate made for this run.
    #[arg(long)]
    pub tls: bool,
    /// All keys and chances come from it [default: random]
    #[arg(long)]
    pub seed: Option<u64>,
}
