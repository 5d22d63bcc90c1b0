//! Messages that another implementation encoded, and what they say; ours are decoded by it in the host's interop tests.
#![allow(clippy::unwrap_used)]
use data_encoding::HEXLOWER;
use prost::Message as _;
use serde_json::Value as Json;
use whatsapp_core::{
    message::{content, media},
    proto::{message::Message, record::MediaKeys},
};

#[test]
fn what_others_wrote_is_understood() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/message/vectors.json");
    let vectors: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let bytes = HEXLOWER.decode(case["hex"].as_str().unwrap().as_bytes()).unwrap();
        let message = Message::decode(&bytes[..]).unwrap();
        let content = content::from_proto(&message).unwrap();
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
