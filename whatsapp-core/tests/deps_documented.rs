//! `docs/DEPS.md` has a line for each dependency of the workspace and of the interop suite, and for nothing else.
#![allow(clippy::unwrap_used)]
use std::{collections::BTreeSet, fs, path::Path};

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// Names in front of the first `=` of each line of `[workspace.dependencies]`.
fn workspace_dependencies() -> BTreeSet<String> {
    let manifest = read("Cargo.toml");
    let (_, section) = manifest.split_once("\n[workspace.dependencies]\n").unwrap();
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned())).collect()
}

fn npm_dependencies() -> BTreeSet<String> {
    let package: serde_json::Value =
        serde_json::from_str(&read("host-http/tests/interop/package.json")).unwrap();
    package["dependencies"].as_object().unwrap().keys().cloned().collect()
}

/// Lines of the form "- `name`: reason."
fn documented() -> Vec<(String, String)> {
    let text = read("docs/DEPS.md");
    let entries = text.lines().filter_map(|line| line.strip_prefix("- `")?.split_once("`: "));
    entries.map(|(name, reason)| (name.to_owned(), reason.trim().to_owned())).collect()
}

#[test]
fn every_dependency_has_a_reason_and_every_reason_a_dependency() {
    let wanted: BTreeSet<_> = workspace_dependencies().union(&npm_dependencies()).cloned().collect();
    let entries = documented();
    let found: BTreeSet<_> = entries.iter().map(|(name, _)| name.clone()).collect();
    let missing: Vec<_> = wanted.difference(&found).collect();
    let left_over: Vec<_> = found.difference(&wanted).collect();
    assert!(missing.is_empty(), "not in docs/DEPS.md: {missing:?}");
    assert!(left_over.is_empty(), "in docs/DEPS.md, but not depended on: {left_over:?}");
    assert_eq!(found.len(), entries.len(), "a name is listed twice");
    assert!(entries.iter().all(|(_, reason)| reason.len() > 10), "a reason is missing");
}

/// Crates take third-party code through the workspace, so that the list above is the whole list.
#[test]
fn crates_depend_through_the_workspace() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let known = workspace_dependencies();
    for entry in fs::read_dir(root).unwrap() {
        let manifest = entry.unwrap().path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else { continue };
        let mut inside = false;
        for line in text.lines() {
            if line.starts_with('[') {
                inside = line.ends_with("dependencies]");
                continue;
            }
            let Some((name, value)) = line.split_once('=').filter(|_| inside && !line.starts_with('#'))
            else {
                continue;
            };
            let (name, dotted) = name.trim().split_once('.').unwrap_or((name.trim(), ""));
            let by_workspace = dotted == "workspace" || value.contains("workspace = true");
            // Peers are measured against, never built on: `benches` has them behind a feature.
            let a_peer = value.contains("optional = true") && manifest.parent().unwrap().ends_with("benches");
            assert!(
                by_workspace || a_peer,
                "{}: {name} does not come from the workspace",
                manifest.display()
            );
            assert!(a_peer || known.contains(name), "{}: {name} is not known", manifest.display());
        }
    }
}
