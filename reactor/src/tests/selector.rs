use super::{pair, raw_wait};
use crate::registry::Key;
use crate::selector::{Occurrence, Selector};
use std::io::Write;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

const KEY: Key = Key::from_u64(7);

fn selectors() -> Vec<Selector> {
    vec![
        Selector::new().unwrap(),
        Selector::portable().unwrap(),
        #[cfg(target_os = "linux")]
        {
            let old = crate::selector::epoll::Epoll::new().unwrap();
            old.assume_old_kernel();
            Selector::Epoll(old)
        },
    ]
}

fn wait(selector: &Selector, timeout: Duration) -> Vec<Occurrence> {
    raw_wait(selector, timeout, usize::MAX).as_slice().to_vec()
}

#[test]
fn a_timeout_is_never_early_and_zero_does_not_wait() {
    for selector in selectors() {
        for nanoseconds in [1, 999, 50_000, 1_000_001, 3_700_000] {
            let timeout = Duration::from_nanos(nanoseconds);
            let start = Instant::now();
            assert!(wait(&selector, timeout).is_empty());
            assert!(start.elapsed() >= timeout, "{selector:?} was early");
        }
        // The shortest of many: any of them may last for as long as somebody else has the processor.
        let shortest = (0..100).map(|_| {
            let start = Instant::now();
            assert!(wait(&selector, Duration::ZERO).is_empty());
            start.elapsed()
        });
        assert!(shortest.min().unwrap() < Duration::from_millis(1), "{selector:?} waited");
    }
}

#[test]
fn a_notification_ends_even_the_longest_wait() {
    for selector in selectors() {
        for timeout in [Duration::MAX, Duration::from_secs(u64::from(u32::MAX)), Duration::from_secs(60)] {
            selector.notify();
            assert!(wait(&selector, timeout).is_empty());
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_notifier_that_is_full_still_rings() {
    let epoll = crate::selector::epoll::Epoll::new().unwrap();
    epoll.saturate();
    let selector = Selector::Epoll(epoll);
    // The filling itself was an edge.
    assert!(wait(&selector, Duration::ZERO).is_empty());
    let start = Instant::now();
    for _ in 0..3 {
        selector.notify();
        assert!(wait(&selector, Duration::from_secs(60)).is_empty());
    }
    assert!(start.elapsed() < Duration::from_secs(30), "a notification was lost");
}

#[test]
fn an_idle_descriptor_reports_once_not_for_ever() {
    for selector in selectors() {
        let (here, there) = pair();
        selector.add(here.as_fd(), KEY).unwrap();
        assert_eq!(wait(&selector, Duration::ZERO).len(), 1, "what is ready already counts as a change");
        assert!(wait(&selector, Duration::ZERO).is_empty());
        // The peer hangs up, and nobody reads: one report, then silence.
        drop(there);
        let events = wait(&selector, Duration::from_secs(5));
        assert!(events.iter().all(|event| event.readable && event.writable), "{events:?}");
        assert_eq!(events.len(), 1);
        let start = Instant::now();
        assert!(wait(&selector, Duration::from_millis(20)).is_empty());
        assert!(start.elapsed() >= Duration::from_millis(20), "{selector:?} spins");
        selector.delete(here.as_fd()).unwrap();
    }
}

#[test]
fn closing_is_told_apart_from_data() {
    for selector in selectors() {
        let (here, mut there) = pair();
        selector.add(here.as_fd(), KEY).unwrap();
        wait(&selector, Duration::ZERO);
        there.write_all(b"x").unwrap();
        let events = wait(&selector, Duration::from_secs(5));
        assert!(events[0].readable && !events[0].read_closed);
        there.shutdown(std::net::Shutdown::Write).unwrap();
        let events = wait(&selector, Duration::from_secs(5));
        assert!(events[0].readable);
        assert_eq!(events[0].read_closed, selector.reports_closing());
        assert!(!events[0].write_closed, "the other half is open");
        selector.delete(here.as_fd()).unwrap();
    }
}

#[test]
fn registering_twice_or_deleting_the_unknown_is_an_error_and_harms_nothing() {
    for selector in selectors() {
        let (here, mut there) = pair();
        assert!(selector.delete(here.as_fd()).is_err());
        selector.add(here.as_fd(), KEY).unwrap();
        let twice = selector.add(here.as_fd(), Key::from_u64(8));
        assert_eq!(twice.unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        there.write_all(b"x").unwrap();
        let events = wait(&selector, Duration::from_secs(5));
        assert!(events.iter().all(|event| event.key == KEY) && !events.is_empty());
        selector.delete(here.as_fd()).unwrap();
        assert!(selector.delete(here.as_fd()).is_err());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_wait_takes_no_more_events_than_asked_and_loses_none() {
    let selector = Selector::new().unwrap();
    let pairs: Vec<_> = (0..10).map(|_| pair()).collect();
    for (place, (here, _)) in pairs.iter().enumerate() {
        selector.add(here.as_fd(), Key::from_u64(place as u64)).unwrap();
    }
    let mut keys = Vec::new();
    for max in [3, 0, 6, 100] {
        let room = raw_wait(&selector, Duration::ZERO, max);
        assert!(room.as_slice().len() <= max.max(1));
        keys.extend(room.as_slice().iter().map(|event| event.key.to_u64()));
    }
    keys.sort_unstable();
    assert!(keys.into_iter().eq(0..10));
}
