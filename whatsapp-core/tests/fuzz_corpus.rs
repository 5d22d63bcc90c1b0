//! Runs each fuzz target on its committed corpus, so that no nightly compiler is needed to notice a relapse.
#![allow(unexpected_cfgs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../fuzz/targets/message_content.rs"]
mod message_content;
#[path = "../fuzz/targets/node_decode.rs"]
mod node_decode;
#[path = "../fuzz/targets/node_roundtrip.rs"]
mod node_roundtrip;
#[path = "../fuzz/targets/noise_frames.rs"]
mod noise_frames;
#[path = "../fuzz/targets/pairing_stanza.rs"]
mod pairing_stanza;
#[path = "../fuzz/targets/pairing_text.rs"]
mod pairing_text;
#[path = "../fuzz/targets/server_hello.rs"]
mod server_hello;
#[path = "../fuzz/targets/signal_message.rs"]
mod signal_message;
#[path = "../fuzz/targets/stanza_parse.rs"]
mod stanza_parse;

type Target = (&'static str, fn(&[u8]));

/// In the order of their names.
const TARGETS: [Target; 9] = [
    ("message_content", message_content::run),
    ("node_decode", node_decode::run),
    ("node_roundtrip", node_roundtrip::run),
    ("noise_frames", noise_frames::run),
    ("pairing_stanza", pairing_stanza::run),
    ("pairing_text", pairing_text::run),
    ("server_hello", server_hello::run),
    ("signal_message", signal_message::run),
    ("stanza_parse", stanza_parse::run),
];

#[test]
fn corpora_pass() {
    for (target, run) in TARGETS {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let files = std::fs::read_dir(&folder).unwrap();
        let count = files.map(|file| run(&std::fs::read(file.unwrap().path()).unwrap())).count();
        assert!(count > 0, "no corpus in {}", folder.display());
    }
}

/// A target without corpus, or one that was forgotten here, is noticed.
#[test]
fn every_target_is_listed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/targets");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut names: Vec<_> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    assert_eq!(names, TARGETS.map(|(name, _)| name));
}
