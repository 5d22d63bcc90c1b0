//! Campaign transitions per second: `cargo run --release -p benches --example store_campaigns -- URL [recipients]`, where
//! the database is empty.
#![allow(clippy::print_stdout, reason = "a program that prints")]
use std::{sync::Arc, time::Duration};

use whatsapp_store::Store;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("the URL of a store");
    let recipients = arguments.next().map_or(100_000, |number| number.parse().expect("a number"));
    let store: Arc<dyn Store> = whatsapp_store::open(&url).await.expect("a store that opens");
    show("claim to acked", benches::store::campaign_transitions(store.clone(), recipients).await);
    show("receipts, random order", benches::store::campaign_receipts(store.clone(), recipients).await);
    store.close().await;
}

fn show(name: &str, (took, transitions): (Duration, u64)) {
    let rate = transitions as f64 / took.as_secs_f64();
    println!("{name:<24} {transitions:>9} transitions in {took:>8.2?}  {rate:>9.0}/s");
}
