//! Messages that people edit or delete: each text is heard once, as long as its message has not been taken.
use proptest::prelude::*;
use whatsapp_store::EventStore;

use super::*;
use crate::Meaning;

/// Starts by `help`, asks for a mail, makes a request, asks for an order, and ends; `stop` ends messages.
fn front_office() -> Json {
    json!({
        "format": 1, "bot": {"id": "shop", "language": "en"},
        "flows": [{"id": "f", "interrupt": "commands", "entry": "mail", "nodes": [
            {"id": "mail", "kind": "ask", "config": {"text": "Mail?", "answer": "email", "save": "mail",
                "retries": {"max": 3, "say": "No mail. Again?"}},
                "exits": [{"id": "ok", "to": "look"}, {"id": "invalid", "to": "bye"}]},
            {"id": "look", "kind": "http", "config": {"url": "https://example.org"},
                "exits": [{"id": "ok", "to": "order"}, {"id": "error", "to": "order"}]},
            {"id": "order", "kind": "wait", "config": {"reply": true, "save": "order"}, "exits": [{"id": "reply", "to": "bye"}]},
            {"id": "bye", "kind": "say", "config": {"text": "{{ mail }}: {{ order }}"}, "exits": [{"id": "next"}]},
        ]}],
        "triggers": [{"id": "help", "on": {"keyword": {"words": ["help"]}}, "flow": "f"}],
        "commands": [{"id": "stop", "does": "stop", "words": ["halt"]}, {"id": "again", "does": "restart", "words": ["again"]}],
    })
}

fn message(id: &str, text: &str, at: i64) -> Input {
    Input::Message(Message { id: id.into(), at: Some(at), ..Message::text(text) })
}

impl Bench {
    /// A message as it stands after its last edit: `id@2` of `id`.
    async fn edit(&self, bots: &Bots, edit: &str, text: &str) -> Heard {
        let (id, _) = edit.split_once('@').unwrap();
        let heard = bots.hear_edit(&self.edited(edit, &message(id, text, 1_000_000))).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        heard
    }

    fn edited<'a>(&self, edit: &'a str, input: &'a Input) -> Edit<'a> {
        static ACCOUNT: std::sync::OnceLock<AccountId> = std::sync::OnceLock::new();
        let message = edit.split_once('@').unwrap().0;
        Edit { account: ACCOUNT.get_or_init(account), chat: CHAT, message, id: edit, input, name: "Ada" }
    }

    async fn says(&self, bots: &Bots, id: &str, text: &str) -> Heard {
        let input = message(id, text, self.clock.0.fetch_add(10_000, Ordering::Relaxed) + 10_000);
        let heard = bots.hear(&account(), CHAT, id, &input, "Ada").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        heard
    }

    /// The messages whose edits came too late.
    async fn ignored(&self) -> Vec<String> {
        let events = self.store.events(&WorkspaceId::default(), None, 100).await.unwrap();
        let events = events.into_iter().filter(|event| event.key == "chatbot.edit.ignored");
        let data = events.map(|event| serde_json::from_str::<Json>(&event.data).unwrap());
        data.inspect(|data| assert_eq!((&data["code"], &data["chatbotId"]), (&json!("R014"), &json!("shop"))))
            .map(|data| data["messageId"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_comes_before_its_message_is_the_message() {
    let bench = Bench::new(&front_office()).await;
    let bots = bench.bots();
    assert_eq!(bench.edit(&bots, "1@1", "help").await, Heard::Answered);
    assert_eq!(bench.says(&bots, "1", "hlep").await, Heard::Again);
    assert_eq!(bench.edit(&bots, "1@1", "help").await, Heard::Again);
    assert_eq!(bench.shown(), ["Mail?"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_edited_before_its_turn_is_heard_once() {
    let bench = Bench::new(&front_office()).await;
    let bots = bench.bots();
    let input = message("1", "help", 1_000_000);
    for heard in [Heard::Answered, Heard::Again] {
        assert_eq!(bots.hear_edited_message(&bench.edited("1@1", &input)).await.unwrap(), heard);
    }
    assert_eq!(bench.edit(&bots, "1@1", "help").await, Heard::Again);
    assert_eq!(bench.edit(&bots, "1@2", "help me").await, Heard::Answered, "the next edit comes too late");
    assert_eq!((bench.shown(), bench.ignored().await), (vec!["Mail?".to_owned()], vec!["1".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn the_edit_of_a_refused_answer_is_a_new_answer() {
    let bench = Bench::new(&front_office()).await;
    let bots = bench.bots();
    bench.says(&bots, "1", "help").await;
    bench.says(&bots, "2", "ana").await;
    bench.says(&bots, "3", "ana at example.org").await;
    // Of an earlier answer, too; a refused one uses up a retry, as any answer.
    bench.edit(&bots, "2@1", "ana@").await;
    bench.edit(&bots, "2@1", "ana@").await;
    assert_eq!(bench.shown(), ["Mail?", "No mail. Again?", "No mail. Again?", "No mail. Again?"]);
    bench.edit(&bots, "3@1", "ana@example.org").await;
    bench.edit(&bots, "2@2", "eve@example.org").await;
    bench.says(&bots, "4", "order 7").await;
    assert_eq!(bench.shown()[4..], ["ana@example.org: order 7"]);
    assert_eq!(bench.ignored().await, ["2"]);
}

#[tokio::test(start_paused = true)]
async fn an_edit_after_the_talk_has_moved_on_answers_and_starts_nothing() {
    let bench = Bench::new(&front_office()).await;
    let bots = bench.bots();
    bench.says(&bots, "1", "help").await;
    bench.says(&bots, "2", "ana@example.org").await;
    for (edit, text) in [("2@1", "eve@example.org"), ("1@1", "help!"), ("2@2", "again"), ("2@3", "")] {
        bench.edit(&bots, edit, text).await;
    }
    assert_eq!(bench.shown(), ["Mail?"], "it still waits for the order");
    bench.says(&bots, "3", "order 7").await;
    assert_eq!(bench.shown()[1..], ["ana@example.org: order 7"]);
    // It is over, and all of them were taken.
    for (edit, text) in [("1@2", "help"), ("3@1", "help"), ("2@4", "help")] {
        assert_eq!(bench.edit(&bots, edit, text).await, Heard::Nobody);
    }
    assert_eq!(bench.shown().len(), 2);
    assert_eq!(bench.ignored().await, ["2", "1", "2", "1", "3", "2"]);
}

#[tokio::test(start_paused = true)]
async fn the_edit_of_a_message_that_started_nothing_is_a_message() {
    let bench = Bench::new(&front_office()).await;
    let bots = bench.bots();
    assert_eq!(bench.says(&bots, "1", "hlep").await, Heard::Nobody);
    assert_eq!(bench.edit(&bots, "1@1", "hepl").await, Heard::Nobody);
    assert_eq!(bench.edit(&bots, "1@2", "help").await, Heard::Answered);
    assert_eq!(bench.edit(&bots, "1@2", "help").await, Heard::Again);
    assert_eq!(bench.edit(&bots, "1@3", "help me").await, Heard::Answered);
    assert_eq!((bench.shown().len(), bench.ignored().await.len()), (1, 1));
    // While a conversation is live, it starts nothing; afterwards it does.
    let bench = Bench::new(&front_office()).await;
    let bots = bench.bots();
    bench.says(&bots, "1", "hlep").await;
    bench.says(&bots, "2", "help").await;
    bench.edit(&bots, "1@1", "help").await;
    assert_eq!(bench.shown(), ["Mail?"]);
    bench.says(&bots, "3", "halt").await;
    bench.edit(&bots, "1@2", "help").await;
    assert_eq!(bench.shown(), ["Mail?"], "the edit before was taken, as too late");
    bench.says(&bots, "4", "hlep").await;
    bench.edit(&bots, "4@1", "help").await;
    assert_eq!(bench.shown(), ["Mail?", "Mail?"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_behind_a_request_is_answered_as_it_stands() {
    let bench = Bench::new(&front_office()).await;
    let bots = bench.bots();
    bench.says(&bots, "1", "help").await;
    let at = bench.clock.0.fetch_add(20_000, Ordering::Relaxed) + 20_000;
    bots.hear(&account(), CHAT, "2", &message("2", "ana@example.org", at), "Ada").await.unwrap();
    // Nothing has run since: the request is still to be made.
    let hear = async |id: &str, text: &str| {
        let input = message(id, text, at);
        bots.hear(&account(), CHAT, id, &input, "Ada").await.unwrap();
    };
    hear("3", "order 6").await;
    hear("4", "order 8").await;
    let input = message("3", "order 7", at);
    bots.hear_edit(&bench.edited("3@1", &input)).await.unwrap();
    bots.hear_deletion(&account(), CHAT, "4").await.unwrap();
    assert!(
        !format!("{:?}", bench.store.conversation(&account(), CHAT).await.unwrap().unwrap().state)
            .contains("order 8")
    );
    bench.until(&bots, 2).await;
    assert_eq!(bench.shown(), ["Mail?", "ana@example.org: order 7"]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_message_keeps_its_effect_and_uses_up_no_retry() {
    let bench = Bench::new(&front_office()).await;
    let bots = bench.bots();
    bench.says(&bots, "1", "help").await;
    bench.says(&bots, "2", "ana").await;
    let before = bench.store.conversation(&account(), CHAT).await.unwrap();
    for id in ["1", "2", "unknown"] {
        bots.hear_deletion(&account(), CHAT, id).await.unwrap();
    }
    assert_eq!(bench.store.conversation(&account(), CHAT).await.unwrap(), before);
    bench.says(&bots, "3", "ana@example.org").await;
    bots.hear_deletion(&account(), CHAT, "3").await.unwrap();
    bench.says(&bots, "4", "order 7").await;
    assert_eq!(bench.shown()[2..], ["ana@example.org: order 7"]);
}

#[tokio::test(start_paused = true)]
async fn a_command_that_ends_messages_is_heard_in_every_edit() {
    let bench = Bench::new(&front_office()).await;
    let bots = bench.bots();
    let stops = async || {
        let workspace = WorkspaceId::default();
        let contact = bench.store.contact_by_phone(&workspace, "4915110000001").await.unwrap();
        contact.and_then(|contact| contact.opted_out_at).is_some()
    };
    bench.says(&bots, "1", "help").await;
    bench.says(&bots, "2", "ana@example.org").await;
    let input = message("2", "Halt!", 1_000_000);
    assert_eq!(bots.meaning_of_edit(&bench.edited("2@1", &input)).await.unwrap(), Some(Meaning::Stop));
    assert!(!stops().await);
    bench.edit(&bots, "2@1", "Halt!").await;
    assert_eq!(bots.meaning_of_edit(&bench.edited("2@1", &input)).await.unwrap(), None);
    assert!(stops().await);
    let ended = bench.store.conversation(&account(), CHAT).await.unwrap().unwrap();
    assert_eq!(ended.status, ConversationStatus::Ended);
    assert_eq!(bench.shown().len(), 1);
    // Also where nothing goes on.
    let seen = bench.edit(&bots, "1@1", "halt").await;
    assert_eq!((seen, bench.ignored().await.len()), (Heard::Answered, 0));
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_not_answered_while_a_person_has_the_chat() {
    let bench = Bench::new(&front_office()).await;
    let bots = bench.bots();
    bench.says(&bots, "1", "help").await;
    bench.says(&bots, "2", "ana").await;
    bots.hear(&account(), CHAT, "takeover", &Input::HumanTookOver, "").await.unwrap();
    let input = message("2", "ana@example.org", 1_000_000);
    assert_eq!(bots.meaning_of_edit(&bench.edited("2@1", &input)).await.unwrap(), Some(Meaning::Person));
    bench.edit(&bots, "2@1", "ana@example.org").await;
    bench.edit(&bots, "1@1", "again").await;
    assert_eq!(bench.shown().len(), 2);
}

#[derive(Clone, Debug)]
enum Happens {
    Says(u8, u8),
    Edits(u8, u8),
    Deletes(u8),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        (0u8..6, 0u8..6).prop_map(|(id, text)| Happens::Says(id, text)),
        (0u8..6, 0u8..6).prop_map(|(id, text)| Happens::Edits(id, text)),
        (0u8..6).prop_map(Happens::Deletes),
    ]
}

const TEXTS: [&str; 6] = ["help", "hlep", "a@example.org", "again", "halt", "x"];

impl Bench {
    async fn happens(&self, bots: &Bots, place: usize, what: &Happens) {
        let at = 1_000_000 + 10_000 * i64::try_from(place).unwrap();
        match what {
            Happens::Says(id, text) => {
                let id = id.to_string();
                let input = message(&id, TEXTS[usize::from(*text)], at);
                bots.hear(&account(), CHAT, &id, &input, "Ada").await.unwrap();
            }
            Happens::Edits(id, text) => {
                let (id, edit) = (id.to_string(), format!("{id}@{text}"));
                let input = message(&id, TEXTS[usize::from(*text)], at);
                bots.hear_edit(&self.edited(&edit, &input)).await.unwrap();
            }
            Happens::Deletes(id) => {
                bots.hear_deletion(&account(), CHAT, &id.to_string()).await.unwrap();
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    /// Everything, in order; each is repeated so often, and so many before it come again with it.
    async fn all(happens: &[(Happens, usize, usize)], repeats: bool) -> (Vec<String>, Vec<String>, Vec<u8>) {
        let bench = Self::new(&front_office()).await;
        let bots = bench.bots();
        for (place, (what, times, back)) in happens.iter().enumerate() {
            bench.clock.0.store(1_000_000 + 10_000 * i64::try_from(place).unwrap(), Ordering::Relaxed);
            bench.happens(&bots, place, what).await;
            if repeats {
                for _ in 0..*times {
                    bench.happens(&bots, place, what).await;
                }
                for (place, (what, ..)) in
                    happens.iter().enumerate().take(place + 1).skip(place.saturating_sub(*back))
                {
                    bench.happens(&bots, place, what).await;
                }
            }
        }
        let state = bench.store.conversation(&account(), CHAT).await.unwrap();
        let state = state.map(|stored| envelope::Envelope::from_bytes(&stored.state).unwrap());
        let state = state.map(|envelope| envelope.state.to_bytes()).unwrap_or_default();
        (bench.shown(), bench.ignored().await, state)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_comes_again_changes_nothing(
        happens in prop::collection::vec((happens(), 0usize..3, 0usize..4), 1..24)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let once = runtime.block_on(Bench::all(&happens, false));
        let often = runtime.block_on(Bench::all(&happens, true));
        prop_assert_eq!(once, often);
    }
}
