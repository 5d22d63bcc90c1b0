//! Send requests of callers: each is accepted once, however often it comes.
//!
//! ```text
//!   request ──► whose chat? ──► is the id known? ──no──► stored as queued, and on its way
//!                 (store)           (store)      └─yes─► the stored record, and nothing else
//! ```
//! A refused message goes out again under its id. Requests with a caller's id wait here for the store, and so do
//! those behind them, since order matters. A message under a generated id is always new.
use std::collections::VecDeque;

use whatsapp_store::{Content, MessageRecord, MessageStatus, OutgoingMessage, OutgoingState, Source};

use super::{
    CommandError, Reply, RequestId,
    context::Context,
    loads::{Lookup, Missing},
    own::Own,
    send::Sends,
};
use crate::{jid::Jid, message::id};

/// One message that is not accepted yet.
#[derive(Debug)]
pub(super) struct SendRequest {
    pub(super) request_id: RequestId,
    pub(super) id: Option<String>,
    pub(super) to: Jid,
    pub(super) content: Content,
}

/// The known facts about a requested message.
enum Existing {
    New,
    Stored(Box<MessageRecord>),
    /// The id belongs to a message in another chat.
    Taken,
}

/// The requests that wait for the store, in order.
#[derive(Debug, Default)]
pub(super) struct SendRequests(VecDeque<SendRequest>);

impl SendRequest {
    /// Checks that do not need the store.
    fn check(&self, own: &Own) -> Result<(), CommandError> {
        if !own.is_linked() {
            return Err(CommandError::NotLinked);
        }
        if self.to.user.is_empty() || !(self.to.is_pn() || self.to.is_lid()) {
            return Err(CommandError::NotAPerson);
        }
        match &self.id {
            Some(id) if !id::is_well_formed(id) => Err(CommandError::BadId),
            _ => Ok(()),
        }
    }
}

impl Sends {
    /// Takes content for a person, under the caller's id or a generated one.
    pub(super) fn enqueue(&mut self, cx: &mut Context, request: SendRequest) {
        match request.check(&cx.own) {
            Ok(()) => self.requests.0.push_back(request),
            Err(error) => cx.reply(request.request_id, Reply::Failed(error)),
        }
    }

    /// Accepts, in order, the requests whose records are known. Requests all missing records of the others at once.
    pub(super) fn accept_requests(&mut self, cx: &mut Context) {
        let mut is_blocked = false;
        for _ in 0..self.requests.0.len() {
            let Some(request) = self.requests.0.pop_front() else { return };
            let found = look_up(cx, &request);
            let accepted = match found {
                Ok(found) if !is_blocked => self.decide(cx, &request, found),
                _ => Err(Missing),
            };
            match accepted {
                Ok(reply) => cx.reply(request.request_id, reply),
                Err(Missing) => {
                    is_blocked = true;
                    self.requests.0.push_back(request);
                }
            }
        }
    }

    fn decide(&mut self, cx: &mut Context, request: &SendRequest, found: Existing) -> Lookup<Reply> {
        let accepted = match found {
            Existing::New => self.accept(cx, request.id.clone(), &request.to, request.content.clone())?,
            Existing::Stored(record) if record.status == MessageStatus::Failed => {
                self.accept_again(cx, *record, &request.content)?
            }
            Existing::Stored(record) => Ok(*record),
            Existing::Taken => Err(CommandError::IdTaken),
        };
        Ok(match accepted {
            Ok(record) => Reply::Accepted(Box::new(record)),
            Err(error) => Reply::Failed(error),
        })
    }
}

fn look_up(cx: &mut Context, request: &SendRequest) -> Lookup<Existing> {
    // Chats are keyed by number. Both addresses must be known, for a message may have been accepted by LID.
    let chat = cx.loads.chat(&request.to)?;
    let Some(id) = &request.id else { return Ok(Existing::New) };
    if let Some(outgoing) = cx.loads.outgoing(id)?.map(|outgoing| outgoing.clone()) {
        let Ok(its_chat) = outgoing.chat.parse::<Jid>() else { return Ok(Existing::Taken) };
        if cx.loads.chat(&its_chat)? != chat {
            return Ok(Existing::Taken);
        }
        let key = cx.key_of_own(&chat, id)?;
        let record = cx.loads.message(&key)?;
        // It was deleted from its chat, but it has been sent.
        let record = record.unwrap_or_else(|| remembered(key, request, &outgoing));
        return Ok(Existing::Stored(Box::new(record)));
    }
    // What was sent weeks ago is no longer kept for sending again, but chats show it still.
    let key = cx.key_of_own(&chat, id)?;
    let record = cx.loads.message(&key)?;
    Ok(record.map_or(Existing::New, |record| Existing::Stored(Box::new(record))))
}

/// A message that only the queue remembers.
fn remembered(
    key: whatsapp_store::MessageKey,
    request: &SendRequest,
    outgoing: &OutgoingMessage,
) -> MessageRecord {
    let status = match outgoing.state {
        OutgoingState::Queued => MessageStatus::Queued,
        _ => MessageStatus::Sent,
    };
    MessageRecord {
        key,
        from_me: true,
        timestamp: outgoing.created_at,
        content: request.content.clone(),
        edited_at: None,
        status,
        source: Source::Live,
        push_name: None,
        quoted: None,
        media: None,
    }
}
