//! What is stored of a conversation: the engine's state, and what is still to be done for it.
use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use whatsapp_store::Content;

use super::{order::Order, recent::Recent};
use crate::{Effect, Menus, State, StateError};

/// Of this format.
const FORMAT: u8 = 4;
/// Without the messages that were taken.
const WITHOUT_RECENT: u8 = 3;
/// Without the time at which the bot was made.
const WITHOUT_BOT: u8 = 2;
/// Without the order of messages, too.
const WITHOUT_ORDER: u8 = 1;
/// In place of a time that is not known.
const NO_TIME: i64 = i64::MIN;

/// A state with what waits to be done, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Envelope {
    /// When the first conversation of the chat began: ids of messages follow from it, so that one that was forgotten does not
    /// take the ids of the next.
    pub(super) salt: i64,
    /// When the bot was made that it follows: another one may have had its id before.
    pub(super) made_at: Option<i64>,
    /// What tells whether a message was written before what was said last.
    pub(super) order: Order,
    /// The messages that it took last.
    pub(super) recent: Recent,
    pub(super) state: State,
    pub(super) pending: Vec<Pending>,
}

/// Something to be done once the commit that holds it is durable.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase")]
pub(super) enum Pending {
    Send { id: u64, content: Content },
    Request { call: Call },
}

/// A request of a flow.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Unique within the conversation.
    pub id: u64,
    /// Names the request among all: for the header `Idempotency-Key`.
    #[serde(default)]
    pub key: String,
    /// `GET`, `POST`, ….
    pub method: String,
    /// The address.
    pub url: String,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// How long to wait, seconds.
    pub timeout_seconds: u64,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("id", &self.id).field("method", &self.method).finish_non_exhaustive()
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pending({})", self.id())
    }
}

impl Pending {
    /// What an effect leaves to be done; `None` of those that are done in the commit.
    pub(super) fn of(effect: &Effect, menus: Menus) -> Option<Self> {
        match effect {
            Effect::Send { id, content, menu } => {
                Some(Self::Send { id: *id, content: menus.content(content, menu.as_ref()) })
            }
            Effect::Http { id, request } => {
                let method = serde_json::to_value(request.method).ok();
                let method = method.and_then(|method| method.as_str().map(str::to_ascii_uppercase));
                let call = Call {
                    id: *id,
                    key: String::new(),
                    method: method.unwrap_or_else(|| "GET".to_owned()),
                    url: request.url.clone(),
                    headers: request.headers.clone(),
                    body: request.body.clone(),
                    timeout_seconds: request.timeout_seconds,
                };
                Some(Self::Request { call })
            }
            _ => None,
        }
    }

    /// Unique within the conversation.
    pub(super) fn id(&self) -> u64 {
        match self {
            Self::Send { id, .. } => *id,
            Self::Request { call } => call.id,
        }
    }
}

impl Envelope {
    /// The bytes to store.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let state = self.state.to_bytes();
        let length = u32::try_from(state.len()).unwrap_or(u32::MAX);
        let mut bytes = vec![FORMAT];
        for number in [Some(self.salt), self.order.given_at, self.order.lag, self.made_at] {
            bytes.extend_from_slice(&number.unwrap_or(NO_TIME).to_le_bytes());
        }
        self.recent.write(&mut bytes);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&state);
        if !self.pending.is_empty() {
            // Of texts and numbers: this does not fail.
            bytes.extend(serde_json::to_vec(&self.pending).unwrap_or_default());
        }
        bytes
    }

    /// Reads them. Nothing stored is a conversation that never was.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let (&format, rest) = bytes.split_first().ok_or(EnvelopeError::Damaged)?;
        let (salt, rest) = number(rest)?;
        let count = match format {
            FORMAT | WITHOUT_RECENT => 3,
            WITHOUT_BOT => 2,
            WITHOUT_ORDER => 0,
            _ => return Err(EnvelopeError::Damaged),
        };
        let (mut times, mut rest) = ([None; 3], rest);
        for time in times.iter_mut().take(count) {
            let (known, behind) = number(rest)?;
            (*time, rest) = (Some(known).filter(|known| *known != NO_TIME), behind);
        }
        let [given_at, lag, made_at] = times;
        let order = Order { given_at, lag };
        let (recent, rest) = match format {
            FORMAT => Recent::read(rest).ok_or(EnvelopeError::Damaged)?,
            _ => (Recent::default(), rest),
        };
        let (length, rest) = rest.split_first_chunk().ok_or(EnvelopeError::Damaged)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (state, pending) = rest.split_at_checked(length).ok_or(EnvelopeError::Damaged)?;
        let pending = match pending {
            [] => Vec::new(),
            pending => serde_json::from_slice(pending).map_err(|_| EnvelopeError::Damaged)?,
        };
        Ok(Self { salt, made_at, order, recent, state: State::from_bytes(state)?, pending })
    }

    /// The last message that stands to be sent.
    pub(super) fn unsent(&self) -> Option<u64> {
        let sends = self.pending.iter().filter(|pending| matches!(pending, Pending::Send { .. }));
        sends.map(Pending::id).max()
    }
}

fn number(bytes: &[u8]) -> Result<(i64, &[u8]), EnvelopeError> {
    let (number, rest) = bytes.split_first_chunk().ok_or(EnvelopeError::Damaged)?;
    Ok((i64::from_le_bytes(*number), rest))
}

/// What is stored of a conversation cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnvelopeError {
    #[error("what is stored of a conversation is damaged")]
    Damaged,
    #[error(transparent)]
    State(#[from] StateError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Input, Message};

    #[test]
    fn it_comes_back_as_it_was() {
        let content = Content::text("hello");
        let mut recent = Recent::default();
        for id in 0..20 {
            let message = Message { id: id.to_string(), at: Some(id), ..Message::default() };
            recent.take(&Input::Message(message), 0);
        }
        let envelope = Envelope {
            salt: -5,
            made_at: Some(9),
            order: Order { given_at: Some(7), lag: None },
            recent,
            state: State::default(),
            pending: vec![Pending::Send { id: 7, content: content.clone() }],
        };
        assert_eq!(Envelope::from_bytes(&envelope.to_bytes()).unwrap(), envelope);
        let quiet = Envelope::default();
        assert_eq!(Envelope::from_bytes(&quiet.to_bytes()).unwrap(), quiet);
        assert_eq!(Envelope::from_bytes(&[]).unwrap(), quiet);
        for cut in 1..envelope.to_bytes().len() {
            let _ = Envelope::from_bytes(&envelope.to_bytes()[..cut]);
        }
        assert!(Envelope::from_bytes(&[9; 40]).is_err());
        // As an earlier version wrote it.
        let mut former = envelope.to_bytes();
        former[0] = WITHOUT_RECENT;
        former.drain(33..33 + 9 + 16 * 16);
        let without = Envelope { recent: Recent::default(), ..envelope };
        assert_eq!(Envelope::from_bytes(&former).unwrap(), without);
        former[0] = WITHOUT_BOT;
        former.drain(25..33);
        assert_eq!(Envelope::from_bytes(&former).unwrap(), Envelope { made_at: None, ..without });
    }
}
