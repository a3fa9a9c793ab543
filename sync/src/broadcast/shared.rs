//! What both ends share: the ring, and three lines of those that wait.

use super::ring::{Pushed, RELEASE_BATCH, Refused, Ring, Taken, WhenFull};
use super::{BroadcastStatistics, TryRecvError};
use crate::line::Line;
use filch_primitive::sync::Arc;
use filch_primitive::{ByteLock, discard, mutant};
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
    pub(super) fn new(capacity: usize, when_full: WhenFull) -> Self {
        Self {
            ring: ByteLock::new(Ring::new(capacity, when_full)),
            capacity,
            when_full,
            recv_line: Line::new(),
            send_line: Line::new(),
            sink_line: Line::new(),
            closed_line: Line::new(),
        }
    }

    /// Takes `value` in, and tells the receivers.
    pub(super) fn push(&self, value: Arc<T>) -> Result<usize, Refused<T>> {
        let pushed = self.ring.lock().push(value)?;
        Ok(self.publish(pushed))
    }

    /// Takes in what lies in `place`; nothing, and it stays there, when nobody receives. Or else the number to
    /// wait with.
    pub(super) fn push_held(&self, place: &mut Option<Arc<T>>) -> Result<Option<Pushed<T>>, u64> {
        let Some(value) = place.take() else { return Ok(None) };
        let mut ring = self.ring.lock();
        match ring.push(value) {
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

    /// What the receiver at `position` gets; or else the number to wait with.
    pub(super) fn take(&self, position: &mut u64) -> Result<Taken<T>, u64> {
        let mut ring = self.ring.lock();
        match ring.take(position) {
            Taken::Empty => Err(ring.tail()),
            taken => Ok(taken),
        }
    }

    /// What was taken, as a value of its receiver's own. Tells a sender where there is room now.
    pub(super) fn hand_out(&self, taken: Taken<T>, position: u64) -> Result<T, TryRecvError>
    where
        T: Clone,
    {
        match taken {
            Taken::Shared(value) => Ok(T::clone(&value)),
            Taken::Last(value) => {
                // The head is where this receiver is now.
                self.offer(1, position);
                // Another may still be cloning.
                Ok(Arc::try_unwrap(value).unwrap_or_else(|value| T::clone(&value)))
            }
            Taken::Lagged(missed) => Err(TryRecvError::Lagged(missed)),
            Taken::Closed => Err(TryRecvError::Closed),
            Taken::Empty => Err(TryRecvError::Empty),
        }
    }

    /// The receiver at `position` goes, and with it what only it wanted.
    pub(super) fn leave(&self, position: u64) {
        let mut drops = Drops::default();
        let mut ring = self.ring.lock();
        ring.leave(position);
        if ring.receivers == 0 {
            let rest = ring.clear();
            drop(ring);
            self.offer(usize::MAX, u64::MAX);
            self.closed_line.tell_all(u64::MAX);
            rest.for_each(|value| drops.drop(value));
            return drops.finish();
        }
        let mut released = [const { None }; RELEASE_BATCH];
        loop {
            let count = ring.release(&mut released);
            let head = ring.head();
            drop(ring);
            if !mutant::planted("broadcast.leave.silent") {
                self.offer(count, head);
            }
            released[..count].iter_mut().for_each(|value| drops.drop(value.take()));
            if count < released.len() {
                return drops.finish();
            }
            ring = self.ring.lock();
        }
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

    fn finish(self) {
        match self.0 {
            Some(payload) if std::thread::panicking() => discard(payload),
            Some(payload) => resume_unwind(payload),
            None => {}
        }
    }
}
