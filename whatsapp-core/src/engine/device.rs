//! This device: its keys, and the data that the server and the phone gave it.
use std::time::Duration;

use prost::Message;
use rand::{CryptoRng, RngExt};
use whatsapp_store::DeviceRecord;
use zeroize::Zeroizing;

use super::retry_pre_keys::RetryPreKeys;
use crate::{
    crypto::{self, KeyPair, PrivateKey, PublicKey},
    error::Error,
    jid::Jid,
    noise::TrustRoot,
    proto::record,
    signal::{LocalIdentity, SignedPreKey, SignedPreKeys},
    time::Timestamp,
};

/// One-time prekey ids are 24 bits wide and start again at 1.
const MAX_PRE_KEY_ID: u32 = 0x00ff_ffff;

/// The state of one device, linked or not.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) noise: KeyPair,
    pub(crate) identity: LocalIdentity,
    pub(crate) adv_secret: Zeroizing<[u8; 32]>,
    pub(crate) signed_pre_keys: SignedPreKeys,
    next_pre_key_id: u32,
    pub(crate) jid: Option<Jid>,
    pub(crate) lid: Option<Jid>,
    /// The serialized whatsapp.adv.SignedDeviceIdentity.
    pub(crate) account: Option<Vec<u8>>,
    pub(crate) push_name: Option<String>,
    pub(crate) edge_routing: Option<Vec<u8>>,
    pub(crate) logins: Logins,
    pub(crate) retry_pre_keys: RetryPreKeys,
}

/// What became of this device at the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Logins {
    /// Successful ones.
    pub(crate) count: u32,
    /// The trust root of the server that last accepted the device, when it was linked or logged in.
    pub(crate) trust_root: Option<TrustRoot>,
    /// When the server said that the device is no longer linked.
    pub(crate) logged_out_at: Option<Timestamp>,
}

impl Device {
    /// New keys, not linked.
    pub(crate) fn generate(now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let identity = KeyPair::generate(rng);
        let signed_pre_keys = SignedPreKeys::generate(&identity, now, rng);
        let mut adv_secret = Zeroizing::new([0; 32]);
        rng.fill(&mut adv_secret[..]);
        Self {
            noise: KeyPair::generate(rng),
            // Registration ids are 14 bits wide; 0 is not used.
            identity: LocalIdentity { key: identity, registration_id: rng.random_range(1..=0x3fff) },
            adv_secret,
            signed_pre_keys,
            next_pre_key_id: 1,
            jid: None,
            lid: None,
            account: None,
            push_name: None,
            edge_routing: None,
            logins: Logins::default(),
            retry_pre_keys: RetryPreKeys::default(),
        }
    }

    /// The signed prekey to publish.
    pub(crate) fn current_signed_pre_key(&self) -> &SignedPreKey {
        self.signed_pre_keys.current()
    }

    /// The signed prekey with this id, current or former: what a `pkmsg` names.
    pub(crate) fn signed_pre_key(&self, id: u32) -> Option<&SignedPreKey> {
        self.signed_pre_keys.find(id)
    }

    /// Takes the next `count` ids for one-time prekeys.
    pub(crate) fn take_pre_key_ids(&mut self, count: u32) -> Vec<u32> {
        (0..count)
            .map(|_| {
                let id = self.next_pre_key_id;
                self.next_pre_key_id = if id >= MAX_PRE_KEY_ID { 1 } else { id + 1 };
                id
            })
            .collect()
    }

    /// The id that was taken `before` ids earlier; ids wrap around.
    pub(crate) const fn former_pre_key_id(id: u32, before: u32) -> u32 {
        (id - 1 + MAX_PRE_KEY_ID - before) % MAX_PRE_KEY_ID + 1
    }

    /// Own address without device by LID if known, else by number; `None` before linking.
    pub(crate) fn canonical(&self) -> Option<Jid> {
        self.lid.as_ref().or(self.jid.as_ref()).map(Jid::to_non_device)
    }

    /// Is this one of our own addresses, with any device?
    pub(crate) fn is_own(&self, jid: &Jid) -> bool {
        [&self.jid, &self.lid].into_iter().flatten().any(|own| own.same_user(jid))
    }

    pub(crate) fn to_record(&self) -> DeviceRecord {
        let jid = self.jid.as_ref().map(ToString::to_string);
        let lid = self.lid.as_ref().map(ToString::to_string);
        let state = record::Device {
            noise_private: self.noise.private().expose().to_vec(),
            identity_private: self.identity.key.private().expose().to_vec(),
            registration_id: self.identity.registration_id,
            adv_secret: self.adv_secret.to_vec(),
            signed_pre_keys: self.signed_pre_keys.iter().map(encode_signed_pre_key).collect(),
            next_pre_key_id: self.next_pre_key_id,
            jid: jid.clone(),
            lid: lid.clone(),
            account: self.account.clone(),
            push_name: self.push_name.clone(),
            edge_routing: self.edge_routing.clone(),
            login_counter: self.logins.count,
            retry_pre_keys: self.retry_pre_keys.to_proto(),
            trust_root: self.logins.trust_root.map(|root| root.0.as_bytes().to_vec()),
            logged_out_at: self.logins.logged_out_at.map(Timestamp::as_millis),
        };
        DeviceRecord { jid, lid, state: crypto::encode_secret(&state) }
    }

    /// # Errors
    /// [`Error::Stored`] when the record was not written by this library.
    pub(crate) fn from_record(stored: &DeviceRecord) -> Result<Self, Error> {
        let mut state =
            record::Device::decode(&stored.state[..]).map_err(|_| Error::Stored("the device record"))?;
        Self::from_state(&mut state).ok_or(Error::Stored("the device record"))
    }

    fn from_state(state: &mut record::Device) -> Option<Self> {
        let address = |text: &Option<String>| text.as_deref().map(str::parse::<Jid>).transpose().ok();
        Some(Self {
            noise: key_pair(&state.noise_private)?,
            identity: LocalIdentity {
                key: key_pair(&state.identity_private)?,
                registration_id: state.registration_id,
            },
            adv_secret: Zeroizing::new(state.adv_secret.as_slice().try_into().ok()?),
            signed_pre_keys: SignedPreKeys::from_newest_first(
                state.signed_pre_keys.iter().map(decode_signed_pre_key),
            )?,
            next_pre_key_id: state.next_pre_key_id.clamp(1, MAX_PRE_KEY_ID),
            jid: address(&state.jid)?,
            lid: address(&state.lid)?,
            account: state.account.take(),
            push_name: state.push_name.take(),
            edge_routing: state.edge_routing.take(),
            logins: Logins {
                count: state.login_counter,
                trust_root: match &state.trust_root {
                    Some(root) => Some(TrustRoot(PublicKey::from_raw(root).ok()?)),
                    None => None,
                },
                logged_out_at: state.logged_out_at.map(Timestamp::from_millis),
            },
            retry_pre_keys: RetryPreKeys::from_proto(&state.retry_pre_keys)?,
        })
    }
}

/// How long the keys of a device are kept after the server said that it is no longer linked.
pub const LOGGED_OUT_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// When the server said that a stored device is no longer linked; `None` for devices that are.
///
/// # Errors
/// [`Error::Stored`] when the record is not readable.
pub fn logged_out_at(stored: &DeviceRecord) -> Result<Option<Timestamp>, Error> {
    Ok(Device::from_record(stored)?.logins.logged_out_at)
}

/// The record of a device that was logged out, as it was before: for a server that was wrong about it. Store it while no client of
/// the account runs. `None` when the device was not logged out.
///
/// # Errors
/// [`Error::Stored`] when the record is not readable.
pub fn restored(stored: &DeviceRecord) -> Result<Option<DeviceRecord>, Error> {
    let mut device = Device::from_record(stored)?;
    Ok(device.logins.logged_out_at.take().map(|_| device.to_record()))
}

fn key_pair(private: &[u8]) -> Option<KeyPair> {
    PrivateKey::from_raw(private).map(KeyPair::from).ok()
}

fn encode_signed_pre_key((key, created_at): (&SignedPreKey, Timestamp)) -> record::SignedPreKey {
    record::SignedPreKey {
        id: key.id,
        private: key.key.private().expose().to_vec(),
        signature: key.signature.to_vec(),
        created_at: created_at.as_millis(),
    }
}

fn decode_signed_pre_key(stored: &record::SignedPreKey) -> Option<(SignedPreKey, Timestamp)> {
    let key = key_pair(&stored.private)?;
    let signature = stored.signature.as_slice().try_into().ok()?;
    Some((SignedPreKey { id: stored.id, key, signature }, Timestamp::from_millis(stored.created_at)))
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;
    use crate::crypto::assert_wiped_when_dropped;

    #[test]
    fn survives_storage() {
        let mut rng = StdRng::seed_from_u64(9);
        let mut device = Device::generate(Timestamp::from_secs(7), &mut rng);
        device.jid = Some("4915:3@s.whatsapp.net".parse().unwrap());
        device.lid = Some("77:3@lid".parse().unwrap());
        device.account = Some(vec![1, 2]);
        assert_eq!(device.take_pre_key_ids(3), [1, 2, 3]);
        let record = device.to_record();
        let mut again = Device::from_record(&record).unwrap();
        assert_eq!(again.to_record(), record);
        assert_eq!(again.take_pre_key_ids(1), [4]);
        assert!(again.is_own(&Jid::lid("77").with_device(9)) && !again.is_own(&Jid::pn("77")));
        let debug = format!("{device:?} {record:?}");
        let secret = format!("{:?}", &device.adv_secret[..4]);
        assert!(!debug.contains(secret.trim_matches(['[', ']'])), "{debug}");
    }

    #[test]
    fn signed_prekeys_keep_their_ids_and_times_in_storage() {
        let (mut rng, start) = (StdRng::seed_from_u64(3), Timestamp::from_secs(1_790_000_000));
        let mut device = Device::generate(start, &mut rng);
        let mut rotations = vec![start];
        for _ in 0..3 {
            let now = device.signed_pre_keys.next_rotation();
            device.signed_pre_keys.rotate(&device.identity.key, now, &mut rng);
            rotations.push(now);
        }
        let again = Device::from_record(&device.to_record()).unwrap();
        assert_eq!(again.current_signed_pre_key().id, 4);
        let stored: Vec<_> =
            again.signed_pre_keys.iter().map(|(key, created_at)| (key.id, created_at)).collect();
        assert_eq!(stored, [(4, rotations[3]), (3, rotations[2]), (2, rotations[1])]);
        for id in 2..=4 {
            let (before, after) = (device.signed_pre_key(id).unwrap(), again.signed_pre_key(id).unwrap());
            assert_eq!((before.key.public(), before.signature), (after.key.public(), after.signature));
        }
        assert!(again.signed_pre_key(1).is_none());
        assert_eq!(again.signed_pre_keys.next_rotation(), device.signed_pre_keys.next_rotation());
    }

    #[test]
    fn a_record_with_a_wrong_number_of_signed_prekeys_is_refused() {
        let device = Device::generate(Timestamp::default(), &mut StdRng::seed_from_u64(1));
        let good = device.to_record();
        for count in [0, 200] {
            let mut state = record::Device::decode(good.state.clone()).unwrap();
            state.signed_pre_keys = vec![state.signed_pre_keys[0].clone(); count];
            let changed = DeviceRecord { state: state.encode_to_vec().into(), ..good.clone() };
            assert!(matches!(Device::from_record(&changed), Err(Error::Stored(_))), "{count}");
        }
    }

    #[test]
    fn records_are_wiped() {
        let device = Device::generate(Timestamp::default(), &mut StdRng::seed_from_u64(1));
        assert_wiped_when_dropped(device.to_record().state);
    }

    #[test]
    fn pre_key_ids_wrap() {
        let mut device = Device::generate(Timestamp::default(), &mut StdRng::seed_from_u64(1));
        device.next_pre_key_id = MAX_PRE_KEY_ID;
        assert_eq!(device.take_pre_key_ids(2), [MAX_PRE_KEY_ID, 1]);
        assert_eq!([1, 5].map(|id| Device::former_pre_key_id(id, 4)), [MAX_PRE_KEY_ID - 3, 1]);
    }

    #[test]
    fn damaged_records_are_errors() {
        let good = Device::generate(Timestamp::default(), &mut StdRng::seed_from_u64(1)).to_record();
        for cut in 0..good.state.len() {
            let cut = DeviceRecord { state: good.state.slice(..cut), ..good.clone() };
            let _ = Device::from_record(&cut);
        }
        let garbage = DeviceRecord { state: vec![0xff; 40].into(), ..good };
        assert!(matches!(Device::from_record(&garbage), Err(Error::Stored(_))));
    }
}
