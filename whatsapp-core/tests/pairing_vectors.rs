//! A pairing by code of a whole Baileys socket (testdata/pairing/generate.mjs): our half says the same, and our phone
//! understands its half.
#![cfg(feature = "sim")]
#![allow(clippy::unwrap_used)]
mod draws;

use bytes::Bytes;
use draws::{Draws, hex, key, vectors};
use serde_json::Value as Json;
use whatsapp_core::{
    binary::{Node, Stanza, unpack},
    crypto::KeyPair,
    jid::Jid,
    pairing::{
        adv::{self, AdvError},
        code::{Finish, PairCode, WrappedKey},
        qr::{ClientType, QrCode},
        stanza::{self, PairError, PairSuccess},
    },
    sim::primary::{self, Signed, TypedCode},
};

struct Vectors(Json);

impl Vectors {
    fn load() -> Self {
        Self(vectors("pairing"))
    }

    fn key(&self, name: &str) -> KeyPair {
        key(&self.0["keys"][name])
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        hex(&self.0[name])
    }

    fn secret(&self, name: &str) -> [u8; 32] {
        self.bytes(name).try_into().unwrap()
    }

    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap()
    }

    fn stanza(&self, json: &Json) -> Stanza {
        let json = if json["stanza"].is_null() { json } else { &json["stanza"] };
        unpack(hex(json).into()).unwrap()
    }

    fn named(&self, name: &str) -> Stanza {
        self.stanza(&self.0[name])
    }

    fn draws(&self, step: &str, key: Option<&KeyPair>) -> Draws {
        let drawn: Vec<Vec<u8>> = self.0[step]["random"].as_array().unwrap().iter().map(hex).collect();
        let mut parts: Vec<&[u8]> = key.map(|key| &key.private().expose()[..]).into_iter().collect();
        parts.extend(drawn.iter().map(Vec::as_slice));
        Draws::new(&parts)
    }

    fn phone(&self) -> Jid {
        Jid::pn(self.text("number"))
    }

    /// Our half up to its last word.
    fn finish(&self) -> Finish {
        let code = PairCode::parse(self.text("code")).unwrap();
        let (mut waiting, _) =
            code.hello(&mut self.draws("companion_hello", Some(&self.key("companion_ephemeral"))));
        let answer = self.named("companion_hello_answer");
        waiting.set_reference(stanza::parse_pairing_ref(answer.root()).unwrap());
        let hello = stanza::parse_primary_hello(self.named("primary_hello").root()).unwrap();
        let mut draws = self.draws("companion_finish", None);
        let finish = waiting.primary_hello(&hello, &self.key("companion"), &mut draws).unwrap();
        assert_eq!(draws.left(), 0);
        finish
    }
}

/// Compares a stanza of ours with one of theirs, but for the ids: tags, attributes, and content as bytes.
fn assert_same(ours: &Node, theirs: &Stanza) {
    fn describe(node: whatsapp_core::binary::NodeRef<'_>, depth: usize, out: &mut Vec<String>) {
        let mut attributes: Vec<String> = node
            .attributes()
            .filter(|(key, _)| *key != "id")
            .map(|(key, value)| {
                format!("{key}={}", value.to_jid().map_or(format!("{value:?}"), |jid| jid.to_string()))
            })
            .collect();
        attributes.sort();
        let content = node.content_text().map(|text| text.as_bytes().to_vec());
        let content = content.or_else(|| node.bytes().map(|bytes| bytes.to_vec()));
        out.push(format!("{depth} {} {attributes:?} {content:?}", node.tag()));
        node.children().for_each(|child| describe(child, depth + 1, out));
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    describe(Stanza::from(ours).root(), 0, &mut left);
    describe(theirs.root(), 0, &mut right);
    // Ours has one zero byte there, as whatsmeow and whatsapp-rust have; Baileys has the character 0.
    for line in left.iter_mut().chain(&mut right).filter(|line| line.contains("link_code_pairing_nonce")) {
        *line = line.replace("Some([48])", "Some([0])");
    }
    assert_eq!(left, right);
}

#[test]
fn qr() {
    let vectors = Vectors::load();
    let code = QrCode::parse(vectors.text("qr")).unwrap();
    assert_eq!(code.reference, "2@ref1");
    assert_eq!(code.noise, vectors.key("noise").public());
    assert_eq!(code.identity, vectors.key("companion").public());
    assert_eq!(*code.adv_secret, vectors.secret("first_adv_secret"));
    assert_eq!(code.client_type, ClientType::Chrome);
    assert_eq!(code.to_text(), vectors.text("qr"));
}

#[test]
fn companion_hello() {
    let vectors = Vectors::load();
    let code = PairCode::parse(vectors.text("code")).unwrap();
    let mut draws = vectors.draws("companion_hello", Some(&vectors.key("companion_ephemeral")));
    let (_, wrapped) = code.hello(&mut draws);
    assert_eq!(draws.left(), 0);
    let ours = stanza::companion_hello(&vectors.phone(), &wrapped, &vectors.key("noise").public());
    assert_same(&ours, &vectors.named("companion_hello"));
}

#[test]
fn companion_finish() {
    let vectors = Vectors::load();
    let finish = vectors.finish();
    assert_eq!(*finish.adv_secret, vectors.secret("adv_secret"));
    let ours = stanza::companion_finish(&vectors.phone(), &finish, &vectors.key("companion").public());
    assert_same(&ours, &vectors.named("companion_finish"));
}

#[test]
fn the_phone_understands_baileys() {
    let vectors = Vectors::load();
    let code = PairCode::parse(vectors.text("code")).unwrap();
    let hello = vectors.named("companion_hello");
    let registration = hello.root().child("link_code_companion_reg").unwrap();
    let wrapped = registration.child_bytes("link_code_pairing_wrapped_companion_ephemeral_pub").unwrap();
    let mut draws = vectors.draws("primary_hello", Some(&vectors.key("phone_ephemeral")));
    let (typed, answer) = TypedCode::enter(&code, &WrappedKey(wrapped[..].try_into().unwrap()), &mut draws);
    let theirs = stanza::parse_primary_hello(vectors.named("primary_hello").root()).unwrap();
    assert_eq!(answer, theirs.wrapped_ephemeral);

    let finish = vectors.named("companion_finish");
    let registration = finish.root().child("link_code_companion_reg").unwrap();
    let bundle = registration.child_bytes("link_code_pairing_wrapped_key_bundle").unwrap();
    let candidate = typed.finish(&vectors.key("phone"), bundle).unwrap();
    assert_eq!(candidate.identity, vectors.key("companion").public());
    assert_eq!(*candidate.adv_secret, vectors.secret("adv_secret_at_companion"));
}

#[test]
fn pair_success() {
    let vectors = Vectors::load();
    let success = PairSuccess::parse(vectors.named("pair_success").root()).unwrap();
    assert_eq!(success.jid.to_string(), vectors.text("jid"));
    assert_eq!(success.lid.as_ref().unwrap().to_string(), vectors.text("lid"));

    let (phone, companion) = (vectors.key("phone"), vectors.key("companion"));
    let random = [7; 64];
    let link = |secret: &str| {
        let draws = &mut Draws::new(&[&random]);
        adv::link(&success.device_identity, &vectors.secret(secret), &companion, draws)
    };
    assert_eq!(link("first_adv_secret"), Err(PairError::HmacMismatch), "the secret of the QR code is void");
    let linked = link("adv_secret").unwrap();
    assert_eq!((linked.key_index, linked.account_key), (3, phone.public()));

    // All but our signature, the last 64 bytes of it, is what Baileys answers and keeps.
    let answer = vectors.named("pair_device_sign");
    let sign = answer.root().child("pair-device-sign").unwrap();
    let theirs = sign.child_bytes("device-identity").unwrap();
    let unsigned = theirs.len() - 64;
    assert_eq!(linked.reply[..unsigned], theirs[..unsigned]);
    let account = vectors.bytes("account");
    assert_eq!(linked.account[..account.len() - 64], account[..account.len() - 64]);
    assert_eq!(linked.account.len(), account.len());
    let with_their_signature = [&linked.reply[..unsigned], &theirs[unsigned..]].concat();
    let node = stanza::pair_device_sign("success-1", linked.key_index, with_their_signature.into());
    assert_same(&node, &answer);

    // Our phone accepts what Baileys signed, and so do other devices.
    let details = adv_details(theirs);
    let signed = Signed { sealed: Bytes::new(), details };
    let shown = primary::accept_companion(theirs, &signed, &phone.public(), &companion.public()).unwrap();
    assert_eq!(shown, account);
    assert_eq!(
        adv::verify_companion(&account, &companion.public(), None).map(|it| it.account),
        Ok(phone.public())
    );
    let proven = adv::verify_companion(theirs, &companion.public(), Some(&phone.public()));
    assert_eq!(proven.map(|it| it.account), Ok(phone.public()));
}

/// The first field of a SignedDeviceIdentity.
fn adv_details(identity: &[u8]) -> Bytes {
    assert_eq!(identity[0], 0x0a);
    Bytes::copy_from_slice(&identity[2..2 + usize::from(identity[1])])
}

/// Changing any byte is detected. When the account's key is known, so is any change to what others see.
#[test]
fn changed_identities_are_refused() {
    let vectors = Vectors::load();
    let (phone, companion) = (vectors.key("phone").public(), vectors.key("companion"));
    let success = PairSuccess::parse(vectors.named("pair_success").root()).unwrap();
    let secret = vectors.secret("adv_secret");
    let changed = |bytes: &[u8], at: usize| {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1;
        changed
    };
    for at in 0..success.device_identity.len() {
        let identity = changed(&success.device_identity, at);
        assert!(
            adv::link(&identity, &secret, &companion, &mut Draws::new(&[&[7; 64]])).is_err(),
            "byte {at}"
        );
    }
    let answer = vectors.named("pair_device_sign");
    let shown = answer.root().child("pair-device-sign").unwrap().child_bytes("device-identity").unwrap();
    assert_eq!(adv::verify_companion(shown, &companion.public(), None), Err(AdvError::UnknownAccount));
    for at in 0..shown.len() {
        let refused = adv::verify_companion(&changed(shown, at), &companion.public(), Some(&phone));
        assert!(refused.is_err(), "byte {at}");
    }
    let list = vectors.bytes("key_index_list");
    let key_at = list.len() - 32;
    for at in 0..key_at {
        let refused = adv::verify_key_index_list(&changed(&list, at), Some(&phone));
        // The last tag and length belong to the account's key, which is known here.
        assert!(refused.is_err() || at >= key_at - 2, "byte {at}");
    }
}

#[test]
fn hosted_accounts_sign_under_other_prefixes() {
    let vectors = Vectors::load();
    let companion = vectors.key("companion");
    let sealed = vectors.bytes("hosted_device_identity");
    let linked =
        adv::link(&sealed, &vectors.secret("first_adv_secret"), &companion, &mut Draws::new(&[&[7; 64]]))
            .unwrap();
    assert_eq!(linked.account_key, vectors.key("phone").public());
    assert!(adv::verify_companion(&linked.account, &companion.public(), None).is_ok());
}

#[test]
fn key_index_list() {
    let vectors = Vectors::load();
    let phone = vectors.key("phone").public();
    let list = adv::verify_key_index_list(&vectors.bytes("key_index_list"), Some(&phone)).unwrap();
    assert_eq!(list.timestamp, 1_790_000_000);
    let allowed: Vec<u32> = (0..8).filter(|index| list.indexes.allows(*index)).collect();
    assert_eq!(allowed, [0, 2, 5, 6, 7]);
}
