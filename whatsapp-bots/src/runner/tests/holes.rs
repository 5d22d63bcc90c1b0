//! What might block a chat, say something twice, or say it too late.
use tokio::sync::Semaphore;
use whatsapp_store::{Changes, ConversationRecord};

use super::*;

/// Asks for a name when somebody says `order`.
fn orders(question: &str) -> Json {
    json!({
        "format": 1, "bot": {"id": "shop", "language": "en"},
        "flows": [{"id": "f", "entry": "name", "nodes": [
            {"id": "name", "kind": "ask", "config": {"text": question, "save": "name", "timeoutSeconds": 600},
                "exits": [{"id": "ok", "to": "bye"}, {"id": "timeout", "to": "late"}, {"id": "invalid", "to": "late"}]},
            {"id": "bye", "kind": "say", "config": {"text": "Bye {{ name }}."}, "exits": [{"id": "next"}]},
            {"id": "late", "kind": "say", "config": {"text": "Too late."}, "exits": [{"id": "next"}]},
        ]}],
        "triggers": [{"id": "order", "on": {"keyword": {"words": ["order"]}}, "flow": "f"}],
        "commands": [{"id": "human", "does": {"human": ""}, "words": ["human"]}],
    })
}

impl Bench {
    async fn put(&self, changes: impl IntoIterator<Item = FlowChange>) {
        let mut list = Changes::new(account());
        list.list.extend(changes.into_iter().map(Into::into));
        self.store.commit(list).await.unwrap();
    }

    async fn publish(&self, id: &str, definition: &Json, at: i64) {
        let (flow, definition) = (id.to_owned(), definition.to_string());
        self.put([
            FlowChange::PutDraft { flow: flow.clone(), name: String::new(), draft: None, at },
            FlowChange::Publish { flow: flow.clone(), definition, at, by: "ana".into() },
            FlowChange::SetEnabled { flow, enabled: true, at },
        ])
        .await;
    }

    async fn stored(&self) -> ConversationRecord {
        self.store.conversation(&account(), CHAT).await.unwrap().unwrap()
    }

    /// Writes the conversation as something else than this program would.
    async fn spoil(&self, spoil: impl FnOnce(&mut ConversationRecord)) {
        let mut record = self.stored().await;
        let expected = Some(record.revision);
        record.revision += 1;
        spoil(&mut record);
        self.put([FlowChange::PutConversation { record, expected }]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_nobody_wanted_is_not_heard_when_it_comes_again() {
    let bench = Bench::new(&orders("Your name?")).await;
    let bots = bench.bots();
    assert_eq!(bench.write(&bots, "1", "hello").await, Heard::Nobody);
    assert_eq!(bench.write(&bots, "2", "order").await, Heard::Answered);
    bench.until(&bots, 1).await;
    // The host died before it had noted how far it had come.
    let again = bench.bots();
    assert_eq!(bench.write(&again, "1", "hello").await, Heard::Again, "it is not the name");
    assert_eq!(bench.write(&again, "2", "order").await, Heard::Again);
    bench.write(&again, "3", "Ada").await;
    assert_eq!(bench.until(&again, 2).await, ["Your name?", "Bye Ada."]);
}

#[tokio::test(start_paused = true)]
async fn where_there_are_no_bots_nothing_is_noted() {
    let bench = Bench::new(&orders("Your name?")).await;
    bench.put([FlowChange::SetEnabled { flow: "shop".into(), enabled: false, at: 2 }]).await;
    assert_eq!(bench.write(&bench.bots(), "1", "hello").await, Heard::Nobody);
    assert!(!bench.store.input_seen(&account(), CHAT, "1").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_was_passed_over_is_not_heard_when_it_comes_again() {
    let bench = Bench::new(&orders("Your name?")).await;
    let bots = bench.bots();
    bots.pass_over(&account(), CHAT, "1").await.unwrap();
    bots.pass_over(&account(), CHAT, "1").await.unwrap();
    bench.write(&bots, "2", "order").await;
    let again = bots.hear(&account(), CHAT, "1", &Input::HumanTookOver, "").await.unwrap();
    assert_eq!((again, bench.stored().await.status), (Heard::Again, ConversationStatus::Waiting));
    bench.put([FlowChange::SetEnabled { flow: "shop".into(), enabled: false, at: 2 }]).await;
    bots.pass_over(&account(), CHAT, "3").await.unwrap();
    assert!(!bench.store.input_seen(&account(), CHAT, "3").await.unwrap(), "there are no bots");
}

/// Somebody who takes each message only when the test lets it.
#[derive(Default)]
struct Slow {
    phone: Phone,
    begun: Notify,
    may: Option<Semaphore>,
}

#[async_trait]
impl Outlet for Slow {
    async fn send(&self, account: &AccountId, chat: &str, id: &str, content: Content) -> Result<(), NotSent> {
        self.begun.notify_one();
        if let Some(may) = &self.may {
            may.acquire().await.unwrap().forget();
        }
        self.phone.send(account, chat, id, content).await
    }

    async fn request(&self, call: Call) -> Outcome {
        self.phone.request(call).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_ended_while_a_message_was_under_way_stays_ended() {
    let bench = Bench::new(&orders("Your name?")).await;
    let slow = Arc::new(Slow { may: Some(Semaphore::new(0)), ..Slow::default() });
    let bots = Bots::with_clock(bench.store.clone(), slow.clone(), Arc::new(bench.clock.clone()));
    bench.write(&bots, "1", "order").await;
    slow.begun.notified().await;
    bench.put([FlowChange::Delete { flow: "shop".into(), at: 2 }]).await;
    slow.may.as_ref().unwrap().add_permits(1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*slow.phone.order.lock().unwrap(), ["Your name?"]);
    assert_eq!(bench.stored().await.status, ConversationStatus::Ended);
    assert_eq!(bench.stored().await.wake_at, None);
}

#[tokio::test(start_paused = true)]
async fn a_chat_whose_bot_was_deleted_goes_on_with_another() {
    let bench = Bench::new(&orders("Your name?")).await;
    bench.phone.later.store(1, Ordering::Relaxed);
    bench.write(&bench.bots(), "1", "order").await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    bench.put([FlowChange::Delete { flow: "shop".into(), at: 2 }]).await;
    bench.publish("other", &orders("And who are you?"), 3).await;
    // A process that never knew the first one; what that had still to say goes with it.
    let bots = bench.bots();
    assert_eq!(bench.write(&bots, "2", "Ada").await, Heard::Nobody);
    assert_eq!(bench.write(&bots, "3", "order").await, Heard::Answered);
    assert_eq!(bench.until(&bots, 1).await, ["And who are you?"]);
    bench.write(&bots, "4", "Ada").await;
    assert_eq!(bench.until(&bots, 2).await[1], "Bye Ada.");
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_cannot_go_on_keeps_no_chat_from_the_next() {
    let spoilers: [fn(&mut ConversationRecord); 3] = [
        |record| record.version = 99,
        |record| record.flow = "nobody".to_owned(),
        |record| record.state = vec![9; 40].into(),
    ];
    for (place, spoil) in spoilers.into_iter().enumerate() {
        let bench = Bench::new(&orders("Your name?")).await;
        let bots = bench.bots();
        bench.write(&bots, "1", "order").await;
        bench.until(&bots, 1).await;
        bench.spoil(spoil).await;
        assert_eq!(bench.write(&bots, "2", "Ada").await, Heard::Nobody, "{place}");
        assert_eq!(bench.stored().await.status, ConversationStatus::Ended, "{place}: it says so");
        assert_eq!(bench.write(&bots, "3", "order").await, Heard::Answered, "{place}");
        bench.until(&bots, 2).await;
        bench.write(&bots, "4", "Ada").await;
        assert_eq!(bench.until(&bots, 3).await, ["Your name?", "Your name?", "Bye Ada."], "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_cannot_go_on_is_not_taken_again_and_again() {
    let spoilers: [fn(&mut ConversationRecord); 2] =
        [|record| record.version = 99, |record| record.state = vec![9; 40].into()];
    for (place, spoil) in spoilers.into_iter().enumerate() {
        let bench = Bench::new(&orders("Your name?")).await;
        let bots = bench.bots();
        bench.write(&bots, "1", "order").await;
        bench.until(&bots, 1).await;
        bench.spoil(spoil).await;
        bench.clock.0.fetch_add(700_000, Ordering::Relaxed);
        bots.look().await.unwrap();
        assert_eq!(bench.stored().await.status, ConversationStatus::Ended, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn timers_and_results_are_those_of_one_conversation_of_the_chat() {
    let bench = Bench::new(&shop()).await;
    let bots = bench.bots();
    bench.write(&bots, "1", "hi").await;
    bench.until(&bots, 1).await;
    bench.write(&bots, "2", "Ada").await;
    bench.until(&bots, 3).await;
    // The conversation is forgotten earlier than its inputs: the next one counts from the start again.
    bench.put([FlowChange::ForgetEnded { before: i64::MAX, limit: 10 }]).await;
    assert!(bench.store.conversation(&account(), CHAT).await.unwrap().is_none());
    bench.write(&bots, "3", "hi").await;
    bench.until(&bots, 4).await;
    bench.write(&bots, "4", "Ada").await;
    assert_eq!(bench.until(&bots, 6).await, [WHOLE, WHOLE].concat());
}

#[tokio::test(start_paused = true)]
async fn a_person_who_was_asked_for_outside_of_a_flow_gives_back() {
    let bench = Bench::new(&orders("Your name?")).await;
    let bots = bench.bots();
    assert_eq!(bench.write(&bots, "1", "human").await, Heard::Answered);
    assert_eq!(bench.stored().await.status, ConversationStatus::HandedOff);
    bench.write(&bots, "2", "order").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.shown().len(), 0, "the bot is silent");
    let released = bots.hear(&account(), CHAT, "release/1", &Input::HumanReleased, "").await.unwrap();
    assert_eq!(released, Heard::Answered);
    assert_eq!(bench.stored().await.status, ConversationStatus::Ended);
    bench.write(&bots, "3", "order").await;
    assert_eq!(bench.until(&bots, 1).await, ["Your name?"]);
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_is_made_anew_under_its_old_name_is_the_new_one() {
    let bench = Bench::new(&orders("Your name?")).await;
    let bots = bench.bots();
    bench.write(&bots, "1", "order").await;
    bench.until(&bots, 1).await;
    bench.put([FlowChange::Delete { flow: "shop".into(), at: 5 }]).await;
    bench.publish("shop", &orders("And who are you?"), 6).await;
    bench.write(&bots, "2", "order").await;
    assert_eq!(bench.until(&bots, 2).await[1], "And who are you?");
}

#[tokio::test(start_paused = true)]
async fn a_conversation_ends_in_the_version_that_it_began_in() {
    let bench = Bench::new(&orders("Your name?")).await;
    let bots = bench.bots();
    bench.write(&bots, "1", "order").await;
    bench.until(&bots, 1).await;
    let mut next = orders("And who are you?");
    next["flows"][0]["nodes"][1]["config"]["text"] = json!("Another end.");
    bench.publish("shop", &next, 5).await;
    let restarted = bench.bots();
    bench.write(&restarted, "2", "Ada").await;
    bench.until(&restarted, 2).await;
    bench.write(&restarted, "3", "order").await;
    assert_eq!(bench.until(&restarted, 3).await, ["Your name?", "Bye Ada.", "And who are you?"]);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_comes_after_the_end_changes_nothing() {
    let bench = Bench::new(&shop()).await;
    // One that was made earlier, and would be asked first.
    bench.publish("a-first", &orders("Your name?"), 0).await;
    let bots = bench.bots();
    bench.write(&bots, "1", "hi").await;
    bench.until(&bots, 1).await;
    bots.hear(&account(), CHAT, "cancel/1", &Input::Cancel, "").await.unwrap();
    let before = bench.stored().await;
    assert_eq!((before.status, &*before.flow), (ConversationStatus::Ended, "shop"));
    for input in [Input::Result { id: 3, outcome: Outcome::Failed("timeout".into()) }, Input::Timer { id: 2 }]
    {
        let heard = bots.hear(&account(), CHAT, &format!("{input:?}"), &input, "").await.unwrap();
        assert_eq!(heard, Heard::Nobody);
        assert!(bench.stored().await == before);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_before_a_person_took_over_comes_once_and_nothing_after_it() {
    let mut two = shop();
    two["flows"][0]["nodes"][0] = json!({"id": "name", "kind": "say", "config": {"text": "One."}, "exits": [{"id": "next", "to": "two"}]});
    let more = json!([
        {"id": "two", "kind": "say", "config": {"text": "Two."}, "exits": [{"id": "next", "to": "ask"}]},
        {"id": "ask", "kind": "ask", "config": {"text": "Your name?", "save": "name"},
            "exits": [{"id": "ok", "to": "price"}, {"id": "invalid", "to": "late"}]},
    ]);
    two["flows"][0]["nodes"].as_array_mut().unwrap().extend(more.as_array().unwrap().clone());
    let bench = Bench::new(&two).await;
    bench.phone.later.store(1, Ordering::Relaxed);
    let bots = bench.bots();
    bench.write(&bots, "1", "hi").await;
    bots.hear(&account(), CHAT, "takeover/1", &Input::HumanTookOver, "").await.unwrap();
    bench.write(&bots, "2", "Ada").await;
    assert_eq!(bench.until(&bots, 3).await, ["One.", "Two.", "Your name?"]);
    bots.hear(&account(), CHAT, "release/1", &Input::HumanReleased, "").await.unwrap();
    bench.write(&bots, "3", "Ada").await;
    assert_eq!(bench.until(&bots, 5).await[3..], ["Hello Ada, it is 9.90.", "Bye."]);
}

#[tokio::test(start_paused = true)]
async fn what_a_node_cannot_send_another_sends_soon() {
    let bench = Bench::new(&orders("Your name?")).await;
    // The one that hears has no session, and looks first each time.
    let nowhere = Arc::new(Phone::default());
    nowhere.later.store(i64::MAX, Ordering::Relaxed);
    let deaf = Bots::with_clock(bench.store.clone(), nowhere, Arc::new(bench.clock.clone()));
    bench.write(&deaf, "1", "order").await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (began, bots) = (bench.clock.now(), bench.bots());
    while bench.shown().is_empty() {
        bench.clock.0.fetch_add(500, Ordering::Relaxed);
        // By turns, as two that look twice a second.
        let looks = if bench.clock.now() / 500 % 3 == 0 { &bots } else { &deaf };
        looks.look().await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(bench.clock.now() - began < 5_000);
    }
    assert_eq!(bench.shown(), ["Your name?"]);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_is_nowhere_is_not_asked_for_all_the_time() {
    let bench = Bench::new(&orders("Your name?")).await;
    bench.phone.later.store(i64::MAX, Ordering::Relaxed);
    let bots = bench.bots();
    bench.write(&bots, "1", "order").await;
    for _ in 0..7_200 {
        bots.look().await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        bench.clock.0.fetch_add(500, Ordering::Relaxed);
    }
    let tried = i64::MAX - bench.phone.later.load(Ordering::Relaxed);
    assert!((100..200).contains(&tried), "{tried} times in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_trigger_cools_down_after_the_end() {
    let mut bot = orders("Your name?");
    bot["triggers"][0]["cooldownSeconds"] = json!(60);
    let bench = Bench::new(&bot).await;
    let bots = bench.bots();
    bench.write(&bots, "1", "order").await;
    bench.until(&bots, 1).await;
    bench.write(&bots, "2", "Ada").await;
    bench.until(&bots, 2).await;
    assert_eq!(bench.write(&bots, "3", "order").await, Heard::Nobody);
    bench.clock.0.fetch_add(61_000, Ordering::Relaxed);
    assert_eq!(bench.write(&bots, "4", "order").await, Heard::Answered);
}
