//! Prints the tables. Words on the command line choose works by their names; `--rows` and `--jobs` set their size.
use std::env;

use benches::storage::{self, Plan};

fn main() -> Result<(), storage::Error> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        if storage::read(&arguments).await? {
            return Ok(());
        }
        storage::run(&Plan::parse(arguments, env!("CARGO_TARGET_TMPDIR"))?).await
    });
    runtime.shutdown_background();
    done
}
