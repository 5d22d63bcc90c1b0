//! People looked up in the store by every address that they may have.
use std::collections::{BTreeSet, HashSet};

use whatsapp_store::{ContactRecord, ContactStore, Error, WorkspaceId};

use super::forms;
use crate::window::Millis;

/// Those of the addresses whose person is suppressed, under this address or another one of theirs.
pub(crate) async fn suppressed<S: ContactStore + ?Sized>(
    store: &S,
    workspace: &WorkspaceId,
    addresses: &[String],
) -> Result<HashSet<String>, Error> {
    let all: Vec<String> = addresses.iter().flat_map(|address| forms(address)).collect();
    let found: HashSet<String> = store.suppressed(workspace, &all).await?.into_iter().collect();
    if found.is_empty() {
        return Ok(found);
    }
    let is_found = |address: &&String| forms(address).iter().any(|form| found.contains(form));
    Ok(addresses.iter().filter(is_found).cloned().collect())
}

/// Those of the addresses whose person has opted out, at any contact that has one of their addresses.
pub(crate) async fn opted_out<S: ContactStore + ?Sized>(
    store: &S,
    workspace: &WorkspaceId,
    addresses: &[String],
) -> Result<HashSet<String>, Error> {
    let all: Vec<(&String, String)> = addresses
        .iter()
        .flat_map(|address| forms(address).into_iter().map(move |form| (address, form)))
        .collect();
    let asked: Vec<String> = all.iter().map(|(_, form)| form.clone()).collect();
    let contacts = store.contacts_by_phone(workspace, &asked).await?;
    let out = all.iter().zip(contacts);
    let out = out.filter(|(_, contact)| contact.as_ref().is_some_and(|who| who.opted_out_at.is_some()));
    Ok(out.map(|((address, _), _)| (*address).clone()).collect())
}

/// All contacts of the person who has this address, each once.
pub(crate) async fn contacts<S: ContactStore + ?Sized>(
    store: &S,
    workspace: &WorkspaceId,
    address: &str,
) -> Result<Vec<ContactRecord>, Error> {
    if is_lid(address) {
        return Ok(store.contact_by_lid(workspace, address).await?.into_iter().collect());
    }
    let found = store.contacts_by_phone(workspace, &forms(address)).await?;
    let mut ids = BTreeSet::new();
    Ok(found.into_iter().flatten().filter(|contact| ids.insert(contact.id.clone())).collect())
}

/// A contact of whom nothing but an address is known, under an id that no other contact has.
pub(crate) async fn new_contact<S: ContactStore + ?Sized>(
    store: &S,
    workspace: &WorkspaceId,
    address: &str,
    at: Millis,
) -> Result<ContactRecord, Error> {
    let mut contact = ContactRecord { created_at: at, updated_at: at, ..ContactRecord::default() };
    match address.strip_suffix(LID) {
        Some(digits) => {
            contact.id = format!("lid-{digits}");
            contact.lid = Some(address.to_owned());
        }
        None => {
            let phone = forms(address).remove(0);
            contact.id = format!("phone-{phone}");
            contact.phone = Some(phone);
        }
    }
    // One that had this number before, perhaps.
    if store.contact(workspace, &contact.id).await?.is_some() {
        contact.id = format!("{}-{at}", contact.id);
    }
    Ok(contact)
}

/// How LIDs end: the hidden ids of people whose number is not known.
const LID: &str = "@lid";

fn is_lid(address: &str) -> bool {
    address.ends_with(LID)
}
