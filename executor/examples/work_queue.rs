//! A queue of work whose end is known: `asyncio.Queue` with `join` and `task_done`.
//!
//! Two producers put pages, three workers read them. Look at `work`: `get_task` hands a page out in a guard, and the page counts
//! as done when the guard goes, whatever became of the work: also for a page that is missing, and for one whose worker panicked or was
//! aborted. So `join` in `main` waits for exactly the moment when every page is done, and `shutdown` then sends the workers home.
//! `put` waits while there is no room: the producers never get far ahead.
//!
//! ```text
//! cargo run --example work_queue
//! ```

use filch::sync::Queue;
use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

type Failure = Box<dyn Error + Send + Sync>;

const PAGES: u32 = 20;

/// The pages to read, of which there may be four at a time.
static QUEUE: Queue<u32> = Queue::bounded(4);
static READ: AtomicU32 = AtomicU32::new(0);
static MISSING: AtomicU32 = AtomicU32::new(0);

/// Puts every second page.
async fn produce(first: u32) -> Result<(), Failure> {
    for page in (first..=PAGES).step_by(2) {
        QUEUE.put(page).await?;
    }
    Ok(())
}

/// Reads a page, which takes a moment. Every seventh is missing.
async fn read(page: u32) -> Result<u32, Failure> {
    filch::yield_now().await;
    if page.is_multiple_of(7) { Err(format!("page {page} is missing").into()) } else { Ok(page) }
}

/// Works until the queue is shut down and empty.
async fn work() {
    while let Ok(page) = QUEUE.get_task().await {
        let count = if read(*page).await.is_ok() { &READ } else { &MISSING };
        count.fetch_add(1, Relaxed);
    }
}

#[filch::main]
async fn main() -> Result<(), Failure> {
    let workers: Vec<_> = (0..3).map(|_| filch::spawn(work())).collect();
    let producers = [1, 2].map(|first| filch::spawn(produce(first)));
    for producer in producers {
        producer.await??;
    }

    QUEUE.join().await;
    let (read, missing) = (READ.load(Relaxed), MISSING.load(Relaxed));
    println!("all {PAGES} pages are done: {read} read, {missing} missing");
    assert_eq!((read, missing), (18, 2));

    QUEUE.shutdown(false);
    for worker in workers {
        worker.await?;
    }
    assert!(QUEUE.put(21).await.is_err());
    let seen = QUEUE.statistics();
    println!("{} left, {} unfinished", seen.len, seen.unfinished);
    assert!(seen.len_peak <= 4);
    Ok(())
}
