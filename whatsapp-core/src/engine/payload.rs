//! The client payload of the handshake: a registration when the device is not linked, else a login (protocol notes 2.3).
use bytes::Bytes;
use md5::{Digest, Md5};
use prost::Message as _;

use super::own::Own;
use crate::{crypto::PublicKey, proto::payload};

impl Own {
    /// The serialized ClientPayload.
    pub(super) fn client_payload(&self) -> Vec<u8> {
        let profile = &self.config.profile;
        let [primary, secondary, tertiary] = profile.version;
        let version = payload::AppVersion {
            primary: Some(primary),
            secondary: Some(secondary),
            tertiary: Some(tertiary),
            quaternary: None,
        };
        let mut client = payload::ClientPayload {
            user_agent: Some(payload::UserAgent {
                platform: Some(PLATFORM_WEB),
                app_version: Some(version),
                mcc: Some("000".into()),
                mnc: Some("000".into()),
                os_version: Some("0.1".into()),
                manufacturer: Some(String::new()),
                device: Some("Desktop".into()),
                os_build_number: Some("0.1".into()),
                release_channel: Some(RELEASE),
                locale_language: Some(profile.language.clone()),
                locale_country: Some(profile.country.clone()),
            }),
            web_info: Some(payload::WebInfo { web_sub_platform: Some(WEB_BROWSER) }),
            push_name: self.push_name().map(str::to_owned),
            connect_type: Some(WIFI_UNKNOWN),
            connect_reason: Some(USER_ACTIVATED),
            ..payload::ClientPayload::default()
        };
        match &self.device.jid {
            Some(jid) => {
                client.username = jid.user.parse().ok();
                client.device = Some(jid.device.into());
                client.passive = Some(profile.passive());
                client.pull = Some(true);
                client.lid_db_migrated = Some(profile.lid_db_migrated());
                client.lc = profile.login_counter(self.device.logins.count);
            }
            None => {
                client.passive = Some(false);
                client.pull = Some(false);
                client.device_pairing_data = Some(self.registration());
            }
        }
        client.encode_to_vec()
    }

    fn registration(&self) -> payload::DevicePairingData {
        let [primary, secondary, tertiary] = self.config.profile.version;
        let build = Md5::digest(format!("{primary}.{secondary}.{tertiary}").as_bytes());
        let props = payload::DeviceProps {
            os: Some(self.config.profile.os.clone()),
            version: Some(payload::AppVersion {
                primary: Some(0),
                secondary: Some(1),
                tertiary: Some(0),
                quaternary: None,
            }),
            platform_type: Some(PLATFORM_CHROME),
            require_full_sync: Some(false),
            history_sync_config: Some(payload::HistorySyncConfig {
                storage_quota_mb: Some(10_240),
                inline_initial_payload_in_e2ee_msg: Some(true),
            }),
        };
        let signed = self.device.current_signed_pre_key();
        payload::DevicePairingData {
            registration_id: Some(Bytes::copy_from_slice(
                &self.device.identity.registration_id.to_be_bytes(),
            )),
            key_type: Some(Bytes::from_static(&[5])),
            identity: Some(raw(&self.device.identity.key.public())),
            signed_prekey_id: Some(Bytes::copy_from_slice(&signed.id.to_be_bytes()[1..])),
            signed_prekey_value: Some(raw(&signed.key.public())),
            signed_prekey_signature: Some(Bytes::copy_from_slice(&signed.signature)),
            build_hash: Some(Bytes::copy_from_slice(&build)),
            device_props: Some(props.encode_to_vec().into()),
        }
    }
}

fn raw(key: &PublicKey) -> Bytes {
    Bytes::copy_from_slice(key.as_bytes())
}

// Numbers of the enums in ClientPayload and DeviceProps (protocol notes 2.3).
const PLATFORM_WEB: i32 = 14;
const RELEASE: i32 = 0;
const WEB_BROWSER: i32 = 0;
const WIFI_UNKNOWN: i32 = 1;
const USER_ACTIVATED: i32 = 1;
const PLATFORM_CHROME: i32 = 1;
