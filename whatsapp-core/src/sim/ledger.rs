//! A ledger of the messages that people were shown by others: the check of tests that send to many.
use std::collections::HashMap;

use serde::Serialize;

use super::{accounts::Person, network::Network};
use crate::jid::Server;

/// One message that a person was shown and did not write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LedgerEntry {
    /// The person's phone, by number.
    pub phone: String,
    /// The sender, by number.
    pub from: String,
    /// The group, if it was said in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The message's id.
    pub id: String,
    /// The shown text, if it is a text.
    pub text: Option<String>,
    /// How often the phone shows the id in this chat. Phones show an id once, however often it comes.
    pub shown: u32,
    /// How many ciphertexts under this id reached the phone, including unreadable and repeated ones.
    pub delivered: u32,
}

impl Network {
    /// All messages that people were shown by others: by person in the order of their creation, then by arrival.
    pub fn ledger(&self) -> impl Iterator<Item = LedgerEntry> + '_ {
        self.accounts.people.iter().flat_map(|person| self.ledger_of(person))
    }

    fn ledger_of(&self, person: &Person) -> Vec<LedgerEntry> {
        let mut entries: Vec<LedgerEntry> = Vec::new();
        let mut places: HashMap<(&str, &str, &str), usize> = HashMap::new();
        for shown in person.phone.inbox.messages.iter().filter(|shown| !shown.from_me) {
            let key = (shown.chat.as_str(), shown.sender.as_str(), shown.id.as_str());
            if let Some(place) = places.get(&key) {
                entries[*place].shown += 1;
                continue;
            }
            places.insert(key, entries.len());
            let sender = shown.sender.parse().ok().and_then(|jid| self.accounts.find(&jid));
            let delivered = sender.map_or(0, |sender| person.phone.ciphertexts_of(sender, &shown.id));
            entries.push(LedgerEntry {
                phone: person.pn.to_string(),
                from: shown.sender.split('@').next().unwrap_or_default().to_owned(),
                group: shown.chat.ends_with(Server::Group.as_str()).then(|| shown.chat.clone()),
                id: shown.id.clone(),
                text: shown.content.as_text().map(str::to_owned),
                shown: 1,
                delivered,
            });
        }
        entries
    }
}
