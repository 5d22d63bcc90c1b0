use std::sync::Arc;

use whatsapp_store::{
    AccountId, CampaignState, CampaignStore, Changes, ContactChange, ContactRecord, ContactStore,
    RecipientFlag, RecipientState, Store, WorkspaceId,
};

use super::bench::{Bench, Ledger, address, settings};
use crate::{
    consent::{OptIn, ReplyRules, TakenAs, Wish},
    outcome::Code,
    runner::{Clock, Ears, Heard, Incoming, Options, Receipt, ReceiptKind, Runner},
    service::CampaignService,
};

async fn sent(bench: &Bench, rows: u32) -> Vec<(String, String)> {
    bench.campaign("spring", settings(""), rows).await;
    let ledger = Arc::new(Ledger::default());
    let running = bench.start("a", ledger.clone());
    bench.until("spring", CampaignState::Finished, 3_600_000).await;
    running.shutdown().await;
    let shown = ledger.shown.lock().unwrap();
    shown.iter().map(|(id, (to, _))| (id.clone(), to.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn receipts_find_their_row_in_any_order() {
    let bench = Bench::new();
    let sent = sent(&bench, 100).await;
    let receipts: Vec<Receipt> = sent
        .iter()
        .flat_map(|(id, to)| {
            [ReceiptKind::Read, ReceiptKind::Sent, ReceiptKind::Delivered, ReceiptKind::Read]
                .map(|kind| Receipt { id: id.clone(), to: to.clone(), kind })
        })
        .collect();
    let (ears, workspace) = (Ears::new(bench.store.clone()), WorkspaceId::default());
    assert_eq!(ears.receipts(&workspace, &receipts, bench.clock.now()).await.unwrap(), 400);
    let foreign = Receipt { to: "1".into(), ..receipts[0].clone() };
    let random = Receipt { id: "3EB0123456789ABCDEF012".into(), ..receipts[0].clone() };
    assert_eq!(ears.receipts(&workspace, &[foreign, random], bench.clock.now()).await.unwrap(), 0);
    assert_eq!(bench.count("spring", RecipientState::Read).await, 100);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_late_is_not_tried_for_ever() {
    let bench = Bench::new();
    let sent = sent(&bench, 1).await;
    let (ears, workspace) = (Ears::new(bench.store.clone()), WorkspaceId::default());
    let (id, to) = sent[0].clone();
    let refused = Receipt { id, to, kind: ReceiptKind::Refused(Code::Web(403)) };
    assert_eq!(ears.receipts(&workspace, &[refused], bench.clock.now()).await.unwrap(), 1);
    assert_eq!(bench.count("spring", RecipientState::Retry).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_late_stops_what_it_would_have_stopped_at_once() {
    let bench = Bench::new();
    let sent = sent(&bench, 2).await;
    let (ears, workspace) = (Ears::new(bench.store.clone()), WorkspaceId::default());
    let late = |place: usize, code| {
        let (id, to) = sent[place].clone();
        Receipt { id, to, kind: ReceiptKind::Refused(code) }
    };
    let now = bench.clock.now();
    ears.receipts(&workspace, &[late(0, Code::Cloud(131_050))], now).await.unwrap();
    let suppressed = bench.store.suppressed(&workspace, std::slice::from_ref(&sent[0].1)).await.unwrap();
    assert_eq!(suppressed.len(), 1, "the person has opted out elsewhere");
    let runner = Runner::with_clock(bench.store.clone(), Options::new("b"), Arc::new(bench.clock.clone()));
    let account: AccountId = "shop".parse().unwrap();
    assert_eq!(runner.stopped(&account).await.unwrap(), None);
    for _ in 0..2 {
        ears.receipts(&workspace, &[late(1, Code::Web(463))], now).await.unwrap();
    }
    let stopped = runner.stopped(&account).await.unwrap().unwrap();
    assert!(stopped.reason.contains("463"), "{stopped:?}");
}

fn incoming(from: &str, text: &str, answers: &[&str], at: i64) -> Incoming {
    let answers = answers.iter().map(|id| (*id).to_owned()).collect();
    Incoming {
        id: "IN1".into(),
        account: "shop".into(),
        from: from.into(),
        text: Some(text.into()),
        answers,
        at,
        edited_at: None,
        taken: TakenAs::Nothing,
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_known_by_what_it_quotes_or_by_what_was_sent_last() {
    let bench = Bench::new();
    let sent = sent(&bench, 3).await;
    let (ears, workspace) = (Ears::new(bench.store.clone()), WorkspaceId::default());
    let (id, to) = &sent[0];
    let message = incoming(to, "Thanks!", &["3EB0FFFFFFFFFFFFFFFFFF", id], bench.clock.now());
    let heard = ears.incoming(&workspace, &message).await.unwrap();
    assert_eq!(heard, Heard { answers: Some(("spring".into(), id.clone())), ..Heard::default() });
    ears.incoming(&workspace, &message).await.unwrap();
    let flags = bench.store.campaign_flags(&workspace, "spring").await.unwrap();
    assert_eq!(flags.of(RecipientFlag::Replied), 1);
    let stranger = incoming("15550001234", "Hello", &[], bench.clock.now());
    assert_eq!(ears.incoming(&workspace, &stranger).await.unwrap(), Heard::default());
    assert_eq!(bench.events("campaign.replied").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn stop_suppresses_everywhere_and_start_takes_it_back() {
    let bench = Bench::new();
    let sent = sent(&bench, 3).await;
    let (ears, workspace) = (Ears::new(bench.store.clone()), WorkspaceId::default());
    let (id, to) = &sent[1];
    let now = bench.clock.now();
    let heard = ears.incoming(&workspace, &incoming(to, " STOP! ", &[id], now)).await.unwrap();
    assert_eq!((heard.wish, heard.again), (Some(Wish::Stop), false));
    // Two machines would confirm each other for ever.
    let heard = ears.incoming(&workspace, &incoming(to, "STOP", &[id], now + 1)).await.unwrap();
    assert_eq!((heard.wish, heard.again), (Some(Wish::Stop), true));
    let suppressed =
        || async { bench.store.suppressed(&workspace, &[to.clone(), address(0, 99)]).await.unwrap() };
    assert_eq!(suppressed().await, std::slice::from_ref(to));
    assert_eq!(
        bench.store.campaign_flags(&workspace, "spring").await.unwrap().of(RecipientFlag::OptedOut),
        1
    );
    // Nobody agrees to anything by a word that the workspace did not choose: a person reads it.
    let heard = ears.incoming(&workspace, &incoming(to, "start", &[], now + 500)).await.unwrap();
    assert!(heard.wish.is_none() && heard.needs_person);
    assert_eq!(suppressed().await, std::slice::from_ref(to));
    assert_eq!(bench.events("campaign.reply.unclear").await.len(), 1);
    let opt_in = OptIn {
        words: vec!["start".into()],
        scope: "offers".into(),
        confirmation: "You get our offers again. Reply STOP to end.".into(),
    };
    let rules = ReplyRules { opt_in: Some(opt_in), ..ReplyRules::default() };
    let service =
        CampaignService::with_clock(bench.store.clone(), workspace.clone(), Arc::new(bench.clock.clone()));
    let stored = service.set_reply_rules(&rules, "ana").await.unwrap();
    assert_eq!(service.reply_rules().await.unwrap(), stored);
    assert_eq!(stored, ReplyRules { updated_at: Some(bench.clock.now()), ..rules });
    // One that is older than the wish, and comes late, changes nothing.
    ears.incoming(&workspace, &incoming(to, "start", &[], now - 1_000)).await.unwrap();
    assert_eq!(suppressed().await, std::slice::from_ref(to));
    ears.incoming(&workspace, &incoming(to, "start", &[], now + 1_000)).await.unwrap();
    assert!(suppressed().await.is_empty());
    let told = bench.events("campaign.opted.in").await;
    assert!(
        told.last()
            .is_some_and(|told| told["confirmation"] == "You get our offers again. Reply STOP to end."),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_heard_for_what_it_asks_and_is_no_further_reply() {
    let bench = Bench::new();
    let sent = sent(&bench, 1).await;
    let (ears, workspace) = (Ears::new(bench.store.clone()), WorkspaceId::default());
    let (id, to) = &sent[0];
    let now = bench.clock.now();
    let edit = |text: &str, at: i64, taken: TakenAs| {
        let (edited_at, message) = (Some(now + at), incoming(to, text, &[id], now + at));
        Incoming { edited_at, taken, ..message }
    };
    ears.incoming(&workspace, &incoming(to, "Thnaks", &[id], now)).await.unwrap();
    let heard = ears.incoming(&workspace, &edit("Thanks", 1, TakenAs::Nothing)).await.unwrap();
    assert_eq!(heard, Heard::default());
    assert_eq!(bench.events("campaign.replied").await.len(), 1);
    // What corrects an answer may be the other option: a person reads it.
    let heard = ears.incoming(&workspace, &edit("Baja", 2, TakenAs::Edit)).await.unwrap();
    assert!(heard.needs_person && heard.wish.is_none());
    let heard = ears.incoming(&workspace, &edit("Stop", 3, TakenAs::Edit)).await.unwrap();
    assert_eq!((heard.wish, heard.again), (Some(Wish::Stop), false));
    ears.incoming(&workspace, &edit("Never mind", 4, TakenAs::Nothing)).await.unwrap();
    assert_eq!(bench.store.suppressed(&workspace, std::slice::from_ref(to)).await.unwrap().len(), 1);
    let told = bench.events("campaign.opted.out").await;
    assert_eq!((&told[0]["replyId"], &told[0]["editedAt"]), (&"IN1".into(), &(now + 3).into()));
}

#[tokio::test(start_paused = true)]
async fn stop_and_replies_count_from_every_address_of_the_person() {
    let bench = Bench::new();
    let sent = sent(&bench, 1).await;
    let (ears, workspace) = (Ears::new(bench.store.clone()), WorkspaceId::default());
    let contact =
        ContactRecord { id: "ana".into(), phone: Some("5531987654321".into()), ..ContactRecord::default() };
    let mut changes = Changes::new(workspace.clone());
    changes.push(ContactChange::Put(Box::new(contact)));
    bench.store.commit(changes).await.unwrap();
    let stop = incoming("553187654321", "Stop, por favor", &[&sent[0].0], bench.clock.now());
    let heard = ears.incoming(&workspace, &stop).await.unwrap();
    assert_eq!((heard.wish, heard.answers), (Some(Wish::Stop), None), "the row is of somebody else");
    let forms = ["5531987654321".to_owned(), "553187654321".to_owned()];
    assert_eq!(bench.store.suppressed(&workspace, &forms).await.unwrap().len(), 2);
    let contact = bench.store.contact(&workspace, "ana").await.unwrap().unwrap();
    assert!(contact.opted_out_at.is_some());
}
