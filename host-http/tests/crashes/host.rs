//! The whole host, over a WebSocket and in real time: sessions and their leases, the outbox and who reads it, bots. It dies at writes
//! spread over all that it makes from linking to the last line.
//!
//! `BOT_HOST_DEATHS` says at how many of them, before and after each; they go on side by side.
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use host_http::{app::App, session::Service, time::now_millis};
use tokio::{runtime::Runtime, time::sleep};
use whatsapp_bots::Input;
use whatsapp_core::{
    client::WebSocket,
    jid::Jid,
    sim::{Behaviour, listen::Listener, runtime::Simulator},
};
use whatsapp_store::{
    ConversationStatus, ConversationStore, DesiredState, SessionRecord, SessionStore, memory::MemoryStore,
};

use crate::{
    LINES, SAID, bot,
    life::{Frail, Life, Moment},
    process::{ADA, ADA_CHAT, SHOP, account},
    publish,
};

/// A life that dies goes on in less: what a dead process had taken comes back after half a minute.
const PATIENCE: Duration = Duration::from_secs(150);

/// What outlives every process.
#[derive(Clone)]
struct World {
    simulator: Simulator,
    url: String,
    store: Arc<MemoryStore>,
}

/// A flow may not ask this machine: the request is refused, and the price stays open.
fn definition() -> String {
    let mut bot: serde_json::Value = serde_json::from_str(&bot()).unwrap();
    bot["flows"][0]["nodes"][1]["exits"][1]["to"] = "tell".into();
    bot.to_string()
}

fn expected() -> [&'static str; 7] {
    let mut lines = LINES;
    lines[2] = "Size 42 is .";
    lines
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

impl World {
    async fn new() -> Self {
        let simulator = Simulator::start(7);
        simulator.add_person(SHOP, "Shop", Behaviour::Silent).await.unwrap();
        simulator.add_person(ADA, "Ada", Behaviour::Read).await.unwrap();
        let listener = Listener::bind("127.0.0.1:0", simulator.clone()).await.unwrap();
        let url = listener.url().unwrap();
        tokio::spawn(listener.run());
        let store = Arc::new(MemoryStore::new());
        publish(&store, definition()).await;
        Self { simulator, url, store }
    }

    async fn shown(&self) -> Vec<String> {
        let ledger = self.simulator.ledger().await.unwrap().into_iter();
        let hers = ledger.filter(|entry| entry.phone == ADA);
        // One that is shown twice is there twice.
        hers.flat_map(|entry| vec![entry.text.unwrap_or_default(); entry.shown as usize]).collect()
    }

    async fn status(&self) -> Option<ConversationStatus> {
        let stored = self.store.conversation(&account(), ADA_CHAT).await.unwrap();
        stored.map(|stored| stored.status)
    }

    /// Ada writes as soon as she sees what she answers.
    async fn ada(self) {
        let is_linked = |session: &SessionRecord| {
            session
                .observed
                .as_ref()
                .is_some_and(|observed| observed.state == whatsapp_store::ObservedState::Connected)
        };
        while !self.store.session(&account()).await.unwrap().as_ref().is_some_and(is_linked) {
            sleep(Duration::from_millis(50)).await;
        }
        for (lines, text) in SAID {
            while self.shown().await.len() < lines {
                sleep(Duration::from_millis(50)).await;
            }
            self.simulator.send_as(ADA, &Jid::pn(SHOP), text).await.unwrap();
        }
    }

    async fn is_over(&self) -> bool {
        self.shown().await.len() >= LINES.len() && self.status().await == Some(ConversationStatus::Ended)
    }

    /// A process, until it dies or everything is said.
    async fn host(&self, life: &Arc<Life>) {
        let connector = Arc::new(WebSocket::new().unwrap());
        let service = Service { url: self.url.clone(), trust_root: self.simulator.trust_root(), connector };
        let store = Arc::new(Frail { inner: self.store.clone(), life: life.clone(), late: 0 });
        let app = App::new(store, service, "this", None);
        app.campaigns.start(app.sessions.clone(), String::new());
        let handled = async {
            // What fails does so because the process is dead.
            let _ = app.sessions.start_desired().await;
            while !self.is_over().await {
                self.handle(&app).await;
                sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = life.death() => {}
            () = handled => {}
        }
    }

    /// What people do at the host: they link, and give back.
    async fn handle(&self, app: &App) {
        let id = account();
        let Some(record) = self.store.session(&id).await.unwrap() else {
            let (name, desired) = ("Shop".to_owned(), DesiredState::Running);
            let record =
                SessionRecord { id, name, desired, created_at: now_millis(), updated_at: 0, observed: None };
            let _ = app.sessions.create(record).await;
            return;
        };
        let code = app.sessions.code(&id).ok().and_then(|code| code.borrow().clone());
        match app.sessions.view(record).status {
            "logged_out" => drop(app.sessions.restart(&id).await),
            "awaiting_pairing" => {
                if let Some(code) = code {
                    let _ = self.simulator.scan_qr(&code.text, Some(SHOP)).await;
                }
            }
            _ => {}
        }
        if self.status().await == Some(ConversationStatus::HandedOff) && self.shown().await.len() > 5 {
            let _ = app.bots.hear(&id, ADA_CHAT, "release/1", &Input::HumanReleased, "").await;
        }
    }
}

/// From nothing to the end; how many writes the first process made.
fn play(death: Option<(u32, Moment)>) -> u32 {
    let outside = runtime();
    let world = outside.block_on(World::new());
    let writing = outside.spawn(world.clone().ada());
    let first = Life::new(death);
    let (mut life, started) = (first.clone(), Instant::now());
    loop {
        let inside = runtime();
        let in_time =
            inside.block_on(async { tokio::time::timeout(PATIENCE, world.host(&life)).await.is_ok() });
        inside.shutdown_background();
        let shown = outside.block_on(world.shown());
        assert!(in_time && started.elapsed() < 2 * PATIENCE, "dead at {death:?}: she was shown {shown:?}");
        if outside.block_on(world.is_over()) && !life.is_dead() {
            assert_eq!(shown, expected(), "dead at {death:?}");
            writing.abort();
            outside.shutdown_background();
            return first.writes();
        }
        life = Life::new(None);
    }
}

#[test]
fn the_whole_host_dies_at_writes_from_the_first_to_the_last() {
    let writes = play(None);
    assert!(writes > 60, "a conversation is many writes, and not {writes}");
    let wanted = std::env::var("BOT_HOST_DEATHS").ok().and_then(|value| value.parse().ok()).unwrap_or(6);
    let step = usize::try_from(writes.div_ceil(wanted)).unwrap();
    let deaths: Vec<_> = (1..=writes)
        .step_by(step)
        .flat_map(|write| [(write, Moment::Before), (write, Moment::After)])
        .collect();
    for some in deaths.chunks(24) {
        thread::scope(|scope| {
            some.iter().for_each(|death| drop(scope.spawn(|| play(Some(*death)))));
        });
    }
    eprintln!("{} deaths among {writes} writes", deaths.len());
}
