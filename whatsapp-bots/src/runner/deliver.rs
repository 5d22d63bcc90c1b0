//! What stands in a conversation to be done is done, in order, and taken off.
use whatsapp_store::{AccountId, Changes, ConversationRecord, ConversationStatus, ErrorKind, FlowChange};

use super::{
    Bots,
    envelope::{Envelope, Pending},
    port::NotSent,
    turn::{self, Hearing, TurnError, message_id, record},
};
use crate::Input;

/// How often it is tried to take one thing off while others write the conversation.
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
            Ok(envelope) if !envelope.pending.is_empty() => return self.deliver_soon(&account, &chat),
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

    /// Does what is to be done, until nothing is.
    pub(super) async fn deliver(&self, account: &AccountId, chat: &str) {
        // Whoever does it already sees what was added.
        let Some(busy) = self.shared.begin(account, chat) else { return };
        loop {
            match self.first(account, chat).await {
                // The rest is for whoever runs next.
                Ok(Some(_)) if self.shared.is_stopping() => return,
                Ok(Some((salt, pending))) => {
                    if let Err(error) = self.do_one(account, chat, salt, pending).await {
                        tracing::warn!(%account, %error, "an answer of a bot waits: it is tried again");
                        return;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%account, %error, "an answer of a bot waits: it is tried again");
                    return;
                }
            }
        }
        drop(busy);
        // Something may have been added between the last look and now.
        if matches!(self.first(account, chat).await, Ok(Some(_))) {
            self.deliver_soon(account, chat);
        }
    }

    async fn first(&self, account: &AccountId, chat: &str) -> Result<Option<(i64, Pending)>, TurnError> {
        let found = self.undone(account, chat).await?;
        Ok(found.and_then(|(_, Envelope { salt, pending, .. })| Some((salt, pending.into_iter().next()?))))
    }

    /// A conversation that may have something to be done: one that was ended from outside has not.
    async fn undone(
        &self,
        account: &AccountId,
        chat: &str,
    ) -> Result<Option<(ConversationRecord, Envelope)>, TurnError> {
        let stored = self.shared.store.conversation(account, chat).await?;
        let Some(stored) = stored.filter(|stored| stored.status != ConversationStatus::Ended) else {
            return Ok(None);
        };
        Ok(Envelope::from_bytes(&stored.state).ok().map(|envelope| (stored, envelope)))
    }

    async fn do_one(
        &self,
        account: &AccountId,
        chat: &str,
        salt: i64,
        pending: Pending,
    ) -> Result<(), TurnError> {
        let done = pending.id();
        match pending {
            Pending::Send { id, content } => {
                let name = message_id(account, chat, salt, id);
                match self.shared.outlet.send(account, chat, &name, content).await {
                    Ok(()) => {}
                    Err(NotSent::Later) => {
                        self.hand_back(account, chat).await?;
                        return Err(TurnError::Busy);
                    }
                    Err(NotSent::Never(why)) => {
                        tracing::warn!(%account, why, "an answer of a bot cannot be sent")
                    }
                }
            }
            Pending::Request { mut call } => {
                call.key = message_id(account, chat, salt, call.id);
                let id = call.id;
                let outcome = self.shared.outlet.request(call).await;
                let (input, name) = (Input::Result { id, outcome }, format!("result/{salt}/{id}"));
                // Heard before it is taken off: after a crash it is made again, under the same key.
                let hearing = Hearing { account, chat, id: &name, input: &input, name: "", bot: None };
                Box::pin(turn::take(&self.shared, hearing)).await?;
            }
        }
        self.take_off(account, chat, done).await
    }

    /// Takes one thing off, however often others write the conversation meanwhile.
    async fn take_off(&self, account: &AccountId, chat: &str, done: u64) -> Result<(), TurnError> {
        for _ in 0..TRIES {
            let Some((stored, mut envelope)) = self.undone(account, chat).await? else { return Ok(()) };
            let before = envelope.pending.len();
            envelope.pending.retain(|pending| pending.id() != done);
            if envelope.pending.len() == before {
                return Ok(());
            }
            let now = self.shared.clock.now();
            let expected = Some(stored.revision);
            let mut changes = Changes::new(account.clone());
            changes.list = vec![record(account, chat, &stored.flow, stored.version, envelope, expected, now)];
            match self.shared.store.commit(changes).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                other => return Ok(other?),
            }
        }
        Err(TurnError::Busy)
    }

    /// Lets whoever looks first try what cannot be sent here: soon at first, as the account may be on another node, then more
    /// and more seldom, as it may be nowhere.
    async fn hand_back(&self, account: &AccountId, chat: &str) -> Result<(), TurnError> {
        let Some((stored, _)) = self.undone(account, chat).await? else { return Ok(()) };
        let now = self.shared.clock.now();
        let chance = turn::fnv(format!("{chat}\0{}", stored.revision).bytes());
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

#[cfg(test)]
mod tests {
    use std::{sync::atomic::Ordering, time::Duration};

    use super::super::{
        bench::{Bench, EIGHT, account, chat, morning},
        *,
    };
    use crate::Message;

    /// Two nodes that look every 502 ms, a while apart; the one that comes first tries, and one of them never can.
    #[test]
    fn nodes_that_keep_step_take_turns() {
        for apart in (50..500).step_by(50) {
            let (mut now, mut tries) = (0, 0);
            let is_sent = loop {
                let due = now + super::again(now, turn::fnv(format!("chat\0{tries}").bytes()));
                let next = |first: i64| first + (due - first).max(0).div_euclid(502) * 502 + 502;
                let (mine, other) = (next(0), next(apart));
                if other < mine {
                    break true;
                }
                (now, tries) = (mine, tries + 1);
                if now > 60_000 {
                    break false;
                }
            };
            assert!(is_sent, "{apart} ms apart: tried until {now}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_what_is_under_way_and_the_next_start_does_the_rest() {
        for hangs in [false, true] {
            let bench = Bench::new(&["shop"]).await;
            let mut bot = morning("0 9 * * *", &["One.", "Two."]);
            bot["triggers"][0]["on"] = serde_json::json!("anyMessage");
            bench.publish("b", &bot).await;
            bench.phones.hangs.store(hangs, Ordering::Relaxed);
            let (bots, input) = (bench.bots(), Input::Message(Message::text("hi")));
            bots.hear(&account("shop"), &chat(7), "1", &input, "").await.unwrap();
            if hangs {
                bench.rest().await;
            }
            let before = tokio::time::Instant::now();
            bots.finish(Duration::from_secs(5)).await;
            let took = before.elapsed().as_secs();
            assert_eq!((took, bench.sent().len()), if hangs { (5, 1) } else { (0, 0) });
            // What is heard now is done by the next.
            bots.hear(&account("shop"), &chat(8), "1", &input, "").await.unwrap();
            bench.rest().await;
            bench.phones.hangs.store(false, Ordering::Relaxed);
            bench.clock.0.store(EIGHT + 60_000, Ordering::Relaxed);
            let next = bench.bots();
            next.look().await.unwrap();
            bench.rest().await;
            // The one that hung is handed over again, under its id.
            assert_eq!(bench.sent().len(), if hangs { 5 } else { 4 });
            next.finish(Duration::from_secs(5)).await;
        }
    }
}
