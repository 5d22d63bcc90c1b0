//! This device: its keys, and what the service and the phone said of it.
use prost::Message;
use rand::{CryptoRng, RngExt};
use whatsapp_store::DeviceRecord;
use zeroize::{Zeroize, Zeroizing};

use crate::{
    crypto::{KeyPair, PrivateKey},
    error::Error,
    jid::Jid,
    proto::record,
    signal::{LocalIdentity, SignedPreKey},
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
    signed_pre_key: SignedPreKey,
    signed_pre_key_created_at: Timestamp,
    next_pre_key_id: u32,
    pub(crate) jid: Option<Jid>,
    pub(crate) lid: Option<Jid>,
    /// The serialized whatsapp.adv.SignedDeviceIdentity.
    pub(crate) account: Option<Vec<u8>>,
    pub(crate) push_name: Option<String>,
    pub(crate) edge_routing: Option<Vec<u8>>,
    pub(crate) login_counter: u32,
}

impl Device {
    /// New keys, not linked.
    pub(crate) fn generate(now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let identity = KeyPair::generate(rng);
        let signed_pre_key = SignedPreKey::generate(1, &identity, rng);
        let mut adv_secret = Zeroizing::new([0; 32]);
        rng.fill(&mut adv_secret[..]);
        Self {
            noise: KeyPair::generate(rng),
            // Registration ids are 14 bits wide; 0 is not used.
            identity: LocalIdentity { key: identity, registration_id: rng.random_range(1..=0x3fff) },
            adv_secret,
            signed_pre_key,
            signed_pre_key_created_at: now,
            next_pre_key_id: 1,
            jid: None,
            lid: None,
            account: None,
            push_name: None,
            edge_routing: None,
            login_counter: 0,
        }
    }

    /// The signed prekey to publish.
    pub(crate) const fn current_signed_pre_key(&self) -> &SignedPreKey {
        &self.signed_pre_key
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

    /// Own address without device by LID if known, else by number; `None` before linking.
    pub(crate) fn canonical(&self) -> Option<Jid> {
        self.lid.as_ref().or(self.jid.as_ref()).map(Jid::to_non_device)
    }

    /// Is this one of our own addresses (whatever the device)?
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
            signed_pre_key: Some(record::SignedPreKey {
                id: self.signed_pre_key.id,
                private: self.signed_pre_key.key.private().expose().to_vec(),
                signature: self.signed_pre_key.signature.to_vec(),
                created_at: self.signed_pre_key_created_at.as_millis(),
            }),
            next_pre_key_id: self.next_pre_key_id,
            jid: jid.clone(),
            lid: lid.clone(),
            account: self.account.clone(),
            push_name: self.push_name.clone(),
            edge_routing: self.edge_routing.clone(),
            login_counter: self.login_counter,
        };
        let bytes = state.encode_to_vec().into();
        wipe(state);
        DeviceRecord { jid, lid, state: bytes }
    }

    /// # Errors
    /// [`Error::Stored`] when the record is not one of ours.
    pub(crate) fn from_record(stored: &DeviceRecord) -> Result<Self, Error> {
        let mut state =
            record::Device::decode(&stored.state[..]).map_err(|_| Error::Stored("the device record"))?;
        let device = Self::from_state(&mut state);
        wipe(state);
        device.ok_or(Error::Stored("the device record"))
    }

    fn from_state(state: &mut record::Device) -> Option<Self> {
        let pair = |bytes: &[u8]| PrivateKey::from_raw(bytes).map(KeyPair::from).ok();
        let address = |text: &Option<String>| text.as_deref().map(str::parse::<Jid>).transpose().ok();
        let signed = state.signed_pre_key.as_ref()?;
        Some(Self {
            noise: pair(&state.noise_private)?,
            identity: LocalIdentity {
                key: pair(&state.identity_private)?,
                registration_id: state.registration_id,
            },
            adv_secret: Zeroizing::new(state.adv_secret.as_slice().try_into().ok()?),
            signed_pre_key: SignedPreKey {
                id: signed.id,
                key: pair(&signed.private)?,
                signature: signed.signature.as_slice().try_into().ok()?,
            },
            signed_pre_key_created_at: Timestamp::from_millis(signed.created_at),
            next_pre_key_id: state.next_pre_key_id.clamp(1, MAX_PRE_KEY_ID),
            jid: address(&state.jid)?,
            lid: address(&state.lid)?,
            account: state.account.take(),
            push_name: state.push_name.take(),
            edge_routing: state.edge_routing.take(),
            login_counter: state.login_counter,
        })
    }
}

fn wipe(mut state: record::Device) {
    state.noise_private.zeroize();
    state.identity_private.zeroize();
    state.adv_secret.zeroize();
    if let Some(signed) = &mut state.signed_pre_key {
        signed.private.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

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
    fn pre_key_ids_wrap() {
        let mut device = Device::generate(Timestamp::default(), &mut StdRng::seed_from_u64(1));
        device.next_pre_key_id = MAX_PRE_KEY_ID;
        assert_eq!(device.take_pre_key_ids(2), [MAX_PRE_KEY_ID, 1]);
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
