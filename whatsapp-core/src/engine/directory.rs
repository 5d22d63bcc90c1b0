//! Queries to the server about people: their devices, and the keys to start sessions with them.
use std::time::Duration;

use super::{
    Request,
    context::Context,
    fetches::Fetches,
    loads::{Cache, Lookup},
};
use crate::{
    jid::Jid,
    stanza::{prekeys, usync},
    time::Timestamp,
};

/// A device list is requested again after this time, unless a notification comes earlier.
const DEVICES_FRESH: Duration = Duration::from_secs(3600);
/// How long a device without prekeys is left out, and how long an address that was checked is not checked again.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);
const REMEMBERED: usize = 2048;

#[derive(Debug)]
pub(super) struct Directory {
    pub(super) devices: Fetches,
    pub(super) bundles: Fetches,
    /// Counts changes that may let a waiting message continue.
    changes: u64,
    /// Devices without usable prekeys, and until when.
    unreachable: Cache<Jid, Timestamp>,
    /// How often in a row a device's keys were missing from an answer, or not trusted.
    unusable: Cache<Jid, u32>,
    /// Addresses that were checked, and until when that is enough.
    checked: Cache<Jid, Timestamp>,
}

impl Directory {
    pub(super) fn new() -> Self {
        Self {
            devices: Fetches::default(),
            bundles: Fetches::default(),
            changes: 0,
            unreachable: Cache::new(REMEMBERED),
            unusable: Cache::new(REMEMBERED),
            checked: Cache::new(REMEMBERED),
        }
    }

    /// Rises whenever a message that waits for the server may be able to continue.
    pub(super) const fn changes(&self) -> u64 {
        self.changes
    }

    /// An answer arrived or failed, or a pause is over.
    pub(super) const fn changed(&mut self) {
        self.changes += 1;
    }

    /// A person's devices, if known and fresh. Otherwise requests them and returns `None`.
    pub(super) fn devices_of(&mut self, cx: &mut Context, user: &Jid) -> Lookup<Option<Vec<u16>>> {
        let now = cx.now;
        let list = cx.loads.person(user)?.and_then(|person| person.devices.as_ref());
        let is_fresh = |at: Timestamp| now.since(at) < DEVICES_FRESH;
        if let Some(list) = list.filter(|list| list.fetched_at.is_some_and(is_fresh)) {
            return Ok(Some(list.numbers()));
        }
        self.devices.want(now, user.to_non_device());
        Ok(None)
    }

    /// A stanza contradicted the known data of this address: queries the server, but not for each stanza. Returns `false` if it
    /// was queried recently.
    pub(super) fn check(&mut self, now: Timestamp, user: &Jid) -> bool {
        let user = user.to_non_device();
        let is_new = self.checked.get(&user).is_none_or(|until| *until <= now);
        if is_new {
            self.checked.put(user.clone(), now + REMEMBERED_FOR);
            self.devices.want(now, user);
        }
        is_new
    }

    /// A person's devices changed: requests the list before the next message. The facts that the old list proves stay known.
    pub(super) fn forget_devices(&mut self, cx: &mut Context, user: &Jid) -> Lookup {
        cx.loads.edit_person(user, |person| {
            if let Some(list) = &mut person.devices {
                list.fetched_at = None;
            }
        })?;
        self.unreachable.clear();
        self.changed();
        Ok(())
    }

    pub(super) fn is_unreachable(&mut self, now: Timestamp, device: &Jid) -> bool {
        self.unreachable.get(device).is_some_and(|until| now < *until)
    }

    /// Takes note of a device without usable prekeys.
    pub(super) fn mark_unreachable(&mut self, now: Timestamp, device: Jid) {
        self.unusable.remove(&device);
        self.unreachable.put(device, now + REMEMBERED_FOR);
    }

    /// A device's keys are good.
    pub(super) fn note_usable(&mut self, device: &Jid) {
        self.unusable.remove(device);
    }

    /// A device's keys were missing from an answer, or not trusted. Returns how often in a row.
    pub(super) fn count_unusable(&mut self, device: &Jid) -> u32 {
        let count = self.unusable.get(device).copied().unwrap_or(0) + 1;
        self.unusable.put(device.clone(), count);
        count
    }

    /// Sends the requests that waiting messages need.
    pub(super) fn pump(&mut self, cx: &mut Context) {
        if !cx.link.is_online() {
            return;
        }
        let users = self.devices.take(cx.now);
        if !users.is_empty() {
            let sid = cx.link.requests.next_id();
            cx.request(usync::device_query(&sid, &users), Request::Devices(users));
        }
        let devices = self.bundles.take(cx.now);
        if !devices.is_empty() {
            cx.request(prekeys::bundle_query(&devices, false), Request::Bundles(devices));
        }
    }

    pub(super) fn next_timeout(&self, now: Timestamp) -> Option<Timestamp> {
        self.devices.next_timeout(now).into_iter().chain(self.bundles.next_timeout(now)).min()
    }

    pub(super) fn committed(&mut self) {
        self.unreachable.age();
        self.unusable.age();
        self.checked.age();
    }

    pub(super) fn disconnected(&mut self) {
        self.devices.disconnected();
        self.bundles.disconnected();
        self.changed();
    }
}
