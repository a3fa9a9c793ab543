//! Hello, a pause, world: the first program of asyncio's manual.
//!
//! [`filch::main`] makes an `async fn` the program's `main`. Look at the `await`: the function stops there
//! for a second, and no thread waits meanwhile; the processor is idle, or free for other tasks.
//!
//! ```text
//! cargo run --example hello_sleep
//! ```

use filch::time::sleep;
use std::time::Duration;

#[filch::main]
async fn main() {
    println!("Hello ...");
    sleep(Duration::from_secs(1)).await;
    println!("... world!");
}
