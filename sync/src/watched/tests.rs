use crate::queue::Queue;
use crate::testing::{Hand, PanicOnWake, leak, panics_when_cloned};
use crate::watchman::held::{self, INTERVAL_US, OVERDUE_US};
use crate::{CapacityLimiter, Lock, LockFuture, RwLock, Semaphore, broadcast, channel};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Wake, Waker};

/// Those of `people` that live are polled when they are woken, and give back at once what they get, or after `pauses`. The dead
/// never are. All that live must get through.
fn the_living_get_through<F: Future>(
    people: Vec<(Hand<F>, bool)>,
    clock: &held::Hold,
    mut pauses: impl FnMut() -> u64,
    why: &str,
) {
    let (mut living, dead): (Vec<_>, Vec<_>) = people.into_iter().partition(|(_, lives)| *lives);
    let mut rounds = 0;
    while !living.is_empty() {
        let woken = living.iter_mut().position(|(hand, _)| hand.wakes() > 0);
        if let Some(at) = woken {
            let got = living[at].0.poll();
            if got.is_ready() {
                drop(living.remove(at));
                clock.pass(pauses());
            }
            drop(got);
        } else {
            clock.pass(INTERVAL_US);
            rounds += 1;
            assert!(rounds < 200, "{why}: {} sleep, and nobody has it", living.len());
        }
    }
    // The dead rise, and are served as well.
    let mut dead: Vec<_> = dead.into_iter().map(|(hand, _)| hand).collect();
    while !dead.is_empty() {
        let before = dead.len();
        dead.retain_mut(|hand| hand.poll().is_pending());
        clock.pass(OVERDUE_US);
        rounds += 1;
        assert!(dead.len() < before || rounds < 400, "{why}: one that came back is not served");
    }
    clock.pass(2 * OVERDUE_US);
    assert_eq!(clock.entries(), 0, "{why}: visited for nothing");
}

/// Every order of up to `most` that live or are dead, behind somebody that has `taken` it all, with the end of that before, at and after a
/// visit.
fn in_every_order<P, F: Future, G>(
    most: u32,
    make: impl Fn() -> P,
    take: impl Fn(&P) -> G,
    wait: impl Fn(&P) -> F,
) {
    for count in 1..=most {
        for lives in 0..1_u32 << count {
            for early in [0, INTERVAL_US / 2, INTERVAL_US, OVERDUE_US] {
                for pause in [0, INTERVAL_US / 2, OVERDUE_US] {
                    let clock = held::hold();
                    let primitive = make();
                    let taken = take(&primitive);
                    let mut people: Vec<_> =
                        (0..count).map(|at| (Hand::new(wait(&primitive)), lives >> at & 1 == 1)).collect();
                    people.iter_mut().for_each(|(hand, _)| hand.pends());
                    clock.pass(early);
                    drop(taken);
                    let why = format!("{lives:b} of {count} live, {early} us, pauses of {pause} us");
                    the_living_get_through(people, &clock, || pause, &why);
                }
            }
        }
    }
}

#[test]
fn of_a_lock_the_living_get_through_in_whatever_order_they_stand() {
    in_every_order(6, || leak(Lock::new(())), |lock| lock.try_lock().unwrap(), |lock| lock.lock());
}

#[test]
fn of_an_rwlock_the_living_get_through_in_whatever_order_they_stand() {
    let make = || leak(RwLock::new(()));
    in_every_order(6, make, |lock| lock.try_write().unwrap(), |lock| lock.write());
    // Those who read come in together.
    in_every_order(4, make, |lock| lock.try_write().unwrap(), |lock| lock.read());
}

#[test]
fn of_a_semaphore_the_living_get_through_in_whatever_order_they_stand() {
    for count in 1..=2 {
        in_every_order(
            6,
            || leak(Semaphore::new(2)),
            |semaphore| semaphore.try_acquire_many(2).unwrap(),
            |semaphore| semaphore.acquire_many(count),
        );
    }
}

#[test]
fn of_a_limiter_the_living_get_through_in_whatever_order_they_stand() {
    in_every_order(
        6,
        || leak(CapacityLimiter::new(1)),
        |limiter| limiter.try_acquire().unwrap(),
        |limiter| limiter.acquire(),
    );
}

#[test]
fn a_thousand_dead_are_passed_in_a_moment() {
    let clock = held::hold();
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let mut dead: Vec<_> = (0..1_000).map(|_| Hand::new(lock.lock())).collect();
    dead.iter_mut().for_each(Hand::pends);
    let mut living = Hand::new(lock.lock());
    living.pends();
    drop(guard);
    let mut visits = 0;
    while living.wakes() == 0 {
        clock.pass(INTERVAL_US);
        visits += 1;
    }
    drop(living.ready());
    assert!(visits < 50, "{visits} visits");
}

#[test]
fn where_nobody_is_late_or_nobody_else_waits_nothing_is_visited_or_asked() {
    let clock = held::hold();
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let mut alone = Hand::new(lock.lock());
    alone.pends();
    drop(guard);
    assert_eq!(clock.entries(), 0, "nobody else waits");
    drop(alone.ready());
    let guard = lock.try_lock().unwrap();
    let (mut first, mut second) = (Hand::new(lock.lock()), Hand::new(lock.lock()));
    first.pends();
    second.pends();
    drop(guard);
    assert_eq!(clock.entries(), 1);
    clock.pass(INTERVAL_US);
    let guard = first.ready();
    clock.pass(OVERDUE_US);
    assert_eq!((second.wakes(), clock.entries()), (0, 0), "it is held, and not kept in vain");
    drop(guard);
    drop(second.ready());
}

#[test]
fn what_is_visited_may_be_gone_or_stand_elsewhere() {
    let clock = held::hold();
    let semaphore = Box::new(Semaphore::new(0));
    for _ in 0..3 {
        let mut leaked = Hand::new(semaphore.acquire());
        leaked.pends();
        leak(leaked);
    }
    semaphore.add_permits(1);
    assert_eq!(clock.entries(), 1);
    let moved = *semaphore;
    clock.pass(OVERDUE_US);
    let mut late = Hand::new(moved.acquire());
    late.pends();
    clock.pass(OVERDUE_US);
    assert!(late.wakes() > 0 || clock.entries() == 1);
    drop(late);
    drop(moved);
    clock.pass(20 * OVERDUE_US);
    assert_eq!(clock.entries(), 0, "all that are left were asked");
}

#[test]
fn a_waker_that_panics_when_it_is_asked_costs_the_others_nothing() {
    let clock = held::hold();
    let lock = Lock::new(());
    let guard = lock.try_lock().unwrap();
    let (mut dead, mut hostile, mut living) =
        (Hand::new(lock.lock()), Hand::new(lock.lock()), Hand::new(lock.lock()));
    dead.pends();
    assert!(hostile.poll_with(&Waker::from(Arc::new(PanicOnWake))).is_pending());
    living.pends();
    drop(guard);
    let mut visits = 0;
    while living.wakes() == 0 {
        clock.pass(INTERVAL_US);
        visits += 1;
        assert!(visits < 10, "nobody is asked");
    }
    drop(living.ready());
}

/// One that stands between a dead one and a living one panics when it is asked and looks: what it found is not lost.
fn a_clone_that_panics_costs_nothing<G, F: Future>(taken: G, wait: impl Fn() -> F) {
    let clock = held::hold();
    let (mut dead, mut hostile, mut living) = (Hand::new(wait()), Hand::new(wait()), Hand::new(wait()));
    [&mut dead, &mut hostile, &mut living].into_iter().for_each(Hand::pends);
    drop(taken);
    while hostile.wakes() == 0 {
        clock.pass(INTERVAL_US);
    }
    let polled = catch_unwind(AssertUnwindSafe(|| hostile.poll_with(&panics_when_cloned())));
    // It had its turn, or was to wait on.
    assert!(polled.is_err() || polled.is_ok_and(|polled| polled.is_ready()));
    comes_through(&mut living, &clock);
}

/// Polled when it is woken, `living` has what it waits for before long.
fn comes_through<F: Future>(living: &mut Hand<F>, clock: &held::Hold) {
    for _ in 0..20 {
        if living.wakes() > 0 && living.poll().is_ready() {
            return;
        }
        clock.pass(INTERVAL_US);
    }
    panic!("it sleeps, and nobody has it");
}

#[test]
fn a_clone_that_panics_at_a_look_costs_the_others_nothing() {
    let (lock, rwlock) = (Lock::new(()), RwLock::new(()));
    a_clone_that_panics_costs_nothing(lock.try_lock(), || lock.lock());
    a_clone_that_panics_costs_nothing(rwlock.try_write(), || rwlock.write());
    let (semaphore, limiter) = (Semaphore::new(1), CapacityLimiter::new(1));
    a_clone_that_panics_costs_nothing(semaphore.try_acquire().unwrap(), || semaphore.acquire());
    a_clone_that_panics_costs_nothing(limiter.try_acquire().unwrap(), || limiter.acquire());
}

#[test]
fn permits_that_a_late_one_puts_back_are_served_though_its_clone_panics() {
    let clock = held::hold();
    let semaphore = Semaphore::new(0);
    let (mut large, mut small) = (Hand::new(semaphore.acquire_many(2)), Hand::new(semaphore.acquire()));
    large.pends();
    semaphore.add_permits(2);
    clock.pass(OVERDUE_US);
    // One of the two goes to another, and is kept for the small one once it is back.
    drop(semaphore.try_acquire_many(2).unwrap());
    semaphore.forget_permits(1);
    let out = semaphore.try_acquire().unwrap();
    small.pends();
    drop(out);
    let mut living = Hand::new(semaphore.acquire());
    living.pends();
    assert!(catch_unwind(AssertUnwindSafe(|| large.poll_with(&panics_when_cloned()))).is_err());
    comes_through(&mut living, &clock);
}

/// A lock that is kept for one that is dead, from the tick on after that at which it was told, and two behind that one.
fn kept_for_the_dead<'a>(lock: &'a Lock<()>, clock: &held::Hold) -> [Hand<LockFuture<'a, ()>>; 2] {
    let guard = lock.try_lock().unwrap();
    let [mut dead, mut gone, mut behind] = [(); 3].map(|()| Hand::new(lock.lock()));
    [&mut dead, &mut gone, &mut behind].into_iter().for_each(Hand::pends);
    drop(guard);
    let guard = lock.try_lock().unwrap();
    // Turns end, so that the next unlock goes through the queue.
    drop(gone);
    clock.pass(INTERVAL_US);
    drop(guard);
    assert!(lock.try_lock().is_none(), "it is kept");
    [dead, behind]
}

#[test]
fn a_lock_is_not_kept_for_one_that_was_struck() {
    let clock = held::hold();
    let lock = Lock::new(());
    let [dead, behind] = kept_for_the_dead(&lock, &clock);
    clock.pass(INTERVAL_US);
    drop(behind);
    let mut living = Hand::new(lock.lock());
    if living.poll().is_pending() {
        comes_through(&mut living, &clock);
    }
    drop(dead);
}

#[test]
fn a_lock_that_is_kept_is_visited_until_that_is_overdue() {
    let clock = held::hold();
    let lock = Lock::new(());
    let [dead, behind] = kept_for_the_dead(&lock, &clock);
    drop(behind);
    clock.pass(10 * OVERDUE_US);
    assert!(lock.try_lock().is_some());
    assert_eq!(clock.entries(), 0);
    drop(dead);
}

/// Two that are dead stand before one that lives, and no thread can be started.
fn comes_through_alone<G, F: Future>(taken: G, wait: impl Fn() -> F) {
    let clock = held::hold_alone();
    let (mut dead, mut living) = ([Hand::new(wait()), Hand::new(wait())], Hand::new(wait()));
    dead.iter_mut().for_each(Hand::pends);
    living.pends();
    drop(taken);
    comes_through(&mut living, &clock);
}

#[test]
fn where_no_thread_can_be_started_the_living_get_through() {
    let (lock, rwlock) = (Lock::new(()), RwLock::new(()));
    comes_through_alone(lock.try_lock(), || lock.lock());
    comes_through_alone(rwlock.try_write(), || rwlock.write());
    let (semaphore, limiter) = (Semaphore::new(1), CapacityLimiter::new(1));
    comes_through_alone(semaphore.try_acquire().unwrap(), || semaphore.acquire());
    comes_through_alone(limiter.try_acquire().unwrap(), || limiter.acquire());
}

/// Receivers, or senders, of which the first `dead` are polled no more: what was put there for one of them is found by the one that
/// lives, although nothing else ever comes.
fn the_last_finds_what_lies_there<F: Future>(dead: usize, wait: impl Fn() -> F, publish: impl FnOnce()) {
    let clock = held::hold();
    let mut abandoned: Vec<_> = (0..dead).map(|_| Hand::new(wait())).collect();
    abandoned.iter_mut().for_each(Hand::pends);
    let mut living = Hand::new(wait());
    living.pends();
    publish();
    assert_eq!((abandoned[0].wakes(), living.wakes()), (1, 0), "the first is told");
    let mut visits = 0;
    while living.wakes() == 0 || living.poll().is_pending() {
        clock.pass(INTERVAL_US);
        visits += 1;
        assert!(visits < 30, "it sleeps beside what it waits for");
    }
    clock.pass(20 * OVERDUE_US);
    assert_eq!(clock.entries(), 0, "visited for nothing");
}

#[test]
fn a_value_that_lies_in_a_channel_is_found_by_the_receiver_that_lives() {
    for dead in 1..6 {
        for (sender, receiver) in [channel::bounded(4), channel::bounded(1 << 20), channel::unbounded()] {
            the_last_finds_what_lies_there(dead, || receiver.recv(), || sender.try_send(1).unwrap());
        }
        let (sender, receiver) = channel::rendezvous();
        let mut offers = Hand::new(sender.send(1));
        the_last_finds_what_lies_there(dead, || receiver.recv(), || offers.pends());
    }
}

#[test]
fn room_in_a_channel_is_found_by_the_sender_that_lives() {
    for dead in 1..6 {
        for (sender, receiver) in [channel::bounded(1), channel::bounded(2)] {
            while sender.try_send(0).is_ok() {}
            the_last_finds_what_lies_there(dead, || sender.send(1), || _ = receiver.try_recv().unwrap());
        }
    }
}

#[test]
fn receivers_that_come_in_time_are_not_asked() {
    let clock = held::hold();
    let (sender, receiver) = channel::unbounded();
    let (mut first, mut second) = (Hand::new(receiver.recv()), Hand::new(receiver.recv()));
    first.pends();
    second.pends();
    sender.try_send(1).unwrap();
    assert_eq!(first.ready(), Ok(1));
    clock.pass(20 * OVERDUE_US);
    assert_eq!((second.wakes(), clock.entries()), (0, 0));
    sender.try_send(2).unwrap();
    assert_eq!(second.ready(), Ok(2));
}

#[test]
fn an_item_and_room_of_a_queue_are_found_by_those_that_live() {
    for dead in 1..6 {
        let queue = Queue::bounded(2);
        the_last_finds_what_lies_there(dead, || queue.get(), || queue.try_put(1).unwrap());
        while queue.try_put(0).is_ok() {}
        the_last_finds_what_lies_there(dead, || queue.put(1), || _ = queue.try_get().unwrap());
    }
}

#[test]
fn room_in_a_broadcast_is_found_by_the_sender_that_lives() {
    for dead in 1..6 {
        let (sender, mut receiver) = broadcast::bounded(1);
        sender.try_send(0).unwrap();
        the_last_finds_what_lies_there(dead, || sender.send(1), || _ = receiver.try_recv().unwrap());
    }
}

/// Puts an item when it is woken.
struct Puts(&'static Queue<u8>);

impl Wake for Puts {
    fn wake(self: Arc<Self>) {
        self.0.try_put(9).unwrap();
    }
}

#[test]
fn an_item_that_comes_while_another_is_got_is_found() {
    let clock = held::hold();
    let queue = leak(Queue::bounded(1));
    let [mut dead, mut gone, mut gets, mut living] = [(); 4].map(|()| Hand::new(queue.get()));
    [&mut dead, &mut gone, &mut gets, &mut living].into_iter().for_each(Hand::pends);
    queue.try_put(1).unwrap();
    let mut room = Hand::new(queue.put(2));
    assert!(room.poll_with(&Waker::from(Arc::new(Puts(queue)))).is_pending());
    // It tells of room, and of what comes into that one is told that is dead.
    assert_eq!(gets.ready(), Ok(1));
    assert_eq!(gone.wakes(), 1);
    comes_through(&mut living, &clock);
}

#[test]
fn a_clone_that_panics_in_a_line_is_no_look() {
    let clock = held::hold();
    let (sender, receiver) = channel::bounded(2);
    while sender.try_send(0).is_ok() {}
    let (mut dead, mut many, mut living) =
        (Hand::new(sender.send(1)), Hand::new(sender.reserve_many(2)), Hand::new(sender.send(2)));
    dead.pends();
    many.pends();
    living.pends();
    receiver.try_recv().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| many.poll_with(&panics_when_cloned()))).is_err());
    comes_through(&mut living, &clock);
}

#[test]
fn places_that_one_was_told_of_are_not_lost_with_a_clone_that_panics() {
    let clock = held::hold();
    let (sender, receiver) = channel::bounded(2);
    while sender.try_send(0).is_ok() {}
    let (mut many, mut living) = (Hand::new(sender.reserve_many(2)), Hand::new(sender.send(1)));
    many.pends();
    living.pends();
    receiver.try_recv().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| many.poll_with(&panics_when_cloned()))).is_err());
    comes_through(&mut living, &clock);
}

/// One that was asked in the place of a dead one goes without a look: the one behind it is told at once.
fn an_ask_is_passed_on<F: Future>(wait: impl Fn() -> F, publish: impl FnOnce()) {
    let clock = held::hold();
    let [mut dead, mut asked, mut living] = [(); 3].map(|()| Hand::new(wait()));
    [&mut dead, &mut asked, &mut living].into_iter().for_each(Hand::pends);
    publish();
    while asked.wakes() == 0 {
        clock.pass(INTERVAL_US);
    }
    assert_eq!(living.wakes(), 0, "one is asked at a time");
    drop(asked);
    assert_eq!(living.wakes(), 1);
    assert!(living.poll().is_ready());
}

#[test]
fn one_that_was_asked_and_goes_tells_the_next() {
    let (sender, receiver) = channel::unbounded();
    an_ask_is_passed_on(|| receiver.recv(), || sender.try_send(1).unwrap());
    let (sender, receiver) = channel::rendezvous();
    let mut offers = Hand::new(sender.send(1));
    an_ask_is_passed_on(|| receiver.recv(), || offers.pends());
    let (sender, receiver) = channel::bounded(1);
    sender.try_send(0).unwrap();
    an_ask_is_passed_on(|| sender.reserve(), || _ = receiver.try_recv().unwrap());
    let queue = Queue::bounded(1);
    an_ask_is_passed_on(|| queue.get(), || queue.try_put(1).unwrap());
    queue.try_put(0).unwrap();
    an_ask_is_passed_on(|| queue.put(1), || _ = queue.try_get().unwrap());
    let (sender, mut receiver) = broadcast::bounded(1);
    sender.try_send(0).unwrap();
    an_ask_is_passed_on(|| sender.send(1), || _ = receiver.try_recv().unwrap());
}
