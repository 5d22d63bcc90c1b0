//! What handlers depend on, in one struct.
use std::{
    future::Future,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, bail};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::{sync::watch, task::JoinHandle};
use whatsapp_bots::runner::Bots;
use whatsapp_core::client::{Connector, WebSocket};
use whatsapp_store::Store;

use crate::{
    bots::{self, Manners},
    campaigns::{Campaigns, Pace, Rejects},
    config::HostOptions,
    consumer::Consumers,
    data_folder::DataFolder,
    error::ApiError,
    events::Events,
    housekeeping,
    sandbox::Sandbox,
    session::{Service, Sessions},
    supervisor::supervise,
    watched::{StoreHealth, WatchedStore},
};

/// How often it is looked for sessions that should run and do not run anywhere.
const SWEEP: Duration = Duration::from_secs(5);

/// The running host. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App {
    /// Everything stored.
    pub store: Arc<dyn Store>,
    /// The sessions that run.
    pub sessions: Sessions,
    /// What happens.
    pub events: Events,
    /// The campaigns that sessions send.
    pub campaigns: Campaigns,
    /// The bots that answer.
    pub bots: Bots,
    bot_tasks: bots::Tasks,
    /// Those who read the outbox.
    pub(crate) consumers: Consumers,
    /// The simulated network, if there is one.
    pub sandbox: Option<Sandbox>,
    /// Listening on this machine only, which then answers to its own names alone.
    pub local: bool,
    /// How the store is.
    pub health: StoreHealth,
    /// When the host started.
    pub started: std::time::Instant,
    stop: watch::Sender<bool>,
    /// Those that have nothing to finish.
    workers: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// Locked while the host runs.
    _data: Option<DataFolder>,
}

impl App {
    /// Opens the store, connects to the service or starts a simulated one, and starts the sessions that should run.
    ///
    /// # Errors
    /// When any of that is not possible.
    pub async fn start(options: &HostOptions) -> anyhow::Result<Self> {
        if options.sandbox && options.database_url.is_some() {
            // Its simulated network knows no account of another database.
            bail!(
                "the sandbox has a database of its own, which it deletes at each start: leave away --database-url and DATABASE_URL, or \
                 --sandbox"
            );
        }
        let data = DataFolder::lock(&options.data_dir)?;
        let sandbox = if options.sandbox { Some(Sandbox::start().await?) } else { None };
        let url = database_url(options)?;
        let keyring = options.keyring()?;
        let store = match keyring {
            Some(keyring) => whatsapp_store::open_sealed(&url, keyring).await,
            None => whatsapp_store::open(&url).await,
        };
        let (store, health) = watched(store.context("cannot open the database")?);
        let service = match &sandbox {
            Some(sandbox) => sandbox.service()?,
            None => Service {
                url: options.server_url.clone(),
                trust_root: options.trust_root.unwrap_or_default(),
                connector: connector(options.tls_ca.as_deref())?,
            },
        };
        let node = options.node(&url)?;
        let rejects = Rejects::new(&options.data_dir.join("rejects"));
        let campaigns = Campaigns::new(store.clone(), &node, options.pace(), options.lease(), rejects);
        let local = options.listen.ip().is_loopback();
        let app = Self {
            local,
            _data: Some(data),
            ..Self::with_campaigns((store, health), service, &node, sandbox, campaigns, options.manners())
        };
        app.start_campaigns(options.stop_confirmation.clone());
        app.sessions.start_desired().await.context("cannot start the stored sessions")?;
        let (sessions, pause) = (app.sessions.clone(), SWEEP.min(app.campaigns.term / 2));
        let (store, retention) = (app.store.clone(), options.retention());
        let workers = [
            supervise("sessions", move || sweep(sessions.clone(), pause)),
            supervise("housekeeping", move || housekeeping::run(store.clone(), retention)),
        ];
        app.workers.lock().unwrap_or_else(PoisonError::into_inner).extend(workers);
        Ok(app)
    }

    /// From its parts, with no session running, for this machine only. `node` is a name that no other node on the same
    /// database has.
    pub fn new(store: Arc<dyn Store>, service: Service, node: &str, sandbox: Option<Sandbox>) -> Self {
        let (store, health) = watched(store);
        let rejects = Rejects::new(&std::env::temp_dir().join(format!("rejects-{node}")));
        let campaigns =
            Campaigns::new(store.clone(), node, Pace::default(), Duration::from_secs(30), rejects);
        Self::with_campaigns((store, health), service, node, sandbox, campaigns, Manners::default())
    }

    fn with_campaigns(
        (store, health): (Arc<dyn Store>, StoreHealth),
        service: Service,
        node: &str,
        sandbox: Option<Sandbox>,
        campaigns: Campaigns,
        manners: Manners,
    ) -> Self {
        let events = Events::new(store.clone());
        let sessions = Sessions::new(store.clone(), health.clone(), service, node, campaigns.clone());
        let (stop, _) = watch::channel(false);
        let started = std::time::Instant::now();
        let keeper = sessions.clone();
        let keeping = supervise("leases of sessions", move || {
            let sessions = keeper.clone();
            async move { sessions.keep_leases().await }
        });
        let workers = Arc::new(Mutex::new(vec![keeping]));
        let consumers = Consumers::new(store.clone(), node);
        let (bots, bot_tasks) =
            bots::start(store.clone(), node, sessions.clone(), campaigns.clone(), consumers.clone(), manners);
        Self {
            store,
            sessions,
            events,
            campaigns,
            bots,
            bot_tasks,
            consumers,
            sandbox,
            local: true,
            health,
            started,
            stop,
            workers,
            _data: None,
        }
    }

    /// Starts to look after campaigns. Whoever says STOP is told `confirmation`, unless that is empty.
    pub fn start_campaigns(&self, confirmation: String) {
        let (sessions, consumers) = (self.sessions.clone(), self.consumers.clone());
        self.campaigns.start(sessions, consumers, self.events.clone(), confirmation);
    }

    /// Ends event streams, which last for ever otherwise.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Turns true when the host stops.
    pub fn watch_stop(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Waits for something that may never come: at most `patience`, and not longer than the host runs.
    pub(crate) async fn patiently<T>(
        &self,
        patience: Duration,
        awaited: impl Future<Output = T>,
    ) -> Option<T> {
        let mut stop = self.watch_stop();
        tokio::select! {
            biased;
            outcome = tokio::time::timeout(patience, awaited) => outcome.ok(),
            _ = stop.wait_for(|stop| *stop) => None,
        }
    }

    /// What a session's client answered, or why it does not run: the store may be the reason.
    pub(crate) fn failed(&self, error: whatsapp_core::Error) -> ApiError {
        match (&error, self.health.ailment()) {
            (whatsapp_core::Error::Stopped, Some(ailment)) => ailment.into(),
            _ => error.into(),
        }
    }

    /// Finishes what is under way, within some seconds, and lets other nodes go on: first those who send, then the sessions
    /// they send through. The store stays open.
    pub async fn shutdown(&self) {
        self.stop();
        self.workers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .drain(..)
            .for_each(|worker| worker.abort());
        tokio::join!(self.bot_tasks.stop(), self.campaigns.shutdown());
        self.sessions.shutdown().await;
    }
}

/// Starts sessions that should run and do not run anywhere.
async fn sweep(sessions: Sessions, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        if let Err(error) = sessions.start_desired().await {
            tracing::warn!(%error, "sessions were not looked after: it is tried again");
        }
    }
}

fn watched(store: Arc<dyn Store>) -> (Arc<dyn Store>, StoreHealth) {
    let health = StoreHealth::default();
    (Arc::new(WatchedStore::new(store, health.clone())), health)
}

fn database_url(options: &HostOptions) -> anyhow::Result<String> {
    if let Some(url) = &options.database_url {
        return Ok(url.clone());
    }
    let directory = &options.data_dir;
    let file = directory.join(if options.sandbox { "sandbox.db" } else { "whatsapp.db" });
    if options.sandbox {
        // The simulated phones forget, so what was linked to them is of no use.
        for suffix in ["", "-wal", "-shm"] {
            remove(&directory.join(format!("sandbox.db{suffix}")))?;
        }
    }
    Ok(format!("sqlite://{}", file.display()))
}

fn remove(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn connector(ca: Option<&Path>) -> anyhow::Result<Arc<dyn Connector>> {
    let roots = match ca {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| format!("cannot read certificates (PEM) from {}", path.display()))?,
        None => Vec::new(),
    };
    if ca.is_some() && roots.is_empty() {
        anyhow::bail!("the file of --tls-ca holds no certificate");
    }
    Ok(Arc::new(WebSocket::trusting(roots)?))
}
