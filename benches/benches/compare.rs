//! Prints the table. Words on the command line choose works by their names.
#![allow(clippy::print_stdout, reason = "the table is what it is for")]

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut figures = Vec::new();
    for work in benches::all() {
        let chosen =
            wanted.is_empty() || wanted.iter().any(|word| format!("{work:?}").contains(word.as_str()));
        if chosen {
            figures.push(work.measure());
        }
    }
    println!("{}", benches::table(&figures));
    println!(
        "Tenth percentile of alternating rounds; ratio is the peer's time by ours, above 1 when we are faster."
    );
}
