//! Several things at once, in every way there is: all of them, the first of them, as they end, so many at a time.
//!
//! Functions of [`filch::task`] run what they are given as tasks of its own, each of which goes on whatever the others do. The macros
//! poll futures within the caller's task, where they may borrow from it.
//!
//! ```text
//! cargo run --example combinators
//! ```

use filch::stream::StreamExt;
use filch::sync::channel;
use filch::task::{self, TryGatherError, Wait};
use filch::{JoinError, select};
use std::error::Error;
use std::pin::pin;
use std::time::Duration;

/// How many letters a name has, once everybody had a turn or two.
async fn length(name: &'static str) -> usize {
    filch::yield_now().await;
    name.len()
}

async fn parse(text: &'static str) -> Result<u32, std::num::ParseIntError> {
    text.parse()
}

/// Adds up what comes in until the channel is closed, or the time is over: a chain of `if let`, with futures.
async fn sum(inbox: channel::Receiver<u32>, limit: Duration) -> u32 {
    let mut time = pin!(filch::time::sleep(limit));
    let mut sum = 0;
    loop {
        select!(if let received = inbox.recv() {
            match received {
                Ok(number) => sum += number,
                Err(_closed) => return sum,
            }
        } else if let () = &mut time {
            println!("no time left");
            return sum;
        });
    }
}

#[filch::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // All results, in the order given; and all values, or the first failure.
    let lengths = task::gather(["Ada", "Grace", "Barbara"].map(length)).await;
    let lengths = lengths.into_iter().collect::<Result<Vec<_>, JoinError>>()?;
    println!("gather: {lengths:?}");
    assert_eq!(lengths, [3, 5, 7]);
    let failed = task::try_gather(["1", "two", "3"].map(parse)).await;
    assert!(matches!(failed, Err(TryGatherError::Failed(_))));

    // The first to end; the others are gone when it is told.
    let others = ["Ada", "Grace"].map(|name| async move {
        if name == "Ada" {
            std::future::pending::<()>().await;
        }
        name
    });
    println!("race: {}", task::race(others).await?);

    // Handles of tasks that go on, and of those that are done.
    let tasks = [filch::spawn(std::future::pending()), filch::spawn(length("Edsger"))];
    let (done, running) = task::wait(tasks, Wait::FirstCompleted).await;
    println!("wait: {} done, {} running", done.len(), running.len());
    running.iter().for_each(|task| task.abort());

    // As they end, two at a time, or in order all the same.
    let mut total = 0;
    let mut results = task::map_concurrent(2, ["Ada", "Grace", "Barbara", "Edsger"], length);
    while let Some(length) = results.next().await {
        total += length?;
    }
    println!("map_concurrent: {total} letters");
    assert_eq!(total, 21);

    // Within one task: what is polled together may borrow.
    let (sender, inbox) = channel::unbounded();
    let numbers = [1, 2, 3, 4];
    let feed = async {
        for number in numbers {
            sender.send(number).await?;
        }
        sender.close();
        Ok::<_, channel::SendError<u32>>(numbers.len())
    };
    let (sum, sent) = filch::join!(sum(inbox, Duration::from_secs(3600)), feed);
    println!("join: {} numbers, {sum} in all", sent?);
    assert_eq!(sum, 10);
    Ok(())
}
