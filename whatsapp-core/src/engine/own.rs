//! Our own side: the configuration, this device, its randomness, and its estimate of the server's time.
use rand::{SeedableRng, rngs::StdRng};
use whatsapp_store::DeviceRecord;

use super::{
    device::{Device, LOGGED_OUT_KEPT},
    server_clock::ServerClock,
};
use crate::{config::Config, crypto::PublicKey, error::Error, jid::Jid, pairing::adv, time::Timestamp};

/// This account's device.
pub(super) struct Own {
    pub(super) config: Config,
    pub(super) device: Device,
    pub(super) rng: StdRng,
    pub(super) server_clock: ServerClock,
    /// The store does not have the device like this yet.
    is_changed: bool,
    /// The store still has a device that was logged out then: it is not written over before another one is linked.
    former: Option<Former>,
}

/// A device that was logged out, and is still stored.
#[derive(Clone, Debug)]
pub(super) struct Former {
    logged_out_at: Timestamp,
    /// Its address by number.
    pub(super) account: Option<Jid>,
}

impl Former {
    /// `None` for a device that is linked.
    fn of(device: &Device) -> Option<Self> {
        let logged_out_at = device.logins.logged_out_at?;
        Some(Self { logged_out_at, account: device.jid.clone() })
    }
}

/// Shows no key and no name.
impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Own").field("jid", &self.device.jid).finish_non_exhaustive()
    }
}

impl Own {
    /// The stored device, or a new one.
    ///
    /// # Errors
    /// When the stored device is not readable.
    pub(super) fn new(
        config: Config,
        stored: Option<&DeviceRecord>,
        seed: [u8; 32],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut rng = StdRng::from_seed(seed);
        let stored = stored.map(Device::from_record).transpose()?;
        let former = stored.as_ref().and_then(Former::of);
        let (device, is_changed) = match stored.filter(|_| former.is_none()) {
            Some(device) => (device, false),
            None => (Device::generate(now, &mut rng), former.is_none()),
        };
        Ok(Self { config, device, rng, server_clock: ServerClock::default(), is_changed, former })
    }

    /// The device is written with the next commit.
    pub(super) const fn save(&mut self) {
        self.is_changed = true;
    }

    /// The device's record, if it has to be written.
    pub(super) fn take_changed(&mut self) -> Option<DeviceRecord> {
        let is_held_back = self.former.is_some() && !self.is_linked();
        (std::mem::take(&mut self.is_changed) && !is_held_back).then(|| self.device.to_record())
    }

    /// The user logged out: new keys, which are stored only once they are of use.
    pub(super) fn reset(&mut self, now: Timestamp) {
        self.device = Device::generate(now, &mut self.rng);
        self.is_changed = false;
    }

    /// The server says that the device is no longer linked: new keys. Gives the former device's record, which is kept for a while.
    pub(super) fn retire(&mut self, now: Timestamp) -> DeviceRecord {
        self.device.logins.logged_out_at = Some(now);
        let former = self.device.to_record();
        self.former = Former::of(&self.device);
        self.reset(now);
        former
    }

    /// Another device is linked in the place of the one that was logged out. Gives that one.
    pub(super) const fn take_former(&mut self) -> Option<Former> {
        self.former.take()
    }

    /// Was the device logged out so long ago that its keys are kept no longer?
    pub(super) fn is_former_expired(&self, now: Timestamp) -> bool {
        self.former.as_ref().is_some_and(|former| now.since(former.logged_out_at) >= LOGGED_OUT_KEPT)
    }

    /// The server accepted the device.
    pub(super) fn logged_in(&mut self) {
        let logins = &mut self.device.logins;
        logins.count = logins.count.wrapping_add(1);
        logins.trust_root = Some(self.config.trust_root);
        self.is_changed = true;
    }

    /// Did another server than this one, by its trust root, accept the device before?
    pub(super) fn is_of_another_server(&self) -> bool {
        self.device.logins.trust_root.is_some_and(|root| root != self.config.trust_root)
    }

    pub(super) const fn is_linked(&self) -> bool {
        self.device.jid.is_some()
    }

    /// Is this one of our own addresses, with any device?
    pub(super) fn is_own(&self, jid: &Jid) -> bool {
        self.device.is_own(jid)
    }

    /// The identity key of our account's primary, which signed this device.
    pub(super) fn account_key(&self) -> Option<PublicKey> {
        adv::account_key_of(self.device.account.as_deref()?)
    }

    /// The sender of our messages, as chats show it.
    pub(super) fn sender(&self) -> Jid {
        self.device.jid.as_ref().map_or(Jid::SERVICE, Jid::to_non_device)
    }

    /// This device, in the namespace that the recipient is addressed in.
    pub(super) fn sending_device(&self, destination: &Jid) -> Jid {
        let own = if destination.is_lid() { self.device.lid.as_ref() } else { self.device.jid.as_ref() };
        own.or(self.device.jid.as_ref()).cloned().unwrap_or(Jid::SERVICE)
    }

    pub(super) fn push_name(&self) -> Option<&str> {
        self.config.push_name.as_deref().or(self.device.push_name.as_deref())
    }

    /// Presence, and with it visible receipts, needs a name.
    pub(super) fn is_available(&self) -> bool {
        self.config.available && self.push_name().is_some()
    }
}
