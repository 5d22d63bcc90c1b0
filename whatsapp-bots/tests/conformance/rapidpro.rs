//! Cases of flows: `X.json` holds the flows, `X.test….json` what is done and what is expected.
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use whatsapp_bots::{
    Compiled,
    import::{self, Workspace},
};

use super::{
    compare::{self, Sprint, word},
    differences::{Allow, DIFFERENCES, Difference, OUT_OF_SCOPE},
    run::{Runner, starts_by_message, without_unknown},
};

/// Cases that pass; this may only rise.
const FLOOR: usize = 20;

pub(crate) fn all(folder: &Path) -> Result<(), String> {
    let (mut passed, mut failed, mut outside) = (0, 0, 0);
    let (mut differing, mut refused, mut partly) = (0, 0, 0);
    for path in cases(folder)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some((_, why)) = OUT_OF_SCOPE.iter().find(|(case, _)| *case == name) {
            println!("rapidpro {name}: out of scope: {why}");
            outside += 1;
            continue;
        }
        let allowed: Vec<_> = DIFFERENCES.iter().filter(|difference| difference.case == name).collect();
        match case(folder, &path, &name, &allowed) {
            Ok(()) => {
                passed += 1;
                let has = |test: fn(&Allow) -> bool| allowed.iter().any(|one| test(&one.allow));
                match () {
                    () if has(|allow| matches!(allow, Allow::Refused(_))) => refused += 1,
                    () if has(|allow| matches!(allow, Allow::Attention(_))) => partly += 1,
                    () => differing += usize::from(!allowed.is_empty()),
                }
                println!("rapidpro {name}: passed, {} listed differences", allowed.len());
                allowed
                    .iter()
                    .for_each(|difference| println!("    {:?}: {}", difference.allow, difference.why));
            }
            Err(why) => {
                failed += 1;
                println!("rapidpro {name}: FAILED: {why}");
            }
        }
    }
    println!(
        "rapidpro: {passed} passed ({} as they are, {differing} with listed differences, {refused} refused on purpose, \
         {partly} without steps that need attention), {failed} failed, {outside} out of scope",
        passed - differing - refused - partly
    );
    if failed > 0 || passed < FLOOR {
        return Err(format!("{failed} failed, {passed} passed of at least {FLOOR}"));
    }
    Ok(())
}

fn cases(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().contains(".test"))
        .collect();
    paths.sort();
    if paths.is_empty() { Err("no cases".to_owned()) } else { Ok(paths) }
}

fn case(folder: &Path, path: &Path, name: &str, allowed: &[&Difference]) -> Result<(), String> {
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let flows = name.split('.').next().unwrap_or_default();
    let document = read(&folder.join(format!("{flows}.json")))?;
    let case: Json = serde_json::from_str(&read(path)?).map_err(|error| error.to_string())?;
    let languages = case["environment"]["allowed_languages"].as_array().into_iter().flatten();
    let mut languages: Vec<_> = languages.filter_map(Json::as_str).map(str::to_owned).collect();
    if languages.is_empty() {
        // Theirs uses no translations then.
        languages.push("eng".to_owned());
    }
    let imported =
        import::rapidpro(&document, &Workspace { languages }).map_err(|error| error.to_string())?;
    let mut definition = imported.definition;
    if word(&case["trigger"], "type") == "msg" {
        starts_by_message(&mut definition, word(&case["trigger"]["flow"], "uuid"));
    }
    let kinds = without_unknown(&mut definition);
    let attention: Vec<_> = allowed
        .iter()
        .filter_map(|one| match one.allow {
            Allow::Attention(kind) => Some(kind),
            _ => None,
        })
        .collect();
    if kinds != attention {
        return Err(format!("needs attention: {kinds:?}, listed: {attention:?}"));
    }
    let resumes = case["resumes"].as_array().map_or(&[][..], Vec::as_slice);
    if resumes.iter().any(|resume| word(resume, "type") == "wait_expiration") {
        // The host of theirs says when something expires; with ours it is a time, which here is before all timeouts.
        definition
            .flows
            .iter_mut()
            .filter_map(|flow| flow.expire.as_mut())
            .for_each(|expire| expire.after_seconds = 60);
    }
    let refused = allowed.iter().find_map(|one| match one.allow {
        Allow::Refused(code) => Some(code),
        _ => None,
    });
    let bot = match (Compiled::new(&definition, 1), refused) {
        (Ok(bot), None) => bot,
        (Ok(_), Some(_)) => return Err("it was to be refused".to_owned()),
        (Err(findings), Some(code)) if findings.0.iter().all(|finding| finding.code.to_string() == code) => {
            return Ok(());
        }
        (Err(findings), _) => return Err(format!("refused: {findings}")),
    };
    let mut runner = Runner::new(&definition, &bot, &case);
    let mut sprints = vec![runner.start(&case["trigger"])];
    sprints.extend(resumes.iter().map(|resume| runner.resume(resume)));
    let exits = compare::exits(&serde_json::from_str(&document).map_err(|error| error.to_string())?);
    let outputs = case["outputs"].as_array().into_iter().flatten();
    let expected: Vec<_> = outputs.map(|output| compare::expected(output, &exits)).collect();
    difference(&expected, &sprints, allowed)
}

/// Compares, and sees to it that each listed difference is one.
fn difference(expected: &[Sprint], found: &[Sprint], allowed: &[&Difference]) -> Result<(), String> {
    if expected.len() != found.len() {
        return Err(format!("{} sprints, expected {}", found.len(), expected.len()));
    }
    let mut used = vec![false; allowed.len()];
    let mut wrong = Vec::new();
    for (sprint, (theirs, ours)) in expected.iter().zip(found).enumerate() {
        let mut theirs = theirs.clone();
        for (place, one) in allowed.iter().enumerate() {
            match one.allow {
                Allow::Refused(_) | Allow::Attention(_) => used[place] = true,
                Allow::Theirs(kind) => {
                    let before = theirs.events.len();
                    theirs.events.retain(|(found, _)| found != kind);
                    used[place] |= theirs.events.len() < before;
                }
                Allow::Dropped(at, event, count) if at == sprint && event + count <= theirs.events.len() => {
                    theirs.events.drain(event..event + count);
                    used[place] = true;
                }
                Allow::Event(at, event) if at == sprint => {
                    if let (Some(theirs), Some(ours)) = (theirs.events.get_mut(event), ours.events.get(event))
                        && theirs.0 == ours.0
                        && theirs.1 != ours.1
                    {
                        theirs.1.clone_from(&ours.1);
                        used[place] = true;
                    }
                }
                _ => {}
            }
        }
        for (what, theirs, ours) in [
            ("events", format!("{:#?}", theirs.events), format!("{:#?}", ours.events)),
            ("runs", format!("{:#?}", theirs.runs), format!("{:#?}", ours.runs)),
            ("segments", format!("{:#?}", theirs.segments), format!("{:#?}", ours.segments)),
        ] {
            if theirs != ours {
                wrong.push(format!("sprint {sprint}, {what}: expected {theirs}, found {ours}"));
            }
        }
    }
    if let Some(place) = used.iter().position(|used| !used) {
        wrong.push(format!("a listed difference is none: {:?}", allowed[place].allow));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
