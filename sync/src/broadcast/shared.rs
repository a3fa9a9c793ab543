//! What both ends share: the ring, and three lines of those that wait.

use super::ring::{Block, Freed, Pushed, Refused, Ring, Stand, Step, Taken, WhenFull};
use super::{BroadcastStatistics, TryRecvError};
use crate::line::Line;
use filch_primitive::sync::Arc;
use filch_primitive::{ByteLock, ByteLockGuard, discard, mutant};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The middle of a channel.
pub(super) struct Shared<T> {
    pub(super) ring: ByteLock<Ring<T>>,
    pub(super) capacity: usize,
    pub(super) when_full: WhenFull,
    /// Receivers that have had everything; numbers are positions.
    pub(super) recv_line: Line,
    /// Senders that found it full. Tellings are counted.
    pub(super) send_line: Line,
    /// Sinks that found it full; numbers are heads.
    pub(super) sink_line: Line,
    /// Those that wait for the last receiver to go.
    pub(super) closed_line: Line,
}

impl<T> Shared<T> {
    /// With one sender, and one receiver that stands here.
    pub(super) fn new(capacity: usize, when_full: WhenFull) -> (Self, Stand<T>) {
        let (ring, stand) = Ring::new(capacity, when_full);
        let shared = Self {
            ring: ByteLock::new(ring),
            capacity,
            when_full,
            recv_line: Line::new(),
            send_line: Line::new(),
            sink_line: Line::new(),
            closed_line: Line::new(),
        };
        (shared, stand)
    }

    /// One more receiver, for what comes next.
    pub(super) fn subscribe(&self) -> Stand<T> {
        let mut fresh = None;
        loop {
            let mut ring = self.ring.lock();
            if let Some(stand) = ring.subscribe(&mut fresh) {
                return stand;
            }
            let make = ring.block_maker();
            drop(ring);
            fresh = Some(make());
        }
    }

    /// Takes `value` in, and tells the receivers.
    #[inline]
    pub(super) fn push(&self, value: T) -> Result<usize, Refused<T>> {
        let (mut fresh, mut ring) = self.lock_to_push();
        let pushed = ring.push(value, &mut fresh);
        drop(ring);
        Ok(self.publish(pushed?))
    }

    /// A block if the ring lacks one for the next push, and the ring: dropped in this order's reverse, the lock goes first.
    #[inline]
    fn lock_to_push(&self) -> (Option<Arc<Block<T>>>, ByteLockGuard<'_, Ring<T>>) {
        let mut fresh = None;
        loop {
            let ring = self.ring.lock();
            if fresh.is_some() || !ring.lacks_block() {
                return (fresh, ring);
            }
            let make = ring.block_maker();
            drop(ring);
            fresh = Some(make());
        }
    }

    /// Takes in what lies in `place`; nothing, and it stays there, when nobody receives. Or else the number to
    /// wait with.
    pub(super) fn push_held(&self, place: &mut Option<T>) -> Result<Option<Pushed<T>>, u64> {
        let Some(value) = place.take() else { return Ok(None) };
        let (mut fresh, mut ring) = self.lock_to_push();
        match ring.push(value, &mut fresh) {
            Ok(pushed) => Ok(Some(pushed)),
            Err(Refused::Closed(value)) => {
                *place = Some(value);
                Ok(None)
            }
            Err(Refused::Full(value)) => {
                *place = Some(value);
                Err(ring.head())
            }
        }
    }

    /// `count` places are free, the last of them right before `head`: tells that many senders, and all sinks.
    fn offer(&self, count: usize, head: u64) {
        if self.when_full == WhenFull::Wait {
            self.send_line.tell_some(count);
            self.sink_line.tell_all(head);
        }
    }

    /// A value was taken in: tells the receivers, and the next sender where there is room for it. Answers how many it is for.
    pub(super) fn publish(&self, pushed: Pushed<T>) -> usize {
        self.recv_line.tell_all(pushed.tail);
        if pushed.leaves_room && !mutant::planted("broadcast.push.silent") {
            self.send_line.tell_one();
        }
        // Last: its destructor may panic.
        drop(pushed.overwritten);
        pushed.receivers
    }

    /// What the receiver at `stand` gets; or else the number to wait with.
    #[inline]
    pub(super) fn take(&self, stand: &mut Stand<T>) -> Result<Taken<T>, u64> {
        match stand.step() {
            Step::Taken(taken) => Ok(taken),
            Step::Locked => self.take_locked(stand, false),
            Step::Twice => self.take_locked(stand, true),
        }
    }

    fn take_locked(&self, stand: &mut Stand<T>, twice: bool) -> Result<Taken<T>, u64> {
        let mut ring = self.ring.lock();
        match ring.take(stand, twice) {
            Taken::Empty => Err(ring.tail()),
            taken => Ok(taken),
        }
    }

    /// What was taken, as a value of its receiver's own. Tells a sender where there is room now.
    #[inline]
    pub(super) fn hand_out(&self, taken: Taken<T>, stand: &mut Stand<T>) -> Result<T, TryRecvError>
    where
        T: Clone,
    {
        // The head, if this receiver has taken out the first slot.
        let position = stand.position();
        match taken {
            Taken::Shared(freed) => {
                let reading = stand.reading();
                match freed {
                    Freed::Nothing => {}
                    Freed::First => self.offer(1, position),
                    Freed::Vacant if mutant::planted("broadcast.step.vacant") => {}
                    Freed::Vacant => self.release(),
                }
                Ok(T::clone(reading.value()))
            }
            Taken::Last(value) => {
                self.offer(1, position);
                Ok(value)
            }
            Taken::Lagged(missed) => Err(TryRecvError::Lagged(missed)),
            Taken::Closed => Err(TryRecvError::Closed),
            Taken::Empty => Err(TryRecvError::Empty),
        }
    }

    /// A receiver left the first slot to nobody.
    fn release(&self) {
        let mut drops = Drops::default();
        self.release_to(&mut drops);
        // It is about to get its own value, and has nothing to do with these.
        drops.contain();
    }

    /// Takes out what nobody wants any more.
    fn release_to(&self, drops: &mut Drops) {
        loop {
            let mut ring = self.ring.lock();
            let released = ring.release();
            let head = ring.head();
            drop(ring);
            let (count, goes_on) = (released.places(), released.goes_on());
            if count > 0 && !mutant::planted("broadcast.leave.silent") {
                self.offer(count, head);
            }
            released.for_each(|value| drops.drop(value));
            if !goes_on {
                return;
            }
        }
    }

    /// The receiver at `stand` goes, and with it what only it wanted.
    pub(super) fn leave(&self, stand: &Stand<T>) {
        let mut drops = Drops::default();
        let mut ring = self.ring.lock();
        ring.leave(stand);
        if ring.receivers == 0 {
            let rest = ring.clear();
            drop(ring);
            self.offer(usize::MAX, u64::MAX);
            self.closed_line.tell_all(u64::MAX);
            rest.for_each(|value| drops.drop(value));
        } else {
            drop(ring);
            self.release_to(&mut drops);
        }
        drops.finish();
    }

    /// A sender goes.
    pub(super) fn retire(&self) {
        let mut ring = self.ring.lock();
        ring.senders -= 1;
        let is_last = ring.senders == 0;
        drop(ring);
        if is_last {
            self.recv_line.tell_all(u64::MAX);
        }
    }

    pub(super) fn statistics(&self) -> BroadcastStatistics {
        let (receivers_waiting, receivers_waiting_peak) = self.recv_line.waiting();
        let (senders_waiting, senders_waiting_peak) = self.send_line.waiting();
        let (sinks_waiting, sinks_waiting_peak) = self.sink_line.waiting();
        let ring = self.ring.lock();
        BroadcastStatistics {
            len: ring.len(),
            capacity: self.capacity,
            sent: ring.tail(),
            senders: ring.senders,
            receivers: ring.receivers,
            senders_waiting,
            senders_waiting_peak,
            sinks_waiting,
            sinks_waiting_peak,
            receivers_waiting,
            receivers_waiting_peak,
        }
    }

    /// The state, if nobody is changing it right now.
    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct(name);
        debug.field("capacity", &self.capacity);
        if let Some(ring) = self.ring.try_lock() {
            let (len, senders, receivers) = (ring.len(), ring.senders, ring.receivers);
            drop(ring);
            debug.field("len", &len).field("senders", &senders).field("receivers", &receivers);
        }
        debug.finish_non_exhaustive()
    }
}

/// Drops values, every one even if the destructor of some panics; the first such panic goes on at the end.
#[derive(Default)]
struct Drops(Option<Box<dyn std::any::Any + Send>>);

impl Drops {
    fn drop<T>(&mut self, value: T) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
            match self.0 {
                None => self.0 = Some(payload),
                Some(_) => discard(payload),
            }
        }
    }

    fn contain(self) {
        if let Some(payload) = self.0 {
            discard(payload);
        }
    }

    fn finish(self) {
        match self.0 {
            Some(payload) if std::thread::panicking() => discard(payload),
            Some(payload) => resume_unwind(payload),
            None => {}
        }
    }
}
