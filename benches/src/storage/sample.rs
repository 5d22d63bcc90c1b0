//! Messages: the n-th is always the same.
use whatsapp_store::{
    AccountId, Change, Changes, Content, EventChange, MessageKey, MessageRecord, MessageStatus, NewEvent,
    Source,
};

use super::Result;

/// Chats that the messages are spread over.
pub(super) const CHATS: u64 = 2_000;
/// In every message.
pub(super) const IN_ALL: &str = "order";
/// In one of 500 messages.
pub(super) const IN_SOME: &str = "umbrella";
/// In one of 50,000 messages.
pub(super) const IN_FEW: &str = "zebra";

const OURS: &str = "5511900000000@s.whatsapp.net";
/// The first message's time.
const START: i64 = 1_700_000_000_000;
const WORDS: [&str; 32] = [
    "please",
    "thanks",
    "today",
    "tomorrow",
    "invoice",
    "payment",
    "address",
    "delivery",
    "street",
    "morning",
    "afternoon",
    "price",
    "colour",
    "large",
    "small",
    "blue",
    "green",
    "question",
    "answer",
    "doctor",
    "appointment",
    "monday",
    "friday",
    "number",
    "receipt",
    "exchange",
    "return",
    "store",
    "open",
    "closed",
    "discount",
    "waiting",
];

/// A message, and what of it the database's own columns have as text.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) message: MessageRecord,
    pub(super) words: String,
}

pub(super) fn account() -> Result<AccountId> {
    Ok("bench".parse()?)
}

pub(super) fn chat(number: u64) -> String {
    format!("55119{:08}@s.whatsapp.net", 1 + number % CHATS)
}

/// Spreads numbers over all 64 bits, always the same way.
const fn scatter(number: u64) -> u64 {
    let mixed = (number ^ (number >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ (mixed >> 32)
}

/// The n-th message: one of three is ours, and of the others one in 20 is unread.
pub(super) fn sample(number: u64) -> Sample {
    let dice = scatter(number);
    let chat = chat(dice);
    let from_me = dice.is_multiple_of(3);
    let mut words = vec![IN_ALL.to_owned(), number.to_string()];
    words.extend((0..9).map(|place| WORDS[(dice >> (place * 5)) as usize % WORDS.len()].to_owned()));
    words.extend(number.is_multiple_of(500).then(|| IN_SOME.to_owned()));
    words.extend(number.is_multiple_of(50_000).then(|| IN_FEW.to_owned()));
    let seen = !from_me && !number.is_multiple_of(20);
    let status = if seen { MessageStatus::Read } else { MessageStatus::Delivered };
    let message = MessageRecord {
        key: MessageKey {
            sender: if from_me { OURS.to_owned() } else { chat.clone() },
            chat,
            id: format!("3EB0{:016X}", scatter(number + (1 << 40))),
        },
        from_me,
        timestamp: START + number.cast_signed() * 1000,
        content: Content::text(words.join(" ")),
        edited_at: None,
        status,
        source: Source::Live,
        push_name: (!from_me).then(|| "Maria Silva".to_owned()),
        quoted: None,
        media: None,
    };
    words.sort();
    words.dedup();
    Sample { message, words: words.join(" ") }
}

/// As the store keeps it.
pub(super) fn content(message: &MessageRecord) -> String {
    format!(r#"{{"type":"text","text":"{}"}}"#, message.content.as_text().unwrap_or_default())
}

/// What a message that came in tells the world.
pub(super) fn event(message: &MessageRecord) -> NewEvent {
    let MessageKey { chat, sender, id } = &message.key;
    let (content, at) = (content(message), message.timestamp);
    let data = format!(
        r#"{{"chat":"{chat}","sender":"{sender}","id":"{id}","fromMe":{},"timestamp":{at},"content":{content}}}"#,
        message.from_me
    );
    NewEvent { key: "message.received".to_owned(), data, at }
}

/// The message, its event, and by itself its chat, in one commit.
pub(super) fn changes(account: &AccountId, number: u64) -> Changes {
    let message = sample(number).message;
    let event = event(&message);
    let mut changes = Changes::new(account.clone());
    changes.push(Change::PutMessage(message)).push(EventChange::Put(event));
    changes
}
