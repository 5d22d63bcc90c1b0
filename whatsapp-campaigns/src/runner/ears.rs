//! What comes back: receipts, refusals, replies, and the wish to get no more.
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::json;
use whatsapp_store::{
    CampaignChange, Change, Changes, Consent, ContactChange, ContactRecord, Effect, Error as StoreError,
    Outcome, RecipientFlag, Settlement, Store, Suppression, WorkspaceId,
};

use super::{late::LateStop, tick::event};
use crate::{
    changes::REPLY_RULES,
    consent::{Hearing, OptIn, ReplyRules, TakenAs, Wish},
    id::RowId,
    keys::Keys,
    lattice::{RowEvent, effect, flagged},
    outcome::{Code, Reaction, Refusal, RowReaction},
    person,
    window::Millis,
};

/// Campaigns read at once to find one by its number.
const PAGE: u32 = 500;

/// How far a message is, as the service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptKind {
    /// The service has it.
    Sent,
    /// It reached a device.
    Delivered,
    /// It was read.
    Read,
    /// The service refused it after all.
    Refused(Code),
}

/// Something that was heard of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The message's id.
    pub id: String,
    /// Whom it was sent to, as in the audience.
    pub to: String,
    /// How far it is.
    pub kind: ReceiptKind,
}

/// A message from somebody. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Its id: the evidence of what it asks for.
    pub id: String,
    /// The account that it came to, for the event.
    pub account: String,
    /// Who wrote it, as in the audience.
    pub from: String,
    /// What it says.
    pub text: Option<String>,
    /// Ids of messages that it may be an answer to, the likeliest first: the one it quotes, then the last ones that were sent to them.
    pub answers: Vec<String>,
    /// When, milliseconds since the Unix epoch.
    pub at: Millis,
    /// When it is an edit of a message: that time. The message answered what it answers, so that an edit is heard for what it asks alone.
    pub edited_at: Option<Millis>,
    /// What a conversation takes it for: ask [`Ears::asks`] whether that matters.
    pub taken: TakenAs,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("at", &self.at).finish_non_exhaustive()
    }
}

/// What a message from somebody was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The campaign it answers, and its message.
    pub answers: Option<(String, String)>,
    /// What it asks for. Confirm it once.
    pub wish: Option<Wish>,
    /// It was so before: to confirm it again would never end where a machine asks.
    pub again: bool,
    /// It may ask for something, and nothing was done: a person has to read it.
    pub needs_person: bool,
}

/// Brings what comes back to its campaigns. All of it may be handed in again: it has no further effect.
pub struct Ears {
    store: Arc<dyn Store>,
    known: Mutex<HashMap<WorkspaceId, Known>>,
}

/// What is known of a workspace.
#[derive(Clone)]
struct Known {
    keys: Keys,
    /// Campaigns by number.
    campaigns: BTreeMap<u32, String>,
}

/// A row that was found.
struct Found {
    campaign: String,
    row: RowId,
}

impl fmt::Debug for Ears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ears")
    }
}

impl Ears {
    /// Over a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Mutex::default() }
    }

    /// Writes down what was heard of messages, in one commit. Those that belong to no campaign are passed over, and so are
    /// receipts that come again or too late. Says how many belonged to one.
    ///
    /// # Errors
    /// When the store fails; hand the same receipts in again then.
    pub async fn receipts(
        &self,
        workspace: &WorkspaceId,
        receipts: &[Receipt],
        at: Millis,
    ) -> Result<usize, StoreError> {
        let mut lanes = BTreeMap::<(String, u16), Vec<Outcome>>::new();
        let (mut suppressions, mut stops) = (Vec::new(), Vec::new());
        for receipt in receipts {
            let Some(found) = self.find(workspace, &receipt.id, &receipt.to).await? else { continue };
            // One of several addresses has no account: whoever sends tries the others, and tells what came of it.
            let is_tried = receipt.kind == ReceiptKind::Refused(Code::NoAccount);
            if is_tried && person::forms(&receipt.to).len() > 1 {
                continue;
            }
            let (event, retry_at) = match receipt.kind {
                ReceiptKind::Sent => (RowEvent::Acked, None),
                ReceiptKind::Delivered => (RowEvent::Delivered, None),
                ReceiptKind::Read => (RowEvent::Read, None),
                ReceiptKind::Refused(code) => {
                    let reaction = self.refused(workspace, &found, code, at).await?;
                    if reaction.suppress {
                        let (address, reason) = (receipt.to.clone(), "the service says so".to_owned());
                        suppressions.push(ContactChange::Suppress(Suppression { address, reason, at }));
                    }
                    stops.push(LateStop {
                        campaign: found.campaign.clone(),
                        lane: found.row.lane,
                        code,
                        stop: reaction.stop,
                    });
                    match reaction.row {
                        RowReaction::Retry { at } => (RowEvent::RetryLater { code: code.stored() }, Some(at)),
                        RowReaction::Fail => (RowEvent::Failed { code: code.stored() }, None),
                    }
                }
            };
            // Handing it over was the try, and is counted.
            let effect = Effect { tries: 0, ..effect(event) };
            let outcome = Outcome { seq: found.row.seq, effect, retry_at };
            lanes.entry((found.campaign, found.row.lane)).or_default().push(outcome);
        }
        let count = lanes.values().map(Vec::len).sum();
        let mut changes = Changes::new(workspace.clone());
        for ((campaign, lane), outcomes) in lanes {
            changes.push(settlement(campaign, lane, at, outcomes));
        }
        changes.list.extend(suppressions.into_iter().map(Change::from));
        if count > 0 {
            self.store.commit(changes).await?;
        }
        for stop in stops {
            stop.carry_out(&*self.store, workspace, at).await?;
        }
        Ok(count)
    }

    /// May a text ask for something? Only then it matters what a conversation takes it for.
    ///
    /// # Errors
    /// When the rules of the workspace cannot be read.
    pub async fn asks(&self, workspace: &WorkspaceId, text: &str) -> Result<bool, StoreError> {
        Ok(self.rules(workspace).await?.hear(text) != Hearing::Nothing)
    }

    /// Writes down what a message from somebody means: an answer to a campaign, no more messages, or messages again.
    ///
    /// # Errors
    /// When the store fails; hand the message in again then.
    pub async fn incoming(&self, workspace: &WorkspaceId, message: &Incoming) -> Result<Heard, StoreError> {
        let rules = self.rules(workspace).await?;
        let hearing =
            message.text.as_deref().map_or(Hearing::Nothing, |text| rules.hear_taken(text, message.taken));
        let wish = match hearing {
            Hearing::Stop => Some(Wish::Stop),
            Hearing::Start => Some(Wish::Start),
            Hearing::AskPerson | Hearing::Nothing => None,
        };
        if message.edited_at.is_some() && hearing == Hearing::Nothing {
            return Ok(Heard::default());
        }
        let mut changes = Changes::new(workspace.clone());
        let contacts = match wish {
            Some(_) => person::contacts(&*self.store, workspace, &message.from).await?,
            None => Vec::new(),
        };
        let again = match wish {
            Some(wish) => {
                self.is_so(workspace, wish, rules.opt_in.as_ref(), &message.from, &contacts).await?
            }
            None => false,
        };
        let mut heard = Heard { answers: None, wish, again, needs_person: hearing == Hearing::AskPerson };
        for id in &message.answers {
            if let Some(found) = self.find(workspace, id, &message.from).await? {
                let flag =
                    if wish == Some(Wish::Stop) { RecipientFlag::OptedOut } else { RecipientFlag::Replied };
                let outcome = Outcome { seq: found.row.seq, effect: flagged(flag), retry_at: None };
                heard.answers = Some((found.campaign.clone(), id.clone()));
                changes.push(settlement(found.campaign, found.row.lane, message.at, vec![outcome]));
                break;
            }
        }
        changes.list.extend(match (wish, &rules.opt_in) {
            (Some(Wish::Stop), _) => stops(message, &contacts),
            (Some(Wish::Start), Some(opt_in)) => self.starts(workspace, message, opt_in, contacts).await?,
            _ => Vec::new(),
        });
        if heard.needs_person {
            changes.push(unclear(message, &heard));
        }
        if heard.answers.is_some() || wish.is_some() || heard.needs_person {
            if heard.answers.is_some() || wish.is_some() {
                changes.push(told(message, &heard, rules.opt_in.as_ref()));
            }
            self.commit(changes).await?;
        }
        Ok(heard)
    }

    /// The campaign that a message answers, if one of these ids is of one that was sent to that person.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn campaign_of(
        &self,
        workspace: &WorkspaceId,
        from: &str,
        answers: &[String],
    ) -> Result<Option<String>, StoreError> {
        for id in answers {
            if let Some(found) = self.find(workspace, id, from).await? {
                return Ok(Some(found.campaign));
            }
        }
        Ok(None)
    }

    /// Is it already as the person wishes?
    async fn is_so(
        &self,
        workspace: &WorkspaceId,
        wish: Wish,
        opt_in: Option<&OptIn>,
        from: &str,
        contacts: &[ContactRecord],
    ) -> Result<bool, StoreError> {
        let addresses: Vec<String> = addresses(from, contacts).into_iter().collect();
        let is_suppressed = !self.store.suppressed(workspace, &addresses).await?.is_empty();
        let has_agreed = |contact: &ContactRecord| {
            let scope = contact.consent.as_ref().map(|consent| &consent.scope);
            contact.opted_out_at.is_none() && scope == opt_in.map(|opt_in| &opt_in.scope)
        };
        Ok(match wish {
            Wish::Stop => is_suppressed,
            Wish::Start => !is_suppressed && contacts.iter().any(has_agreed),
        })
    }

    /// Messages again, or for the first time: a stranger becomes a contact, since a consent is somebody's.
    async fn starts(
        &self,
        workspace: &WorkspaceId,
        message: &Incoming,
        opt_in: &OptIn,
        mut contacts: Vec<ContactRecord>,
    ) -> Result<Vec<Change>, StoreError> {
        let mut list = Vec::new();
        if contacts.is_empty() {
            let stranger = person::new_contact(&*self.store, workspace, &message.from, message.at).await?;
            list.push(ContactChange::Put(Box::new(stranger.clone())));
            contacts.push(stranger);
        }
        // The message is a newer consent itself.
        let consent = Consent {
            scope: opt_in.scope.clone(),
            source: "message".to_owned(),
            at: message.at,
            evidence: Some(message.id.clone()),
        };
        let unsuppress = addresses(&message.from, &contacts)
            .into_iter()
            .map(|address| ContactChange::Unsuppress { address, consent: consent.clone() });
        let record = contacts
            .iter()
            .map(|contact| ContactChange::RecordConsent { id: contact.id.clone(), consent: consent.clone() });
        list.extend(record.chain(unsuppress));
        Ok(list.into_iter().map(Change::from).collect())
    }

    /// What the workspace decided about replies. What cannot be read decides nothing.
    async fn rules(&self, workspace: &WorkspaceId) -> Result<ReplyRules, StoreError> {
        let stored = self.store.setting(workspace, REPLY_RULES).await?;
        Ok(stored.and_then(|stored| serde_json::from_slice(&stored).ok()).unwrap_or_default())
    }

    /// Somebody who says stop and start in turn may have taken back what this asks for: that stays.
    async fn commit(&self, changes: Changes) -> Result<(), StoreError> {
        match self.store.commit(changes).await {
            Err(error) if error.kind() == whatsapp_store::ErrorKind::Invalid => {
                tracing::debug!(%error, "a message that asks for messages again is older than the wish to get none");
                Ok(())
            }
            other => other,
        }
    }

    /// The row of a message, if it is one and was really sent to that address: one foreign id in 4,096 looks like ours.
    async fn find(&self, workspace: &WorkspaceId, id: &str, to: &str) -> Result<Option<Found>, StoreError> {
        let known = self.known(workspace).await?;
        let Some(row) = known.keys.ids.row(id) else { return Ok(None) };
        let row = if known.campaigns.contains_key(&row.campaign) { row } else { row.at_first_address() };
        let campaign = match known.campaigns.get(&row.campaign) {
            Some(campaign) => Some(campaign.clone()),
            None => self.read_campaigns(workspace).await?.get(&row.campaign).cloned(),
        };
        let Some(campaign) = campaign else { return Ok(None) };
        let place = row.seq..row.seq.saturating_add(1);
        let audience = self.store.audience(workspace, &campaign, i32::from(row.lane), place).await?;
        let is_theirs = audience.first().is_some_and(|(_, row)| person::is_same(&row.address, to));
        Ok(is_theirs.then_some(Found { campaign, row }))
    }

    /// What follows for a row that was accepted first.
    async fn refused(
        &self,
        workspace: &WorkspaceId,
        found: &Found,
        code: Code,
        at: Millis,
    ) -> Result<Reaction, StoreError> {
        let (lane, seq) = (i32::from(found.row.lane), found.row.seq);
        let recipients =
            self.store.recipients(workspace, &found.campaign, lane, seq..seq.saturating_add(1)).await?;
        let tries = recipients.first().map_or(1, |recipient| recipient.tries.max(1));
        Ok(Refusal { code, row: found.row, tries, at, until: None }.reaction())
    }

    async fn known(&self, workspace: &WorkspaceId) -> Result<Known, StoreError> {
        let known = self.lock().get(workspace).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let keys = Keys::of(&*self.store, workspace).await?;
        let known = Known { keys, campaigns: BTreeMap::new() };
        self.lock().insert(workspace.clone(), known.clone());
        Ok(known)
    }

    /// All campaigns by number: there is one that is not known yet.
    async fn read_campaigns(&self, workspace: &WorkspaceId) -> Result<BTreeMap<u32, String>, StoreError> {
        let (mut campaigns, mut before) = (BTreeMap::new(), None);
        loop {
            let page = self.store.campaigns(workspace, before.as_deref(), PAGE).await?;
            let numbered = page
                .campaigns
                .into_iter()
                .filter_map(|campaign| Some((u32::try_from(campaign.number).ok()?, campaign.id)));
            campaigns.extend(numbered);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        if let Some(known) = self.lock().get_mut(workspace) {
            known.campaigns = campaigns.clone();
        }
        Ok(campaigns)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<WorkspaceId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn settlement(campaign: String, lane: u16, at: Millis, outcomes: Vec<Outcome>) -> CampaignChange {
    CampaignChange::Settle(Settlement { campaign, lane: i32::from(lane), epoch: None, at, outcomes })
}

/// Every address of a person who is known by one of them.
fn addresses(from: &str, contacts: &[ContactRecord]) -> BTreeSet<String> {
    let known = contacts.iter().flat_map(|contact| contact.phone.iter().chain(&contact.lid));
    known.map(String::as_str).chain([from]).flat_map(person::forms).collect()
}

/// No more messages, to any address of the person.
fn stops(message: &Incoming, contacts: &[ContactRecord]) -> Vec<Change> {
    let (reason, at) = ("stop".to_owned(), message.at);
    let suppress = |address| ContactChange::Suppress(Suppression { address, reason: reason.clone(), at });
    let opt_out = contacts.iter().map(|contact| ContactChange::OptOut { id: contact.id.clone(), at });
    addresses(&message.from, contacts).into_iter().map(suppress).chain(opt_out).map(Change::from).collect()
}

/// That a person has to read a message.
fn unclear(message: &Incoming, heard: &Heard) -> Change {
    let mut data = json!({
        "campaignId": heard.answers.as_ref().map(|(campaign, _)| campaign),
        "sessionId": message.account,
        "from": message.from,
        "replyId": message.id,
    });
    if let Some(at) = message.edited_at {
        data["editedAt"] = json!(at);
    }
    event("campaign.reply.unclear", &data, message.at)
}

fn told(message: &Incoming, heard: &Heard, opt_in: Option<&OptIn>) -> Change {
    let key = match heard.wish {
        Some(Wish::Stop) => "campaign.opted.out",
        Some(Wish::Start) => "campaign.opted.in",
        None => "campaign.replied",
    };
    let (campaign, sent) = heard.answers.clone().unzip();
    let mut data = json!({
        "campaignId": campaign,
        "messageId": sent,
        "sessionId": message.account,
        "from": message.from,
        "replyId": message.id,
    });
    if let Some(at) = message.edited_at {
        data["editedAt"] = json!(at);
    }
    if heard.again {
        data["again"] = json!(true);
    }
    if let (Some(Wish::Start), Some(opt_in)) = (heard.wish, opt_in) {
        // What they are to be told: what they agreed to.
        data["scope"] = json!(opt_in.scope);
        data["confirmation"] = json!(opt_in.confirmation);
    }
    event(key, &data, message.at)
}
