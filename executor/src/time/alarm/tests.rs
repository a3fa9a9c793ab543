//! A clock that is set while somebody waits for it.
//!
//! Setting the machine's would set it for all. So this one is set in the test's own words, which stand in for what the kernel answers
//! (`timerfd_create(2)`: a read fails with `ECANCELED` when the clock was set; `timerfd_settime` too, which arms the timer all
//! the same); timer and reactor are the real ones.

use super::sleep_until_wall;
use super::system::{Kernel, sleep_until};
use rustix::fd::OwnedFd;
use rustix::io::{Errno, read};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdTimerFlags, Timespec, timerfd_settime};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::sync::Mutex;
use std::task::Poll;
use std::time::{Duration, SystemTime};

/// What the kernel answers to a read of a timer that has something to say.
#[derive(Debug)]
enum Answer {
    /// The clock was set, and shows this.
    Set(u64),
    /// The clock was set before the timer is, and shows this: what is told as the timer is set.
    SetBefore(u64),
    /// The timer has expired, and the clock shows this.
    Fired(u64),
    Refused(Errno),
}
use Answer::{Fired, Refused, Set, SetBefore};

struct Script(Mutex<State>);

struct State {
    now: u64,
    answers: VecDeque<Answer>,
    /// Whether the timer was set since the last answer.
    armed: bool,
    times_armed: usize,
}

impl Kernel for &Script {
    type Point = u64;
    const ID: TimerfdClockId = TimerfdClockId::Boottime;
    const SET: TimerfdTimerFlags = TimerfdTimerFlags::ABSTIME;

    fn now(&self) -> u64 {
        self.0.lock().unwrap().now
    }

    fn since_beginning(point: u64) -> Duration {
        Duration::from_secs(point)
    }

    fn arm(&self, timer: &OwnedFd, at: &Itimerspec) -> io::Result<()> {
        assert_eq!(at.it_value.tv_sec, 100, "it is armed for the point itself");
        let mut state = self.0.lock().unwrap();
        (state.armed, state.times_armed) = (true, state.times_armed + 1);
        // Long past: it has something to say at once, and the script says what.
        let past = Timespec { tv_sec: 0, tv_nsec: 1 };
        timerfd_settime(timer, Self::SET, &Itimerspec { it_interval: past, it_value: past })?;
        if let Some(&SetBefore(now)) = state.answers.front() {
            state.answers.pop_front();
            state.now = now;
            return Err(Errno::CANCELED.into());
        }
        Ok(())
    }

    fn read(&self, timer: &OwnedFd) -> io::Result<()> {
        // Until then it has to be waited for.
        read(timer, &mut [0; 8])?;
        let mut state = self.0.lock().unwrap();
        assert!(state.armed, "a timer that has said something is armed anew");
        match state.answers.pop_front().expect("no more is asked for than the script says") {
            Set(now) => {
                (state.now, state.armed) = (now, false);
                return Err(Errno::CANCELED.into());
            }
            Fired(now) => (state.now, state.armed) = (now, false),
            SetBefore(_) => panic!("the timer is not set between two reads"),
            Refused(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Waits for the time 100 on a clock that shows `now`, and says how often the timer was armed.
fn wait_by(now: u64, answers: impl IntoIterator<Item = Answer>) -> io::Result<usize> {
    let answers = answers.into_iter().collect();
    let script = Script(Mutex::new(State { now, answers, armed: false, times_armed: 0 }));
    crate::block_on(sleep_until(&script, 100))?;
    let State { now, answers, times_armed, .. } = script.0.into_inner().unwrap();
    assert!(answers.is_empty(), "it ended before {answers:?}");
    assert!(now >= 100, "it ended early");
    Ok(times_armed)
}

#[test]
fn a_point_that_has_passed_is_not_waited_for() {
    assert_eq!(wait_by(100, []).unwrap(), 0);
}

#[test]
fn a_point_that_comes_ends_the_wait() {
    assert_eq!(wait_by(50, [Fired(100)]).unwrap(), 1);
}

#[test]
fn a_clock_set_beyond_the_point_ends_the_wait() {
    assert_eq!(wait_by(50, [Set(200)]).unwrap(), 2);
}

#[test]
fn a_clock_set_back_makes_the_wait_longer() {
    assert_eq!(wait_by(50, [Set(10), Fired(100)]).unwrap(), 2);
}

#[test]
fn a_clock_set_again_and_again_is_followed() {
    assert_eq!(wait_by(50, [Set(99), Set(0), Set(60), Set(100)]).unwrap(), 5);
}

#[test]
fn a_clock_that_is_set_as_the_timer_is_set_is_followed() {
    assert_eq!(wait_by(50, [SetBefore(20), Fired(100)]).unwrap(), 1);
    assert_eq!(wait_by(50, [SetBefore(200)]).unwrap(), 1);
    assert_eq!(wait_by(50, [Set(60), SetBefore(70), Fired(100)]).unwrap(), 2);
}

/// Set back between the timer's end and the look at the clock.
#[test]
fn a_timer_that_has_fired_while_the_clock_shows_less_waits_on() {
    assert_eq!(wait_by(50, [Fired(99), Fired(101)]).unwrap(), 2);
}

#[test]
fn what_the_kernel_refuses_is_told() {
    let error = wait_by(50, [Refused(Errno::IO)]).unwrap_err();
    assert_eq!(Errno::from_io_error(&error), Some(Errno::IO));
}

/// The one thing that the script cannot show: that the kernel was told to tell (`proc_pid_fdinfo(5)`).
#[test]
fn the_kernel_is_asked_to_tell_when_the_time_of_day_is_set() {
    let mut wait = std::pin::pin!(sleep_until_wall(SystemTime::now() + Duration::from_secs(3_600)));
    crate::block_on(std::future::poll_fn(|cx| {
        assert!(wait.as_mut().poll(cx).is_pending());
        let mut descriptors = std::fs::read_dir("/proc/self/fdinfo").unwrap();
        // One that another test has just closed cannot be read.
        let of_the_day = descriptors.find_map(|entry| {
            let info = std::fs::read_to_string(entry.ok()?.path()).ok()?;
            info.lines().any(|line| line == "clockid: 0").then_some(info)
        });
        let info = of_the_day.expect("there is a timer by the time of day");
        assert!(info.lines().any(|line| line == "settime flags: 03"), "{info}");
        Poll::Ready(())
    }));
}
