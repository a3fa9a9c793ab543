//! Every value is dropped once, on every path, whatever its destructor does.

use super::flavours;
use crate::channel::{Sender, unbounded};
use crate::testing::Hand;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Dropped(Arc<AtomicUsize>, bool);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert!(!self.1, "a value whose drop panics on purpose");
    }
}

#[test]
fn values_left_in_the_channel_go_with_the_last_receiver() {
    for (name, room, make) in flavours::<Dropped>() {
        let drops = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = make();
        let count = room.min(70);
        for _ in 0..count {
            assert!(sender.try_send(Dropped(drops.clone(), false)).is_ok());
        }
        let mut waits = Hand::new(sender.send(Dropped(drops.clone(), false)));
        let waited = waits.poll().is_pending();
        drop(receiver);
        let expected = count + usize::from(!waited);
        assert_eq!(drops.load(Ordering::Relaxed), expected, "{name}");
        drop(waits);
        drop(sender);
        assert_eq!(drops.load(Ordering::Relaxed), count + 1, "{name}");
    }
}

#[test]
fn a_drop_that_panics_leaves_none_behind() {
    for (name, room, make) in flavours::<Dropped>() {
        let drops = Arc::new(AtomicUsize::new(0));
        let (sender, receiver) = make();
        let count = room.min(70);
        for n in 0..count {
            assert!(sender.try_send(Dropped(drops.clone(), n % 3 == 0)).is_ok());
        }
        let panicked = catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err();
        assert_eq!(panicked, count > 0, "{name}");
        assert_eq!(drops.load(Ordering::Relaxed), count, "{name}");
        assert!(sender.is_closed(), "{name}");
    }
}

/// Sends into its own channel when it is dropped.
struct Reenters(Sender<Option<Reenters>>);

impl Drop for Reenters {
    fn drop(&mut self) {
        assert!(self.0.try_send(None).is_err(), "closed by now");
        assert_eq!(self.0.len(), self.0.len());
    }
}

#[test]
fn a_drop_that_comes_back_is_refused_and_does_not_hang() {
    for (name, room, make) in flavours::<Option<Reenters>>() {
        if room == 0 {
            continue;
        }
        let (sender, receiver) = make();
        assert!(sender.try_send(Some(Reenters(sender.clone()))).is_ok(), "{name}");
        drop(receiver);
        assert_eq!(sender.sender_count(), 1, "{name}: the clone inside is gone");
    }
}

#[test]
fn sizes_that_are_odd() {
    for (_, room, make) in flavours::<()>() {
        let (sender, receiver) = make();
        if room > 0 {
            sender.try_send(()).unwrap();
            assert_eq!(receiver.try_recv(), Ok(()));
        }
    }
    #[repr(align(256))]
    struct Aligned([u8; 700]);
    for (_, room, make) in flavours::<Aligned>() {
        let (sender, receiver) = make();
        let mut send = Hand::new(sender.send(Aligned([7; 700])));
        assert_eq!(send.poll().is_ready(), room > 0);
        let value = receiver.recv_blocking().unwrap();
        assert!(value.0.iter().all(|&byte| byte == 7));
        assert_eq!((&raw const value).addr() % 256, 0);
    }
}

#[test]
fn a_cycle_of_ends_inside_values_is_broken_by_the_last_receiver() {
    let (sender, receiver) = unbounded::<Option<Reenters>>();
    for _ in 0..40 {
        assert!(sender.try_send(Some(Reenters(sender.clone()))).is_ok());
    }
    let weak = sender.clone();
    drop(sender);
    drop(receiver);
    assert_eq!(weak.sender_count(), 1);
}
