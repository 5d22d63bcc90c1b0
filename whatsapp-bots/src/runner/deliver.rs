//! What stands in a conversation to be done is done, in order, and taken off.
use serde_json::json;
use whatsapp_store::{
    AccountId, Change, Changes, ConversationRecord, ConversationStatus, ErrorKind, FlowChange, hash::fnv1a,
};

use super::{
    Bots,
    envelope::{Envelope, Pending},
    events::{event, message_id},
    lanes::{Place, Queued},
    port::NotSent,
    turn::{self, Hearing, TurnError, record},
};
use crate::Input;

/// Messages that are handed over before they are taken off in one commit, at most.
const AT_ONCE: usize = 16;
/// The longest that what was handed over stays, while others are under way: milliseconds.
const SOON: i64 = 2_000;
/// How often it is tried to take something off while others write the conversation.
const TRIES: usize = 16;
/// What could not be sent here is tried again, on any node, after a part of the time that it has waited, within these bounds:
/// milliseconds.
const AGAIN: (i64, i64) = (250, 30_000);

/// Such a part: somebody who can send it has many tries before it waits for long.
const PART: i64 = 8;

/// When it is tried again, in milliseconds: half of the usual time at least, and half as much again at most. By chance, because two nodes
/// that look as often as each other keep step: the one without the account would come first each time.
fn again(waited: i64, chance: u64) -> i64 {
    let usual = (waited / PART).clamp(AGAIN.0, AGAIN.1);
    usual / 2 + i64::try_from(chance % usual.unsigned_abs()).unwrap_or_default()
}

impl Bots {
    /// Goes on with a conversation whose time has come.
    pub(super) async fn go_on(&self, conversation: ConversationRecord, now: i64) {
        let ConversationRecord { account, chat, state, revision, .. } = conversation;
        let (timer, id) = match Envelope::from_bytes(&state) {
            Ok(envelope) if !envelope.pending.is_empty() => {
                return self.deliver_soon(&account, &chat, None);
            }
            Ok(Envelope { salt, state, .. }) => {
                let due = state.wake_at().is_some_and(|at| at <= now);
                let Some(timer) = state.timer().filter(|_| due) else { return };
                (timer, format!("timer/{salt}/{timer}"))
            }
            // Whatever is heard ends it.
            Err(_) => (0, format!("unreadable/{revision}")),
        };
        if let Err(error) = self.hear(&account, &chat, &id, &Input::Timer { id: timer }, "").await {
            tracing::warn!(%account, %error, "a timer of a conversation waits: it is tried again");
        }
    }

    /// Does what is to be done, until nothing is; `known` is the conversation as it was just written.
    pub(super) async fn deliver(
        &self,
        account: &AccountId,
        chat: &str,
        known: Option<ConversationRecord>,
        queued: &Queued,
    ) {
        // Whoever does it already looks once more.
        let Some(mut busy) = self.shared.begin(account, chat) else { return };
        let (known, place) = match queued.try_enter() {
            Some(place) => (known, Some(place)),
            None => {
                // Whoever waits keeps no state in memory, and reads what it has become.
                drop(known);
                (None, queued.enter().await)
            }
        };
        let now = self.shared.clock.now();
        let (bot, done, requests) = Default::default();
        let place = place.map(|place| (Work::Send, place));
        let mut delivery =
            Delivery { bots: self, account, chat, queued, requests, place, known, bot, done, since: now };
        loop {
            match delivery.all().await {
                // The rest is for whoever runs next.
                Ok(()) if self.shared.is_stopping() => return,
                Ok(()) if busy.end() => return,
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%account, %error, "an answer of a bot waits: it is tried again");
                    return;
                }
            }
        }
    }

    /// A conversation that may have something to be done: one that was ended from outside has not.
    async fn undone(
        &self,
        account: &AccountId,
        chat: &str,
    ) -> Result<Option<(ConversationRecord, Envelope)>, TurnError> {
        Ok(self.shared.store.conversation(account, chat).await?.and_then(open))
    }

    /// Lets whoever looks first try what cannot be sent here: soon at first, as the account may be on another node, then more
    /// and more seldom, as it may be nowhere.
    async fn hand_back(&self, account: &AccountId, chat: &str) -> Result<(), TurnError> {
        let Some((stored, _)) = self.undone(account, chat).await? else { return Ok(()) };
        let now = self.shared.clock.now();
        let chance = fnv1a(format!("{chat}\0{}", stored.revision).bytes());
        let again = again(now.saturating_sub(stored.updated_at), chance);
        let (expected, revision) = (Some(stored.revision), stored.revision + 1);
        let record = ConversationRecord { wake_at: Some(now + again), revision, ..stored };
        let mut changes = Changes::new(account.clone());
        changes.push(FlowChange::PutConversation { record, expected });
        match self.shared.store.commit(changes).await {
            // Whoever wrote it says when it goes on.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            other => Ok(other?),
        }
    }
}

fn open(stored: ConversationRecord) -> Option<(ConversationRecord, Envelope)> {
    let is_open = stored.status != ConversationStatus::Ended;
    let envelope = is_open.then(|| Envelope::from_bytes(&stored.state).ok())??;
    Some((stored, envelope))
}

/// What is done for one chat in a row. Messages are taken off several at once: a crash before that hands them over again, under
/// the same ids and in the same order.
struct Delivery<'a> {
    bots: &'a Bots,
    account: &'a AccountId,
    chat: &'a str,
    /// Where messages are handed over.
    queued: &'a Queued,
    /// Where requests are made, if one was.
    requests: Option<Queued>,
    /// What may be done now: one at a time, so that nobody who has a place waits for another.
    place: Option<(Work, Place)>,
    /// The conversation, where it need not be read.
    known: Option<ConversationRecord>,
    /// Whose conversation it is.
    bot: String,
    /// What was done and is to be taken off.
    done: Vec<Done>,
    /// When that was written last.
    since: i64,
}

/// What a place is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Send,
    Request,
}

/// Something that was done.
struct Done {
    id: u64,
    /// When it was given to the account, if that is known.
    given_at: Option<i64>,
    /// What became of a message, with its id.
    message: Option<(String, Result<(), String>)>,
}

impl Delivery<'_> {
    fn is_done(&self, pending: &Pending) -> bool {
        self.done.iter().any(|done| done.id == pending.id())
    }

    /// Does all that there is, and takes it off.
    async fn all(&mut self) -> Result<(), TurnError> {
        let mut did = Ok(());
        while did.is_ok() && !self.bots.shared.is_stopping() {
            // Read before each message: somebody may have taken over the chat, or ended the conversation.
            let Some((stored, envelope)) = self.look().await? else { break };
            let salt = envelope.salt;
            self.bot.clone_from(&stored.flow);
            let mut left = envelope.pending.into_iter().filter(|pending| !self.is_done(pending));
            let (next, is_last) = (left.next(), left.next().is_none());
            drop(left);
            let Some(next) = next else {
                self.known = Some(stored);
                break;
            };
            if !self.has_place(&next).await {
                // Meanwhile somebody may have taken over the chat.
                continue;
            }
            // After the last one, nobody else is to be asked.
            self.known = is_last.then_some(stored);
            did = self.one(salt, next).await;
            let waited = self.bots.shared.clock.now() - self.since;
            if self.done.len() >= AT_ONCE || waited >= SOON {
                self.take_off().await?;
            }
        }
        self.take_off().await?;
        if matches!(did, Err(TurnError::Busy)) {
            self.bots.hand_back(self.account, self.chat).await?;
        }
        did
    }

    /// Takes a place for what comes next; `false` if it was waited for.
    async fn has_place(&mut self, next: &Pending) -> bool {
        let work = match next {
            Pending::Send { .. } => Work::Send,
            Pending::Request { .. } => Work::Request,
        };
        if self.place.as_ref().is_some_and(|(held, _)| *held == work) {
            return true;
        }
        self.place = None;
        let queued = match work {
            Work::Send => self.queued,
            Work::Request => {
                if self.requests.is_none() {
                    self.requests = self.bots.shared.requests.queue(self.account, usize::MAX);
                }
                let Some(requests) = &self.requests else { return true };
                requests
            }
        };
        let free = queued.try_enter();
        let is_free = free.is_some();
        let place = if is_free { free } else { queued.enter().await };
        self.place = place.map(|place| (work, place));
        is_free
    }

    async fn look(&mut self) -> Result<Option<(ConversationRecord, Envelope)>, TurnError> {
        match self.known.take() {
            Some(known) => Ok(open(known)),
            None => self.bots.undone(self.account, self.chat).await,
        }
    }

    /// Does one thing. [`TurnError::Busy`] when it cannot be done here and now.
    async fn one(&mut self, salt: i64, pending: Pending) -> Result<(), TurnError> {
        let Self { bots: Bots { shared }, account, chat, .. } = *self;
        let done = pending.id();
        match pending {
            Pending::Send { id, content } => {
                let name = message_id(account, chat, salt, id);
                let given_at = shared.outstanding.give(account, chat, id, shared.clock.now());
                let sent = match shared.outlet.send(account, chat, &name, content).await {
                    Ok(()) => Ok(()),
                    Err(NotSent::Later) => {
                        shared.outstanding.take_back(account, chat);
                        return Err(TurnError::Busy);
                    }
                    Err(NotSent::Never(why)) => {
                        tracing::warn!(%account, why, "an answer of a bot cannot be sent");
                        Err(why)
                    }
                };
                self.done.push(Done { id: done, given_at, message: Some((name, sent)) });
                Ok(())
            }
            Pending::Request { mut call } => {
                call.key = message_id(account, chat, salt, call.id);
                let id = call.id;
                let outcome = shared.outlet.request(call).await;
                let (input, name) = (Input::Result { id, outcome }, format!("result/{salt}/{id}"));
                // Heard before it is taken off: after a crash it is made again, under the same key.
                let hearing =
                    Hearing { account, chat, id: &name, input: &input, name: "", bot: None, also: None };
                self.known = Box::pin(turn::take(shared, hearing)).await?.record;
                self.done.push(Done { id: done, given_at: None, message: None });
                // At once: nobody wants to make it twice.
                self.take_off().await
            }
        }
    }

    /// Takes off what was done, however often others write the conversation meanwhile.
    async fn take_off(&mut self) -> Result<(), TurnError> {
        self.since = self.bots.shared.clock.now();
        for _ in 0..TRIES {
            if self.done.is_empty() {
                return Ok(());
            }
            let Some((stored, mut envelope)) = self.look().await? else {
                // It was ended from outside: what was sent is told all the same.
                return self.tell().await;
            };
            let before = envelope.pending.len();
            envelope.pending.retain(|pending| !self.is_done(pending));
            if envelope.pending.len() == before {
                self.done.clear();
                return Ok(());
            }
            let last = self.done.iter().rev().find(|done| done.message.is_some());
            if let Some(last) = last {
                envelope.order.given_at = last.given_at.or(envelope.state.said_at());
            }
            let is_all = envelope.unsent().is_none();
            let ConversationRecord { flow, version, revision, .. } = stored;
            let at = self.since;
            let record = record(self.account, self.chat, &flow, version, envelope, Some(revision), at);
            let mut changes = Changes::new(self.account.clone());
            changes.list = self.events(at);
            changes.push(FlowChange::PutConversation { record: record.clone(), expected: Some(revision) });
            match self.bots.shared.store.commit(changes).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    if is_all {
                        self.bots.shared.outstanding.forget(self.account, self.chat);
                    }
                    self.known = Some(record);
                    self.done.clear();
                }
            }
        }
        Err(TurnError::Busy)
    }

    /// What became of the messages that were done.
    fn events(&self, at: i64) -> Vec<Change> {
        let told = |done: &Done| {
            let (id, sent) = done.message.as_ref()?;
            let (key, more) = match sent {
                Ok(()) => ("chatbot.response.sent", json!({ "messageId": id })),
                Err(why) => ("chatbot.response.failed", json!({ "messageId": id, "reason": why })),
            };
            Some(event(key, &self.bot, (self.account, self.chat), more, at))
        };
        self.done.iter().filter_map(told).collect()
    }

    /// Tells of what was done, of a conversation that is not there any more.
    async fn tell(&mut self) -> Result<(), TurnError> {
        let mut changes = Changes::new(self.account.clone());
        changes.list = self.events(self.since);
        self.done.clear();
        self.bots.shared.outstanding.forget(self.account, self.chat);
        if !changes.list.is_empty() {
            self.bots.shared.store.commit(changes).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
