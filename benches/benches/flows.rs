//! Prints the tables. Words on the command line choose works by their names; `--rows` and `--people` set their size.
use benches::{flows, storage};

fn main() -> Result<(), storage::Error> {
    flows::run(std::env::args().skip(1).collect(), env!("CARGO_TARGET_TMPDIR"))
}
