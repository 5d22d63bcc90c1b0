//! People who want messages, or none, over the encrypted path: however their messages come, and whatever their addresses are.
#![allow(clippy::unwrap_used, reason = "tests")]
mod support;

use axum::http::StatusCode;
use serde_json::json;
use support::TestApp;
use whatsapp_core::{jid::Jid, sim::RawMessage};
use whatsapp_store::WorkspaceId;

const ADA: &str = "4917604069010";
const GOODBYE: &str = "You will get no more messages from us.";
const CONSENT: &str = "consentScope=marketing&consentSource=form&consentAt=1780000000000&consentEvidence=https://example.org/form";

impl TestApp {
    /// Ada sends a text in this form.
    async fn sends(&self, to: Jid, message: RawMessage) {
        let simulator = self.app.sandbox.as_ref().unwrap().simulator();
        simulator
            .with(move |network, now| network.send_raw_as(now, ADA, &to, message))
            .await
            .unwrap()
            .unwrap();
    }

    /// Ada sends a text, and edits it to another one, in this form. Returns the message's id.
    async fn writes_and_edits(
        &self,
        to: Jid,
        texts: [&'static str; 2],
        form: impl Fn(RawMessage) -> RawMessage + Clone + Send + 'static,
    ) -> String {
        let simulator = self.app.sandbox.as_ref().unwrap().simulator();
        let (ours, message) = (to.clone(), form(RawMessage::text(texts[0])));
        let sent = simulator.with(move |network, now| network.send_raw_as(now, ADA, &ours, message)).await;
        let id = sent.unwrap().unwrap();
        self.edits(to, &id, texts[1], form).await;
        id
    }

    async fn edits(
        &self,
        to: Jid,
        id: &str,
        text: &'static str,
        form: impl Fn(RawMessage) -> RawMessage + Send + 'static,
    ) {
        let simulator = self.app.sandbox.as_ref().unwrap().simulator();
        let id = id.to_owned();
        let edited = simulator.with(move |network, now| {
            // A text is field 1.
            let content = [&[0x0a, text.len() as u8], text.as_bytes()].concat();
            let edit = RawMessage::edit(&to, &id, &content, now.as_millis());
            network.send_raw_as(now, ADA, &to, form(edit))
        });
        edited.await.unwrap().unwrap();
    }

    async fn lid(&self, phone: &str) -> Jid {
        let phone = phone.to_owned();
        let simulator = self.app.sandbox.as_ref().unwrap().simulator();
        simulator.with(move |network, _| network.lid_of(&phone)).await.unwrap().unwrap()
    }

    /// Is Ada left out of a campaign, since she wants no messages?
    async fn leaves_her_out(&self, id: &str) -> bool {
        let draft = json!({ "id": id, "settings": {
            "senders": ["me"],
            "timing": { "schedule": { "type": "once", "at": 1_780_000_000_000_i64 }, "quietHours": null },
            "content": { "category": "marketing", "variants": [{ "name": "a", "content": {
                "type": "text", "text": "Spring is here. Reply STOP to unsubscribe." } }] },
        }});
        self.done("POST", "/api/campaigns", Some(draft)).await;
        let path = format!("/api/campaigns/{id}/recipients?{CONSENT}");
        let (_, told) = self.text("POST", &path, "text/csv", format!("phone\n+{ADA}\n")).await;
        told.contains("1 rows, of which suppressed 1")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opts_in_is_told_what_they_agreed_to_once() {
    let test = TestApp::start(&[]).await;
    let own = test.linked("me").await;
    let rules = json!({ "optIn": {
        "words": ["join offers"], "scope": "offers", "confirmation": "You get our offers now. Reply STOP to end.",
    }, "ambiguous": "stop" });
    assert_eq!(test.done("PUT", "/api/reply-rules", Some(rules.clone())).await["optIn"], rules["optIn"]);
    let stored = test.get("/api/reply-rules").await;
    assert_eq!(stored["optIn"], rules["optIn"]);
    // What was read replaces what was read, once.
    test.done("PUT", "/api/reply-rules", Some(stored.clone())).await;
    let (status, told) = test.call("PUT", "/api/reply-rules", Some(stored)).await;
    assert_eq!(status, StatusCode::CONFLICT, "{told}");
    let mut wrong = rules.clone();
    wrong["optIn"]["words"] = json!(["stop"]);
    let (status, told) = test.call("PUT", "/api/reply-rules", Some(wrong)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
    assert!(told["message"].as_str().unwrap().contains("`stop`"), "{told}");

    for text in ["Join offers!", "JOIN OFFERS"] {
        test.sends(Jid::pn(&own), RawMessage::text(text)).await;
    }
    test.sends(Jid::pn(&own), RawMessage::text("stop")).await;
    let shown = test.shown(ADA, 2).await;
    assert_eq!(shown, ["You get our offers now. Reply STOP to end.", GOODBYE]);
    let contact = test.app.store.contact_by_phone(&WorkspaceId::default(), ADA).await.unwrap().unwrap();
    let consent = contact.consent.unwrap();
    assert_eq!(
        (&*consent.scope, &*consent.source, contact.opted_out_at.is_some()),
        ("offers", "message", true)
    );
    test.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_from_somebody_without_a_number_holds_once_the_number_is_known() {
    let test = TestApp::start(&[]).await;
    let own = test.linked("me").await;
    let (ours, hers) = (test.lid(&own).await, test.lid(ADA).await);
    let hidden = RawMessage::text("Please stop").attribute("sender_pn", None::<Jid>);
    test.sends(ours, hidden).await;
    assert_eq!(test.shown(ADA, 1).await, [GOODBYE]);
    let hers = hers.to_string();
    let suppressed = async |address: &str| {
        let asked = [address.to_owned()];
        !test.app.store.suppressed(&WorkspaceId::default(), &asked).await.unwrap().is_empty()
    };
    assert!(suppressed(&hers).await && !suppressed(ADA).await, "nobody knows her number yet");
    // The next message names both.
    test.sends(Jid::pn(&own), RawMessage::text("and my order?")).await;
    test.until("/api/sessions/me/chats", |list| {
        let chats = list["chats"].as_array().unwrap();
        chats.len() == 1 && chats[0]["jid"].as_str().unwrap_or_default().starts_with(ADA)
            || chats.iter().all(|chat| chat.to_string().contains(ADA))
    })
    .await;
    assert!(suppressed(ADA).await);
    assert!(test.leaves_her_out("spring").await);
    test.end().await;
}

/// A message of Ada's, as it comes through a broadcast list.
fn through_a_list(hers: &Jid, message: RawMessage) -> RawMessage {
    let list: Jid = "1700000000@broadcast".parse().unwrap();
    message
        .attribute("from", Some(list))
        .attribute("participant", Some(Jid::pn(ADA)))
        .attribute("participant_lid", Some(hers.clone()))
        .attribute("sender_lid", None::<Jid>)
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_through_a_broadcast_list_is_the_senders() {
    let test = TestApp::start(&[]).await;
    let own = test.linked("me").await;
    let hers = test.lid(ADA).await;
    test.sends(Jid::pn(&own), through_a_list(&hers, RawMessage::text("STOP"))).await;
    assert_eq!(test.shown(ADA, 1).await, [GOODBYE]);
    assert!(test.leaves_her_out("spring").await);
    let chats = test.get("/api/sessions/me/chats").await;
    assert!(!chats.to_string().contains("broadcast"), "{chats}");
    test.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_edited_to_stop_is_confirmed_once_and_holds() {
    let test = TestApp::start(&[]).await;
    let own = test.linked("me").await;
    let rules = json!({ "optIn": {
        "words": ["join offers"], "scope": "offers", "confirmation": "You get our offers now. Reply STOP to end.",
    } });
    test.done("PUT", "/api/reply-rules", Some(rules)).await;
    // Each edit of one message may ask for something else, and is told.
    let id = test.writes_and_edits(Jid::pn(&own), ["hello", "join offers"], |raw| raw).await;
    assert_eq!(test.shown(ADA, 1).await, ["You get our offers now. Reply STOP to end."]);
    test.edits(Jid::pn(&own), &id, "Please stop", |raw| raw).await;
    let shown = test.shown(ADA, 2).await;
    assert_eq!(shown[1], GOODBYE, "{shown:?}");
    assert!(test.leaves_her_out("spring").await);
    test.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_to_stop_counts_from_a_chat_without_a_number() {
    let test = TestApp::start(&[]).await;
    let own = test.linked("me").await;
    let (ours, hers) = (test.lid(&own).await, test.lid(ADA).await);
    let hidden = |raw: RawMessage| raw.attribute("sender_pn", None::<Jid>);
    test.writes_and_edits(ours, ["Hello", "STOP"], hidden).await;
    assert_eq!(test.shown(ADA, 1).await, [GOODBYE]);
    let asked = [hers.to_string()];
    assert_eq!(test.app.store.suppressed(&WorkspaceId::default(), &asked).await.unwrap().len(), 1);
    test.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_to_stop_through_a_broadcast_list_is_the_senders() {
    let test = TestApp::start(&[]).await;
    let own = test.linked("me").await;
    let hers = test.lid(ADA).await;
    let form = move |raw| through_a_list(&hers, raw);
    test.writes_and_edits(Jid::pn(&own), ["Hello", "STOP"], form).await;
    assert_eq!(test.shown(ADA, 1).await, [GOODBYE]);
    assert!(test.leaves_her_out("spring").await);
    test.end().await;
}
