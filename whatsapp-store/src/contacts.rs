//! The rules for changes of contacts, shared by all backends.
use std::collections::BTreeSet;

use crate::{
    Consent, ContactChange, ContactRecord, Error, ErrorKind, Result, Suppression, revision::risen,
    tokenizer::words,
};

/// Two contacts cannot share an address. Names neither of them.
pub(crate) fn taken() -> Error {
    Error::new(ErrorKind::Conflict, "writing a contact")
        .because("another contact of the workspace has that number or LID")
}

impl ContactChange {
    /// Checks that need nothing from the store.
    pub(crate) fn check(&self) -> Result<()> {
        let fits = match self {
            Self::Put(contact) => {
                contact.phone.as_deref().is_none_or(is_phone) && contact.lid.as_deref().is_none_or(is_lid)
            }
            Self::Suppress(Suppression { address, .. }) | Self::Unsuppress { address, .. } => {
                is_phone(address) || is_lid(address)
            }
            _ => true,
        };
        let wrong = "a number is 1 to 15 digits, and a LID digits with @lid";
        if fits { Ok(()) } else { Err(Error::new(ErrorKind::Invalid, "writing a contact").because(wrong)) }
    }
}

fn is_phone(text: &str) -> bool {
    (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_lid(text: &str) -> bool {
    text.strip_suffix("@lid").is_some_and(|user| !user.is_empty() && user.bytes().all(|b| b.is_ascii_digit()))
}

impl ContactRecord {
    /// The record as it is stored when it is new.
    pub(crate) fn settled(mut self) -> Self {
        if let Some(consent) = self.consent.take() {
            self.agree(&consent);
        }
        self
    }

    /// The record as it is stored over an earlier one.
    pub(crate) fn over(mut self, earlier: &Self) -> Self {
        self.created_at = earlier.created_at;
        self.last_seen_at = self.last_seen_at.max(earlier.last_seen_at);
        let consent = std::mem::replace(&mut self.consent, earlier.consent.clone());
        if let Some(at) = std::mem::replace(&mut self.opted_out_at, earlier.opted_out_at) {
            self.opt_out(at);
        }
        if let Some(consent) = consent {
            self.agree(&consent);
        }
        self.updated_at = self.revision(earlier, self.updated_at);
        self
    }

    /// The revision of a record that was written over an earlier one at that time. Written as it was, it is no other.
    fn revision(&self, earlier: &Self, at: i64) -> i64 {
        let mut same = self.clone();
        (same.updated_at, same.last_seen_at) = (earlier.updated_at, earlier.last_seen_at);
        if same == *earlier { earlier.updated_at } else { risen(earlier.updated_at, at) }
    }

    /// The record, completed by another record of the same person.
    fn joined_with(mut self, other: Self) -> Self {
        self.phone = self.phone.or(other.phone);
        self.lid = self.lid.or(other.lid);
        if self.name.is_empty() {
            self.name = other.name;
        }
        self.tags.extend(other.tags);
        for (name, value) in other.fields {
            self.fields.entry(name).or_insert(value);
        }
        if let Some(at) = other.opted_out_at {
            self.opt_out(at);
        }
        if let Some(consent) = other.consent {
            self.agree(&consent);
        }
        self.last_seen_at = self.last_seen_at.max(other.last_seen_at);
        self.time_zone = self.time_zone.or(other.time_zone);
        self.updated_at = risen(self.updated_at, other.updated_at);
        self
    }

    /// A change of one contact.
    pub(crate) fn apply(&mut self, change: &ContactChange) {
        let earlier = self.clone();
        let at = match change {
            ContactChange::AddTags { tags, at, .. } => {
                self.tags.extend(tags.iter().cloned());
                *at
            }
            ContactChange::RemoveTags { tags, at, .. } => {
                self.tags.retain(|tag| !tags.contains(tag));
                *at
            }
            ContactChange::SetField { name, value: Some(value), at, .. } => {
                self.fields.insert(name.clone(), value.clone());
                *at
            }
            ContactChange::SetField { name, value: None, at, .. } => {
                self.fields.remove(name);
                *at
            }
            ContactChange::RecordConsent { consent, .. } => {
                self.agree(consent);
                consent.at
            }
            ContactChange::OptOut { at, .. } => {
                self.opt_out(*at);
                *at
            }
            ContactChange::Seen { at, .. } => {
                self.last_seen_at = self.last_seen_at.max(Some(*at));
                return;
            }
            ContactChange::Expect { .. }
            | ContactChange::Put(_)
            | ContactChange::Delete { .. }
            | ContactChange::Suppress(_)
            | ContactChange::Unsuppress { .. } => return,
        };
        self.updated_at = self.revision(&earlier, at);
    }

    fn agree(&mut self, consent: &Consent) {
        if self.consent.as_ref().is_none_or(|held| held.at <= consent.at) {
            self.consent = Some(consent.clone());
        }
        // Said in the same moment, no means no.
        self.opted_out_at = self.opted_out_at.filter(|out| *out >= consent.at);
    }

    fn opt_out(&mut self, at: i64) {
        if self.consent.as_ref().is_none_or(|held| held.at <= at) {
            self.opted_out_at = self.opted_out_at.max(Some(at));
        }
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = &String> {
        self.phone.iter().chain(&self.lid)
    }

    /// The suppressions that the contact leaves behind when it is deleted.
    pub(crate) fn suppressions(&self) -> Vec<Suppression> {
        let Some(at) = self.opted_out_at else { return Vec::new() };
        let reason = Suppression::OPTED_OUT;
        self.addresses()
            .map(|address| Suppression { address: address.clone(), reason: reason.to_owned(), at })
            .collect()
    }

    /// The words that it is found by.
    pub(crate) fn words(&self) -> BTreeSet<String> {
        let mut words = words(&self.name);
        words.extend(self.phone.clone());
        words
    }
}

/// The two addresses of one person, as contacts have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BothAddresses<'a> {
    pub(crate) phone: &'a str,
    pub(crate) lid: &'a str,
}

impl<'a> BothAddresses<'a> {
    /// From the addresses of two chats, if one is a number and the other a LID.
    pub(crate) fn of_chats(one: &'a str, other: &'a str) -> Option<Self> {
        let phone = |chat: &'a str| chat.strip_suffix("@s.whatsapp.net").filter(|user| is_phone(user));
        let pair = |number: &'a str, lid: &'a str| {
            phone(number).filter(|_| is_lid(lid)).map(|phone| Self { phone, lid })
        };
        pair(one, other).or_else(|| pair(other, one))
    }

    /// What becomes of the contacts that have these addresses: the contact to write, and the id of the contact to remove before
    /// that.
    pub(crate) fn join(
        self,
        by_phone: Option<ContactRecord>,
        by_lid: Option<ContactRecord>,
    ) -> (Option<ContactRecord>, Option<String>) {
        match (by_phone, by_lid) {
            (Some(contact), None) if contact.lid.is_none() => {
                let updated_at = risen(contact.updated_at, contact.updated_at);
                (Some(ContactRecord { lid: Some(self.lid.to_owned()), updated_at, ..contact }), None)
            }
            (None, Some(contact)) if contact.phone.is_none() => {
                let updated_at = risen(contact.updated_at, contact.updated_at);
                (Some(ContactRecord { phone: Some(self.phone.to_owned()), updated_at, ..contact }), None)
            }
            (Some(stays), Some(goes)) if stays.lid.is_none() && goes.phone.is_none() => {
                let id = goes.id.clone();
                (Some(stays.joined_with(goes)), Some(id))
            }
            _ => (None, None),
        }
    }

    /// The suppression that one address has for both, to be written for the other.
    pub(crate) fn shared_suppression(self, known: &[Suppression]) -> Option<Suppression> {
        let [suppression] = known else { return None };
        let other = if suppression.address == self.phone { self.lid } else { self.phone };
        Some(Suppression { address: other.to_owned(), ..suppression.clone() })
    }
}

impl Suppression {
    /// Can that consent end it?
    pub(crate) fn check_end(since: i64, consent: &Consent) -> Result<()> {
        if consent.at > since {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Invalid, "ending a suppression")
            .because("only a consent that is newer than a suppression ends it"))
    }
}

/// The starts of words that a contact must have, all of them. A number may be typed with what people put between digits.
/// `None` when there is no word in it.
pub(crate) fn wanted(text: &str) -> Option<BTreeSet<String>> {
    let is_number = text.chars().all(|c| c.is_ascii_digit() || " +-()./".contains(c));
    let starts = if is_number {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        BTreeSet::from([digits])
    } else {
        words(text)
    };
    Some(starts).filter(|starts| starts.iter().any(|start| !start.is_empty()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contact() -> ContactRecord {
        ContactRecord { id: "1".into(), ..ContactRecord::default() }
    }

    fn consent(at: i64) -> Consent {
        Consent { scope: "marketing".into(), source: "form".into(), at, evidence: None }
    }

    fn said(agreed: bool, at: i64) -> ContactChange {
        let id = "1".to_owned();
        if agreed {
            ContactChange::RecordConsent { id, consent: consent(at) }
        } else {
            ContactChange::OptOut { id, at }
        }
    }

    proptest! {
        /// Webhooks and imports come in any order, and more than once.
        #[test]
        fn consent_and_opt_out_end_the_same_in_any_order(
            said_at in prop::collection::vec((any::<bool>(), 0..6_i64), 1..6),
            order in prop::collection::vec(any::<prop::sample::Index>(), 8),
        ) {
            let (mut straight, mut shuffled) = (contact(), contact());
            for (agreed, at) in &said_at {
                straight.apply(&said(*agreed, *at));
            }
            let again = order.iter().map(|index| index.get(&said_at)).chain(&said_at);
            for (agreed, at) in again {
                shuffled.apply(&said(*agreed, *at));
            }
            prop_assert_eq!(&straight.consent, &shuffled.consent);
            prop_assert_eq!(straight.opted_out_at, shuffled.opted_out_at);
            let newest = |which: bool| said_at.iter().filter(|said| said.0 == which).map(|said| said.1).max();
            let out = newest(false).filter(|out| newest(true).is_none_or(|agreed| agreed <= *out));
            prop_assert_eq!(straight.opted_out_at, out);
        }
    }

    #[test]
    fn debug_shows_no_person() {
        let hidden = || "49hidden".to_owned();
        let suppression = Suppression { address: hidden(), reason: "stop".into(), at: 1 };
        let contact = ContactRecord {
            phone: Some(hidden()),
            lid: Some(hidden()),
            name: hidden(),
            tags: [hidden()].into(),
            fields: [(hidden(), hidden())].into(),
            consent: Some(Consent { source: hidden(), evidence: Some(hidden()), ..consent(1) }),
            time_zone: Some(hidden()),
            ..contact()
        };
        let consent = contact.consent.clone().unwrap();
        let shown = format!(
            "{contact:?} {suppression:?} {consent:?} {:?} {:?} {:?}",
            ContactChange::Put(Box::new(contact.clone())),
            ContactChange::Suppress(suppression.clone()),
            ContactChange::Unsuppress { address: hidden(), consent: consent.clone() },
        );
        assert!(!shown.contains("hidden"), "{shown}");
        assert!(shown.contains("stop") && shown.contains("Unsuppress"), "{shown}");
    }

    #[test]
    fn numbers_and_lids_have_their_form() {
        for (text, phone, lid) in [
            ("4915112345678", true, false),
            ("123456789012345", true, false),
            ("1234567890123456", false, false),
            ("+49151", false, false),
            ("", false, false),
            ("@lid", false, false),
            ("1@lid", false, true),
            ("1:2@lid", false, false),
            ("١٢٣", false, false),
        ] {
            assert_eq!((is_phone(text), is_lid(text)), (phone, lid), "{text}");
        }
    }

    #[test]
    fn a_number_is_found_with_separators() {
        assert_eq!(wanted("+49 (151) 12"), Some(BTreeSet::from(["4915112".to_owned()])));
        assert_eq!(wanted("Ann 49"), Some(BTreeSet::from(["ann".to_owned(), "49".to_owned()])));
        for nothing in ["", " + ", "...", "?!"] {
            assert_eq!(wanted(nothing), None, "{nothing:?}");
        }
    }
}
