//! Who is written with: a contact of the store, as flows read it, and what flows change of it.
use serde_json::Value as Json;
use whatsapp_store::{
    AccountId, Change, Consent, ContactChange, ContactRecord, Error as StoreError, Store, Suppression,
};

use crate::{Contact, Effect};

/// A person of a chat.
pub(super) struct Person {
    record: Option<ContactRecord>,
    phone: String,
}

impl Person {
    pub(super) async fn load(store: &dyn Store, account: &AccountId, chat: &str) -> Result<Self, StoreError> {
        let phone = chat.split('@').next().unwrap_or_default().to_owned();
        let record = store.contact_by_phone(account.workspace(), &phone).await?;
        Ok(Self { record, phone })
    }

    /// As flows read it.
    pub(super) fn contact(&self, name: &str) -> Contact {
        let Some(record) = &self.record else {
            return Contact {
                name: name.to_owned(),
                phone: format!("+{}", self.phone),
                ..Contact::default()
            };
        };
        let fields = record.fields.iter().map(|(name, value)| (name.clone(), Json::String(value.clone())));
        Contact {
            name: if record.name.is_empty() { name.to_owned() } else { record.name.clone() },
            phone: format!("+{}", self.phone),
            language: record.fields.get("language").cloned().unwrap_or_default(),
            tags: record.tags.clone(),
            fields: fields.collect(),
        }
    }

    /// What an effect changes; the contact is made if there is none.
    pub(super) fn changes(&mut self, effect: &Effect, evidence: &str, at: i64) -> Vec<Change> {
        let mut list = Vec::new();
        let touches = matches!(effect, Effect::SetField { .. } | Effect::Tag { .. } | Effect::OptOut { .. });
        if touches && self.record.is_none() {
            let record = ContactRecord {
                id: format!("phone-{}", self.phone),
                phone: Some(self.phone.clone()),
                created_at: at,
                updated_at: at,
                ..ContactRecord::default()
            };
            list.push(ContactChange::Put(Box::new(record.clone())).into());
            self.record = Some(record);
        }
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
            Effect::OptOut { back: false } => {
                let (address, reason) = (self.phone.clone(), "stop".to_owned());
                list.push(ContactChange::Suppress(Suppression { address, reason, at }).into());
                list.push(ContactChange::OptOut { id, at }.into());
            }
            Effect::OptOut { back: true } => {
                let consent = Consent {
                    scope: "marketing".to_owned(),
                    source: "bot".to_owned(),
                    at,
                    evidence: Some(evidence.to_owned()),
                };
                list.push(ContactChange::RecordConsent { id, consent: consent.clone() }.into());
                list.push(ContactChange::Unsuppress { address: self.phone.clone(), consent }.into());
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
