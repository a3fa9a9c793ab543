//! Second stop: a great many tasks that meet at an event, a semaphore and a lock.

use crate::progress::{Counter, Progress};
use crate::table::{per_second, result};
use crate::{Result, exact};
use filch::sync::{Closed, Event, Lock, Semaphore};
use filch::{spawn, yield_now};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

const GUESTS: u64 = 100_000;
const SEATS: usize = 64;

/// The house that all the guests come to.
struct House {
    opening: Event,
    seats: Semaphore,
    book: Lock<Book>,
    seated: AtomicU64,
    seated_peak: AtomicU64,
}

/// Every guest signs, with a number.
#[derive(Default)]
struct Book {
    signatures: u64,
    sum: u64,
}

/// What was seen here.
pub(crate) struct Meeting {
    time: Duration,
}

pub(crate) async fn run() -> Result<Meeting> {
    let house = Arc::new(House {
        opening: Event::new(),
        seats: Semaphore::new(SEATS),
        book: Lock::new(Book::default()),
        seated: AtomicU64::new(0),
        seated_peak: AtomicU64::new(0),
    });
    let progress = Progress::start("meeting: tasks", GUESTS);

    let start = Instant::now();
    let guests: Vec<_> =
        (0..GUESTS).map(|number| spawn(visit(house.clone(), number, progress.counter()))).collect();
    house.opening.set();
    let mut sum = 0;
    for guest in guests {
        sum += guest.await??;
    }
    let time = start.elapsed();
    progress.finish().await;

    let expected = GUESTS * (GUESTS - 1) / 2;
    let book = house.book.lock().await;
    exact("signatures in the book", book.signatures, GUESTS)?;
    exact("sum of the numbers in the book", book.sum, expected)?;
    exact("sum of the numbers the tasks returned", sum, expected)?;
    exact("free seats at the end", house.seats.available_permits() as u64, SEATS as u64)?;
    let peak = house.seated_peak.load(Relaxed);
    exact("guests without a seat", peak.saturating_sub(SEATS as u64), 0)?;
    Ok(Meeting { time })
}

/// Waits for the opening, then for a seat, then for the book.
async fn visit(house: Arc<House>, number: u64, done: Counter) -> Result<u64, Closed> {
    house.opening.wait().await;
    let seat = house.seats.acquire().await?;
    house.seated_peak.fetch_max(house.seated.fetch_add(1, Relaxed) + 1, Relaxed);
    // Lets others sit down as well.
    yield_now().await;
    {
        let mut book = house.book.lock().await;
        book.signatures += 1;
        book.sum += number;
    }
    house.seated.fetch_sub(1, Relaxed);
    drop(seat);
    done.step();
    Ok(number)
}

impl fmt::Display for Meeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = format!("{} tasks/s", per_second(GUESTS, self.time));
        result(f, GUESTS, "tasks at lock and semaphore", self.time, &rate)
    }
}
