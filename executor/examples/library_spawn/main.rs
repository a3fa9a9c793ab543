//! A library that spawns tasks and knows no runtime, and three programs' worth of callers.
//!
//! Start with `mailer.rs`: that is the library. It calls [`filch::spawn`] and asks for nothing: no handle, no
//! runtime, no "must be called from within". Here its function is called from a plain thread, from `main`,
//! and from tasks. Nobody starts the process-wide runtime; the first spawn does. Look at the thread each
//! letter is sent by: a worker's, or `main` itself, which helps while it waits in [`filch::block_on`].
//!
//! ```text
//! cargo run --example library_spawn
//! ```

pub mod mailer;

use std::error::Error;
use std::thread;

fn main() -> Result<(), Box<dyn Error>> {
    // From a plain thread, which knows nothing about async and waits for nobody.
    let thread = thread::spawn(|| mailer::send("thread", "sent by a plain thread"));
    let letter = thread.join().expect("the thread ends well");
    println!("{}", filch::block_on(letter)?);

    // From `main`, which waits for the receipt by blocking.
    println!("{}", filch::block_on(mailer::send("main", "sent by main"))?);

    // From a task, which awaits the receipt.
    let task = filch::spawn(async { mailer::send("task", "sent by a task").await });
    println!("{}", filch::block_on(task)??);

    // From a task of a runtime made to measure: that one then sends the letter.
    let office = filch::Runtime::builder().worker_threads(1).thread_name("office").build()?;
    let task = office.spawn(async { mailer::send("office", "sent by a task in an office").await });
    let receipt = filch::block_on(task)??;
    println!("{receipt}");
    assert!(receipt.sent_by.starts_with("office"), "sent by {}", receipt.sent_by);
    Ok(())
}
