//! Requests of several sizes against releases, cancels, taking back and the end. What is counted in every model: the permits.
//!
//! In a model no time passes, and no bell rings: where something is taken back, the model ends the epochs.

use super::{Acquire, Semaphore};
use filch_primitive::model::{Bell, poll_once};
use filch_primitive::mutant::assert_noticed;
use filch_primitive::sync::Arc;
use filch_primitive::thread;
use loom::future::block_on;
use std::pin::Pin;
use std::task::{Poll, Waker};

/// Asks for `count` permits, which are not there: the future, in the queue.
fn queued<'a>(semaphore: &'a Semaphore, count: usize, waker: &Waker) -> Pin<Box<Acquire<'a>>> {
    let mut waits = Box::pin(semaphore.acquire_many(count));
    assert!(poll_once(&mut waits, waker).is_pending(), "there are too few");
    waits
}

#[test]
fn loom_a_release_that_races_with_a_cancel_loses_no_permit() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let adds = semaphore.clone();
        let thread = thread::spawn(move || adds.add_permits(1));
        let mut gone = Box::pin(semaphore.acquire());
        let _ = poll_once(&mut gone, Waker::noop()).map(|permit| permit.map(drop));
        drop(gone);
        thread.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
        assert!(semaphore.try_acquire().is_ok());
    });
}

#[test]
fn loom_a_waiter_meets_a_release() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let adds = semaphore.clone();
        let thread = thread::spawn(move || adds.add_permits(1));
        block_on(semaphore.acquire()).expect("open").forget();
        thread.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn loom_three_share_one_permit() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let others: Vec<_> = (0..2)
            .map(|_| {
                let semaphore = semaphore.clone();
                thread::spawn(move || drop(block_on(semaphore.acquire()).expect("open")))
            })
            .collect();
        drop(block_on(semaphore.acquire()).expect("open"));
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn loom_a_large_request_gets_what_two_release_and_is_not_overtaken() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (large_bell, large_waker) = Bell::new();
        let (small_bell, small_waker) = Bell::new();
        let mut large = queued(&semaphore, 2, &large_waker);
        let mut small = queued(&semaphore, 1, &small_waker);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let semaphore = semaphore.clone();
                thread::spawn(move || semaphore.add_permits(1))
            })
            .collect();
        assert!(semaphore.try_acquire().is_err(), "nobody gets past those who wait");
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!((large_bell.rings(), small_bell.rings()), (1, 0));
        let Poll::Ready(Ok(permits)) = poll_once(&mut large, &large_waker) else {
            panic!("there were enough")
        };
        drop(permits);
        assert_eq!(small_bell.rings(), 1);
        assert!(poll_once(&mut small, &small_waker).is_ready());
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn loom_a_large_head_that_goes_uncovers_a_small_request() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (bell, waker) = Bell::new();
        let large = queued(&semaphore, 2, Waker::noop());
        let mut small = queued(&semaphore, 1, &waker);
        let adds = semaphore.clone();
        let thread = thread::spawn(move || adds.add_permits(1));
        drop(large);
        thread.join().unwrap();
        assert_eq!(bell.rings(), 1, "its permit is there, and it sleeps");
        assert!(matches!(poll_once(&mut small, &waker), Poll::Ready(Ok(_))));
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn loom_a_granted_permit_passes_on_when_its_future_goes() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let first = queued(&semaphore, 1, Waker::noop());
        let waits = semaphore.clone();
        let waiting = thread::spawn(move || block_on(waits.acquire()).expect("open").forget());
        let adds = semaphore.clone();
        let adding = thread::spawn(move || adds.add_permits(1));
        drop(first);
        adding.join().unwrap();
        waiting.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}

#[test]
fn loom_a_release_a_cancel_and_a_close_conserve_the_permits() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (bell, waker) = Bell::new();
        let first = queued(&semaphore, 1, Waker::noop());
        let mut second = queued(&semaphore, 1, &waker);
        let (adds, closes) = (semaphore.clone(), semaphore.clone());
        let adding = thread::spawn(move || adds.add_permits(1));
        let closing = thread::spawn(move || closes.close());
        drop(first);
        adding.join().unwrap();
        closing.join().unwrap();
        assert_eq!(bell.rings(), 1, "told once, by the one or the other");
        let Poll::Ready(answer) = poll_once(&mut second, &waker) else { panic!("told, and waits on") };
        assert_eq!(semaphore.available_permits() + usize::from(answer.is_ok()), 1);
        drop(answer);
        assert_eq!(semaphore.available_permits(), 1);
        assert!(semaphore.is_closed() && semaphore.try_acquire().is_err());
    });
}

#[test]
fn loom_who_comes_while_it_closes_is_refused_or_told() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let closes = semaphore.clone();
        let thread = thread::spawn(move || closes.close());
        assert!(block_on(semaphore.acquire()).is_err());
        thread.join().unwrap();
    });
}

#[test]
fn loom_adding_beside_acquiring_counts_each_permit_once() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let adds = semaphore.clone();
        let adding = thread::spawn(move || adds.add_permits(2));
        let takes = semaphore.clone();
        let taking = thread::spawn(move || match takes.try_acquire() {
            Ok(permit) => {
                permit.forget();
                1
            }
            Err(_) => 0,
        });
        block_on(semaphore.acquire_many(2)).expect("open").forget();
        adding.join().unwrap();
        let taken = taking.join().unwrap();
        assert_eq!(semaphore.available_permits() + taken, 1);
    });
}

/// Polls one that came late, and lets go what it got.
fn come<'a>(late: &mut Pin<Box<Acquire<'a>>>, waker: &Waker) {
    if let Poll::Ready(permit) = poll_once(late, waker) {
        drop(permit.expect("open"));
    }
}

#[test]
fn loom_permits_that_are_taken_back_go_to_the_next_or_to_the_one_that_comes() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let mut late = queued(&semaphore, 1, Waker::noop());
        semaphore.add_permits(1);
        let waits = semaphore.clone();
        let waiting = thread::spawn(move || drop(block_on(waits.acquire()).expect("open")));
        semaphore.turn_by_hand();
        semaphore.turn_by_hand();
        come(&mut late, Waker::noop());
        drop(late);
        waiting.join().unwrap();
        assert_eq!((semaphore.available_permits(), semaphore.statistics().kept), (1, 0));
    });
}

#[test]
fn loom_taking_back_beside_a_drop_and_a_poll_conserves_the_permits() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (bell, waker) = Bell::new();
        let gone = queued(&semaphore, 1, Waker::noop());
        let mut comes = queued(&semaphore, 1, Waker::noop());
        let mut next = queued(&semaphore, 2, &waker);
        semaphore.add_permits(2);
        let turns = semaphore.clone();
        let turning = thread::spawn(move || {
            turns.turn_by_hand();
            turns.turn_by_hand();
        });
        drop(gone);
        come(&mut comes, Waker::noop());
        turning.join().unwrap();
        drop(comes);
        assert!(bell.rings() > 0, "all is there, and it sleeps");
        let Poll::Ready(Ok(permit)) = poll_once(&mut next, &waker) else { panic!("it was told") };
        assert_eq!((semaphore.available_permits(), semaphore.statistics().kept), (0, 0));
        drop(permit);
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn loom_a_drop_beside_the_end_of_its_epoch_leaves_nothing_behind() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (bell, waker) = Bell::new();
        let gone = queued(&semaphore, 1, Waker::noop());
        let mut next = queued(&semaphore, 1, &waker);
        semaphore.add_permits(1);
        let turns = semaphore.clone();
        let turning = thread::spawn(move || turns.turn_by_hand());
        drop(gone);
        turning.join().unwrap();
        assert!(bell.rings() > 0, "its permit is there, and it sleeps");
        assert!(matches!(poll_once(&mut next, &waker), Poll::Ready(Ok(_))));
        assert_eq!((semaphore.available_permits(), semaphore.statistics().kept), (1, 0));
    });
}

#[test]
fn loom_a_large_one_that_comes_late_puts_back_what_it_found() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (bell, waker) = Bell::new();
        let mut large = queued(&semaphore, 2, &waker);
        let small = queued(&semaphore, 1, Waker::noop());
        semaphore.add_permits(2);
        semaphore.turn_by_hand();
        semaphore.turn_by_hand();
        // The small one was told: one permit is kept for it, and one is free.
        let forgets = semaphore.clone();
        let forgetting = thread::spawn(move || forgets.forget_permits(1));
        let came = poll_once(&mut large, &waker).map(|permit| permit.expect("open"));
        let forgotten = forgetting.join().unwrap();
        drop(small);
        if came.is_pending() {
            assert_eq!(semaphore.available_permits() + forgotten, 2, "nothing is kept for nobody");
            semaphore.add_permits(forgotten);
            assert!(bell.rings() > 0 && poll_once(&mut large, &waker).is_ready());
        } else {
            assert_eq!((forgotten, semaphore.available_permits()), (0, 0));
        }
        drop((came, large));
        assert_eq!((semaphore.available_permits(), semaphore.statistics().kept), (2, 0));
    });
}

#[test]
fn loom_two_that_were_told_meet_over_one_permit() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let mut late = queued(&semaphore, 1, Waker::noop());
        semaphore.add_permits(1);
        let waits = semaphore.clone();
        let waiting = thread::spawn(move || drop(block_on(waits.acquire()).expect("open")));
        let turns = semaphore.clone();
        let turning = thread::spawn(move || {
            turns.turn_by_hand();
            turns.turn_by_hand();
        });
        come(&mut late, Waker::noop());
        drop(late);
        turning.join().unwrap();
        waiting.join().unwrap();
        assert_eq!((semaphore.available_permits(), semaphore.statistics().kept), (1, 0));
    });
}

#[test]
fn loom_closing_beside_taking_back_refuses_or_gives_and_loses_nothing() {
    loom::model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let (bell, waker) = Bell::new();
        let mut late = queued(&semaphore, 1, Waker::noop());
        let mut next = queued(&semaphore, 1, &waker);
        semaphore.add_permits(1);
        let closes = semaphore.clone();
        let closing = thread::spawn(move || closes.close());
        semaphore.turn_by_hand();
        semaphore.turn_by_hand();
        closing.join().unwrap();
        assert!(bell.rings() > 0, "told, by the one or the other");
        let answers = [poll_once(&mut late, Waker::noop()), poll_once(&mut next, &waker)];
        let given = answers.iter().filter(|answer| matches!(answer, Poll::Ready(Ok(_)))).count();
        assert!(answers.iter().all(Poll::is_ready));
        assert_eq!(semaphore.available_permits() + given, 1);
        drop(answers);
        assert_eq!((semaphore.available_permits(), semaphore.statistics().kept), (1, 0));
    });
}

#[test]
fn loom_canary_one_that_comes_late_and_keeps_what_it_cannot_use() {
    assert_noticed(
        "semaphore.late.keeps",
        "semaphore::model::loom_a_large_one_that_comes_late_puts_back_what_it_found",
    );
}

#[test]
fn loom_canary_a_drop_that_leaves_what_is_kept() {
    assert_noticed(
        "turns.forgo.old",
        "semaphore::model::loom_a_drop_beside_the_end_of_its_epoch_leaves_nothing_behind",
    );
}

#[test]
fn loom_canary_a_cancelled_grant_that_is_kept() {
    assert_noticed(
        "semaphore.cancel.keeps",
        "semaphore::model::loom_a_granted_permit_passes_on_when_its_future_goes",
    );
}

#[test]
fn loom_canary_a_cancelled_head_that_uncovers_nobody() {
    assert_noticed(
        "semaphore.cancel.covers",
        "semaphore::model::loom_a_large_head_that_goes_uncovers_a_small_request",
    );
}

#[test]
fn loom_canary_one_that_joins_without_saying_so() {
    assert_noticed("semaphore.join.silent", "semaphore::model::loom_a_waiter_meets_a_release");
}
