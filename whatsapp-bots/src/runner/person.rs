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

/// What a chat with somebody is named by, as contacts and suppressions have it.
enum Address {
    Phone(String),
    Lid(String),
}

impl Address {
    fn of_chat(chat: &str) -> Self {
        match chat.split_once('@') {
            Some((_, "lid")) => Self::Lid(chat.to_owned()),
            Some((phone, _)) => Self::Phone(phone.to_owned()),
            None => Self::Phone(chat.to_owned()),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Phone(address) | Self::Lid(address) => address,
        }
    }

    /// A contact for whoever has it.
    fn contact(&self, at: i64) -> ContactRecord {
        let contact = ContactRecord { created_at: at, updated_at: at, ..ContactRecord::default() };
        match self {
            Self::Phone(phone) => {
                ContactRecord { id: format!("phone-{phone}"), phone: Some(phone.clone()), ..contact }
            }
            Self::Lid(lid) => {
                let id = format!("lid-{}", lid.trim_end_matches("@lid"));
                ContactRecord { id, lid: Some(lid.clone()), ..contact }
            }
        }
    }
}

impl Person {
    pub(super) async fn load(store: &dyn Store, account: &AccountId, chat: &str) -> Result<Self, StoreError> {
        let (workspace, address) = (account.workspace().clone(), Address::of_chat(chat));
        let record = match &address {
            Address::Phone(phone) => store.contact_by_phone(&workspace, phone).await?,
            Address::Lid(lid) => store.contact_by_lid(&workspace, lid).await?,
        };
        Ok(Self { workspace, record, address })
    }

    /// Is a consent recorded that was not taken back?
    pub(super) fn has_agreed(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.consent.is_some() && record.opted_out_at.is_none())
    }

    /// Is it recorded that they want no messages, of the contact or of one of its addresses?
    pub(super) async fn is_opted_out(&self, store: &dyn Store) -> Result<bool, StoreError> {
        if self.record.as_ref().is_some_and(|record| record.opted_out_at.is_some()) {
            return Ok(true);
        }
        let of_record = self.record.iter().flat_map(|record| record.phone.iter().chain(&record.lid));
        let mut addresses: Vec<String> = of_record.cloned().collect();
        addresses.push(self.address.text().to_owned());
        Ok(!store.suppressed(&self.workspace, &addresses).await?.is_empty())
    }

    /// Their number with `+`; empty when it is not known.
    fn phone(&self) -> String {
        let known = self.record.as_ref().and_then(|record| record.phone.as_deref());
        match &self.address {
            Address::Phone(phone) => format!("+{phone}"),
            Address::Lid(_) => known.map(|phone| format!("+{phone}")).unwrap_or_default(),
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
        let touches = matches!(effect, Effect::SetField { .. } | Effect::Tag { .. } | Effect::OptOut { .. });
        if touches && self.record.is_none() {
            let record = self.address.contact(at);
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
                let (address, reason) = (self.address.text().to_owned(), "stop".to_owned());
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
                list.push(
                    ContactChange::Unsuppress { address: self.address.text().to_owned(), consent }.into(),
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
