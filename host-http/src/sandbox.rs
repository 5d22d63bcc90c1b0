//! A simulated network inside the host: nothing is needed to try everything out.
use std::{net::SocketAddr, sync::Arc};

use anyhow::Context;
use serde_json::Value;
use tokio::net::TcpListener;
use whatsapp_core::{
    client::WebSocket,
    jid::Jid,
    sim::{
        Behaviour, LedgerEntry,
        runtime::{Ended, Simulator, SimulatorError},
    },
};

use crate::{
    error::{ApiError, ApiResult},
    session::Service,
    simulator,
};

/// People who answer: number, name, and what they say.
const PEOPLE: [(&str, &str, &[&str]); 3] = [
    ("15550000001", "Echo", &[]),
    ("15550000002", "Ada", &["Hello! Nice to hear from you.", "Tell me more.", "I have to go now. Bye!"]),
    ("15550000003", "Grace", &["Got it.", "Thanks."]),
];

/// People to send a campaign to: numbers that the German regulator keeps for films, a hundred in a row from each of these. They
/// read what they get; some of them answer.
const CUSTOMERS: [u64; 2] = [4_917_604_069_000, 491_713_920_000];
const IN_A_ROW: u32 = 100;
/// The first of them, and what they answer.
const ANSWERS: [&str; 3] = ["Great, thank you!", "What does it cost?", "STOP"];

/// A running sandbox.
#[derive(Clone, Debug)]
pub struct Sandbox {
    simulator: Simulator,
    address: SocketAddr,
}

impl Sandbox {
    /// Starts one on a free port of this machine: clients come by a real WebSocket.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start() -> anyhow::Result<Self> {
        let simulator = Simulator::start(rand::random());
        for (phone, name, answers) in PEOPLE {
            let texts: Vec<String> = answers.iter().map(|text| (*text).to_owned()).collect();
            let behaviour = if texts.is_empty() { Behaviour::Echo } else { Behaviour::Reply { texts } };
            simulator.add_person(phone, name, behaviour).await?;
        }
        for first in CUSTOMERS {
            simulator.add_people(&first.to_string(), IN_A_ROW, "Customer", Behaviour::Read).await?;
        }
        for (phone, answer) in (CUSTOMERS[0]..).zip(ANSWERS) {
            let behaviour = Behaviour::Reply { texts: vec![answer.to_owned()] };
            simulator.with(move |network, _| network.set_behaviour(&phone.to_string(), behaviour)).await??;
        }
        let listener =
            TcpListener::bind("127.0.0.1:0").await.context("no free port for the simulated network")?;
        let address = listener.local_addr()?;
        let service = simulator::router(simulator.clone());
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, service).await {
                tracing::error!(%error, "the simulated network ended");
            }
        });
        Ok(Self { simulator, address })
    }

    /// Where sessions connect to.
    ///
    /// # Errors
    /// When the TLS library cannot be set up.
    pub fn service(&self) -> anyhow::Result<Service> {
        let connector = Arc::new(WebSocket::new()?);
        let url = format!("ws://{}{}", self.address, simulator::SOCKET_PATH);
        Ok(Service { url, trust_root: self.simulator.trust_root(), connector })
    }

    /// Those who answer, by number and name.
    pub fn people(&self) -> Vec<(&'static str, &'static str)> {
        PEOPLE.iter().map(|(phone, name, _)| (*phone, *name)).collect()
    }

    /// One of the people writes to a session's account.
    ///
    /// # Errors
    /// When there is no such person, or the network has ended.
    pub async fn say(&self, phone: &str, to: &str, text: &str) -> Result<String, SimulatorError> {
        let to = Jid::pn(to);
        self.simulator.send_as(phone, &to, text).await
    }

    /// The simulated network.
    pub const fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// What people were shown.
    ///
    /// # Errors
    /// When the network has ended.
    pub async fn ledger(&self) -> Result<Vec<LedgerEntry>, Ended> {
        self.simulator.ledger().await
    }

    /// A file of people to send a campaign to.
    pub fn recipients(&self) -> String {
        let phones = CUSTOMERS.into_iter().flat_map(|first| (first..).take(IN_A_ROW as usize));
        let rows = phones.zip(1..).map(|(phone, number)| format!("+{phone},Customer {number}\n"));
        std::iter::once("phone,name\n".to_owned()).chain(rows).collect()
    }

    /// Where the network is, and its admin API.
    pub fn network(&self) -> Value {
        simulator::whereabouts(&self.simulator, self.address, false)
    }

    /// The phone of a session scans its code; a session that comes for the first time gets a phone of its own.
    ///
    /// # Errors
    /// When the code is not on show any more.
    pub async fn scan(&self, code: &str, name: &str) -> ApiResult<()> {
        let refused = |error: SimulatorError| ApiError::conflict(error.to_string());
        // Whose phone it is follows from the session's name, which is nobody's push name.
        let (owner, ended) = (name.to_owned(), |ended: Ended| ApiError::conflict(ended.to_string()));
        let phone = self.simulator.with(move |network, _| network.phone_of(&owner)).await.map_err(ended)?;
        let jid = self.simulator.scan_qr(code, Some(&phone)).await.map_err(refused)?;
        tracing::info!(%jid, name, "linked to a simulated phone");
        Ok(())
    }

    /// Tells a person at the terminal what to do first.
    pub fn introduce(&self, address: &str) {
        tracing::info!("the sandbox is ready: no phone and no internet are involved");
        for (phone, name) in self.people() {
            tracing::info!("  {name} has the number +{phone} and answers");
        }
        tracing::info!(
            "  make a session:  curl -X POST http://{address}/api/sessions -H 'content-type: application/json' -d '{{\"id\":\"me\"}}'"
        );
        tracing::info!("  link it:         curl -X POST http://{address}/api/sessions/me/sandbox-link");
    }
}
