//! Identities and their keys: who is believed about them, and which changes are reported.
//!
//! A person has an identity key, a number and a LID. The key is pinned to the person and moves with them. These sources say that
//! two addresses belong to one person, the most trusted first:
//!
//! 1. [`Source::Phone`]: pairing and login, about ourselves alone;
//! 2. [`Source::Directory`]: the server's answer to a question of ours (usync);
//! 3. [`Source::Stanza`]: attributes of a stanza that came by itself.
//!
//! A stanza may join two addresses that stand alone. It never takes an address from its counterpart, and never joins people with
//! different identity keys: the directory is queried then. The directory may do both. When the key behind a number is another one
//! afterwards, this is reported as [`Event::IdentityChanged`].
use bytes::Bytes;
use whatsapp_store::ChatChange;

use super::{
    context::Context,
    loads::{Lookup, Person},
};
use crate::{
    crypto::PublicKey,
    event::{Distrust, Event},
    jid::{Jid, Server},
    pairing::adv,
    signal::Address,
};

/// The source of a statement that two addresses belong to one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Phone,
    Directory,
    Stanza,
}

/// The effect of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Learned {
    /// It was known, or is now.
    Believed,
    /// It contradicts known data: the directory has to be queried.
    Doubted,
}

/// Learns that a number and a LID are one person. Other pairs of addresses say nothing.
pub(super) fn learn(cx: &mut Context, one: &Jid, other: &Jid, source: Source) -> Lookup<Learned> {
    let (pn, lid) = match (one.server, other.server) {
        (Server::User, Server::Lid) => (one.to_non_device(), other.to_non_device()),
        (Server::Lid, Server::User) => (other.to_non_device(), one.to_non_device()),
        _ => return Ok(Learned::Believed),
    };
    if pn.user.is_empty() || lid.user.is_empty() {
        return Ok(Learned::Believed);
    }
    cx.loads.know([&pn, &lid])?;
    // Nearly every message repeats known data.
    if cx.loads.lid_of(&pn)?.as_ref() == Some(&lid) {
        return Ok(Learned::Believed);
    }
    let by_pn = cx.loads.person(&pn)?.cloned().unwrap_or_default();
    let by_lid = cx.loads.person(&lid)?.cloned().unwrap_or_default();
    let keys_differ = matches!((by_pn.identity, by_lid.identity), (Some(a), Some(b)) if a != b);
    let is_taken = by_pn.lid.is_some() || by_lid.pn.is_some();
    if source == Source::Stanza && (is_taken || keys_differ) {
        return Ok(Learned::Doubted);
    }
    join(cx, &pn, &lid, &by_pn, &by_lid)?;
    Ok(Learned::Believed)
}

fn join(cx: &mut Context, pn: &Jid, lid: &Jid, by_pn: &Person, by_lid: &Person) -> Lookup {
    cx.loads.join(pn, lid)?;
    let key = cx.loads.person(lid)?.and_then(|person| person.identity);
    if by_pn.identity.is_some() && by_pn.identity != key {
        let mut former = by_pn.clone();
        former.lid = None;
        forget_sessions(cx, &former, &former.device_numbers());
        cx.tell(Event::IdentityChanged { jid: pn.clone() });
    }
    let former = by_lid.pn.as_ref().map(|former| Jid::pn(former.as_str()));
    let (chat_of_lid, chat) = (lid.to_string(), pn.to_string());
    cx.loads.forget_chat(&chat_of_lid);
    cx.loads.forget_chat(&chat);
    cx.change(ChatChange::Merge { from: chat_of_lid, into: chat });
    cx.tell(Event::AddressesJoined { pn: pn.clone(), lid: lid.clone(), former });
    Ok(())
}

/// Forgets the sessions with these devices of a person, under both addresses.
pub(super) fn forget_sessions(cx: &mut Context, person: &Person, devices: &[u16]) {
    let pn = person.pn.as_ref().map(|pn| Jid::pn(pn.as_str()));
    let lid = person.lid.as_ref().map(|lid| Jid::lid(lid.as_str()));
    for jid in pn.iter().chain(&lid) {
        for device in devices {
            cx.loads.put_session(&Address::from(&jid.with_device(*device)), None);
        }
    }
}

/// Pins a device's identity key, and reports a change of a person's key.
pub(super) fn note_identity(cx: &mut Context, device: &Jid, key: &PublicKey) -> Lookup {
    let person = cx.loads.person(device)?;
    let known = person.and_then(|person| person.identity_of(device.device));
    if known.as_ref() == Some(key) {
        return Ok(());
    }
    if device.device == 0 && known.is_some() {
        let former = person.cloned().unwrap_or_default();
        let companions: Vec<u16> =
            former.device_numbers().into_iter().filter(|number| *number != 0).collect();
        forget_sessions(cx, &former, &companions);
    }
    cx.loads.edit_person(device, |person| {
        if device.device == 0 && known.is_some() {
            person.replace_identity(None);
        }
        person.set_identity(device.device, *key);
    })?;
    if known.is_some() {
        let jid = cx.loads.chat(device)?;
        cx.tell(Event::IdentityChanged { jid });
    }
    Ok(())
}

/// Is this the identity key of that device? For a primary any key is accepted, since its change is reported. A companion must
/// show that its account signed it, or the server could put an eavesdropper in its place; the account's key is pinned with the
/// first companion that does. A companion without proof must have its known key, or, if it has none, be named by a device list
/// that the pinned key signed. A companion that the account removed, by its signed device list, does not return with its old
/// identity.
pub(super) fn is_genuine(
    cx: &mut Context,
    device: &Jid,
    identity: &PublicKey,
    shown: Option<&Bytes>,
) -> Lookup<bool> {
    if device.device == 0 {
        // For our own account, only the key that signed this device.
        let own = if cx.own.is_own(device) { cx.own.account_key() } else { None };
        return Ok(own.is_none_or(|own| own == *identity));
    }
    let person = cx.loads.person(device)?.cloned().unwrap_or_default();
    let Some(shown) = shown else {
        let known = person.identity_of(device.device);
        if known.as_ref() == Some(identity) {
            return Ok(true);
        }
        // The list names the device, not its key: it is no reason to replace the known key.
        let accepted = known.is_none() && person.vouches_for(device.device);
        distrust(cx, device, Distrust::NoDeviceIdentity { device: device.device, accepted })?;
        return Ok(accepted);
    };
    match adv::verify_companion(shown, identity, person.identity.as_ref()) {
        Ok(proven) if proven.key_index.is_some_and(|index| person.has_removed(index)) => {
            distrust(cx, device, Distrust::CompanionRemoved { device: device.device })?;
            Ok(false)
        }
        Ok(proven) => {
            if person.identity.is_none() {
                cx.loads.edit_person(device, |person| person.identity = Some(proven.account))?;
            }
            Ok(true)
        }
        Err(error) => {
            tracing::warn!(%error, device = device.device, "a companion's identity does not hold");
            distrust(cx, device, Distrust::CompanionNotSigned { device: device.device })?;
            Ok(false)
        }
    }
}

fn distrust(cx: &mut Context, device: &Jid, why: Distrust) -> Lookup {
    let jid = cx.loads.chat(device)?;
    cx.tell(Event::Distrusted { jid, why });
    Ok(())
}
