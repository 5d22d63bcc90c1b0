//! Runs each fuzz target on its committed corpus, so that no nightly compiler is needed to notice a relapse.
#![allow(unexpected_cfgs, clippy::unwrap_used, clippy::expect_used)]

#[path = "../fuzz/targets/node_decode.rs"]
mod node_decode;
#[path = "../fuzz/targets/node_roundtrip.rs"]
mod node_roundtrip;

type Target = (&'static str, fn(&[u8]));

/// In the order of their names.
const TARGETS: [Target; 2] = [("node_decode", node_decode::run), ("node_roundtrip", node_roundtrip::run)];

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
