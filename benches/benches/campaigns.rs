//! Prints the tables. Words on the command line choose works by their names; `--rows` and `--jobs` set their size.
use benches::{campaigns, storage};

fn main() -> Result<(), storage::Error> {
    campaigns::run(std::env::args().skip(1).collect(), env!("CARGO_TARGET_TMPDIR"))
}
