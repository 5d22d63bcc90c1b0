//! Who is written with: a contact of the store, as flows read it, and what flows change of it.
use serde_json::Value as Json;
use whatsapp_store::{
    AccountId, Change, Consent, ContactChange, ContactRecord, Error as StoreError, Store, Suppression,
    WorkspaceId,
};

use crate::{Contact, Effect};

/// A person of a chat.
pub(super) struct Person {
    workspace: WorkspaceId,
    record: Option<ContactRecord>,
    address: Address,
}

/// By what a contact is known.
#[derive(Clone, PartialEq)]
enum Address {
    /// Digits.
    Phone(String),
    /// Digits and `@lid`: no number, though it looks like one.
    Lid(String),
}

impl Address {
    fn of(chat: &str) -> Self {
        match chat.split_once('@') {
            Some((_, "lid")) => Self::Lid(chat.to_owned()),
            Some((phone, _)) => Self::Phone(phone.to_owned()),
            None => Self::Phone(chat.to_owned()),
        }
    }

    fn as_str(&self) -> &str {
        let (Self::Phone(address) | Self::Lid(address)) = self;
        address
    }

    /// A contact with nothing but this.
    fn contact(&self, at: i64) -> ContactRecord {
        let new = ContactRecord { created_at: at, updated_at: at, ..ContactRecord::default() };
        match self {
            Self::Phone(phone) => {
                ContactRecord { id: format!("phone-{phone}"), phone: Some(phone.clone()), ..new }
            }
            Self::Lid(lid) => {
                let digits = lid.trim_end_matches("@lid");
                ContactRecord { id: format!("lid-{digits}"), lid: Some(lid.clone()), ..new }
            }
        }
    }
}

impl Person {
    pub(super) async fn load(store: &dyn Store, account: &AccountId, chat: &str) -> Result<Self, StoreError> {
        let (address, workspace) = (Address::of(chat), account.workspace());
        let record = match &address {
            Address::Phone(phone) => store.contact_by_phone(workspace, phone).await?,
            Address::Lid(lid) => store.contact_by_lid(workspace, lid).await?,
        };
        Ok(Self { workspace: workspace.clone(), record, address })
    }

    /// The consent that is recorded and was not taken back.
    pub(super) fn consent(&self) -> Option<&Consent> {
        self.record.as_ref().filter(|record| record.opted_out_at.is_none())?.consent.as_ref()
    }

    /// Is it recorded that they want no messages, of the contact or of one of its addresses?
    pub(super) async fn is_opted_out(&self, store: &dyn Store) -> Result<bool, StoreError> {
        if self.record.as_ref().is_some_and(|record| record.opted_out_at.is_some()) {
            return Ok(true);
        }
        Ok(!store.suppressed(&self.workspace, &self.addresses()).await?.is_empty())
    }

    /// All that the person is known by: a campaign has the number, though the chat has none.
    fn addresses(&self) -> Vec<String> {
        let of_record = self.record.iter().flat_map(|record| record.phone.iter().chain(&record.lid));
        let mut addresses: Vec<String> = of_record.cloned().collect();
        addresses.push(self.address.as_str().to_owned());
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// `+` and digits; empty where no number is known.
    fn phone(&self) -> String {
        let known = self.record.as_ref().and_then(|record| record.phone.as_ref());
        match (&self.address, known) {
            (Address::Phone(phone), _) | (Address::Lid(_), Some(phone)) => format!("+{phone}"),
            (Address::Lid(_), None) => String::new(),
        }
    }

    /// As flows read it.
    pub(super) fn contact(&self, name: &str) -> Contact {
        let Some(record) = &self.record else {
            return Contact { name: name.to_owned(), phone: self.phone(), ..Contact::default() };
        };
        let fields = record.fields.iter().map(|(name, value)| (name.clone(), Json::String(value.clone())));
        Contact {
            name: if record.name.is_empty() { name.to_owned() } else { record.name.clone() },
            phone: self.phone(),
            language: record.fields.get("language").cloned().unwrap_or_default(),
            tags: record.tags.clone(),
            fields: fields.collect(),
        }
    }

    /// What an effect changes; the contact is made if there is none.
    pub(super) fn changes(&mut self, effect: &Effect, evidence: &str, at: i64) -> Vec<Change> {
        let mut list = Vec::new();
        let touches = matches!(
            effect,
            Effect::SetField { .. } | Effect::Tag { .. } | Effect::OptOut | Effect::OptIn { .. }
        );
        if touches && self.record.is_none() {
            let record = self.address.contact(at);
            list.push(ContactChange::Put(Box::new(record.clone())).into());
            self.record = Some(record);
        }
        let addresses = self.addresses();
        let Some(record) = &mut self.record else { return list };
        let id = record.id.clone();
        match effect {
            Effect::SetField { field, value } if field == "name" => {
                record.name = text(value).unwrap_or_default();
                record.updated_at = at;
                list.push(ContactChange::Put(Box::new(record.clone())).into());
            }
            Effect::SetField { field, value } => {
                list.push(ContactChange::SetField { id, name: field.clone(), value: text(value), at }.into());
            }
            Effect::Tag { tag, add } => {
                let tags = [tag.clone()].into();
                list.push(if *add {
                    ContactChange::AddTags { id, tags, at }.into()
                } else {
                    ContactChange::RemoveTags { id, tags, at }.into()
                });
            }
            Effect::OptOut => {
                list.extend(addresses.into_iter().map(|address| {
                    ContactChange::Suppress(Suppression { address, reason: "stop".to_owned(), at }).into()
                }));
                list.push(ContactChange::OptOut { id, at }.into());
            }
            Effect::OptIn { scope } => {
                let consent = Consent {
                    scope: scope.clone(),
                    source: "bot".to_owned(),
                    at,
                    evidence: Some(evidence.to_owned()),
                };
                list.push(ContactChange::RecordConsent { id, consent: consent.clone() }.into());
                list.extend(
                    addresses.into_iter().map(|address| {
                        ContactChange::Unsuppress { address, consent: consent.clone() }.into()
                    }),
                );
            }
            _ => {}
        }
        list
    }
}

fn text(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_store::{Changes, ContactStore, memory::MemoryStore};

    use super::*;

    async fn stops(store: &dyn Store, chat: &str) {
        let account: AccountId = "shop".parse().unwrap();
        let mut person = Person::load(store, &account, chat).await.unwrap();
        let mut changes = Changes::new(account.workspace().clone());
        changes.list = person.changes(&Effect::OptOut, "m1", 5);
        store.commit(changes).await.unwrap();
    }

    #[tokio::test]
    async fn a_hidden_id_is_no_number() {
        let (store, workspace) = (MemoryStore::new(), WorkspaceId::default());
        let contact =
            Person::load(&store, &"shop".parse().unwrap(), "200001@lid").await.unwrap().contact("Ada");
        assert_eq!((&*contact.name, &*contact.phone), ("Ada", ""));
        stops(&store, "200001@lid").await;
        assert_eq!(store.contact_by_phone(&workspace, "200001").await.unwrap(), None);
        let made = store.contact_by_lid(&workspace, "200001@lid").await.unwrap().unwrap();
        assert_eq!((made.phone, made.opted_out_at), (None, Some(5)));
        let asked = ["200001".to_owned(), "200001@lid".to_owned()];
        assert_eq!(store.suppressed(&workspace, &asked).await.unwrap(), ["200001@lid"]);
    }

    #[tokio::test]
    async fn who_stops_is_stopped_by_all_that_it_is_known_by() {
        let (store, workspace) = (MemoryStore::new(), WorkspaceId::default());
        let known = ContactRecord {
            id: "ada".into(),
            phone: Some("4915110000001".into()),
            lid: Some("200001@lid".into()),
            ..ContactRecord::default()
        };
        let mut changes = Changes::new(workspace.clone());
        changes.push(ContactChange::Put(Box::new(known)));
        store.commit(changes).await.unwrap();
        let contact = Person::load(&store, &"shop".parse().unwrap(), "200001@lid").await.unwrap().contact("");
        assert_eq!(contact.phone, "+4915110000001");
        stops(&store, "200001@lid").await;
        let asked = ["200001@lid".to_owned(), "4915110000001".to_owned()];
        assert_eq!(store.suppressed(&workspace, &asked).await.unwrap(), asked);
    }
}
