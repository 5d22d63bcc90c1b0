use std::sync::Mutex as StdMutex;

use whatsapp_store::{EventStore, NewEvent, memory::MemoryStore};

use super::*;

/// Takes all but one kind of event, and is slow for one workspace.
#[derive(Clone, Default)]
struct Picky {
    heard: Arc<StdMutex<Vec<String>>>,
    mended: Arc<std::sync::atomic::AtomicBool>,
}

#[async_trait]
impl Ear for Picky {
    async fn take(&self, events: Vec<EventRecord>) -> Result<(), Error> {
        assert!(events.iter().all(|event| event.workspace == events[0].workspace), "of one workspace");
        if events[0].workspace.as_str() == "slow" {
            sleep(Duration::from_secs(20)).await;
        }
        for event in events {
            if event.key == "poison" && !self.mended.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Invalid, "hearing"));
            }
            self.heard.lock().unwrap().push(format!("{}/{}", event.workspace, event.key));
        }
        Ok(())
    }
}

impl Picky {
    fn has_heard(&self, what: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|heard| heard == what)
    }
}

async fn put(store: &MemoryStore, workspace: &str, keys: &[&str]) {
    let mut changes = Changes::new(workspace.parse::<WorkspaceId>().unwrap());
    for key in keys {
        changes.push(EventChange::Put(NewEvent { key: (*key).into(), data: "null".into(), at: 1 }));
    }
    store.commit(changes).await.unwrap();
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let waiting = async {
        while !holds().await {
            sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(timeout(Duration::from_secs(600), waiting).await.is_ok(), "{what}: it never came about");
}

fn start(store: &Arc<MemoryStore>, node: &str, ear: &Picky) -> (Consumers, tokio::task::JoinHandle<()>) {
    let consumers = Consumers::new(store.clone(), node);
    consumers.register("test", ear.clone());
    let running = tokio::spawn(consumers.clone().run("test", std::future::pending()));
    (consumers, running)
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_taken_in_stops_no_other_and_can_be_replayed() {
    let store = Arc::new(MemoryStore::new());
    put(&store, "default", &["a", "poison", "b", "poison", "c"]).await;
    put(&store, "other", &["d"]).await;
    let ear = Picky::default();
    let (consumers, running) = start(&store, "me", &ear);
    until("others do not wait", async || ear.has_heard("other/d")).await;
    let workspace = WorkspaceId::default();
    let letters = consumers.dead_letters();
    until("both are set aside", async || letters.page(&workspace, None).await.unwrap().0.len() == 2).await;
    until("it goes on", async || ear.has_heard("default/c")).await;
    assert!(ear.has_heard("default/b"));
    let told = store.all_events(None, 100).await.unwrap();
    let told: Vec<_> = told.into_iter().filter(|event| event.key == "event.failed").collect();
    assert!(told.len() == 2 && told[0].data.contains(r#""eventId":"2""#), "{told:?}");
    until("it has joined the others", async || store.consumers("test@").await.unwrap().is_empty()).await;
    until("the others go on", async || {
        store.passed("test").await.unwrap() == store.last_event().await.unwrap()
    })
    .await;
    // What was in its way is out of it.
    ear.mended.store(true, std::sync::atomic::Ordering::Relaxed);
    let letter = letters.find(&workspace, "test", "2").await.unwrap().unwrap();
    assert!(letter.reason.contains("hearing"), "{}", letter.reason);
    consumers.ear("test").unwrap().take(vec![letter.into_event(&workspace)]).await.unwrap();
    assert!(ear.has_heard("default/poison"));
    letters.forget(&workspace, i64::MAX).await.unwrap();
    assert!(letters.page(&workspace, None).await.unwrap().0.is_empty());
    running.abort();
}

#[tokio::test(start_paused = true)]
async fn a_slow_workspace_follows_by_itself_and_after_a_crash_goes_on_where_it_was() {
    let store = Arc::new(MemoryStore::new());
    put(&store, "slow", &["s1", "s2"]).await;
    put(&store, "quick", &["q1"]).await;
    let ear = Picky::default();
    let (_, running) = start(&store, "me", &ear);
    until("it is left behind", async || !store.consumers("test@").await.unwrap().is_empty()).await;
    put(&store, "quick", &["q2"]).await;
    until("the quick one does not wait", async || ear.has_heard("quick/q2")).await;
    assert!(!ear.has_heard("slow/s1"));
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    let (_, running) = start(&store, "me", &ear);
    put(&store, "slow", &["s3"]).await;
    until("all of it is heard", async || {
        ["s1", "s2", "s3"].iter().all(|key| ear.has_heard(&format!("slow/{key}")))
    })
    .await;
    until("it has joined the others", async || store.consumers("test@").await.unwrap().is_empty()).await;
    running.abort();
}
