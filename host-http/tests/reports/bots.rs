//! Reports about bots: what somebody wrote, and what a bot makes of it. One function for each `kind`; none needs a network.
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use whatsapp_bots::{
    Body, Compiled, Contact, Definition, Input, Message, Outcome, import,
    runner::{Bots, Call, Clock, NotSent, Outlet},
    tester::Tester,
};
use whatsapp_store::{
    AccountId, Changes, Content, EventStore, FlowChange, Store, WorkspaceId, memory::MemoryStore,
};

/// The reports, and the function that says what is wrong with one.
pub(crate) const CASES: &str = include_str!("bots.json");

/// Checks one report.
///
/// # Errors
/// What is there in place of the expected value.
pub(crate) fn check(case: &Value) -> Result<(), String> {
    let (kind, input) = (case["kind"].as_str().unwrap_or_default(), &case["input"]);
    let found = match kind {
        "ask" => ask(input),
        "menu" => menu(input),
        "keyword" => keyword(input),
        "condition" => condition(input),
        "message" => message(input),
        "rapidpro" => rapidpro(input),
        "rapidpro_text" => rapidpro_text(input),
        "typebot_sum" => typebot_sum(input),
        "typebot_condition" => typebot_condition(input),
        "import" => imported(input),
        "order" => runtime(order(input)),
        "response" => runtime(response(input)),
        _ => return Err(format!("no such kind: {kind}")),
    };
    if found == case["value"] {
        return Ok(());
    }
    Err(format!("{}: {input} gives {found}, not {}", case["report"], case["value"]))
}

/// A bot of one flow with a trigger for any message.
fn bot(language: &str, nodes: &Value) -> Value {
    json!({
        "format": 1, "bot": {"id": "b", "language": language},
        "flows": [{"id": "f", "entry": "n", "nodes": nodes, "interrupt": "never"}],
        "triggers": [{"id": "any", "on": "anyMessage", "flow": "f"}],
    })
}

/// A question, and what is behind it: it holds on to what was answered.
fn question(kind: &str, config: &Value, ok: &str) -> Value {
    json!([
        {"id": "n", "kind": kind, "config": config, "exits": [{"id": ok, "to": "held"}, {"id": "invalid", "to": "none"}]},
        {"id": "held", "kind": "wait", "config": {"reply": true}, "exits": [{"id": "reply"}]},
        {"id": "none", "kind": "wait", "config": {"reply": true}, "exits": [{"id": "reply"}]},
    ])
}

fn compiled(definition: &Value) -> Compiled {
    let definition = Definition::from_json(&definition.to_string()).unwrap();
    Compiled::new(&definition, 1).unwrap_or_else(|findings| panic!("{findings}"))
}

fn language(input: &Value) -> &str {
    input["language"].as_str().unwrap_or("en")
}

fn text(input: &Value) -> &str {
    input["text"].as_str().unwrap_or_default()
}

/// What is kept as `x` after an answer; null when it was none.
fn answered(bot: &Compiled, message: Message) -> Value {
    let mut tester = Tester::new(bot, Contact::default(), 1, 0);
    tester.hear(&Input::Start { flow: None, params: Default::default() });
    tester.hear(&Input::Message(message)).variables["x"].clone()
}

/// `language`, `answer` as in a definition, and `text` or `vcard`.
fn ask(input: &Value) -> Value {
    let config = json!({"text": "?", "answer": input["answer"], "save": "x"});
    let bot = compiled(&bot(language(input), &question("ask", &config, "ok")));
    let message = match input["vcard"].as_str() {
        Some(card) => Message { body: Body::contact("Ana", card), ..Message::default() },
        None => Message::text(text(input)),
    };
    answered(&bot, message)
}

/// `options` by their labels, numbered from 1 in the answer; `several` where more than one may be chosen.
fn menu(input: &Value) -> Value {
    let labels = input["options"].as_array().cloned().unwrap_or_default();
    let option = |(place, label): (usize, &Value)| json!({"id": format!("o{}", place + 1), "label": label});
    let options: Vec<_> = labels.iter().enumerate().map(option).collect();
    let (kind, config, ok) = match input["several"].as_bool() {
        Some(true) => {
            ("ask", json!({"text": "?", "answer": {"choices": {"options": options}}, "save": "x"}), "ok")
        }
        _ => ("choose", json!({"text": "?", "options": options, "save": "x"}), "chosen"),
    };
    answered(&compiled(&bot(language(input), &question(kind, &config, ok))), Message::text(text(input)))
}

/// Does a text start a flow, by `words` that have to occur as `matching` says?
fn keyword(input: &Value) -> Value {
    let say = json!([{"id": "n", "kind": "say", "config": {"text": "Yes."}, "exits": [{"id": "next"}]}]);
    let mut bot = bot(language(input), &say);
    let matching = input["matching"].as_str().unwrap_or("contains");
    bot["triggers"][0]["on"] = json!({"keyword": {"words": input["words"], "matching": matching}});
    let bot = compiled(&bot);
    json!(!Tester::new(&bot, Contact::default(), 1, 0).say(text(input)).said.is_empty())
}

/// Does a condition hold of a text?
fn condition(input: &Value) -> Value {
    let say = |id: &str, text: &str| json!({"id": id, "kind": "say", "config": {"text": text}, "exits": [{"id": "next"}]});
    let branch = json!({"id": "n", "kind": "branch", "config": {"cases": [{"id": "yes", "when": input["when"]}]},
        "exits": [{"id": "yes", "to": "yes"}, {"id": "else", "to": "no"}]});
    let bot = compiled(&bot(language(input), &json!([branch, say("yes", "yes"), say("no", "no")])));
    json!(Tester::new(&bot, Contact::default(), 1, 0).say(text(input)).said == ["yes"])
}

/// A message of any kind: does it start a flow, and does it use up a retry of one that asks?
fn message(input: &Value) -> Value {
    let message: Input = serde_json::from_value(input.clone()).unwrap();
    let config = json!({"text": "?", "answer": "email", "save": "x"});
    let bot = compiled(&bot("en", &question("ask", &config, "ok")));
    let fresh = Tester::new(&bot, Contact::default(), 1, 0).hear(&message);
    let mut asked = Tester::new(&bot, Contact::default(), 1, 0);
    asked.say("hi");
    let again = asked.hear(&message);
    json!({"starts": !fresh.said.is_empty(), "isAnswered": !again.said.is_empty()})
}

/// Does a test of a RapidPro router hold of a text?
fn rapidpro(input: &Value) -> Value {
    let says = |id: &str, text: &str| json!({"uuid": id, "actions": [{"uuid": format!("a{id}"), "type": "send_msg", "text": text}], "exits": [{"uuid": format!("x{id}")}]});
    let document = json!({"flows": [{"uuid": "f", "name": "F", "spec_version": "13.1.0", "language": language_code(input), "nodes": [
        {"uuid": "n", "actions": [], "router": {"type": "switch", "operand": "@input.text", "wait": {"type": "msg"}, "default_category_uuid": "k2",
            "categories": [{"uuid": "k1", "name": "Yes", "exit_uuid": "x1"}, {"uuid": "k2", "name": "No", "exit_uuid": "x2"}],
            "cases": [{"uuid": "c", "type": input["test"], "arguments": input["arguments"], "category_uuid": "k1"}]},
         "exits": [{"uuid": "x1", "destination_uuid": "y"}, {"uuid": "x2", "destination_uuid": "z"}]},
        says("y", "yes"), says("z", "no")]}]});
    json!(rapidpro_says(&document, text(input)) == ["yes"])
}

/// The code of ISO 639-3 that RapidPro has for some languages.
fn language_code(input: &Value) -> &'static str {
    match language(input) {
        "de" => "deu",
        "id" => "ind",
        "pt" => "por",
        _ => "eng",
    }
}

/// What a RapidPro flow says that begins with a text, such as `@(input.text + 1)`.
fn rapidpro_text(input: &Value) -> Value {
    let document = json!({"flows": [{"uuid": "f", "name": "F", "spec_version": "13.1.0", "language": "eng", "nodes": [
        {"uuid": "n", "exits": [{"uuid": "x"}], "actions": [{"uuid": "a", "type": "send_msg", "text": input["template"]}]}]}]});
    json!(rapidpro_says(&document, text(input)))
}

fn rapidpro_says(document: &Value, text: &str) -> Vec<String> {
    let imported = import::rapidpro(&document.to_string(), &import::Workspace::default()).unwrap();
    let mut definition = serde_json::to_value(&imported.definition).unwrap();
    definition["triggers"] = json!([{"id": "any", "on": "anyMessage", "flow": "f"}]);
    let bot = compiled(&definition);
    Tester::new(&bot, Contact::default(), 1, 0).say(text).said
}

/// A Typebot that asks for one value after another, and says what comes of `block` and the text behind it.
fn typebot(answers: &[Value], blocks: Vec<Value>, then: Vec<Value>) -> Vec<String> {
    let p = |text: &str| json!({"richText": [{"type": "p", "children": [{"text": text}]}]});
    let mut all = Vec::new();
    let mut variables = Vec::new();
    for place in 0..answers.len() {
        all.push(json!({"id": format!("t{place}"), "type": "text", "content": p("?")}));
        all.push(json!({"id": format!("q{place}"), "type": "text input", "options": {"variableId": format!("v{place}")}}));
        variables.push(json!({"id": format!("v{place}"), "name": format!("v{place}")}));
    }
    variables.push(json!({"id": "sum", "name": "sum"}));
    all.extend(blocks);
    let document = json!({
        "version": "6.1", "id": "b", "name": "B", "variables": variables,
        "events": [{"id": "e", "type": "start", "outgoingEdgeId": "e0"}],
        "groups": [{"id": "g", "blocks": all}, {"id": "g2", "blocks": then}],
        "edges": [{"id": "e0", "to": {"groupId": "g"}}, {"id": "e1", "to": {"groupId": "g2"}}],
    });
    let imported = import::typebot(&document.to_string()).unwrap();
    let bot = compiled(&serde_json::to_value(&imported.definition).unwrap());
    let mut tester = Tester::new(&bot, Contact::default(), 1, 0);
    tester.say("hi");
    let mut said = Vec::new();
    for answer in answers {
        said = tester.say(answer.as_str().unwrap_or_default()).said;
    }
    said
}

fn paragraph(id: &str, text: &str) -> Value {
    json!({"id": id, "type": "text", "content": {"richText": [{"type": "p", "children": [{"text": text}]}]}})
}

/// What `Set variable` makes of an `expression` of the `answers`, `{{v0}}`, `{{v1}}` and so on.
fn typebot_sum(input: &Value) -> Value {
    let answers = input["answers"].as_array().cloned().unwrap_or_default();
    let set = json!({"id": "set", "type": "Set variable", "options": {"variableId": "sum", "expressionToEvaluate": input["expression"]}});
    let said = typebot(&answers, vec![set, paragraph("say", "{{sum}}")], Vec::new());
    json!(said.last())
}

/// Does a comparison of the first answer hold?
fn typebot_condition(input: &Value) -> Value {
    let item = json!({"id": "i", "outgoingEdgeId": "e1", "content": {"comparisons": [
        {"variableId": "v0", "comparisonOperator": input["operator"], "value": input["with"]}]}});
    let condition = json!({"id": "if", "type": "Condition", "items": [item]});
    let blocks = vec![condition, paragraph("no", "no")];
    json!(typebot(&[input["text"].clone()], blocks, vec![paragraph("yes", "yes")]) == ["yes"])
}

/// Is a document read, or with which code is it refused? `before` and `after` are bytes around an empty Typebot, `padding` is as many spaces.
fn imported(input: &Value) -> Value {
    let document = json!({"version": "6.1", "id": "b", "name": input["name"], "variables": [],
        "events": [{"id": "e", "type": "start", "outgoingEdgeId": "e0"}], "edges": [{"id": "e0", "to": {"groupId": "g"}}], "groups": [
        {"id": "g", "blocks": [{"id": "t", "type": "text", "content": {"richText": [{"type": "p", "children": [{"text": "Hi"}]}]}}]}]});
    let bytes = |key: &str| -> Vec<u8> { serde_json::from_value(input[key].clone()).unwrap_or_default() };
    let mut all = bytes("before");
    all.extend(document.to_string().into_bytes());
    all.extend(std::iter::repeat_n(b' ', input["padding"].as_u64().unwrap_or_default() as usize));
    all.extend(bytes("after"));
    match import::decode(&all).and_then(import::typebot) {
        Ok(_) => json!("read"),
        Err(error) => json!(error.code()),
    }
}

fn runtime<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

#[derive(Clone, Debug, Default)]
struct At(Arc<AtomicI64>);

impl Clock for At {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A phone that shows what a bot sends, once for each id; what it refuses is for ever.
#[derive(Debug, Default)]
struct Phone {
    shown: Mutex<Vec<(String, String)>>,
    refuses: Option<String>,
}

#[async_trait]
impl Outlet for Phone {
    async fn send(&self, _: &AccountId, _: &str, id: &str, content: Content) -> Result<(), NotSent> {
        if let Some(why) = &self.refuses {
            return Err(NotSent::Never(why.clone()));
        }
        let mut shown = self.shown.lock().unwrap();
        if !shown.iter().any(|(known, _)| known == id) {
            shown.push((id.to_owned(), content.as_text().unwrap_or_default().to_owned()));
        }
        Ok(())
    }

    async fn request(&self, _: Call) -> Outcome {
        Outcome::Failed("nobody".to_owned())
    }
}

const START: i64 = 1_700_000_000_000;
const CHAT: &str = "4915110000001@s.whatsapp.net";

struct Shop {
    store: Arc<MemoryStore>,
    clock: At,
    phone: Arc<Phone>,
    bots: Bots,
}

/// A shop whose bot asks for a name and says it; after a request, if so wished.
async fn shop(requests: bool, refuses: Option<String>) -> Shop {
    let mut bot = bot(
        "en",
        &json!([
            {"id": "n", "kind": "ask", "config": {"text": "Your name?", "save": "name"}, "exits": [{"id": "ok", "to": "bye"}, {"id": "invalid", "to": "bye"}]},
            {"id": "bye", "kind": "say", "config": {"text": "Bye {{ name }}."}, "exits": [{"id": "next"}]},
            {"id": "look", "kind": "http", "config": {"url": "https://example.org"}, "exits": [{"id": "ok", "to": "n"}, {"id": "error", "to": "n"}]},
        ]),
    );
    if requests {
        bot["flows"][0]["entry"] = json!("look");
    }
    let store = Arc::new(MemoryStore::new());
    let mut changes = Changes::new(WorkspaceId::default());
    let (flow, definition) = ("shop".to_owned(), bot.to_string());
    changes.push(FlowChange::PutDraft { flow: flow.clone(), name: String::new(), draft: None, at: 1 });
    changes.push(FlowChange::Publish { flow: flow.clone(), definition, at: 1, by: "ana".to_owned() });
    changes.push(FlowChange::SetEnabled { flow, enabled: true, at: 1 });
    store.commit(changes).await.unwrap();
    let (clock, phone) =
        (At(Arc::new(AtomicI64::new(START))), Arc::new(Phone { refuses, ..Phone::default() }));
    let bots = Bots::with_clock(store.clone(), phone.clone(), Arc::new(clock.clone()));
    Shop { store, clock, phone, bots }
}

/// What is shown to somebody whose `messages` came so: `stamp` in seconds, `received` and `taken` in milliseconds. With `sent` false, the
/// bot's messages are not sent before the next one is taken.
async fn order(input: &Value) -> Value {
    let shop = shop(input["request"].as_bool() == Some(true), None).await;
    for (place, message) in input["messages"].as_array().into_iter().flatten().enumerate() {
        let number = |key: &str| message[key].as_i64();
        let received_at = number("received").map(|millis| START + millis);
        let at = number("stamp").map(|seconds| START + seconds * 1_000);
        let taken = number("taken").or(number("received")).unwrap_or_default();
        shop.clock.0.store(START + taken, Ordering::Relaxed);
        let (account, id) = ("shop".parse().unwrap(), place.to_string());
        let written = Message { id: id.clone(), at, received_at, ..Message::text(text(message)) };
        shop.bots.hear(&account, CHAT, &id, &Input::Message(written), "Ada").await.unwrap();
        if message["sent"].as_bool() != Some(false) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    let shown = shop.phone.shown.lock().unwrap();
    json!(shown.iter().map(|(_, text)| text).collect::<Vec<_>>())
}

/// The events that tell of a bot's response, with the reason of one that failed.
async fn response(input: &Value) -> Value {
    let shop = shop(false, input["refused"].as_str().map(str::to_owned)).await;
    let account = "shop".parse().unwrap();
    shop.bots.hear(&account, CHAT, "1", &Input::Message(Message::text("hi")), "Ada").await.unwrap();
    let events = async || {
        let events = shop.store.events(&WorkspaceId::default(), None, 100).await.unwrap();
        let told = events.into_iter().filter(|event| event.key.starts_with("chatbot.response"));
        let told = told.map(|event| {
            let data: Value = serde_json::from_str(&event.data).unwrap();
            json!([event.key, data["reason"], data["messageId"].is_string()])
        });
        told.collect::<Vec<_>>()
    };
    let before = events().await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    json!({"before": before, "after": events().await})
}
