//! What people reported, as data: a line for each case, and one function for each kind of case.
#![allow(clippy::unwrap_used, reason = "tests")]
mod bots;
mod campaigns;

use serde_json::Value;

#[test]
fn reports_about_campaigns() {
    campaigns::run();
}

#[test]
fn reports_about_bots() {
    let cases: Vec<Value> = serde_json::from_str(bots::CASES).unwrap();
    let wrong: Vec<String> = cases.iter().filter_map(|case| bots::check(case).err()).collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
