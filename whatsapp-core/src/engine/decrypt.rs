//! Opening what an incoming message stanza holds: ciphertext to protobuf. Ratchets advance here.
use prost::Message as _;
use whatsapp_store::SignalKey;

use super::{
    context::Context,
    loads::{Lookup, pre_key_key, sender_key_key},
    pre_keys,
    receive::Incoming,
    trust,
};
use crate::{
    jid::{Jid, Server},
    message::padding,
    proto::message::Message,
    signal::{self, Address, PreKey, PreKeyMessage, SenderKey, SignalError},
    stanza::message::{Enc, EncKind, MessageStanza},
};

/// Is this a chat whose messages are encrypted once for all?
const fn has_sender_keys(chat: &Jid) -> bool {
    matches!(chat.server, Server::Group | Server::Broadcast)
}

/// The `error` of a retry receipt for a companion that its account did not sign.
const UNKNOWN_COMPANION: u8 = 11;

/// Why one `enc` could not be read.
pub(super) enum Unreadable {
    /// The ratchet has seen it: it was delivered before.
    Duplicate,
    /// A retry may help; the code goes into the retry receipt.
    Ask(u8),
    /// It decrypted to malformed data: a retry would bring the same.
    Nonsense,
}

impl From<SignalError> for Unreadable {
    fn from(error: SignalError) -> Self {
        match error {
            SignalError::Duplicate => Self::Duplicate,
            error => Self::Ask(error.retry_reason()),
        }
    }
}

/// The result of reading.
pub(super) type Opened<T> = Result<T, Unreadable>;

/// A message as it was decrypted.
pub(super) struct Decrypted {
    pub(super) message: Message,
    /// Without padding.
    pub(super) plaintext: Plaintext,
}

/// The prekeys and sender keys that reading the message takes.
pub(super) fn records_of(stanza: &MessageStanza, sender: &Address) -> Vec<SignalKey> {
    let mut keys = Vec::new();
    for enc in stanza.encs.iter().filter(|enc| enc.kind == EncKind::PreKey) {
        let id = PreKeyMessage::parse(&enc.ciphertext).ok().and_then(|message| message.pre_key_id());
        keys.extend(id.map(pre_key_key));
    }
    let is_sender_key = |enc: &Enc| enc.kind == EncKind::SenderKey;
    if has_sender_keys(&stanza.from) || stanza.encs.iter().any(is_sender_key) {
        keys.push(sender_key_key(&stanza.from, sender));
    }
    keys
}

/// Decrypts one ciphertext, and takes in the group key that may come with it.
pub(super) fn open(cx: &mut Context, incoming: &Incoming<'_>, enc: &Enc) -> Lookup<Opened<Decrypted>> {
    let Incoming { stanza, address, .. } = incoming;
    let padded = match enc.kind {
        EncKind::Message => open_with_session(cx, address, &enc.ciphertext)?,
        EncKind::PreKey => open_first(cx, incoming, &enc.ciphertext)?,
        EncKind::SenderKey => {
            open_with_sender_key(cx, &sender_key_key(&stanza.from, address), &enc.ciphertext)?
        }
        EncKind::Bot | EncKind::Unknown => Err(Unreadable::Nonsense),
    };
    let mut plaintext = match padded {
        Ok(padded) => padded,
        Err(problem) => return Ok(Err(problem)),
    };
    let Ok(length) = padding::unpad(&plaintext).map(<[u8]>::len) else {
        return Ok(Err(Unreadable::Nonsense));
    };
    plaintext.truncate(length);
    let Ok(message) = Message::decode(&plaintext[..]) else { return Ok(Err(Unreadable::Nonsense)) };
    process_distribution(cx, stanza, &message, address)?;
    // Only our own devices may speak in our name.
    if message.device_sent_message.is_some() && !incoming.is_ours {
        return Ok(Err(Unreadable::Nonsense));
    }
    Ok(Ok(Decrypted { message, plaintext }))
}

pub(super) type Plaintext = zeroize::Zeroizing<Vec<u8>>;

fn open_with_session(cx: &mut Context, address: &Address, ciphertext: &[u8]) -> Lookup<Opened<Plaintext>> {
    let Some(session) = cx.loads.session(address)? else { return Ok(Err(SignalError::NoSession.into())) };
    let plaintext = session.decrypt(&cx.own.device.identity, ciphertext, &mut cx.own.rng);
    if plaintext.is_ok() {
        cx.loads.touch_session(address);
    }
    Ok(plaintext.map_err(Unreadable::from))
}

fn open_with_sender_key(cx: &mut Context, key: &SignalKey, ciphertext: &[u8]) -> Lookup<Opened<Plaintext>> {
    let stored = cx.loads.record(key)?;
    let opened = stored.ok_or(SignalError::NoSession).and_then(|stored| {
        let mut sender_key = SenderKey::from_bytes(&stored)?;
        let plaintext = sender_key.decrypt(ciphertext)?;
        Ok((sender_key, plaintext))
    });
    Ok(match opened {
        Ok((sender_key, plaintext)) => {
            cx.loads.put_record(key.clone(), Some(sender_key.to_bytes()));
            Ok(plaintext)
        }
        Err(error) => Err(error.into()),
    })
}

/// A message that sets a session up.
fn open_first(cx: &mut Context, incoming: &Incoming<'_>, ciphertext: &[u8]) -> Lookup<Opened<Plaintext>> {
    let (sender, address) = (&incoming.sender, &incoming.address);
    let message = match PreKeyMessage::parse(ciphertext) {
        Ok(message) => message,
        Err(error) => return Ok(Err(error.into())),
    };
    // An absent key is accepted when the session exists already: the session decides.
    let stored = match message.pre_key_id() {
        Some(id) => cx.loads.record(&pre_key_key(id))?,
        None => None,
    };
    let one_time = match stored.map(|bytes| PreKey::from_bytes(&bytes)).transpose() {
        Ok(one_time) => one_time,
        Err(error) => return Ok(Err(error.into())),
    };
    let shown = incoming.stanza.device_identity.as_ref();
    if !trust::is_genuine(cx, sender, &message.identity(), shown)? {
        return Ok(Err(Unreadable::Ask(UNKNOWN_COMPANION)));
    }
    let existing = cx.loads.session(address)?.cloned();
    let device = &cx.own.device;
    let received = signal::receive_pre_key(
        existing,
        &device.identity,
        device.signed_pre_key(message.signed_pre_key_id()),
        one_time.as_ref(),
        &message,
        &mut cx.own.rng,
    );
    let received = match received {
        Ok(received) => received,
        Err(error) => return Ok(Err(error.into())),
    };
    cx.loads.put_session(address, Some(received.session));
    if let Some(id) = received.used_pre_key {
        cx.loads.put_record(pre_key_key(id), None);
        pre_keys::on_used(cx, id);
    }
    trust::note_identity(cx, sender, &message.identity())?;
    Ok(Ok(received.plaintext))
}

fn process_distribution(
    cx: &mut Context,
    stanza: &MessageStanza,
    message: &Message,
    sender: &Address,
) -> Lookup {
    let distribution = message.sender_key_distribution_message.as_ref();
    let bytes = distribution.and_then(|it| it.axolotl_sender_key_distribution_message.as_ref());
    let Some(bytes) = bytes.filter(|_| has_sender_keys(&stanza.from)) else { return Ok(()) };
    let record = sender_key_key(&stanza.from, sender);
    let existing = cx.loads.record(&record)?.and_then(|bytes| SenderKey::from_bytes(&bytes).ok());
    match SenderKey::process(existing, bytes) {
        Ok(sender_key) => cx.loads.put_record(record, Some(sender_key.to_bytes())),
        Err(error) => tracing::warn!(%error, at = cx.now.as_millis(), "a sender key was not usable"),
    }
    Ok(())
}
