//! What can go wrong in a task, and how the one who awaits it finds out.
//!
//! Three tasks fail in three ways: one returns an error, one panics, one is aborted. Look at `outcome`: a
//! single `match` tells them apart. An error that comes from awaiting names the task. A panic stays in its
//! task; the program, and the worker thread it happened on, go on. (The panic message on the error stream
//! comes from Rust's panic hook, as for any thread.)
//!
//! ```text
//! cargo run --example caught_error
//! ```

use filch::JoinHandle;
use filch::time::sleep;
use std::num::ParseIntError;
use std::time::Duration;

type Parsed = Result<u32, ParseIntError>;

/// Fails as an operation fails: the caller may expect it.
async fn parse(text: &'static str) -> Parsed {
    text.trim().parse()
}

/// Fails as a bug fails: nobody expects it.
async fn look_up(index: usize) -> Parsed {
    let table = [10, 20, 30];
    Ok(table[index])
}

/// Would succeed, but only tomorrow.
async fn wait_for_tomorrow() -> Parsed {
    sleep(Duration::from_secs(24 * 60 * 60)).await;
    Ok(1)
}

/// Awaits a task, and says how it went.
async fn outcome(task: JoinHandle<Parsed>) -> String {
    match task.await {
        Ok(Ok(number)) => format!("success: {number}"),
        Ok(Err(error)) => format!("failure: {error}"),
        Err(error) if error.is_panic() => format!("bug:     {error}"),
        Err(error) => format!("stopped: {error}"),
    }
}

#[filch::main]
async fn main() {
    let fine = filch::spawn(parse("42"));
    let wrong = filch::spawn(parse("forty-two"));
    let broken = filch::task::Builder::new().name("look-up").spawn(look_up(7));
    let endless = filch::spawn(wait_for_tomorrow());
    endless.abort();

    let outcomes = [outcome(fine).await, outcome(wrong).await, outcome(broken).await, outcome(endless).await];
    for outcome in &outcomes {
        println!("{outcome}");
    }

    assert_eq!(outcomes[0], "success: 42");
    assert_eq!(outcomes[1], "failure: invalid digit found in string");
    assert!(outcomes[2].starts_with("bug: ") && outcomes[2].contains("look-up"));
    assert!(outcomes[3].starts_with("stopped: ") && outcomes[3].ends_with("was aborted"));
}
