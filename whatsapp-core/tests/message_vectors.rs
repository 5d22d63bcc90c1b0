//! Messages that another implementation encoded, and their contents. The host's interop tests decode ours with it.
#![allow(clippy::unwrap_used)]
use data_encoding::HEXLOWER;
use prost::Message as _;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value as Json;
use whatsapp_core::{
    message::{content, device_sent, edit, media, padding},
    proto::{message::Message, record::MediaKeys},
};
use whatsapp_store::Content;

fn vectors(name: &str) -> Json {
    let path = format!("{}/testdata/message/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(vector: &Json) -> Vec<u8> {
    HEXLOWER.decode(vector.as_str().unwrap().as_bytes()).unwrap()
}

#[test]
fn messages_of_another_implementation_are_read() {
    let vectors = vectors("vectors.json");
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let plaintext = bytes(&case["hex"]);
        let message = Message::decode(&plaintext[..]).unwrap();
        let content = content::from_proto(&message, &plaintext).unwrap();
        assert_eq!(serde_json::to_value(&content).unwrap(), case["content"], "{name}");
        assert_eq!(content::quoted(&message).as_deref(), case["quoted"].as_str(), "{name}");
        let file = media::from_proto(content::opened(&message)).map(|media| media.file);
        assert_eq!(file.is_some(), case["media"].is_object(), "{name}");
        let Some(file) = file else { continue };
        let keys = MediaKeys::decode(&file.secret[..]).unwrap();
        let keys = [&keys.key, &keys.file_hash, &keys.encrypted_hash].map(|key| HEXLOWER.encode(key));
        assert_eq!(serde_json::json!(keys), case["media"]["keys"], "{name}");
        assert_eq!(file.place, case["media"]["place"], "{name}");
        assert_eq!(
            (&*file.mime, file.size),
            (content_text(case, "mime"), case["content"]["size"].as_u64().unwrap())
        );
    }
}

fn content_text<'a>(case: &'a Json, key: &str) -> &'a str {
    case["content"][key].as_str().unwrap()
}

#[test]
fn contents_of_another_implementation_are_read() {
    for case in vectors("plaintexts.json")["contents"].as_array().unwrap() {
        let plaintext = bytes(&case["hex"]);
        let message = Message::decode(&plaintext[..]).unwrap();
        let content = content::from_proto(&message, &plaintext);
        assert_eq!(serde_json::to_value(&content).unwrap(), case["content"], "{}", case["name"]);
    }
}

#[test]
fn edits_of_another_implementation_are_read() {
    let vectors = vectors("plaintexts.json");
    let cases = vectors["edits"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let message = Message::decode(&bytes(&case["hex"])[..]).unwrap();
        assert_eq!(content::from_proto(&message, &bytes(&case["hex"])), None, "{}", case["name"]);
        let edit =
            edit::read(&message).map(|edit| serde_json::json!({ "id": edit.id, "content": edit.content }));
        assert_eq!(serde_json::json!(edit), case["edit"], "{}", case["name"]);
    }
}

#[test]
fn contents_are_encoded_as_in_another_implementation() {
    let vectors = vectors("plaintexts.json");
    let written = vectors["contents"].as_array().unwrap().iter().filter(|case| case["written"] == true);
    let mut compared = 0;
    for case in written {
        let content: Content = serde_json::from_value(case["content"].clone()).unwrap();
        let mut ours = content::to_proto(&content, &mut StdRng::seed_from_u64(1)).unwrap();
        let theirs = Message::decode(&bytes(&case["hex"])[..]).unwrap();
        // The secret is random, and its length is not.
        let secret = ours.message_context_info.as_mut().unwrap().message_secret.as_mut().unwrap();
        let fixed = theirs.message_context_info.unwrap().message_secret.unwrap();
        assert_eq!(std::mem::replace(secret, fixed.clone()).len(), fixed.len());
        assert_eq!(HEXLOWER.encode(&ours.encode_to_vec()), case["hex"].as_str().unwrap(), "{}", case["name"]);
        compared += 1;
    }
    assert_eq!(compared, 4);
}

#[test]
fn own_device_copies_are_nested_as_in_another_implementation() {
    let vectors = vectors("plaintexts.json");
    let copies = vectors["copies"].as_array().unwrap();
    assert_eq!(copies.len(), 2);
    for copy in copies {
        let destination = copy["destination"].as_str().unwrap();
        let message = Message::decode(&bytes(&copy["message"])[..]).unwrap();
        let ours = device_sent::wrap(&destination.parse().unwrap(), message.clone());
        assert_eq!(HEXLOWER.encode(&ours.encode_to_vec()), copy["hex"].as_str().unwrap());
        let theirs = Message::decode(&bytes(&copy["hex"])[..]).unwrap();
        let (to, inner) = device_sent::unwrap(theirs);
        assert_eq!(to.as_deref(), Some(destination));
        assert!(inner == message);
    }
}

#[test]
fn padding_matches_another_implementation() {
    let vectors = vectors("plaintexts.json");
    let padded: Vec<_> = vectors["padding"].as_array().unwrap().iter().collect();
    assert_eq!(padded.len(), 16);
    for vector in &padded {
        assert_eq!(padding::unpad(&bytes(&vector["padded"])), Ok(&bytes(&vector["plaintext"])[..]));
    }
    let theirs: Vec<Vec<u8>> = padded.iter().map(|vector| bytes(&vector["padded"])).collect();
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..100 {
        let ours = padding::pad(b"hello", &mut rng);
        assert!(theirs.contains(&ours), "{ours:?}");
    }
}
