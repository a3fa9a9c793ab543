//! Three tasks at once, and their results in order: `asyncio.gather` in filch.
//!
//! Look at the lines that come out: the tasks take turns, and the whole takes as long as the longest of them,
//! not as all three together. [`filch::spawn`] starts a task at once; awaiting its handle only fetches the
//! result. The `?` hands on what awaiting can meet: a task that panicked or was aborted.
//!
//! ```text
//! cargo run --example gather_three
//! ```

use filch::time::sleep;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(200);

/// Computes `n!`, slowly.
async fn factorial(name: &str, n: u64) -> u64 {
    let mut product = 1;
    for factor in 2..=n {
        println!("task {name}: {product} × {factor} ...");
        sleep(STEP).await;
        product *= factor;
    }
    println!("task {name}: factorial({n}) = {product}");
    product
}

#[filch::main]
async fn main() -> Result<(), filch::JoinError> {
    let start = Instant::now();
    let [a, b, c] = [("A", 2), ("B", 3), ("C", 4)].map(|(name, n)| filch::spawn(factorial(name, n)));
    let results = [a.await?, b.await?, c.await?];

    println!("gathered {results:?} in {:.1} s", start.elapsed().as_secs_f64());
    assert_eq!(results, [2, 6, 24]);
    Ok(())
}
