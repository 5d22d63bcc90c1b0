//! The committed protobuf code is what `proto/*.proto` generate.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]
use std::{collections::BTreeMap, fs, path::Path};

/// The packages of what this library stores.
const STORED: [&str; 2] = ["whatsapp.record", "whatsapp.session"];
/// The messages of these packages that hold no secret.
const PUBLIC: [&str; 5] = ["Companion", "DeviceList", "Pending", "Person", "RetryPreKey"];
/// Fields of the others that hold public keys or signatures: wiping them would only cost time.
const PUBLIC_FIELDS: [&str; 8] = [
    "remote_identity",
    "sender_public",
    "base_key",
    "ratchet_key",
    "signing_public",
    "signing_edwards",
    "public",
    "signature",
];

#[test]
fn generated_code_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = generate(root);
    assert!(!fresh.is_empty());
    let update = std::env::var_os("UPDATE_PROTO").is_some();
    for (name, text) in fresh {
        let path = root.join("src/proto").join(&name);
        if update {
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "{name} is stale: run this test with UPDATE_PROTO=1");
    }
}

fn generate(root: &Path) -> BTreeMap<String, String> {
    let mut files: Vec<_> = fs::read_dir(root.join("proto"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "proto"))
        .collect();
    files.sort();
    let descriptors = protox::compile(&files, [root.join("proto")]).unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut config = prost_build::Config::new();
    config.out_dir(out.path());
    // Stored messages hold keys and are wiped when they are dropped. This covers messages that are added later and messages
    // that fail to decode half way. Their bytes are plain vectors, since shared ones could not be wiped.
    for file in descriptors.file.iter().filter(|file| STORED.contains(&file.package())) {
        for message in &file.message_type {
            let derived = if PUBLIC.contains(&message.name()) { "" } else { ", ::zeroize::ZeroizeOnDrop" };
            let path = format!(".{}.{}", file.package(), message.name());
            config.message_attribute(&path, format!("#[derive(::zeroize::Zeroize{derived})]"));
            // Messages inside wipe themselves when they are dropped; wiping them from outside too only costs time.
            for field in &message.field {
                let is_message = field.type_name.is_some();
                if is_message || PUBLIC_FIELDS.contains(&field.name()) {
                    config.field_attribute(format!("{path}.{}", field.name()), "#[zeroize(skip)]");
                }
            }
        }
    }
    let wire = ["adv", "handshake", "message", "payload", "signal"].map(|name| format!(".whatsapp.{name}"));
    config.bytes(wire);
    // Records and messages can hold keys or people's words: neither may reach a log by `{:?}`.
    config.skip_debug(["."]);
    config.compile_fds(descriptors).unwrap();
    fs::read_dir(out.path())
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}
