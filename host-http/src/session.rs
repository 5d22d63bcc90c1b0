//! Sessions: one client each, which come and go without touching one another.
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::{
    sync::{OwnedMutexGuard, watch},
    task::{AbortHandle, JoinHandle},
    time::timeout,
};
use whatsapp_core::{
    Config,
    client::{Client, Connector, Status},
    event::Event,
    noise::TrustRoot,
    time::Timestamp,
};
use whatsapp_store::{AccountId, Change, Changes, MessageStatus, SessionRecord, Store, WantedState};

use crate::{
    error::{ApiError, ApiResult},
    events::Events,
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
    service: Service,
    events: Events,
    running: Arc<Mutex<HashMap<AccountId, Running>>>,
    gates: Arc<Mutex<HashMap<AccountId, Gate>>>,
}

/// Held while a session is made, started, stopped or deleted: two clients of one account would both use its keys.
type Gate = Arc<tokio::sync::Mutex<()>>;

#[derive(Debug)]
struct Running {
    client: Client,
    code: watch::Receiver<Option<Code>>,
    task: JoinHandle<()>,
    driver: AbortHandle,
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
    /// None running.
    pub fn new(store: Arc<dyn Store>, service: Service, events: Events) -> Self {
        Self { store, service, events, running: Arc::default(), gates: Arc::default() }
    }

    /// Starts those that should run.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn start_wanted(&self) -> Result<(), whatsapp_store::Error> {
        for session in self.store.all_sessions().await? {
            if session.wanted == WantedState::Running {
                self.launch(&session);
            }
        }
        Ok(())
    }

    /// Makes and starts a session.
    ///
    /// # Errors
    /// When there is one of that id, or it cannot be stored.
    pub async fn create(&self, record: SessionRecord) -> ApiResult<SessionView> {
        let sessions = self.clone();
        to_the_end(async move {
            let _gate = sessions.gate(&record.id).await;
            if sessions.store.session(&record.id).await?.is_some() {
                return Err(ApiError::conflict(format!("there is a session {} already", record.id)));
            }
            sessions.save(record.clone()).await?;
            sessions.launch(&record);
            Ok(sessions.view(record))
        })
        .await
    }

    /// Starts or stops a session, and remembers that it should be so.
    ///
    /// # Errors
    /// When there is none of that id, or it cannot be stored.
    pub async fn want(&self, id: &AccountId, wanted: WantedState) -> ApiResult<SessionView> {
        let (sessions, id) = (self.clone(), id.clone());
        to_the_end(async move {
            let _gate = sessions.gate(&id).await;
            sessions.bring_to(&id, wanted).await
        })
        .await
    }

    async fn bring_to(&self, id: &AccountId, wanted: WantedState) -> ApiResult<SessionView> {
        let record = SessionRecord { wanted, ..self.record(id).await? };
        self.save(record.clone()).await?;
        match wanted {
            WantedState::Running => self.launch(&record),
            _ => self.halt(id).await,
        }
        Ok(self.view(record))
    }

    /// Stops and starts a session.
    ///
    /// # Errors
    /// As [`Sessions::want`].
    pub async fn restart(&self, id: &AccountId) -> ApiResult<SessionView> {
        let (sessions, id) = (self.clone(), id.clone());
        to_the_end(async move {
            let _gate = sessions.gate(&id).await;
            sessions.record(&id).await?;
            sessions.halt(&id).await;
            sessions.bring_to(&id, WantedState::Running).await
        })
        .await
    }

    /// Logs out if connected, stops, and forgets everything of the session.
    ///
    /// # Errors
    /// When there is none of that id, or the store fails.
    pub async fn delete(&self, id: &AccountId) -> ApiResult<()> {
        let (sessions, id) = (self.clone(), id.clone());
        to_the_end(async move {
            let _gate = sessions.gate(&id).await;
            sessions.record(&id).await?;
            if let Ok(client) = sessions.client(&id)
                && let Err(error) = client.log_out().await
            {
                tracing::info!(session = %id, %error, "deleted without logging out");
            }
            sessions.halt(&id).await;
            let mut changes = Changes::new(id);
            changes.push(Change::DeleteSession);
            Ok(sessions.store.commit(changes).await?)
        })
        .await
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
        client.ok_or_else(|| ApiError::conflict("the session is not running: start it first"))
    }

    /// Follows the code on show.
    ///
    /// # Errors
    /// When the session does not run.
    pub fn code(&self, id: &AccountId) -> ApiResult<watch::Receiver<Option<Code>>> {
        let code = self.running().get(id).map(|running| running.code.clone());
        code.ok_or_else(|| ApiError::conflict("the session is not running: start it first"))
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
            None => (Status::Stopped, None),
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

    /// Ends all of them, side by side.
    pub async fn shutdown(&self) {
        let ids: Vec<_> = self.running().keys().cloned().collect();
        let halts = ids.iter().map(|id| self.halt(id));
        futures_util::future::join_all(halts).await;
    }

    async fn save(&self, record: SessionRecord) -> ApiResult<()> {
        let mut changes = Changes::new(record.id.clone());
        changes.push(Change::PutSession(record));
        Ok(self.store.commit(changes).await?)
    }

    fn launch(&self, record: &SessionRecord) {
        let mut running = self.running();
        if running.get(&record.id).is_some_and(|running| !running.task.is_finished()) {
            return;
        }
        let mut config = Config::new(record.id.clone());
        config.server_url = self.service.url.clone();
        config.trust_root = self.service.trust_root;
        config.push_name = Some(record.name.clone());
        let parts = Client::new(self.store.clone(), config).with_connector(self.service.connector.clone());
        let (client, mut happened, driver) = parts.into_parts();
        let (show, code) = watch::channel(None);
        let (sessions, events, id) = (self.clone(), self.events.clone(), record.id.clone());
        let driving = tokio::spawn(driver.run());
        let driver = driving.abort_handle();
        let task = tokio::spawn(async move {
            while let Some(event) = happened.next().await {
                note_code(&show, &event);
                tell(&events, &id.to_string(), event);
            }
            show.send_replace(None);
            let reason = match driving.await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(failed) if failed.is_cancelled() => return,
                Err(_) => "an internal error".to_owned(),
            };
            tracing::error!(session = %id, reason, "the session failed");
            let retry_at = now_millis() + REVIVAL.as_millis() as i64;
            events.tell(
                &id.to_string(),
                "session.disconnected",
                json!({ "reason": reason, "retryAt": retry_at }),
            );
            tokio::spawn(sessions.revive(id));
        });
        running.insert(record.id.clone(), Running { client, code, task, driver });
    }

    /// Starts a session again that failed, unless somebody did something else with it in the meantime.
    async fn revive(self, id: AccountId) {
        loop {
            tokio::time::sleep(REVIVAL).await;
            let _gate = self.gate(&id).await;
            let failed = self.running().get(&id).is_some_and(|running| running.task.is_finished());
            if !failed {
                return;
            }
            // Otherwise the store still fails, perhaps for a while.
            if let Ok(record) = self.record(&id).await {
                return self.launch(&record);
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

/// Does what must not stop halfway when the request that wants it goes away.
async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = ApiResult<T>> + Send + 'static,
) -> ApiResult<T> {
    let failed = |error| {
        tracing::error!(%error, "a change of a session failed");
        Err(ApiError::internal("an internal error: see the log"))
    };
    tokio::spawn(change).await.unwrap_or_else(failed)
}

/// Now, in milliseconds since the Unix epoch.
pub(crate) fn now_millis() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as i64
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

fn tell(events: &Events, id: &str, event: Event) {
    let (name, data): (&'static str, Value) = match event {
        Event::Qr { text, expires_at } => {
            ("session.qr.generated", json!({ "qr": text.0, "expiresAt": expires_at.as_millis() }))
        }
        Event::Paired { jid, lid } => ("session.paired", addresses(&jid, lid.as_ref())),
        Event::PairingFailed { reason } => ("session.pairing.failed", json!({ "reason": reason })),
        Event::Connected { jid, lid } => ("session.connected", addresses(&jid, lid.as_ref())),
        Event::OfflineDone { count } => ("session.synced", json!({ "count": count })),
        Event::Disconnected { reason, retry_at } => (
            "session.disconnected",
            json!({ "reason": reason, "retryAt": retry_at.map(Timestamp::as_millis) }),
        ),
        Event::LoggedOut { reason } => ("session.logout", json!({ "reason": reason })),
        Event::Message(message) => {
            ("message.received", json!({ "from": message.key.sender, "message": message }))
        }
        Event::Status { key, status } => {
            let name = match status {
                MessageStatus::Sent => "message.sent",
                MessageStatus::Delivered => "message.delivered",
                MessageStatus::Read => "message.read",
                MessageStatus::Failed => "message.failed",
                _ => return,
            };
            (name, json!(key))
        }
        Event::Refused { key, reason } => {
            ("message.refused", json!({ "message": key, "reason": reason.to_string() }))
        }
        Event::Undecryptable { key, gave_up } => {
            ("message.undecryptable", json!({ "message": key, "gaveUp": gave_up }))
        }
        Event::IdentityChanged { jid } => ("contact.identity.changed", json!({ "jid": jid.to_string() })),
        _ => return,
    };
    events.tell(id, name, data);
}

fn addresses(jid: &whatsapp_core::jid::Jid, lid: Option<&whatsapp_core::jid::Jid>) -> Value {
    json!({ "jid": jid.to_string(), "lid": lid.map(ToString::to_string) })
}
