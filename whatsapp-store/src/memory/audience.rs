use async_trait::async_trait;

use super::{MemoryStore, contact::Contacts};
use crate::{AudienceCounts, AudienceFilter, AudienceStore, ContactRecord, Result, WorkspaceId};

impl AudienceFilter {
    fn finds(&self, contact: &ContactRecord) -> bool {
        self.all_tags.is_subset(&contact.tags)
            && (self.any_tags.is_empty() || !self.any_tags.is_disjoint(&contact.tags))
            && self.none_tags.is_disjoint(&contact.tags)
            && self.fields.iter().all(|(name, value)| contact.fields.get(name) == Some(value))
            && self.last_seen_after.is_none_or(|at| contact.last_seen_at > Some(at))
    }
}

impl AudienceCounts {
    /// Where the contact is counted.
    fn place(&mut self, contacts: &Contacts, filter: &AudienceFilter, contact: &ContactRecord) -> &mut u64 {
        let agreed = contact.consent.as_ref().map(|consent| &consent.scope);
        let lacks_consent = filter.consent_scope.as_ref().is_some_and(|scope| agreed != Some(scope));
        if contact.addresses().next().is_none() {
            &mut self.unreachable
        } else if contact.addresses().any(|address| contacts.suppressions.contains_key(address)) {
            &mut self.suppressed
        } else if contact.opted_out_at.is_some() {
            &mut self.opted_out
        } else if lacks_consent {
            &mut self.no_consent
        } else {
            &mut self.eligible
        }
    }
}

fn is_eligible(contacts: &Contacts, filter: &AudienceFilter, contact: &ContactRecord) -> bool {
    let mut counts = AudienceCounts::default();
    *counts.place(contacts, filter, contact) += 1;
    counts.eligible == 1
}

#[async_trait]
impl AudienceStore for MemoryStore {
    async fn audience_page(
        &self,
        workspace: &WorkspaceId,
        filter: &AudienceFilter,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ContactRecord>> {
        Ok(self.contacts_of(workspace, |contacts| {
            let behind = contacts.list.values().filter(|contact| Some(&*contact.id) > after);
            let found = behind
                .filter(|contact| filter.finds(contact))
                .filter(|contact| is_eligible(contacts, filter, contact));
            found.take(limit as usize).cloned().collect()
        }))
    }

    async fn audience_counts(
        &self,
        workspace: &WorkspaceId,
        filter: &AudienceFilter,
    ) -> Result<AudienceCounts> {
        Ok(self.contacts_of(workspace, |contacts| {
            let mut counts = AudienceCounts::default();
            for contact in contacts.list.values().filter(|contact| filter.finds(contact)) {
                *counts.place(contacts, filter, contact) += 1;
            }
            counts
        }))
    }
}
