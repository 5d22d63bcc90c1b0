//! What people reported, as data: a line for each case, and one function for each kind of case.
#![allow(clippy::unwrap_used, reason = "tests")]
mod campaigns;

#[test]
fn reports_of_campaigns() {
    campaigns::run();
}
