//! Prints how often and how much the engine of bots allocates in a turn.
use benches::{flows, storage};

fn main() -> Result<(), storage::Error> {
    flows::allocations(&|work| {
        let counted = allocation_counter::measure(work);
        (counted.count_total, counted.bytes_total)
    })
}
