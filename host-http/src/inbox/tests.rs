//! What people write to a shop, and what becomes of it: lines of `tests/reports/wishes.json`.
use std::{
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use whatsapp_bots::{
    Outcome,
    runner::{Call, Clock, NotSent, Outlet},
};
use whatsapp_campaigns::{consent::ReplyRules, service::CampaignService};
use whatsapp_store::{
    Change, Changes, ContactStore, EventStore, FlowChange, MessageEdit, MessageStatus, NewEvent, Scope,
    Source, WorkspaceId, memory::MemoryStore,
};

use super::*;

/// Between two messages of a case, milliseconds.
const STEP: i64 = 10_000;

/// A case. `value` is what is right.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: String,
    /// Who writes, if it matters.
    #[serde(default = "somebody")]
    from: String,
    /// The nodes of the bot's flow, the first of which is entered; no bot without them.
    #[serde(default)]
    nodes: Vec<Value>,
    /// What starts the flow: any message, unless said otherwise.
    #[serde(default)]
    triggers: Option<Value>,
    #[serde(default)]
    commands: Vec<Value>,
    /// What the workspace decided about replies.
    #[serde(default)]
    rules: ReplyRules,
    /// One after the other: a text, or an object. A message has a `text` or a `button`, or is written by the account's owner (`phone`);
    /// `edit` and `delete` say which of these it is, from 0, that is edited to the `text` or deleted. `after` so many more seconds.
    /// What is `behind` in the log is not read before the next has happened; `history` is a message of the phone's history.
    says: Vec<Value>,
    value: Value,
}

fn somebody() -> String {
    "4915123456789@s.whatsapp.net".to_owned()
}

#[derive(Clone, Debug, Default)]
struct At(Arc<AtomicI64>);

impl Clock for At {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A phone that shows what bots send, once for each id.
#[derive(Debug, Default)]
struct Phone(Mutex<Vec<(String, String)>>);

#[async_trait]
impl Outlet for Phone {
    async fn send(&self, _: &AccountId, _: &str, id: &str, content: Content) -> Result<(), NotSent> {
        let mut shown = self.0.lock().unwrap();
        if !shown.iter().any(|(known, _)| known == id) {
            shown.push((id.to_owned(), content.as_text().unwrap_or_default().to_owned()));
        }
        Ok(())
    }

    async fn request(&self, _: Call) -> Outcome {
        Outcome::Failed("nobody".to_owned())
    }
}

struct Shop {
    store: Arc<MemoryStore>,
    account: AccountId,
    clock: At,
    phone: Arc<Phone>,
    inbox: Inbox,
}

impl Shop {
    async fn open(case: &Case) -> Self {
        let store = Arc::new(MemoryStore::new());
        if !case.nodes.is_empty() {
            store.commit(published(case)).await.unwrap();
        }
        CampaignService::new(store.clone(), WorkspaceId::default())
            .set_reply_rules(&case.rules, "ana")
            .await
            .unwrap();
        let (clock, phone) = (At(Arc::new(AtomicI64::new(now_millis()))), Arc::new(Phone::default()));
        let bots = Bots::with_clock(store.clone(), phone.clone(), Arc::new(clock.clone()));
        let inbox = Inbox { store: store.clone(), bots, ears: Ears::new(store.clone()) };
        Self { store, account: "shop".parse().unwrap(), clock, phone, inbox }
    }

    /// What happened is stored, and told.
    async fn happens(&self, case: &Case, place: usize) {
        let said = &case.says[place];
        let after = STEP + 1_000 * said["after"].as_i64().unwrap_or_default();
        let at = self.clock.0.fetch_add(after, Ordering::Relaxed) + after;
        let key = |place: u64| MessageKey {
            chat: case.from.clone(),
            sender: case.from.clone(),
            id: format!("IN{place}"),
        };
        let text = said.as_str().or(said["text"].as_str()).or(said["phone"].as_str()).unwrap_or_default();
        let mut changes = Changes::new(self.account.clone());
        let (name, data) = match (said["edit"].as_u64(), said["delete"].as_u64()) {
            (None, None) => {
                let message = self.message(key(place as u64), said, text, at);
                changes.push(Change::PutMessage(message.clone()));
                ("message.received", json!({ "message": message }))
            }
            (Some(of), _) => {
                let (content, from_me) = (Content::text(text), case.says[of as usize]["phone"].is_string());
                let data =
                    json!({ "fromMe": from_me, "message": key(of), "content": content, "editedAt": at });
                changes.push(Change::EditMessage(MessageEdit { key: key(of), content, at }));
                ("message.edited", data)
            }
            (_, Some(of)) => {
                let content = Content::Deleted { at };
                changes.push(Change::EditMessage(MessageEdit { key: key(of), content, at }));
                ("message.deleted", json!({ "fromMe": false, "message": key(of), "deletedAt": at }))
            }
        };
        let (key, data) = (name.to_owned(), data.to_string());
        changes.push(whatsapp_store::EventChange::Put(NewEvent { key, data, at }));
        self.store.commit(changes).await.unwrap();
    }

    fn message(&self, key: MessageKey, said: &Value, text: &str, at: i64) -> MessageRecord {
        let content = match said["button"].as_str() {
            Some(id) => Content::Choice {
                of: whatsapp_store::MenuKind::Buttons,
                id: id.to_owned(),
                title: text.to_owned(),
            },
            None => Content::text(text),
        };
        MessageRecord {
            key,
            from_me: said["phone"].is_string(),
            timestamp: at,
            content,
            status: MessageStatus::Delivered,
            source: if said["history"] == true { Source::History } else { Source::Live },
            push_name: Some("Ada".to_owned()),
            quoted: None,
            media: None,
            edited_at: None,
        }
    }

    /// What people did that was told behind this.
    async fn told(&self, after: usize) -> Vec<EventRecord> {
        let events = self.store.all_events(None, 1_000).await.unwrap();
        let of_people = ["message.received", "message.edited", "message.deleted"];
        events.into_iter().filter(|event| of_people.contains(&&*event.key)).skip(after).collect()
    }

    /// What came of it all.
    async fn outcome(&self, from: &str) -> Value {
        let workspace = WorkspaceId::default();
        let address = person(from).unwrap();
        let stopped =
            !self.store.suppressed(&workspace, std::slice::from_ref(&address)).await.unwrap().is_empty();
        let contact = match address.ends_with("@lid") {
            true => self.store.contact_by_lid(&workspace, &address).await.unwrap(),
            false => self.store.contact_by_phone(&workspace, &address).await.unwrap(),
        };
        let consent = contact.and_then(|contact| contact.consent.filter(|_| contact.opted_out_at.is_none()));
        let shown: Vec<_> = self.phone.0.lock().unwrap().iter().map(|(_, text)| text.clone()).collect();
        let events = self.store.all_events(None, 1_000).await.unwrap();
        let told = events.iter().filter(|event| event.key.starts_with("campaign.")).filter(|event| {
            let data: Value = serde_json::from_str(&event.data).unwrap();
            data["again"] != true
        });
        let mut told: Vec<_> =
            told.map(|event| event.key.trim_start_matches("campaign.").to_owned()).collect();
        told.dedup();
        let late = events.iter().filter(|event| event.key == "chatbot.edit.ignored").map(|event| {
            let data: Value = serde_json::from_str(&event.data).unwrap();
            data["messageId"].clone()
        });
        let late: Vec<_> = late.collect();
        let mut outcome = json!({
            "stopped": stopped,
            "agreed": consent.map(|consent| consent.scope),
            "shown": shown,
            "told": told,
        });
        if !late.is_empty() {
            outcome["late"] = json!(late);
        }
        outcome
    }
}

fn published(case: &Case) -> Changes {
    let any = json!([{ "id": "any", "on": "anyMessage", "flow": "main" }]);
    let definition = json!({
        "format": 1,
        "bot": { "id": "shop", "language": "en" },
        "flows": [{ "id": "main", "entry": case.nodes[0]["id"], "nodes": case.nodes }],
        "triggers": case.triggers.clone().unwrap_or(any),
        "commands": case.commands,
    });
    let (flow, definition) = ("shop".to_owned(), definition.to_string());
    let parsed = whatsapp_bots::Definition::from_json(&definition).unwrap();
    whatsapp_bots::Compiled::new(&parsed, 1).unwrap_or_else(|findings| panic!("{}: {findings}", case.case));
    let mut changes = Changes::new(Scope::from(WorkspaceId::default()));
    changes.push(FlowChange::PutDraft { flow: flow.clone(), name: String::new(), draft: None, at: 1 });
    changes.push(FlowChange::Publish { flow: flow.clone(), definition, at: 1, by: "ana".to_owned() });
    changes.push(FlowChange::SetEnabled { flow, enabled: true, at: 1 });
    changes
}

/// All of it once, or each event twice as after a crash.
async fn run(case: &Case, times: usize) -> Value {
    let shop = Shop::open(case).await;
    let mut read = 0;
    for place in 0..case.says.len() {
        shop.happens(case, place).await;
        if case.says[place]["behind"] == true {
            continue;
        }
        let events = shop.told(read).await;
        read += events.len();
        for _ in 0..times {
            shop.inbox.take(events.clone()).await.unwrap();
            // Virtual time: what follows is done by then.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    shop.outcome(&case.from).await
}

#[tokio::test(start_paused = true)]
async fn what_people_write_means_one_thing() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../tests/reports/wishes.json")).unwrap();
    assert!(cases.len() > 20);
    let mut wrong = Vec::new();
    for case in &cases {
        for times in [1, 2] {
            let found = run(case, times).await;
            if found != case.value {
                wrong.push(format!(
                    "{} ({times} times)\n  wanted {}\n  found  {found}",
                    case.case, case.value
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Anything that people may do, on a bot that asks for a mail and an order.
fn anything() -> impl Strategy<Value = Vec<Value>> {
    let texts =
        prop::sample::select(vec!["help", "hlep", "a@b.org", "STOP", "cancel", "join offers", " ", "7"]);
    let one = (0u8..8, texts, 0usize..8, any::<bool>());
    prop::collection::vec(one, 1..16).prop_map(|list| {
        let mut says: Vec<Value> = Vec::new();
        for (kind, text, of, behind) in list {
            // An edit is of a message that is there.
            let messages: Vec<usize> = (0..says.len()).filter(|place| says[*place]["of"].is_null()).collect();
            let of = messages.get(of % messages.len().max(1)).copied();
            says.push(match (kind, of) {
                (0..3, _) | (_, None) => json!({ "text": text, "behind": behind }),
                (7, Some(of)) => json!({ "delete": of, "of": true, "behind": behind }),
                (_, Some(of)) => json!({ "edit": of, "text": text, "of": true, "behind": behind }),
            });
        }
        if let Some(last) = says.last_mut() {
            last["behind"] = json!(false);
        }
        says
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn events_that_come_again_change_nothing(says in anything()) {
        let mut cases: Vec<Value> =
            serde_json::from_str(include_str!("../../tests/reports/wishes.json")).unwrap();
        cases.retain(|case| case["case"] == "b: the edit of a refused answer is a new answer");
        let mut case: Case = serde_json::from_value(cases.remove(0)).unwrap();
        case.says = says;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let once = runtime.block_on(run(&case, 1));
        prop_assert_eq!(&runtime.block_on(run(&case, 2)), &once);
        prop_assert_eq!(&runtime.block_on(run(&case, 3)), &once);
    }
}
