//! Walks a folder and counts what is in its files, many at a time but never too many.
//!
//! Every folder becomes a task, which spawns tasks for what it finds; nobody knows beforehand how many there
//! will be. Look at `at_a_place`: a semaphore bounds how much is open at once, whatever the number of tasks,
//! and [`filch::spawn_blocking`] does the reading on threads that may block. What cannot be read is counted
//! and skipped.
//!
//! ```text
//! cargo run --example crawler             # this crate's own sources
//! cargo run --example crawler -- /usr/include
//! ```

use filch::sync::Semaphore;
use filch::{JoinHandle, spawn, spawn_blocking};
use std::error::Error;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;
use std::{env, fs, io};

/// How many files and folders may be open at once.
const OPEN_MAX: usize = 16;

/// The places for them.
static PLACES: Semaphore = Semaphore::new(OPEN_MAX);
/// How many are open now, and the most there ever were.
static OPEN: AtomicUsize = AtomicUsize::new(0);
static OPEN_PEAK: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug, Default)]
struct Count {
    files: u64,
    lines: u64,
    bytes: u64,
    unreadable: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.files += other.files;
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.unreadable += other.unreadable;
    }
}

/// Crawls a folder or reads a file, in a task of its own. Links are not followed, so it ends.
fn crawl(path: PathBuf, is_folder: bool) -> JoinHandle<io::Result<Count>> {
    spawn(async move { if is_folder { list(path).await } else { read(path).await } })
}

async fn list(folder: PathBuf) -> io::Result<Count> {
    let entries = at_a_place(|| fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()).await?;
    let mut tasks = Vec::new();
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_dir() || kind.is_file() {
            tasks.push(crawl(entry.path(), kind.is_dir()));
        }
    }
    let mut count = Count::default();
    for task in tasks {
        count += task.await?.unwrap_or(Count { unreadable: 1, ..Count::default() });
    }
    Ok(count)
}

async fn read(file: PathBuf) -> io::Result<Count> {
    let content = at_a_place(|| fs::read(file)).await?;
    let lines = content.iter().filter(|&&byte| byte == b'\n').count();
    Ok(Count { files: 1, lines: lines as u64, bytes: content.len() as u64, unreadable: 0 })
}

/// Waits for a place, and then for `work`, which opens one file or folder and blocks.
async fn at_a_place<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let _place = PLACES.acquire().await.map_err(io::Error::other)?;
    OPEN_PEAK.fetch_max(OPEN.fetch_add(1, Relaxed) + 1, Relaxed);
    let result = spawn_blocking(work).await;
    OPEN.fetch_sub(1, Relaxed);
    result?
}

#[filch::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let root = env::args_os().nth(1).map_or(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), PathBuf::from);
    println!("crawling {} ...", root.display());
    let start = Instant::now();
    let count = crawl(root.clone(), root.is_dir()).await??;

    println!("{} lines in {} files, {} bytes", count.lines, count.files, count.bytes);
    println!("{} could not be read", count.unreadable);
    let peak = OPEN_PEAK.load(Relaxed);
    println!("at most {peak} open at once, in {:.0?}", start.elapsed());
    assert!(peak <= OPEN_MAX && count.files > 0);
    Ok(())
}
