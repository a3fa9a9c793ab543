//! Futures and outputs of every shape, on the way through spawn, polls on other threads, and their end.
//!
//! The task's own tests look at its memory; here the same shapes go through a whole runtime, where tasks are stolen, aborted and
//! left behind.

use filch::sync::channel::{self, Sender};
use filch::{Handle, JoinHandle, Runtime, spawn, spawn_blocking, spawn_local, yield_now};
use filch_tests::{Counted, PATIENCE, Tally, Watchdog, wait_until};
use futures_lite::future::block_on;
use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};

const SMALL_STACK: usize = 256 << 10;

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().expect("a runtime")
}

/// Runs `f` on a thread with a stack of this size.
fn on_a_stack<R: Send>(bytes: usize, f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(bytes).spawn_scoped(scope, f).expect("a thread");
        thread.join().expect("no panic")
    })
}

/// A future of some size, which looks at all of its bytes at its end, and never ends when asked to.
struct Large<const N: usize> {
    bytes: [u8; N],
    polls: usize,
    ends: bool,
    _value: Counted,
}

impl<const N: usize> Large<N> {
    fn new(ends: bool, value: Counted) -> Self {
        Self { bytes: [7; N], polls: 0, ends, _value: value }
    }
}

impl<const N: usize> Future for Large<N> {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        self.polls += 1;
        let place = self.polls * 4096 % N;
        self.bytes[place] += 1;
        if self.ends && self.polls == 10 {
            return Poll::Ready(self.bytes.iter().map(|byte| usize::from(*byte)).sum());
        }
        if self.ends || self.polls < 10 {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

/// Sends futures of one size through all their ends, on workers with small stacks.
fn large<const N: usize>() {
    let values = Tally::new();
    let runtime =
        Runtime::builder().worker_threads(2).thread_stack_size(SMALL_STACK).build().expect("a runtime");
    // Unoptimised, making and handing over such a value copies it on the stack some times. That is the caller's stack.
    let make = |ends| on_a_stack(12 * N + (1 << 20), || runtime.spawn(Large::<N>::new(ends, values.value())));
    assert_eq!(block_on(make(true)).expect("no panic"), 7 * N + 10);
    let aborted = make(false);
    aborted.abort();
    assert!(block_on(aborted).expect_err("it never ends").is_aborted());
    let left_behind = make(false);
    // Boxed where there is room, and then spawned from where there is none.
    let boxed = |ends| -> Pin<Box<dyn Future<Output = usize> + Send>> {
        on_a_stack(12 * N + (1 << 20), || Box::pin(Large::<N>::new(ends, values.value())) as _)
    };
    let (ends, goes_on) = (boxed(true), boxed(false));
    let (ended, dropped) = on_a_stack(SMALL_STACK, || (runtime.spawn(ends), runtime.spawn(goes_on)));
    assert_eq!(block_on(ended).expect("no panic"), 7 * N + 10);
    dropped.abort();
    assert!(block_on(dropped).expect_err("it never ends").is_aborted());
    assert_eq!(values.alive(), 1, "only one is left");
    let report = runtime.shutdown(PATIENCE);
    assert_eq!((report.is_clean(), report.aborted), (true, 1), "{report}");
    assert!(block_on(left_behind).expect_err("its runtime has ended").is_aborted());
    assert_eq!((values.made(), values.alive()), (5, 0));
}

/// B-10.
#[test]
fn a_mebibyte_and_sixteen_on_small_stacks() {
    let _watchdog = Watchdog::usual();
    large::<{ 1 << 20 }>();
    large::<{ 16 << 20 }>();
}

/// Lets the calling task be polled by another worker, as often as asked.
///
/// Each time it leaves a task beside it that blocks its worker until somebody has polled the calling task again: that can only
/// be another.
async fn move_about(moves: usize) -> HashSet<ThreadId> {
    let polls = Arc::new(AtomicUsize::new(0));
    let mut seen = HashSet::from([thread::current().id()]);
    let (mut last, mut moved) = (thread::current().id(), 0);
    while moved < moves {
        let (before, polls_seen) = (polls.load(Ordering::SeqCst), polls.clone());
        let blocks = spawn(async move {
            wait_until("another worker has polled the task", || polls_seen.load(Ordering::SeqCst) > before);
        });
        yield_now().await;
        polls.fetch_add(1, Ordering::SeqCst);
        let now = thread::current().id();
        moved += usize::from(now != last);
        last = now;
        seen.insert(now);
        blocks.await.expect("no panic");
    }
    seen
}

/// B-12: whoever polls a future finds it where it was.
#[test]
fn a_future_stays_where_it_is_while_it_moves_from_worker_to_worker() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(3);
    watchdog.watch("wanderers", runtime.handle());
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            runtime.spawn(async {
                let mut moves = Box::pin(move_about(20));
                // Lies in the future itself, unlike the rest.
                let (mut anchor, mut places) = ([0_u8; 100], HashSet::new());
                let seen = poll_fn(|cx| {
                    anchor[0] = anchor[0].wrapping_add(1);
                    places.insert((&raw const anchor).addr());
                    moves.as_mut().poll(cx)
                })
                .await;
                (seen.len(), places.len())
            })
        })
        .collect();
    for task in tasks {
        let (threads, places) = block_on(task).expect("no panic");
        assert!(threads >= 2, "it has moved");
        assert_eq!(places, 1, "and was where it was");
    }
}

/// B-16: the tag of a task must not lie in a niche of its future, which may borrow it from itself meanwhile.
#[test]
fn a_future_that_borrows_from_itself_beside_a_niche_survives_moves() {
    let watchdog = Watchdog::usual();
    let runtime = runtime(3);
    watchdog.watch("niches", runtime.handle());
    let values = Tally::new();
    let borrower = |value: Counted| async move {
        let mut own: Option<Box<u8>> = Some(Box::new(1));
        let mut numbers = [1_u64, 2, 3, 4];
        let value = Some(value);
        for round in 0..10 {
            // Both are borrowed for writing across the moves.
            let (number, slot) = (&mut numbers[round % 4], &mut own);
            move_about(2).await;
            *number += 1;
            *slot = match slot.take() {
                Some(old) if round % 3 == 0 => {
                    drop(old);
                    None
                }
                other => Some(Box::new(other.map_or(1, |old| *old + 1))),
            };
        }
        (numbers, own, value)
    };
    let tasks: Vec<JoinHandle<_>> = (0..4).map(|_| runtime.spawn(borrower(values.value()))).collect();
    let aborted: Vec<JoinHandle<_>> = (0..4).map(|_| runtime.spawn(borrower(values.value()))).collect();
    aborted.iter().for_each(JoinHandle::abort);
    for task in tasks {
        let (numbers, own, value) = block_on(task).expect("no panic");
        assert_eq!(numbers, [4, 5, 5, 6]);
        assert_eq!((own.as_deref(), value.is_some()), (None, true));
    }
    for task in aborted {
        drop(block_on(task));
    }
    assert_eq!((values.made(), values.alive()), (8, 0));
    assert!(runtime.shutdown(PATIENCE).is_clean());
}

/// What does a lot when it is dropped: closes its channel, spawns, and gives a handle of its runtime back.
struct LastWill {
    runtime: Option<Handle>,
    sender: Sender<Counted>,
    values: Tally,
    ran: Tally,
}

impl Drop for LastWill {
    fn drop(&mut self) {
        self.sender.close();
        let runtime = self.runtime.take().expect("dropped once");
        let (ran, value) = (self.ran.clone(), self.values.value());
        let job = (self.ran.clone(), self.values.value());
        runtime
            .spawn(async move {
                yield_now().await;
                ran.count();
                drop(value);
            })
            .detach();
        runtime
            .spawn_blocking(move || {
                job.0.count();
                drop(job.1);
            })
            .detach();
        drop(runtime);
    }
}

/// B-14: however such a future ends, each thing it spawns runs, or is dropped unrun when its runtime is over.
#[test]
fn a_future_that_spawns_closes_and_gives_back_its_runtime_in_its_destructor() {
    let watchdog = Watchdog::usual();
    let (values, ran) = (Tally::new(), Tally::new());
    let runtime = runtime(2);
    watchdog.watch("wills", runtime.handle());
    let will = || {
        let (sender, receiver) = channel::bounded(1);
        sender.try_send(values.value()).expect("there is room");
        let runtime = Some(runtime.handle().clone());
        (LastWill { runtime, sender, values: values.clone(), ran: ran.clone() }, receiver)
    };
    let holds = |will: LastWill, ends: bool| async move {
        let will = will;
        yield_now().await;
        if !ends {
            std::future::pending::<()>().await;
        }
        drop(will);
    };
    let mut receivers = Vec::new();
    let mut wills = 0;
    let mut next = || {
        let (will, receiver) = will();
        receivers.push(receiver);
        wills += 1;
        will
    };
    // At its end, by an abort, by an abort before its first poll, by a panic, and on its own thread.
    block_on(runtime.spawn(holds(next(), true))).expect("no panic");
    for round in 0..50 {
        let task = runtime.spawn(holds(next(), false));
        if round % 2 == 0 {
            thread::yield_now();
        }
        task.abort();
        assert!(block_on(task).expect_err("it never ends").is_aborted());
    }
    let torn = next();
    let panics = runtime.spawn(async move {
        let _will = torn;
        yield_now().await;
        panic!("on purpose: it holds a will");
    });
    assert!(block_on(panics).expect_err("it panics").is_panic());
    let (local, aborted_local) = (next(), next());
    runtime.block_on(async {
        spawn_local(holds(local, true)).await.expect("no panic");
        let aborted = spawn_local(holds(aborted_local, false));
        yield_now().await;
        aborted.abort();
        assert!(aborted.await.expect_err("it never ends").is_aborted());
    });
    wait_until("all that was spawned has run", || ran.counted() == 2 * wills);
    for receiver in receivers {
        // What was sent before the close is there still.
        block_on(receiver.recv()).expect("one is left");
        assert!(block_on(receiver.recv()).is_err(), "and it is closed");
    }
    wait_until("all that was made is dropped", || values.alive() == 0);
    assert_eq!(values.made(), 3 * wills);
    // By the end of its runtime.
    let left: Vec<_> = (0..20)
        .map(|_| {
            let (will, _receiver) = will();
            runtime.spawn(holds(will, false))
        })
        .collect();
    assert!(runtime.shutdown(PATIENCE).is_clean());
    for task in left {
        assert!(block_on(task).expect_err("it never ends").is_aborted());
    }
    wait_until("all that was made is dropped", || values.alive() == 0);
    assert_eq!(values.made(), 3 * (wills + 20));
}

static NOTHINGS: AtomicUsize = AtomicUsize::new(0);

/// No bytes at all, and yet it is made once and dropped once.
struct Nothing;

impl Nothing {
    fn new() -> Self {
        NOTHINGS.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Nothing {
    fn drop(&mut self) {
        NOTHINGS.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Future for Nothing {
    type Output = Self;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self> {
        Poll::Ready(Self::new())
    }
}

#[test]
fn futures_and_outputs_of_no_size_are_made_and_dropped_once_each() {
    let _watchdog = Watchdog::usual();
    const _: () = assert!(size_of::<Nothing>() == 0);
    let runtime = runtime(2);
    for round in 0..5000 {
        let task = runtime.spawn(Nothing::new());
        match round % 4 {
            0 => drop(block_on(task).expect("no panic")),
            1 => drop(task),
            2 => {
                task.abort();
                drop(block_on(task));
            }
            _ => {
                let nothing = Nothing::new();
                let job = runtime.spawn_blocking(move || nothing);
                let local = runtime.block_on(async { spawn_local(Nothing::new()).await });
                drop((block_on(job).expect("no panic"), local.expect("no panic"), task));
            }
        }
    }
    assert!(runtime.shutdown(PATIENCE).is_clean());
    assert_eq!(NOTHINGS.load(Ordering::SeqCst), 0);
}

/// Complains wherever it is found off its alignment.
#[repr(align(128))]
struct Wide(u8, Counted);

impl Wide {
    fn check(&self) -> u8 {
        assert!((&raw const *self).addr().is_multiple_of(128), "off its alignment");
        self.0
    }
}

impl Drop for Wide {
    fn drop(&mut self) {
        self.check();
        self.1.count();
    }
}

#[test]
fn values_of_a_large_alignment_lie_on_it_wherever_they_are() {
    let _watchdog = Watchdog::usual();
    let values = Tally::new();
    let runtime = runtime(2);
    for round in 0..1000 {
        let (held, given, job) = (Wide(1, values.value()), Wide(2, values.value()), Wide(3, values.value()));
        let task = runtime.spawn(async move {
            held.check();
            yield_now().await;
            held.check();
            given.check();
            let job = spawn_blocking(move || {
                job.check();
                job
            });
            (given, job.await.expect("no panic"))
        });
        match round % 4 {
            0 | 1 => {
                let (given, job) = block_on(task).expect("no panic");
                assert_eq!((given.check(), job.check()), (2, 3));
            }
            2 => drop(task),
            _ => {
                task.abort();
                drop(block_on(task));
            }
        }
        let (future, output) = (Wide(4, values.value()), Wide(5, values.value()));
        let local = runtime.block_on(async move {
            let local = spawn_local(async move {
                yield_now().await;
                future.check();
                output
            });
            local.await.expect("no panic")
        });
        assert_eq!(local.check(), 5);
    }
    assert!(runtime.shutdown(PATIENCE).is_clean());
    wait_until("all are dropped", || values.alive() == 0);
    assert_eq!((values.made(), values.counted()), (5 * 1000, 5 * 1000));
}
