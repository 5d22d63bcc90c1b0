//! Nobody is written to unasked who did not agree.
use whatsapp_store::{ConversationRecord, ConversationStatus};

use super::{Shared, envelope::Envelope, person::Person, turn::TurnError};
use crate::{Compiled, Effect, Event, Input};

/// Why somebody is not written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No consent is recorded.
    #[error("this person has not agreed to be written to: record a consent of the contact first")]
    NoConsent,
    /// The consent is to something else.
    #[error(
        "this person has agreed to other messages: name the scope of the trigger, or record a consent that covers it"
    )]
    OtherScope,
    /// The person wants no messages.
    #[error("this person does not want to be written to")]
    OptedOut,
    /// A person has taken over the chat.
    #[error("a person has taken over this chat: give it back to the bot first")]
    HandedOff,
}

/// Is it something that the person did not do?
pub(super) fn is_unasked(input: &Input) -> bool {
    matches!(input, Input::Event { .. } | Input::Schedule { .. } | Input::Start { .. })
}

/// Why an input must not be heard; `None` when it may be.
///
/// What people do themselves is always heard. An event from outside, a time or a start is only heard for those who agreed to
/// something; to what, [`refusal_of_start`] asks of the flow that starts. An event that the conversation waits for goes on with what the
/// person has begun, and needs no more than that they did not opt out.
pub(super) async fn refusal(
    shared: &Shared,
    stored: Option<&ConversationRecord>,
    person: &Person,
    input: &Input,
) -> Result<Option<Refusal>, TurnError> {
    if !is_unasked(input) {
        return Ok(None);
    }
    if stored.is_some_and(|stored| stored.status == ConversationStatus::HandedOff) {
        return Ok(Some(Refusal::HandedOff));
    }
    if person.is_opted_out(&*shared.store).await? {
        return Ok(Some(Refusal::OptedOut));
    }
    if person.consent().is_some() || awaits(shared, stored, input).await? {
        return Ok(None);
    }
    Ok(Some(Refusal::NoConsent))
}

/// Why the flow that an input starts must not begin: what nobody asked for needs a consent that covers the scope of its trigger.
pub(super) fn refusal_of_start(
    bot: &Compiled,
    effects: &[Effect],
    person: &Person,
    input: &Input,
) -> Option<Refusal> {
    if !is_unasked(input) {
        return None;
    }
    let started = effects.iter().find_map(|effect| match effect {
        Effect::Emit(Event::Started { trigger, .. }) => Some(trigger.as_deref()),
        _ => None,
    })?;
    let scope = bot.scope(started);
    match person.consent() {
        None => Some(Refusal::NoConsent),
        Some(consent) if !consent.covers(scope) => Some(Refusal::OtherScope),
        Some(_) => None,
    }
}

/// Does the live conversation wait for this very event?
async fn awaits(
    shared: &Shared,
    stored: Option<&ConversationRecord>,
    input: &Input,
) -> Result<bool, TurnError> {
    let (Input::Event { name, .. }, Some(stored)) = (input, stored) else { return Ok(false) };
    if !stored.status.is_live() {
        return Ok(false);
    }
    // What cannot be read waits for nothing.
    let Ok(envelope) = Envelope::from_bytes(&stored.state) else { return Ok(false) };
    let bot = shared.catalog.followed(&*shared.store, stored, &envelope).await?;
    Ok(bot.is_some_and(|bot| bot.awaits_event(&envelope.state, name)))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use whatsapp_store::{ContactChange, ContactRecord, ContactStore, Suppression, WorkspaceId};

    use super::{
        super::{
            Heard,
            bench::{Bench, account, chat},
        },
        *,
    };
    use crate::Message;

    const ADA: u64 = 4_915_110_000_001;

    /// Says hello on an event, and takes orders that wait until they are paid.
    fn shop() -> Json {
        json!({
            "format": 1, "bot": {"id": "b", "language": "en"},
            "flows": [
                {"id": "hello", "entry": "s", "params": ["name"], "nodes": [
                    {"id": "s", "kind": "say", "config": {"text": "Hello {{ name }}"}, "exits": [{"id": "next"}]}]},
                {"id": "order", "entry": "w", "nodes": [
                    {"id": "w", "kind": "wait", "config": {"event": "paid"}, "exits": [{"id": "event", "to": "t"}]},
                    {"id": "t", "kind": "say", "config": {"text": "Thank you"}, "exits": [{"id": "next", "to": "h"}]},
                    {"id": "h", "kind": "handoff", "config": {}, "exits": [{"id": "next"}]}]},
            ],
            "triggers": [
                {"id": "any", "on": "anyMessage", "flow": "order", "cooldownSeconds": 3600},
                {"id": "hello", "on": {"event": "hello"}, "flow": "hello"}],
        })
    }

    async fn happens(bench: &Bench, id: &str, name: &str) -> Heard {
        let input = Input::Event { name: name.into(), data: json!({"name": "Ada"}) };
        let heard = bench.bots().hear(&account("shop"), &chat(ADA), id, &input, "").await.unwrap();
        bench.rest().await;
        heard
    }

    async fn writes(bench: &Bench, id: &str, chat: &str) -> Heard {
        let input = Input::Message(Message::text("hi"));
        bench.bots().hear(&account("shop"), chat, id, &input, "").await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_reaches_those_who_agreed_once() {
        let bench = Bench::new(&["shop"]).await;
        bench.publish("b", &shop()).await;
        assert_eq!(happens(&bench, "1", "hello").await, Heard::Refused(Refusal::NoConsent));
        bench.put(ContactRecord { consent: None, ..bench.vip(ADA) }).await;
        assert_eq!(happens(&bench, "1", "hello").await, Heard::Refused(Refusal::NoConsent));
        assert_eq!(bench.sent(), []);
        // What was refused may come again.
        bench.put(bench.vip(ADA)).await;
        assert_eq!(happens(&bench, "1", "hello").await, Heard::Answered);
        assert_eq!(happens(&bench, "1", "hello").await, Heard::Again);
        assert_eq!(happens(&bench, "2", "unknown").await, Heard::Nobody);
        assert_eq!(bench.sent().len(), 1);
        let start = Input::Start { flow: Some("hello".into()), params: Default::default() };
        let (shop, other) = (account("shop"), chat(7));
        let heard = bench.bots().hear(&shop, &other, "1", &start, "").await.unwrap();
        assert_eq!(heard, Heard::Refused(Refusal::NoConsent));
    }

    fn vip_of(bench: &Bench, scope: &str) -> ContactRecord {
        let mut vip = bench.vip(ADA);
        vip.consent.as_mut().unwrap().scope = scope.into();
        vip
    }

    #[tokio::test(start_paused = true)]
    async fn a_consent_to_something_else_is_none() {
        for (given, named, reaches) in [
            ("news", None, true),
            ("marketing", None, true),
            ("orders", None, false),
            ("orders", Some("orders"), true),
            ("news", Some("orders"), true),
            ("news", Some("offers"), false),
            ("marketing", Some("club"), false),
            ("club", Some("club"), true),
        ] {
            let bench = Bench::new(&["shop"]).await;
            let mut bot = shop();
            if let Some(named) = named {
                bot["triggers"][1]["scope"] = json!(named);
            }
            bench.publish("b", &bot).await;
            bench.put(vip_of(&bench, given)).await;
            let expected = if reaches { Heard::Answered } else { Heard::Refused(Refusal::OtherScope) };
            assert_eq!(happens(&bench, "1", "hello").await, expected, "{given} for {named:?}");
            assert_eq!(bench.sent().len(), usize::from(reaches), "{given} for {named:?}");
        }
        // A start names no scope, and a refusal is not noted.
        let bench = Bench::new(&["shop"]).await;
        bench.publish("b", &shop()).await;
        let start = Input::Start { flow: Some("hello".into()), params: Default::default() };
        for (given, expected) in [("orders", Heard::Refused(Refusal::OtherScope)), ("news", Heard::Answered)]
        {
            bench.put(vip_of(&bench, given)).await;
            let heard = bench.bots().hear(&account("shop"), &chat(ADA), "1", &start, "").await.unwrap();
            assert_eq!(heard, expected);
        }
    }

    /// An event that is waited for goes on with what the person began, whatever it is for.
    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_needs_no_scope() {
        let bench = Bench::new(&["shop"]).await;
        bench.publish("b", &shop()).await;
        bench.put(vip_of(&bench, "club")).await;
        assert_eq!(writes(&bench, "1", &chat(ADA)).await, Heard::Answered);
        assert_eq!(happens(&bench, "2", "paid").await, Heard::Answered);
        assert_eq!(bench.sent().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_back_agrees_to_what_the_bot_named() {
        for (config, scope) in [
            (json!({"back": true, "scope": "news"}), "news"),
            (json!({"back": true}), whatsapp_store::Consent::SERVICE),
        ] {
            let bench = Bench::new(&["shop"]).await;
            let back = json!({
                "format": 1, "bot": {"id": "b", "language": "en"},
                "flows": [{"id": "f", "entry": "o", "nodes": [{"id": "o", "kind": "opt_out", "config": config, "exits": [{"id": "next"}]}]}],
                "triggers": [{"id": "any", "on": "anyMessage", "flow": "f"}],
            });
            bench.publish("b", &back).await;
            let stopped = ContactRecord { opted_out_at: Some(5), ..vip_of(&bench, "marketing") };
            bench.put(stopped).await;
            let stop = Suppression { address: ADA.to_string(), reason: "stop".into(), at: 5 };
            bench.commit(&account("shop"), vec![ContactChange::Suppress(stop).into()]).await;
            assert_eq!(writes(&bench, "m1", &chat(ADA)).await, Heard::Answered);
            let workspace = WorkspaceId::default();
            let ada = bench.store.contact_by_phone(&workspace, &ADA.to_string()).await.unwrap().unwrap();
            let consent = ada.consent.unwrap();
            assert_eq!((&*consent.scope, consent.evidence.as_deref()), (scope, Some("m1")));
            assert_eq!(ada.opted_out_at, None);
            assert_eq!(bench.store.suppressed(&workspace, &[ADA.to_string()]).await.unwrap(), [""; 0]);
            assert_eq!(consent.covers("marketing"), scope == "news");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_reached_who_opted_out_or_talks_with_a_person() {
        let bench = Bench::new(&["shop"]).await;
        bench.publish("b", &shop()).await;
        bench.put(bench.vip(ADA)).await;
        bench.put(ContactRecord { opted_out_at: Some(9), ..bench.vip(ADA) }).await;
        assert_eq!(happens(&bench, "1", "hello").await, Heard::Refused(Refusal::OptedOut));
        let bench = Bench::new(&["shop"]).await;
        bench.publish("b", &shop()).await;
        bench.put(bench.vip(ADA)).await;
        assert_eq!(writes(&bench, "1", &chat(ADA)).await, Heard::Answered);
        assert_eq!(happens(&bench, "2", "paid").await, Heard::Answered);
        assert_eq!(happens(&bench, "3", "hello").await, Heard::Refused(Refusal::HandedOff));
        assert_eq!(bench.sent().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_is_waited_for_needs_no_more_than_no_opt_out() {
        let bench = Bench::new(&["shop"]).await;
        bench.publish("b", &shop()).await;
        assert_eq!(happens(&bench, "1", "paid").await, Heard::Refused(Refusal::NoConsent), "nobody ordered");
        assert_eq!(writes(&bench, "2", &chat(ADA)).await, Heard::Answered);
        assert_eq!(happens(&bench, "3", "hello").await, Heard::Refused(Refusal::NoConsent), "another event");
        let stop = Suppression { address: ADA.to_string(), reason: "stop".into(), at: 1 };
        bench.commit(&account("shop"), vec![ContactChange::Suppress(stop).into()]).await;
        assert_eq!(happens(&bench, "4", "paid").await, Heard::Refused(Refusal::OptedOut));
        let consent =
            bench.vip(ADA).consent.map(|consent| whatsapp_store::Consent { at: 2, ..consent }).unwrap();
        let back = ContactChange::Unsuppress { address: ADA.to_string(), consent };
        bench.commit(&account("shop"), vec![back.into()]).await;
        assert_eq!(happens(&bench, "4", "paid").await, Heard::Answered);
        assert_eq!(bench.sent().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hidden_id_is_an_address_of_its_own() {
        let bench = Bench::new(&["shop"]).await;
        let out = json!({
            "format": 1, "bot": {"id": "b", "language": "en"},
            "flows": [{"id": "f", "entry": "o", "nodes": [{"id": "o", "kind": "opt_out", "config": {}, "exits": [{"id": "next"}]}]}],
            "triggers": [{"id": "any", "on": "anyMessage", "flow": "f"}, {"id": "e", "on": {"event": "e"}, "flow": "f"}],
        });
        bench.publish("b", &out).await;
        let (workspace, lid) = (WorkspaceId::default(), "99@lid".to_owned());
        bench.put(ContactRecord { phone: None, lid: Some(lid.clone()), ..bench.vip(1) }).await;
        let input = Input::Event { name: "e".into(), data: Json::Null };
        let shop = account("shop");
        assert_eq!(bench.bots().hear(&shop, &lid, "1", &input, "").await.unwrap(), Heard::Answered);
        let contact = bench.store.contact_by_lid(&workspace, &lid).await.unwrap().unwrap();
        assert!(contact.opted_out_at.is_some());
        let addresses = ["99".to_owned(), lid.clone()];
        assert_eq!(bench.store.suppressed(&workspace, &addresses).await.unwrap(), std::slice::from_ref(&lid));
        assert_eq!(
            bench.bots().hear(&shop, &lid, "2", &input, "").await.unwrap(),
            Heard::Refused(Refusal::OptedOut)
        );
        assert_eq!(writes(&bench, "3", "98@lid").await, Heard::Answered);
        assert!(bench.store.contact_by_lid(&workspace, "98@lid").await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_trigger_that_cools_down_does_so_over_conversations() {
        let bench = Bench::new(&["shop"]).await;
        let mut shop = shop();
        shop["flows"][1]["nodes"][1]["exits"] = json!([{"id": "next"}]);
        bench.publish("b", &shop).await;
        assert_eq!(writes(&bench, "1", &chat(ADA)).await, Heard::Answered);
        assert_eq!(happens(&bench, "2", "paid").await, Heard::Answered);
        assert_eq!(writes(&bench, "3", &chat(ADA)).await, Heard::Nobody, "it ended a moment ago");
        bench.clock.0.fetch_add(3_600_000, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(writes(&bench, "4", &chat(ADA)).await, Heard::Answered);
    }
}
