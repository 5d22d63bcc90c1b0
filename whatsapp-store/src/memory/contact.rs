use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::{MemoryStore, State};
use crate::{
    ContactChange, ContactPage, ContactQuery, ContactRecord, ContactStore, Result, Scope, Suppression,
    TagCount, WorkspaceId,
    contacts::{BothAddresses, taken, wanted},
    page_limit, revision,
};

/// The contacts of a workspace, and the addresses that must not be written to.
#[derive(Default)]
pub(super) struct Contacts {
    pub(super) list: BTreeMap<String, ContactRecord>,
    /// The contact of each address. Numbers and LIDs never collide.
    owners: HashMap<String, String>,
    pub(super) suppressions: BTreeMap<String, Suppression>,
}

/// The result of changes, kept apart: a commit is tried on it before it is applied.
pub(super) struct Draft<'a> {
    base: Option<&'a Contacts>,
    written: Written,
}

/// `None` for a removed one.
#[derive(Default)]
struct Written {
    contacts: HashMap<String, Option<ContactRecord>>,
    owners: HashMap<String, Option<String>>,
    suppressions: HashMap<String, Option<Suppression>>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(state: &'a State, scope: &Scope) -> Self {
        Self { base: state.contacts.get(scope.workspace()), written: Written::default() }
    }

    pub(super) fn write(&mut self, change: &ContactChange) -> Result<()> {
        change.check()?;
        match change {
            ContactChange::Expect { id, updated_at } => {
                let stored = self.contact(id).map(|contact| contact.updated_at);
                revision::check(stored, *updated_at, "changing a contact")?;
            }
            ContactChange::Put(contact) => return self.put(contact),
            ContactChange::Delete { id } => {
                for suppression in self.contact(id).map(ContactRecord::suppressions).unwrap_or_default() {
                    self.suppress(&suppression);
                }
                self.replace(id, None);
            }
            ContactChange::AddTags { id, .. }
            | ContactChange::RemoveTags { id, .. }
            | ContactChange::SetField { id, .. }
            | ContactChange::RecordConsent { id, .. }
            | ContactChange::OptOut { id, .. }
            | ContactChange::Seen { id, .. } => {
                if let Some(mut contact) = self.contact(id).cloned() {
                    contact.apply(change);
                    self.replace(id, Some(contact));
                }
            }
            ContactChange::Suppress(suppression) => self.suppress(suppression),
            ContactChange::Unsuppress { address, consent } => {
                if let Some(suppression) = self.suppression(address) {
                    Suppression::check_end(suppression.at, consent)?;
                    self.written.suppressions.insert(address.clone(), None);
                }
            }
        }
        Ok(())
    }

    /// Both addresses are one person's: their contacts become one, and a suppression is of both.
    pub(super) fn merge(&mut self, both: BothAddresses<'_>) {
        let BothAddresses { phone, lid } = both;
        let at = |address: &str| self.owner(address).and_then(|id| self.contact(id)).cloned();
        let (joined, removed) = both.join(at(phone), at(lid));
        if let Some(id) = removed {
            self.replace(&id, None);
        }
        if let Some(joined) = joined {
            let id = joined.id.clone();
            self.replace(&id, Some(joined));
        }
        let known: Vec<_> = [phone, lid].iter().filter_map(|one| self.suppression(one)).cloned().collect();
        if let Some(suppression) = both.shared_suppression(&known) {
            self.suppress(&suppression);
        }
    }

    fn put(&mut self, contact: &ContactRecord) -> Result<()> {
        let contact = match self.contact(&contact.id) {
            Some(earlier) => contact.clone().over(earlier),
            None => contact.clone().settled(),
        };
        if contact.addresses().any(|address| self.owner(address).is_some_and(|owner| *owner != contact.id)) {
            return Err(taken());
        }
        let id = contact.id.clone();
        self.replace(&id, Some(contact));
        Ok(())
    }

    fn suppress(&mut self, suppression: &Suppression) {
        if self.suppression(&suppression.address).is_none_or(|held| held.at < suppression.at) {
            self.written.suppressions.insert(suppression.address.clone(), Some(suppression.clone()));
        }
    }

    fn replace(&mut self, id: &str, contact: Option<ContactRecord>) {
        let given_up: Vec<_> =
            self.contact(id).into_iter().flat_map(ContactRecord::addresses).cloned().collect();
        self.written.owners.extend(given_up.into_iter().map(|address| (address, None)));
        let taken = contact.iter().flat_map(ContactRecord::addresses);
        self.written.owners.extend(taken.map(|address| (address.clone(), Some(id.to_owned()))));
        self.written.contacts.insert(id.to_owned(), contact);
    }

    fn contact(&self, id: &str) -> Option<&ContactRecord> {
        match self.written.contacts.get(id) {
            Some(written) => written.as_ref(),
            None => self.base?.list.get(id),
        }
    }

    fn owner(&self, address: &str) -> Option<&String> {
        match self.written.owners.get(address) {
            Some(written) => written.as_ref(),
            None => self.base?.owners.get(address),
        }
    }

    fn suppression(&self, address: &str) -> Option<&Suppression> {
        match self.written.suppressions.get(address) {
            Some(written) => written.as_ref(),
            None => self.base?.suppressions.get(address),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "as every domain takes its changes")]
pub(super) fn apply(state: &mut State, scope: &Scope, change: ContactChange) {
    let mut draft = Draft::of(state, scope);
    if draft.write(&change).is_err() {
        // The whole commit was tried before.
        return;
    }
    let written = draft.written;
    state.contacts.entry(scope.workspace().clone()).or_default().absorb(written);
}

pub(super) fn merge(state: &mut State, scope: &Scope, both: BothAddresses<'_>) {
    let mut draft = Draft::of(state, scope);
    draft.merge(both);
    let written = draft.written;
    state.contacts.entry(scope.workspace().clone()).or_default().absorb(written);
}

impl Contacts {
    fn absorb(&mut self, Written { contacts, owners, suppressions }: Written) {
        for (id, contact) in contacts {
            match contact {
                Some(contact) => self.list.insert(id, contact),
                None => self.list.remove(&id),
            };
        }
        for (address, owner) in owners {
            match owner {
                Some(owner) => self.owners.insert(address, owner),
                None => self.owners.remove(&address),
            };
        }
        for (address, suppression) in suppressions {
            match suppression {
                Some(suppression) => self.suppressions.insert(address, suppression),
                None => self.suppressions.remove(&address),
            };
        }
    }

    fn at(&self, address: &str) -> Option<&ContactRecord> {
        self.list.get(self.owners.get(address)?)
    }

    fn page(&self, query: &ContactQuery) -> Result<ContactPage> {
        let before = query.before.as_deref().map(crate::cursor::place).transpose()?;
        let starts = match query.words.as_deref().map(wanted) {
            Some(None) => return Ok(ContactPage::default()),
            starts => starts.flatten(),
        };
        let place = |contact: &ContactRecord| (contact.created_at, contact.id.clone());
        let mut found: Vec<_> = self
            .list
            .values()
            .filter(|contact| query.tag.as_ref().is_none_or(|tag| contact.tags.contains(tag)))
            .filter(|contact| query.opted_out.is_none_or(|out| contact.opted_out_at.is_some() == out))
            .filter(|contact| before.is_none_or(|before| (contact.created_at, &*contact.id) < before))
            .filter(|contact| {
                let has = |start: &String| contact.words().iter().any(|word| word.starts_with(start));
                starts.as_ref().is_none_or(|starts| starts.iter().all(has))
            })
            .collect();
        found.sort_by_key(|contact| std::cmp::Reverse(place(contact)));
        let limit = page_limit(query.limit) as usize;
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| more);
        let next = last.map(|contact| format!("{}.{}", contact.created_at, contact.id));
        Ok(ContactPage { contacts: found.into_iter().cloned().collect(), next })
    }
}

impl MemoryStore {
    pub(super) fn contacts_of<T: Default>(
        &self,
        workspace: &WorkspaceId,
        read: impl FnOnce(&Contacts) -> T,
    ) -> T {
        self.state.read().contacts.get(workspace).map(read).unwrap_or_default()
    }
}

#[async_trait]
impl ContactStore for MemoryStore {
    async fn contact(&self, workspace: &WorkspaceId, id: &str) -> Result<Option<ContactRecord>> {
        Ok(self.contacts_of(workspace, |contacts| contacts.list.get(id).cloned()))
    }

    async fn contact_by_phone(&self, workspace: &WorkspaceId, phone: &str) -> Result<Option<ContactRecord>> {
        let contact = self.contacts_of(workspace, |contacts| contacts.at(phone).cloned());
        Ok(contact.filter(|contact| contact.phone.as_deref() == Some(phone)))
    }

    async fn contact_by_lid(&self, workspace: &WorkspaceId, lid: &str) -> Result<Option<ContactRecord>> {
        let contact = self.contacts_of(workspace, |contacts| contacts.at(lid).cloned());
        Ok(contact.filter(|contact| contact.lid.as_deref() == Some(lid)))
    }

    async fn contacts_by_phone(
        &self,
        workspace: &WorkspaceId,
        phones: &[String],
    ) -> Result<Vec<Option<ContactRecord>>> {
        let state = self.state.read();
        let contacts = state.contacts.get(workspace);
        let find = |phone: &String| {
            contacts?.at(phone).filter(|contact| contact.phone.as_ref() == Some(phone)).cloned()
        };
        Ok(phones.iter().map(find).collect())
    }

    async fn contacts(&self, workspace: &WorkspaceId, query: &ContactQuery) -> Result<ContactPage> {
        let state = self.state.read();
        match state.contacts.get(workspace) {
            Some(contacts) => contacts.page(query),
            None => Contacts::default().page(query),
        }
    }

    async fn contact_tags(&self, workspace: &WorkspaceId) -> Result<Vec<TagCount>> {
        let mut counts = BTreeMap::new();
        self.contacts_of(workspace, |contacts| {
            for tag in contacts.list.values().flat_map(|contact| &contact.tags) {
                *counts.entry(tag.clone()).or_default() += 1;
            }
        });
        Ok(counts.into_iter().map(|(tag, contacts)| TagCount { tag, contacts }).collect())
    }

    async fn suppressed(&self, workspace: &WorkspaceId, addresses: &[String]) -> Result<Vec<String>> {
        Ok(self.contacts_of(workspace, |contacts| {
            let found = addresses.iter().filter(|address| contacts.suppressions.contains_key(*address));
            let sorted: std::collections::BTreeSet<_> = found.cloned().collect();
            sorted.into_iter().collect()
        }))
    }

    async fn suppressions(
        &self,
        workspace: &WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Suppression>> {
        Ok(self.contacts_of(workspace, |contacts| {
            let behind = contacts.suppressions.values().filter(|s| Some(&*s.address) > after);
            behind.take(page_limit(limit) as usize).cloned().collect()
        }))
    }
}
