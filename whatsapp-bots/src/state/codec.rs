//! The bytes of a state: a format number, then the fields in order, numbers in as few bytes as they need.
use std::collections::VecDeque;

use serde_json::{Map, Number, Value as Json};

use super::{Done, Frame, QUEUE, REFUSED, State, Timer, Vars, Wait, Waits};
use crate::input::{Body, Media, Message};

/// The format that is written.
const FORMAT: u8 = 2;
/// Without the answers that were refused.
const WITHOUT_REFUSED: u8 = 1;
/// How deep a value may be.
const DEPTH: u8 = 64;

/// Why bytes are no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// Written by another version.
    #[error("the state has format {0}; this version reads 1 and 2")]
    Format(u8),
    /// Damaged.
    #[error("the state is damaged")]
    Damaged,
}

pub(super) fn encode(state: &State) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(128));
    out.0.push(FORMAT);
    out.int(state.version);
    out.size(state.seq);
    out.size(state.steps);
    out.option(state.flow.as_ref(), |out, flow| out.size(u64::from(*flow)));
    out.list(&state.frames, |out, frame| {
        out.size(u64::from(frame.node));
        out.size(u64::from(frame.scope) << 1 | u64::from(frame.visit));
    });
    out.list(&state.scopes, |out, vars| {
        out.list(&vars.0, |out, (slot, value)| {
            out.size(u64::from(*slot));
            out.json(value);
        });
    });
    out.option(state.wait.as_ref(), |out, wait| {
        match wait.on {
            Waits::Reply => out.0.push(0),
            Waits::Time => out.0.push(1),
            Waits::Human => out.0.push(2),
            Waits::Result(id) => {
                out.0.push(3);
                out.size(id);
            }
        }
        out.option(wait.until.as_ref(), |out, until| out.int(*until));
        out.0.push(wait.attempt);
        out.int(wait.since);
        out.list(&wait.refused, |out, id| out.0.extend_from_slice(&id.to_le_bytes()));
    });
    out.option(state.timer.as_ref(), |out, timer| {
        out.size(timer.id);
        out.int(timer.at);
    });
    out.option(state.paused.as_ref(), |out, at| out.int(*at));
    out.int(state.heard_at);
    out.option(state.sent_at.as_ref(), |out, at| out.int(*at));
    out.size(u64::from(state.unanswered));
    out.0.push(state.quick);
    out.option(state.done.as_ref(), |out, done| {
        out.text(&done.outcome);
        out.int(done.at);
    });
    out.size(state.queue.len() as u64);
    state.queue.iter().for_each(|message| out.message(message));
    out.0
}

pub(super) fn decode(bytes: &[u8]) -> Result<State, StateError> {
    let (format, rest) = bytes.split_first().ok_or(StateError::Damaged)?;
    if !(WITHOUT_REFUSED..=FORMAT).contains(format) {
        return Err(StateError::Format(*format));
    }
    let mut from = In(rest, *format);
    let state = from.state().ok_or(StateError::Damaged)?;
    // What is read and written again differs only if these are not our bytes.
    if from.0.is_empty() { Ok(state) } else { Err(StateError::Damaged) }
}

struct Out(Vec<u8>);

impl Out {
    fn size(&mut self, mut size: u64) {
        while size >= 0x80 {
            self.0.push(size as u8 | 0x80);
            size >>= 7;
        }
        self.0.push(size as u8);
    }

    fn int(&mut self, int: i64) {
        self.size((int << 1 ^ int >> 63) as u64);
    }

    fn text(&mut self, text: &str) {
        self.size(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option<T>(&mut self, one: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.0.push(one.is_some().into());
        if let Some(one) = one {
            write(self, one);
        }
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.size(items.len() as u64);
        items.iter().for_each(|item| write(self, item));
    }

    fn json(&mut self, value: &Json) {
        match value {
            Json::Null => self.0.push(0),
            Json::Bool(is) => self.0.push(1 + u8::from(*is)),
            Json::Number(number) => self.number(number),
            Json::String(text) => {
                self.0.push(6);
                self.text(text);
            }
            Json::Array(items) => {
                self.0.push(7);
                self.list(items, Self::json);
            }
            Json::Object(items) => {
                self.0.push(8);
                self.size(items.len() as u64);
                for (key, value) in items {
                    self.text(key);
                    self.json(value);
                }
            }
        }
    }

    fn number(&mut self, number: &Number) {
        if let Some(int) = number.as_i64() {
            self.0.push(3);
            self.int(int);
        } else if let Some(size) = number.as_u64() {
            self.0.push(4);
            self.size(size);
        } else {
            self.0.push(5);
            self.0.extend_from_slice(&number.as_f64().unwrap_or_default().to_le_bytes());
        }
    }

    fn message(&mut self, message: &Message) {
        self.text(&message.id);
        self.text(&message.text);
        self.option(message.at.as_ref(), |out, at| out.int(*at));
        self.0.push(message.first_contact.into());
        self.option(message.campaign.as_ref(), |out, campaign| out.text(campaign));
        match &message.body {
            Body::Text => self.0.push(0),
            Body::Button { payload } => {
                self.0.push(1);
                self.text(payload);
            }
            Body::List { row } => {
                self.0.push(2);
                self.text(row);
            }
            Body::Media(Media { kind, mime, size, name, reference }) => {
                self.0.push(3);
                [kind, mime, name, reference].into_iter().for_each(|text| self.text(text));
                self.size(*size);
            }
            Body::Location { latitude, longitude, name } => {
                self.0.push(4);
                self.0.extend_from_slice(&latitude.to_le_bytes());
                self.0.extend_from_slice(&longitude.to_le_bytes());
                self.text(name);
            }
            Body::Contact { name, phones } => {
                self.0.push(6);
                self.text(name);
                self.list(phones, |out, phone| out.text(phone));
            }
            Body::Other { kind } => {
                self.0.push(5);
                self.text(kind);
            }
        }
    }
}

/// What is still to be read, and its format.
struct In<'a>(&'a [u8], u8);

impl<'a> In<'a> {
    fn state(&mut self) -> Option<State> {
        Some(State {
            version: self.int()?,
            seq: self.size()?,
            steps: self.size()?,
            flow: self.option(|from| u32::try_from(from.size()?).ok())?,
            frames: self.list(Self::frame)?,
            scopes: self.list(Self::vars)?,
            wait: self.option(Self::wait)?,
            timer: self.option(|from| Some(Timer { id: from.size()?, at: from.int()? }))?,
            paused: self.option(Self::int)?,
            heard_at: self.int()?,
            sent_at: self.option(Self::int)?,
            unanswered: u16::try_from(self.size()?).ok()?,
            quick: self.byte()?,
            done: self.option(|from| Some(Done { outcome: from.text()?, at: from.int()? }))?,
            queue: {
                let queue = self.list(Self::message)?;
                (queue.len() <= QUEUE).then(|| VecDeque::from(queue))?
            },
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn bytes(&mut self, size: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(bytes)
    }

    fn size(&mut self) -> Option<u64> {
        let mut size = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                return None;
            }
            size |= part << shift;
            if byte < 0x80 {
                // One form for each number: no zeros at the end.
                return (byte != 0 || shift == 0).then_some(size);
            }
        }
        None
    }

    fn int(&mut self) -> Option<i64> {
        let size = self.size()?;
        Some((size >> 1) as i64 ^ -((size & 1) as i64))
    }

    fn is(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn float(&mut self) -> Option<f64> {
        Some(f64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn hash(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<String> {
        let size = usize::try_from(self.size()?).ok()?;
        std::str::from_utf8(self.bytes(size)?).ok().map(str::to_owned)
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        Some(if self.is()? { Some(read(self)?) } else { None })
    }

    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let size = self.size()?;
        // An item has at least a byte: a size that lies reserves nothing.
        let mut items = Vec::with_capacity(usize::try_from(size).ok()?.min(self.0.len()).min(64));
        for _ in 0..size {
            items.push(read(self)?);
        }
        Some(items)
    }

    fn frame(&mut self) -> Option<Frame> {
        let node = u32::try_from(self.size()?).ok()?;
        let scope = self.size()?;
        Some(Frame { node, scope: u16::try_from(scope >> 1).ok()?, visit: scope & 1 == 1 })
    }

    fn vars(&mut self) -> Option<Vars> {
        let vars = self.list(|from| Some((u16::try_from(from.size()?).ok()?, from.json(0)?)))?;
        vars.is_sorted_by(|(one, _), (next, _)| one < next).then_some(Vars(vars))
    }

    fn wait(&mut self) -> Option<Wait> {
        let on = match self.byte()? {
            0 => Waits::Reply,
            1 => Waits::Time,
            2 => Waits::Human,
            3 => Waits::Result(self.size()?),
            _ => return None,
        };
        let (until, attempt, since) = (self.option(Self::int)?, self.byte()?, self.int()?);
        let refused = if self.1 == WITHOUT_REFUSED { Vec::new() } else { self.list(Self::hash)? };
        (refused.len() <= REFUSED).then_some(Wait { on, until, attempt, since, refused })
    }

    fn json(&mut self, depth: u8) -> Option<Json> {
        if depth > DEPTH {
            return None;
        }
        Some(match self.byte()? {
            0 => Json::Null,
            is @ 1..=2 => Json::Bool(is == 2),
            3 => Json::from(self.int()?),
            4 => Json::from(self.size().filter(|size| i64::try_from(*size).is_err())?),
            5 => Json::Number(Number::from_f64(self.float()?)?),
            6 => Json::String(self.text()?),
            7 => Json::Array(self.list(|from| from.json(depth + 1))?),
            8 => {
                let items = self.list(|from| Some((from.text()?, from.json(depth + 1)?)))?;
                Json::Object(Map::from_iter(items))
            }
            _ => return None,
        })
    }

    fn message(&mut self) -> Option<Message> {
        Some(Message {
            id: self.text()?,
            text: self.text()?,
            at: self.option(Self::int)?,
            first_contact: self.is()?,
            campaign: self.option(Self::text)?,
            body: match self.byte()? {
                0 => Body::Text,
                1 => Body::Button { payload: self.text()? },
                2 => Body::List { row: self.text()? },
                3 => Body::Media(Media {
                    kind: self.text()?,
                    mime: self.text()?,
                    name: self.text()?,
                    reference: self.text()?,
                    size: self.size()?,
                }),
                4 => Body::Location { latitude: self.float()?, longitude: self.float()?, name: self.text()? },
                5 => Body::Other { kind: self.text()? },
                6 => Body::Contact { name: self.text()?, phones: self.list(Self::text)? },
                _ => return None,
            },
            // Only what can be an answer is kept.
            received_at: None,
            early: false,
        })
    }
}
