//! Wakers that misbehave, with books on themselves.

#![allow(unsafe_code, reason = "a waker that panics when it is cloned can only be made of raw parts")]

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

/// When a waker's code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It is cloned. Nothing has been counted yet.
    Clone,
    /// It is woken, by value or by reference; a waker given away has been counted out already.
    Wake,
    /// It is dropped, and has been counted out already.
    Drop,
}

/// A source of wakers that all do the same deed whenever they are touched.
pub struct Rogue {
    deed: Box<dyn Fn(Moment) + Send + Sync>,
    made: AtomicUsize,
    gone: AtomicUsize,
    wakes: AtomicUsize,
}

impl Rogue {
    /// Wakers that do `deed`, which may panic, block or call back, and be told when.
    pub fn new(deed: impl Fn(Moment) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            deed: Box::new(deed),
            made: AtomicUsize::new(0),
            gone: AtomicUsize::new(0),
            wakes: AtomicUsize::new(0),
        })
    }

    /// Wakers that do nothing but count.
    pub fn harmless() -> Arc<Self> {
        Self::new(|_| {})
    }

    /// Wakers that panic at each of these moments, unless a panic is under way: a second one would end the process.
    #[allow(clippy::missing_panics_doc, reason = "it is the wakers that panic")]
    pub fn panicking(at: &[Moment]) -> Arc<Self> {
        let at = at.to_vec();
        Self::new(move |moment| {
            if at.contains(&moment) && !std::thread::panicking() {
                panic!("on purpose: a waker, in its {moment:?}");
            }
        })
    }

    /// One of them.
    pub fn waker(self: &Arc<Self>) -> Waker {
        self.made.fetch_add(1, Ordering::SeqCst);
        // SAFETY: the functions uphold a waker's contract for a pointer that stands for one reference of an `Arc`.
        unsafe { Waker::from_raw(raw(self.clone())) }
    }

    /// How many wakers there are.
    pub fn alive(&self) -> usize {
        let gone = self.gone.load(Ordering::SeqCst);
        self.made.load(Ordering::SeqCst) - gone
    }

    /// How often one was woken.
    pub fn wakes(&self) -> usize {
        self.wakes.load(Ordering::SeqCst)
    }

    /// Polls `future` once with one of these wakers, and bears a panic that comes of it. A panic counts as pending.
    pub fn poll<F: Future + ?Sized>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        let waker = ManuallyDrop::new(self.waker());
        let polled = contained(|| future.poll(&mut Context::from_waker(&waker)));
        contained(|| drop(ManuallyDrop::into_inner(waker)));
        polled.unwrap_or(Poll::Pending)
    }

    fn does(&self, moment: Moment) {
        (self.deed)(moment);
    }
}

/// Runs `f`, and bears a panic.
pub fn contained<R>(f: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => Some(value),
        Err(payload) => {
            filch_primitive::discard(payload);
            None
        }
    }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

fn raw(rogue: Arc<Rogue>) -> RawWaker {
    RawWaker::new(Arc::into_raw(rogue).cast(), &VTABLE)
}

/// The rogue of a waker, whose reference the caller may take out once if the waker is given up.
///
/// # Safety
/// 1. `data` is that of a waker of ours, which is there during the call or given up by it.
unsafe fn rogue(data: *const ()) -> ManuallyDrop<Arc<Rogue>> {
    // SAFETY: by 1 the pointer came from `into_raw`, and its reference is still counted.
    ManuallyDrop::new(unsafe { Arc::from_raw(data.cast()) })
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: called by a waker of ours.
    let rogue = unsafe { rogue(data) };
    rogue.does(Moment::Clone);
    rogue.made.fetch_add(1, Ordering::SeqCst);
    raw(Arc::clone(&rogue))
}

unsafe fn wake(data: *const ()) {
    // SAFETY: called by a waker of ours, which gives its reference up.
    let rogue = ManuallyDrop::into_inner(unsafe { rogue(data) });
    rogue.gone.fetch_add(1, Ordering::SeqCst);
    rogue.wakes.fetch_add(1, Ordering::SeqCst);
    rogue.does(Moment::Wake);
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: called by a waker of ours.
    let rogue = unsafe { rogue(data) };
    rogue.wakes.fetch_add(1, Ordering::SeqCst);
    rogue.does(Moment::Wake);
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: called by a waker of ours, which gives its reference up.
    let rogue = ManuallyDrop::into_inner(unsafe { rogue(data) });
    rogue.gone.fetch_add(1, Ordering::SeqCst);
    rogue.does(Moment::Drop);
}
