//! `block_on`: a thread that waits for one future, and helps meanwhile.
//!
//! On a plain thread it sits down in a free slot as a guest: what the future spawns and wakes goes to a queue
//! of the guest's own, which others may steal from, and while the future waits the guest works like a worker.
//! Where no slot is free, where guests are told not to help, or where the thread already works for some runtime
//! (a task that blocks), it waits in a plain park instead; in the last case the slot it blocks is marked, so
//! that others take what lies there.
//!
//! # Waking the guest's future
//! Waker: 1. set `woken`. 2. `fence(SeqCst)`. 3. If the guest's bit says parked, claim and unpark it.
//! Guest: 1. mark its bit (a fence inside). 2. Look at `woken`. 3. Park.
//! One fence comes first: either the guest sees `woken`, or the waker sees the bit.
//!
//! The waker holds the scheduler weakly: it may outlive both the call and the runtime, and a slot that has
//! passed to another guest is unparked for nothing, which that guest bears.

use super::context::{self, Context};
use super::plain::Plain;
use super::policy;
use super::seat::Seat;
use super::shared::{self, Shared};
use super::standing::{self, Seated};
use super::{local, worker};
use filch_primitive::mutant;
use filch_primitive::slice;
use filch_primitive::sync::atomic::{AtomicBool, Ordering, fence};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::task::{Context as TaskContext, Poll, Wake, Waker};

impl Shared {
    /// Runs `future` to its end on this thread.
    pub(crate) fn block_on<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        let mut future = pin!(future);
        let nested = context::with(|context| match context {
            Some(Context { seat: Some(seat), .. }) => Some(seat.block(|| self.wait_plainly(future.as_mut()))),
            Some(Context { nested: true, .. }) => Some(self.wait_plainly(future.as_mut())),
            _ => None,
        });
        if let Some(output) = nested {
            return output;
        }
        let helps = self.guests_help && !self.is_closed() && !standing::is_counted_beside(self);
        match if helps { self.take_extra_seat() } else { None } {
            Some(seat) => match worker::sit(self, seat, |seat| self.wait_as_guest(seat, future.as_mut())) {
                Poll::Ready(output) => output,
                Poll::Pending => self.wait_plainly(future),
            },
            None => self.wait_plainly(future),
        }
    }

    /// Waits and helps. Pending when the scheduler closed meanwhile: the future must then be waited for
    /// plainly.
    fn wait_as_guest<F: Future>(self: &Arc<Self>, seat: &Seat, mut future: Pin<&mut F>) -> Poll<F::Output> {
        let _seated = Seated::in_slot_of(self);
        let guest = Arc::new(Guest {
            woken: AtomicBool::new(true),
            shared: Arc::downgrade(self),
            slot: seat.index(),
        });
        let waker = Waker::from(guest.clone());
        let mut cx = TaskContext::from_waker(&waker);
        while !self.is_closed() {
            if guest.take_woken() {
                seat.end_search();
                seat.begin_slice();
                if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                    return Poll::Ready(output);
                }
            }
            let mut idle = false;
            for _ in 0..policy::GUEST_RUN_MAX {
                idle = !worker::turn(seat);
                if idle || guest.is_woken() {
                    break;
                }
            }
            if idle && !guest.is_woken() {
                seat.sleep(None, || guest.is_woken() && !mutant::planted("guest.sleep.look"));
            }
        }
        Poll::Pending
    }

    /// Waits in a plain park, in a slot that is blocked meanwhile or in none. Future and local tasks take turns.
    fn wait_plainly<F: Future>(self: &Arc<Self>, mut future: Pin<&mut F>) -> F::Output {
        standing::plainly(self, |awake| {
            let plain = Plain::woken(awake);
            let waker = Waker::from(plain.clone());
            let mut cx = TaskContext::from_waker(&waker);
            let _settled = local::settle_plainly(plain.clone());
            loop {
                let woken = plain.take_woken();
                if woken {
                    let _slice = slice::open();
                    if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                        return output;
                    }
                }
                if let Some(task) = local::next_nested() {
                    let _slice = slice::open();
                    local::run(task);
                } else if !woken {
                    plain.sleep(awake);
                }
            }
        })
    }
}

/// Wakes a guest's future.
struct Guest {
    woken: AtomicBool,
    shared: Weak<Shared>,
    slot: usize,
}

impl Guest {
    fn take_woken(&self) -> bool {
        // Ordering: Acquire, paired with the Release in `wake_by_ref`: the poll sees what the waker wrote.
        self.is_woken() && self.woken.swap(false, Ordering::Acquire)
    }

    fn is_woken(&self) -> bool {
        // Ordering: Relaxed, a hint; before sleeping the fence in `Idle::mark` stands before it.
        self.woken.load(Ordering::Relaxed)
    }
}

impl Wake for Guest {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Ordering: Release, paired with the Acquire in `take_woken`.
        if self.woken.swap(true, Ordering::Release) {
            return;
        }
        // Ordering: SeqCst, paired with the fence in `Idle::mark`, see the module's protocol.
        fence(Ordering::SeqCst);
        if let Some(shared) = shared::upgrade(&self.shared) {
            shared.unpark_if_parked(self.slot);
        }
    }
}
