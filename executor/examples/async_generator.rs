//! An async generator: values that are made one by one, with awaits between them, and taken with `async for`.
//!
//! In Rust the thing to iterate over is a [`Stream`], and there are two good ways to write a generator. Look
//! at `countdown`: [`unfold`] turns a state and a step into a stream, which runs in whoever takes the values.
//! And at `primes`: a task of its own, to which sending on a [`rendezvous`] channel is what `yield` is in
//! Python: it returns when somebody takes the value, so the generator is never ahead. Streams of either kind
//! have the adapters of iterators. A generator whose stream is dropped ends at its `yield`.
//!
//! ```text
//! cargo run --example async_generator
//! ```

use filch::JoinError;
use filch::sync::channel::{Receiver, rendezvous};
use filch::time::sleep;
use futures_lite::stream::{Stream, StreamExt, unfold};
use std::pin::pin;
use std::time::Duration;

/// Counts down to 1, a pause before each number. Nothing happens unless somebody asks.
fn countdown(from: u32) -> impl Stream<Item = u32> {
    unfold(from, async |left| {
        if left == 0 {
            return None;
        }
        sleep(Duration::from_millis(100)).await;
        Some((left, left - 1))
    })
}

/// All prime numbers. The handle says how many were taken, once nobody wants more.
fn primes() -> (Receiver<u64>, filch::JoinHandle<usize>) {
    let (yielder, stream) = rendezvous();
    let generator = filch::spawn(async move {
        let mut found = Vec::new();
        for n in 2.. {
            if found.iter().all(|prime| n % prime != 0) {
                if yielder.send(n).await.is_err() {
                    break;
                }
                found.push(n);
            }
        }
        found.len()
    });
    (stream, generator)
}

#[filch::main]
async fn main() -> Result<(), JoinError> {
    // `async for`.
    let mut numbers = pin!(countdown(3));
    while let Some(number) = numbers.next().await {
        println!("{number} ...");
    }

    // A comprehension.
    let (stream, generator) = primes();
    let squares: Vec<u64> =
        stream.filter(|prime| prime % 4 == 1).map(|prime| prime * prime).take(5).collect().await;
    println!("squares of the first primes of the form 4n + 1: {squares:?}");
    assert_eq!(squares, [25, 169, 289, 841, 1369]);

    // The stream is gone, so the generator has ended.
    let taken = generator.await?;
    println!("the generator was asked for {taken} primes, and has ended");
    assert_eq!(taken, 12);
    Ok(())
}
