//! Companion against primary, and every way in which a pairing can be wrong.
use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;
use rand::{SeedableRng, rngs::StdRng};
use zeroize::Zeroizing;

use super::{
    adv::{self, AdvError},
    code::{PairCode, PrimaryHello},
    qr::{ClientType, QrCode, QrError},
    stanza::{self, PairError, PairSuccess},
};
use crate::{
    binary::{Node, Stanza},
    crypto::{KeyPair, PublicKey},
    jid::Jid,
    proto::adv as proto,
    sim::primary::{Candidate, TypedCode, accept_companion, sign_companion, sign_key_index_list},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

fn parties() -> (StdRng, KeyPair, KeyPair, [u8; 32]) {
    let mut rng = StdRng::seed_from_u64(5);
    let (phone, companion) = (KeyPair::generate(&mut rng), KeyPair::generate(&mut rng));
    (rng, phone, companion, [9; 32])
}

fn candidate(companion: &KeyPair, secret: [u8; 32]) -> Candidate {
    Candidate { identity: companion.public(), adv_secret: Zeroizing::new(secret) }
}

#[test]
fn both_sides_sign_and_verify() {
    let (mut rng, phone, companion, secret) = parties();
    let signed = sign_companion(&phone, &candidate(&companion, secret), 7, 3, NOW, &mut rng);
    let linked = adv::link(&signed.sealed, &secret, &companion, &mut rng).unwrap();
    assert_eq!((linked.key_index, linked.account_key), (3, phone.public()));
    let reply = proto::SignedDeviceIdentity::decode(linked.reply.clone()).unwrap();
    assert!(reply.account_signature_key.is_none(), "the server is answered without the account's key");
    let full = accept_companion(&linked.reply, &signed, &phone.public(), &companion.public()).unwrap();
    assert_eq!(full, linked.account);
    // The checks of other devices.
    let (phone, companion) = (phone.public(), companion.public());
    let verify = |key, account: Option<PublicKey>| adv::verify_companion(&full, key, account.as_ref());
    let proven = adv::CompanionIdentity { account: phone, key_index: Some(3) };
    assert_eq!(verify(&companion, None), Ok(proven));
    assert_eq!(verify(&companion, Some(phone)), Ok(proven));
    assert_eq!(verify(&phone, None), Err(AdvError::AccountSignature));
    assert_eq!(verify(&companion, Some(companion)), Err(AdvError::AccountSignature));
    let mut spoiled = proto::SignedDeviceIdentity::decode(full.clone()).unwrap();
    spoiled.device_signature = Some(Bytes::from_static(&[1; 64]));
    let spoiled = adv::verify_companion(&spoiled.encode_to_vec(), &companion, None);
    assert_eq!(spoiled, Err(AdvError::DeviceSignature));
}

#[test]
fn each_pairing_failure_has_its_answer() {
    let (mut rng, phone, companion, secret) = parties();
    let signed = sign_companion(&phone, &candidate(&companion, secret), 7, 3, NOW, &mut rng);
    let other_secret = adv::link(&signed.sealed, &[8; 32], &companion, &mut rng);
    assert_eq!(other_secret, Err(PairError::HmacMismatch));
    // Signed for another device, with the right secret.
    let other = sign_companion(&phone, &candidate(&phone, secret), 7, 3, NOW, &mut rng);
    assert_eq!(adv::link(&other.sealed, &secret, &companion, &mut rng), Err(PairError::SignatureMismatch));
    assert_eq!(adv::link(b"\xff\xff", &secret, &companion, &mut rng), Err(PairError::Malformed));
    assert_eq!(adv::link(b"", &secret, &companion, &mut rng), Err(PairError::Malformed));
    let answer = Stanza::from(&stanza::pair_error("5", PairError::HmacMismatch));
    let error = answer.root().child("error").unwrap();
    assert_eq!((answer.root().attr_text("type"), answer.root().attr_text("id")), (Some("error"), Some("5")));
    assert_eq!((error.attr_text("code"), error.attr_text("text")), (Some("401"), Some("hmac-mismatch")));
}

#[test]
fn key_index_lists() {
    let (mut rng, phone, companion, _) = parties();
    let bytes = sign_key_index_list(&phone, 7, (5, &[0, 2, 5]), NOW, &mut rng);
    let list = adv::verify_key_index_list(&bytes, Some(&phone.public())).unwrap();
    let allowed: Vec<u32> = (0..8).filter(|index| list.indexes.allows(*index)).collect();
    assert_eq!(allowed, [0, 2, 5, 6, 7], "what is newer than the list is not held against it");
    assert!(adv::verify_key_index_list(&bytes, None).is_ok());
    let forged = adv::verify_key_index_list(&bytes, Some(&companion.public()));
    assert_eq!(forged, Err(AdvError::AccountSignature));

    let with_key = |key: Option<&[u8]>| {
        let mut list = proto::SignedKeyIndexList::decode(bytes.clone()).unwrap();
        list.account_signature_key = key.map(Bytes::copy_from_slice);
        list.encode_to_vec()
    };
    let unnamed = with_key(None);
    assert!(adv::verify_key_index_list(&unnamed, None).is_ok(), "nothing to check it against");
    assert!(adv::verify_key_index_list(&unnamed, Some(&phone.public())).is_ok());
    let forged = adv::verify_key_index_list(&unnamed, Some(&companion.public()));
    assert_eq!(forged, Err(AdvError::AccountSignature));
    assert_eq!(adv::verify_key_index_list(&with_key(Some(&[1; 31])), None), Err(AdvError::Malformed));
}

#[test]
fn pairing_by_code_exchanges_the_secret() {
    let (mut rng, phone, companion, _) = parties();
    let code = PairCode::generate(&mut rng);
    let typed = PairCode::parse(&code.display().to_lowercase()).unwrap();
    let (mut waiting, hello) = code.clone().hello(&mut rng);
    waiting.set_reference(b"ref".to_vec());
    let (phone_side, wrapped) = TypedCode::enter(&typed, &hello, &mut rng);
    let answer =
        PrimaryHello { reference: b"ref".to_vec(), wrapped_ephemeral: wrapped, identity: phone.public() };
    let finish = waiting.primary_hello(&answer, &companion, &mut rng).unwrap();
    let candidate = phone_side.finish(&phone, &finish.bundle).unwrap();
    assert_eq!((candidate.identity, &candidate.adv_secret), (companion.public(), &finish.adv_secret));

    // Another code on the phone: pairing fails.
    let (mut waiting, hello) = code.hello(&mut rng);
    waiting.set_reference(b"ref".to_vec());
    let (phone_side, wrapped) = TypedCode::enter(&PairCode::parse("ABCD-1234").unwrap(), &hello, &mut rng);
    let answer = PrimaryHello { wrapped_ephemeral: wrapped, ..answer };
    let finish = waiting.primary_hello(&answer, &companion, &mut rng).unwrap();
    assert!(phone_side.finish(&phone, &finish.bundle).is_none());
}

#[test]
fn mistyped_codes_can_be_typed_again_a_few_times() {
    let (mut rng, phone, companion, _) = parties();
    let code = PairCode::generate(&mut rng);
    let (mut waiting, hello) = code.clone().hello(&mut rng);
    let mut answer =
        PrimaryHello { reference: b"ref".to_vec(), wrapped_ephemeral: hello, identity: phone.public() };
    let early = waiting.primary_hello(&answer, &companion, &mut rng).unwrap_err();
    assert_eq!(early, PairError::OtherPairing, "before the server named a reference");
    waiting.set_reference(b"ref".to_vec());
    for typed in ["ABCD-1234", "ABCD-1235", &code.display()] {
        let (phone_side, wrapped) = TypedCode::enter(&PairCode::parse(typed).unwrap(), &hello, &mut rng);
        answer.wrapped_ephemeral = wrapped;
        let finish = waiting.primary_hello(&answer, &companion, &mut rng).unwrap();
        let candidate = phone_side.finish(&phone, &finish.bundle);
        assert_eq!(candidate.is_some(), typed == code.display());
    }
    let once_more = waiting.primary_hello(&answer, &companion, &mut rng).unwrap_err();
    assert_eq!(once_more, PairError::TooManyAttempts);
}

#[test]
fn an_answer_without_the_account_signature_is_refused() {
    let (mut rng, phone, companion, secret) = parties();
    let signed = sign_companion(&phone, &candidate(&companion, secret), 7, 3, NOW, &mut rng);
    let linked = adv::link(&signed.sealed, &secret, &companion, &mut rng).unwrap();
    let accept = |answer: &proto::SignedDeviceIdentity| {
        accept_companion(&answer.encode_to_vec(), &signed, &phone.public(), &companion.public())
    };
    let good = proto::SignedDeviceIdentity::decode(linked.reply).unwrap();
    assert!(accept(&good).is_some());
    let other = Some(Bytes::from_static(&[1; 64]));
    assert!(
        accept(&proto::SignedDeviceIdentity { account_signature: other.clone(), ..good.clone() }).is_none()
    );
    assert!(accept(&proto::SignedDeviceIdentity { device_signature: other, ..good.clone() }).is_none());
    assert!(accept(&proto::SignedDeviceIdentity { details: None, ..good }).is_none());
}

#[test]
fn a_pair_success_without_companion_address_is_refused() {
    let parse = |jid: &str| {
        let device = Node::new("device").attr("jid", jid.parse::<Jid>().unwrap());
        let identity = Node::new("device-identity").bytes(&b"x"[..]);
        let node = Node::new("iq").child(Node::new("pair-success").children([device, identity]));
        PairSuccess::parse(Stanza::from(&node).root()).map(|success| success.jid.device)
    };
    assert_eq!(parse("15550001111:3@s.whatsapp.net"), Ok(3));
    for refused in ["15550001111@s.whatsapp.net", "15550001111:3@lid", "word:3@s.whatsapp.net"] {
        assert_eq!(parse(refused), Err(PairError::Malformed), "{refused}");
    }
}

#[test]
fn an_answer_to_another_pairing_is_refused() {
    let (mut rng, phone, companion, _) = parties();
    let (mut waiting, hello) = PairCode::generate(&mut rng).hello(&mut rng);
    waiting.set_reference(b"mine".to_vec());
    let answer =
        PrimaryHello { reference: b"other".to_vec(), wrapped_ephemeral: hello, identity: phone.public() };
    assert_eq!(waiting.primary_hello(&answer, &companion, &mut rng).unwrap_err(), PairError::OtherPairing);
}

#[test]
fn qr_codes_are_read_in_all_forms() {
    let (_, phone, companion, secret) = parties();
    let code = QrCode {
        reference: "2@abc".into(),
        noise: phone.public(),
        identity: companion.public(),
        adv_secret: Zeroizing::new(secret),
        client_type: ClientType::Chrome,
    };
    let text = code.to_text();
    assert!(text.starts_with("https://wa.me/settings/linked_devices#2@abc,") && text.ends_with(",1"));
    assert_eq!(QrCode::parse(&text).unwrap(), code);
    let bare = text.split('#').nth(1).unwrap();
    assert_eq!(QrCode::parse(bare).unwrap(), code);
    let four = bare.rsplit_once(',').unwrap().0;
    assert_eq!(QrCode::parse(four).unwrap().client_type, ClientType::Unknown);
    assert_eq!(QrCode::parse("hello"), Err(QrError::Fields(1)));
    assert_eq!(QrCode::parse(&bare.replacen("2@abc", "", 1)), Err(QrError::NoReference));
    assert_eq!(QrCode::parse("a,b,c,d"), Err(QrError::Field("noise key")));
    assert_eq!(QrCode::parse(&"x".repeat(3000)), Err(QrError::TooLong));
    assert!(!format!("{code:?}").contains("CQkJ"), "the secret is not shown");
}

proptest! {
    #[test]
    fn arbitrary_input_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,200}") {
        let (mut rng, phone, companion, secret) = parties();
        let _ = adv::link(&bytes, &secret, &companion, &mut rng);
        let _ = adv::verify_companion(&bytes, &phone.public(), None);
        let _ = adv::verify_key_index_list(&bytes, None);
        let _ = QrCode::parse(&text);
        let _ = PairCode::parse(&text);
        let node = Node::new("iq").child(Node::new("pair-success")
            .child(Node::new("device").attr("jid", Jid::pn("1")))
            .child(Node::new("device-identity").bytes(bytes)));
        let stanza = Stanza::from(&node);
        let _ = PairSuccess::parse(stanza.root());
        let _ = stanza::parse_primary_hello(stanza.root());
    }
}
