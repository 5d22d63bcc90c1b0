//! Device lists: answers to device queries, and notifications that lists changed.
use std::time::Duration;

use super::{
    context::Context,
    directory::Directory,
    loads::{Device, DeviceList, Lookup, Person, SignedIndexes},
    trust::{self, Source},
};
use crate::{
    binary::NodeRef,
    event::{Distrust, Event},
    jid::Jid,
    message::{phash::participant_hash, plan},
    pairing::adv,
    stanza::{
        iq::NOT_FOUND,
        usync::{self, DeviceEntry, UserDevices},
    },
    time::Timestamp,
};

/// A device list that was fetched this recently is up to date.
const JUST_FETCHED: Duration = Duration::from_secs(60);
/// A person who is missing from this many answers in a row has no devices.
const MOST_MISSING: u32 = 3;

impl Directory {
    /// The server answered a device query.
    pub(super) fn on_devices(&mut self, cx: &mut Context, node: NodeRef<'_>, asked: &[Jid]) -> Lookup {
        let users = match usync::parse_devices(node) {
            Ok(users) => users,
            Err(error) => {
                tracing::warn!(%error, "a device list is not readable");
                self.devices.refused(asked, None, cx.now, &mut cx.own.rng);
                return Ok(());
            }
        };
        let lids = users.iter().filter_map(|user| user.lid.as_ref());
        cx.loads.know(users.iter().map(|user| &user.jid).chain(lids).chain(asked))?;
        let mut answered = Vec::with_capacity(users.len());
        for user in &users {
            if let Some(lid) = &user.lid {
                trust::learn(cx, &user.jid, lid, Source::Directory)?;
            }
            answered.push(cx.loads.canonical(&user.jid)?);
            if is_answer(user) {
                accept_list(cx, user)?;
            }
        }
        for jid in asked {
            let canonical = cx.loads.canonical(jid)?;
            match answered.iter().position(|user| *user == canonical) {
                Some(at) if is_answer(&users[at]) => self.devices.done([jid]),
                Some(_) => drop(self.devices.failed(jid, cx.now, &mut cx.own.rng)),
                None => self.on_missing(cx, jid)?,
            }
        }
        Ok(())
    }

    /// A person who is missing from one answer may be in the next.
    fn on_missing(&mut self, cx: &mut Context, jid: &Jid) -> Lookup {
        let times = self.devices.failed(jid, cx.now, &mut cx.own.rng);
        if times >= MOST_MISSING {
            self.devices.done([jid]);
            let now = cx.now;
            cx.loads.edit_person(jid, |person| {
                let list = DeviceList::emptied(person.devices.as_ref());
                person.devices = Some(DeviceList { fetched_at: Some(now), ..list });
            })?;
        }
        Ok(())
    }

    /// A person's devices changed.
    pub(super) fn on_devices_changed(&mut self, cx: &mut Context, user: &Jid) -> Lookup {
        self.forget_devices(cx, user)
    }

    /// A person has a new phone: sessions with the old one are useless.
    pub(super) fn on_identity_change(&mut self, cx: &mut Context, user: &Jid) -> Lookup {
        // Our own account's key signed this device: with another key we would be unlinked.
        if cx.own.is_own(user) {
            return Ok(());
        }
        cx.loads.know([user])?;
        let person = cx.loads.person(user)?.cloned().unwrap_or_default();
        let had_identity = person.identity.is_some();
        trust::forget_sessions(cx, &person, &person.device_numbers());
        cx.loads.edit_person(user, |person| person.replace_identity(None))?;
        self.forget_devices(cx, user)?;
        if had_identity {
            let jid = cx.loads.chat(user)?;
            cx.tell(Event::IdentityChanged { jid });
        }
        Ok(())
    }

    /// Checks the server's hash of the devices that a message should have gone to. If it differs from ours, a list is
    /// out of date, unless it is fresh: then the server counts devices that no account signed.
    pub(super) fn check_participants(&mut self, cx: &mut Context, chat: &Jid, phash: &str) -> Lookup {
        let Some(own) = cx.own.device.canonical() else { return Ok(()) };
        let user = cx.loads.canonical(chat)?.to_non_device();
        let destination = cx.wire_address(&user)?;
        let (Some((theirs, their_age)), Some((ours, our_age))) = (list_of(cx, &user)?, list_of(cx, &own)?)
        else {
            return Ok(());
        };
        let sending = cx.own.sending_device(&destination);
        let targets = plan::fan_out(&sending, &destination, &theirs, &ours);
        let mut devices: Vec<Jid> = targets.into_iter().map(|target| target.jid).collect();
        // Sources disagree whether the sending device counts.
        let without = participant_hash(&devices);
        devices.push(sending);
        if phash == without || phash == participant_hash(&devices) {
            return Ok(());
        }
        for (whose, fetched_at) in [(user, their_age), (own, our_age)] {
            if cx.now.since(fetched_at) >= JUST_FETCHED {
                self.forget_devices(cx, &whose)?;
            }
        }
        Ok(())
    }
}

/// A server that cannot answer now has not said that there are no devices. A missing account has none.
fn is_answer(user: &UserDevices) -> bool {
    user.error.is_none_or(|code| code == NOT_FOUND)
}

fn list_of(cx: &mut Context, user: &Jid) -> Lookup<Option<(Vec<u16>, Timestamp)>> {
    let list = cx.loads.person(user)?.and_then(|person| person.devices.as_ref());
    Ok(list.and_then(|list| Some((list.numbers(), list.fetched_at?))))
}

/// Takes over the trusted part of a device list; elsewhere the known list stays.
fn accept_list(cx: &mut Context, user: &UserDevices) -> Lookup {
    let person = cx.loads.person(&user.jid)?.cloned().unwrap_or_default();
    let mut list = match believe(&person, user) {
        Ok(believed) => {
            // A removed device can neither write for the person nor read any more.
            let removed = person.devices.as_ref().map(|list| list.without(&believed)).unwrap_or_default();
            trust::forget_sessions(cx, &person, &removed);
            believed
        }
        Err(why) => {
            let jid = cx.loads.chat(&user.jid)?;
            cx.tell(Event::Distrusted { jid, why });
            person.devices.unwrap_or_default()
        }
    };
    list.fetched_at = Some(cx.now);
    cx.loads.edit_person(&user.jid, |person| person.devices = Some(list))
}

/// The primary, and those companions that its signed list names: a server cannot add a listener unseen, nor go back to a list
/// from before a companion was removed.
fn believe(person: &Person, user: &UserDevices) -> Result<DeviceList, Distrust> {
    let known = person.signed_at();
    let signed =
        user.key_index_list.as_deref().map(|list| adv::verify_key_index_list(list, person.identity.as_ref()));
    match signed {
        Some(Ok(list)) if list.timestamp < known => Err(Distrust::OldDeviceList),
        // Without a signer there is nothing to check it against.
        Some(Ok(list)) if list.signer.is_some() || known == 0 => Ok(signed_list(&list, user)),
        // The account itself is gone: this needs no signature.
        _ if user.error.is_some() => Ok(DeviceList::emptied(person.devices.as_ref())),
        _ if known > 0 => Err(Distrust::UnsignedDeviceList),
        _ => {
            let primary = user.devices.iter().filter(|entry| entry.device == 0);
            let devices = primary.map(|_| Device { number: 0, is_named: false }).collect();
            Ok(DeviceList { devices, ..DeviceList::default() })
        }
    }
}

fn signed_list(list: &adv::KeyIndexList, user: &UserDevices) -> DeviceList {
    let is_allowed = |entry: &&DeviceEntry| {
        entry.device == 0 || entry.key_index.is_some_and(|index| list.indexes.allows(index))
    };
    let device = |entry: &DeviceEntry| Device {
        number: entry.device,
        is_named: entry.key_index.is_some_and(|index| list.indexes.names(index)),
    };
    DeviceList {
        fetched_at: None,
        signed: list.signer.map(|signer| SignedIndexes {
            at: list.timestamp,
            signer,
            indexes: list.indexes.clone(),
        }),
        devices: user.devices.iter().filter(is_allowed).map(device).collect(),
    }
}
