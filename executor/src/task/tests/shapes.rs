//! Futures and outputs of every size and alignment, and how much a task costs.

use super::{Drops, Queue, take};
use crate::task::cell::{Cell, body_offset};
use crate::task::header::Header;
use crate::task::{JoinHandle, yield_now};
use std::future::{poll_fn, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

#[test]
#[cfg(target_pointer_width = "64")]
fn an_empty_task_is_a_cache_line() {
    assert_eq!(size_of::<Header>(), 56);
    let empty = async {};
    assert!(body_of(&empty).size() <= 8);
    assert_eq!(size_of::<JoinHandle<()>>(), 16);
}

fn body_of<F: Future>(_: &F) -> std::alloc::Layout {
    Cell::<F>::BODY
}

/// A future of `N` bytes, wherever `A` says it must lie, that gives its bytes back.
struct Shape<A, const N: usize> {
    bytes: [u8; N],
    polls: usize,
    at: usize,
    _align: [A; 0],
}

impl<A: Unpin + 'static, const N: usize> Future for Shape<A, N> {
    type Output = (u64, [u8; 3]);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let at = (&raw const *self).addr();
        assert_eq!(at % align_of::<A>(), 0);
        assert!(self.at == 0 || self.at == at, "a future never moves");
        self.at = at;
        self.polls += 1;
        if self.polls < 3 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready((self.bytes.iter().map(|&byte| u64::from(byte)).sum(), [7; 3]))
    }
}

fn shape<A: Unpin + Send + 'static, const N: usize>() {
    let queue = Queue::new();
    let mut handles: Vec<_> =
        (0..5).map(|n| queue.spawn(Shape::<A, N> { bytes: [n; N], polls: 0, at: 0, _align: [] })).collect();
    assert_eq!(queue.live(), 5);
    queue.run_all();
    for (n, handle) in (0..).zip(&mut handles) {
        assert_eq!(take(handle).unwrap(), (n * N as u64, [7; 3]));
    }
    drop(handles);
    assert_eq!(queue.live(), 0);
}

/// Unoptimised, handing a future to `spawn` copies it on the stack some times; from then on it stays where it is.
fn on_a_large_stack<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    std::thread::Builder::new().stack_size(64 << 20).spawn(f).unwrap().join().unwrap()
}

macro_rules! aligned {
    ($($name:ident = $align:literal,)*) => {
        $(#[repr(align($align))] struct $name;)*
    };
}

aligned! { A16 = 16, A32 = 32, A128 = 128, A4096 = 4096, A16K = 16384, A32K = 32768, A64K = 65536, A256K = 262144, }

#[test]
fn small_and_large() {
    shape::<u8, 0>();
    shape::<u8, 1>();
    shape::<u8, 100>();
    shape::<u8, 200>();
    shape::<u8, 1000>();
    shape::<u8, 4000>();
    shape::<u8, 4100>();
    shape::<u8, 40_000>();
}

#[test]
fn over_aligned() {
    shape::<A16, 1>();
    shape::<A16, 5000>();
    shape::<A32, 1>();
    shape::<A128, 300>();
    shape::<A4096, 1>();
    shape::<A16K, 1>();
    on_a_large_stack(|| {
        shape::<A32K, 1>();
        shape::<A64K, 70_000>();
        shape::<A256K, 1>();
    });
}

#[test]
fn over_aligned_outputs() {
    #[repr(align(512))]
    struct Wide(u8);
    let queue = Queue::new();
    let mut handle = queue.spawn(async { Wide(9) });
    queue.run_all();
    let wide = take(&mut handle).unwrap();
    assert_eq!((wide.0, (&raw const wide).addr() % 512), (9, 0));
}

#[test]
fn the_body_lies_where_its_alignment_asks() {
    for shift in 0..20 {
        let align = 1_usize << shift;
        let offset = body_offset(align);
        assert!(offset >= size_of::<Header>() && offset.is_multiple_of(align_of::<Header>()));
        assert!(align > 16 || offset.is_multiple_of(align));
    }
}

#[test]
fn a_mebibyte_runs_on_a_small_stack() {
    let queue = Queue::new();
    let spawner = queue.clone();
    let mut handle = on_a_large_stack(move || {
        spawner.spawn(Shape::<u8, { 1 << 20 }> { bytes: [3; 1 << 20], polls: 0, at: 0, _align: [] })
    });
    let retained = queue.heap.retained_bytes();
    assert!(retained > 1 << 20);
    let runner = queue.clone();
    let thread = std::thread::Builder::new().stack_size(256 * 1024);
    thread.spawn(move || runner.run_all()).unwrap().join().unwrap();
    assert_eq!(take(&mut handle).unwrap(), (3 << 20, [7; 3]));
    drop(handle);
    assert_eq!(queue.live(), 0);
    // It was freed by nobody in particular: the next one who allocates brings it home.
    queue.spawn(ready(())).detach();
    queue.run_all();
    assert!(queue.heap.retained_bytes() < 1 << 20, "a large page goes with its task");
}

#[test]
fn outputs_larger_than_their_futures_and_with_niches() {
    let queue = Queue::new();
    let mut large = queue.spawn(async { [1_u64; 300] });
    let mut niche = queue.spawn(poll_fn(|_| Poll::Ready(None::<Box<u8>>)));
    let drops = Drops::default();
    let guard = drops.guard();
    let mut own = queue.spawn(ready(guard));
    queue.run_all();
    assert_eq!(take(&mut large).unwrap(), [1; 300]);
    assert!(take(&mut niche).unwrap().is_none());
    assert_eq!(drops.get(), 0, "a future that is its output drops it once");
    drop(take(&mut own));
    assert_eq!(drops.get(), 1);
}

/// A future that borrows from itself beside a field with a niche, as the compiler makes them.
#[test]
fn a_future_that_borrows_from_itself() {
    let queue = Queue::new();
    let mut handle = queue.spawn(async {
        let word = Some(String::from("kept"));
        let borrowed = word.as_deref();
        yield_now().await;
        yield_now().await;
        borrowed.map(str::len)
    });
    queue.run_all();
    assert_eq!(take(&mut handle).unwrap(), Some(4));
}

/// Runs one test of this binary in a process of its own, where nothing else allocates. `true` in that process.
fn in_a_process_of_its_own(test: &str) -> bool {
    const MARK: &str = "FILCH_TASK_TEST_CHILD";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let path = format!("{}::{test}", module_path!().split_once("::").map_or("", |(_, path)| path));
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &path, "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("1 passed"), "{output:?}");
    false
}

#[test]
#[cfg(target_os = "linux")]
fn a_million_idle_tasks_fit_in_96_bytes_each() {
    const TASKS: usize = 1_000_000;
    if !in_a_process_of_its_own("a_million_idle_tasks_fit_in_96_bytes_each") {
        return;
    }
    let queue = Queue::new();
    let mut handles: Vec<JoinHandle<()>> = Vec::with_capacity(TASKS);
    queue.ready.lock().unwrap().reserve(1);
    let before = resident_bytes();
    for _ in 0..TASKS {
        handles.push(queue.spawn(std::future::pending()));
        assert!(queue.run_one());
    }
    let each = (resident_bytes() - before) as f64 / TASKS as f64;
    println!("{each:.1} bytes each, {:.1} retained", queue.heap.retained_bytes() as f64 / TASKS as f64);
    assert!(queue.heap.retained_bytes() <= 72 * TASKS);
    // A sanitizer's allocator adds to every page what it pleases.
    let sanitized = option_env!("RUSTFLAGS").is_some_and(|flags| flags.contains("sanitizer"));
    assert!(each <= 96.0 || sanitized, "{each} bytes per idle task, its handle included");
    assert_eq!(queue.heap.cancel_all(drop), TASKS);
    assert_eq!(queue.live(), TASKS, "the handles keep them");
    drop(handles);
    assert_eq!(queue.live(), 0);
    // SAFETY: nobody else allocates from the heap.
    unsafe { queue.heap.collect() };
    let kept = queue.heap.retained_bytes();
    assert!(kept <= 2 << 20, "{kept} bytes are kept after the burst");
}

#[cfg(target_os = "linux")]
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[test]
fn references_that_would_overflow_abort() {
    use std::os::unix::process::ExitStatusExt;
    const MARK: &str = "FILCH_TASK_TEST_OVERFLOW";
    if std::env::var_os(MARK).is_some() {
        let queue = Queue::new();
        let (task, handle) = queue.cell(std::future::pending::<()>());
        // SAFETY: the task has references, and this process ends here.
        let state = unsafe { Header::state_of(task.into_raw()) };
        state.fill_references();
        std::mem::forget(handle.abort_handle());
        std::mem::forget(handle.abort_handle());
        std::process::exit(0);
    }
    let test = "references_that_would_overflow_abort";
    let path = format!("{}::{test}", module_path!().split_once("::").map_or("", |(_, path)| path));
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &path, "--nocapture"])
        .env(MARK, "1")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(6), "{status}");
}
