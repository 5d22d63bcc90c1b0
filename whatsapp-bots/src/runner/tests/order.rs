//! What was written before a question could be seen, and what is told of messages.
use whatsapp_store::EventStore;

use super::*;

/// Asks whoever writes for a name, and says goodbye.
fn asks() -> Json {
    json!({
        "format": 1, "bot": {"id": "shop", "language": "en"},
        "flows": [{"id": "f", "entry": "name", "nodes": [
            {"id": "name", "kind": "ask", "config": {"text": "Your name?", "save": "name"},
                "exits": [{"id": "ok", "to": "bye"}, {"id": "invalid", "to": "bye"}]},
            {"id": "bye", "kind": "say", "config": {"text": "Bye {{ name }}."}, "exits": [{"id": "next"}]},
        ]}],
        "triggers": [{"id": "any", "on": "anyMessage", "flow": "f"}],
        "commands": [{"id": "stop", "does": "stop", "words": ["stop"]}],
    })
}

/// Answers a request, and then asks for a name.
fn asks_after_a_request() -> Json {
    let mut bot = asks();
    bot["flows"][0]["entry"] = json!("look");
    bot["flows"][0]["nodes"].as_array_mut().unwrap().push(json!({"id": "look", "kind": "http",
        "config": {"url": "https://example.org"}, "exits": [{"id": "ok", "to": "name"}, {"id": "error", "to": "name"}]}));
    bot
}

impl Bench {
    /// A message with its stamp, and when it came, in seconds and in milliseconds after the start of the clock.
    async fn came(&self, bots: &Bots, text: &str, stamp: i64, received: i64) {
        let (at, received_at) = (Some(1_000_000 + stamp * 1_000), Some(1_000_000 + received));
        let message = Message { id: text.into(), at, received_at, ..Message::text(text) };
        bots.hear(&account(), CHAT, text, &Input::Message(message), "Ada").await.unwrap();
    }

    async fn at(&self, millis: i64) {
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.clock.0.store(1_000_000 + millis, Ordering::Relaxed);
    }

    async fn told(&self) -> Vec<(String, Json)> {
        let events = self.store.events(&WorkspaceId::default(), None, 100).await.unwrap();
        let told = events.into_iter().map(|event| (event.key, serde_json::from_str(&event.data).unwrap()));
        told.filter(|(key, _)| key.starts_with("chatbot.response")).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn two_messages_at_once_are_no_answer() {
    let bench = Bench::new(&asks()).await;
    let bots = bench.bots();
    bench.came(&bots, "hey", 0, 100).await;
    // Taken before the question left.
    bench.came(&bots, "I need help with order 7", 0, 150).await;
    assert_eq!(bench.until(&bots, 1).await, ["Your name?"]);
    bench.came(&bots, "Ada", 0, 200).await;
    assert_eq!(bench.until(&bots, 2).await[1], "Bye Ada.");
}

#[tokio::test(start_paused = true)]
async fn what_came_before_the_question_left_is_no_answer_when_it_is_taken_later() {
    let bench = Bench::new(&asks()).await;
    let bots = bench.bots();
    bench.at(300).await;
    bench.came(&bots, "hey", 0, 100).await;
    bench.at(900).await;
    bench.came(&bots, "I need help with order 7", 0, 250).await;
    bench.at(901).await;
    assert_eq!(bench.shown(), ["Your name?"]);
    // In the same second, after it: a fast hand.
    bench.came(&bots, "Ada", 0, 400).await;
    assert_eq!(bench.until(&bots, 2).await[1], "Bye Ada.");
}

#[tokio::test(start_paused = true)]
async fn stamps_tell_of_messages_that_waited_on_the_way() {
    let bench = Bench::new(&asks()).await;
    let bots = bench.bots();
    bench.at(60_000).await;
    bench.came(&bots, "hey", 1, 60_000).await;
    bench.at(60_500).await;
    bench.came(&bots, "I need help with order 7", 3, 60_400).await;
    bench.at(60_600).await;
    assert_eq!(bench.shown(), ["Your name?"]);
    bench.came(&bots, "Ada", 60, 60_600).await;
    assert_eq!(bench.until(&bots, 2).await[1], "Bye Ada.");
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_request_waits_is_no_answer_to_what_is_asked_then() {
    let bench = Bench::new(&asks_after_a_request()).await;
    let bots = bench.bots();
    bench.came(&bots, "hey", 0, 0).await;
    bench.came(&bots, "hello?", 0, 1).await;
    assert_eq!(bench.until(&bots, 1).await, ["Your name?"]);
    bench.came(&bots, "Ada", 1, 1_900).await;
    assert_eq!(bench.until(&bots, 2).await[1], "Bye Ada.");
}

#[tokio::test(start_paused = true)]
async fn a_command_is_heard_at_any_time() {
    let bench = Bench::new(&asks()).await;
    let bots = bench.bots();
    bench.came(&bots, "hey", 0, 100).await;
    bench.came(&bots, "stop", 0, 150).await;
    let stored = bench.store.conversation(&account(), CHAT).await.unwrap().unwrap();
    assert!(bench.until(&bots, 1).await.len() == 1 && stored.revision > 1);
    let workspace = WorkspaceId::default();
    assert_eq!(bench.store.suppressed(&workspace, &["4915110000001".into()]).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_heard_after_a_crash_though_the_question_is_sent_again() {
    let bench = Bench::new(&asks()).await;
    bench.phone.dies_at.store(1, Ordering::Relaxed);
    let dying = bench.bots();
    bench.came(&dying, "hey", 0, 0).await;
    bench.at(2_000).await;
    // Shown, and never taken off. She answers before the next process sends it again.
    let bots = bench.bots();
    bench.came(&bots, "Ada", 1, 1_500).await;
    assert_eq!(bench.until(&bots, 2).await, ["Your name?", "Bye Ada."]);
}

#[tokio::test(start_paused = true)]
async fn a_response_is_told_when_it_was_handed_over() {
    let bench = Bench::new(&asks()).await;
    bench.phone.later.store(2, Ordering::Relaxed);
    let bots = bench.bots();
    bench.write(&bots, "1", "hey").await;
    assert_eq!(bench.told().await, []);
    bench.until(&bots, 1).await;
    let [(key, data)] = &bench.told().await[..] else { panic!("one event") };
    let id = bench.phone.shown.lock().unwrap().keys().next().unwrap().clone();
    assert_eq!(
        (key.as_str(), &data["messageId"], &data["chat"]),
        ("chatbot.response.sent", &json!(id), &json!(CHAT))
    );
}

/// An account that can never send such a message.
struct Refuses;

#[async_trait]
impl Outlet for Refuses {
    async fn send(&self, _: &AccountId, _: &str, _: &str, _: Content) -> Result<(), NotSent> {
        Err(NotSent::Never("no such person".into()))
    }

    async fn request(&self, _: Call) -> Outcome {
        Outcome::Failed("nobody".into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_response_that_cannot_be_sent_is_told_with_the_reason() {
    let bench = Bench::new(&asks()).await;
    let bots = Bots::with_clock(bench.store.clone(), Arc::new(Refuses), Arc::new(bench.clock.clone()));
    bench.write(&bots, "1", "hey").await;
    bench.at(10).await;
    let [(key, data)] = &bench.told().await[..] else { panic!("one event") };
    assert_eq!((key.as_str(), &data["reason"]), ("chatbot.response.failed", &json!("no such person")));
    assert!(data["messageId"].as_str().is_some_and(|id| id.starts_with("3EB0")));
}
