//! Sleeps by the time of day and by the time since boot.

use filch::time::{Boot, Clock, TimeSource, Wall, now, sleep_until_boot, sleep_until_wall, timeout};
use filch::{Runtime, block_on, spawn};
use filch_tests::Watchdog;
use futures_lite::future::poll_once;
use std::pin::pin;
use std::time::{Duration, SystemTime};

const SOON: Duration = Duration::from_millis(5);

#[test]
fn they_end_at_their_points_and_not_before() {
    let _dog = Watchdog::usual();
    block_on(async {
        let tasks: Vec<_> = (0..50)
            .map(|number: u32| {
                spawn(async move {
                    let (boot, wall) =
                        (Boot::later(Boot::now(), number * SOON / 10), Wall::now() + number * SOON / 10);
                    sleep_until_boot(boot).await.unwrap();
                    assert!(Boot::now() >= boot);
                    sleep_until_wall(wall).await.unwrap();
                    assert!(Wall::now() >= wall);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

#[test]
fn points_that_have_passed_are_ready_and_those_that_never_come_are_not() {
    let _dog = Watchdog::usual();
    block_on(async {
        for past in
            [SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH - SOON, Wall::earlier(Wall::now(), Duration::MAX)]
        {
            assert!(poll_once(pin!(sleep_until_wall(past))).await.is_some_and(|slept| slept.is_ok()));
        }
        assert!(poll_once(pin!(sleep_until_boot(Boot::now()))).await.is_some());
        let ages = Duration::from_secs(u64::MAX / 4);
        assert!(timeout(SOON, sleep_until_wall(Wall::later(Wall::now(), ages))).await.is_err());
        assert!(timeout(SOON, sleep_until_boot(Boot::later(Boot::now(), Duration::MAX))).await.is_err());
    });
}

#[test]
fn virtual_time_waits_for_them_as_for_the_world_outside() {
    let _dog = Watchdog::usual();
    let runtime = Runtime::builder().worker_threads(2).clock(Clock::auto()).build().unwrap();
    runtime.block_on(async {
        let start = now();
        let alarm = sleep_until_boot(Boot::later(Boot::now(), SOON));
        timeout(Duration::from_secs(3_600), alarm).await.expect("virtual time did not wait").unwrap();
        assert_eq!(now(), start);
    });
}
