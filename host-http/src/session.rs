//! Sessions: one client each, which come and go without touching one another.
use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::{OwnedMutexGuard, watch},
    task::{AbortHandle, JoinError, JoinHandle},
    time::timeout,
};
use whatsapp_core::{
    Config,
    client::{Client, Connector, Status},
    config::TrustRoot,
    engine::restored,
    event::Event,
    time::Timestamp,
};
use whatsapp_store::{
    AccountId, Change, Changes, DesiredState, DeviceRecord, Lease, ObservedState, SessionRecord, Store,
};

use crate::{
    campaigns::{Answers, Campaigns, SessionSender},
    error::{ApiError, ApiResult},
    events::Events,
    outbox::Outbox,
    tenure::{Node, Tenure},
    time::now_millis,
    watched::StoreHealth,
};

/// A session that does not end within this time is cut off.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A session whose task failed (the store, or a mistake of ours) starts again after this time.
const REVIVAL: Duration = Duration::from_secs(5);

/// Which service sessions connect to.
#[derive(Clone, Debug)]
pub struct Service {
    /// WebSocket address.
    pub url: String,
    /// The key that its certificates must lead to.
    pub trust_root: TrustRoot,
    /// How to get there.
    pub connector: Arc<dyn Connector>,
}

/// All sessions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sessions {
    store: Arc<dyn Store>,
    health: StoreHealth,
    service: Service,
    events: Events,
    node: Node,
    campaigns: Campaigns,
    running: Arc<Mutex<HashMap<AccountId, Running>>>,
    gates: Arc<Mutex<HashMap<AccountId, Gate>>>,
    /// The host stops: nothing is started any more.
    closing: Arc<AtomicBool>,
}

/// Held while a session is made, started, stopped or deleted: two clients of one account would both use its keys.
type Gate = Arc<tokio::sync::Mutex<()>>;

#[derive(Debug)]
struct Running {
    client: Client,
    code: watch::Receiver<Option<Code>>,
    task: JoinHandle<()>,
    driver: AbortHandle,
    /// Of the lease that it runs under.
    token: i64,
}

/// A pairing code on show.
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// The QR text: secret until used.
    pub text: String,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// A session as the API shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// What is stored of it.
    #[serde(flatten)]
    pub record: SessionRecord,
    /// `connecting`, `awaiting_pairing`, `connected`, `waiting`, `logged_out` or `stopped`.
    pub status: &'static str,
    /// Own address by number, when linked and connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jid: Option<String>,
    /// Own linked id, when linked and connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lid: Option<String>,
    /// Why it is not connected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When the next attempt comes, milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<u64>,
    /// When the code on show expires, milliseconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr_expires_at: Option<u64>,
}

impl Sessions {
    /// None running. `node` is a name that no other node on the same database has.
    pub fn new(
        store: Arc<dyn Store>,
        health: StoreHealth,
        service: Service,
        node: &str,
        campaigns: Campaigns,
    ) -> Self {
        let (events, node) = (Events::new(store.clone()), Node::new(store.clone(), node, campaigns.term));
        let (running, gates, closing) = Default::default();
        Self { store, health, service, events, node, campaigns, running, gates, closing }
    }

    /// Starts those that should run and do not run anywhere. Called again and again, it takes over what a node that died
    /// had.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn start_desired(&self) -> Result<(), whatsapp_store::Error> {
        for session in self.store.all_sessions().await? {
            if session.desired == DesiredState::Running {
                let _gate = self.gate(&session.id).await;
                // One that cannot be started is tried again with the next sweep, and keeps no other from starting.
                if let Err(error) = self.launch(&session).await {
                    tracing::error!(session = %session.id, ?error, "the session was not started");
                }
            }
        }
        Ok(())
    }

    /// Prolongs the leases of the sessions that run here, for as long as the host runs.
    pub(crate) async fn keep_leases(&self) {
        self.node.prolong().await;
    }

    /// Makes and starts a session.
    ///
    /// # Errors
    /// When there is one of that id, or it cannot be stored.
    pub async fn create(&self, record: SessionRecord) -> ApiResult<SessionView> {
        let sessions = self.clone();
        run_to_completion(async move {
            let _gate = sessions.gate(&record.id).await;
            if sessions.store.session(&record.id).await?.is_some() {
                return Err(ApiError::conflict(format!("there is a session {} already", record.id)));
            }
            sessions.save(record.clone(), None).await?;
            sessions.launch(&record).await?;
            Ok(sessions.view(sessions.record(&record.id).await?))
        })
        .await
    }

    /// Starts or stops a session, and remembers that it should be so.
    ///
    /// # Errors
    /// When there is none of that id, or it cannot be stored.
    pub async fn set_desired_state(&self, id: &AccountId, desired: DesiredState) -> ApiResult<SessionView> {
        let (sessions, id) = (self.clone(), id.clone());
        run_to_completion(async move {
            let _gate = sessions.gate(&id).await;
            sessions.reconcile(&id, desired).await
        })
        .await
    }

    async fn reconcile(&self, id: &AccountId, desired: DesiredState) -> ApiResult<SessionView> {
        let record = SessionRecord { desired, ..self.record(id).await? };
        self.save(record.clone(), Some(record.updated_at)).await?;
        match desired {
            DesiredState::Running => self.launch(&record).await?,
            _ => self.halt(id).await,
        }
        Ok(self.view(self.record(id).await?))
    }

    /// Stops and starts a session.
    ///
    /// # Errors
    /// As [`Sessions::set_desired_state`].
    pub async fn restart(&self, id: &AccountId) -> ApiResult<SessionView> {
        let (sessions, id) = (self.clone(), id.clone());
        run_to_completion(async move {
            let _gate = sessions.gate(&id).await;
            sessions.record(&id).await?;
            sessions.halt(&id).await;
            sessions.reconcile(&id, DesiredState::Running).await
        })
        .await
    }

    /// Brings back the keys of a session that the server said is no longer linked, and starts it with them: for a server that was
    /// wrong about it.
    ///
    /// # Errors
    /// When there is none of that id, or no keys of it are kept, or another node runs it.
    pub async fn restore(&self, id: &AccountId) -> ApiResult<SessionView> {
        let (sessions, id) = (self.clone(), id.clone());
        run_to_completion(async move {
            let _gate = sessions.gate(&id).await;
            sessions.record(&id).await?;
            let kept = sessions.kept_device(&id).await?;
            sessions.halt(&id).await;
            let lease = sessions.lease_for_change(&id).await?;
            let mut changes = Changes::new(id.clone());
            changes.fence = Some(lease.fence());
            changes.push(Change::PutDevice(kept));
            let stored = sessions.store.commit(changes).await;
            sessions.node.give_back(&id, &lease).await;
            stored?;
            sessions.reconcile(&id, DesiredState::Running).await
        })
        .await
    }

    async fn kept_device(&self, id: &AccountId) -> ApiResult<DeviceRecord> {
        let device = self.store.device(id).await?;
        let kept = device.and_then(|device| restored(&device).transpose()).transpose()?;
        kept.ok_or_else(|| {
            ApiError::conflict(
                "no keys are kept of it: it is linked, was logged out by you or more than a week ago, or was linked anew",
            )
        })
    }

    /// The lease of a session that does not run here.
    async fn lease_for_change(&self, id: &AccountId) -> ApiResult<Lease> {
        self.node.take_from_others(id).await?.ok_or_else(|| {
            ApiError::conflict(
                "another node still runs the session: it was told to stop; try again in a while",
            )
        })
    }

    /// Logs out if connected, stops, and forgets everything of the session.
    ///
    /// # Errors
    /// When there is none of that id, or the store fails.
    pub async fn delete(&self, id: &AccountId) -> ApiResult<()> {
        let (sessions, id) = (self.clone(), id.clone());
        run_to_completion(async move {
            let _gate = sessions.gate(&id).await;
            sessions.record(&id).await?;
            if let Ok(client) = sessions.client(&id)
                && let Err(error) = client.log_out().await
            {
                tracing::info!(session = %id, %error, "deleted without logging out");
            }
            sessions.halt(&id).await;
            sessions.forget(id).await
        })
        .await
    }

    /// Deletes a session that does not run here, and makes sure that it runs nowhere else.
    async fn forget(&self, id: AccountId) -> ApiResult<()> {
        let record = SessionRecord { desired: DesiredState::Stopped, ..self.record(&id).await? };
        let read = record.updated_at;
        self.save(record, Some(read)).await?;
        let lease = self.lease_for_change(&id).await?;
        let mut changes = Changes::new(id.clone());
        changes.fence = Some(lease.fence());
        changes.push(Change::DeleteSession);
        self.store.commit(changes).await?;
        self.node.give_back(&id, &lease).await;
        Ok(())
    }

    /// The stored record.
    ///
    /// # Errors
    /// When there is none of that id.
    pub async fn record(&self, id: &AccountId) -> ApiResult<SessionRecord> {
        let record = self.store.session(id).await?;
        record.ok_or_else(|| ApiError::not_found(format!("there is no session {id}")))
    }

    /// The client of a session that runs.
    ///
    /// # Errors
    /// When it does not run.
    pub fn client(&self, id: &AccountId) -> ApiResult<Client> {
        let client = self.running().get(id).map(|running| running.client.clone());
        client.ok_or_else(|| self.not_running())
    }

    /// Follows the code on show.
    ///
    /// # Errors
    /// When the session does not run.
    pub fn code(&self, id: &AccountId) -> ApiResult<watch::Receiver<Option<Code>>> {
        let code = self.running().get(id).map(|running| running.code.clone());
        code.ok_or_else(|| self.not_running())
    }

    /// A store that fails ends sessions.
    fn not_running(&self) -> ApiError {
        match self.health.ailment() {
            Some(ailment) => ailment.into(),
            None => ApiError::conflict("the session is not running: start it first"),
        }
    }

    /// How many run.
    pub fn count(&self) -> usize {
        self.running().len()
    }

    /// A session as the API shows it.
    pub fn view(&self, record: SessionRecord) -> SessionView {
        let (status, code) = match self.running().get(&record.id) {
            Some(running) if running.task.is_finished() => {
                let reason = "it failed, and starts again in a moment: see the log".to_owned();
                (Status::Waiting { until: None, reason }, None)
            }
            Some(running) => (running.client.status(), running.code.borrow().clone()),
            None => (elsewhere(&record), None),
        };
        let mut view = SessionView {
            record,
            status: "stopped",
            jid: None,
            lid: None,
            reason: None,
            retry_at: None,
            qr_expires_at: code.map(|code| code.expires_at.as_millis()),
        };
        match status {
            Status::Connecting => view.status = "connecting",
            Status::AwaitingPairing => view.status = "awaiting_pairing",
            Status::Connected { jid, lid } => {
                view.status = "connected";
                view.jid = Some(jid.to_string());
                view.lid = lid.map(|lid| lid.to_string());
            }
            Status::Waiting { until, reason } => {
                view.status = "waiting";
                view.reason = Some(reason);
                view.retry_at = until.map(Timestamp::as_millis);
            }
            Status::LoggedOut { reason } => {
                view.status = "logged_out";
                view.reason = Some(reason);
            }
            _ => {}
        }
        view
    }

    /// Ends all of them, side by side. Nothing is started after this.
    pub async fn shutdown(&self) {
        self.closing.store(true, Ordering::Relaxed);
        let ids: Vec<_> = self.running().keys().cloned().collect();
        let halts = ids.iter().map(|id| self.halt(id));
        futures_util::future::join_all(halts).await;
    }

    /// Writes a record in place of the one that was read: `None` if there was none.
    async fn save(&self, record: SessionRecord, read: Option<i64>) -> ApiResult<()> {
        let mut changes = Changes::new(record.id.clone());
        changes.push(Change::ExpectSession { updated_at: read });
        changes.push(Change::PutSession(record));
        Ok(self.store.commit(changes).await?)
    }

    /// Starts a session here, unless it runs here or on another node.
    async fn launch(&self, record: &SessionRecord) -> Result<(), whatsapp_store::Error> {
        let status = {
            let running = self.running();
            let running = running.get(&record.id).filter(|running| !running.task.is_finished());
            running.map(|running| running.client.status())
        };
        match status {
            // It is about to end, since it was to stop a moment ago: wait for that, or nobody would start it.
            Some(Status::Stopped) => self.halt(&record.id).await,
            Some(_) => return Ok(()),
            None => {}
        }
        let Some(lease) = self.node.take(&record.id).await? else {
            tracing::debug!(session = %record.id, "the session runs on another node");
            self.running().remove(&record.id);
            return Ok(());
        };
        if self.closing.load(Ordering::Relaxed) {
            self.node.give_back(&record.id, &lease).await;
            return Ok(());
        }
        let mut config = Config::new(record.id.clone());
        config.server_url = self.service.url.clone();
        config.trust_root = self.service.trust_root;
        let parts = Client::new(self.store.clone(), config)
            .with_connector(self.service.connector.clone())
            .with_commit_hook(Arc::new(Outbox { fence: lease.fence() }));
        let (client, mut happened, driver) = parts.into_parts();
        let (show, code) = watch::channel(None);
        let driving = tokio::spawn(driver.run());
        let driver = driving.abort_handle();
        let answers = Answers::default();
        let (sessions, id, ending, token) = (self.clone(), record.id.clone(), client.clone(), lease.token);
        let heard = answers.clone();
        let task = tokio::spawn(async move {
            let reading = async {
                while let Some(event) = happened.next().await {
                    note_code(&show, &event);
                    heard.hear(&event);
                }
            };
            let mut reading = std::pin::pin!(reading);
            tokio::select! {
                () = &mut reading => {}
                tenure = sessions.node.keep(&id, &lease) => match tenure {
                    Tenure::Lost => driving.abort(),
                    Tenure::NotDesired => {
                        ending.shutdown().await;
                        reading.await;
                    }
                },
            }
            show.send_replace(None);
            sessions.campaigns.runner.leave(&id).await;
            sessions.ended(id, &lease, driving.await).await;
        });
        let sender = SessionSender {
            store: self.store.clone(),
            account: record.id.clone(),
            client: client.clone(),
            answers,
            pace: self.campaigns.pace,
            since: record.created_at,
        };
        self.campaigns.runner.serve(record.id.clone(), Arc::new(sender));
        self.running().insert(record.id.clone(), Running { client, code, task, driver, token });
        Ok(())
    }

    /// Tells why a client ended, if it should not have, and starts it again in a while.
    async fn ended(
        &self,
        id: AccountId,
        lease: &Lease,
        outcome: Result<Result<(), whatsapp_core::Error>, JoinError>,
    ) {
        self.node.give_back(&id, lease).await;
        let reason = match outcome {
            Ok(Ok(())) => {
                // Unless it was started again in the meantime.
                let mut running = self.running();
                if running.get(&id).is_some_and(|running| running.token == lease.token) {
                    running.remove(&id);
                }
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(failed) if failed.is_cancelled() => {
                "its lease was lost, or it did not end in time".to_owned()
            }
            Err(_) => "an internal error".to_owned(),
        };
        tracing::error!(session = %id, reason, "the session failed");
        let retry_at = now_millis() + REVIVAL.as_millis() as i64;
        let told = json!({ "reason": reason, "retryAt": retry_at });
        if let Err(error) = self.events.tell(id.clone(), "session.disconnected", &told).await {
            tracing::error!(session = %id, %error, "and that could not be told");
        }
        tokio::spawn(self.clone().revive(id));
    }

    /// Starts a session that failed, unless somebody did something else with it in the meantime.
    fn revive(self, id: AccountId) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move { self.try_again(id).await })
    }

    async fn try_again(&self, id: AccountId) {
        loop {
            tokio::time::sleep(REVIVAL).await;
            let _gate = self.gate(&id).await;
            if self.running().get(&id).is_some_and(|running| !running.task.is_finished()) {
                return;
            }
            // Otherwise the store still fails, perhaps for a while.
            match self.store.session(&id).await {
                Ok(Some(record)) if record.desired == DesiredState::Running => {
                    if self.launch(&record).await.is_ok() {
                        return;
                    }
                }
                Ok(_) => return,
                Err(error) => tracing::info!(session = %id, %error, "not yet"),
            }
        }
    }

    async fn halt(&self, id: &AccountId) {
        let running = self.running().remove(id);
        if let Some(Running { client, task, driver, .. }) = running {
            let ended = async {
                client.shutdown().await;
                task.await
            };
            if timeout(STOP_PATIENCE, ended).await.is_err() {
                tracing::warn!(session = %id, "the session does not end: it is cut off");
                driver.abort();
            }
        }
    }

    /// Waits for its turn to change a session's state.
    async fn gate(&self, id: &AccountId) -> OwnedMutexGuard<()> {
        let gate = {
            let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody holds or waits for are of no use.
            gates.retain(|_, gate| Arc::strong_count(gate) > 1);
            gates.entry(id.clone()).or_default().clone()
        };
        gate.lock_owned().await
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<AccountId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a session that does not run here: another node may run it.
fn elsewhere(record: &SessionRecord) -> Status {
    let running = record.desired == DesiredState::Running;
    match record.observed.as_ref().filter(|_| running) {
        Some(observed) if observed.state != ObservedState::LoggedOut => Status::Waiting {
            until: None,
            reason: "it runs on another node, or starts in a moment".to_owned(),
        },
        _ => Status::Stopped,
    }
}

/// Does what must not stop halfway when the request that wants it goes away.
async fn run_to_completion<T: Send + 'static>(
    change: impl Future<Output = ApiResult<T>> + Send + 'static,
) -> ApiResult<T> {
    let failed = |error| {
        tracing::error!(%error, "a change of a session failed");
        Err(ApiError::internal("an internal error: see the log"))
    };
    tokio::spawn(change).await.unwrap_or_else(failed)
}

fn note_code(show: &watch::Sender<Option<Code>>, event: &Event) {
    match event {
        Event::Qr { text, expires_at } => {
            show.send_replace(Some(Code { text: text.0.clone(), expires_at: *expires_at }));
        }
        Event::Paired { .. }
        | Event::Connected { .. }
        | Event::Disconnected { .. }
        | Event::LoggedOut { .. } => {
            show.send_replace(None);
        }
        _ => {}
    }
}
